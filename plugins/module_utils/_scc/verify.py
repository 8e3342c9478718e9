"""Whether what was written takes effect: OpenShift's own review where it is served, RBAC's for bindings, else a re-read."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, ObjectRef, Plan, sort_findings, worst
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, objects
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.accounts import Account
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.live import Live, observe, resolve_extension
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.plan import reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.reading import (
    SECURITY_RESOURCES,
    access_review,
    pod_review,
    scc_read,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.request import Request


def verify_reads(request: Request, snapshot: Snapshot) -> list[Read]:
    """The objects again, then one review per account that this collection granted."""
    again = reads(request, snapshot)
    if request.state == "absent" or any(read not in snapshot for read in again):
        return again
    live = observe(request, snapshot)
    wanted = _wanted(request, snapshot)
    asked = again + [access_review(request.scc, account) for account in _bound(live, wanted)]
    listed = _listed(live, wanted)
    if listed:
        asked.append(SECURITY_RESOURCES)
    if _reviews_served(snapshot):
        asked += [_pod_review(live, account) for account in listed]
    return asked


def verify(request: Request, snapshot: Snapshot) -> Plan:
    """Findings about accounts that were granted and still may not use the SCC."""
    if request.state == "absent" or not snapshot[scc_read(request.scc)].found:
        return Plan()
    live = observe(request, snapshot)
    wanted = _wanted(request, snapshot)
    found = [
        *_effect(((account, _pod_review(live, account)) for account in _listed(live, wanted)), snapshot, "status", "allowedBy"),
        *_effect(
            ((account, access_review(request.scc, account)) for account in _bound(live, wanted)), snapshot, "status", "allowed"
        ),
    ]
    return Plan(findings=sort_findings(found), checks={"scc": worst(found)} if found else {})


def _wanted(request: Request, snapshot: Snapshot) -> tuple[Account, ...]:
    extension, _findings = resolve_extension(request, snapshot)
    return request.wanted(extension) if extension else ()


def _listed(live: Live, wanted: t.Sequence[Account]) -> list[Account]:
    """Wanted accounts that are in `users` because of us."""
    return [account for account in wanted if account.user in live.record.users and account.user in live.users]


def _bound(live: Live, wanted: t.Sequence[Account]) -> list[Account]:
    """Wanted accounts that a binding of ours names."""
    return [account for account in wanted if live.bound(account)]


def _pod_review(live: Live, account: Account) -> Read:
    return pod_review(account, live.scc.get("allowPrivilegedContainer") is True)


def _reviews_served(snapshot: Snapshot) -> bool:
    answer = snapshot.get(SECURITY_RESOURCES)
    resources = objects(answer.body.get("resources")) if answer and answer.found else []
    return any(resource.get("name") == "podsecuritypolicysubjectreviews" for resource in resources)


def _effect(asked: t.Iterable[tuple[Account, Read]], snapshot: Snapshot, *where: str) -> list[Finding]:
    """What the reviews answered. A review that was not sent, or whose namespace does not exist yet (404), says nothing."""
    found: list[Finding] = []
    parent, key = where
    for account, read in asked:
        answer = snapshot.get(read)
        if answer is None or answer.absent:
            continue
        ref = ObjectRef("ServiceAccount", account.name, account.namespace)
        if not answer.found:
            message = f"the grant is written, but its effect could not be asked ({answer.message})."
            found.append(codes.UNVERIFIED.finding(message, ref))
        elif not mapping(answer.body, parent).get(key):
            reason = mapping(answer.body, parent).get("reason") or "no reason given"
            message = f"the grant is written, but the account still may not use the SCC ({reason})."
            found.append(codes.NOT_EFFECTIVE.finding(message, ref))
    return found
