"""Who serves a node: whatever it is called, and whoever installed it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.owners import is_device_plugin

from tests.unit.plugins.module_utils._gpu.gpu_cluster import (
    AKS,
    NODES,
    NS,
    OURS,
    POLICIES,
    SKU,
    Cluster,
    Json,
    codes_of,
    request_of,
    row,
    said,
)

pytestmark = pytest.mark.gpu

PLUGIN = "nvcr.io/nvidia/k8s-device-plugin:v0.18.0"
SOCKETS = [{"name": "s", "hostPath": {"path": "/var/lib/kubelet/device-plugins"}}]


def item(name: str, image: str, *, pod: Json | None = None, **container: t.Any) -> Json:
    spec = {"containers": [{"image": image, **container}], **(pod or {})}
    return {"metadata": {"name": name}, "spec": {"template": {"spec": spec}}}


@pytest.mark.parametrize(
    ("made", "plugin"),
    [
        (item("nvidia-device-plugin-daemonset", PLUGIN), True),
        (item("x", "mcr.microsoft.com/oss/v2/nvidia/k8s-device-plugin:v0.18.2"), True),
        (item("x", "mirror.local:5000/nvidia-device-plugin@sha256:" + "a" * 64), True),
        (item("x", "k8s.gcr.io/nvidia-gpu-device-plugin:v1"), True),
        (item("gpus", "mirror.local/own:1", pod={"volumes": SOCKETS, "runtimeClassName": "nvidia"}), True),
        (item("gpus", "mirror.local/own:1", pod={"volumes": SOCKETS}, env=[{"name": "NVIDIA_VISIBLE_DEVICES"}]), True),
        (item("gpus", "mirror.local/own:1", pod={"volumes": SOCKETS, "tolerations": [{"key": "nvidia.com/gpu"}]}), True),
        (item("gpu-feature-discovery", PLUGIN, command=["gpu-feature-discovery"]), False),
        (item("mps", PLUGIN, args=["mps-control-daemon"]), False),
        (item("dcgm-exporter", "nvcr.io/nvidia/dcgm:1", pod={"volumes": SOCKETS}), False),
        (item("amdgpu-device-plugin", "rocm/k8s-device-plugin-amd:1", pod={"volumes": SOCKETS}), False),
        (item("fuse", "smarter/fuse:1", pod={"volumes": SOCKETS, "tolerations": [{"key": "nvidia.com/gpu"}]}), False),
        (item("net", "sriov:1", pod={"volumes": SOCKETS}), False),
        (item("log", "fluentd:1"), False),
        (item("odd", "x", pod={"containers": "none"}), False),
    ],
)
def test_what_is_a_device_plugin_of_nvidia(made: Json, plugin: bool) -> None:
    assert is_device_plugin(made) == plugin


def serve(cluster: Cluster, owner: Json, *nodes: str) -> None:
    """Pods of somebody else's plugin, and the GPUs that they offer."""
    metadata = owner["metadata"]
    for node in nodes:
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        labels = owner["spec"]["selector"]["matchLabels"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}-{node}"
        cluster.put(path, {"metadata": {"labels": labels}, "spec": {"nodeName": node}, "status": status})
        numbers = {"nvidia.com/gpu": "1"}
        cluster.objects[f"{NODES}/{node}"]["status"].update(capacity=numbers, allocatable=numbers)


@pytest.mark.parametrize(
    ("namespace", "metadata", "code"),
    [
        ("kube-system", {}, "gpu.owned_by_daemonset"),
        (NS, {}, "gpu.owned_by_daemonset"),
        ("azureml", {}, "gpu.owned_by_extension"),
        ("x", {"labels": {"ml.azure.com/amlarc-system": "true"}}, "gpu.owned_by_extension"),
        ("x", {"ownerReferences": [{"kind": "ClusterPolicy"}]}, "gpu.owned_by_operator"),
    ],
)
def test_a_daemon_set_of_somebody_else_is_verified_only(namespace: str, metadata: Json, code: str) -> None:
    cluster = Cluster()
    owner = cluster.daemon_set(namespace, "nvidia-device-plugin-daemonset", PLUGIN, metadata=metadata)
    broken = cluster.plan(request_of())
    assert broken.changes == ()
    assert codes_of(broken) == {code: "info", "gpu.no_pod": "error"}
    assert broken.wait is not None
    serve(cluster, owner, "gpu-1", "gpu-2")
    plan = cluster.plan(request_of())
    assert (plan.changes, plan.wait, plan.checks) == ((), None, {"gpu": "ok"})
    assert codes_of(plan) == {code: "info"}
    found = row(plan, "gpu-2")
    assert (found["verdict"], found["owner"]) == ("served", f"DaemonSet/{namespace}/nvidia-device-plugin-daemonset")
    assert found["plugin_pod"] == "nvidia-device-plugin-daemonset-gpu-2"
    assert said(plan, code).endswith("serves 2 GPU nodes: gpu-1, gpu-2.")


