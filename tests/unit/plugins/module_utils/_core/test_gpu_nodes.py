"""Which nodes have NVIDIA GPUs: every size that Azure has, every label, and what contradicts them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.gpu_nodes import (
    Selector,
    gpu_node,
    gpu_nodes,
    is_nvidia_size,
    other_accelerator,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.gpu_sizes import GPU_SIZES
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.gpu

Json = t.Dict[str, t.Any]
NFD = "feature.node.kubernetes.io"


def node(labels: Json | None = None, *, os: str = "linux", arch: str = "amd64", ready: str = "True", **more: t.Any) -> Json:
    status = {
        "nodeInfo": {"operatingSystem": os, "architecture": arch, "bootID": "boot-1"},
        "conditions": [{"type": "Ready", "status": ready}, *more.get("conditions", ())],
        "capacity": more.get("capacity", {}),
        "allocatable": more.get("allocatable", more.get("capacity", {})),
    }
    return {"metadata": {"name": "n", "labels": labels or {}}, "spec": more.get("spec", {}), "status": status}


def sized(size: str, **labels: str) -> Json:
    return {"node.kubernetes.io/instance-type": size, **labels}


def test_the_table_is_whole() -> None:
    assert len(GPU_SIZES.rows) == 89
    assert len({row.name.lower() for row in GPU_SIZES.rows}) == 89
    assert sum(row.vendor == "nvidia" for row in GPU_SIZES.rows) == 82


@pytest.mark.parametrize("spelled", [str, str.lower, str.upper])
@pytest.mark.parametrize(("name", "vendor"), [(row.name, row.vendor) for row in GPU_SIZES.rows])
def test_every_size_that_aks_has_a_driver_for(name: str, vendor: str, spelled: t.Callable[[str], str]) -> None:
    size = spelled(f"Standard_{name}")
    assert is_nvidia_size(size) == (vendor == "nvidia")
    assert (gpu_node(node(sized(size))) is not None) == (vendor == "nvidia")


@pytest.mark.parametrize(
    ("size", "what"),
    [
        ("Standard_NV4as_v4", "an AMD GPU"),
        ("Standard_NV32as_v4", "an AMD GPU"),
        ("Standard_NG32ads_V620_v1", "an AMD GPU"),
        ("Standard_NG16adms_V620_v1", "an AMD GPU"),
        ("Standard_ND96isr_MI300X_v5", "an AMD GPU"),
        ("Standard_NV28adms_V710_v5", "an AMD GPU"),
        ("Standard_NP10s", "an FPGA"),
        ("Standard_NP40s", "an FPGA"),
        ("Standard_NM16ads_MA35D", "AMD media accelerators"),
        ("Standard_D4s_v5", ""),
        ("Standard_NC4as_T4_v3", ""),
        ("k3s", ""),
        ("", ""),
    ],
)
def test_what_only_looks_like_nvidia(size: str, what: str) -> None:
    assert other_accelerator(size) == what
    assert is_nvidia_size(size) == (size == "Standard_NC4as_T4_v3")


@pytest.mark.parametrize("size", ["Standard_NCC40ads_H100_v5", "Standard_NC24lds_RTXPRO6000BSE_v6", "Standard_NC999xyz_B300_v9"])
def test_sizes_that_no_table_has_follow_the_rule(size: str) -> None:
    assert is_nvidia_size(size)


@pytest.mark.parametrize(
    ("labels", "sign"),
    [
        ({"kubernetes.azure.com/accelerator": "nvidia"}, "label kubernetes.azure.com/accelerator=nvidia"),
        ({"accelerator": "nvidia"}, "label accelerator=nvidia"),
        ({"karpenter.azure.com/sku-gpu-manufacturer": "nvidia"}, "label karpenter.azure.com/sku-gpu-manufacturer=nvidia"),
        ({"cloud.google.com/gke-accelerator": "nvidia-l4"}, "label cloud.google.com/gke-accelerator=nvidia-l4"),
        ({"k8s.amazonaws.com/accelerator": "nvidia-tesla-t4"}, "label k8s.amazonaws.com/accelerator=nvidia-tesla-t4"),
        ({f"{NFD}/pci-10de.present": "true"}, f"label {NFD}/pci-10de.present=true"),
        ({f"{NFD}/pci-0302_10de.present": "true"}, f"label {NFD}/pci-0302_10de.present=true"),
        ({f"{NFD}/pci-0300_10de.present": "true"}, f"label {NFD}/pci-0300_10de.present=true"),
        ({f"{NFD}/pci-0399_10de.present": "true"}, f"label {NFD}/pci-0399_10de.present=true"),
        ({"nvidia.com/gpu.present": "true"}, "label nvidia.com/gpu.present=true"),
        ({"nvidia.com/gpu.product": "Tesla-T4"}, "label nvidia.com/gpu.product=Tesla-T4"),
        ({f"{NFD}/cpu-model.vendor_id": "NVIDIA"}, f"label {NFD}/cpu-model.vendor_id=NVIDIA"),
        ({"beta.kubernetes.io/instance-type": "Standard_NC6s_v3"}, "size Standard_NC6s_v3"),
        ({"accelerator": "amd"}, None),
        ({f"{NFD}/pci-10de.present": "false"}, None),
        ({f"{NFD}/pci-0200_10de.present": "true"}, None),
        ({f"{NFD}/pci-1002.present": "true"}, None),
        ({"cloud.google.com/gke-accelerator": "tpu"}, None),
        ({"nvidia.com/gpu.present": "false"}, None),
        ({}, None),
    ],
)
def test_every_label(labels: Json, sign: str | None) -> None:
    found = gpu_node(node(labels))
    assert (found and found.detected_by) == (sign and (sign,))


@pytest.mark.parametrize("resource", ["nvidia.com/gpu", "nvidia.com/gpu.shared", "nvidia.com/mig-1g.5gb"])
def test_what_a_plugin_registered_is_the_strongest_sign(resource: str) -> None:
    found = gpu_node(node({"accelerator": "nvidia"}, capacity={resource: "2"}, allocatable={resource: "1"}))
    assert found is not None
    assert found.detected_by == (f"capacity {resource}", "label accelerator=nvidia")
    assert (found.capacity, found.allocatable, found.gpus) == ({resource: 2}, {resource: 1}, 1)


def test_an_empty_capacity_is_no_gpu() -> None:
    assert gpu_node(node(capacity={"nvidia.com/gpu": "0", "amd.com/gpu": "4"})) is None


def test_the_users_own_label() -> None:
    selectors = [Selector("pool", "gpu"), Selector("has-gpu")]
    assert gpu_node(node({"pool": "cpu"}), selectors) is None
    found = gpu_node(node({"pool": "gpu", "has-gpu": ""}), selectors)
    assert found is not None
    assert found.detected_by == ("your label pool=gpu", "your label has-gpu")


@pytest.mark.parametrize(
    ("made", "state"),
    [
        (node({"accelerator": "nvidia"}), "expected"),
        (node({"accelerator": "nvidia"}, ready="False"), "not_ready"),
        (node({"accelerator": "nvidia"}, ready="Unknown"), "not_ready"),
        (node({"accelerator": "nvidia"}, spec={"unschedulable": True}), "cordoned"),
        (node({"accelerator": "nvidia"}, os="windows"), "windows"),
        (node({"accelerator": "nvidia", "type": "virtual-kubelet"}), "virtual"),
        (node({"accelerator": "nvidia", "kubernetes.azure.com/dcgm-exporter": "enabled"}), "aks_managed"),
        (node({"accelerator": "nvidia"}, conditions=[{"type": "UnhealthyNvidiaDevicePlugin", "status": "False"}]), "aks_managed"),
        (node(sized("Standard_NV8as_v4", accelerator="nvidia")), "contradictory"),
    ],
)
def test_nodes_that_are_apart(made: Json, state: str) -> None:
    found = gpu_node(made)
    assert found is not None
    assert found.state == state


@pytest.mark.parametrize(
    ("labels", "contradiction"),
    [
        (sized("Standard_ND96isr_MI300X_v5", accelerator="nvidia"), "size Standard_ND96isr_MI300X_v5 has an AMD GPU"),
        (sized("Standard_NP10s", accelerator="nvidia"), "size Standard_NP10s has an FPGA"),
        (sized("Standard_NC6s_v3", **{"kubernetes.azure.com/accelerator": "amd"}), "label kubernetes.azure.com/accelerator=amd"),
    ],
)
def test_contradictions(labels: Json, contradiction: str) -> None:
    found = gpu_node(node(labels))
    assert found is not None
    assert found.contradiction == contradiction


@pytest.mark.parametrize(
    ("labels", "capacity", "mig", "sharing"),
    [
        ({}, {"nvidia.com/gpu": "1"}, "", ""),
        ({"nvidia.com/mig.strategy": "single"}, {"nvidia.com/gpu": "7"}, "single", ""),
        ({"nvidia.com/mig.strategy": "none"}, {"nvidia.com/gpu": "1"}, "", ""),
        ({}, {"nvidia.com/mig-1g.5gb": "7"}, "mixed", ""),
        ({"nvidia.com/gpu.sharing-strategy": "time-slicing"}, {"nvidia.com/gpu": "4"}, "", "time-slicing"),
        ({"nvidia.com/gpu.sharing-strategy": "mps"}, {"nvidia.com/gpu": "4"}, "", "mps"),
        ({"nvidia.com/gpu.sharing-strategy": "none", "nvidia.com/gpu.replicas": "1"}, {"nvidia.com/gpu": "1"}, "", ""),
        ({"nvidia.com/gpu.replicas": "4"}, {"nvidia.com/gpu": "4"}, "", "time-slicing"),
        ({}, {"nvidia.com/gpu.shared": "4"}, "", "time-slicing"),
    ],
)
def test_slices_and_shares(labels: Json, capacity: Json, mig: str, sharing: str) -> None:
    found = gpu_node(node(labels, capacity=capacity))
    assert found is not None
    assert (found.mig, found.sharing) == (mig, sharing)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["metadata", "labels", "status", "x"]), inner),
    max_leaves=8,
)


@given(JSON.filter(lambda value: isinstance(value, dict)), JSON)
def test_odd_data_never_raises(odd: Json, value: t.Any) -> None:
    gpu_nodes([odd, {"metadata": {"labels": {"accelerator": value}}, "status": {"capacity": {"nvidia.com/gpu": value}}}])
