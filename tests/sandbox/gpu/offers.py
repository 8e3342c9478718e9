"""What a node offers, from its machine and the pods that run there: nothing but a function."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]

GPU = "nvidia.com/gpu"
GPUS = "sandbox.internal/gpus"
FAULT = "sandbox.internal/gpu-fault"
NO_DRIVER, XID = "no_driver", "xid"
SOCKETS = "/var/lib/kubelet/device-plugins"


def offer(node: Object, pods: Iterable[Object], daemon_sets: frozenset[str]) -> Object | None:
    """Return the changes to ``status`` of ``node``, None when there are none or its machine has no GPUs.

    ``daemon_sets`` are the uids of those that exist: a pod whose owner has gone is about to go, too.
    """
    metadata, status = node["metadata"], node.get("status") or {}
    annotations = metadata.get("annotations") or {}
    if GPUS not in annotations:
        return None
    before = tuple((status.get(kind) or {}).get(GPU) for kind in ("capacity", "allocatable"))
    served = any(_serves(pod, metadata["name"], daemon_sets) for pod in pods)
    capacity, allocatable = _numbers(int(annotations[GPUS]), annotations.get(FAULT, ""), served, before[0])
    if (capacity, allocatable) == before:
        return None
    return {"capacity": {GPU: capacity}, "allocatable": {GPU: allocatable}}


def _numbers(gpus: int, fault: str, served: bool, known: str | None) -> tuple[str | None, str | None]:
    if not served or fault == NO_DRIVER:
        return known, known and "0"
    return str(gpus), str(gpus - 1 if fault == XID else gpus)


def _serves(pod: Object, node: str, daemon_sets: frozenset[str]) -> bool:
    metadata, spec = pod["metadata"], pod["spec"]
    owned = any(owner["uid"] in daemon_sets for owner in metadata.get("ownerReferences") or [])
    if spec.get("nodeName") != node or not owned or "deletionTimestamp" in metadata:
        return False
    paths = [(volume.get("hostPath") or {}).get("path", "") for volume in spec.get("volumes") or []]
    conditions = (pod.get("status") or {}).get("conditions") or []
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
    return ready and any(path.rstrip("/") == SOCKETS for path in paths)
