"""From request and snapshot to what is to be read, and to what is to be said. Nothing is ever changed."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.azureml.kubernetes.plugins.module_utils._components import _imports as lib
from ansible_collections.azureml.kubernetes.plugins.module_utils._components import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.around import (
    definition_findings,
    service_findings,
    webhook_findings,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.checks import Outcome, check_reads, judge_check
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.health import Report, health_findings, read_report
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.judge import Judged, claims_of, judge_all, unlabelled
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.reading import (
    AGAIN,
    ALL_PODS,
    CLAIMS,
    EVENTS,
    HEALTH,
    HEALTH_OLD,
    NAMESPACE,
    PODS,
    SURROUNDINGS,
    WORKLOADS,
    is_going,
    listed,
    unread,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.reasons import Events
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.scenario import (
    Scenario,
    understand,
    wants_connection,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.workloads import Namespace, observe, phase
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    Finding,
    Json,
    ObjectRef,
    Plan,
    State,
    Wait,
    sort_findings,
    worst,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    ARC_CONFIG,
    EXTENSION_NAMESPACE,
    body_of,
    is_extension_object,
    mapping,
    name_of,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.extension_components import EDITIONS

_BASE = (*WORKLOADS.values(), PODS, HEALTH)
_CONSEQUENCES: t.Mapping[Read, tuple[str, str]] = {
    WORKLOADS["Deployment"]: ("Deployments of namespace azureml", "the components cannot be judged"),
    WORKLOADS["DaemonSet"]: ("DaemonSets of namespace azureml", "those of the components are unknown"),
    WORKLOADS["StatefulSet"]: ("StatefulSets of namespace azureml", "whether Prometheus runs is unknown"),
    PODS: ("pods of namespace azureml", "restarts and reasons are unknown"),
    ALL_PODS: ("pods of namespace azureml without the extension's label", "restarts and reasons are unknown"),
    HEALTH: ("ConfigMap arcml-healthcheck", "what the health check found is unknown"),
    HEALTH_OLD: ("ConfigMap amlarc-healthcheck", "what the health check found is unknown"),
    EVENTS: ("events of namespace azureml", "reasons are those that pods tell"),
    CLAIMS: ("PersistentVolumeClaims of namespace azureml", "why a volume is missing is unknown"),
    NAMESPACE: ("Namespace azureml", "whether it is being deleted is unknown"),
    ARC_CONFIG: ("ConfigMap azure-clusterconfig of namespace azure-arc", "how the cluster is connected is unknown"),
    SURROUNDINGS[0]: ("Services of namespace azureml", "they and webhooks are not judged"),
    SURROUNDINGS[1]: ("CustomResourceDefinitions", "they are not judged"),
    SURROUNDINGS[2]: ("ValidatingWebhookConfigurations", "they are not judged"),
    SURROUNDINGS[3]: ("MutatingWebhookConfigurations", "they are not judged"),
}


def reads(request: Request, snapshot: Snapshot) -> list[Read]:
    """Lists of the namespace; events, claims and the namespace itself only where something is not as it should be."""
    wanted = [*_BASE, *(SURROUNDINGS if request.surroundings else ())]
    wanted += check_reads(request.checks, snapshot, WORKLOADS)
    if any(read not in snapshot for read in _BASE):
        return wanted
    here = observe(snapshot)
    if snapshot[HEALTH].absent:
        wanted.append(HEALTH_OLD)
    if wants_connection(request, here):
        wanted.append(ARC_CONFIG)
        if ARC_CONFIG not in snapshot:
            return wanted
    judged = judge_all(request, understand(request, here, snapshot), here, Events(None))
    if any(one.state in ("partly", "not_ready") for one in judged):
        wanted.append(EVENTS)
    if claims_of(judged):
        wanted.append(CLAIMS)
    if unlabelled(judged):
        wanted.append(ALL_PODS)
    if not _installed(judged, here) or any(one.state == "missing" for one in judged):
        wanted.append(NAMESPACE)
    return list(dict.fromkeys(wanted))


def _installed(judged: t.Sequence[Judged], here: Namespace) -> bool:
    """Whether anything of the extension is there, however broken; a device plugin of its name may be somebody else's."""
    ours = any(one.row and one.row.need != "always" and one.workload for one in judged)
    named = any(one.row and one.workload and not one.row.name.startswith("nvidia-") for one in judged)
    return ours or named or any(is_extension_object(one.item) for one in here.everything())


