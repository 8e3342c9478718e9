"""What is written: our MachineConfig, a pool of one's own, the label that moves a Node into it, and the way back."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import MANAGED_BY, Change, Disruption, Json, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import made_by_us, mark_operations, version_test
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import Platform, mapping
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.live import (
    FORMER,
    MOVED,
    Live,
    config_ref,
    moved_by_us,
    node_ref,
    pool_ref,
    refers_to,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.nodes import MCO, ROLE_PREFIX
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.pools import ROLE, new_pool
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.reading import MACHINE_CONFIGS, POOLS
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.request import BUILT_IN_POOLS, PLATFORM_NAME

# Editions on which Microsoft supports the cluster as long as MachineConfigs are left alone; an unknown one may be such.
_ARO = ("aro", "unknown")


def needed(live: Live) -> bool:
    """Whether anything would be written, as far as the objects go."""
    return bool(present(live, Platform("ocp")) if live.request.state == "present" else absent(live))


def present(live: Live, platform: Platform) -> tuple[Change, ...]:
    """The MachineConfig first, the label last: so a new pool is rendered with it, and its nodes reboot once."""
    disruptive = _disruptive(live, platform)
    changes = [change for change in (_machine_config(live, disruptive), _pool(live, disruptive)) if change]
    return (*changes, *(_move(live, name, disruptive) for name in live.moving))


def _disruptive(live: Live, platform: Platform) -> frozenset[Disruption]:
    mode = live.request.goal.mode
    classes: set[Disruption] = {"reboots_nodes"} if live.targeted else set()
    if mode == "disabled":
        classes.add("irreversible")
    if mode in ("disabled", "permissive"):
        classes.add("redhat_support")
    if platform.name in _ARO:
        classes.add("aro_support_policy")
    return frozenset(classes)


def _machine_config(live: Live, disruptive: frozenset[Disruption]) -> Change | None:
    wanted = list(live.request.goal.arguments)
    if live.mine is None:
        return None if _given_by_others(live) else _create(live, wanted, disruptive)
    operations: list[Json] = []
    if list(live.arguments) != wanted:
        path = "/spec/kernelArguments" if isinstance(live.mine.get("spec"), dict) else "/spec"
        operations.append({"op": "add", "path": path, "value": wanted if path != "/spec" else {"kernelArguments": wanted}})
    if not operations:
        return None
    former = [argument for argument in dict.fromkeys((*live.former, *live.arguments)) if argument not in wanted]
    operations += mark_operations(live.mine, "annotations", {FORMER: " ".join(former) or None})
    ref = config_ref(live.request.name)
    before = {"kernelArguments": list(live.arguments)}
    write = Write("json_patch", ref.path, [*version_test(live.mine), *operations])
    return Change("update", ref, _reason(live), before, {"kernelArguments": wanted}, disruptive, write)


def _given_by_others(live: Live) -> bool:
    """Every target is rendered with the arguments already, so one MachineConfig more would reboot all nodes for nothing."""
    return bool(live.targets) and all(
        pool.arguments is not None and live.request.goal.met_by(pool.arguments) and live.request.name not in pool.sources
        for pool in live.targets
    )


def _create(live: Live, arguments: list[str], disruptive: frozenset[Disruption]) -> Change:
    """Kernel arguments need no Ignition configuration, whose version would depend on that of OpenShift."""
    ref = config_ref(live.request.name)
    body = machine_config_body(live.request.name, live.request.pool, arguments)
    return Change("create", ref, _reason(live), None, body, disruptive, Write("create", MACHINE_CONFIGS, body))


def machine_config_body(name: str, pool: str, arguments: t.Sequence[str]) -> Json:
    """A MachineConfig of ours; without the label of a pool it would exist and do nothing."""
    return {
        "apiVersion": f"{MCO}/v1",
        "kind": "MachineConfig",
        "metadata": {"name": name, "labels": {ROLE: pool, **MANAGED_BY}},
        "spec": {"kernelArguments": list(arguments)},
    }


def _reason(live: Live) -> str:
    pools = [
        f"pool {pool.name}: {len(pool.nodes)} nodes are drained and rebooted, {pool.at_once} at a time,"
        f" about {round(pool.seconds / 60)} min"
        for pool in live.targets
    ]
    what = f"boot with {' '.join(live.request.goal.arguments)}" if live.request.state == "present" else "boot without it"
    return f"nodes {what}; {'; '.join(pools) or 'no node is concerned'}"


def _pool(live: Live, disruptive: frozenset[Disruption]) -> Change | None:
    pool = live.pool
    if pool is None or mapping(pool.item, "metadata").get("uid"):
        return None
    body = new_pool(pool.name)
    body["metadata"]["labels"] = dict(MANAGED_BY)
    reason = f"a pool of its own for {len(pool.nodes)} nodes"
    return Change("create", pool_ref(pool.name), reason, None, body, disruptive, Write("create", POOLS.path, body))


def _move(live: Live, name: str, disruptive: frozenset[Disruption]) -> Change:
    item, pool = live.item(name), live.request.pool
    labels = mark_operations(item, "labels", {f"{ROLE_PREFIX}{pool}": ""})
    annotations = mark_operations(item, "annotations", {MOVED: pool})
    ref = node_ref(name)
    after = {"labels": {f"{ROLE_PREFIX}{pool}": ""}}
    return Change(
        "update", ref, f"it moves into pool {pool}", {}, after, disruptive, Write("json_patch", ref.path, [*labels, *annotations])
    )


# The way back


def absent(live: Live) -> tuple[Change, ...]:
    """One step at a time: the MachineConfig, then our labels, then our pool, each once the nodes have followed the one before."""
    if live.mine is not None:
        return (_delete(live),) if live.ours else ()
    if any(
        not (live.rendered(pool) and pool.settled and all(node.has(pool.target) for node in pool.nodes)) for pool in live.targets
    ):
        return ()
    return () if used_by(live) else _unlabel(live) or _delete_pool(live)


def used_by(live: Live) -> tuple[str, ...]:
    """MachineConfigs that are meant for the pool of one's own alone, but for those that the platform makes for every pool."""
    pool, worker = live.pool, live.assignment.get("worker")
    if pool is None or pool.name in BUILT_IN_POOLS or worker is None:
        return ()
    return tuple(name for name in pool.sources if name not in worker.sources and not PLATFORM_NAME.fullmatch(name))


