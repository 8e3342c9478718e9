"""Findings that change nothing: what is odd about the request or the lists, and who shares a compute namespace."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import list_items, mapping, name_of, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.service_accounts import EDITIONS
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.accounts import Account, looks_like, stale_reason
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.live import Live
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.reading import DEFAULT_ACCOUNT_PODS
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.users import scc_ref

_PLATFORM_NAMESPACES = ("kube-system", "kube-public", "openshift")
_SHOWN_PODS = 5


def request_findings(request: Request) -> list[Finding]:
    """What the named compute namespaces mean."""
    edition = EDITIONS[request.edition].edition
    found = []
    if not request.compute_namespaces:
        message = "no compute namespace is named, so account default of none is granted: jobs that need the SCC will be refused."
        found.append(codes.NO_COMPUTE_NAMESPACE.finding(message, edition=edition))
    if "default" in request.compute_namespaces:
        message = "account default of compute namespace default is not granted: OpenShift applies no SCC there."
        found.append(codes.DEFAULT_SKIPPED.finding(message, "Namespace/default", edition=edition))
    for namespace in request.granted_namespaces:
        if namespace in _PLATFORM_NAMESPACES or namespace.startswith("openshift-"):
            message = f"compute namespace {namespace} belongs to the platform."
            found.append(codes.PLATFORM_NAMESPACE.finding(message, f"Namespace/{namespace}"))
    return found


def entry_findings(request: Request, live: Live, extension: str, wanted: t.Sequence[Account]) -> list[Finding]:
    """Entries of `users` that are leftovers or misspellings."""
    edition = EDITIONS[request.edition].edition
    users = {account.user for account in wanted}
    found = []
    for user in dict.fromkeys(live.users):
        if user in users:
            continue
        reason = stale_reason(user, request.edition, extension)
        meant = "" if reason else looks_like(user, wanted, request.edition)
        if reason:
            message = f"users holds {user!r}, which is stale: {reason}."
            found.append(codes.STALE_ACCOUNT.finding(message, scc_ref(request.scc), evidence=user, edition=edition))
        if meant:
            message = f"users holds {user!r}, which looks like a misspelt {meant!r}."
            found.append(codes.LOOK_ALIKE.finding(message, scc_ref(request.scc), evidence=user, edition=edition))
    return found


def missing_findings(request: Request, states: t.Mapping[str, str]) -> list[Finding]:
    """Accounts that may not use the SCC as things are; those that wait for a namespace are said elsewhere."""
    users = [user for user, state in states.items() if state in ("granted", "missing")]
    if not users:
        return []
    message = f"{len(users)} accounts of AzureML may not use it: {', '.join(users)}."
    return [codes.MISSING_ACCOUNT.finding(message, scc_ref(request.scc), evidence=users, edition=EDITIONS[request.edition].edition)]


def record_findings(live: Live) -> list[Finding]:
    """Records of ours that somebody broke."""
    if live.record.readable:
        return []
    message = "its annotation azureml.kubernetes/scc-users is not a JSON list of user names."
    return [codes.RECORD_UNREADABLE.finding(message, scc_ref(live.name))]


def sharing_findings(request: Request, snapshot: Snapshot, missing: t.Sequence[Account]) -> list[Finding]:
    """Compute namespaces about to be granted in which other pods run as account default, too."""
    about = {account.namespace for account in missing if account.name == "default"} & set(request.granted_namespaces)
    answer = snapshot.get(DEFAULT_ACCOUNT_PODS)
    if not about or answer is None:
        return []
    pods = list_items(answer)
    if pods is None:
        message = f"pods cannot be listed ({answer.message}), so whether the compute namespaces are shared is unknown."
        return [codes.UNREADABLE.finding(message, "Pod")]
    strangers: dict[str, list[str]] = {}
    for pod in pods:
        namespace = text(mapping(pod, "metadata").get("namespace"))
        if namespace in about and not _is_azureml(pod):
            strangers.setdefault(namespace, []).append(name_of(pod))
    return [_shared(namespace, sorted(names)) for namespace, names in sorted(strangers.items())]


def _shared(namespace: str, names: t.Sequence[str]) -> Finding:
    shown = ", ".join(names[:_SHOWN_PODS]) + (f" and {len(names) - _SHOWN_PODS} more" if len(names) > _SHOWN_PODS else "")
    message = (
        f"{len(names)} pods that are not AzureML's run as account default ({shown}); each may be privileged once it is granted."
    )
    return codes.SHARED_NAMESPACE.finding(message, f"Namespace/{namespace}", evidence=list(names))


def _is_azureml(pod: Json) -> bool:
    """Whether AzureML made the pod: jobs, deployments and system pods all carry a label of ml.azure.com."""
    labels = mapping(pod, "metadata", "labels")
    return any(key.startswith("ml.azure.com/") or key == "azuremlappname" for key in labels)


def method_findings(live: Live, method: str, wanted: t.Sequence[Account]) -> list[Finding]:
    """Wanted accounts that an earlier run granted by another method."""
    users = {account.user for account in wanted}
    found = []
    for other, granted in live.granted_by_us().items():
        kept = [user for user in granted if user in users]
        if other != method and kept:
            message = f"{len(kept)} accounts were granted by method {other} and stay so, although the method is now {method}."
            remedy = f"To move them: scc_grant with state absent and method {other}, then with state present and method {method}."
            found.append(codes.METHOD_DIFFERS.finding(message, scc_ref(live.name), remedy=remedy, evidence=kept))
    return found


def leftover_findings(live: Live, leftovers: t.Collection[str]) -> list[Finding]:
    """Accounts that we granted and nobody asks for any more."""
    if not leftovers:
        return []
    message = f"granted by an earlier run and not asked for now: {', '.join(sorted(leftovers))}."
    return [codes.LEFTOVER_GRANT.finding(message, scc_ref(live.name), evidence=sorted(leftovers))]
