"""From request and snapshot to what is to be read, and to what is to be done."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    Change,
    Finding,
    Json,
    Plan,
    State,
    Wait,
    sort_findings,
    worst,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import NODES, mapping, name_of, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.changes import Outcome, install, ordered, own_namespace
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.manifests import namespace_ref
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.operator import (
    PACKAGES,
    SUBSCRIPTIONS,
    install_operators,
    remove_operators,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.proof import Row, counts, request_findings, rows, with_smoke
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.reading import (
    CLUSTER_POLICIES,
    DAEMON_SETS,
    Live,
    always,
    events_of,
    our_jobs,
    our_pods,
    place,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.removal import guarded, take_away
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.site import Place, Site, look
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.smoke import chosen, try_node

_NOT_YET = (codes.NO_POD, codes.POD_STARTING, codes.COUNTS, codes.SMOKE_RUNNING, codes.GOING)
_OWNED = {
    "daemonset": codes.OWNED_BY_DAEMONSET,
    "operator": codes.OWNED_BY_OPERATOR,
    "extension": codes.OWNED_BY_EXTENSION,
    "aks": codes.OWNED_BY_AKS,
}
_NEEDED = {
    "nodes": "nothing is known or done about GPUs",
    "daemonsets": "nobody knows who serves GPU nodes, so nothing is done",
    "clusterpolicies": "whether the GPU Operator serves the nodes is unknown",
    "pods": "whether the plugin runs is unknown",
    "events": "why pods are missing is unknown",
    "jobs": "no GPU is tried",
    "subscriptions": "which operators are installed is unknown",
    "runtimeclasses": "whether a RuntimeClass is there is unknown",
}


def reads(request: Request, snapshot: Snapshot) -> list[Read]:
    """Nodes, DaemonSets, ClusterPolicies and our pods; beyond these, what judging them looks at."""
    start = always(request)
    if any(read not in snapshot for read in start):
        return start
    live = Live(snapshot)
    _judge(request, live)
    return list(dict.fromkeys([*start, *live.wanted]))


def plan(request: Request, snapshot: Snapshot) -> Plan:
    """What GPU nodes need in order to offer their GPUs, and what is wrong with them."""
    return _judge(request, Live(snapshot))


def verify(request: Request, snapshot: Snapshot) -> Plan:
    """The facts of the end, where a plan's are those of its beginning."""
    return Plan(facts=plan(request, snapshot).facts)


def _judge(request: Request, live: Live) -> Plan:
    site = look(request, live)
    if site is None:
        return Plan(findings=sort_findings(_unreadable(live)), checks={"gpu": "unknown"}, facts=_facts([], None))
    if request.state == "absent":
        out = take_away(site, live)
        if site.openshift:
            served = [entry.node.name for entry in site.places]
            out.add(guarded(remove_operators(live), served, live))
        found: list[Row] = []
    else:
        out, found = _present(site, live)
    said = [*out.findings, *_unreadable(live)]
    wait = _wait(request, live, said, out.changes)
    if wait is None and not out.changes and not request.wait_seconds:
        said = [_unwaited(finding) for finding in said]
    return Plan(
        changes=tuple(ordered(out.changes)) if request.state == "present" else tuple(out.changes),
        findings=sort_findings(said),
        checks={"gpu": _state(said, live)},
        facts=_facts(found, site),
        wait=wait,
    )


def _present(site: Site, live: Live) -> tuple[Outcome, list[Row]]:
    found, said = rows(site, live)
    refused = _refusals(site)
    if _operates(site):
        out = install_operators(site.request, live)
    elif _installs(site) and not refused:
        out = install(site, live)
        if any(f.severity == "error" and not f.resolvable for f in out.findings):
            out.changes = []
    else:
        out = Outcome()
    out.findings += [*request_findings(site.request), *refused, *_owners(site), *_apart(site)]
    # Before the plugin is there, its absence is all that is wrong with the nodes.
    if site.ours is not None or site.candidates or not _installs(site):
        out.findings += said
    else:
        out.findings += [finding for finding in said if finding.severity != "error"]
    if site.ours is not None and not out.changes:
        out.findings += counts(site)
    if not out.changes:
        found, tests = _tests(site, found, live)
        out.add(tests)
    return out, found


