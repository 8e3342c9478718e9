"""nvidia_device_plugin against real DaemonSet, Job and admission controllers, on a cluster that looks like AKS."""

from __future__ import annotations

import copy
import threading
import time

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Result

from tests.integration.faults.test_least_privilege import bind, role
from tests.integration.faults.work import errors, until
from tests.integration.gpu.work import (
    DAEMON_SET,
    GPU_NODES,
    NAME,
    NS,
    codes,
    get,
    how_to_of_aks,
    job_pod,
    kubelets,
    offer,
    plugin,
    plugin_nodes,
    requests,
    rows,
)
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.gpu, pytest.mark.xdist_group("aks-gpu")]


def test_installed_proven_tried_and_taken_back(aks_gpu: Sandbox) -> None:
    checked = plugin(aks_gpu.kubeconfig, check_mode=True)
    with kubelets(aks_gpu):
        made = plugin(aks_gpu.kubeconfig)
    assert errors(made) == []
    assert [change.line() for change in checked.changes] == [change.line() for change in made.changes]
    assert plugin_nodes(aks_gpu) == set(GPU_NODES)
    assert rows(made) == dict.fromkeys(GPU_NODES, "served")
    requests(aks_gpu)
    again = plugin(aks_gpu.kubeconfig)
    assert (again.changes, again.findings, dict(again.checks)) == ((), (), {"gpu": "ok"})
    assert requests(aks_gpu) == {"read": 5}

    tried = plugin(aks_gpu.kubeconfig, smoke_test="all")
    assert errors(tried) == []
    assert rows(tried, "smoke") == dict.fromkeys(GPU_NODES, "proved")
    assert plugin(aks_gpu.kubeconfig, smoke_test="all").changes == ()

    gone = plugin(aks_gpu.kubeconfig, state="absent")
    assert errors(gone) == []
    assert sorted(change.object.kind for change in gone.changes) == ["DaemonSet", "Job", "Job"]
    assert get(aks_gpu, DAEMON_SET) is None
    assert plugin(aks_gpu.kubeconfig, state="absent").changes == ()


def test_every_option_is_what_the_server_keeps(aks_gpu: Sandbox) -> None:
    """A DaemonSet that the server fills in differs from ours nowhere, and is changed there and back."""
    options = {
        "image_registry": "mine.azurecr.io/mirror",
        "pull_secrets": ["registry"],
        "node_labels": ["pool=gpu", "mine"],
        "exclude_labels": ["no=gpu"],
        "tolerations": [{"key": "team", "operator": "Exists"}],
        "mig_strategy": "single",
        "time_slicing_replicas": 4,
        "device_list_strategy": "cdi-cri",
        "pass_device_specs": True,
    }
    with kubelets(aks_gpu):
        assert errors(plugin(aks_gpu.kubeconfig)) == []
        assert errors(plugin(aks_gpu.kubeconfig, **options)) == []
        assert plugin(aks_gpu.kubeconfig, **options).changes == ()
        back = plugin(aks_gpu.kubeconfig)
        assert errors(back) == []
    assert plugin(aks_gpu.kubeconfig).changes == ()
    pod = aks_gpu.request("GET", DAEMON_SET)["spec"]["template"]["spec"]
    assert [volume["name"] for volume in pod["volumes"]] == ["device-plugins"]
    assert "imagePullSecrets" not in pod


def test_running_but_no_gpu_is_an_error_when_the_wait_is_over(aks_gpu: Sandbox) -> None:
    result = plugin(aks_gpu.kubeconfig, wait_timeout=4)
    assert codes(result) == {"gpu.no_gpus": "error", "engine.wait_timeout": "error"}
    assert rows(result) == dict.fromkeys(GPU_NODES, "waiting")
    offer(aks_gpu, GPU_NODES[0], 2, healthy=1)
    offer(aks_gpu, GPU_NODES[1], 1)
    assert codes(plugin(aks_gpu.kubeconfig)) == {"gpu.unhealthy": "warning"}


