"""What speaks against writing, judged before anything is written: each a finding with what to do about it."""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.budgets import budget
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import gitops_owner
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    CLUSTER_VERSION,
    Platform,
    condition,
    list_items,
    mapping,
    objects,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.pods import Pod, to_leave
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.live import Live, config_ref, node_ref, pool_ref, shown
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.pools import ROLE, Pool
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.reading import BUDGETS, RUNNING_PODS, machine_config
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.report import package_findings
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.roll import guarding, of_others, paused

_DEFAULT_KERNELS = ("", "default")


# What was asked for


def of_request(live: Live) -> list[Finding]:
    """Pools and nodes that do not exist, or are not what the request takes them for."""
    if live.request.state == "absent":
        return []
    return [*_pool_problems(live), *_node_problems(live), *_role_problems(live)]


def _pool_problems(live: Live) -> list[Finding]:
    name, pool, ref = live.request.pool, live.pool, pool_ref(live.request.pool)
    known = sorted(other.name for other in live.assignment.pools)
    if pool is None:
        near = difflib.get_close_matches(name, known, 1, 0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        message = f"it does not exist; the cluster has {', '.join(known) or 'no MachineConfigPool'}.{hint}"
        return [codes.UNKNOWN_POOL.finding(message, ref, evidence=known)]
    if live.targets:
        return []
    master = live.assignment.get("master")
    working = [node.name for node in master.nodes if node.works] if master and name == "worker" else []
    if working:
        message = f"it has no nodes: the workers {shown(working)} are masters too, and belong to pool master."
        return [codes.WORKERS_IN_MASTER_POOL.finding(message, ref, evidence=working)]
    if pool.nodes:
        message = f"it is not rendered from MachineConfigs with the label {ROLE}: {name}, so one for it would do nothing."
        return [codes.UNKNOWN_POOL.finding(message, ref, evidence=mapping(pool.item, "spec", "machineConfigSelector"))]
    return [codes.EMPTY_POOL.finding("no Node belongs to it.", ref)]


def _node_problems(live: Live) -> list[Finding]:
    known = sorted(node.name for node in live.nodes)
    found = []
    for option in ("pool_nodes", "ssh_nodes"):
        for name in getattr(live.request, option):
            if name not in known:
                near = difflib.get_close_matches(name, known, 1, 0.5)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                found.append(codes.UNKNOWN_NODE.finding(f"{option} names it, but there is no such Node.{hint}", node_ref(name)))
    for name, pools in live.assignment.disputed.items():
        if live.request.pool in (*pools, "worker"):
            found.append(codes.DISPUTED_NODE.finding(f"the pools {' and '.join(pools)} both select it.", node_ref(name)))
    pool = live.pool
    members = {node.name for node in pool.nodes} if pool else set()
    for name in live.request.pool_nodes:
        if pool is not None and name in known and name not in members and name not in live.assignment.disputed:
            message = f"a label for pool {pool.name} would not move it there, since it is a master."
            found.append(codes.NODE_STAYS.finding(message, node_ref(name)))
    return found


def _role_problems(live: Live) -> list[Finding]:
    role = text(mapping(live.mine, "metadata", "labels").get(ROLE))
    if live.mine is None or role == live.request.pool:
        return []
    message = f"it is for pool {role or 'none'}, not for {live.request.pool}."
    return [codes.OTHER_ROLE.finding(message, config_ref(live.request.name))]


def masters_work(live: Live) -> list[Finding]:
    """Workers that stay out of reach, because they are masters too."""
    master = live.assignment.get("master")
    if live.request.pool != "worker" or live.request.state == "absent" or master is None or not live.targets:
        return []
    working = [node.name for node in master.nodes if node.works]
    if not working:
        return []
    message = f"{len(working)} workers are masters too and keep their SELinux mode: {shown(working)}."
    return [codes.MASTERS_WORK.finding(message, pool_ref("master"), evidence=working)]


def of_objects(live: Live) -> list[Finding]:
    """The object of our name is somebody else's."""
    mine, ref = live.mine, config_ref(live.request.name)
    if mine is None:
        return []
    owner = gitops_owner(mine)
    if owner:
        return [codes.GITOPS_MANAGED.finding(f"it is kept by GitOps ({owner}), so it is left alone.", ref)]
    if not live.ours:
        arguments = ", ".join(live.arguments) or "none"
        message = f"it exists, but this collection did not make it (its kernel arguments: {arguments}); it is left alone."
        return [codes.NAME_TAKEN.finding(message, ref)]
    return []


# The cluster now


def culprit_reads(live: Live) -> list[Read]:
    """MachineConfigs that may hold a contradicting argument, or a former one of ours; none where there is no such argument."""
    pools = [pool for pool in live.targets if _contradicting(live, pool) or live.lingering(pool)]
    return [machine_config(name) for name in dict.fromkeys(name for pool in pools for name in pool.sources)]


def _contradicting(live: Live, pool: Pool) -> tuple[str, ...]:
    if live.request.state == "absent":
        return ()
    ours = live.arguments if live.request.name in pool.sources else ()
    return live.request.goal.contradicted_by(of_others(pool, ours))


def of_cluster(live: Live, snapshot: Snapshot, platform: Platform) -> list[Finding]:
    """Everything that would make a roll fail, or endanger its nodes, if it began now."""
    found = [*_version_problems(snapshot)]
    for pool in live.targets:
        found += _roll_problems(pool)
    if live.request.state == "present":
        found += _platform_problems(platform)
        for pool in live.targets:
            found += [*_extension_problems(live, pool), *_argument_problems(live, pool)]
        found += package_findings(live)
    return [*found, *_eviction_problems(live, snapshot)]


def _version_problems(snapshot: Snapshot) -> list[Finding]:
    answer = snapshot.get(CLUSTER_VERSION)
    ref = "ClusterVersion/version"
    if answer is not None and answer.forbidden:
        return [codes.UNREADABLE.finding(f"whether OpenShift is being updated is unknown: {answer.message}.", ref)]
    status = mapping(answer.body, "status") if answer is not None and answer.found else {}
    if condition(status, "Progressing") != "True":
        return []
    message = next(text(c.get("message")) for c in objects(status.get("conditions")) if c.get("type") == "Progressing")
    return [codes.CLUSTER_UPDATING.finding(f"OpenShift is being updated: {message or 'it is progressing'}.", ref)]


def _platform_problems(platform: Platform) -> list[Finding]:
    evidence = "; ".join(platform.evidence)
    if platform.managed_openshift:
        message = f"this is {platform.name.upper()} ({evidence}), which refuses MachineConfigs of customers; there is no other way."
        return [codes.PLATFORM_REFUSES.finding(message, evidence=list(platform.evidence))]
    if platform.managed_openshift is None or platform.name == "unknown":
        message = f"the edition of OpenShift is unknown ({evidence}), so it is treated as one whose policies forbid the change."
        return [codes.UNREADABLE.finding(message, evidence=list(platform.evidence))]
    return []


def _roll_problems(pool: Pool) -> list[Finding]:
    if not pool.target:
        return []
    ref = pool_ref(pool.name)
    if pool.says("Degraded") or pool.says("RenderDegraded"):
        words = pool.words("RenderDegraded") or pool.words("NodeDegraded") or pool.words("Degraded")
        return [codes.POOL_DEGRADED.finding(f"it is degraded: {words or 'no reason was given'}.", ref)]
    if pool.paused:
        return [paused(pool, "so nothing would happen")]
    if not pool.settled:
        updated, machines = pool.count("updatedMachineCount"), pool.count("machineCount")
        message = f"it is rolling out {pool.target}: {updated} of {machines} nodes have it."
        return [codes.POOL_UPDATING.finding(message, ref)]
    away = pool.unavailable
    if len(away) >= pool.at_once:
        why = ", ".join(f"{node.name} is {'not Ready' if not node.ready else 'cordoned'}" for node in away[:5])
        message = f"{len(away)} of its nodes are unavailable already, where {pool.at_once} may be (maxUnavailable): {why}."
        return [codes.NO_ROOM.finding(message, ref, evidence=[node.name for node in away])]
    return []


def _extension_problems(live: Live, pool: Pool) -> list[Finding]:
    if live.request.goal.mode != "disabled" or pool.rendered is None:
        return []
    extensions = [str(name) for name in pool.rendered.get("extensions") or ()]
    kernel = text(pool.rendered.get("kernelType"))
    if not extensions and kernel in _DEFAULT_KERNELS:
        return []
    what = [f"extensions {', '.join(extensions)}"] if extensions else []
    what += [] if kernel in _DEFAULT_KERNELS else [f"kernelType {kernel}"]
    message = f"its nodes have {' and '.join(what)}, which are laid over the OS; that has broken updates of nodes without SELinux."
    return [codes.EXTENSIONS.finding(message, pool_ref(pool.name), evidence={"extensions": extensions, "kernelType": kernel})]


def _argument_problems(live: Live, pool: Pool) -> list[Finding]:
    lost = _contradicting(live, pool)
    if not lost:
        return []
    culprits = [name for name in pool.sources if name != live.request.name and set(lost) & set(live.elsewhere.get(name, ()))]
    where = f"MachineConfig {', '.join(culprits)}" if culprits else f"a MachineConfig of {pool.target}"
    message = f"{where} sets {', '.join(lost)}, which contradicts {' '.join(live.request.goal.arguments)}."
    return [codes.CONFLICTING_ARGUMENT.finding(message, pool_ref(pool.name), evidence={"arguments": list(lost), "by": culprits})]


def _eviction_problems(live: Live, snapshot: Snapshot) -> list[Finding]:
    budgets, pods = list_items(snapshot.get(BUDGETS)), list_items(snapshot.get(RUNNING_PODS))
    if budgets is None or pods is None:
        which = BUDGETS if budgets is None else RUNNING_PODS
        answer = snapshot.get(which)
        words = answer.message if answer is not None else "they were not read"
        message = f"whether every node can be drained, and what runs there, is unknown: {words}."
        return [codes.UNREADABLE.finding(message, "PodDisruptionBudget" if budgets is None else "Pod")]
    found = []
    for guard, guarded in guarding([budget(item) for item in budgets], on_targets(live, pods)):
        where = shown({pod.node for pod in guarded})
        message = f"it allows no eviction of {shown(map(str, guarded))} on {where}: {guard.words()}."
        found.append(codes.EVICTION_FORBIDDEN.finding(message, str(guard), evidence=[f"{pod} on {pod.node}" for pod in guarded]))
    return found


def on_targets(live: Live, pods: t.Sequence[Json]) -> tuple[Pod, ...]:
    """Pods that have to leave a targeted node."""
    names = {node.name for node in live.targeted}
    return tuple(pod for pod in to_leave(pods) if pod.node in names)
