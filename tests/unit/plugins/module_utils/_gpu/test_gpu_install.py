"""State present: what is installed, when, and that it stays the same whatever nodes there are."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.manifests import ENFORCE, affinity, daemon_set
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.scheduling import kept_away

from tests.unit.plugins.module_utils._gpu.gpu_cluster import (
    AKS,
    CLASSES,
    CONFIG,
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


def test_the_plugin_is_installed_and_every_node_proven() -> None:
    cluster = Cluster()
    first = cluster.run(request_of())
    assert [change.line() for change in first.changes] == [
        f"create Namespace/{NS}: the device plugin has a namespace of its own",
        f"create DaemonSet/{NS}/azureml-nvidia-device-plugin: GPU nodes need it to offer their GPUs",
    ]
    assert first.changes[0].after["metadata"]["labels"][ENFORCE] == "privileged"
    assert codes_of(first) == {"gpu.missing": "error"}
    last = cluster.plan(request_of())
    assert (last.changes, last.findings, last.wait, last.checks) == ((), (), None, {"gpu": "ok"})
    assert row(last, "gpu-1") == {
        "node": "gpu-1",
        "verdict": "served",
        "owner": f"DaemonSet/{NS}/azureml-nvidia-device-plugin",
        "plugin_pod": "azureml-nvidia-device-plugin-gpu-1",
        "plugin_ready": True,
        "smoke": "",
        "hint": "",
        "state": "expected",
        "detected_by": [
            "capacity nvidia.com/gpu",
            "label kubernetes.azure.com/accelerator=nvidia",
            "size Standard_NC4as_T4_v3",
        ],
        "contradiction": "",
        "instance_type": "Standard_NC4as_T4_v3",
        "architecture": "amd64",
        "capacity": {"nvidia.com/gpu": 1},
        "allocatable": {"nvidia.com/gpu": 1},
        "mig": "",
        "sharing": "",
    }


def test_nothing_depends_on_the_nodes_of_the_moment() -> None:
    cluster = Cluster()
    cluster.run(request_of())
    cluster.node("new-1", 4, {"karpenter.azure.com/sku-gpu-manufacturer": "nvidia"}, taints=[SKU])
    for number in (1, 2):
        del cluster.objects[f"{NODES}/gpu-{number}"]
    assert cluster.plan(request_of()).changes == ()
    cluster.control()
    assert cluster.plan(request_of()).findings == ()
    del cluster.objects[f"{NODES}/new-1"]
    cluster.control()
    empty = cluster.plan(request_of())
    assert (empty.changes, empty.checks) == ((), {"gpu": "ok"})
    assert codes_of(empty) == {"gpu.no_gpu_nodes": "info"}


def test_it_is_installed_for_a_pool_that_has_no_node_yet() -> None:
    cluster = Cluster(gpus=0)
    after = cluster.after(request_of(node_labels=["pool=gpu"]))
    assert OURS in cluster.objects
    assert (codes_of(after), after.checks) == ({"gpu.no_gpu_nodes": "info"}, {"gpu": "ok"})


@pytest.mark.parametrize(
    ("labels", "lands"),
    [
        (AKS, True),
        ({"accelerator": "nvidia"}, True),
        ({"karpenter.azure.com/sku-gpu-manufacturer": "nvidia"}, True),
        ({"cloud.google.com/gke-accelerator": "nvidia-l4"}, True),
        ({"k8s.amazonaws.com/accelerator": "nvidia-tesla-t4"}, True),
        ({"feature.node.kubernetes.io/pci-10de.present": "true"}, True),
        ({"feature.node.kubernetes.io/pci-0302_10de.present": "true"}, True),
        ({"feature.node.kubernetes.io/pci-0300_10de.present": "true"}, True),
        ({"nvidia.com/gpu.present": "true"}, True),
        ({"nvidia.com/gpu.product": "Tesla-T4"}, True),
        ({"node.kubernetes.io/instance-type": "Standard_ND96asr_v4"}, True),
        ({"node.kubernetes.io/instance-type": "standard_nd96asr_v4"}, True),
        ({"beta.kubernetes.io/instance-type": "Standard_NC6s_v3"}, True),
        ({"pool": "mine"}, True),
        ({"mine": "x"}, True),
        ({}, False),
        ({"node.kubernetes.io/instance-type": "Standard_D4s_v5"}, False),
        ({"node.kubernetes.io/instance-type": "Standard_NV4as_v4", "accelerator": "nvidia"}, False),
        ({"node.kubernetes.io/instance-type": "Standard_ND96isr_MI300X_v5", "accelerator": "nvidia"}, False),
        ({"accelerator": "nvidia", "kubernetes.azure.com/accelerator": "amd"}, False),
        ({"accelerator": "nvidia", "kubernetes.io/os": "windows"}, False),
        ({"accelerator": "nvidia", "type": "virtual-kubelet"}, False),
        ({"accelerator": "nvidia", "kubernetes.azure.com/dcgm-exporter": "enabled"}, False),
        ({"accelerator": "nvidia", "not": "here"}, False),
        ({"accelerator": "nvidia", "not": "there"}, True),
    ],
)
def test_where_its_affinity_lets_it(labels: Json, lands: bool) -> None:
    request = request_of(node_labels=["pool=mine", "mine"], exclude_labels=["not=here", "never"])
    spec = {"affinity": affinity(request.node_labels, request.exclude_labels)}
    assert (kept_away({"metadata": {"labels": labels}}, spec) == "") == lands


@pytest.mark.parametrize(
    ("taint", "tolerated"),
    [
        ({"key": "sku", "value": "gpu", "effect": "NoSchedule"}, True),
        ({"key": "sku", "value": "other", "effect": "NoSchedule"}, False),
        ({"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}, True),
        ({"key": "nvidia.com/gpu", "effect": "NoExecute"}, True),
        ({"key": "ml.azure.com/amlarc", "value": "true", "effect": "NoExecute"}, True),
        ({"key": "ml.azure.com/compute", "value": "c", "effect": "NoSchedule"}, True),
        ({"key": "kubernetes.azure.com/scalesetpriority", "value": "spot", "effect": "NoSchedule"}, True),
        ({"key": "CriticalAddonsOnly", "value": "true", "effect": "NoSchedule"}, True),
        ({"key": "team", "value": "a", "effect": "NoSchedule"}, True),
        ({"key": "team", "value": "b", "effect": "NoSchedule"}, False),
        ({"key": "other", "effect": "PreferNoSchedule"}, True),
        ({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, True),
        ({"key": "other", "effect": "NoSchedule"}, False),
    ],
)
def test_which_taints_it_tolerates(taint: Json, tolerated: bool) -> None:
    request = request_of(tolerations=[{"key": "team", "value": "a"}])
    spec = daemon_set(request)["spec"]["template"]["spec"]
    node = {"metadata": {"labels": AKS}, "spec": {"taints": [taint]}}
    assert (kept_away(node, spec) == "") == tolerated


def container_of(**params: t.Any) -> Json:
    found: Json = daemon_set(request_of(**params))["spec"]["template"]["spec"]["containers"][0]
    return found


def test_what_runs_is_pinned_and_says_every_choice() -> None:
    container = container_of()
    assert container["image"] == "nvcr.io/nvidia/k8s-device-plugin:v0.20.0"
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert {entry["name"]: entry["value"] for entry in container["env"]} == {
        "FAIL_ON_INIT_ERROR": "true",
        "MIG_STRATEGY": "none",
        "DEVICE_LIST_STRATEGY": "envvar",
        "PASS_DEVICE_SPECS": "false",
    }
    spec = daemon_set(request_of())["spec"]["template"]["spec"]
    assert spec["priorityClassName"] == "system-node-critical"
    assert not {"runtimeClassName", "imagePullSecrets", "serviceAccountName"} & set(spec)


@pytest.mark.parametrize(
    ("params", "image"),
    [
        ({"image_registry": "mine.azurecr.io"}, "mine.azurecr.io/k8s-device-plugin:v0.20.0"),
        ({"image_registry": "mine.azurecr.io:8443/a/b/"}, "mine.azurecr.io:8443/a/b/k8s-device-plugin:v0.20.0"),
        ({"image": "r.io/p@sha256:" + "a" * 64}, "r.io/p@sha256:" + "a" * 64),
        ({"image": "r.io/x/p:v1@sha256:" + "a" * 64, "image_registry": "m.io"}, "m.io/p:v1@sha256:" + "a" * 64),
    ],
)
def test_images_from_elsewhere(params: Json, image: str) -> None:
    assert container_of(**params)["image"] == image


def test_the_other_options_arrive() -> None:
    sliced = container_of(mig_strategy="single", fail_on_init_error=False)
    assert sliced["securityContext"] == {"capabilities": {"add": ["SYS_ADMIN"]}}
    assert {"name": "NVIDIA_MIG_MONITOR_DEVICES", "value": "all"} in sliced["env"]
    assert {"name": "FAIL_ON_INIT_ERROR", "value": "false"} in sliced["env"]
    assert container_of(pass_device_specs=True)["securityContext"] == {"privileged": True}
    spec = daemon_set(request_of(runtime_class="nvidia", pull_secrets=["reg"], device_list_strategy="cdi-cri"))["spec"]["template"][
        "spec"
    ]
    assert (spec["runtimeClassName"], spec["imagePullSecrets"]) == ("nvidia", [{"name": "reg"}])
    assert {"name": "cdi", "hostPath": {"path": "/var/run/cdi", "type": "DirectoryOrCreate"}} in spec["volumes"]


def test_time_slicing_is_a_config_map_whose_change_restarts_the_plugin() -> None:
    cluster = Cluster()
    after = cluster.after(request_of(time_slicing_replicas=4))
    assert codes_of(after) == {"gpu.shared_without_limits": "info"}
    sharing = json.loads(cluster.objects[CONFIG]["data"]["config.json"])["sharing"]
    assert sharing == {"timeSlicing": {"renameByDefault": False, "resources": [{"name": "nvidia.com/gpu", "replicas": 4}]}}
    template = cluster.objects[OURS]["spec"]["template"]
    changed = cluster.run(request_of(time_slicing_replicas=2))
    assert [change.object.kind for change in changed.changes] == ["ConfigMap", "DaemonSet"]
    assert cluster.objects[OURS]["spec"]["template"]["metadata"] != template["metadata"]
    back = cluster.run(request_of())
    assert [change.object.kind for change in back.changes] == ["DaemonSet"]
    assert [volume["name"] for volume in cluster.objects[OURS]["spec"]["template"]["spec"]["volumes"]] == ["device-plugins"]


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"image": "r.io/p:v2"}, "spec.template.spec.containers[nvidia-device-plugin].image"),
        ({"mig_strategy": "single"}, "spec.template.spec.containers[nvidia-device-plugin].env[MIG_STRATEGY].value"),
        ({"tolerations": [{"key": "x", "operator": "Exists"}]}, "spec.template.spec.tolerations"),
        ({"pull_secrets": ["reg"]}, "spec.template.spec.imagePullSecrets[reg].name"),
    ],
)
def test_what_differs_is_changed_there_and_back(params: Json, path: str) -> None:
    cluster = Cluster()
    cluster.run(request_of())
    changed = cluster.run(request_of(**params))
    assert [(change.verb, change.disruptive) for change in changed.changes] == [("update", frozenset())]
    assert path in changed.changes[0].reason
    assert codes_of(changed)["gpu.differs"] == "warning"
    assert cluster.plan(request_of(**params)).changes == ()
    assert len(cluster.run(request_of()).changes) == 1
    assert cluster.plan(request_of()).changes == ()


def test_what_others_add_is_left_alone() -> None:
    cluster = Cluster()
    cluster.run(request_of())
    live = cluster.objects[OURS]
    live["metadata"]["labels"]["team"] = "x"
    live["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "HTTP_PROXY", "value": "p"})
    assert cluster.plan(request_of()).changes == ()


def test_another_selector_is_made_anew_with_consent() -> None:
    cluster = Cluster()
    cluster.run(request_of())
    cluster.objects[OURS]["spec"]["selector"] = {"matchLabels": {"name": "old"}}
    first = cluster.run(request_of())
    assert [(change.verb, set(change.disruptive)) for change in first.changes] == [("update", {"restarts_pods"})]
    assert cluster.objects[OURS]["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": "azureml-nvidia-device-plugin"}
    assert cluster.plan(request_of()).changes == ()


def test_no_change_on_50_nodes_takes_five_requests() -> None:
    cluster = Cluster(gpus=50)
    cluster.run(request_of())
    cluster.requests.clear()
    assert cluster.plan(request_of()).findings == ()
    assert len(cluster.requests) + len(["which cluster it is"]) <= 5


def test_the_namespace_of_somebody_else_that_keeps_it_out() -> None:
    cluster = Cluster()
    cluster.put(f"/api/v1/namespaces/{NS}", {"metadata": {"labels": {ENFORCE: "restricted"}}})
    plan = cluster.plan(request_of())
    assert plan.changes == ()
    assert codes_of(plan)["gpu.pod_security"] == "error"
    cluster.put(f"/api/v1/namespaces/{NS}", {})
    assert codes_of(cluster.after(request_of())) == {}


def test_our_own_namespace_is_opened() -> None:
    cluster = Cluster()
    cluster.put(f"/api/v1/namespaces/{NS}", {"metadata": {"labels": {"app.kubernetes.io/managed-by": "azureml.kubernetes"}}})
    assert cluster.after(request_of()).findings == ()
    assert cluster.objects[f"/api/v1/namespaces/{NS}"]["metadata"]["labels"][ENFORCE] == "privileged"


def test_a_runtime_class_has_to_exist() -> None:
    cluster = Cluster()
    cluster.put(f"{CLASSES}/runc", {"handler": "runc"})
    plan = cluster.plan(request_of(runtime_class="nvidia"))
    assert plan.changes == ()
    assert said(plan, "gpu.runtime_class_missing") == "it does not exist; there are: runc."
    cluster.put(f"{CLASSES}/nvidia", {"handler": "nvidia"})
    assert codes_of(cluster.after(request_of(runtime_class="nvidia"))) == {}


@pytest.mark.parametrize("path", [OURS, CONFIG])
def test_an_object_of_somebody_else_is_not_taken(path: str) -> None:
    cluster = Cluster()
    cluster.put(f"/api/v1/namespaces/{NS}", {})
    if path == OURS:
        cluster.daemon_set(NS, path.rsplit("/", 1)[-1], "busybox")
    else:
        cluster.put(path, {"data": {}})
    plan = cluster.plan(request_of(time_slicing_replicas=2))
    if path == OURS:
        # A DaemonSet that is no device plugin is nobody's owner, and applying over it would be a theft.
        assert codes_of(plan).get("gpu.name_taken") == "error"
    assert plan.changes == ()
    assert codes_of(plan)["gpu.name_taken"] == "error"


def test_gitops_is_not_fought() -> None:
    cluster = Cluster()
    cluster.run(request_of())
    cluster.objects[OURS]["metadata"]["labels"]["argocd.argoproj.io/instance"] = "gpu"
    plan = cluster.plan(request_of(image="r.io/p:v2"))
    assert plan.changes == ()
    assert codes_of(plan)["gpu.gitops_managed"] == "error"


def test_our_plugin_in_another_namespace() -> None:
    cluster = Cluster()
    cluster.run(request_of())
    plan = cluster.plan(request_of(namespace="other"))
    assert plan.changes == ()
    assert codes_of(plan)["gpu.elsewhere"] == "error"


@pytest.mark.parametrize(
    ("path", "code", "state"),
    [
        (NODES, "error", "error"),
        ("/apis/apps/v1/daemonsets", "error", "error"),
        (POLICIES, "warning", "unknown"),
        (f"/api/v1/namespaces/{NS}/pods", "warning", "unknown"),
    ],
)
def test_what_may_not_be_read(path: str, code: str, state: str) -> None:
    cluster = Cluster()
    cluster.run(request_of())
    cluster.forbidden.add(path)
    plan = cluster.plan(request_of())
    assert plan.changes == ()
    assert codes_of(plan)["gpu.unreadable"] == code
    assert plan.checks["gpu"] in (state, "unknown")


def test_openshift_is_refused_unless_forced() -> None:
    cluster = Cluster(labels={**AKS, "node.openshift.io/os_id": "rhcos"})
    plan = cluster.plan(request_of())
    assert plan.changes == ()
    assert codes_of(plan)["gpu.openshift_refused"] == "error"
    assert row(plan, "gpu-1")["verdict"] == "unserved"
    cluster.run(request_of(force_openshift=True))
    kinds = sorted(path.split("/")[-2] for path in cluster.objects if path.endswith("/azureml-nvidia-device-plugin"))
    assert kinds == ["daemonsets", "rolebindings", "roles", "serviceaccounts"]
    spec = cluster.objects[OURS]["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == "azureml-nvidia-device-plugin"
    assert spec["containers"][0]["securityContext"] == {"privileged": True}
    assert codes_of(cluster.plan(request_of(force_openshift=True))) == {}


def test_openshift_without_gpu_nodes_is_fine() -> None:
    cluster = Cluster(gpus=0)
    plan = cluster.plan(request_of(platform="aro"))
    assert (plan.changes, plan.checks) == ((), {"gpu": "ok"})
    assert codes_of(plan) == {"gpu.openshift_refused": "info", "gpu.no_gpu_nodes": "info"}


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"namespace": "default"}, "namespace default belongs to"),
        ({"namespace": "kube-system"}, "namespace kube-system belongs to"),
        ({"namespace": "Not A Name"}, "'Not A Name' is not a name"),
        ({"image": "nvcr.io/nvidia/k8s-device-plugin"}, "neither tag nor digest"),
        ({"image": "localhost:5000/plugin"}, "neither tag nor digest"),
        ({"image": "has blanks:v1"}, "is not a reference"),
        ({"smoke_image": "cuda"}, "smoke_image 'cuda' has neither"),
        ({"image_registry": "https://x"}, "image_registry 'https://x' is not"),
        ({"mig_strategy": "mixed"}, "MIG strategy mixed renames"),
        ({"config": {"version": "v1", "flags": {"migStrategy": "mixed"}}}, "MIG strategy mixed renames"),
        (
            {"config": {"version": "v1", "sharing": {"timeSlicing": {"renameByDefault": True}}}},
            "renames GPUs to nvidia.com/gpu.shared",
        ),
        (
            {"config": {"version": "v1", "sharing": {"mps": {"resources": [{"name": "nvidia.com/gpu", "rename": "x"}]}}}},
            "sharing.mps renames nvidia.com/gpu to x",
        ),
        ({"config": {"sharing": {}}}, "no version v1"),
        ({"config": {"version": "v1", "sharing": {"mps": {"a": 1}, "timeSlicing": {"a": 1}}}}, "by time-slicing and by MPS"),
        ({"config": {"version": "v1"}, "time_slicing_replicas": 2}, "both set"),
        ({"time_slicing_replicas": 1}, "shares nothing"),
        ({"node_labels": ["a b=c"]}, "node_labels: 'a b=c' is not a label"),
        ({"exclude_labels": ["=x"]}, "exclude_labels: '=x' is not a label"),
        ({"tolerations": [{"key": "a", "operator": "In"}]}, "neither Equal nor Exists"),
        ({"tolerations": [{"value": "a"}]}, "without a key"),
        ({"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}, "takes no value"),
        ({"tolerations": [{"key": "a", "effect": "Never"}]}, "effect 'Never'"),
        ({"pull_secrets": ["Not A Name"]}, "pull_secrets: 'Not A Name'"),
        ({"runtime_class": "Not A Name"}, "runtime_class 'Not A Name'"),
        ({"wait_timeout": 0}, "wait_timeout 0"),
        ({"smoke_timeout": -1}, "smoke_timeout -1"),
    ],
)
def test_senseless_input_is_refused(params: Json, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem.replace("(", "\\(")):
        request_of(**params)


def test_all_problems_at_once() -> None:
    with pytest.raises(InvalidRequest) as raised:
        request_of(namespace="default", image="x", mig_strategy="mixed")
    assert len(raised.value.problems) == 3


def test_renamed_resources_for_others_than_azureml() -> None:
    cluster = Cluster()
    after = cluster.after(request_of(mig_strategy="mixed", allow_renamed_resources=True))
    assert codes_of(after) == {"gpu.renamed_resources": "warning"}
