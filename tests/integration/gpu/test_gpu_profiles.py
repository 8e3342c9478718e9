"""nvidia_device_plugin beside an owner, and on machines with faults, where nodes offer GPUs as their kubelets do."""

from __future__ import annotations

import pytest

from tests.integration.faults.work import errors, until
from tests.integration.gpu.work import codes, get, plugin, plugin_nodes, rows
from tests.sandbox import Sandbox

pytestmark = pytest.mark.gpu

PLAIN, MANAGED, AMD = (f"aks-{pool}-12345678-vmss000000" for pool in ("plain", "managed", "amd"))
AGENT = "k3s-gpu"


def break_it(sandbox: Sandbox, node: str, fault: str) -> None:
    body = {"metadata": {"annotations": {"sandbox.internal/gpu-fault": fault}}}
    sandbox.request("PATCH", f"/api/v1/nodes/{node}", body, content_type="application/merge-patch+json")


def allocatable(sandbox: Sandbox, node: str) -> str:
    found = get(sandbox, f"/api/v1/nodes/{node}") or {}
    return str(found["status"]["allocatable"].get("nvidia.com/gpu", ""))


@pytest.mark.xdist_group("aks-gpu-mixed")
def test_a_managed_pool_keeps_its_owner_and_the_plain_one_gets_ours(aks_gpu_mixed: Sandbox) -> None:
    made = plugin(aks_gpu_mixed.kubeconfig)
    assert errors(made) == []
    assert codes(made) == {"gpu.contradiction": "warning", "gpu.owned_by_aks": "info"}
    assert rows(made) == {PLAIN: "served", MANAGED: "served", AMD: "contradictory"}
    owners = {PLAIN: "DaemonSet/gpu-resources/azureml-nvidia-device-plugin", MANAGED: "the AKS-managed pool", AMD: ""}
    assert rows(made, "owner") == owners
    assert plugin_nodes(aks_gpu_mixed) == {PLAIN}
    tried = plugin(aks_gpu_mixed.kubeconfig, smoke_test="all")
    assert rows(tried, "smoke") == {PLAIN: "proved", MANAGED: "proved", AMD: ""}
    assert plugin(aks_gpu_mixed.kubeconfig).changes == ()
    gone = plugin(aks_gpu_mixed.kubeconfig, state="absent")
    assert errors(gone) == []
    until("its GPU is no longer allocatable", lambda: allocatable(aks_gpu_mixed, PLAIN) == "0")
    assert allocatable(aks_gpu_mixed, MANAGED) == "1"


@pytest.mark.xdist_group("arc-k3s-gpu")
def test_k3s_by_its_feature_label(arc_k3s_gpu: Sandbox) -> None:
    made = plugin(arc_k3s_gpu.kubeconfig)
    assert errors(made) == []
    assert rows(made) == {AGENT: "served"}
    assert rows(made, "allocatable") == {AGENT: {"nvidia.com/gpu": 2}}
    assert plugin(arc_k3s_gpu.kubeconfig).changes == ()


@pytest.mark.xdist_group("arc-k3s-gpu")
def test_a_plugin_that_finds_no_driver_runs_and_offers_nothing(arc_k3s_gpu: Sandbox) -> None:
    break_it(arc_k3s_gpu, AGENT, "no_driver")
    result = plugin(arc_k3s_gpu.kubeconfig, wait_timeout=4)
    assert codes(result) == {"gpu.no_gpus": "error", "engine.wait_timeout": "error"}
    assert rows(result, "plugin_ready") == {AGENT: True}
    assert rows(result) == {AGENT: "waiting"}


@pytest.mark.xdist_group("arc-k3s-gpu")
def test_a_gpu_with_an_error_is_said(arc_k3s_gpu: Sandbox) -> None:
    break_it(arc_k3s_gpu, AGENT, "xid")
    result = plugin(arc_k3s_gpu.kubeconfig)
    assert codes(result) == {"gpu.unhealthy": "warning"}
    assert rows(result, "allocatable") == {AGENT: {"nvidia.com/gpu": 1}}