def test_a_plugin_of_the_how_to_is_verified_only(aks_gpu: Sandbox) -> None:
    aks_gpu.apply([how_to_of_aks()])
    until("it runs", lambda: set(GPU_NODES) <= plugin_nodes(aks_gpu, "kube-system"))
    for node in GPU_NODES:
        offer(aks_gpu, node, 1)
    result = plugin(aks_gpu.kubeconfig)
    assert (result.changes, codes(result)) == ((), {"gpu.owned_by_daemonset": "info"})
    assert rows(result, "owner") == dict.fromkeys(GPU_NODES, "DaemonSet/kube-system/nvidia-device-plugin-daemonset")
    tried = plugin(aks_gpu.kubeconfig, smoke_test="all")
    assert errors(tried) == []
    assert rows(tried, "smoke") == dict.fromkeys(GPU_NODES, "proved")
    assert get(aks_gpu, DAEMON_SET) is None


def test_a_plugin_that_crashes_ends_the_wait_with_its_own_words(aks_gpu: Sandbox) -> None:
    with kubelets(aks_gpu):
        plugin(aks_gpu.kubeconfig)
    pods = aks_gpu.request("GET", f"/api/v1/namespaces/{NS}/pods")["items"]
    pod = next(pod for pod in pods if pod["spec"]["nodeName"] == GPU_NODES[0])
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": "could not load NVML library: libnvidia-ml.so.1"}}
    container = {
        "name": "nvidia-device-plugin",
        "image": "i",
        "imageID": "",
        "ready": False,
        "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": ended,
    }
    status = {"conditions": [{"type": "Ready", "status": "False"}], "containerStatuses": [container]}
    path = f"/api/v1/namespaces/{NS}/pods/{pod['metadata']['name']}/status"
    aks_gpu.request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")
    started = time.monotonic()
    result = plugin(aks_gpu.kubeconfig)
    assert time.monotonic() - started < 10
    assert codes(result) == {"gpu.driver_missing": "error"}
    assert rows(result) == {GPU_NODES[0]: "failing", GPU_NODES[1]: "served"}


def test_two_runs_at_once_lose_nothing(aks_gpu: Sandbox) -> None:
    results: list[Result] = []

    def once() -> None:
        results.append(plugin(aks_gpu.kubeconfig, time_slicing_replicas=2, smoke_test="all"))

    threads = [threading.Thread(target=once) for _number in range(3)]
    with kubelets(aks_gpu):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [errors(result) for result in results] == [[], [], []]
    assert [list(rows(result, "smoke").values()) for result in results] == [["proved", "proved"]] * 3
    assert plugin(aks_gpu.kubeconfig, time_slicing_replicas=2, smoke_test="all").changes == ()


def test_a_job_that_holds_the_gpu_is_neither_disturbed_nor_taken_for_a_fault(aks_gpu: Sandbox) -> None:
    with kubelets(aks_gpu):
        plugin(aks_gpu.kubeconfig)
    aks_gpu.apply(job_pod("train", GPU_NODES[0]))
    path = "/api/v1/namespaces/ml/pods/train"
    until("the job runs", lambda: aks_gpu.request("GET", path).get("status", {}).get("phase") == "Running")
    busy = plugin(aks_gpu.kubeconfig, smoke_test="all")
    assert errors(busy) == []
    assert rows(busy, "smoke") == {GPU_NODES[0]: "busy", GPU_NODES[1]: "proved"}
    refused = plugin(aks_gpu.kubeconfig, state="absent")
    assert codes(refused)["engine.consent_missing"] == "error"
    assert "ml/train" in str([finding.message for finding in refused.findings])
    assert get(aks_gpu, DAEMON_SET) is not None
    assert errors(plugin(aks_gpu.kubeconfig, state="absent", accept=["disturbs_jobs"])) == []
    assert get(aks_gpu, DAEMON_SET) is None
    assert aks_gpu.request("GET", path)["status"]["phase"] == "Running"


