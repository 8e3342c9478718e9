"""Each component of the scenario: whether it is there, ready, and why not."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._components import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.reasons import Cause, Events, causes, recently
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.scenario import Expectation, Scenario
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.workloads import (
    Namespace,
    Workload,
    age,
    restarts,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json, ObjectRef, Severity
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import EXTENSION_NAMESPACE, mapping, objects
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.extension_components import EDITIONS, Component

State = t.Literal["ok", "partly", "not_ready", "missing", "not_applicable", "unknown"]
_ROUTER = "azureml-fe-v2"
_HA_REPLICAS = 3
_RECENT = datetime.timedelta(hours=1)
_SETTINGS = {
    "relay": "relayserver.enabled",
    "install_prom_op": "installPromOp",
    "install_volcano": "installVolcano",
    "nginx_ingress": "nginxIngress.enabled",
}
_DAEMON = "DaemonSet"


@dataclass(frozen=True)
class Judged:
    """One component and what was found.

    Args:
        findings: the first is that of its readiness, where it is not ready.
        final: waiting does not help with the first finding.
    """

    row: Component | None
    ref: ObjectRef
    state: State
    expectation: Expectation = "optional"
    workload: Workload | None = None
    reasons: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    final: bool = False
    restarts: int | None = None

    def public(self, now: datetime.datetime) -> Json:
        """The component as later tasks see it."""
        found = self.workload
        return {
            "name": self.ref.name,
            "kind": self.ref.kind,
            "purpose": self.row.purpose if self.row else "",
            "documented": bool(self.row and self.row.documented),
            "expected": self.expectation,
            "state": self.state,
            "desired": found.desired if found else None,
            "ready": found.ready if found else None,
            "images": found.images if found else [],
            "restarts": self.restarts,
            "created": found.created if found else "",
            "age_seconds": age(found.created, now) if found else None,
            "reasons": list(self.reasons),
        }


def judge_all(request: Request, scenario: Scenario, here: Namespace, events: Events) -> list[Judged]:
    """Every row of the edition, then whatever else is in the namespace."""
    rows = [_judge_row(row, request, scenario, here, events) for row in scenario.rows]
    named = {id(judged.workload) for judged in rows if judged.workload}
    extras = [_extra(one, here, events) for one in here.everything() if id(one) not in named]
    return [*rows, *extras]


def found_by(row: Component, scenario: Scenario, here: Namespace) -> Workload | None:
    """The object of a row, under its name or an older one."""
    return here.find(row.kind, row.named(scenario.extension), *row.formerly)


def _judge_row(row: Component, request: Request, scenario: Scenario, here: Namespace, events: Events) -> Judged:
    ref = ObjectRef(row.kind, row.named(scenario.extension), EXTENSION_NAMESPACE)
    expectation = scenario.expects(row)
    if not here.readable(row.kind):
        return Judged(row, ref, "unknown" if expectation != "off" else "not_applicable", expectation)
    workload = found_by(row, scenario, here)
    if workload is None:
        return _absent(row, ref, expectation, scenario, here)
    judged = _judge_workload(workload, row, here, events)
    said = [*judged.findings, *_surprise(row, workload, expectation, request, scenario), *_named_old(row, workload, scenario)]
    if judged.state == "ok":
        said += [*_restarted(request, workload, here), *_alone(row, request, workload)]
    return Judged(
        row, workload.ref, judged.state, expectation, workload, judged.reasons, tuple(said), judged.final, judged.restarts
    )


def _absent(row: Component, ref: ObjectRef, expectation: Expectation, scenario: Scenario, here: Namespace) -> Judged:
    if expectation in ("off", "optional"):
        return Judged(row, ref, "not_applicable", expectation)
    if expectation in ("usual", "unknown"):
        setting = _SETTINGS.get(row.switch, "")
        if expectation == "unknown" or not setting:
            return Judged(row, ref, "unknown" if expectation == "unknown" else "not_applicable", expectation)
        remedy = f"Set azureml_{row.switch} to true or false, and it is judged."
        message = f"it is not there, which is right where the extension was installed with {setting}=false."
        said = codes.OPTIONAL_ABSENT.finding(message, ref, remedy=remedy, edition=EDITIONS[scenario.edition].edition)
        return Judged(row, ref, "not_applicable", expectation, findings=(said,))
    severity: Severity = (
        "warning" if row.absence == "warning" or (row.connection and "connection" in scenario.doubtful) else "error"
    )
    message = f"it does not exist: it {row.purpose}.{_near(row, scenario, here)}"
    edition = EDITIONS[scenario.edition].edition
    said = codes.MISSING.finding(message, ref, severity=severity, edition=edition)
    return Judged(row, ref, "missing", expectation, findings=(said,))


def _near(row: Component, scenario: Scenario, here: Namespace) -> str:
    """Another extension's object of the same kind, which is what a wrong extension_name looks like."""
    suffix = row.name.partition("}")[2]
    others = [name for name in here.workloads.get(row.kind) or {} if suffix and name.endswith(suffix)]
    return f" {others[0]} is there: is the extension called {others[0][: -len(suffix)]!r}?" if others else ""


