"""Who serves a GPU node: a DaemonSet of any name, the GPU Operator, AKS, the AzureML extension, or this collection."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.gpu_nodes import GpuNode
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import made_by_us
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    EXTENSION_NAMESPACE,
    is_extension_object,
    mapping,
    name_of,
    objects,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.manifests import NAME
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.scheduling import kept_away

Kind = t.Literal["ours", "daemonset", "operator", "extension", "aks"]

_IMAGE = re.compile(r"(^|[/_-])(nvidia-)?(k8s|gpu|nvidia)-device-plugin([:@]|$)")
_NVIDIA = re.compile(r"nvidia|cuda", re.IGNORECASE)
_OTHERS = re.compile(r"\bamd|rocm|xilinx|intel|habana|gaudi|rdma|sriov|fuse|smarter|kvm|\btpu", re.IGNORECASE)
# Programs of the same image that serve no socket.
_NO_PLUGIN = re.compile(r"gpu-feature-discovery|mps-control-daemon|config-manager|dcgm")
_DEPLOY = "nvidia.com/gpu.deploy.device-plugin"
_OFF = ("nvidia.com/gpu.deploy.operands", _DEPLOY)


@dataclass(frozen=True)
class Owner:
    """A device plugin.

    Args:
        subject: as findings name it.
        item: its DaemonSet, {} where there is none that we know of.
        planned: it is to come, and not there yet.
    """

    kind: Kind
    subject: str
    item: Json = field(default_factory=dict)
    planned: bool = False

    @property
    def namespace(self) -> str:
        """Where its pods are, "" when it has none."""
        return text(mapping(self.item, "metadata").get("namespace"))

    @property
    def labels(self) -> dict[str, str]:
        """By which its pods are known."""
        return {key: text(value) for key, value in mapping(self.item, "spec", "selector", "matchLabels").items()}

    @property
    def pod_spec(self) -> Json:
        """The spec of its pods."""
        return mapping(self.item, "spec", "template", "spec")

    def covers(self, node: Json) -> bool:
        """Whether it serves a node."""
        if self.kind == "operator":
            labels = mapping(node, "metadata", "labels")
            return all(labels.get(key) != "false" for key in _OFF)
        if self.planned:
            return True
        return not kept_away(node, self.pod_spec)


AKS = Owner("aks", "the AKS-managed pool")
PLANNED_EXTENSION = Owner("extension", "the AzureML extension", planned=True)


def is_device_plugin(item: Json) -> bool:
    """Whether a DaemonSet serves NVIDIA's socket: by its image, or by the folder of sockets that it mounts."""
    spec = mapping(item, "spec", "template", "spec")
    containers = objects(spec.get("containers"))
    running = [container for container in containers if not _NO_PLUGIN.search(_words(container, "command", "args"))]
    if not running or _NO_PLUGIN.search(name_of(item)):
        return False
    if any(_IMAGE.search(text(container.get("image"))) for container in running):
        return True
    mounts = any(text(mapping(volume, "hostPath").get("path")).rstrip("/").endswith("device-plugins") for volume in _volumes(spec))
    return mounts and _looks_like_nvidia(item, spec, running)


def _looks_like_nvidia(item: Json, spec: Json, containers: t.Sequence[Json]) -> bool:
    words = [name_of(item), text(spec.get("runtimeClassName")), *map(str, mapping(spec, "nodeSelector"))]
    words += [text(container.get("image")) for container in containers]
    if any(_OTHERS.search(word) for word in words):
        return False
    words += [_words(container, "command", "args") for container in containers]
    words += [text(entry.get("name")) for container in containers for entry in objects(container.get("env"))]
    words += [text(toleration.get("key")) for toleration in objects(spec.get("tolerations"))]
    return any(_NVIDIA.search(word) for word in words)


def _volumes(spec: Json) -> list[Json]:
    return objects(spec.get("volumes"))


def _words(container: Json, *keys: str) -> str:
    return " ".join(str(word) for key in keys for word in (container.get(key) or ()))


def is_ours(item: Json) -> bool:
    """Whether this collection made the DaemonSet."""
    return name_of(item) == NAME and made_by_us(item)


def owners(daemon_sets: t.Sequence[Json], policies: t.Sequence[Json], *, extension_installs: bool) -> list[Owner]:
    """Every device plugin of the cluster but ours, the operator first."""
    found: list[Owner] = []
    plugins = [item for item in daemon_sets if is_device_plugin(item) and not is_ours(item)]
    operated = [item for item in plugins if _of_operator(item)]
    active = [policy for policy in policies if mapping(policy, "spec", "devicePlugin").get("enabled") is not False]
    if active:
        found.append(Owner("operator", f"ClusterPolicy/{name_of(active[0])}", operated[0] if operated else {}))
    elif operated:
        found.append(Owner("operator", _subject(operated[0]), operated[0]))
    rest = [item for item in plugins if not _of_operator(item)]
    found += [Owner("extension" if _of_extension(item) else "daemonset", _subject(item), item) for item in rest]
    if extension_installs and not any(owner.kind == "extension" for owner in found):
        found.append(PLANNED_EXTENSION)
    return found


def owners_of(node: GpuNode, raw: Json, candidates: t.Sequence[Owner]) -> list[Owner]:
    """Who serves one node."""
    if node.state == "aks_managed":
        return [AKS, *(owner for owner in candidates if not owner.planned and owner.covers(raw))]
    return [owner for owner in candidates if owner.covers(raw)]


def _subject(item: Json) -> str:
    return f"DaemonSet/{text(mapping(item, 'metadata').get('namespace'))}/{name_of(item)}"


def _of_operator(item: Json) -> bool:
    references = objects(mapping(item, "metadata").get("ownerReferences"))
    made = any(reference.get("kind") == "ClusterPolicy" for reference in references)
    return made or _DEPLOY in mapping(item, "spec", "template", "spec", "nodeSelector")


def _of_extension(item: Json) -> bool:
    metadata = mapping(item, "metadata")
    released = mapping(metadata, "annotations").get("meta.helm.sh/release-namespace") == EXTENSION_NAMESPACE
    return is_extension_object(item) or released or metadata.get("namespace") == EXTENSION_NAMESPACE
