"""Nodes offer their GPUs while a device plugin runs there, and as their machine's faults allow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.faults.work import until
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("arc-k3s-gpu")]

NODE = "/api/v1/nodes/k3s-gpu"
SETS = "/apis/apps/v1/namespaces/kube-system/daemonsets"
MERGE = "application/merge-patch+json"


def plugin(name: str = "plugin", *, folder: str = "/var/lib/kubelet/device-plugins") -> dict[str, Any]:
    labels = {"app": name}
    spec = {"containers": [{"name": "c", "image": "plugin:v1"}], "volumes": [{"name": "sockets", "hostPath": {"path": folder}}]}
    template = {"metadata": {"labels": labels}, "spec": spec}
    metadata = {"name": name, "namespace": "kube-system"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": metadata,
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def offered(sandbox: Sandbox) -> tuple[str | None, str | None]:
    status = sandbox.request("GET", NODE)["status"]
    return status["capacity"].get("nvidia.com/gpu"), status["allocatable"].get("nvidia.com/gpu")


def break_it(sandbox: Sandbox, fault: str | None) -> None:
    sandbox.request("PATCH", NODE, {"metadata": {"annotations": {"sandbox.internal/gpu-fault": fault}}}, content_type=MERGE)


def until_offered(sandbox: Sandbox, capacity: str | None, allocatable: str | None) -> None:
    until(f"{allocatable} of {capacity}", lambda: offered(sandbox) == (capacity, allocatable))


def ready(sandbox: Sandbox, name: str) -> int:
    return int(sandbox.request("GET", f"{SETS}/{name}")["status"].get("numberReady", 0))


def test_gpus_come_with_a_plugin_and_go_with_it(arc_k3s_gpu: Sandbox) -> None:
    assert offered(arc_k3s_gpu) == (None, None)
    arc_k3s_gpu.apply([plugin()])
    until_offered(arc_k3s_gpu, "2", "2")
    server = arc_k3s_gpu.request("GET", "/api/v1/nodes/k3s-server")
    assert "nvidia.com/gpu" not in server["status"]["capacity"]
    arc_k3s_gpu.request("DELETE", f"{SETS}/plugin")
    until_offered(arc_k3s_gpu, "2", "0")
    arc_k3s_gpu.reset()
    assert offered(arc_k3s_gpu) == (None, None)


def test_something_else_offers_nothing(arc_k3s_gpu: Sandbox) -> None:
    arc_k3s_gpu.apply([plugin("agent", folder="/var/log")])
    until("it runs on both nodes", lambda: ready(arc_k3s_gpu, "agent") == 2)
    arc_k3s_gpu.apply([plugin()])
    until_offered(arc_k3s_gpu, "2", "2")


def test_faults_of_the_machine(arc_k3s_gpu: Sandbox) -> None:
    break_it(arc_k3s_gpu, "no_driver")
    arc_k3s_gpu.apply([plugin()])
    until("it runs on both nodes", lambda: ready(arc_k3s_gpu, "plugin") == 2)
    assert offered(arc_k3s_gpu) == (None, None)
    break_it(arc_k3s_gpu, "xid")
    until_offered(arc_k3s_gpu, "2", "1")
    break_it(arc_k3s_gpu, None)
    until_offered(arc_k3s_gpu, "2", "2")


def test_reset_while_a_plugin_runs_leaves_no_gpus(arc_k3s_gpu: Sandbox) -> None:
    for _round in range(3):
        arc_k3s_gpu.apply([plugin()])
        until_offered(arc_k3s_gpu, "2", "2")
        arc_k3s_gpu.reset()
        assert offered(arc_k3s_gpu) == (None, None)