def _judge_workload(workload: Workload, row: Component | None, here: Namespace, events: Events) -> Judged:
    """Whether what exists is ready, and why not."""
    pods = here.pods_of(workload)
    count = restarts(pods) if here.pods is not None else None
    base = Judged(row, workload.ref, "ok", workload=workload, restarts=count)
    if workload.going:
        message = "it is being deleted."
        said = codes.UNINSTALLING.finding(message, workload.ref)
        return Judged(row, workload.ref, "not_ready", workload=workload, reasons=(message,), findings=(said,), restarts=count)
    if workload.desired == 0 and workload.kind != _DAEMON:
        remedy = f"Run `kubectl scale -n azureml {workload.kind.lower()}/{workload.name} --replicas=1`."
        said = codes.SCALED_DOWN.finding("it is scaled to 0 replicas.", workload.ref, remedy=remedy)
        return Judged(row, workload.ref, "not_ready", "optional", workload, ("it is scaled to 0",), (said,), True, count)
    if workload.healthy:
        return base
    why = causes(workload, pods if here.pods is not None else None, events)
    serving = workload.ready >= workload.desired
    partly = serving or workload.ready > 0
    said = _unready(workload, why, here, serving=serving, partly=partly)
    final = bool(why) and why[0].final and said.severity == "error"
    reasons = tuple(cause.message for cause in why)
    return Judged(row, workload.ref, "partly" if partly else "not_ready", "optional", workload, reasons, (said,), final, count)


def _unready(workload: Workload, why: t.Sequence[Cause], here: Namespace, *, serving: bool, partly: bool) -> Finding:
    numbers = f"{workload.ready} of {workload.desired} pods are ready"
    if serving:
        numbers = f"{numbers}, but only {workload.updated} are of its newest version"
    if not workload.seen:
        numbers = f"{numbers}, and its controller has not seen its newest version yet"
    cause = why[0] if why else None
    blind = "" if here.pods is not None else " Its pods may not be read."
    told = f": {cause.message}" if cause else "" if blind else ", and neither pods nor events say why"
    code = codes.ROLLOUT if serving else cause.code if cause else codes.NOT_READY
    severity: Severity | None = "warning" if partly and code.severity == "error" else None
    remedy = cause.remedy or cause.code.remedy if cause else None
    evidence = [one.message for one in why[:10]] or None
    return code.finding(f"{numbers}{told}.{blind}", workload.ref, severity=severity, remedy=remedy, evidence=evidence)


def _extra(workload: Workload, here: Namespace, events: Events) -> Judged:
    """Something that no table names; on OpenShift also what loads the SELinux policy."""
    judged = _judge_workload(workload, None, here, events)
    if judged.state == "ok" or (workload.desired == 0 and not workload.going):
        return Judged(None, workload.ref, "ok", workload=workload, restarts=judged.restarts)
    words = judged.findings[0].message
    remedy = judged.findings[0].remedy if judged.findings[0].code == codes.SCC_DENIED.code else None
    said = codes.EXTRA_NOT_READY.finding(words, workload.ref, remedy=remedy)
    return Judged(None, workload.ref, judged.state, "optional", workload, judged.reasons, (said,), restarts=judged.restarts)


def _surprise(row: Component, workload: Workload, expectation: Expectation, request: Request, scenario: Scenario) -> list[Finding]:
    """A component that is there although what was said does not install it."""
    if expectation != "off":
        return []
    if row.connection and row.connection != scenario.connection:
        return [codes.UNEXPECTED.finding(f"it is there, which is so on {row.connection} only.", workload.ref, severity="info")]
    option = row.need if request.told.get(row.need) is False else row.switch
    if row.need != "always" and request.told.get(row.need) is not False and request.told.get(row.switch) is not False:
        return []
    return [codes.UNEXPECTED.finding(f"it is there, although {option} is false.", workload.ref)]


def _named_old(row: Component, workload: Workload, scenario: Scenario) -> list[Finding]:
    if workload.name in row.formerly:
        return [codes.OLD_NAME.finding(f"newer versions call it {row.name}.", workload.ref)]
    if row.absence == "fine":
        message = "newer versions (since 1.1.17) have it inside other pods."
        return [codes.OLD_NAME.finding(message, workload.ref, edition=EDITIONS[scenario.edition].edition)]
    return []


def _restarted(request: Request, workload: Workload, here: Namespace) -> list[Finding]:
    pods = here.pods_of(workload)
    count = restarts(pods)
    if count <= request.restart_limit or not recently(pods, request.now - _RECENT):
        return []
    message = f"it is ready, but its containers were restarted {count} times, the last time less than an hour ago."
    return [codes.RESTARTS.finding(message, workload.ref)]


def _alone(row: Component, request: Request, workload: Workload) -> list[Finding]:
    if row.name != _ROUTER or not request.told.get("inference_router_ha") or workload.desired >= _HA_REPLICAS:
        return []
    message = f"inference_router_ha is true, but it has {workload.desired} replicas instead of {_HA_REPLICAS}."
    return [codes.ROUTER_ALONE.finding(message, workload.ref)]


def unlabelled(judged: t.Sequence[Judged]) -> bool:
    """Whether pods that matter lack the extension's label, so that all pods have to be looked at."""
    return any(
        one.workload.desired > 0 and not one.workload.labelled and (one.row is not None or one.state in ("partly", "not_ready"))
        for one in judged
        if one.workload
    )


def claims_of(judged: t.Sequence[Judged]) -> bool:
    """Whether something that is not ready mounts a claim."""
    return any(
        mapping(volume, "persistentVolumeClaim") or objects(mapping(one.workload.item, "spec").get("volumeClaimTemplates"))
        for one in judged
        if one.workload and one.state in ("partly", "not_ready")
        for volume in (*objects(one.workload.template.get("volumes")), {})
    )
