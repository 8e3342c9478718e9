"""Whether each node offers its GPUs, and every known way in which it does not."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Plan

from tests.unit.plugins.module_utils._gpu.gpu_cluster import (
    AKS,
    CLASSES,
    CONFIG,
    JOBS,
    NO_NVML,
    NODES,
    NS,
    OURS,
    PODS,
    SKU,
    Cluster,
    Json,
    codes_of,
    crash,
    request_of,
    row,
    said,
    waiting,
)

pytestmark = pytest.mark.gpu

VERSION = "nvidia-container-cli: initialization error: nvml error: driver/library version mismatch"


def remedy_of(plan: Plan, code: str) -> str:
    return next(finding.remedy for finding in plan.findings if finding.code == code)


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (crash(NO_NVML), "gpu.driver_missing"),
        (crash("error: could not load NVML library: libnvidia-ml.so.1: cannot open shared object"), "gpu.driver_missing"),
        (crash("No devices found. Waiting indefinitely."), "gpu.driver_missing"),
        (crash("Incompatible strategy detected auto"), "gpu.runtime_missing"),
        (crash("Incompatible platform detected"), "gpu.runtime_missing"),
        (waiting("RunContainerError", VERSION), "gpu.driver_mismatch"),
        (waiting("CreateContainerError", "failed to inject CDI devices: unresolvable CDI devices x"), "gpu.cdi_broken"),
        (crash("Error: NVML: Unknown Error"), "gpu.device_lost"),
        (crash("XidCriticalError: Xid=79 on Device=GPU-1"), "gpu.unhealthy"),
        (waiting("ImagePullBackOff", "Back-off pulling image"), "gpu.image"),
        (waiting("ErrImagePull", "401 Unauthorized"), "gpu.image"),
        (crash("panic: something else"), "gpu.plugin_failing"),
    ],
)
def test_a_plugin_that_never_will_says_why_and_ends_the_wait(broken: Json, code: str) -> None:
    cluster = Cluster()
    cluster.broken["gpu-1"] = broken
    plan = cluster.after(request_of())
    assert codes_of(plan) == {code: "error"}
    finding = plan.findings[0]
    assert (finding.subject, finding.resolvable) == ("Node/gpu-1", False)
    words = broken.get("lastState", {}).get("terminated", broken["state"].get("waiting"))["message"]
    assert words in finding.message
    assert finding.evidence["detected_by"][0].startswith("label kubernetes.azure.com/accelerator")
    found = row(plan, "gpu-1")
    assert (found["verdict"], found["plugin_ready"]) == ("failing", False)
    assert words in found["hint"]
    assert row(plan, "gpu-2")["verdict"] == "served"


def test_one_that_failed_once_may_have_been_faster_than_its_driver() -> None:
    cluster = Cluster()
    cluster.broken["gpu-1"] = crash(NO_NVML, restarts=1)
    plan = cluster.after(request_of())
    assert codes_of(plan) == {"gpu.pod_starting": "error"}
    assert plan.wait is not None
    del cluster.broken["gpu-1"]
    cluster.control()
    assert codes_of(cluster.plan(request_of())) == {}


def test_a_runtime_that_the_sandbox_needs_is_named_by_an_event() -> None:
    cluster = Cluster()
    cluster.broken["gpu-1"] = waiting("ContainerCreating")
    cluster.run(request_of())
    pod = cluster.objects[f"{PODS}/azureml-nvidia-device-plugin-gpu-1"]
    cluster.event(pod, "FailedCreatePodSandBox", 'no runtime for "nvidia" is configured')
    assert codes_of(cluster.plan(request_of())) == {"gpu.runtime_missing": "error"}


def test_the_runtime_class_that_would_help_is_named() -> None:
    cluster = Cluster()
    cluster.put(f"{CLASSES}/nvidia-cdi", {"handler": "nvidia-cdi"})
    cluster.broken["gpu-1"] = crash(NO_NVML)
    remedy = remedy_of(cluster.after(request_of()), "gpu.driver_missing")
    assert remedy == "RuntimeClass nvidia-cdi exists: set nvidia_device_plugin_runtime_class to nvidia-cdi."


def test_running_but_no_gpu_is_not_taken_for_success() -> None:
    cluster = Cluster()
    cluster.mute.add("gpu-1")
    plan = cluster.after(request_of(fail_on_init_error=False))
    assert codes_of(plan) == {"gpu.no_gpus": "error"}
    assert "is ready, but no GPU is allocatable" in said(plan, "gpu.no_gpus")
    assert plan.wait is not None
    assert row(plan, "gpu-1")["plugin_ready"] is True


def test_numbers_of_an_earlier_time_are_not_taken_for_success() -> None:
    cluster = Cluster()
    cluster.run(request_of())
    cluster.broken["gpu-1"] = crash(NO_NVML, restarts=0)
    cluster.control()
    plan = cluster.plan(request_of())
    assert codes_of(plan) == {"gpu.stale": "error"}
    assert said(plan, "gpu.stale").endswith("1 GPUs are still shown.")
    assert row(plan, "gpu-1")["allocatable"] == {"nvidia.com/gpu": 1}


def test_fewer_gpus_than_there_are() -> None:
    cluster = Cluster()
    cluster.run(request_of())
    cluster.objects[f"{NODES}/gpu-1"]["status"].update(capacity={"nvidia.com/gpu": "4"}, allocatable={"nvidia.com/gpu": "3"})
    plan = cluster.plan(request_of())
    assert (codes_of(plan), plan.checks) == ({"gpu.unhealthy": "warning"}, {"gpu": "warning"})
    assert said(plan, "gpu.unhealthy") == "1 of 4 GPUs are unhealthy."


@pytest.mark.parametrize("kind", ["GPUMissing", "GPUXIDErrors", "UnhealthyNvidiaDCGMServices"])
def test_what_a_node_says_of_itself(kind: str) -> None:
    cluster = Cluster()
    cluster.run(request_of())
    cluster.objects[f"{NODES}/gpu-1"]["status"]["conditions"].append({"type": kind, "status": "True", "message": "Xid=79 seen"})
    plan = cluster.plan(request_of())
    assert codes_of(plan) == {"gpu.node_condition": "error"}
    assert said(plan, "gpu.node_condition") == f"{kind}: Xid=79 seen"


def test_a_taint_that_is_not_tolerated_is_said_at_once() -> None:
    cluster = Cluster()
    cluster.node("gpu-3", 1, AKS, taints=[{"key": "team", "value": "a", "effect": "NoSchedule"}])
    plan = cluster.after(request_of())
    assert codes_of(plan) == {"gpu.not_scheduled": "error"}
    assert said(plan, "gpu.not_scheduled").endswith("does not come here: it does not tolerate the taint team=a:NoSchedule.")
    tolerating = request_of(tolerations=[{"key": "team", "operator": "Exists"}])
    assert codes_of(cluster.after(tolerating)) == {}


def test_a_size_that_the_affinity_cannot_name_yet() -> None:
    cluster = Cluster()
    cluster.node("gpu-3", 1, {"node.kubernetes.io/instance-type": "Standard_NC7_B300_v9", "pool": "new"})
    assert "no label of the node is among" in said(cluster.after(request_of()), "gpu.not_scheduled")
    assert codes_of(cluster.after(request_of(node_labels=["pool=new"]))) == {}


def test_pods_that_a_policy_refuses() -> None:
    cluster = Cluster(gpus=1)
    cluster.policy = 'admission webhook "validation.gatekeeper.sh" denied the request: hostPath'
    plan = cluster.after(request_of())
    assert codes_of(plan) == {"gpu.pods_refused": "error", "gpu.counts": "error"}
    assert "denied the request" in said(plan, "gpu.pods_refused")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"observedGeneration": 0}, "has not seen the newest form"),
        ({"desiredNumberScheduled": 1}, "is to run on 1 nodes, 2 GPU nodes match"),
        ({"updatedNumberScheduled": 1}, "1 of 2 pods have its newest form"),
    ],
)
def test_the_daemon_set_is_counted(status: Json, words: str) -> None:
    cluster = Cluster()
    cluster.run(request_of())
    cluster.objects[OURS]["status"].update(status)
    plan = cluster.plan(request_of())
    assert codes_of(plan) == {"gpu.counts": "error"}
    assert words in said(plan, "gpu.counts")
    assert plan.wait is not None


def test_nodes_that_are_not_there_to_be_judged() -> None:
    cluster = Cluster()
    cluster.node("down", 1, AKS, ready="Unknown", taints=[SKU])
    cluster.node("drained", 1, AKS, spec={"unschedulable": True})
    cluster.node("aci", 1, {**AKS, "type": "virtual-kubelet"})
    cluster.node("win", 1, {**AKS, "kubernetes.io/os": "windows"}, os="windows")
    for name in ("down", "drained"):
        cluster.broken[name] = crash(NO_NVML)
    plan = cluster.after(request_of())
    assert codes_of(plan) == {"gpu.apart": "info"}
    assert said(plan, "gpu.apart") == "aci (virtual), down (not_ready), drained (cordoned), win (windows)."
    assert row(plan, "win")["verdict"] == "windows"


def test_odd_nodes_are_reported() -> None:
    cluster = Cluster(gpus=0)
    cluster.node("amd", 0, {"accelerator": "nvidia", "node.kubernetes.io/instance-type": "Standard_NV8as_v4"})
    cluster.node("grace", 1, AKS, arch="arm64")
    cluster.node("sliced", 1, {**AKS, "nvidia.com/mig.strategy": "mixed"})
    cluster.run(request_of())
    cluster.objects[f"{NODES}/sliced"]["status"].update(
        capacity={"nvidia.com/mig-1g.5gb": "7"}, allocatable={"nvidia.com/mig-1g.5gb": "7"}
    )
    plan = cluster.plan(request_of())
    assert codes_of(plan) == {"gpu.contradiction": "warning", "gpu.arm64": "warning", "gpu.renamed_resources": "warning"}
    assert row(plan, "sliced")["mig"] == "mixed"
    assert row(plan, "amd")["verdict"] == "contradictory"


def test_without_a_wait_what_is_on_its_way_is_no_error_but_what_is_broken_is() -> None:
    cluster = Cluster()
    request = request_of(wait=False)
    for change in cluster.plan(request).changes:
        cluster.write(change)
    plan = cluster.plan(request)
    assert plan.wait is None
    assert codes_of(plan) == {"gpu.counts": "warning", "gpu.no_pod": "warning"}
    cluster.broken["gpu-1"] = crash(NO_NVML)
    cluster.control()
    assert codes_of(cluster.plan(request)) == {"gpu.driver_missing": "error"}


def test_one_gpu_of_each_node_is_tried_once() -> None:
    cluster = Cluster()
    request = request_of(smoke_test="all", pull_secrets=["reg"])
    first = cluster.after(request)
    assert (first.changes, first.findings) == ((), ())
    assert [entry["smoke"] for entry in first.facts["gpu"]["nodes"]] == ["proved", "proved"]
    jobs = [item for path, item in cluster.objects.items() if path.startswith(f"{JOBS}/")]
    assert len(jobs) == 2
    spec = jobs[0]["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (0, 600, 600)
    pod = spec["template"]["spec"]
    assert pod["containers"][0]["resources"] == {"limits": {"nvidia.com/gpu": "1"}}
    assert "nodeName" not in pod
    assert pod["tolerations"] == [{"key": "sku", "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["imagePullSecrets"] == [{"name": "reg"}]


def test_a_sample_tries_one_node_of_each_size() -> None:
    cluster = Cluster()
    cluster.node("big", 8, {**AKS, "node.kubernetes.io/instance-type": "Standard_ND96asr_v4"}, taints=[SKU])
    after = cluster.after(request_of(smoke_test="sample"))
    assert {entry["node"]: entry["smoke"] for entry in after.facts["gpu"]["nodes"]} == {
        "big": "proved",
        "gpu-1": "proved",
        "gpu-2": "",
    }


def test_a_restarted_node_is_tried_again() -> None:
    cluster = Cluster(gpus=1)
    request = request_of(smoke_test="all")
    cluster.run(request)
    cluster.objects[f"{NODES}/gpu-1"]["status"]["nodeInfo"]["bootID"] = "another"
    plan = cluster.plan(request)
    assert [(change.verb, change.object.kind) for change in plan.changes] == [("delete", "Job")]
    assert cluster.after(request).facts["gpu"]["nodes"][0]["smoke"] == "proved"


def test_a_gpu_that_does_not_work() -> None:
    cluster = Cluster(gpus=1)
    cluster.smoke, cluster.smoke_words = "Failed", f"Failed to allocate: {VERSION}"
    plan = cluster.after(request_of(smoke_test="all"))
    assert codes_of(plan) == {"gpu.smoke_broken": "error"}
    assert VERSION in said(plan, "gpu.smoke_broken")
    assert "reimage" in remedy_of(plan, "gpu.smoke_broken")
    assert row(plan, "gpu-1")["smoke"] == "broken"


def pending(cluster: Cluster, **status: t.Any) -> Plan:
    request = request_of(smoke_test="all")
    cluster.smoke = ""
    cluster.run(request)
    pod = next(item for path, item in cluster.objects.items() if path.startswith(f"{PODS}/gpu-smoke"))
    pod["status"] = {"phase": "Pending", **status}
    return cluster.plan(request)


def test_a_node_whose_gpus_are_all_taken_is_not_broken() -> None:
    message = "0/3 nodes are available: 1 Insufficient nvidia.com/gpu."
    plan = pending(Cluster(gpus=1), conditions=[{"type": "PodScheduled", "status": "False", "message": message}])
    assert (codes_of(plan), plan.wait, plan.checks) == ({"gpu.smoke_busy": "info"}, None, {"gpu": "ok"})
    assert row(plan, "gpu-1")["smoke"] == "busy"


def test_an_image_of_the_test_that_cannot_be_pulled_proves_nothing() -> None:
    plan = pending(Cluster(gpus=1), containerStatuses=[waiting("ErrImagePull", "not found")])
    assert (codes_of(plan), plan.wait) == ({"gpu.smoke_image": "warning"}, None)


def test_a_container_that_cannot_start_ends_the_test() -> None:
    plan = pending(Cluster(gpus=1), containerStatuses=[waiting("RunContainerError", VERSION)])
    assert codes_of(plan) == {"gpu.smoke_broken": "error"}


def test_a_test_that_runs_is_waited_for() -> None:
    plan = pending(Cluster(gpus=1))
    assert codes_of(plan) == {"gpu.smoke_running": "warning"}
    assert plan.wait is not None


def test_only_nodes_that_offer_gpus_are_tried() -> None:
    cluster = Cluster(gpus=1)
    cluster.mute.add("gpu-1")
    cluster.after(request_of(smoke_test="all"))
    assert not any(path.startswith(f"{JOBS}/") for path in cluster.objects)


def held(cluster: Cluster, node: str = "gpu-1", name: str = "train") -> None:
    container = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    body = {"spec": {"nodeName": node, "containers": [container]}, "status": {"phase": "Running"}}
    cluster.put("/api/v1/namespaces/ml", {})
    cluster.put(f"/api/v1/namespaces/ml/pods/{name}", body)


def test_absent_takes_exactly_what_is_ours() -> None:
    cluster = Cluster()
    before = set(cluster.objects)
    request = request_of(smoke_test="all", time_slicing_replicas=2)
    cluster.run(request)
    other = cluster.daemon_set(NS, "other", "busybox")
    first = cluster.run(request_of(state="absent"))
    assert sorted(change.object.kind for change in first.changes) == ["ConfigMap", "DaemonSet", "Job", "Job"]
    assert {d for change in first.changes for d in change.disruptive} == set()
    left = set(cluster.objects) - before
    assert left == {f"/api/v1/namespaces/{NS}", f"/apis/apps/v1/namespaces/{NS}/daemonsets/{other['metadata']['name']}"}
    again = cluster.plan(request_of(state="absent"))
    assert (again.changes, again.findings, again.wait) == ((), (), None)


def test_absent_leaves_what_somebody_else_made() -> None:
    cluster = Cluster()
    cluster.put(f"/api/v1/namespaces/{NS}", {})
    cluster.put(CONFIG, {"data": {}})
    cluster.daemon_set(NS, "azureml-nvidia-device-plugin", "busybox")
    plan = cluster.plan(request_of(state="absent"))
    assert (plan.changes, plan.findings) == ((), ())


def test_absent_says_who_would_lose_a_gpu() -> None:
    cluster = Cluster()
    cluster.run(request_of())
    held(cluster)
    held(cluster, "cpu-1", "elsewhere")
    plan = cluster.plan(request_of(state="absent"))
    assert [(change.object.kind, set(change.disruptive)) for change in plan.changes] == [("DaemonSet", {"disturbs_jobs"})]
    assert said(plan, "gpu.in_use") == "1 pods hold GPUs: ml/train."
    cluster.forbidden.add("/api/v1/pods")
    blind = cluster.plan(request_of(state="absent"))
    assert blind.changes[0].disruptive == frozenset({"disturbs_jobs"})
    assert "may not be read" in said(blind, "gpu.in_use")


def test_what_is_being_deleted_is_waited_for() -> None:
    cluster = Cluster()
    cluster.run(request_of())
    cluster.objects[OURS]["metadata"]["deletionTimestamp"] = "2026-11-24T10:00:00Z"
    for state in ("present", "absent"):
        plan = cluster.plan(request_of(state=state))
        assert plan.changes == ()
        assert codes_of(plan)["gpu.going"] == "error"
        assert plan.wait is not None


def test_absent_does_not_fight_gitops() -> None:
    cluster = Cluster()
    cluster.run(request_of())
    cluster.objects[OURS]["metadata"]["labels"]["argocd.argoproj.io/instance"] = "gpu"
    plan = cluster.plan(request_of(state="absent"))
    assert (plan.changes, codes_of(plan)) == ((), {"gpu.gitops_managed": "error"})
