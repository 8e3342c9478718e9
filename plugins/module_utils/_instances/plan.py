"""From request and snapshot to what is to be read, and to what is to be done."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.instance_types import DEFAULT, INSTANCE_TYPES, InstanceType
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    Change,
    Disruption,
    Finding,
    Json,
    Plan,
    State,
    Wait,
    sort_findings,
    worst,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import gitops_owner, made_by_us
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    NODES,
    list_items,
    mapping,
    name_of,
    objects,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.changes import (
    create,
    delete,
    differs,
    ref_of,
    spec_of,
    update,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.definition import (
    DEFINITION,
    definition_finding,
    definition_state,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.fit import Fit, fit
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.rules import object_problems
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.usage import users

PODS = Read(object_path("v1", "pods"))
JOBS = Read(object_path("amlarc.azureml.com/v1alpha1", "amljobs"))
_CONSEQUENCES: t.Mapping[Read, tuple[str, str]] = {
    DEFINITION: ("the definition of InstanceType", "whether it is established is unknown"),
    INSTANCE_TYPES: ("InstanceType objects", "none is written or deleted"),
    NODES: ("nodes", "whether the types fit any is unknown"),
    PODS: ("pods", "whether jobs use the types is unknown"),
    JOBS: ("AmlJobs", "whether jobs use the types is unknown"),
}


@dataclass
class _Outcome:
    changes: list[Change] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    facts: list[Json] = field(default_factory=list)


def reads(request: Request, snapshot: Snapshot) -> list[Read]:
    """The definition, then the objects once they are served; pods and jobs only where a type of ours is to go."""
    wanted = [DEFINITION, *([NODES] if request.state == "present" else [])]
    if DEFINITION not in snapshot:
        return wanted
    if definition_state(snapshot) in ("established", "unknown") or INSTANCE_TYPES in snapshot:
        wanted.append(INSTANCE_TYPES)
    live = _live(snapshot) or {}
    if request.state == "absent" and any(made_by_us(live.get(one.name, {})) for one in request.types):
        wanted += [PODS, JOBS]
    return wanted


def _live(snapshot: Snapshot) -> dict[str, Json] | None:
    answer = snapshot.get(INSTANCE_TYPES)
    items = list_items(answer)
    return None if items is None or (answer is not None and answer.absent) else {name_of(item): item for item in items}


def plan(request: Request, snapshot: Snapshot) -> Plan:
    """What is missing, what is wrong, and the changes that put it right."""
    definition, live = definition_state(snapshot), _live(snapshot)
    out = _Outcome(findings=_unreadable(snapshot))
    if not request.types:
        out.findings.append(codes.NOTHING_NAMED.finding("azureml_instance_types is empty."))
    found = definition_finding(definition, snapshot) if request.types and request.state == "present" else None
    out.findings += [found] if found else []
    nodes = list_items(snapshot.get(NODES))
    for wanted in request.types:
        if request.state == "absent":
            _absent(wanted, (live or {}).get(wanted.name), snapshot, out, known=live is not None or definition == "missing")
        else:
            _present(wanted, live, nodes, request, out)
    if request.state == "present":
        _default(request, live, nodes, out)
    _others(request, live or {}, out)
    nothing = not request.types and definition == "missing"
    findings = sort_findings(out.findings)
    state: State = "unknown" if live is None and definition == "unknown" else worst(findings, "not_applicable" if nothing else "ok")
    return Plan(
        changes=tuple(out.changes),
        findings=findings,
        checks={"instances": state},
        facts={"instance_types": {"definition": definition, "types": out.facts, "others": _foreign(request, live or {})}},
        wait=_wait(request, definition, snapshot),
    )


def _wait(request: Request, definition: str, snapshot: Snapshot) -> Wait | None:
    """Until the definition is established: a watch of that one object, so that nothing is discovered again and again."""
    waiting = request.state == "present" and request.types and definition in ("missing", "not_established")
    if not waiting or not request.wait_seconds or list_items(snapshot.get(DEFINITION)) is None:
        return None
    again = (INSTANCE_TYPES,) if INSTANCE_TYPES in snapshot else ()
    words = "it does not exist" if definition == "missing" else "it is not Established yet"
    return Wait(f"definition of InstanceType: {words}", request.wait_seconds, (DEFINITION,), again)


def _unreadable(snapshot: Snapshot) -> list[Finding]:
    found = []
    for read, (what, consequence) in _CONSEQUENCES.items():
        answer = snapshot.get(read)
        if answer is not None and list_items(answer) is None:
            message = f"{what} cannot be listed ({answer.message}): {consequence}."
            severity: t.Literal["error"] | None = "error" if read == INSTANCE_TYPES else None
            found.append(codes.UNREADABLE.finding(message, what, severity=severity))
    return found


def _controller(item: Json) -> str:
    for owner in objects(mapping(item, "metadata").get("ownerReferences")):
        if owner.get("controller") is True:
            return f"{text(owner.get('kind'))}/{text(owner.get('name'))}"
    return gitops_owner(item)


def _present(
    wanted: InstanceType, live: t.Mapping[str, Json] | None, nodes: t.Sequence[Json] | None, request: Request, out: _Outcome
) -> None:
    judged = None if nodes is None else fit(wanted, nodes, request.tolerations)
    fitting = _fit_findings(wanted, judged)
    out.findings += fitting
    item = None if live is None else live.get(wanted.name)
    state = "unknown"
    if live is not None:
        refused = [] if item is None else _refusals(wanted, item, adopt=request.adopt)
        out.findings += refused
        if refused or any(one.severity == "error" for one in fitting):
            state = "refused"
        elif item is None:
            out.changes.append(create(wanted))
            state = "created"
        elif differs(wanted, item):
            out.changes.append(update(wanted, item))
            state = "updated"
        else:
            state = "unchanged"
    out.facts.append(
        {
            "name": wanted.name,
            "state": state,
            "made_by_us": state == "created" or made_by_us(item or {}),
            "autoscaled": wanted.autoscaled,
            "spec": spec_of(wanted),
            "nodes": None if judged is None else list(judged.nodes),
        }
    )


def _refusals(wanted: InstanceType, item: Json, *, adopt: bool) -> list[Finding]:
    if not differs(wanted, item):
        return []
    owner, ref = _controller(item), ref_of(wanted.name)
    if owner:
        return [codes.CONTROLLED.finding(f"it is kept by {owner}, so it is left alone.", ref)]
    if not made_by_us(item) and not adopt:
        return [codes.FOREIGN.finding("it differs from what is wanted, but this collection did not make it.", ref)]
    return []


def _fit_findings(wanted: InstanceType, judged: Fit | None) -> list[Finding]:
    if judged is None or judged.nodes:
        return []
    ref = ref_of(wanted.name)
    if judged.closed:
        return [codes.NODES_CLOSED.finding(f"only {', '.join(judged.closed)} could run its pods.", ref)]
    if wanted.autoscaled:
        return [codes.FROM_ZERO.finding(f"none of the {len(judged.reasons)} nodes can run its pods.", ref, evidence=judged.reasons)]
    return [codes.FITS_NO_NODE.finding(_why(judged), ref, evidence=judged.reasons)]


def _why(judged: Fit) -> str:
    some = [f"{name}: {reason}" for name, reason in sorted(judged.reasons.items())][:3]
    more = len(judged.reasons) - len(some)
    return f"{'; '.join(some) or 'there is no node'}{f'; and {more} more' if more else ''}."


def _default(request: Request, live: t.Mapping[str, Json] | None, nodes: t.Sequence[Json] | None, out: _Outcome) -> None:
    named = DEFAULT.name in (live or {}) or any(one.name == DEFAULT.name for one in request.types)
    if nodes is None or named:
        return
    judged = fit(DEFAULT, nodes, request.tolerations)
    if not judged.nodes and not judged.closed:
        out.findings.append(codes.DEFAULT_FITS_NO_NODE.finding(_why(judged), ref_of(DEFAULT.name), evidence=judged.reasons))


def _absent(wanted: InstanceType, item: Json | None, snapshot: Snapshot, out: _Outcome, *, known: bool) -> None:
    ref = ref_of(wanted.name)
    if item is None:
        out.facts.append({"name": wanted.name, "state": "absent" if known else "unknown"})
        return
    if not made_by_us(item):
        out.findings.append(codes.KEPT.finding("this collection did not make it.", ref))
        out.facts.append({"name": wanted.name, "state": "kept"})
        return
    pods, jobs = list_items(snapshot.get(PODS)), list_items(snapshot.get(JOBS))
    using = users(wanted, pods or (), jobs or ())
    if using:
        more = f" and {len(using) - 5} more" if len(using) > 5 else ""
        out.findings.append(codes.IN_USE.finding(f"{', '.join(using[:5])}{more} may ask for it.", ref, evidence=using))
    disturbing: frozenset[Disruption] = frozenset({"disturbs_jobs"}) if using or pods is None or jobs is None else frozenset()
    out.changes.append(delete(wanted.name, item, disturbing))
    out.facts.append({"name": wanted.name, "state": "removed"})


def _foreign(request: Request, live: t.Mapping[str, Json]) -> list[str]:
    return sorted(set(live) - {one.name for one in request.types})


def _others(request: Request, live: t.Mapping[str, Json], out: _Outcome) -> None:
    """Types that are there beside the wanted ones."""
    for name in _foreign(request, live):
        problems = object_problems(live[name])
        if problems:
            out.findings.append(codes.MALFORMED.finding(f"{'; '.join(problems)}.", ref_of(name), evidence=problems))
        if made_by_us(live[name]) and request.types and request.state == "present":
            out.findings.append(codes.LEFT_OVER.finding("azureml_instance_types no longer names it.", ref_of(name)))
