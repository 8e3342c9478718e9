"""How far the Machine Config Operator is, and what stands in its way.

A pool is done when (A) its target is rendered as wanted, (B) the pool says that all machines have it, (C) every Node's
annotations say so, and (D) the operating systems obey. B alone is wrong twice: right after a MachineConfig was made the pool
is still Updated, and nodes with a package based OS reboot, say Done, and ignore the arguments.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.budgets import Budget, budget
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Wait
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import NODES, list_items
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.pods import Pod, to_leave
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.live import Live, node_ref, pool_ref, shown
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.nodes import Node
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.pools import NODE_TIMEOUT, SLACK_SECONDS, Pool
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.reading import BUDGETS, POOLS, machine_config, pods_on

# Nodes whose drain is looked into at a time: each costs a request every ten seconds.
_LOOKED_INTO = 4


@dataclass(frozen=True)
class Roll:
    """One pool on its way.

    Args:
        rendered: A holds.
        arrived: nodes for which C holds.
        finished: A, B and C hold.
        phases: what happens to which node just now.
    """

    pool: Pool
    rendered: bool
    arrived: tuple[Node, ...]
    finished: bool
    phases: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """Where the pool is, in one phrase."""
        if not self.rendered:
            return f"{self.pool.name}: its new configuration is being rendered"
        total, arrived = len(self.pool.nodes), len(self.arrived)
        now = ", ".join(f"{name} {phase}" for name, phase in self.phases[:3])
        more = f" and {len(self.phases) - 3} more" if len(self.phases) > 3 else ""
        if now:
            return f"{self.pool.name}: {arrived} of {total} nodes done, {now}{more}"
        end = "; the pool has not said so yet" if arrived == total else ""
        return f"{self.pool.name}: {arrived} of {total} nodes done{end}"

    @property
    def estimate(self) -> float:
        """Seconds that are probably left."""
        return self.pool.left(len(self.pool.nodes) - len(self.arrived))


def rolls(live: Live) -> tuple[Roll, ...]:
    """All targets, each with how far it is."""
    return tuple(_roll(live, pool) for pool in live.targets)


def _roll(live: Live, pool: Pool) -> Roll:
    rendered = live.rendered(pool)
    arrived = tuple(node for node in pool.nodes if rendered and node.has(pool.target))
    finished = rendered and pool.settled and len(arrived) == len(pool.nodes)
    phases = [(node.name, node.phase(pool.target)) for node in pool.nodes] if rendered else []
    return Roll(pool, rendered, arrived, finished, tuple((name, phase) for name, phase in phases if phase))


def obstacles(live: Live, roll: Roll) -> list[Finding]:
    """Why a pool that has not finished never will, as things are."""
    if roll.finished:
        return []
    pool, ref = roll.pool, pool_ref(roll.pool.name)
    if pool.says("RenderDegraded"):
        return [codes.RENDER_DEGRADED.finding(f"its configuration cannot be rendered: {pool.words('RenderDegraded')}.", ref)]
    lost = live.request.goal.contradicted_by(_of_others(live, pool)) if live.request.state == "present" else ()
    if lost and not roll.rendered and set(live.arguments) <= set(pool.arguments or ()) and live.request.name in pool.sources:
        message = (
            f"{', '.join(lost)} of another MachineConfig wins over {' '.join(live.request.goal.arguments)} of {live.request.name}."
        )
        return [codes.CONFLICTING_ARGUMENT.finding(message, ref, evidence=list(pool.sources))]
    if pool.paused:
        held = [node.name for node in pool.nodes if not node.has(pool.target)]
        return [paused(pool, f"{len(held)} of {len(pool.nodes)} nodes still have to change")]
    stuck = [node for node in pool.nodes if node.hopeless]
    if stuck:
        return [_stuck(node, pool) for node in stuck]
    if pool.says("Degraded") or pool.says("NodeDegraded"):
        kind = "NodeDegraded" if pool.says("NodeDegraded") else "Degraded"
        return [codes.NODE_DEGRADED.finding(f"it is degraded: {pool.words(kind)}.", ref)]
    return []


def _stuck(node: Node, pool: Pool) -> Finding:
    message = f"of pool {pool.name}, it is {node.state} on its way to {node.desired}: {node.reason or 'no reason was given'}."
    return codes.NODE_DEGRADED.finding(message, node_ref(node.name), evidence={"state": node.state, "reason": node.reason})


def paused(pool: Pool, why: str) -> Finding:
    """Somebody paused the pool."""
    command = f'oc patch mcp {pool.name} --type merge --patch \'{{"spec":{{"paused":false}}}}\''
    return codes.POOL_PAUSED.finding(
        f"it is paused, {why}.", pool_ref(pool.name), remedy=f"Unpause it: `{command}`, then run again."
    )


def _of_others(live: Live, pool: Pool) -> tuple[str, ...]:
    return of_others(pool, live.arguments if live.request.name in pool.sources else ())


def of_others(pool: Pool, ours: t.Sequence[str]) -> tuple[str, ...]:
    """The pool's arguments without one occurrence of each of ours; the operator keeps duplicates."""
    rest = list(pool.arguments or ())
    for argument in ours:
        if argument in rest:
            rest.remove(argument)
    return tuple(rest)