def plan(request: Request, snapshot: Snapshot) -> Plan:
    """What is to be said of the extension as the snapshot shows it."""
    here = observe(snapshot)
    scenario = understand(request, here, snapshot)
    events = Events(listed(snapshot, EVENTS))
    judged = judge_all(request, scenario, here, events)
    outcomes = [] if lib.PROBLEM else [judge_check(check, snapshot, WORKLOADS) for check in request.checks]
    report = _report(snapshot)
    said = [*_unreadable(snapshot), *_library(request), *_around(request, scenario, here, judged, snapshot)]
    said += [finding for finding in (outcome.finding() for outcome in outcomes) if finding is not None]
    final: set[int] = set()
    if here.readable("Deployment"):
        components = _component_findings(request, scenario, here, judged, snapshot)
        final = {id(one.findings[0]) for one in judged if one.final}
        said += components
    healthy = not any(finding.severity == "error" for finding in said) and _installed(judged, here)
    health = [*health_findings(report, healthy=healthy), *_health_pod(here)]
    said += _claims(judged, snapshot)
    waiting = _waiting(request, said, final, [] if _installed(judged, here) else health)
    if waiting:
        said = [replace(one, resolvable=True) if id(one) in waiting else one for one in said]
        # Components are made only after the check has passed, so a failure beside them is an earlier one, or is judged at the end.
        health = [replace(one, resolvable=True) for one in health]
    findings = sort_findings([*said, *health])
    nothing = not _installed(judged, here) and not _wanted(request)
    state: State = worst(findings, "not_applicable" if nothing else "ok") if here.readable("Deployment") else "unknown"
    return Plan(
        findings=findings,
        checks={"components": state},
        facts={"extension_components": _facts(request, scenario, judged, report, outcomes)},
        wait=_wait(request, snapshot, judged) if waiting else None,
    )


def _waiting(request: Request, said: t.Sequence[Finding], final: t.Collection[int], health: t.Sequence[Finding]) -> set[int]:
    """The errors that are only "not yet", by identity; none where one of them never passes, or nobody waits.

    Args:
        health: what the health check says of an installation that has not come to its components.
    """
    errors = [finding for finding in said if finding.severity == "error"]
    never = {codes.LIBRARY_MISSING.code, codes.UNREADABLE.code}
    if not request.wait_seconds or any(finding.severity == "error" for finding in health):
        return set()
    if any(id(finding) in final or finding.code in never for finding in errors):
        return set()
    return {id(finding) for finding in errors}


def _wait(request: Request, snapshot: Snapshot, judged: t.Sequence[Judged]) -> Wait:
    late = [one for one in judged if one.state in ("missing", "not_ready")]
    words = [f"{one.ref.name} {one.workload.ready}/{one.workload.desired}" if one.workload else one.ref.name for one in late]
    text_ = ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
    follow = tuple(
        read for read in (*WORKLOADS.values(), ALL_PODS if ALL_PODS in snapshot else PODS) if listed(snapshot, read) is not None
    )
    checked = (read for read in check_reads(request.checks, snapshot, WORKLOADS) if read not in follow)
    return Wait(f"waiting for {text_ or 'what the findings name'}", request.wait_seconds, follow, (*AGAIN, *checked))


def _component_findings(
    request: Request, scenario: Scenario, here: Namespace, judged: t.Sequence[Judged], snapshot: Snapshot
) -> list[Finding]:
    """What is to be said of the components, and of the extension as a whole."""
    ref = ObjectRef("Namespace", EXTENSION_NAMESPACE)
    namespace = snapshot.get(NAMESPACE)
    leaving = namespace is not None and namespace.found and is_going(namespace.body)
    if not _installed(judged, here):
        if leaving:
            return [codes.UNINSTALLING.finding("the namespace is being deleted; no component is left.", ref)]
        there = "is empty of them" if namespace is not None and namespace.found else "does not exist"
        return [codes.NOT_INSTALLED.finding(f"the namespace {there}.", ref, severity=None if _wanted(request) else "info")]
    missing = [one.ref.name for one in judged if one.state == "missing"]
    if leaving:
        gone = f"; {', '.join(missing)} are gone" if missing else ""
        return [codes.UNINSTALLING.finding(f"the namespace is being deleted{gone}.", ref)]
    said = [finding for one in judged for finding in one.findings]
    if scenario.options.get("training") is None and scenario.options.get("inference") is None:
        message = "no component of training and none of inference is there, but others are: half of the extension is missing."
        said.append(codes.SCENARIO_UNKNOWN.finding(message, ref, edition=EDITIONS[scenario.edition].edition))
    if scenario.seen:
        words = "; ".join(f"{name} {_word(scenario, name)}: {why}" for name, why in scenario.seen.items())
        said.append(codes.SCENARIO_SEEN.finding(f"{words}.", ref))
    return said