def test_a_selector_that_cannot_be_changed_is_made_anew_with_consent(aks_gpu: Sandbox) -> None:
    with kubelets(aks_gpu):
        plugin(aks_gpu.kubeconfig)
        old = copy.deepcopy(aks_gpu.request("GET", DAEMON_SET))
        aks_gpu.request("DELETE", DAEMON_SET)
        until("it is gone", lambda: get(aks_gpu, DAEMON_SET) is None)
        labels = {"name": "old", **old["spec"]["template"]["metadata"]["labels"]}
        old["spec"]["selector"]["matchLabels"] = {"name": "old"}
        old["spec"]["template"]["metadata"]["labels"] = labels
        metadata = {key: old["metadata"][key] for key in ("name", "namespace", "labels")}
        aks_gpu.apply([{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": old["spec"]}])
        assert codes(plugin(aks_gpu.kubeconfig))["engine.consent_missing"] == "error"
        made = plugin(aks_gpu.kubeconfig, accept=["restarts_pods"])
        assert errors(made) == []
    assert aks_gpu.request("GET", DAEMON_SET)["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": NAME}


def test_pod_security_of_a_namespace_of_somebody_else(aks_gpu: Sandbox) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    aks_gpu.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NS, "labels": labels}}])
    refused = plugin(aks_gpu.kubeconfig)
    assert codes(refused)["gpu.pod_security"] == "error"
    assert get(aks_gpu, DAEMON_SET) is None


def test_pods_that_admission_refuses_end_the_wait(aks_gpu: Sandbox) -> None:
    with kubelets(aks_gpu):
        plugin(aks_gpu.kubeconfig)
    labels = {"pod-security.kubernetes.io/enforce": "baseline", "app.kubernetes.io/managed-by": "somebody"}
    aks_gpu.request(
        "PATCH", f"/api/v1/namespaces/{NS}", {"metadata": {"labels": labels}}, content_type="application/merge-patch+json"
    )
    for pod in aks_gpu.request("GET", f"/api/v1/namespaces/{NS}/pods")["items"]:
        aks_gpu.request("DELETE", f"/api/v1/namespaces/{NS}/pods/{pod['metadata']['name']}")
    result = plugin(aks_gpu.kubeconfig)
    assert codes(result)["gpu.pods_refused"] == "error"
    assert "violates PodSecurity" in str([finding.message for finding in result.findings])


def test_what_somebody_else_changed_is_not_fought_over(aks_gpu: Sandbox) -> None:
    with kubelets(aks_gpu):
        plugin(aks_gpu.kubeconfig)
        body = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "other:v1"}]
        path = f"{DAEMON_SET}?fieldManager=kubectl-edit"
        aks_gpu.request("PATCH", path, body, content_type="application/json-patch+json")
        result = plugin(aks_gpu.kubeconfig)
    assert codes(result)["engine.field_conflict"] == "error"
    assert "kubectl-edit" in str([finding.message for finding in result.findings])


def test_fifty_gpu_nodes_take_five_requests(aks_gpu: Sandbox) -> None:
    template = aks_gpu.request("GET", f"/api/v1/nodes/{GPU_NODES[0]}")
    nodes = []
    for number in range(48):
        name = f"aks-gpupool-12345678-vmss0001{number:02}"
        labels = {**template["metadata"]["labels"], "kubernetes.io/hostname": name}
        metadata = {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}}
        status = {key: template["status"][key] for key in ("capacity", "allocatable", "nodeInfo")}
        spec = {"taints": template["spec"]["taints"]}
        nodes.append({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": status})
    aks_gpu.apply(nodes)
    with kubelets(aks_gpu):
        made = plugin(aks_gpu.kubeconfig, wait_timeout=90)
    assert errors(made) == []
    assert list(rows(made).values()) == ["served"] * 50
    requests(aks_gpu)
    again = plugin(aks_gpu.kubeconfig)
    assert (again.changes, again.findings) == ((), ())
    assert requests(aks_gpu) == {"read": 5}
    for node in nodes[:24]:
        aks_gpu.request("DELETE", f"/api/v1/nodes/{node['metadata']['name']}")
    assert plugin(aks_gpu.kubeconfig).changes == ()


def test_the_shipped_role_is_enough(aks_gpu: Sandbox) -> None:
    limited = bind(aks_gpu, role("nvidia_device_plugin.yml"))
    with kubelets(aks_gpu):
        made = plugin(limited, time_slicing_replicas=2, smoke_test="sample")
        assert errors(made) == []
        assert list(rows(made, "smoke").values()) == ["proved", ""]
    gone = plugin(limited, state="absent")
    assert errors(gone) == []
    assert get(aks_gpu, DAEMON_SET) is None
    nobody = plugin(aks_gpu.kubeconfig_for("nobody-of-gpus", direct=True))
    assert codes(nobody)["gpu.unreadable"] == "error"
    assert nobody.checks["gpu"] == "unknown"