# Drains


def draining(live: Live) -> tuple[Node, ...]:
    """Nodes that are drained just now, as many as are looked into."""
    nodes = [node for pool in live.targets for node in pool.nodes if node.draining and node.desired == pool.target]
    return tuple(nodes[:_LOOKED_INTO])


def drain_reads(live: Live, snapshot: Snapshot) -> list[Read]:
    """What a drain may be waiting for: budgets, and pods only where a budget is used up."""
    nodes = draining(live)
    used_up = any(one.allowed < 1 <= one.expected for one in _budgets(snapshot))
    return [BUDGETS, *(pods_on(node.name) for node in nodes if used_up)] if nodes else []


def _budgets(snapshot: Snapshot) -> list[Budget]:
    return [budget(item) for item in list_items(snapshot.get(BUDGETS)) or ()]


def blocked(live: Live, snapshot: Snapshot) -> tuple[list[Finding], str]:
    """Budgets that never let a drain end, and a phrase on one that does not at the moment."""
    budgets = _budgets(snapshot)
    found, now = [], ""
    for node in draining(live):
        pods = to_leave(list_items(snapshot.get(pods_on(node.name))) or ())
        for guard, guarded in guarding(budgets, pods):
            if any(guard.forbids(pod) for pod in guarded):
                message = f"{guard} lets no pod of {shown(map(str, guarded))} be evicted: {guard.words()}; the drain does not end."
                found.append(codes.DRAIN_BLOCKED.finding(message, node_ref(node.name), evidence=[str(pod) for pod in guarded]))
            now = now or f"{node.name} waits for {guard}"
    return found, now


def guarding(budgets: t.Sequence[Budget], pods: t.Sequence[Pod]) -> list[tuple[Budget, tuple[Pod, ...]]]:
    """Budgets that allow no eviction of pods, each with those pods."""
    pairs = [(guard, tuple(pod for pod in pods if guard.covers(pod) and guard.blocks(pod))) for guard in budgets]
    return [(guard, guarded) for guard, guarded in pairs if guarded]


# Waiting


def wait(live: Live, snapshot: Snapshot, unfinished: t.Sequence[Roll], leaving: int, text: str) -> Wait:
    """What to follow until the pools are done, and `leaving` nodes have gone back to another."""
    default = max([leaving * NODE_TIMEOUT + SLACK_SECONDS, *(roll.pool.timeout for roll in unfinished)])
    return Wait(
        text=text,
        seconds=live.request.wait_timeout or default,
        follow=(POOLS, NODES),
        again=(machine_config(live.request.name), *drain_reads(live, snapshot)),
        estimate=max([0.0, *(roll.estimate for roll in unfinished)]),
    )
