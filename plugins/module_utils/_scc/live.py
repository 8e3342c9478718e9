"""What a snapshot says about who may use the SCC, and how sure that is."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from functools import cached_property

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    EXTENSION_NAMESPACE,
    MANAGED_OPENSHIFT,
    detect,
    extension_name,
    list_items,
    mapping,
    name_of,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.service_accounts import STATE_METRICS_SUFFIX
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.accounts import Account
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.bindings import bound_users, is_ours, namespace_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.ledger import Record, record_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.reading import (
    EXTENSION_ACCOUNTS,
    SCC_WEBHOOK,
    access_review,
    cluster_role_binding,
    role_bindings,
    scc_read,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.users import strings, users_of

# OpenShift's own SCCs, which ROSA and OSD protect (openshift/managed-cluster-validating-webhooks, pkg/webhooks/scc).
DEFAULT_SCCS = frozenset(
    {
        "anyuid",
        "hostaccess",
        "hostmount-anyuid",
        "hostmount-anyuid-v2",
        "hostnetwork",
        "hostnetwork-v2",
        "nested-container",
        "node-exporter",
        "nonroot",
        "nonroot-v2",
        "privileged",
        "restricted",
        "restricted-v2",
        "restricted-v3",
    }
)


@dataclass(frozen=True)
class Live:
    """Grants as they are.

    Args:
        name: the SCC's name.
        scc: the SCC, empty when it does not exist.
        bindings: RoleBindings of our name in all namespaces, ours or not; None when not read or not readable.
        cluster_bindings: the same for the ClusterRoleBinding (none or one).
        reviews: the authorizer's reason by user name, for accounts that RBAC allows.
    """

    name: str
    scc: Json
    bindings: tuple[Json, ...] | None
    cluster_bindings: tuple[Json, ...] | None
    reviews: t.Mapping[str, str]

    @cached_property
    def users(self) -> tuple[str, ...]:
        """The SCC's list `users`."""
        return users_of(self.scc)

    @cached_property
    def record(self) -> Record:
        """What we added to it."""
        return record_of(self.scc)

    @property
    def our_bindings(self) -> tuple[Json, ...]:
        """RoleBindings that this collection made."""
        return tuple(binding for binding in self.bindings or () if is_ours(binding, self.name))

    @property
    def our_cluster_bindings(self) -> tuple[Json, ...]:
        """The ClusterRoleBinding that this collection made, if any."""
        return tuple(binding for binding in self.cluster_bindings or () if is_ours(binding, self.name))

    def listed(self, account: Account) -> str:
        """Which entry of the SCC itself allows the account, "" when none does."""
        if account.user in self.users:
            return "users"
        groups = strings(self.scc.get("groups"))
        return next((f"group {group}" for group in account.groups if group in groups), "")

    def bound(self, account: Account) -> str:
        """Which binding of ours allows the account, "" when none does."""
        for binding in self.our_bindings:
            if namespace_of(binding) == account.namespace and account.user in bound_users(binding):
                return f"RoleBinding {account.namespace}/{name_of(binding)}"
        for binding in self.our_cluster_bindings:
            if account.user in bound_users(binding):
                return f"ClusterRoleBinding {name_of(binding)}"
        return ""

    def allowed_by(self, account: Account) -> str:
        """What allows the account, "" when nothing known does."""
        return self.listed(account) or self.bound(account) or self.reviews.get(account.user, "")

    def granted_by_us(self) -> dict[str, tuple[str, ...]]:
        """User names that earlier runs granted, by method."""
        return {
            "users": tuple(user for user in self.record.users if user in self.users),
            "rbac": tuple(user for binding in self.our_bindings for user in record_of(binding).users),
            "rbac_cluster": tuple(user for binding in self.our_cluster_bindings for user in record_of(binding).users),
        }


def observe(request: Request, snapshot: Snapshot, accounts: t.Iterable[Account] = ()) -> Live:
    """Everything known so far; the reviews of `accounts` are looked at where they were asked for."""
    scc = snapshot.get(scc_read(request.scc))
    reviews = {}
    for account in accounts:
        answer = snapshot.get(access_review(request.scc, account))
        status = mapping(answer.body, "status") if answer and answer.found else {}
        if status.get("allowed") is True:
            reviews[account.user] = text(status.get("reason")) or "RBAC"
    bindings = list_items(snapshot.get(role_bindings(request.scc)))
    return Live(
        name=request.scc,
        scc=scc.body if scc and scc.found else {},
        bindings=None if bindings is None else tuple(bindings),
        cluster_bindings=_one(snapshot, cluster_role_binding(request.scc)),
        reviews=reviews,
    )


def _one(snapshot: Snapshot, read: Read) -> tuple[Json, ...] | None:
    answer = snapshot.get(read)
    if answer is None or not (answer.found or answer.absent):
        return None
    return (answer.body,) if answer.found else ()


def installed_extension(snapshot: Snapshot) -> tuple[bool | None, str]:
    """Whether the extension is installed (None: may not know), and its name ("" when that cannot be told)."""
    items = list_items(snapshot.get(EXTENSION_ACCOUNTS))
    if items is None:
        return None, ""
    name = extension_name(items)
    return name != "", name or ""


def resolve_extension(request: Request, snapshot: Snapshot) -> tuple[str, tuple[Finding, ...]]:
    """The extension's name, given or detected, "" with an error when there is none to work with."""
    installed, detected = installed_extension(snapshot)
    given = request.extension_name
    answer = snapshot.get(EXTENSION_ACCOUNTS)
    if answer is not None and installed is None and given:
        message = (
            f"service accounts of namespace {EXTENSION_NAMESPACE} cannot be listed ({answer.message}), so extension name"
            f" {given!r} is unchecked."
        )
        return given, (codes.UNREADABLE.finding(message, f"Namespace/{EXTENSION_NAMESPACE}"),)
    names = {name_of(item) for item in list_items(answer) or ()}
    if given and detected and given != detected and given + STATE_METRICS_SUFFIX not in names:
        message = f"the extension that runs is named {detected!r}, but extension_name is {given!r}; nothing was granted."
        return "", (
            codes.EXTENSION_NAME_MISMATCH.finding(
                message,
                f"ServiceAccount/{EXTENSION_NAMESPACE}/{detected}{STATE_METRICS_SUFFIX}",
                remedy=f"Set azureml_extension_name: {detected}",
                evidence={"given": given, "detected": detected},
            ),
        )
    if given or detected:
        return given or detected, ()
    message = (
        f"account {{EXTENSION-NAME}}{STATE_METRICS_SUFFIX} is named after the extension; no name was given, and none could be"
        f" found in namespace {EXTENSION_NAMESPACE}; nothing was granted."
    )
    return "", (codes.EXTENSION_NAME_UNKNOWN.finding(message),)


def platform_refuses(request: Request, snapshot: Snapshot) -> tuple[bool | None, str]:
    """Whether the platform refuses changes of this SCC (None: unknown), and by what that is known."""
    if request.scc not in DEFAULT_SCCS:
        return False, ""
    if request.platform:
        return request.platform in MANAGED_OPENSHIFT, f"platform is set to {request.platform}"
    webhook = snapshot.get(SCC_WEBHOOK)
    if webhook is None:
        return None, ""
    if webhook.found:
        return True, "ValidatingWebhookConfiguration/sre-scc-validation exists"
    platform = detect(snapshot)
    if platform.managed_openshift:
        return True, ", ".join(platform.evidence) or f"platform {platform.name}"
    known = webhook.absent or platform.managed_openshift is False
    return (False if known else None), ""
