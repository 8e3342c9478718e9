"""From request and snapshot to what is to be read, and to what is to be done."""

from __future__ import annotations

import difflib
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json, Plan, State, sort_findings, worst
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import list_items, name_of, platform_reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.accounts import Account
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.grant import Outcome, grant, revoke
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.judge import (
    entry_findings,
    leftover_findings,
    method_findings,
    missing_findings,
    record_findings,
    request_findings,
    sharing_findings,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.live import (
    DEFAULT_SCCS,
    Live,
    installed_extension,
    observe,
    platform_refuses,
    resolve_extension,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.reading import (
    DEFAULT_ACCOUNT_PODS,
    EXTENSION_ACCOUNTS,
    SCC_NAMES,
    SCC_WEBHOOK,
    access_review,
    cluster_role,
    cluster_role_binding,
    namespace_read,
    role_bindings,
    scc_read,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.request import Method, Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.users import scc_ref


@dataclass(frozen=True)
class Choice:
    """The method that applies, and whether the platform refuses it."""

    method: Method
    refused: bool = False
    findings: tuple[Finding, ...] = ()


def reads(request: Request, snapshot: Snapshot) -> list[Read]:
    """Two reads as long as the SCC itself allows every account; the rest only once something is missing or to be removed."""
    wanted = [scc_read(request.scc), EXTENSION_ACCOUNTS]
    scc = snapshot.get(scc_read(request.scc))
    if scc is None or EXTENSION_ACCOUNTS not in snapshot:
        return wanted
    if scc.absent:
        wanted.append(SCC_NAMES)
    if request.state == "absent":
        return wanted + _binding_reads(request)
    extension, _findings = resolve_extension(request, snapshot)
    if not scc.found or not extension:
        return wanted
    return wanted + _grant_reads(request, snapshot, request.wanted(extension))


def _binding_reads(request: Request) -> list[Read]:
    return [role_bindings(request.scc), cluster_role_binding(request.scc)]


def _grant_reads(request: Request, snapshot: Snapshot, wanted: t.Sequence[Account]) -> list[Read]:
    """What is needed beyond the SCC: platform and own bindings, then reviews, then what the writes depend on."""
    live = observe(request, snapshot)
    unlisted = [account for account in wanted if not live.listed(account)]
    by_users = request.method in ("auto", "users")
    if by_users and not unlisted:
        return []
    more = _binding_reads(request)
    if by_users and request.scc in DEFAULT_SCCS and not request.platform:
        more += [SCC_WEBHOOK, *platform_reads(snapshot)]
    if any(read not in snapshot for read in more):
        return more
    unbound = [account for account in unlisted if not live.bound(account)]
    more += [access_review(request.scc, account) for account in unbound]
    if any(read not in snapshot for read in more):
        return more
    live = observe(request, snapshot, unbound)
    missing = [account for account in unbound if not live.allowed_by(account)]
    if any(account.namespace in request.granted_namespaces for account in missing):
        more.append(DEFAULT_ACCOUNT_PODS)
    method = choose(request, snapshot, unlisted).method
    if missing and method != "users":
        more.append(cluster_role(request.scc))
    if method == "rbac":
        more += [namespace_read(namespace) for namespace in dict.fromkeys(account.namespace for account in missing)]
    return more


def choose(request: Request, snapshot: Snapshot, unlisted: t.Sequence[Account]) -> Choice:
    """The method: the one asked for, else `users`, else `rbac` where the platform refuses `users`."""
    if request.method in ("rbac", "rbac_cluster"):
        return Choice(request.method)
    if not unlisted:
        return Choice("users")
    refuses, evidence = platform_refuses(request, snapshot)
    ref = scc_ref(request.scc)
    if refuses is None:
        message = "whether the platform refuses changes of this SCC could not be read; method users is tried."
        return Choice("users", findings=(codes.UNREADABLE.finding(message, ref),))
    if not refuses:
        return Choice("users")
    if request.method == "auto":
        message = f"this platform refuses changes of default SCCs ({evidence}), so accounts are granted by RoleBindings."
        return Choice("rbac", findings=(codes.METHOD_CHOSEN.finding(message, ref, evidence=evidence),))
    message = f"method users was asked for, but this platform refuses changes of default SCCs ({evidence}); nothing was granted."
    return Choice("users", True, (codes.METHOD_REFUSED.finding(message, ref, evidence=evidence),))


def plan(request: Request, snapshot: Snapshot) -> Plan:
    """What is to be done so that the wanted accounts may use the SCC, or so that nothing of ours is left."""
    if not snapshot[scc_read(request.scc)].found:
        without = _without_scc(request, snapshot)
        if without is not None:
            return without
    return _absent(request, snapshot) if request.state == "absent" else _present(request, snapshot)


def _without_scc(request: Request, snapshot: Snapshot) -> Plan | None:
    """The plan when the SCC was not read; None when its absence does not matter."""
    ref = scc_ref(request.scc)
    scc, names = snapshot[scc_read(request.scc)], snapshot.get(SCC_NAMES)
    if names is None or not (names.found or names.absent):
        message = f"it cannot be read ({(names or scc).message}), so nothing is known about its grants."
        return _said(request, codes.UNREADABLE.finding(message, ref, severity="error"), "unknown")
    if names.absent:
        message = "security.openshift.io/v1 is not served: this is not OpenShift, and AzureML needs no grant here."
        return _said(request, codes.NOT_SERVED.finding(message, ref), "not_applicable")
    if request.state == "absent":
        return None
    known = sorted(name_of(item) for item in list_items(names) or ())
    near = difflib.get_close_matches(request.scc, known, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    message = f"it does not exist; the cluster has {', '.join(known) or 'none'}.{hint}"
    return _said(request, codes.SCC_MISSING.finding(message, ref, evidence=known), "error")


def _said(request: Request, finding: Finding, state: State) -> Plan:
    """A plan that changes nothing and says one thing."""
    return Plan(findings=(finding,), checks={"scc": state}, facts=_facts(request, request.method, request.extension_name, []))


def _present(request: Request, snapshot: Snapshot) -> Plan:
    extension, findings = resolve_extension(request, snapshot)
    if not extension:
        return Plan(findings=findings, checks={"scc": "error"}, facts=_facts(request, request.method, "", []))
    wanted = request.wanted(extension)
    live = observe(request, snapshot, wanted)
    missing = tuple(account for account in wanted if not live.allowed_by(account))
    choice = choose(request, snapshot, [account for account in wanted if not live.listed(account)])
    leftovers = _leftovers(live, wanted)
    revocable = frozenset(leftovers.get(choice.method, ())) if request.exclusive else frozenset()
    installed, _name = installed_extension(snapshot)
    outcome = (
        Outcome(states={account.user: "missing" for account in missing})
        if choice.refused
        else grant(request, snapshot, live, choice.method, missing, revocable, installed is not False)
    )
    said = [
        *findings,
        *choice.findings,
        *outcome.findings,
        *missing_findings(request, outcome.states),
        *request_findings(request),
        *record_findings(live),
        *_review_findings(request, snapshot, wanted),
        *entry_findings(request, live, extension, wanted),
        *sharing_findings(request, snapshot, missing),
        *method_findings(live, choice.method, wanted),
        *leftover_findings(live, {user for users in leftovers.values() for user in users} - revocable),
    ]
    accounts = [_account(account.user, live.allowed_by(account), outcome.states.get(account.user, "already")) for account in wanted]
    if "default" in request.compute_namespaces:
        accounts.append(_account(Account("default", "default").user, "", "skipped"))
    accounts += [_account(user, "", "removed") for user in sorted(revocable) if not choice.refused]
    return Plan(
        changes=outcome.changes,
        findings=sort_findings(said),
        checks={"scc": worst(said)},
        facts=_facts(request, choice.method, extension, accounts),
    )


def _leftovers(live: Live, wanted: t.Sequence[Account]) -> dict[str, tuple[str, ...]]:
    """User names that we granted and that are not wanted, by method."""
    users = {account.user for account in wanted}
    return {method: tuple(u for u in granted if u not in users) for method, granted in live.granted_by_us().items()}


def _review_findings(request: Request, snapshot: Snapshot, wanted: t.Sequence[Account]) -> list[Finding]:
    """Reads that failed although only a detail depends on them: said once, with the server's own words."""
    answers = [snapshot.get(access_review(request.scc, account)) for account in wanted]
    failed = [answer for answer in answers if answer is not None and not answer.found]
    found = []
    if failed:
        message = f"RBAC could not be asked ({failed[0].message}); accounts that a binding of others allows are granted once more."
        found.append(codes.UNREADABLE.finding(message, "SubjectAccessReview"))
    return found


def _absent(request: Request, snapshot: Snapshot) -> Plan:
    live = observe(request, snapshot)
    installed, detected = installed_extension(snapshot)
    outcome = revoke(request, live, installed is not False)
    said = [*outcome.findings, *record_findings(live)]
    removed = [user for user, state in outcome.states.items() if state == "removed"]
    if removed and installed is not False:
        sure = "the extension is installed" if installed else "whether the extension is installed could not be read"
        message = (
            f"{len(removed)} accounts lose access while {sure}: admitted pods keep running, but the next drain or restart"
            " leaves them refused."
        )
        said.append(codes.REVOKED_IN_USE.finding(message, scc_ref(request.scc), evidence=removed))
    extension = request.extension_name or detected
    adopted = [account for account in request.wanted(extension) if live.listed(account)] if extension else []
    accounts = [_account(user, "", state) for user, state in outcome.states.items()]
    accounts += [_account(a.user, live.listed(a), "skipped") for a in adopted if a.user not in outcome.states]
    return Plan(
        changes=outcome.changes,
        findings=sort_findings(said),
        checks={"scc": worst(said)},
        facts=_facts(request, request.method, extension, accounts),
    )


def _account(user: str, allowed_by: str, state: str) -> Json:
    return {"account": user, "allowed_by": allowed_by, "state": state}


def _facts(request: Request, method: str, extension: str, accounts: list[Json]) -> Json:
    return {
        "scc": {
            "name": request.scc,
            "method": method,
            "edition": request.edition,
            "extension_name": extension,
            "accounts": accounts,
        }
    }
