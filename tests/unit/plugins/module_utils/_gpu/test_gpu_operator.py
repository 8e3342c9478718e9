"""OpenShift: Node Feature Discovery and the GPU Operator installed through OLM, approved, made to work, and taken back."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import MANAGED_BY

from tests.unit.plugins.module_utils._gpu.gpu_cluster import (
    AKS,
    NODES,
    OURS,
    POLICIES,
    Cluster,
    Json,
    codes_of,
    request_of,
    row,
    said,
)

pytestmark = pytest.mark.gpu

MANIFESTS = "/apis/packages.operators.coreos.com/v1/namespaces/openshift-marketplace/packagemanifests"
OLM = "/apis/operators.coreos.com/v1alpha1/namespaces"
NFDS = "/apis/nfd.openshift.io/v1/namespaces/openshift-nfd/nodefeaturediscoveries"
NFD_SUB = f"{OLM}/openshift-nfd/subscriptions/nfd"
GPU_SUB = f"{OLM}/nvidia-gpu-operator/subscriptions/gpu-operator-certified"
EXAMPLES: dict[str, Json] = {
    "nfd": {
        "apiVersion": "nfd.openshift.io/v1",
        "kind": "NodeFeatureDiscovery",
        "metadata": {"name": "nfd-instance"},
        "spec": {"x": 1},
    },
    "gpu-operator-certified": {
        "apiVersion": "nvidia.com/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": "gpu-cluster-policy"},
        "spec": {"devicePlugin": {"enabled": True}},
    },
}
INSTALL: Json = {"operator": "install"}


class Olm(Cluster):
    """OpenShift with two GPU nodes and as much of OLM as an installation meets."""

    def __init__(self) -> None:
        super().__init__(labels={**AKS, "node.openshift.io/os_id": "rhcos"})
        self.ready = True
        self.phase = "Succeeded"
        self.examples = dict(EXAMPLES)
        for name, channel, source in (
            ("nfd", "stable", "redhat-operators"),
            ("gpu-operator-certified", "v26.7", "certified-operators"),
        ):
            channels = [{"name": "stable"}, {"name": "v26.7"}, {"name": "v26.3"}]
            status = {"catalogSource": source, "catalogSourceNamespace": "openshift-marketplace"}
            self.put(f"{MANIFESTS}/{name}", {"status": {**status, "defaultChannel": channel, "channels": channels}})

    def control(self) -> None:
        super().control()
        for path, item in list(self.objects.items()):
            if "/subscriptions/" in path:
                self._install(item)
        for path, item in list(self.objects.items()):
            if path.startswith(f"{POLICIES}/"):
                item["status"] = {"state": "ready" if self.ready else "notReady"}
                self._serve(item)

    def _install(self, item: Json) -> None:
        namespace, name = item["metadata"]["namespace"], item["spec"]["name"]
        if not any(
            path.startswith(f"/apis/operators.coreos.com/v1/namespaces/{namespace}/operatorgroups/") for path in self.objects
        ):
            return
        plan = f"{OLM}/{namespace}/installplans/install-{name}"
        if plan not in self.objects:
            approved = item["spec"]["installPlanApproval"] == "Automatic"
            self.put(plan, {"spec": {"approved": approved, "clusterServiceVersionNames": [f"{name}.v1"]}})
        item["status"] = {"state": "UpgradePending", "installPlanRef": {"name": f"install-{name}"}}
        if self.objects[plan]["spec"]["approved"]:
            item["status"] = {**item["status"], "state": "AtLatestKnown", "installedCSV": f"{name}.v1"}
            examples = json.dumps([{"kind": "Other", "metadata": {"name": "o"}}, *filter(None, [self.examples.get(name)])])
            path = f"{OLM}/{namespace}/clusterserviceversions/{name}.v1"
            if path not in self.objects:
                self.put(path, {"metadata": {"annotations": {"alm-examples": examples}}})
            self.objects[path]["status"] = {"phase": self.phase, "message": "m"}

    def _serve(self, policy: Json) -> None:
        if not self.ready or "/apis/apps/v1/namespaces/nvidia-gpu-operator/daemonsets/p" in self.objects:
            return
        owners = {"ownerReferences": [{"kind": "ClusterPolicy", "uid": policy["metadata"]["uid"]}]}
        made = self.daemon_set("nvidia-gpu-operator", "p", "nvcr.io/nvidia/k8s-device-plugin:v0.20.0", metadata=owners)
        for node in ("gpu-1", "gpu-2"):
            status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
            owner = {"uid": made["metadata"]["uid"]}
            metadata = {"labels": {"app": "p"}, "ownerReferences": [owner]}
            path = f"/api/v1/namespaces/nvidia-gpu-operator/pods/p-{node}"
            self.put(path, {"metadata": metadata, "spec": {"nodeName": node}, "status": status})
            numbers = {"nvidia.com/gpu": "1"}
            self.objects[f"{NODES}/{node}"]["status"].update(capacity=numbers, allocatable=numbers)


def test_both_operators_are_installed_and_waited_for() -> None:
    cluster = Olm()
    first = cluster.run(request_of(**INSTALL))
    assert [str(change.object) for change in first.changes] == [
        "Namespace/openshift-nfd",
        "Namespace/nvidia-gpu-operator",
        "OperatorGroup/openshift-nfd/nfd",
        "Subscription/openshift-nfd/nfd",
        "OperatorGroup/nvidia-gpu-operator/gpu-operator-certified",
        "Subscription/nvidia-gpu-operator/gpu-operator-certified",
    ]
    assert cluster.objects[GPU_SUB]["spec"] == {
        "name": "gpu-operator-certified",
        "channel": "v26.7",
        "source": "certified-operators",
        "sourceNamespace": "openshift-marketplace",
        "installPlanApproval": "Automatic",
    }
    assert cluster.objects[NFD_SUB]["spec"]["channel"] == "stable"
    policy = cluster.objects[f"{POLICIES}/gpu-cluster-policy"]
    assert policy["spec"] == {"devicePlugin": {"enabled": True}}
    assert policy["metadata"]["labels"] == MANAGED_BY
    assert cluster.objects[f"{NFDS}/nfd-instance"]["spec"] == {"x": 1}
    last = cluster.plan(request_of(**INSTALL))
    assert (last.changes, last.wait, last.checks) == ((), None, {"gpu": "ok"})
    assert codes_of(last) == {"gpu.owned_by_operator": "info"}
    assert row(last, "gpu-1")["owner"] == "ClusterPolicy/gpu-cluster-policy"
    assert OURS not in cluster.objects


def test_a_channel_of_the_users_and_approval_of_the_first_version_alone() -> None:
    cluster = Olm()
    request = request_of(operator="install", operator_channel="v26.3", operator_approval="manual")
    cluster.run(request)
    assert cluster.objects[GPU_SUB]["spec"]["channel"] == "v26.3"
    assert cluster.objects[NFD_SUB]["spec"]["channel"] == "stable"
    assert cluster.objects[GPU_SUB]["spec"]["installPlanApproval"] == "Manual"
    assert cluster.objects[f"{OLM}/nvidia-gpu-operator/installplans/install-gpu-operator-certified"]["spec"]["approved"] is True
    later = cluster.put(f"{OLM}/nvidia-gpu-operator/installplans/later", {"spec": {"approved": False}})
    cluster.objects[GPU_SUB]["status"]["installPlanRef"] = {"name": "later"}
    assert cluster.plan(request).changes == ()
    assert later["spec"]["approved"] is False


def test_until_the_policy_is_ready_it_is_waited_for() -> None:
    cluster = Olm()
    cluster.ready = False
    plan = cluster.after(request_of(**INSTALL))
    assert plan.wait is not None
    assert plan.wait.seconds == 1800
    assert codes_of(plan)["gpu.operator_not_ready"] == "error"


def test_an_operator_on_its_way_is_waited_for() -> None:
    cluster = Olm()
    cluster.phase = "Installing"
    plan = cluster.after(request_of(**INSTALL))
    assert codes_of(plan) == {"gpu.operator_installing": "error"}
    assert plan.wait is not None
    assert any("clusterserviceversions" in read.path for read in plan.wait.again)
    assert "Installing: m" in said(plan, "gpu.operator_installing")


def test_what_no_catalogue_offers() -> None:
    cluster = Olm()
    del cluster.objects[f"{MANIFESTS}/gpu-operator-certified"]
    plan = cluster.plan(request_of(**INSTALL))
    assert plan.changes == ()
    assert codes_of(plan)["gpu.operator_not_offered"] == "error"
    wrong = Olm().plan(request_of(operator="install", operator_channel="v1"))
    assert wrong.changes == ()
    assert said(wrong, "gpu.operator_not_offered") == "it has no channel v1; there are: stable, v26.3, v26.7."


def foreign(cluster: Olm, **status: t.Any) -> None:
    """A Subscription that somebody else made."""
    cluster.put("/api/v1/namespaces/nvidia-gpu-operator", {})
    cluster.put(GPU_SUB, {"spec": {"name": "gpu-operator-certified"}, "status": status})


def test_versions_that_do_not_fit_together() -> None:
    cluster = Olm()
    foreign(cluster, conditions=[{"type": "ResolutionFailed", "status": "True", "message": "constraints not satisfiable"}])
    plan = cluster.plan(request_of(**INSTALL))
    assert said(plan, "gpu.operator_unresolved") == "OLM says: constraints not satisfiable"
    assert plan.changes == ()


def test_approval_of_somebody_elses_operator_is_not_ours_to_give() -> None:
    cluster = Olm()
    foreign(cluster, installPlanRef={"name": "i"})
    cluster.put(f"{OLM}/nvidia-gpu-operator/installplans/i", {"spec": {"approved": False, "clusterServiceVersionNames": ["v1"]}})
    plan = cluster.plan(request_of(**INSTALL))
    assert said(plan, "gpu.operator_unapproved") == "it waits for somebody to approve v1."
    assert plan.changes == ()


def test_a_version_without_an_example() -> None:
    cluster = Olm()
    del cluster.examples["gpu-operator-certified"]
    assert codes_of(cluster.after(request_of(**INSTALL)))["gpu.operator_no_example"] == "error"


def test_what_is_there_already_is_left_alone() -> None:
    cluster = Olm()
    cluster.put(f"{POLICIES}/mine", {"spec": {"devicePlugin": {}}})
    cluster.put(f"{NFDS}/mine", {})
    before = set(cluster.objects)
    plan = cluster.after(request_of(**INSTALL))
    assert codes_of(plan) == {"gpu.owned_by_operator": "info"}
    assert not {path for path in set(cluster.objects) - before if "nvidia-gpu-operator" not in path}
    assert cluster.run(request_of(state="absent")).changes == ()
    assert f"{POLICIES}/mine" in cluster.objects


def test_the_operators_are_taken_back_resources_first() -> None:
    cluster = Olm()
    before = set(cluster.objects)
    cluster.run(request_of(**INSTALL))
    first = cluster.run(request_of(state="absent"))
    assert [str(change.object) for change in first.changes] == [
        "ClusterPolicy/gpu-cluster-policy",
        "NodeFeatureDiscovery/openshift-nfd/nfd-instance",
    ]
    left = {path for path in set(cluster.objects) - before if "installplans" not in path}
    assert left == {"/api/v1/namespaces/openshift-nfd", "/api/v1/namespaces/nvidia-gpu-operator"}


def test_jobs_on_gpus_of_the_operator_are_not_disturbed_unasked() -> None:
    cluster = Olm()
    cluster.run(request_of(**INSTALL))
    container = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    body = {"spec": {"nodeName": "gpu-1", "containers": [container]}, "status": {"phase": "Running"}}
    cluster.put("/api/v1/namespaces/ml/pods/train", body)
    plan = cluster.plan(request_of(state="absent"))
    assert {d for change in plan.changes for d in change.disruptive} == {"disturbs_jobs"}
    cluster.objects[f"{POLICIES}/gpu-cluster-policy"]["metadata"]["deletionTimestamp"] = "2026-11-24T10:00:00Z"
    going = cluster.plan(request_of(state="absent"))
    assert "Subscription" not in {change.object.kind for change in going.changes if "gpu" in change.object.name}
    assert codes_of(going)["gpu.going"] == "error"


def test_elsewhere_it_means_nothing() -> None:
    cluster = Cluster()
    assert codes_of(cluster.after(request_of(**INSTALL))) == {}
    assert OURS in cluster.objects