def _operates(site: Site) -> bool:
    """Whether the operators of OpenShift are to be installed; where they are, that reads nothing more."""
    others = any(owner.kind != "operator" for owner in site.candidates)
    wanted = site.openshift and site.request.operator == "install" and not site.request.force_openshift
    return wanted and not others and site.ours is None


def _tests(site: Site, found: list[Row], live: Live) -> tuple[list[Row], Outcome]:
    """One GPU of each chosen node tried."""
    out = Outcome()
    served = {row.place.node.name: row.place for row in found if row.verdict == "served"}
    verdicts: dict[str, str] = {}
    for node in chosen(site.request, [entry.node for entry in served.values()]):
        outcome = try_node(site.request, node, served[node.name].raw, live)
        verdicts[node.name] = outcome.verdict
        out.changes += outcome.changes
        out.findings += outcome.findings
    if out.changes and site.ours is None:
        # Nodes of other owners are tried in our namespace, too.
        answer = live.answer(Read(namespace_ref(site.request.namespace).path))
        if answer is not None and answer.absent:
            out.changes.insert(0, own_namespace(site.request.namespace))
    return with_smoke(found, verdicts), out


def _installs(site: Site) -> bool:
    """Whether the plugin is to be there: where nobody else serves GPU nodes, also while there is none."""
    if site.ours is not None:
        return True
    if any(owner.planned or owner.kind == "operator" for owner in site.candidates):
        return False
    if site.openshift and not site.request.force_openshift:
        return False
    return bool(site.left) or not site.candidates


def _refusals(site: Site) -> list[Finding]:
    """What keeps the plugin from being installed or changed."""
    found = []
    for item in site.elsewhere:
        found.append(codes.ELSEWHERE.finding("it is the plugin of this collection.", f"DaemonSet/{place(item)}"))
    if site.openshift and not site.request.force_openshift and site.request.operator == "verify":
        found += _openshift(site)
    if site.ours is not None:
        found += [_two(site, entry) for entry in site.places if entry.others and not entry.kept_away]
    elif _installs(site) and site.meeting:
        names = [entry.node.name for entry in site.meeting]
        owner = site.meeting[0].others[0].subject
        message = f"{owner} serves {', '.join(names[:5])}{' and more' if len(names) > 5 else ''}, where it would run, too."
        found.append(codes.WOULD_MEET.finding(message, owner, evidence=names))
    for entry in site.places:
        if len([owner for owner in entry.others if not owner.planned]) > 1:
            names = [owner.subject for owner in entry.others]
            found.append(
                codes.TWO_PLUGINS.finding(f"{' and '.join(names)} both serve it.", f"Node/{entry.node.name}", evidence=names)
            )
    return found


def _two(site: Site, entry: Place) -> Finding:
    ours = f"DaemonSet/{site.request.namespace}/{name_of(site.ours or {})}"
    other = entry.others[0]
    verb = "is told to serve" if other.planned else "serves"
    remedy = (
        "Set azureml_install_nvidia_device_plugin to false and update the extension, or run nvidia_device_plugin with state absent."
        if other.kind == "extension"
        else f"Remove {other.subject}, set nvidia_device_plugin_exclude_labels, or run nvidia_device_plugin with state absent."
    )
    message = f"{other.subject} {verb} it, and {ours} does."
    return codes.TWO_PLUGINS.finding(message, f"Node/{entry.node.name}", remedy=remedy, evidence=[other.subject, ours])


def _openshift(site: Site) -> list[Finding]:
    """The GPU Operator, without which no GPU of OpenShift works."""
    if not any(owner.kind == "operator" for owner in site.candidates):
        nodes = [entry.node.name for entry in site.left]
        severity: t.Literal["error", "info"] = "error" if nodes else "info"
        message = f"{len(nodes)} GPU nodes and no ClusterPolicy of the GPU Operator." if nodes else "there is no GPU Operator."
        return [codes.OPENSHIFT_REFUSED.finding(message, "ClusterPolicy", severity=severity, evidence=nodes)]
    return []


