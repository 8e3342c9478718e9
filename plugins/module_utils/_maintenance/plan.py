"""From request and snapshot to what is to be done with the Node.

begun: cordon and mark in one patch, evict, wait until the pods are gone. ended: when the host is back as a Ready Node, remove
the mark and, if it was ours, the cordon. checked: only whether the host is the Node, and what is left of earlier runs.
"""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    Change,
    Disruption,
    Finding,
    Json,
    ObjectRef,
    Plan,
    Wait,
    Write,
    sort_findings,
    worst,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import mark_operations, version_test
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, name_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.pods import Pod
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Snapshot, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.judge import (
    cordon_findings,
    drain_findings,
    identity,
    listed,
    not_back,
    not_this_node,
    refusals,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.record import ANNOTATION, Record
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.seen import (
    BUDGETS,
    Live,
    node_read,
    node_ref,
    observe,
    pods_read,
    reads,
)

__all__ = ["plan", "reads"]


def plan(request: Request, snapshot: Snapshot) -> Plan:
    """What to do with the Node now."""
    live = observe(request, snapshot)
    if isinstance(live, Finding):
        return Plan(findings=(live,), checks={"maintenance": "error"})
    said = cordon_findings(live)
    whose = identity(request, live)
    if whose == "another":
        return _planned(request, live, [*said, not_this_node(request, live)])
    if whose == "restarting":
        return _planned(request, live, [*said, not_back(request, live)], wait=_wait_for_node(request, "waits for its kubelet"))
    if request.state == "begun":
        return _begun(request, snapshot, live, said)
    return _ended(request, live, said) if request.state == "ended" else _planned(request, live, said)


def _begun(request: Request, snapshot: Snapshot, live: Live, said: list[Finding]) -> Plan:
    said = [*said, *drain_findings(request, live, snapshot)]
    stops = refusals(request, live, snapshot)
    if stops:
        return _planned(request, live, [*said, *stops])
    changes = [*_cordon(request, live), *(_evict(request, pod) for pod in live.pods if not pod.leaving)]
    return _planned(request, live, said, changes, _wait_for_pods(request, live) if live.pods else None)


def _ended(request: Request, live: Live, said: list[Finding]) -> Plan:
    if live.record is None:
        return _planned(request, live, said)
    if not live.ready:
        return _planned(request, live, [*said, not_back(request, live)], wait=_wait_for_node(request, "is not Ready yet"))
    return _planned(request, live, said, [_uncordon(live, live.record)])


def _cordon(request: Request, live: Live) -> list[Change]:
    """One patch that cordons and says whose cordon it is; nothing where both are there already."""
    record = live.record
    theirs = live.cordoned and (record.cordoned_before if record else True)
    wanted = Record(record.reason if record else request.reason, live.boot_id, theirs)
    marks = mark_operations(live.item, "annotations", {ANNOTATION: wanted.annotation()}) if wanted != record else []
    cordon = [] if live.cordoned else [{"op": "add", "path": "/spec/unschedulable", "value": True}]
    if not marks and not cordon:
        return []
    why = f"{request.reason}: no new pods" + (", then a reboot" if request.reboot else "")
    return [_patch(live, [*cordon, *marks], why, True, wanted, _classes(request))]


def _uncordon(live: Live, record: Record) -> Change:
    """Remove our mark, and the cordon where it is ours."""
    ours = live.cordoned and not record.cordoned_before
    operations = [{"op": "remove", "path": "/spec/unschedulable"}] if ours else []
    marks = mark_operations(live.item, "annotations", {ANNOTATION: None})
    why = f"{record.reason} is done" + (", it stays cordoned by somebody else" if live.cordoned and not ours else "")
    return _patch(live, [*operations, *marks], why, live.cordoned and not ours, None, frozenset())


def _patch(
    live: Live, operations: list[Json], reason: str, cordoned: bool, record: Record | None, disruptive: frozenset[Disruption]
) -> Change:
    reference = node_ref(name_of(live.item))
    return Change(
        verb="update",
        object=reference,
        reason=reason,
        before=_shown(live.cordoned, live.record),
        after=_shown(cordoned, record),
        disruptive=disruptive,
        write=Write("json_patch", reference.path, [*version_test(live.item), *operations]),
    )


def _shown(cordoned: bool, record: Record | None) -> Json:
    annotations = {ANNOTATION: record.annotation()} if record else {}
    return {"spec": {"unschedulable": cordoned}, "metadata": {"annotations": annotations}}


def _classes(request: Request) -> frozenset[Disruption]:
    """What every change of a drain is part of."""
    return frozenset(["reboots_nodes"] if request.reboot else ["restarts_pods"] if request.drain else [])


def _evict(request: Request, pod: Pod) -> Change:
    """An eviction of exactly this pod, which its PodDisruptionBudget may refuse."""
    path = object_path("v1", "pods", pod.name, pod.namespace)
    options: Json = {"preconditions": {"uid": pod.uid}}
    if request.grace_period is not None:
        options["gracePeriodSeconds"] = request.grace_period
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
        "deleteOptions": options,
    }
    classes: set[Disruption] = set(_classes(request))
    classes |= {"disturbs_jobs"} if pod.job else set()
    classes |= set() if pod.managed else {"deletes_data"}
    return Change(
        verb="delete",
        object=ObjectRef("Pod", pod.name, pod.namespace, path),
        reason=f"{request.reason} of Node {request.node}",
        before={"spec": {"nodeName": request.node}},
        disruptive=frozenset(classes),
        write=Write("evict", f"{path}/eviction", body),
    )


def _wait_for_pods(request: Request, live: Live) -> Wait:
    blocked = [pod for pod in live.pods if any(b.covers(pod) and b.blocks(pod) for b in live.budgets)]
    text = f"{request.node}: {len(live.pods)} pods still there ({listed(live.pods)})"
    text += f", of which a PodDisruptionBudget holds {listed(blocked)}" if blocked else ""
    graces = [pod.grace if request.grace_period is None else request.grace_period for pod in live.pods]
    return Wait(
        text,
        request.wait_timeout,
        follow=(node_read(request.node), pods_read(request.node)),
        again=(BUDGETS,),
        estimate=0.0 if blocked else float(max(graces)),
    )


def _wait_for_node(request: Request, why: str) -> Wait:
    return Wait(f"{request.node} {why}", request.wait_timeout, follow=(node_read(request.node),))


def _planned(
    request: Request, live: Live, said: t.Sequence[Finding], changes: t.Sequence[Change] = (), wait: Wait | None = None
) -> Plan:
    return Plan(
        changes=tuple(changes),
        findings=sort_findings(said),
        checks={"maintenance": worst(said)},
        facts={
            "node_maintenance": {
                "node": request.node,
                "boot_id": live.boot_id,
                "ready": live.ready,
                "cordoned": live.cordoned,
                "ours": live.record is not None,
                "reason": live.record.reason if live.record else "",
                "pods": [str(pod) for pod in live.pods],
                "left_cordoned": [name_of(n) for n in live.others if ANNOTATION in mapping(n, "metadata", "annotations")],
            }
        },
        wait=wait,
    )