def test_nodes_of_somebody_else_are_tried_in_a_namespace_of_ours() -> None:
    cluster = Cluster()
    serve(cluster, cluster.daemon_set("kube-system", "p", PLUGIN), "gpu-1", "gpu-2")
    first = cluster.run(request_of(smoke_test="sample"))
    assert [change.object.kind for change in first.changes] == ["Namespace", "Job"]
    assert row(cluster.plan(request_of(smoke_test="sample")), "gpu-1")["smoke"] == "proved"
    assert [change.object.kind for change in cluster.run(request_of(state="absent")).changes] == ["Job"]


def test_one_that_does_not_come_to_the_node_does_not_own_it() -> None:
    cluster = Cluster()
    cluster.daemon_set("kube-system", "p", PLUGIN, pod={"tolerations": []})
    assert [change.object.kind for change in cluster.plan(request_of()).changes] == ["Namespace", "DaemonSet"]


def test_a_plugin_for_nodes_that_are_not_there_now_is_left_alone() -> None:
    cluster = Cluster(gpus=0)
    cluster.daemon_set("kube-system", "p", PLUGIN)
    plan = cluster.plan(request_of())
    assert plan.changes == ()
    assert codes_of(plan) == {"gpu.owned_by_daemonset": "info", "gpu.no_gpu_nodes": "info"}


def test_a_plugin_on_some_nodes_needs_a_label_that_tells_the_others() -> None:
    cluster = Cluster()
    cluster.node("theirs", 1, {**AKS, "pool": "theirs"}, taints=[SKU])
    owner = cluster.daemon_set("kube-system", "p", PLUGIN, pod={"nodeSelector": {"pool": "theirs"}})
    serve(cluster, owner, "theirs")
    plan = cluster.plan(request_of())
    assert plan.changes == ()
    assert said(plan, "gpu.would_meet_owner") == "DaemonSet/kube-system/p serves theirs, where it would run, too."
    after = cluster.after(request_of(exclude_labels=["pool=theirs"]))
    assert codes_of(after) == {"gpu.owned_by_daemonset": "info"}
    assert {entry["node"]: entry["owner"].rsplit("/", 1)[-1] for entry in after.facts["gpu"]["nodes"]} == {
        "gpu-1": "azureml-nvidia-device-plugin",
        "gpu-2": "azureml-nvidia-device-plugin",
        "theirs": "p",
    }


def test_two_plugins_of_others_on_one_node() -> None:
    cluster = Cluster()
    cluster.daemon_set("kube-system", "a", PLUGIN)
    cluster.daemon_set("azureml", "b", PLUGIN)
    plan = cluster.plan(request_of())
    assert plan.changes == ()
    assert codes_of(plan)["gpu.two_plugins"] == "error"
    assert said(plan, "gpu.two_plugins") == "DaemonSet/kube-system/a and DaemonSet/azureml/b both serve it."


def test_one_that_comes_later_beside_ours() -> None:
    cluster = Cluster()
    cluster.run(request_of())
    cluster.daemon_set("kube-system", "p", PLUGIN)
    plan = cluster.plan(request_of())
    assert plan.changes == ()
    ours = f"DaemonSet/{NS}/azureml-nvidia-device-plugin"
    assert said(plan, "gpu.two_plugins") == f"DaemonSet/kube-system/p serves it, and {ours} does."
    assert plan.checks == {"gpu": "error"}


def test_the_extension_is_told_to_install_one() -> None:
    cluster = Cluster()
    plan = cluster.plan(request_of(install_nvidia_device_plugin=True))
    assert (plan.changes, plan.checks) == ((), {"gpu": "ok"})
    assert codes_of(plan) == {"gpu.owned_by_extension": "info"}
    assert row(plan, "gpu-1")["verdict"] == "planned"
    cluster.run(request_of())
    both = cluster.plan(request_of(install_nvidia_device_plugin=True))
    assert codes_of(both)["gpu.two_plugins"] == "error"
    assert "azureml_install_nvidia_device_plugin" in both.findings[0].remedy


