"""What the hosts' operating systems say, as findings and as facts."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json, ObjectRef
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.arguments import LAST_WINS, boot_mode, key_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.live import Live, node_ref, shown
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.nodes import Host, Node
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.pools import Pool
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.reading import MCO_NAMESPACE

_NOT_ASKED = Host(trouble="it is not Ready, so it was not asked")


def obeys(live: Live, pool: Pool, node: Node) -> bool | None:
    """Whether the host's operating system is as wanted; None when it is not known."""
    host = live.hosts.get(node.name)
    if host is None or host.trouble:
        return None
    if live.request.state == "absent":
        return not left_over(live, pool, host)
    goal = live.request.goal
    return goal.mode in (None, host.mode) and set(goal.others) <= set(host.arguments)


def left_over(live: Live, pool: Pool, host: Host) -> tuple[str, ...]:
    """Arguments of the running kernel that nobody asks for any more."""
    about = [argument for argument in host.arguments if key_of(argument) in LAST_WINS or argument in live.request.goal.arguments]
    return tuple(argument for argument in about if argument not in (pool.arguments or ()))


def os_findings(live: Live) -> list[Finding]:
    """D: nodes whose operating system does not obey, could not be asked, or is none that a MachineConfig reaches."""
    found: list[Finding] = []
    unknown: dict[str, Host] = {}
    over_ssh = []
    packaged = package_findings(live)
    for pool in live.targets:
        rendered = live.rendered(pool)
        for node in (node for node in pool.nodes if rendered and node.has(pool.target)):
            verdict = obeys(live, pool, node)
            if node.name in live.request.ssh_nodes:
                over_ssh += [] if verdict else [node.name]
            elif not node.image_based:
                continue
            elif verdict is False:
                found.append(_disobeys(live, pool, node))
            elif verdict is None:
                unknown[node.name] = live.hosts.get(node.name, _NOT_ASKED)
    if over_ssh:
        message = f"{len(over_ssh)} nodes are left to the play over SSH: {shown(over_ssh)}."
        found.append(codes.SSH_NODE.finding(message, evidence=over_ssh))
    return [*found, *packaged, *unverified(unknown)]


def _disobeys(live: Live, pool: Pool, node: Node) -> Finding:
    host = live.hosts[node.name]
    if live.request.state == "absent":
        wanted = f"without {' '.join(left_over(live, pool, host))}"
    else:
        wanted = f"with {' '.join(live.request.goal.arguments)}"
    message = f"it has {node.current} and should have booted {wanted}, but {host.evidence}."
    return codes.OS_DISOBEYS.finding(message, node_ref(node.name), evidence={"os": node.os, "cmdline": " ".join(host.arguments)})


def package_findings(live: Live) -> list[Finding]:
    """Nodes that no MachineConfig reaches and nobody promised to change over SSH."""
    if live.request.state == "absent":
        return []
    left = [
        node
        for pool in live.targets
        for node in pool.nodes
        if not node.image_based and node.name not in live.request.ssh_nodes and obeys(live, pool, node) is not True
    ]
    if not left:
        return []
    images = ", ".join(sorted({node.os or "an unknown OS" for node in left}))
    message = f"{len(left)} nodes run {images}, where a MachineConfig sets no kernel arguments: {shown(n.name for n in left)}."
    hosts = ", ".join(f"{node.name}: INVENTORY_HOST" for node in left[:3])
    remedy = (
        f"Name the machines behind them, as worker_selinux_hosts: {{{hosts}}}, or choose a pool without them (worker_selinux_pool)."
    )
    return [codes.PACKAGE_MODE_NODE.finding(message, remedy=remedy, evidence=[node.name for node in left])]


def unverified(hosts: t.Mapping[str, Host]) -> list[Finding]:
    """Hosts that could not be asked: one finding for those that may not be asked, and one for all with the same trouble."""
    alike: dict[str, list[str]] = {}
    for name, host in hosts.items():
        alike.setdefault("" if host.forbidden else host.trouble, []).append(name)
    found = []
    for names in alike.values():
        first = hosts[names[0]]
        subject: ObjectRef | str = node_ref(names[0]) if len(names) == 1 else ""
        remedy = f"Look at the pods there: `oc get pods -n {MCO_NAMESPACE} -o wide`."
        message = f"SELinux of {shown(names)} is unknown: {first.trouble}."
        found.append(codes.UNVERIFIED.finding(message, subject, remedy=None if first.forbidden else remedy, evidence=sorted(names)))
    return found


def facts(live: Live, done: bool | None) -> Json:
    """What later tasks may want to know."""
    pairs = live.workers if live.request.reports_only else [(pool, node) for pool in live.targets for node in pool.nodes]
    return {
        "machine_config": {
            "name": live.request.name,
            "present": None if live.request.reports_only else live.mine is not None,
            "done": done,
            "pools": [_pool(live, pool) for pool in live.targets],
            "nodes": [_node(live, pool, node) for pool, node in pairs],
        }
    }


def _pool(live: Live, pool: Pool) -> Json:
    rendered = live.rendered(pool)
    return {
        "name": pool.name,
        "nodes": len(pool.nodes),
        "updated": sum(rendered and node.has(pool.target) for node in pool.nodes),
        "paused": pool.paused,
        "configuration": text(mapping(pool.item, "status", "configuration").get("name")) or None,
        "target_configuration": pool.target or None,
        "kernel_arguments": None if pool.arguments is None else list(pool.arguments),
        "boots": None if pool.arguments is None else boot_mode(pool.arguments),
    }


def _node(live: Live, pool: Pool, node: Node) -> Json:
    host = live.hosts.get(node.name)
    return {
        "name": node.name,
        "pool": pool.name,
        "os": node.os or None,
        "over_ssh": node.name in live.request.ssh_nodes,
        "selinux": host.mode if host else None,
        "kernel_arguments_applied": None if live.request.reports_only else obeys(live, pool, node),
        "evidence": host.evidence if host else "not asked",
    }
