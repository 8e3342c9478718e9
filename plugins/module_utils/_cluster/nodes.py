"""Nodes and MachineConfigPools as facts."""

from __future__ import annotations

import typing as t
from collections import Counter

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, name_of, objects, text

_ROLE_PREFIX = "node-role.kubernetes.io/"
_POOL_LABELS = (
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "cloud.google.com/gke-nodepool",
    "hypershift.openshift.io/nodePool",
    "karpenter.sh/nodepool",
)
_CURRENT_CONFIG = "machineconfiguration.openshift.io/currentConfig"
_GPU = "nvidia.com/gpu"


def describe_node(node: Json) -> Json:
    """One Node as a person asks about it; None where the node does not say."""
    metadata, spec, status = mapping(node, "metadata"), mapping(node, "spec"), mapping(node, "status")
    labels, info = mapping(metadata, "labels"), mapping(status, "nodeInfo")
    return {
        "name": name_of(node),
        "roles": roles(labels),
        "pool": pool(node),
        "os": text(info.get("operatingSystem")) or text(labels.get("kubernetes.io/os")) or None,
        "architecture": text(info.get("architecture")) or text(labels.get("kubernetes.io/arch")) or None,
        "os_image": text(info.get("osImage")) or None,
        "kernel": text(info.get("kernelVersion")) or None,
        "container_runtime": text(info.get("containerRuntimeVersion")) or None,
        "kubelet": text(info.get("kubeletVersion")) or None,
        "instance_type": text(labels.get("node.kubernetes.io/instance-type")) or None,
        "zone": text(labels.get("topology.kubernetes.io/zone")) or None,
        "virtual": labels.get("type") == "virtual-kubelet",
        "ready": condition(status, "Ready"),
        "schedulable": spec.get("unschedulable") is not True,
        "taints": [
            {"key": text(taint.get("key")), "value": text(taint.get("value")), "effect": text(taint.get("effect"))}
            for taint in objects(spec.get("taints"))
        ],
        "allocatable": {key: str(value) for key, value in mapping(status, "allocatable").items()},
    }


def roles(labels: Json) -> list[str]:
    """Roles as `kubectl get nodes` shows them."""
    named = {key[len(_ROLE_PREFIX) :] for key in labels if isinstance(key, str) and key.startswith(_ROLE_PREFIX)}
    return sorted(named | {text(labels.get("kubernetes.io/role"))} - {""})


def pool(node: Json) -> str | None:
    """The pool that the node belongs to: a label of the provider, or the MachineConfigPool that renders its configuration.

    The machine config daemon names it as `rendered-<pool>-<32 hexadecimal digits>`.
    """
    metadata = mapping(node, "metadata")
    labels = mapping(metadata, "labels")
    for label in _POOL_LABELS:
        if text(labels.get(label)):
            return text(labels[label])
    rendered = text(mapping(metadata, "annotations").get(_CURRENT_CONFIG))
    name, _dash, digest = rendered[len("rendered-") :].rpartition("-") if rendered.startswith("rendered-") else ("", "", "")
    return name if name and digest else None


def condition(status: Json, kind: str) -> bool | None:
    """Whether a condition is True; None when the object does not have it."""
    for entry in objects(status.get("conditions")):
        if entry.get("type") == kind:
            return entry.get("status") == "True"
    return None


def summarise(nodes: t.Sequence[Json]) -> Json:
    """Sums over described nodes."""
    platforms = Counter(f"{node['os'] or 'unknown'}/{node['architecture'] or 'unknown'}" for node in nodes)
    return {
        "total": len(nodes),
        "ready": sum(node["ready"] is True for node in nodes),
        "schedulable": sum(node["schedulable"] for node in nodes),
        "linux_amd64": sum(runs_linux_amd64(node) is True for node in nodes),
        "platforms": dict(sorted(platforms.items())),
        "pools": dict(sorted(Counter(node["pool"] or "" for node in nodes).items())),
        "kubelets": dict(sorted(Counter(node["kubelet"] or "unknown" for node in nodes).items())),
        "gpu_nodes": sum(gpus(node) > 0 for node in nodes),
        "gpus": sum(gpus(node) for node in nodes),
    }


def runs_linux_amd64(node: Json) -> bool | None:
    """Whether the extension's images run on a described node; None when it does not say. Virtual kubelets run nothing of it."""
    if node["virtual"]:
        return False
    if node["os"] == "windows" or (node["architecture"] or "amd64") != "amd64":
        return False
    return True if node["os"] and node["architecture"] else None


def gpus(node: Json) -> int:
    """NVIDIA GPUs that a described node offers to pods."""
    count = node["allocatable"].get(_GPU, "")
    return int(count) if count.isascii() and count.isdigit() and len(count) < 10 else 0


def describe_pool(machine_config_pool: Json) -> Json:
    """One MachineConfigPool: how far its rollout is, and what holds it up."""
    spec, status = mapping(machine_config_pool, "spec"), mapping(machine_config_pool, "status")
    return {
        "name": name_of(machine_config_pool),
        "paused": spec.get("paused") is True,
        "max_unavailable": spec.get("maxUnavailable", 1),
        "configuration": text(mapping(status, "configuration").get("name")) or None,
        "target_configuration": text(mapping(spec, "configuration").get("name")) or None,
        "updated": condition(status, "Updated"),
        "updating": condition(status, "Updating"),
        "degraded": condition(status, "Degraded"),
        "machines": _count(status, "machineCount"),
        "ready_machines": _count(status, "readyMachineCount"),
        "updated_machines": _count(status, "updatedMachineCount"),
        "degraded_machines": _count(status, "degradedMachineCount"),
    }


def _count(status: Json, key: str) -> int | None:
    value = status.get(key)
    return value if isinstance(value, int) else None
