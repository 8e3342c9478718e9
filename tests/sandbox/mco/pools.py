"""The node controller's rules: which node belongs to which pool, which may be updated, what the pool says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .names import (
    CURRENT,
    DEGRADED,
    DESIRED,
    DONE,
    REASON,
    STATE,
    Object,
    annotations_of,
    labels_of,
    name_of,
    target_of,
)
from .selectors import matches

_BUILT_IN = ("master", "worker")
_ZONE = "topology.kubernetes.io/zone"


def primary_pool(node: Object, pools: Iterable[Object]) -> Object | None:
    """Return the one pool that updates ``node``: master beats custom beats worker; None for none or two custom ones."""
    found = {name_of(pool): pool for pool in pools if matches(pool["spec"].get("nodeSelector"), labels_of(node))}
    custom = [pool for name, pool in found.items() if name not in _BUILT_IN]
    if "master" in found:
        return found["master"]
    if custom:
        return custom[0] if len(custom) == 1 else None
    return found.get("worker")


def is_available(node: Object) -> bool:
    """Whether pods can be scheduled onto ``node``: Ready, no network or disk trouble, not cordoned."""
    wanted = {"Ready": "True", "DiskPressure": "False", "NetworkUnavailable": "False"}
    conditions = (node.get("status") or {}).get("conditions") or []
    healthy = all(item["status"] == wanted.get(item["type"], item["status"]) for item in conditions)
    return healthy and not node["spec"].get("unschedulable")


def is_done(node: Object) -> bool:
    """Whether the daemon says it has nothing to do."""
    notes = annotations_of(node)
    return bool(notes.get(CURRENT)) and notes.get(CURRENT) == notes.get(DESIRED) and notes.get(STATE) == DONE


def _is_failing(node: Object) -> bool:
    notes = annotations_of(node)
    return notes.get(CURRENT) != notes.get(DESIRED) and notes.get(STATE) == DEGRADED


def is_unavailable(node: Object) -> bool:
    """Whether ``node`` uses up maxUnavailable."""
    return not is_available(node) or not (is_done(node) or _is_failing(node))


def max_unavailable(pool: Object, count: int) -> int:
    """Return how many of ``count`` nodes may be away; an absolute number or a percentage, rounded down, never 0."""
    value = pool["spec"].get("maxUnavailable", 1)
    wanted = count * int(value.removesuffix("%")) // 100 if isinstance(value, str) and value.endswith("%") else int(value)
    return wanted or 1


def candidates(pool: Object, nodes: Sequence[Object]) -> list[Object]:
    """Return the nodes that start now: as many as maxUnavailable leaves, by zone, then by age."""
    capacity = max_unavailable(pool, len(nodes)) - sum(map(is_unavailable, nodes))
    behind = [node for node in nodes if annotations_of(node).get(DESIRED) != target_of(pool)]
    capacity -= sum(_is_failing(node) for node in nodes if node not in behind)
    ready = [node for node in behind if is_available(node)]
    return sorted(ready, key=_rank)[: max(capacity, 0)]


def _rank(node: Object) -> tuple[bool, str, str, str]:
    zone = labels_of(node).get(_ZONE)
    return zone is None, zone or "", node["metadata"].get("creationTimestamp", ""), name_of(node)


def status(pool: Object, nodes: Sequence[Object], now: str) -> Object:
    """Return the new ``status`` of ``pool`` with ``nodes``; ``now`` dates conditions that change."""
    target, old = target_of(pool), pool.get("status") or {}
    updated = [node for node in nodes if is_done(node) and annotations_of(node)[CURRENT] == target]
    degraded = [node for node in nodes if annotations_of(node).get(STATE) == DEGRADED]
    counts = {
        "machineCount": len(nodes),
        "updatedMachineCount": len(updated),
        "readyMachineCount": sum(map(is_available, updated)),
        "unavailableMachineCount": sum(map(is_unavailable, nodes)),
        "degradedMachineCount": len(degraded),
    }
    complete = counts["readyMachineCount"] == len(nodes) and not counts["unavailableMachineCount"]
    new: Object = {**old, **counts, "observedGeneration": pool["metadata"].get("generation", 1)}
    if complete and target:
        new["configuration"] = pool["spec"]["configuration"]
    wanted = [*_progress(pool, complete=complete), *_trouble(old, degraded)]
    new["conditions"] = conditions(old.get("conditions") or [], wanted, now)
    return new


def _progress(pool: Object, *, complete: bool) -> list[Object]:
    target = f"MachineConfig {target_of(pool)}"
    if complete:
        return [_condition("Updated", True, message=f"All nodes are updated with {target}"), _condition("Updating", False)]
    if pool["spec"].get("paused"):
        updating = _condition("Updating", False, message=f"Pool is paused; will not update to {target}")
    else:
        updating = _condition("Updating", True, message=f"All nodes are updating to {target}")
    return [_condition("Updated", False), updating]


def _trouble(old: Object, degraded: Sequence[Object]) -> list[Object]:
    """Return NodeDegraded and Degraded; RenderDegraded is the render controller's and is only read."""
    reasons = [
        f'Node {name_of(node)} is reporting: "{reason}"' for node in degraded if (reason := annotations_of(node).get(REASON))
    ]
    message = ", ".join(reasons)
    reason = f"{len(degraded)} nodes are reporting degraded status on sync" if degraded else ""
    render = any(item["type"] == "RenderDegraded" and item["status"] == "True" for item in old.get("conditions") or [])
    return [
        _condition("NodeDegraded", bool(degraded), reason=reason, message=message),
        _condition("Degraded", bool(degraded) or render, message=message),
    ]


def render_condition(pool: Object, error: str) -> Object:
    """Return condition RenderDegraded; ``error`` is "" when all is well."""
    message = f"Failed to render configuration for pool {name_of(pool)}: {error}" if error else ""
    return _condition("RenderDegraded", bool(error), message=message)


def _condition(kind: str, holds: bool, *, reason: str = "", message: str = "") -> Object:
    return {"type": kind, "status": str(holds), "reason": reason, "message": message}


def conditions(old: Sequence[Object], wanted: Sequence[Object], now: str) -> list[Object]:
    """Return ``old`` with ``wanted`` in place of its types; a date changes only with the condition's status."""
    found = {item["type"]: item for item in old}
    for item in wanted:
        before = found.get(item["type"], {})
        changed = before.get("status") != item["status"]
        found[item["type"]] = {**item, "lastTransitionTime": now if changed else before["lastTransitionTime"]}
    return list(found.values())
