"""Which nodes have NVIDIA GPUs, and by what that is known. Topics that look at GPUs share this.

A node shows its GPUs only once a device plugin runs there, so labels of platforms and of feature discovery, and at last the
size of its machine, have to tell before.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .model import Json
from .platform import condition, mapping, name_of, text

GPU = "nvidia.com/gpu"
SHARED = "nvidia.com/gpu.shared"
MIG_PREFIX = "nvidia.com/mig-"
INSTANCE_TYPE = "node.kubernetes.io/instance-type"
OLD_INSTANCE_TYPE = "beta.kubernetes.io/instance-type"
# The systemd unit with which AKS serves a managed pool leaves these marks; it is no DaemonSet.
AKS_MANAGED_LABEL, AKS_MANAGED_VALUE = "kubernetes.azure.com/dcgm-exporter", "enabled"
AKS_MANAGED_CONDITION = "UnhealthyNvidiaDevicePlugin"
VENDOR_LABELS = ("kubernetes.azure.com/accelerator", "accelerator", "karpenter.azure.com/sku-gpu-manufacturer")
MODEL_LABELS = ("cloud.google.com/gke-accelerator", "k8s.amazonaws.com/accelerator")
PRESENT_LABELS = (
    "nvidia.com/gpu.present",
    "feature.node.kubernetes.io/pci-10de.present",
    "feature.node.kubernetes.io/pci-0300_10de.present",
    "feature.node.kubernetes.io/pci-0302_10de.present",
    "feature.node.kubernetes.io/pci-0380_10de.present",
)
PRODUCT_LABEL = "nvidia.com/gpu.product"
TEGRA_LABEL, TEGRA_VALUE = "feature.node.kubernetes.io/cpu-model.vendor_id", "NVIDIA"
_PCI = re.compile(r"feature\.node\.kubernetes\.io/pci-(03\d\d_)?10de\.present")
_SIZE = re.compile(r"(ncc?|nd|nv)\d+")
_AMD = re.compile(r"nv\d+as_v4$|ng\d+|.*_v710_|.*_mi\d+x?_|.*_v620_")
_FPGA = re.compile(r"np\d+s?$")
_MEDIA = re.compile(r"nm\d+")

NodeState = t.Literal["expected", "not_ready", "cordoned", "windows", "virtual", "aks_managed", "contradictory"]


@dataclass(frozen=True)
class Selector:
    """A label that the user says GPU nodes have: with a value, or with any (None)."""

    key: str
    value: str | None = None

    def matches(self, labels: Json) -> bool:
        """Whether the labels of a node have it."""
        return self.key in labels and self.value in (None, labels[self.key])

    def __str__(self) -> str:
        return self.key if self.value is None else f"{self.key}={self.value}"


@dataclass(frozen=True)
class GpuNode:
    """A node with NVIDIA GPUs.

    Args:
        detected_by: one phrase per sign, the strongest first.
        state: `expected` when a plugin should serve it now, otherwise why not.
        contradiction: what speaks against an NVIDIA GPU, "" for nothing.
        capacity: GPUs by resource name that the kubelet knows of.
        allocatable: those of them that are healthy.
        mig: the strategy by which GPUs are split, "" when they are not.
        sharing: how GPUs are shared, as `time-slicing` or `mps`, "" when they are not.
        boot_id: changes with each start of the machine.
    """

    name: str
    detected_by: tuple[str, ...]
    state: NodeState = "expected"
    contradiction: str = ""
    instance_type: str = ""
    architecture: str = ""
    capacity: t.Mapping[str, int] = field(default_factory=dict)
    allocatable: t.Mapping[str, int] = field(default_factory=dict)
    mig: str = ""
    sharing: str = ""
    boot_id: str = ""

    @property
    def gpus(self) -> int:
        """Healthy GPUs of any resource name."""
        return sum(self.allocatable.values())

    def public(self) -> Json:
        """The node as facts show it."""
        return {
            "name": self.name,
            "state": self.state,
            "detected_by": list(self.detected_by),
            "contradiction": self.contradiction,
            "instance_type": self.instance_type or None,
            "architecture": self.architecture or None,
            "capacity": dict(self.capacity),
            "allocatable": dict(self.allocatable),
            "mig": self.mig,
            "sharing": self.sharing,
        }


def is_nvidia_size(size: str) -> bool:
    """Whether a size of an Azure machine has NVIDIA GPUs; a rule, so that sizes of tomorrow are known, too."""
    name = _bare(size)
    return bool(_SIZE.match(name)) and not other_accelerator(size)


def other_accelerator(size: str) -> str:
    """What a size of an Azure machine has that only looks like an NVIDIA GPU, "" for nothing."""
    name = _bare(size)
    if _AMD.match(name):
        return "an AMD GPU"
    return "an FPGA" if _FPGA.match(name) else "AMD media accelerators" if _MEDIA.match(name) else ""


def _bare(size: str) -> str:
    name = size.lower()
    name = name.removeprefix("standard_")
    return name.removesuffix("_promo")


def gpu_nodes(nodes: t.Iterable[Json], selectors: t.Sequence[Selector] = ()) -> tuple[GpuNode, ...]:
    """The nodes that have NVIDIA GPUs, by name; `selectors` are the user's word."""
    found = (gpu_node(node, selectors) for node in nodes)
    return tuple(sorted((node for node in found if node is not None), key=lambda node: node.name))


