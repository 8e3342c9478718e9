"""From request and snapshot to what is to be read, and to what is to be done."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.instance_types import INSTANCE_TYPES
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    Finding,
    Json,
    Plan,
    State,
    Wait,
    sort_findings,
    worst,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    EXTENSION_NAMESPACE,
    NODES,
    list_items,
    platform_reads,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.accounts import plan_account
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.capacity import instance_types, plan_capacity
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.changes import namespace_ref
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.nodes import (
    plan_nodes,
    plan_release,
    pod_reads,
    to_taint,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.outcome import Outcome
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.policies import create_policy, plan_policy, wanted_spec
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.reading import (
    DEFAULT_ACCOUNTS,
    LIMIT_RANGES,
    NAMESPACES,
    NETWORK_POLICIES,
    QUOTAS,
    by_name,
    by_namespace,
    in_namespaces,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.record import record_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.removal import content_reads, plan_removal
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.request import Request, Space
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.spaces import is_terminating, plan_spaces

_KINDS: t.Mapping[Read, tuple[str, str]] = {
    NAMESPACES: ("Namespace", "nothing is done about the compute namespaces"),
    DEFAULT_ACCOUNTS: ("ServiceAccount", "whether jobs have an account, and which image pull secrets it has, is unknown"),
    QUOTAS: ("ResourceQuota", "whether instance types fit is unknown"),
    LIMIT_RANGES: ("LimitRange", "whether instance types fit is unknown"),
    INSTANCE_TYPES: ("InstanceType", "limits were judged without the cluster's own instance types"),
    NETWORK_POLICIES: ("NetworkPolicy", "none is made, changed or judged"),
}


def reads(request: Request, snapshot: Snapshot) -> list[Read]:
    """What the plan needs, given what is known so far."""
    wanted: list[Read] = []
    if request.spaces:
        wanted += [NAMESPACES, DEFAULT_ACCOUNTS]
        wanted += _present_reads(request, snapshot) if request.state == "present" else _absent_reads(request, snapshot)
    if request.dedications:
        wanted.append(NODES)
        if to_taint(request, snapshot):
            wanted += [*pod_reads(request, snapshot), *([] if request.platform else platform_reads(snapshot))]
    return list(dict.fromkeys(wanted))


def _present_reads(request: Request, snapshot: Snapshot) -> list[Read]:
    wanted = [QUOTAS, LIMIT_RANGES]
    live = by_name(snapshot, NAMESPACES) or {}
    names = [space.name for space in request.spaces]
    if any(_looks_at_policies(space, live) for space in request.spaces):
        wanted.append(NETWORK_POLICIES)
    if any(in_namespaces(by_namespace(snapshot, read), names) for read in (QUOTAS, LIMIT_RANGES)):
        wanted.append(INSTANCE_TYPES)
    return wanted


def _absent_reads(request: Request, snapshot: Snapshot) -> list[Read]:
    live = by_name(snapshot, NAMESPACES)
    return [] if live is None else [NETWORK_POLICIES, *content_reads(request.spaces, live)]


def _looks_at_policies(space: Space, live: t.Mapping[str, Json]) -> bool:
    """A policy is asked for, or to be judged, or an earlier run made one."""
    return space.network_policy != "none" or record_of(live.get(space.name, {})).network_policy


def plan(request: Request, snapshot: Snapshot) -> Plan:
    """What is missing, what is wrong, and the changes that put it right."""
    out = Outcome()
    nodes = Outcome()
    live = by_name(snapshot, NAMESPACES) if request.spaces else {}
    out.findings += _request_findings(request) + _unreadable(request, snapshot)
    if live is not None:
        out.add(_present(request, live, snapshot) if request.state == "present" else plan_removal(request.spaces, live, snapshot))
    if request.dedications:
        if request.state == "present":
            nodes.add(plan_nodes(request, snapshot))
        else:
            nodes.add(plan_release(request, by_name(snapshot, NODES) or {}))
    findings = sort_findings([*out.findings, *nodes.findings])
    return Plan(
        changes=(*out.changes, *nodes.changes),
        findings=findings,
        checks={"namespaces": _state(request, live, findings)},
        facts={"compute_namespaces": {"namespaces": list(out.facts.values()), "nodes": list(nodes.facts.values())}},
        wait=_wait(request, snapshot, out.waiting),
    )


def _state(request: Request, live: t.Mapping[str, Json] | None, findings: t.Sequence[Finding]) -> State:
    if live is None:
        return "unknown"
    nothing = not request.spaces and not request.dedications
    return worst(findings, "not_applicable" if nothing else "ok")


def _wait(request: Request, snapshot: Snapshot, waiting: t.Sequence[str]) -> Wait | None:
    """Until Kubernetes has made the account of a new namespace, or has emptied one that is deleted."""
    if not waiting or request.wait_seconds == 0:
        return None
    lists = (NAMESPACES, DEFAULT_ACCOUNTS) if request.state == "present" else (NAMESPACES,)
    follow = tuple(read for read in lists if list_items(snapshot.get(read)) is not None)
    return Wait("; ".join(waiting), request.wait_seconds, follow)


def _request_findings(request: Request) -> list[Finding]:
    found = []
    if request.default_named:
        message = "it is left alone: it needs nothing to exist, and must not be dedicated to AzureML."
        found.append(codes.DEFAULT_NAMESPACE.finding(message, namespace_ref("default")))
    if not request.spaces and not request.default_named and not request.dedications:
        found.append(codes.NOTHING_NAMED.finding("azureml_compute_namespaces and azureml_dedicated_nodes are empty."))
    return found


def _unreadable(request: Request, snapshot: Snapshot) -> list[Finding]:
    """Lists that the credentials may not read: each said once, with what follows from it."""
    found = []
    for read, (kind, consequence) in _KINDS.items():
        answer = snapshot.get(read)
        if answer is not None and list_items(answer) is None:
            needed = read in (NAMESPACES, NETWORK_POLICIES if _wants_policy(request) else NAMESPACES)
            message = f"{kind} objects cannot be listed in all namespaces ({answer.message}): {consequence}."
            found.append(codes.UNREADABLE.finding(message, kind, severity="error" if needed else None))
    if request.state == "absent" and request.dedications and list_items(snapshot.get(NODES)) is None:
        found.append(codes.UNREADABLE.finding("nodes cannot be listed, so none is released.", "Node", severity="error"))
    return found


def _wants_policy(request: Request) -> bool:
    return any(wanted_spec(space, ()) is not None for space in request.spaces)


def _present(request: Request, live: t.Mapping[str, Json], snapshot: Snapshot) -> Outcome:
    out = plan_spaces(request.spaces, live)
    accounts, policies = by_namespace(snapshot, DEFAULT_ACCOUNTS), by_namespace(snapshot, NETWORK_POLICIES)
    quotas, limit_ranges = by_namespace(snapshot, QUOTAS), by_namespace(snapshot, LIMIT_RANGES)
    types = instance_types(request.instance_types, by_name(snapshot, INSTANCE_TYPES))
    for space in request.spaces:
        item = live.get(space.name)
        if item is None:
            spec = wanted_spec(space, request.egress_ports)
            out.changes += [create_policy(space.name, spec)] if spec is not None else []
            continue
        if is_terminating(item):
            continue
        if _looks_at_policies(space, live) and policies is not None:
            azureml = live.get(EXTENSION_NAMESPACE, {})
            out.add(plan_policy(space, request.egress_ports, policies.get(space.name, ()), azureml))
        if accounts is not None:
            account = next(iter(accounts.get(space.name, ())), None)
            out.add(plan_account(space.name, space.pull_secrets, account))
        if quotas is not None and limit_ranges is not None:
            out.add(plan_capacity(space.name, quotas.get(space.name, ()), limit_ranges.get(space.name, ()), types))
    # A policy goes before the record of it does, so that an interrupted run leaves nothing unrecorded.
    out.changes.sort(key=lambda change: change.verb != "delete")
    return out