def _owners(site: Site) -> list[Finding]:
    """Whose the nodes are that are not ours: one finding for each owner."""
    nodes: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    for entry in site.places:
        for owner in entry.others:
            nodes.setdefault(owner.subject, []).append(entry.node.name)
            kinds[owner.subject] = owner.kind
    for owner in site.candidates:
        kinds[owner.subject] = owner.kind
        nodes.setdefault(owner.subject, [])
    found = [
        _OWNED[kinds[subject]].finding(f"{subject} serves {_count(names)}.", subject, evidence=names)
        for subject, names in nodes.items()
    ]
    return found + _policies(site)


def _count(names: t.Sequence[str]) -> str:
    shown = ", ".join(names[:3]) + (" and more" if len(names) > 3 else "")
    return f"{len(names)} GPU node{'' if len(names) == 1 else 's'}" + (f": {shown}" if names else "")


def _policies(site: Site) -> list[Finding]:
    found = []
    for policy in site.policies:
        state = text(mapping(policy, "status").get("state"))
        if state not in ("ready", "disabled", "ignored"):
            message = f"its state is {state or 'not reported yet'}."
            evidence = mapping(policy, "status")
            found.append(codes.OPERATOR_NOT_READY.finding(message, f"ClusterPolicy/{name_of(policy)}", evidence=evidence))
    return found


def _apart(site: Site) -> list[Finding]:
    if not site.places:
        return [codes.NO_GPU_NODES.finding("no node is detected as having NVIDIA GPUs now.")]
    names = [
        f"{e.node.name} ({e.node.state})" for e in site.places if e.node.state in ("not_ready", "cordoned", "windows", "virtual")
    ]
    return [codes.APART.finding(f"{', '.join(names)}.", evidence=names)] if names else []


def _unreadable(live: Live) -> list[Finding]:
    """Reads that were refused: each said once, with what follows from it."""
    found = []
    for read, answer in live.forbidden.items():
        kind = read.path.rstrip("/").rsplit("/", 1)[-1]
        consequence = _NEEDED.get(kind, "what depends on it is unknown")
        needed = read in (NODES, DAEMON_SETS)
        message = f"it cannot be read ({answer.message}): {consequence}."
        found.append(codes.UNREADABLE.finding(message, read.path, severity="error" if needed else None))
    return found


def _unwaited(finding: Finding) -> Finding:
    """Without a wait, what is on its way is no error."""
    if finding.code in [code.code for code in _NOT_YET] and finding.severity == "error":
        return replace(finding, severity="warning")
    return finding


def _wait(request: Request, live: Live, said: t.Sequence[Finding], changes: t.Sequence[Change]) -> Wait | None:
    """Until every node offers its GPUs, or the plugin is gone."""
    open_findings = [finding for finding in said if finding.resolvable and finding.severity != "info"]
    if changes or not request.wait_seconds or not open_findings:
        return None
    first = open_findings[0]
    more = f" and {len(open_findings) - 1} more" if len(open_findings) > 1 else ""
    follow = [NODES, DAEMON_SETS, our_pods(request.namespace), CLUSTER_POLICIES]
    watched = (our_jobs(request.namespace), events_of(request.namespace), SUBSCRIPTIONS, *(one.resources for one in PACKAGES))
    follow += [read for read in live.wanted if read in watched or read.path.endswith(("/pods", "/events"))]
    unique = tuple(dict.fromkeys(read for read in follow if live.items(read) is not None))
    again = tuple(read for read in live.wanted if "/clusterserviceversions/" in read.path or "/installplans/" in read.path)
    return Wait(f"waiting for {first.subject}: {first.message}{more}", float(request.wait_seconds), unique, again)


def _state(said: t.Sequence[Finding], live: Live) -> State:
    state = worst(said)
    return "unknown" if state != "error" and live.forbidden else state


def _facts(found: t.Sequence[Row], site: Site | None) -> Json:
    return {
        "gpu": {
            "nodes": [row.public() for row in found],
            "owners": [] if site is None else [owner.subject for owner in site.candidates],
            "installed": None if site is None else site.ours is not None,
        }
    }
