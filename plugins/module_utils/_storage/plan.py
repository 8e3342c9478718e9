"""From request and snapshot to what is to be read, and to what is to be done."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    Finding,
    Json,
    Plan,
    Wait,
    sort_findings,
    worst,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.absent import absent
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.lint import lint
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.live import Key, Live
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.outcome import Outcome, state_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.present import present
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.probe import Probe, Verdict, trial, verdict
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.reading import VOLUMES, claims_of, events_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.volumes import Target

Probed = t.Dict[Key, t.Tuple[Verdict, t.Tuple[Finding, ...]]]


def reads(request: Request, snapshot: Snapshot) -> list[Read]:
    """Claims of each namespace and all volumes; beyond these, what judging them looks at."""
    if not request.namespaces:
        return []
    always = [*(claims_of(namespace) for namespace in request.namespaces), VOLUMES]
    if any(read not in snapshot for read in always):
        return always
    live = Live(request.namespaces, snapshot)
    _judge(request, live)
    return list(live.wanted)


def plan(request: Request, snapshot: Snapshot) -> Plan:
    """What is to be done so that jobs find every volume, or so that nothing of ours is left; and what is wrong beside."""
    if not request.namespaces:
        finding = codes.NO_NAMESPACE.finding("no compute namespace is named, so no claim is looked at.")
        return Plan(findings=(finding,), checks={"storage": "not_applicable"}, facts=_facts([]))
    return _judge(request, Live(request.namespaces, snapshot))


def verify(request: Request, snapshot: Snapshot) -> Plan:
    """The facts of the end, where a plan's are those of its beginning."""
    return Plan(facts=plan(request, snapshot).facts)


def _judge(request: Request, live: Live) -> Plan:
    settle = present if request.state == "present" else absent
    outcomes = [(target, settle(target, live)) for target in request.targets]
    said = [*_unread(request, live), *(finding for _target, outcome in outcomes for finding in outcome.findings)]
    if request.state == "present":
        wanted: dict[Key, Target] = {target.key: target for target, outcome in outcomes if not outcome.refused}
        said += lint(request, wanted, live)
    changes = tuple(change for _target, outcome in outcomes for change in outcome.changes)
    wait = _wait(request, outcomes, live)
    idle = not changes and wait is None and live.complete
    probed = _probed(request.probe, outcomes, live) if request.probe and idle else {}
    said += [finding for _verdict, findings in probed.values() for finding in findings]
    if not request.wait_timeout:
        said = [_unwaited(finding) for finding in said]
    elif wait and not changes:
        said = _patient(said)
    facts = _facts([_fact(request, target, live, probed) for target in request.targets])
    return Plan(changes, sort_findings(said), {"storage": worst(said)}, facts, wait)


def _unread(request: Request, live: Live) -> list[Finding]:
    """What nothing can be decided without: said once, with the server's own words."""
    found = []
    for namespace in live.unread:
        answer = live.answer(claims_of(namespace))
        words = f" ({answer.message})" if answer else ""
        message = f"its claims cannot be listed{words}, so nothing is known or done about them."
        found.append(codes.UNREADABLE.finding(message, f"Namespace/{namespace}", severity="error"))
    if live.volumes is None:
        answer = live.answer(VOLUMES)
        words = f" ({answer.message})" if answer else ""
        message = f"they cannot be listed{words}, so no volume is made or judged."
        needed = any(not target.adopted for target in request.targets)
        found.append(codes.UNREADABLE.finding(message, "PersistentVolume", severity="error" if needed else None))
    return found


def _unwaited(finding: Finding) -> Finding:
    """Without a wait, a claim on its way is no error."""
    if finding.code != codes.NOT_BOUND.code:
        return finding
    return codes.NOT_BOUND.finding(finding.message, finding.subject, severity="info")


def _patient(findings: list[Finding]) -> list[Finding]:
    """Findings that do not end the wait, as an error would: what is wrong beside a claim keeps it from nothing.

    Only a claim that cannot be bound at all ends it. When the wait is over, all of them stand.
    """
    if any(finding.code == codes.CLAIM_FAILED.code for finding in findings):
        return findings
    return [replace(finding, resolvable=True) for finding in findings]


def _wait(request: Request, outcomes: list[tuple[Target, Outcome]], live: Live) -> Wait | None:
    waiting = [(target, outcome) for target, outcome in outcomes if outcome.waits]
    if not waiting or not request.wait_timeout:
        return None
    namespaces = dict.fromkeys(target.namespace for target, _outcome in waiting)
    follow = [*(claims_of(namespace) for namespace in namespaces), VOLUMES]
    follow += [read for read in (events_of(namespace) for namespace in namespaces) if read in live.wanted]
    more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
    return Wait(f"waiting for {waiting[0][1].waits}{more}", float(request.wait_timeout), tuple(follow))


def _probed(probe: Probe, outcomes: list[tuple[Target, Outcome]], live: Live) -> Probed:
    """What trials of bound claims showed; one that waits for its first pod stays free to be bound where that one runs."""
    found: Probed = {}
    bound = [target for target, outcome in outcomes if not outcome.refused and state_of(target, live) == "bound"]
    for target in bound:
        answer = live.answer(trial(probe, target))
        if answer is not None:
            found[target.key] = verdict(probe, target, answer)
    return found


def _fact(request: Request, target: Target, live: Live, probed: Probed) -> Json:
    claim = live.claims.get(target.key)
    return {
        "name": target.volume.name,
        "namespace": target.namespace,
        "type": target.volume.kind,
        "mount_path": target.volume.mount_path,
        "volume": text(mapping(claim, "spec").get("volumeName")),
        "state": state_of(target, live, consumer=request.state == "present"),
        "probe": probed[target.key][0] if target.key in probed else "not_run",
    }


def _facts(volumes: list[Json]) -> Json:
    return {"storage": {"volumes": volumes}}