def _delete(live: Live) -> Change:
    classes: set[Disruption] = {"reboots_nodes"} if live.targeted else set()
    if live.unlabelled:
        classes.add("irreversible")
    ref, uid = config_ref(live.request.name), mapping(live.mine, "metadata").get("uid")
    write = Write("delete", ref.path, {"preconditions": {"uid": uid}})
    before = {"kernelArguments": list(live.arguments)}
    return Change("delete", ref, _reason(live), before, None, frozenset(classes), write)


def _unlabel(live: Live) -> tuple[Change, ...]:
    """Nodes that we moved into the pool go back to the workers, whose configuration is the same but for its name."""
    pool = live.request.pool
    label = f"{ROLE_PREFIX}{pool}"
    changes = []
    for entry in live.nodes:
        if not moved(live, entry.name):
            continue
        item = live.item(entry.name)
        operations = [*mark_operations(item, "labels", {label: None}), *mark_operations(item, "annotations", {MOVED: None})]
        ref = node_ref(entry.name)
        write = Write("json_patch", ref.path, operations)
        reason = f"it goes back from pool {pool} to the workers"
        changes.append(Change("update", ref, reason, {"labels": {label: ""}}, {}, frozenset({"reboots_nodes"}), write))
    return tuple(changes)


def moved(live: Live, name: str) -> bool:
    """Whether we put the Node into the pool."""
    return moved_by_us(live.item(name), live.request.pool)


def _delete_pool(live: Live) -> tuple[Change, ...]:
    """Deleting a pool deletes what was rendered for it, so no node may refer to that any more."""
    pool = live.pool
    if pool is None or not made_by_us(pool.item) or any(refers_to(entry, pool.name) for entry in live.nodes):
        return ()
    ref, uid = pool_ref(pool.name), mapping(pool.item, "metadata").get("uid")
    write = Write("delete", ref.path, {"preconditions": {"uid": uid}})
    return (Change("delete", ref, "no node belongs to it any more", {"name": pool.name}, None, frozenset(), write),)


def leaving(live: Live) -> tuple[str, ...]:
    """Nodes that left our pool, but still refer to what was rendered for it."""
    pool = live.pool
    if live.request.state != "absent" or live.mine is not None or pool is None or not made_by_us(pool.item) or pool.nodes:
        return ()
    return tuple(entry.name for entry in live.nodes if refers_to(entry, pool.name))
