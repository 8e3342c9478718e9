"""The changes of each method: what is added, what is taken back, and what cannot be written."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Disruption, Finding, Json, ObjectRef
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import create_namespace, gitops_owner
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import EXTENSION_NAMESPACE, mapping
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.accounts import Account
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.bindings import (
    amend_binding,
    binding_ref,
    bound_users,
    create_binding,
    create_cluster_role,
    is_ours,
    namespace_of,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.ledger import record_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.live import Live
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.reading import cluster_role, namespace_read
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.request import Method, Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.users import amend_users, scc_ref

_NONE: frozenset[Disruption] = frozenset()
_DISTURBS: frozenset[Disruption] = frozenset({"disturbs_jobs"})


@dataclass(frozen=True)
class Outcome:
    """What a method comes to. `states` holds, by user name, accounts that are not simply `already` allowed."""

    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    states: t.Mapping[str, str] = field(default_factory=dict)


def grant(
    request: Request,
    snapshot: Snapshot,
    live: Live,
    method: Method,
    missing: t.Sequence[Account],
    revocable: frozenset[str],
    in_use: bool,
) -> Outcome:
    """Grant `missing` and take back `revocable` (user names that this method granted earlier)."""
    disruptive = _DISTURBS if revocable and in_use else _NONE
    if method == "rbac":
        return _by_role_bindings(request, snapshot, live, missing, revocable, disruptive)
    if method == "rbac_cluster":
        return _by_cluster_role_binding(request, snapshot, live, missing, revocable, disruptive)
    return _by_users(request, live, missing, revocable, disruptive)


def _states(accounts: t.Iterable[Account], state: str) -> dict[str, str]:
    return {account.user: state for account in accounts}


def _reason(request: Request, add: t.Sized, remove: t.Sized) -> str:
    parts = [f"{len(add)} accounts may use SCC {request.scc}"] if add else []
    parts += [f"{len(remove)} no longer may"] if remove else []
    return ", ".join(parts)


def _by_users(
    request: Request, live: Live, missing: t.Sequence[Account], revocable: frozenset[str], disruptive: frozenset[Disruption]
) -> Outcome:
    if not missing and not revocable:
        return Outcome()
    owner = gitops_owner(live.scc)
    if owner:
        return Outcome(findings=(_gitops(scc_ref(request.scc), owner, missing),), states=_states(missing, "missing"))
    users = [account.user for account in missing]
    change = amend_users(live.scc, request.scc, _reason(request, missing, revocable), users, revocable, disruptive)
    return Outcome(changes=(change,) if change else (), states=_states(missing, "granted"))


def _gitops(ref: ObjectRef, owner: str, missing: t.Sequence[Account]) -> Finding:
    users = [account.user for account in missing]
    wanted = f"; missing: {', '.join(users)}" if users else ""
    return codes.GITOPS_MANAGED.finding(f"it is kept by GitOps ({owner}), so it is left alone{wanted}.", ref, evidence=users)


def _by_cluster_role_binding(
    request: Request,
    snapshot: Snapshot,
    live: Live,
    missing: t.Sequence[Account],
    revocable: frozenset[str],
    disruptive: frozenset[Disruption],
) -> Outcome:
    if live.cluster_bindings is None:
        return _bindings_unknown(binding_ref(request.scc), missing)
    existing = next(iter(live.cluster_bindings), None)
    outcome = _bind(request, "", existing, missing, revocable, disruptive)
    return Outcome((*_role(request, snapshot, outcome.changes), *outcome.changes), outcome.findings, outcome.states)


def _by_role_bindings(
    request: Request,
    snapshot: Snapshot,
    live: Live,
    missing: t.Sequence[Account],
    revocable: frozenset[str],
    disruptive: frozenset[Disruption],
) -> Outcome:
    if live.bindings is None:
        return _bindings_unknown(ObjectRef("RoleBinding", binding_ref(request.scc).name), missing)
    existing = {namespace_of(binding): binding for binding in live.bindings}
    namespaces: list[Change] = []
    outcomes: list[Outcome] = []
    affected = [account.namespace for account in missing]
    affected += [namespace for namespace, binding in existing.items() if revocable & set(bound_users(binding))]
    for namespace in dict.fromkeys(affected):
        accounts = [account for account in missing if account.namespace == namespace]
        ready = _prepare(request, snapshot, namespace, accounts) if accounts else Outcome()
        namespaces += ready.changes
        outcomes.append(ready)
        if not ready.findings or not accounts:
            outcomes.append(_bind(request, namespace, existing.get(namespace), accounts, revocable, disruptive))
    bindings = [change for outcome in outcomes for change in outcome.changes if change.object.kind == "RoleBinding"]
    return Outcome(
        (*_role(request, snapshot, bindings), *namespaces, *bindings),
        tuple(finding for outcome in outcomes for finding in outcome.findings),
        {user: state for outcome in outcomes for user, state in outcome.states.items()},
    )


def _bindings_unknown(ref: ObjectRef, missing: t.Sequence[Account]) -> Outcome:
    message = "bindings of this name cannot be read, so what is granted already is unknown; nothing was granted."
    finding = codes.UNREADABLE.finding(message, ref, severity="error")
    return Outcome(findings=(finding,), states=_states(missing, "missing"))


def _prepare(request: Request, snapshot: Snapshot, namespace: str, accounts: t.Sequence[Account]) -> Outcome:
    """The namespace for a binding: there, created by us, or a finding why the binding has to wait."""
    answer = snapshot[namespace_read(namespace)]
    ref = ObjectRef("Namespace", namespace)
    if mapping(answer.body, "metadata").get("deletionTimestamp"):
        message = "it is being deleted, so its RoleBinding cannot be made."
        return Outcome(findings=(codes.NAMESPACE_TERMINATING.finding(message, ref),), states=_states(accounts, "missing"))
    if not answer.absent:
        return Outcome()
    if namespace == EXTENSION_NAMESPACE or namespace in request.granted_namespaces:
        return Outcome(changes=(create_namespace(namespace, f"the RoleBinding for SCC {request.scc} needs it"),))
    message = f"it does not exist, so its RoleBinding has to wait: {', '.join(account.user for account in accounts)}."
    return Outcome(findings=(codes.DEFERRED.finding(message, ref),), states=_states(accounts, "deferred"))


def _bind(
    request: Request,
    namespace: str,
    existing: Json | None,
    accounts: t.Sequence[Account],
    revocable: frozenset[str],
    disruptive: frozenset[Disruption],
) -> Outcome:
    """Our binding in one namespace ("": cluster-wide), created or amended."""
    ref = binding_ref(request.scc, namespace)
    if existing is None:
        if not accounts:
            return Outcome()
        return Outcome(
            (create_binding(request.scc, namespace, accounts, _reason(request, accounts, ())),), (), _states(accounts, "granted")
        )
    gone = revocable & set(bound_users(existing))
    if not accounts and not gone:
        return Outcome()
    owner = gitops_owner(existing)
    if owner:
        return Outcome(findings=(_gitops(ref, owner, accounts),), states=_states(accounts, "missing"))
    if not is_ours(existing, request.scc):
        role = mapping(existing, "roleRef").get("name")
        message = f"it exists, but this collection did not make it (role {role}); nothing was granted by it."
        return Outcome(findings=(codes.BINDING_FOREIGN.finding(message, ref),), states=_states(accounts, "missing"))
    change = amend_binding(existing, request.scc, _reason(request, accounts, gone), accounts, gone, disruptive if gone else _NONE)
    return Outcome((change,) if change else (), (), _states(accounts, "granted"))


def _role(request: Request, snapshot: Snapshot, changes: t.Sequence[Change]) -> tuple[Change, ...]:
    """The ClusterRole, where a binding is made and the platform has not shipped it."""
    answer = snapshot.get(cluster_role(request.scc))
    if not any(change.verb == "create" for change in changes) or answer is None or not answer.absent:
        return ()
    return (create_cluster_role(request.scc, f"it allows the use of SCC {request.scc}"),)


def revoke(request: Request, live: Live, in_use: bool) -> Outcome:
    """Take back what earlier runs granted by the method asked for; with `auto`, by every method."""
    disruptive = _DISTURBS if in_use else _NONE
    changes: list[Change] = []
    findings: list[Finding] = []
    states: dict[str, str] = {}
    reason = f"what this collection granted on SCC {request.scc} is taken back"
    if request.method in ("auto", "users") and live.record.users:
        owner = gitops_owner(live.scc)
        if owner:
            findings.append(_gitops(scc_ref(request.scc), owner, ()))
        else:
            gone = frozenset(live.granted_by_us()["users"])
            change = amend_users(live.scc, request.scc, reason, (), gone, disruptive if gone else _NONE)
            changes += [change] if change else []
            states.update({user: "removed" for user in live.record.users if user in gone})
    for method, bindings, ours in (
        ("rbac", live.bindings, live.our_bindings),
        ("rbac_cluster", live.cluster_bindings, live.our_cluster_bindings),
    ):
        if request.method not in ("auto", method):
            continue
        if bindings is None:
            message = "bindings of this name cannot be read, so what is left of earlier grants is unknown."
            findings.append(codes.UNREADABLE.finding(message, binding_ref(request.scc), severity="error"))
        for binding in ours:
            outcome = _unbind(request, binding, reason, disruptive)
            changes += outcome.changes
            findings += outcome.findings
            states.update(outcome.states)
    return Outcome(tuple(changes), tuple(findings), states)


def _unbind(request: Request, binding: Json, reason: str, disruptive: frozenset[Disruption]) -> Outcome:
    owner = gitops_owner(binding)
    if owner:
        return Outcome(findings=(_gitops(binding_ref(request.scc, namespace_of(binding)), owner, ()),))
    gone = frozenset(record_of(binding).users) & set(bound_users(binding))
    change = amend_binding(binding, request.scc, reason, remove=gone, disruptive=disruptive if gone else _NONE)
    return Outcome((change,) if change else (), (), dict.fromkeys(sorted(gone), "removed"))
