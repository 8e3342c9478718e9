"""Service accounts: how they are written, which are wanted, and which entries of a list merely look like them."""

from __future__ import annotations

import difflib
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import EXTENSION_NAMESPACE
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.service_accounts import (
    COMPUTE_NAMESPACE,
    EDITIONS,
    EXTENSION,
    STATE_METRICS_SUFFIX,
    AccountRow,
    Need,
)

USER_PREFIX = "system:serviceaccount:"
NAMESPACE_RULE = "a DNS label: at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit"
NAME_RULE = "a DNS name: at most 253 lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
# Compiled once, before Ansible forks; otherwise the worker of every task does it anew.
_IS_LABEL = re.compile(_LABEL)
_IS_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
# Ratio of difflib above which one account name passes for a misspelling of another.
_LIKENESS = 0.8


@dataclass(frozen=True)
class Account:
    """A service account; it need not exist."""

    namespace: str
    name: str

    @property
    def user(self) -> str:
        """The user name under which the API server knows the account."""
        return f"{USER_PREFIX}{self.namespace}:{self.name}"

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups every token of the account carries."""
        return ("system:serviceaccounts", f"system:serviceaccounts:{self.namespace}", "system:authenticated")

    @property
    def subject(self) -> dict[str, str]:
        """The account as subject of a binding. Pod Security label sync reads kind ServiceAccount only, never kind User."""
        return {"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace}


def is_label(text: str) -> bool:
    """Whether `text` is a DNS label (RFC 1123), as a namespace has to be."""
    return len(text) <= 63 and _IS_LABEL.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether `text` is a DNS subdomain (RFC 1123), as the name of a service account has to be."""
    return len(text) <= 253 and _IS_NAME.fullmatch(text) is not None


def parse_user(text: str) -> Account | None:
    """The account that a user name of the API server stands for; None for anybody else."""
    namespace, _colon, name = text[len(USER_PREFIX) :].partition(":")
    if not text.startswith(USER_PREFIX) or not is_label(namespace) or not is_name(name):
        return None
    return Account(namespace, name)


def parse_account(text: str) -> Account:
    """An account as people write it: `namespace:name`, with or without `system:serviceaccount:` in front.

    Raises:
        ValueError: with one sentence that says what is wrong.
    """
    short = text.removeprefix(USER_PREFIX)
    namespace, colon, name = short.partition(":")
    if not colon:
        raise ValueError(f"{text!r} is not an account: write namespace:name, as azureml:my-account.")
    if not is_label(namespace):
        raise ValueError(f"{text!r} is not an account: its namespace {namespace!r} is not {NAMESPACE_RULE}.")
    if not is_name(name):
        raise ValueError(f"{text!r} is not an account: its name {name!r} is not {NAME_RULE}.")
    return Account(namespace, name)


def fill(row: AccountRow, extension: str, compute_namespaces: t.Sequence[str]) -> tuple[Account, ...]:
    """The accounts of one line of the document: one per compute namespace where the line has that placeholder."""
    name = row.name.replace(EXTENSION, extension)
    spaces = tuple(compute_namespaces) if row.namespace == COMPUTE_NAMESPACE else (row.namespace,)
    return tuple(Account(space, name) for space in spaces)


def documented(edition: str, needs: t.Collection[Need], extension: str, compute_namespaces: t.Sequence[str]) -> tuple[Account, ...]:
    """The accounts of an edition in the document's order, of lines whose need is among `needs`."""
    rows = [row for row in EDITIONS[edition].rows if row.need in needs]
    return tuple(account for row in rows for account in fill(row, extension, compute_namespaces))


def stale_reason(user: str, edition: str, extension: str) -> str:
    """Why an entry of namespace azureml is a leftover: of another extension name or edition; "" when it is none."""
    account = parse_user(user)
    if account is None or account.namespace != EXTENSION_NAMESPACE:
        return ""
    if account.name.endswith(STATE_METRICS_SUFFIX) and account.name != extension + STATE_METRICS_SUFFIX:
        return f"it belongs to an extension named {account.name[: -len(STATE_METRICS_SUFFIX)]!r}, not {extension!r}"
    if account.name in _static_names(edition):
        return ""
    editions = sorted(other for other in EDITIONS if account.name in _static_names(other))
    return f"the document asks for it in edition {' and '.join(editions)}, not in {edition}" if editions else ""


def looks_like(user: str, wanted: t.Sequence[Account], edition: str) -> str:
    """The wanted user name that `user` is a misspelling of, "" when it is none.

    Names are compared only where AzureML's own accounts live, so that a customer's `team-2:default` is not taken for
    a misspelt `team-1:default`.
    """
    users = [account.user for account in wanted]
    short = {user_name[len(USER_PREFIX) :]: user_name for user_name in users}
    account = parse_user(user)
    if account is None:
        return _looks_malformed(user, users, short)
    own = [w for w in wanted if w.name != "default"]
    if account.namespace in {w.namespace for w in own}:
        if account.name in _static_names(edition) or account.name == "default":
            return ""
        close = difflib.get_close_matches(account.name, [w.name for w in own if w.namespace == account.namespace], 1, _LIKENESS)
        return Account(account.namespace, close[0]).user if close else ""
    same_name = [
        w for w in own if w.name == account.name and difflib.get_close_matches(account.namespace, [w.namespace], 1, _LIKENESS)
    ]
    return same_name[0].user if same_name else ""


def _looks_malformed(user: str, users: t.Sequence[str], short: t.Mapping[str, str]) -> str:
    """An entry that is no service account's user name at all, but ends like one or nearly is one."""
    text = user.strip().lower()
    for tail, full in short.items():
        if text.endswith(tail):
            return full
    if "serviceaccount" not in text:
        return ""
    return next(iter(difflib.get_close_matches(text, users, 1, 0.9)), "")


def _static_names(edition: str) -> frozenset[str]:
    """Names in namespace azureml that do not depend on the extension's name."""
    rows = EDITIONS[edition].rows
    return frozenset(row.name for row in rows if row.namespace == EXTENSION_NAMESPACE and EXTENSION not in row.name)