def gpu_node(node: Json, selectors: t.Sequence[Selector] = ()) -> GpuNode | None:
    """One Node; None when nothing says that it has an NVIDIA GPU."""
    labels, status = mapping(node, "metadata", "labels"), mapping(node, "status")
    signs = tuple(_signs(labels, status, selectors))
    if not signs:
        return None
    info = mapping(status, "nodeInfo")
    contradiction = _contradiction(labels)
    capacity, allocatable = resources(status, "capacity"), resources(status, "allocatable")
    return GpuNode(
        name=name_of(node),
        detected_by=signs,
        state=_state(node, contradiction),
        contradiction=contradiction,
        instance_type=instance_type(labels),
        architecture=text(info.get("architecture")) or text(labels.get("kubernetes.io/arch")),
        capacity=capacity,
        allocatable=allocatable,
        mig=_mig(labels, capacity),
        sharing=_sharing(labels, capacity),
        boot_id=text(info.get("bootID")),
    )


def instance_type(labels: Json) -> str:
    """The size of the node's machine."""
    return text(labels.get(INSTANCE_TYPE)) or text(labels.get(OLD_INSTANCE_TYPE))


def is_gpu_resource(name: str) -> bool:
    """Whether a resource of a node or pod is NVIDIA GPUs, whole, shared or in slices."""
    return name in (GPU, SHARED) or name.startswith(MIG_PREFIX)


def resources(status: Json, kind: str) -> dict[str, int]:
    """GPUs by resource name in the `capacity` or `allocatable` of a node, the `limits` of a container."""
    found = {}
    for name, value in mapping(status, kind).items():
        count = str(value)
        if is_gpu_resource(str(name)) and count.isascii() and count.isdigit() and len(count) < 10:
            found[str(name)] = int(count)
    return found


def _signs(labels: Json, status: Json, selectors: t.Sequence[Selector]) -> t.Iterator[str]:
    yield from (f"capacity {name}" for name, count in sorted(resources(status, "capacity").items()) if count)
    yield from (f"label {key}={labels[key]}" for key in _label_signs(labels))
    if is_nvidia_size(instance_type(labels)):
        yield f"size {instance_type(labels)}"
    yield from (f"your label {selector}" for selector in selectors if selector.matches(labels))


def _label_signs(labels: Json) -> t.Iterator[str]:
    """Keys of labels that say so: of platforms, of NFD, of GPU feature discovery."""
    yield from (key for key in VENDOR_LABELS if text(labels.get(key)).lower() == "nvidia")
    yield from (key for key in MODEL_LABELS if text(labels.get(key)).lower().startswith("nvidia"))
    names = sorted(key for key in labels if isinstance(key, str) and labels[key] == "true")
    yield from (key for key in names if key in PRESENT_LABELS or _PCI.fullmatch(key))
    if text(labels.get(PRODUCT_LABEL)):
        yield PRODUCT_LABEL
    if labels.get(TEGRA_LABEL) == TEGRA_VALUE:
        yield TEGRA_LABEL


def _contradiction(labels: Json) -> str:
    """What says that there is no NVIDIA GPU, although something else says that there is."""
    size = instance_type(labels)
    if other_accelerator(size):
        return f"size {size} has {other_accelerator(size)}"
    foreign = [f"label {key}=amd" for key in VENDOR_LABELS if text(labels.get(key)).lower() == "amd"]
    return foreign[0] if foreign else ""


def _state(node: Json, contradiction: str) -> NodeState:
    labels, status = mapping(node, "metadata", "labels"), mapping(node, "status")
    system = text(mapping(status, "nodeInfo").get("operatingSystem")) or text(labels.get("kubernetes.io/os"))
    if labels.get("type") == "virtual-kubelet":
        return "virtual"
    if system == "windows":
        return "windows"
    if contradiction:
        return "contradictory"
    if labels.get(AKS_MANAGED_LABEL) == AKS_MANAGED_VALUE or condition(status, AKS_MANAGED_CONDITION):
        return "aks_managed"
    if condition(status, "Ready") != "True":
        return "not_ready"
    return "cordoned" if mapping(node, "spec").get("unschedulable") is True else "expected"


def _mig(labels: Json, capacity: t.Mapping[str, int]) -> str:
    strategy = text(labels.get("nvidia.com/mig.strategy"))
    if any(name.startswith(MIG_PREFIX) for name in capacity):
        return "mixed"
    return strategy if strategy in ("single", "mixed") else ""


def _sharing(labels: Json, capacity: t.Mapping[str, int]) -> str:
    strategy = text(labels.get("nvidia.com/gpu.sharing-strategy"))
    replicas = text(labels.get("nvidia.com/gpu.replicas"))
    if strategy and strategy != "none":
        return strategy
    many = replicas.isascii() and replicas.isdigit() and int(replicas[:6]) > 1
    return "time-slicing" if many or SHARED in capacity else ""
