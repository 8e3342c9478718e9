"""From request and snapshot to what is to be read, what is to be done, and what is to be waited for."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    Change,
    Finding,
    Plan,
    State,
    sort_findings,
    worst,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import made_by_us
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    CLUSTER_VERSION,
    NODES,
    detect,
    known,
    list_items,
    platform_reads,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.pods import Pod
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux import changes, codes, refusals, roll
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.arguments import LAST_WINS, boot_mode, key_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.hosted import platform_question, without_pools
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.live import (
    Live,
    config_ref,
    observe,
    pool_ref,
    questions,
    shown,
    source_of,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.nodes import Host
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.reading import (
    BUDGETS,
    DAEMON_PODS,
    POOLS,
    RUNNING_PODS,
    machine_config,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.report import (
    facts,
    os_findings,
    unverified,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.request import Request

# Findings that say "not known", which is never the same as "fine".
_UNKNOWN = (codes.UNVERIFIED.code, codes.UNREADABLE.code)


def reads(request: Request, snapshot: Snapshot) -> list[Read]:
    """Five reads and a question per node when all is as wanted; more only before something is written, or to name a culprit."""
    pools = snapshot.get(POOLS)
    if pools is None:
        return [POOLS]
    if not pools.found:
        return [POOLS, *(platform_question(request, snapshot) if pools.absent else [])]
    if request.reports_only:
        return _report_reads(request, snapshot)
    wanted = [POOLS, NODES, DAEMON_PODS, machine_config(request.name)]
    if _missing(wanted, snapshot):
        return wanted
    live = observe(request, snapshot)
    wanted += [machine_config(name) for name in (source_of(pool, live.assignment) for pool in live.targets) if name]
    if _missing(wanted, snapshot):
        return wanted
    wanted += [read for read in questions(live, snapshot).values() if read is not None]
    wanted += [*refusals.culprit_reads(live), *roll.drain_reads(live, snapshot)]
    if not _missing(wanted, snapshot) and changes.needed(live) and not _mistaken(live):
        wanted += _before_writing(request, snapshot)
    return wanted


def _missing(wanted: t.Iterable[Read], snapshot: Snapshot) -> bool:
    return any(read not in snapshot for read in wanted)


def _report_reads(request: Request, snapshot: Snapshot) -> list[Read]:
    """Hosts are asked only where the answer matters."""
    if not request.hurts:
        return [POOLS]
    wanted = [POOLS, NODES, DAEMON_PODS]
    if not _missing(wanted, snapshot):
        asked = questions(observe(request, snapshot), snapshot)
        wanted += [read for read in asked.values() if read is not None]
    return wanted


def _before_writing(request: Request, snapshot: Snapshot) -> list[Read]:
    platform = [] if request.platform else platform_reads(snapshot)
    return [CLUSTER_VERSION, BUDGETS, RUNNING_PODS, *platform]


def plan(request: Request, snapshot: Snapshot) -> Plan:
    """What is to be done so that nodes boot as wanted, and how far the Machine Config Operator is with it."""
    if not snapshot[POOLS].found:
        return without_pools(request, snapshot)
    live = observe(request, snapshot)
    if request.reports_only:
        return _report(live, snapshot)
    unread = _unread(live, snapshot)
    if unread:
        return _said(live, unread, state="unknown")
    if _mistaken(live):
        return _said(live, [*refusals.of_request(live), *_open(live, ())])
    if request.state == "absent" and live.mine is not None and not live.ours:
        message = "it was not made by this collection, so it stays."
        return _said(live, [codes.NOT_OURS.finding(message, config_ref(request.name))])
    return _write(live, snapshot) if changes.needed(live) else _follow(live, snapshot)


def _mistaken(live: Live) -> bool:
    """Whether the request does not fit the cluster."""
    return bool(refusals.of_request(live))


def _unread(live: Live, snapshot: Snapshot) -> list[Finding]:
    """What every decision depends on and may not be read."""
    found = []
    for read, what in ((NODES, "Node"), (machine_config(live.request.name), config_ref(live.request.name))):
        answer = snapshot.get(read)
        if not known(answer):
            words = answer.message if answer else "it was not read"
            message = f"it cannot be read ({words}), so nothing is known about what nodes boot with."
            found.append(codes.UNREADABLE.finding(message, what, severity="error"))
    for pool in live.targets:
        name = source_of(pool, live.assignment)
        answer = snapshot.get(machine_config(name)) if name else None
        if answer is not None and not known(answer):
            message = f"its configuration {name} cannot be read ({answer.message})."
            found.append(codes.UNREADABLE.finding(message, pool_ref(pool.name), severity="error"))
    return found


def _said(live: Live, findings: t.Sequence[Finding], *, state: State | None = None) -> Plan:
    """A plan that changes nothing and waits for nothing."""
    return Plan(findings=sort_findings(findings), checks={"selinux": state or _state(findings)}, facts=facts(live, False))


def _state(findings: t.Sequence[Finding]) -> State:
    """Error over unknown over warning."""
    state = worst(findings)
    unknown = any(finding.code in _UNKNOWN for finding in findings)
    return "unknown" if unknown and state != "error" else state


def _kept_pool(live: Live) -> list[Finding]:
    """A pool of ours stays as long as it serves something else."""
    pool = live.pool
    if live.request.state != "absent" or pool is None or not made_by_us(pool.item):
        return []
    users = changes.used_by(live)
    if users:
        message = f"it stays, since other MachineConfigs are for it: {shown(users)}."
        return [codes.NOT_OURS.finding(message, pool_ref(pool.name), evidence=list(users))]
    others = [node.name for node in pool.nodes if not changes.moved(live, node.name)]
    message = f"it stays, since somebody else put nodes into it: {shown(others)}."
    return [codes.NOT_OURS.finding(message, pool_ref(pool.name), evidence=others)] if others else []


# Writing


def _write(live: Live, snapshot: Snapshot) -> Plan:
    """The changes, unless something speaks against them."""
    request = live.request
    platform = detect(snapshot, request.platform)
    against = [*refusals.of_objects(live), *refusals.of_cluster(live, snapshot, platform), *_unlabelled(live)]
    said = [*against, *refusals.masters_work(live), *_permissive(live)]
    refused = any(finding.severity == "error" for finding in against)
    todo = changes.present(live, platform) if request.state == "present" else changes.absent(live)
    if refused:
        return _said(live, [*said, *_open(live, todo)])
    said += [*_planned(live, snapshot, todo), *_open(live, todo), *_replace(live)]
    return Plan(todo, sort_findings(said), {"selinux": _state(said)}, facts(live, False))


def _open(live: Live, todo: t.Sequence[Change]) -> list[Finding]:
    """That things are not as wanted, which the changes resolve."""
    if live.request.state == "absent":
        left = ", ".join(str(change.object) for change in todo)
        return [codes.STILL_CONFIGURED.finding(f"still there: {left}.", config_ref(live.request.name))] if left else []
    wanted = " ".join(live.request.goal.arguments)
    late = {node.name for pool in live.targets if not live.rendered(pool) for node in pool.nodes} | set(live.moving)
    if not late:
        return []
    pools = ", ".join(pool.name for pool in live.targets)
    message = f"{len(late)} nodes of {pools} are not configured to boot with {wanted}: {shown(late)}."
    return [codes.ARGUMENT_MISSING.finding(message, config_ref(live.request.name))]


def _unlabelled(live: Live) -> list[Finding]:
    """Nothing of ours may let nodes boot enforcing on files without labels, unless that is asked for in so many words."""
    enforcing = live.request.state == "absent" or live.request.goal.mode not in ("disabled", "permissive")
    if not live.unlabelled or not enforcing or live.request.enforce_unlabelled:
        return []
    count = len(live.targeted)
    message = f"{count} nodes ran with SELinux disabled, and would boot enforcing on files without labels; nothing was changed."
    return [codes.UNLABELLED_FILES.finding(message, config_ref(live.request.name), evidence=[node.name for node in live.targeted])]


def _replace(live: Live) -> list[Finding]:
    if not live.unlabelled or (live.request.goal.mode == "disabled" and live.request.state == "present"):
        return []
    message = f"{len(live.targeted)} nodes ran with SELinux disabled: {shown(node.name for node in live.targeted)}."
    return [codes.REPLACE_NODES.finding(message, config_ref(live.request.name), evidence=[node.name for node in live.targeted])]


def _permissive(live: Live) -> list[Finding]:
    if live.request.selinux != "permissive" or live.request.state == "absent":
        return []
    message = "permissive mode (enforcing=0) is not documented to help: the container runtime still relabels mounted datasets."
    return [codes.PERMISSIVE.finding(message, config_ref(live.request.name))]


def _planned(live: Live, snapshot: Snapshot, todo: t.Sequence[Change]) -> list[Finding]:
    """What the roll is going to cost."""
    if not live.targets or not any("reboots_nodes" in change.disruptive for change in todo):
        return []
    listing = list_items(snapshot.get(RUNNING_PODS))
    pods: dict[str, list[Pod]] = {node.name: [] for node in live.targeted}
    for pod in refusals.on_targets(live, listing or []):
        pods[pod.node].append(pod)
    jobs = {node: [str(pod) for pod in there if pod.job] for node, there in pods.items()}
    minutes = round(max(pool.seconds for pool in live.targets) / 60)
    pools = ", ".join(f"{pool.name} ({len(pool.nodes)} nodes, {pool.at_once} at a time)" for pool in live.targets)
    running = shown(f"{node}: {len(names)}" for node, names in jobs.items() if names)
    work = f"pods of AzureML jobs run on {running}" if running else "no pod of an AzureML job runs there"
    work = "what runs there could not be read" if listing is None else work
    evidence = {
        "minutes": minutes,
        "pools": [
            {
                "name": pool.name,
                "nodes": [node.name for node in pool.nodes],
                "at_once": pool.at_once,
                "minutes": round(pool.seconds / 60),
            }
            for pool in live.targets
        ],
        "nodes": None if listing is None else {node: {"jobs": jobs[node], "pods": len(there)} for node, there in pods.items()},
    }
    message = f"{len(live.targeted)} nodes are drained and rebooted, in pools {pools}, about {minutes} min in all; {work}."
    return [codes.ROLLOUT_PLANNED.finding(message, config_ref(live.request.name), evidence=evidence)]


# Following


def _follow(live: Live, snapshot: Snapshot) -> Plan:
    """Nothing to write: how far the nodes are, and what their operating systems say."""
    every = roll.rolls(live)
    unfinished = [one for one in every if not one.finished]
    said = [*_kept_pool(live), *refusals.masters_work(live), *_permissive(live), *os_findings(live)]
    hopeless = [finding for one in unfinished for finding in roll.obstacles(live, one)]
    said += hopeless
    leaving = changes.leaving(live)
    if not unfinished and not leaving:
        said += _after(live)
        done = not any(f.severity == "error" or f.code == codes.UNVERIFIED.code for f in said)
        return Plan((), sort_findings(said), {"selinux": _state(said)}, facts(live, done))
    blocking, note = roll.blocked(live, snapshot)
    said += blocking
    text = "; ".join([*(one.words for one in unfinished), *([_left_text(leaving)] if leaving else [])])
    if not live.request.wait:
        said += [] if hopeless else [codes.ROLLOUT_PENDING.finding(f"{text}.", config_ref(live.request.name))]
        return Plan((), sort_findings(said), {"selinux": _state(said)}, facts(live, False))
    said += [] if hopeless else [codes.NOT_ROLLED_OUT.finding(f"{text}.", config_ref(live.request.name))]
    wait = roll.wait(live, snapshot, unfinished, len(leaving), "; ".join(part for part in (text, note) if part))
    return Plan((), sort_findings(said), {"selinux": _state(said)}, facts(live, False), wait)


def _left_text(leaving: t.Sequence[str]) -> str:
    return f"{shown(leaving)} still have what was rendered for the pool that shall go"


def _after(live: Live) -> list[Finding]:
    """What is to be said of a roll that is over."""
    if live.request.state == "present":
        if live.mine is None and live.targets:
            message = (
                f"pools {', '.join(pool.name for pool in live.targets)} boot with {' '.join(live.request.goal.arguments)} already."
            )
            return [codes.ALREADY_SET.finding(message, config_ref(live.request.name))]
        return _replace(live)
    found = []
    for pool in live.targets:
        still = [argument for argument in pool.arguments or () if key_of(argument) in LAST_WINS]
        if still and boot_mode(still) != "enforcing":
            message = f"other MachineConfigs of it still set {' '.join(still)}."
            found.append(codes.STILL_SET.finding(message, pool_ref(pool.name), evidence=list(pool.sources)))
    return found


# Looking only


def _report(live: Live, snapshot: Snapshot) -> Plan:
    """Whether SELinux is going to hurt; without training on datasets of SDK v1 it never does."""
    if not live.request.hurts:
        return Plan(checks={"selinux": "ok"}, facts=facts(live, None))
    if not known(snapshot.get(NODES)):
        message = f"Nodes cannot be read ({snapshot[NODES].message}), so nothing is known about their SELinux."
        return Plan((), (codes.UNREADABLE.finding(message, "Node"),), {"selinux": "unknown"}, facts(live, None))
    modes: dict[str, list[str]] = {"enforcing": [], "permissive": []}
    unknown: dict[str, Host] = {}
    for _pool, node in live.workers:
        host = live.hosts.get(node.name, Host(trouble="it is not Ready, so it was not asked"))
        if host.mode is None:
            unknown[node.name] = host
        elif host.mode in modes:
            modes[host.mode].append(node.name)
    said = unverified(unknown)
    if modes["enforcing"]:
        message = f"SELinux is enforcing on {len(modes['enforcing'])} workers: {shown(modes['enforcing'])}."
        said.append(codes.DATASETS_FAIL.finding(message, evidence=modes["enforcing"]))
    if modes["permissive"]:
        message = f"SELinux is permissive on {len(modes['permissive'])} workers: {shown(modes['permissive'])}."
        said.append(codes.PERMISSIVE.finding(message, evidence=modes["permissive"]))
    return Plan((), sort_findings(said), {"selinux": _state(said)}, facts(live, None))
