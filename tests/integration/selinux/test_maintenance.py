"""node_maintenance against a real API server: evictions, PodDisruptionBudgets, conflicts, interrupted runs, least rights."""

from __future__ import annotations

import copy
import json
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Result
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.topic import TOPIC

from tests.integration.faults.work import errors, run, until
from tests.sandbox import Sandbox
from tests.sandbox.front_door import Rule, latency

pytestmark = [pytest.mark.selinux, pytest.mark.xdist_group("aks-gpu nodes")]

ROLE = Path(__file__).parents[3] / "playbooks" / "files" / "clusterroles" / "node_maintenance.yml"
MARK = "azureml.kubernetes/maintenance"
NODE, OTHER = "aks-nodepool1-12345678-vmss000000", "aks-nodepool1-12345678-vmss000001"
EVERYTHING = ["reboots_nodes", "disturbs_jobs", "deletes_data"]


class Bench:
    """One node of a sandbox with pods of every kind on it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def node(self, name: str = NODE) -> dict[str, Any]:
        item: dict[str, Any] = self.sandbox.request("GET", f"/api/v1/nodes/{name}")
        return item

    @property
    def boot_id(self) -> str:
        return str(self.node()["status"]["nodeInfo"]["bootID"])

    @property
    def cordoned(self) -> bool:
        return bool(self.node()["spec"].get("unschedulable"))

    @property
    def mark(self) -> dict[str, Any] | None:
        text = self.node()["metadata"].get("annotations", {}).get(MARK)
        return json.loads(text) if text else None

    def pods(self) -> list[str]:
        items = self.sandbox.request("GET", f"/api/v1/namespaces/team/pods?fieldSelector=spec.nodeName={NODE}")["items"]
        return sorted(item["metadata"]["name"] for item in items)

    def reboot(self) -> str:
        """What the kubelet reports after a reboot."""
        boot_id = str(uuid.uuid4())
        patch = [{"op": "add", "path": "/status/nodeInfo/bootID", "value": boot_id}]
        self.sandbox.request("PATCH", f"/api/v1/nodes/{NODE}/status", patch, content_type="application/json-patch+json")
        return boot_id

    def fill(self, *, budget: int | None = None) -> None:
        """A Deployment of one pod (with a budget of that many healthy pods), a DaemonSet, a job of AzureML and a lone pod."""
        self.sandbox.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}])
        self.sandbox.apply([deployment("web"), daemon_set("agent")])
        self.sandbox.apply([pod("lone"), pod("train", labels={"ml.azure.com/compute": "k8s"})])
        if budget is not None:
            self.sandbox.apply([disruption_budget("web", budget)])
        until("the pods run", lambda: len(self.pods()) == 4)
        if budget is not None:
            until("the budget counts", lambda: self._budget_status().get("expectedPods") == 1)

    def _budget_status(self) -> dict[str, Any]:
        path = "/apis/policy/v1/namespaces/team/poddisruptionbudgets/web"
        status: dict[str, Any] = self.sandbox.request("GET", path).get("status") or {}
        return status

    def maintain(self, *, kubeconfig: Path | None = None, check_mode: bool = False, **options: Any) -> Result:
        defaults = {"node": NODE, "boot_id": self.boot_id, "reason": "SELinux disabled", "accept": EVERYTHING, "wait_timeout": 60}
        return run(TOPIC, kubeconfig or self.sandbox.kubeconfig, check_mode=check_mode, **{**defaults, **options})


def template(name: str) -> dict[str, Any]:
    spec = {"nodeSelector": {"kubernetes.io/hostname": NODE}, "containers": [{"name": "a", "image": "x"}]}
    return {"metadata": {"labels": {"app": name}}, "spec": {**spec, "terminationGracePeriodSeconds": 1}}


def deployment(name: str) -> dict[str, Any]:
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template(name)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "team"}, "spec": spec}


def daemon_set(name: str) -> dict[str, Any]:
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template(name)}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name, "namespace": "team"}, "spec": spec}


def pod(name: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    spec = {**template(name)["spec"], "nodeName": NODE}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "team", "labels": labels or {}},
        "spec": spec,
    }


def disruption_budget(name: str, available: int) -> dict[str, Any]:
    spec = {"minAvailable": available, "selector": {"matchLabels": {"app": name}}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name, "namespace": "team"}, "spec": spec}


def codes(result: Result) -> set[str]:
    return {finding.code for finding in result.findings}


@pytest.fixture
def bench(aks_gpu: Sandbox) -> Bench:
    return Bench(aks_gpu)


def test_a_node_is_drained_and_comes_back(bench: Bench) -> None:
    bench.fill()
    checked = bench.maintain(check_mode=True)
    assert errors(checked) == [] and len(checked.changes) >= 4 and not bench.cordoned
    begun = bench.maintain()
    assert errors(begun) == [], begun
    assert bench.cordoned and bench.mark == {"reason": "SELinux disabled", "bootID": bench.boot_id, "cordonedBefore": False}
    assert len(bench.pods()) == 1 and bench.pods()[0].startswith("agent-"), "only the DaemonSet's pod is left"
    assert {"maintenance.jobs_running", "maintenance.unmanaged_pods"} <= codes(begun)
    assert bench.maintain().changes == ()
    before = bench.boot_id
    after = bench.reboot()
    refused = bench.maintain(state="ended", boot_id=str(uuid.uuid4()))
    assert codes(refused) == {"maintenance.not_this_node"} and refused.changes == () and before != after
    ended = bench.maintain(state="ended", boot_id=after)
    assert errors(ended) == [] and len(ended.changes) == 1 and not bench.cordoned and bench.mark is None
    assert bench.maintain(state="ended", boot_id=after).changes == ()


def test_another_machine_costs_no_write(bench: Bench) -> None:
    door = bench.sandbox.front_door.door("main")
    for state in ("checked", "begun", "ended"):
        result = bench.maintain(state=state, boot_id=str(uuid.uuid4()))
        assert codes(result) == {"maintenance.not_this_node"}
    assert {entry.method for entry in door.log()} == {"GET"}


def test_consent_is_asked_for_everything_at_once_and_nothing_is_written(bench: Bench) -> None:
    bench.fill()
    door = bench.sandbox.front_door.door("main")
    door.clear_log()
    result = bench.maintain(accept=[])
    (finding,) = [finding for finding in result.findings if finding.severity == "error"]
    assert finding.code == "engine.consent_missing"
    assert "disturbs_jobs" in finding.remedy and "reboots_nodes" in finding.remedy and "deletes_data" in finding.remedy
    assert "Pod/team/train" in finding.message and "Pod/team/lone" in finding.message
    assert {entry.method for entry in door.log()} == {"GET"} and not bench.cordoned
    for accepted in (["reboots_nodes"], ["reboots_nodes", "disturbs_jobs"], ["reboots_nodes", "deletes_data"]):
        assert "engine.consent_missing" in codes(bench.maintain(accept=accepted))
    digest = bench.maintain(accept=[], check_mode=True).digest
    assert errors(bench.maintain(accept=[digest])) == []


def test_a_budget_that_can_never_allow_it_stops_before_the_cordon(bench: Bench) -> None:
    bench.fill(budget=1)
    result = bench.maintain()
    (finding,) = [finding for finding in result.findings if finding.severity == "error"]
    assert finding.code == "maintenance.budget_forbids" and finding.subject == "PodDisruptionBudget/team/web"
    assert not bench.cordoned and len(bench.pods()) == 4


def test_a_budget_that_holds_a_pod_is_waited_for(bench: Bench) -> None:
    bench.sandbox.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}])
    two = deployment("web")
    two["spec"]["replicas"] = 2
    bench.sandbox.apply([two])
    until("the pods run", lambda: len(bench.pods()) == 2)
    # Both have to leave, one at a time; the second only once its successor runs, which the cordon does not let be.
    bench.sandbox.apply([disruption_budget("web", 1)])
    until("the budget counts", lambda: bench._budget_status().get("expectedPods") == 2)
    result = bench.maintain(wait_timeout=4)
    said = codes(result)
    assert {"maintenance.budget_blocks", "maintenance.pods_left", "engine.wait_timeout"} <= said, result.findings
    (blocked,) = [finding for finding in result.findings if finding.code == "maintenance.budget_blocks"]
    assert blocked.subject == "PodDisruptionBudget/team/web" and "team/web-" in blocked.message
    assert bench.cordoned and len(bench.pods()) == 1
    loosened = disruption_budget("web", 0)
    helper = threading.Timer(2, lambda: bench.sandbox.apply([loosened]))
    helper.start()
    result = bench.maintain()
    helper.join()
    assert errors(result) == [] and bench.pods() == []


def test_a_foreign_cordon_stays(bench: Bench) -> None:
    patch = [{"op": "add", "path": "/spec/unschedulable", "value": True}]
    bench.sandbox.request("PATCH", f"/api/v1/nodes/{NODE}", patch, content_type="application/json-patch+json")
    assert errors(bench.maintain()) == [] and bench.mark is not None and bench.mark["cordonedBefore"] is True
    assert errors(bench.maintain(state="ended", boot_id=bench.reboot())) == []
    assert bench.cordoned and bench.mark is None


def test_the_kubelet_is_waited_for(bench: Bench) -> None:
    assert errors(bench.maintain()) == []
    after = str(uuid.uuid4())
    result = bench.maintain(state="ended", boot_id=after, wait_timeout=2)
    assert {"maintenance.not_back", "engine.wait_timeout"} <= codes(result) and bench.cordoned
    patch = [{"op": "add", "path": "/status/nodeInfo/bootID", "value": after}]
    path = f"/api/v1/nodes/{NODE}/status"
    helper = threading.Timer(1, bench.sandbox.request, ("PATCH", path, patch), {"content_type": "application/json-patch+json"})
    helper.start()
    result = bench.maintain(state="ended", boot_id=after)
    helper.join()
    assert errors(result) == [] and not bench.cordoned


def test_a_node_that_was_left_is_told_for_any_other(bench: Bench) -> None:
    assert errors(bench.maintain()) == []
    result = bench.maintain(node=OTHER, boot_id=bench.node(OTHER)["status"]["nodeInfo"]["bootID"], state="checked")
    (finding,) = result.findings
    assert finding.code == "maintenance.left_cordoned" and finding.subject == f"Node/{NODE}" and result.changes == ()


def test_a_node_that_does_not_exist(bench: Bench) -> None:
    result = bench.maintain(node=NODE[:-1] + "9")
    assert codes(result) == {"maintenance.node_missing"} and "Did you mean aks-nodepool1" in result.findings[0].message


def test_a_node_that_changes_before_the_write_arrives_is_read_again(bench: Bench) -> None:
    door = bench.sandbox.front_door.door("main")
    door.set_rules([Rule(latency(1000), name="slow", methods=["PATCH"], times=1)])

    def somebody() -> None:
        until("the write is on its way", lambda: door.applied().get("slow"))
        patch = [{"op": "add", "path": "/metadata/annotations/somebody", "value": "else"}]
        bench.sandbox.request("PATCH", f"/api/v1/nodes/{NODE}", patch, content_type="application/json-patch+json")

    helper = threading.Thread(target=somebody)
    helper.start()
    result = bench.maintain()
    helper.join()
    assert errors(result) == [] and bench.cordoned and bench.mark is not None
    assert [entry.status for entry in door.log() if entry.method == "PATCH"] == [422, 200]
    assert bench.node()["metadata"]["annotations"]["somebody"] == "else"


def test_an_interrupted_drain_is_continued(bench: Bench) -> None:
    bench.fill()
    result = bench.maintain(drain=False)
    assert errors(result) == [] and bench.cordoned and len(bench.pods()) == 4
    result = bench.maintain()
    assert errors(result) == [] and len(bench.pods()) == 1
    assert {change.object.kind for change in result.changes} == {"Pod"}, "the Node was cordoned already"


@pytest.fixture
def least(bench: Bench) -> Path:
    """A user who has exactly the shipped ClusterRole."""
    return bind(bench.sandbox, yaml.safe_load(ROLE.read_text()))


def bind(sandbox: Sandbox, content: dict[str, Any]) -> Path:
    name = content["metadata"]["name"]
    group = {"apiGroup": "rbac.authorization.k8s.io"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {**group, "kind": "ClusterRole", "name": name},
        "subjects": [{**group, "kind": "User", "name": name}],
    }
    sandbox.apply([content, binding])
    kubeconfig = sandbox.kubeconfig_for(name, direct=True)
    attributes = {"group": "policy", "resource": "poddisruptionbudgets", "verb": "list"}
    spec = {"user": name, "resourceAttributes": attributes}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    until("the role counts", lambda: sandbox.request("POST", path, review)["status"]["allowed"])
    return kubeconfig


def test_the_shipped_role_is_enough(bench: Bench, least: Path) -> None:
    bench.fill()
    assert errors(bench.maintain(kubeconfig=least)) == []
    assert len(bench.pods()) == 1
    assert errors(bench.maintain(kubeconfig=least, state="ended", boot_id=bench.reboot())) == []
    assert not bench.cordoned


@pytest.mark.parametrize(
    ("resource", "verb"), [("nodes", "list"), ("nodes", "patch"), ("pods", "list"), ("pods/eviction", "create")], ids=str
)
def test_without_one_right_the_error_names_it(bench: Bench, resource: str, verb: str) -> None:
    bench.fill()
    content = copy.deepcopy(yaml.safe_load(ROLE.read_text()))
    for rule in content["rules"]:
        if resource in rule["resources"]:
            rule["verbs"] = [word for word in rule["verbs"] if word != verb]
    content["rules"] = [rule for rule in content["rules"] if rule["verbs"]]
    result = bench.maintain(kubeconfig=bind(bench.sandbox, content))
    assert f'cannot {verb} resource "{resource}"' in " ".join(errors(result)), result