def managed(cluster: Cluster, healthy: bool = True, gpus: str = "1") -> None:
    conditions = [{"type": "UnhealthyNvidiaDevicePlugin", "status": str(not healthy), "message": "the unit is down"}]
    labels = {**AKS, "kubernetes.azure.com/dcgm-exporter": "enabled"}
    capacity = {"nvidia.com/gpu": gpus}
    cluster.node("managed", 1, labels, taints=[SKU], conditions=conditions, capacity=capacity)


def test_a_managed_pool_beside_a_plain_one() -> None:
    cluster = Cluster()
    managed(cluster)
    after = cluster.after(request_of())
    assert (after.changes, after.checks, codes_of(after)) == ((), {"gpu": "ok"}, {"gpu.owned_by_aks": "info"})
    assert row(after, "managed")["owner"] == "the AKS-managed pool"
    assert row(after, "gpu-1")["owner"].endswith("azureml-nvidia-device-plugin")
    assert not any(path.endswith("plugin-managed") for path in cluster.objects)


@pytest.mark.parametrize(("healthy", "gpus", "code"), [(False, "1", "gpu.node_condition"), (True, "0", "gpu.no_gpus")])
def test_a_managed_pool_that_is_not_well(healthy: bool, gpus: str, code: str) -> None:
    cluster = Cluster(gpus=0)
    managed(cluster, healthy, gpus)
    assert codes_of(cluster.after(request_of()))[code] == "error"


def test_a_managed_node_known_by_its_condition_alone_is_not_met() -> None:
    cluster = Cluster()
    conditions = [{"type": "UnhealthyNvidiaDevicePlugin", "status": "False"}]
    cluster.node("managed", 1, AKS, taints=[SKU], conditions=conditions, capacity={"nvidia.com/gpu": "1"})
    plan = cluster.plan(request_of())
    assert plan.changes == ()
    assert said(plan, "gpu.would_meet_owner") == "the AKS-managed pool serves managed, where it would run, too."


def policy(state: str, **spec: t.Any) -> Json:
    return {"spec": spec, "status": {"state": state} if state else {}}


def test_the_gpu_operator() -> None:
    cluster = Cluster(labels={**AKS, "node.openshift.io/os_id": "rhcos"})
    cluster.put(f"{POLICIES}/gpu-cluster-policy", policy("notReady"))
    plan = cluster.plan(request_of())
    assert plan.changes == ()
    assert plan.wait is not None
    assert codes_of(plan) == {"gpu.owned_by_operator": "info", "gpu.operator_not_ready": "error", "gpu.no_gpus": "error"}
    cluster.put(f"{POLICIES}/gpu-cluster-policy", policy("ready"))
    reference = {"ownerReferences": [{"kind": "ClusterPolicy"}]}
    owner = cluster.daemon_set("nvidia-gpu-operator", "nvidia-device-plugin-daemonset", PLUGIN, metadata=reference)
    serve(cluster, owner, "gpu-1", "gpu-2")
    ready = cluster.plan(request_of())
    assert (codes_of(ready), ready.checks) == ({"gpu.owned_by_operator": "info"}, {"gpu": "ok"})
    assert row(ready, "gpu-1")["owner"] == "ClusterPolicy/gpu-cluster-policy"
    assert row(ready, "gpu-1")["plugin_pod"] == "nvidia-device-plugin-daemonset-gpu-1"


def test_an_operator_whose_plugin_is_off_owns_nothing() -> None:
    cluster = Cluster()
    cluster.put(f"{POLICIES}/p", policy("ready", devicePlugin={"enabled": False}))
    assert codes_of(cluster.after(request_of())) == {}
    assert OURS in cluster.objects


def test_an_operator_that_is_kept_off_a_node_does_not_own_it() -> None:
    cluster = Cluster(labels={**AKS, "nvidia.com/gpu.deploy.operands": "false"})
    cluster.put(f"{POLICIES}/p", policy("ready"))
    assert row(cluster.plan(request_of()), "gpu-1")["verdict"] == "unserved"