def _wanted(request: Request) -> bool:
    """Whether somebody says that the extension should be there."""
    return bool(request.told.get("training") or request.told.get("inference") or request.wait_seconds)


def _word(scenario: Scenario, name: str) -> str:
    return scenario.connection if name == "connection" else "on" if scenario.options.get(name) else "off"


def _around(request: Request, scenario: Scenario, here: Namespace, judged: t.Sequence[Judged], snapshot: Snapshot) -> list[Finding]:
    if not request.surroundings:
        return []
    said = webhook_findings(here, snapshot)
    if here.readable("Deployment") and _installed(judged, here):
        said += [*service_findings(request, scenario, here, judged, snapshot), *definition_findings(scenario, snapshot)]
    return said


def _library(request: Request) -> list[Finding]:
    return [codes.LIBRARY_MISSING.finding(f"{lib.PROBLEM}.")] if request.checks and lib.PROBLEM else []


def _unreadable(snapshot: Snapshot) -> list[Finding]:
    """What may not be read, each with what follows."""
    found = []
    for read, (what, consequence) in _CONSEQUENCES.items():
        answer = snapshot.get(read)
        if answer is not None and unread(answer):
            severity: t.Literal["error", "warning"] = "error" if read == WORKLOADS["Deployment"] else "warning"
            message = f"{what} may not be read ({answer.message}): {consequence}."
            found.append(codes.UNREADABLE.finding(message, what.rpartition(" of ")[0] or what, severity=severity))
    return found


def _report(snapshot: Snapshot) -> Report:
    """The health check's report, under its name or the old one."""
    for read in (HEALTH, HEALTH_OLD):
        answer = snapshot.get(read)
        if answer is not None and answer.found:
            body = body_of(snapshot, read)
            return read_report(
                {**body, "metadata": {**mapping(body, "metadata"), "name": name_of(body) or read.path.rpartition("/")[2]}}
            )
    return Report()


def _health_pod(here: Namespace) -> list[Finding]:
    """The pod of the health check: that it is completed is as it should be."""
    failed = [pod for pod in here.pods or () if name_of(pod) == "healthcheck" and phase(pod) == "Failed"]
    ref = ObjectRef("Pod", "healthcheck", EXTENSION_NAMESPACE)
    return [codes.HEALTH_POD_FAILED.finding("it failed; its report tells which check did.", ref) for _pod in failed]


def _claims(judged: t.Sequence[Judged], snapshot: Snapshot) -> list[Finding]:
    """Claims that are not bound, where something waits for one."""
    if not any(finding.code == codes.VOLUME.code for one in judged for finding in one.findings):
        return []
    said = []
    for claim in listed(snapshot, CLAIMS) or ():
        state = text(mapping(claim, "status").get("phase"))
        if state != "Bound":
            storage = text(mapping(claim, "spec").get("storageClassName")) or "the default class"
            event = Events(listed(snapshot, EVENTS)).of(
                "PersistentVolumeClaim", name_of(claim), "ProvisioningFailed", "FailedBinding"
            )
            told = f": {text(event.get('message'))}" if event else ""
            ref = ObjectRef("PersistentVolumeClaim", name_of(claim), EXTENSION_NAMESPACE)
            message = f"it is {state or 'not bound'}, of {storage}{told}."
            said.append(codes.VOLUME.finding(message, ref, severity="warning"))
    return said


def _facts(request: Request, scenario: Scenario, judged: t.Sequence[Judged], report: Report, outcomes: t.Sequence[Outcome]) -> Json:
    rows = [one.public(request.now) for one in judged if one.row]
    return {
        "extension_name": scenario.extension,
        "extension_version": scenario.version,
        "edition": scenario.edition,
        "connection": scenario.connection,
        "options": dict(scenario.options),
        "seen": dict(scenario.seen),
        "ready": sum(1 for one in judged if one.row and one.state == "ok"),
        "expected": sum(1 for one in judged if one.row and one.state != "not_applicable"),
        "components": rows,
        "extras": [one.public(request.now) for one in judged if not one.row],
        "health_check": {
            "name": report.name,
            "cluster": dict(report.about),
            "entries": [entry.public() for entry in report.entries],
        },
        "custom_checks": [outcome.public() for outcome in outcomes],
    }
