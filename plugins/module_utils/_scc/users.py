"""Method users: entries in the list `users` of the SCC itself."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Disruption, Json, ObjectRef, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import version_test
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.ledger import (
    ANNOTATION,
    amend,
    annotation_operations,
    record_of,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.reading import scc_path


def scc_ref(name: str) -> ObjectRef:
    """The SCC as findings and changes name it."""
    return ObjectRef("SecurityContextConstraints", name, path=scc_path(name))


def users_of(scc: Json) -> tuple[str, ...]:
    """The list `users`: null and absent are both empty."""
    return strings(scc.get("users"))


def strings(value: t.Any) -> tuple[str, ...]:
    """The list in a field of strings that may be null or absent."""
    return tuple(str(entry) for entry in value) if isinstance(value, list) else ()


def amend_users(
    scc: Json, name: str, reason: str, add: t.Sequence[str], remove: t.Collection[str], disruptive: frozenset[Disruption]
) -> Change | None:
    """One patch that adds and removes entries and keeps the record, or None when it would change nothing."""
    users = users_of(scc)
    after = amend(users, record_of(scc).users, add, remove)
    operations = [*_user_operations(scc, add, remove), *annotation_operations(scc, after.record)]
    if not operations:
        return None
    return Change(
        verb="update",
        object=scc_ref(name),
        reason=reason,
        before=_shown(users, mapping(scc, "metadata", "annotations").get(ANNOTATION)),
        after=_shown(after.entries, list(after.record) or None),
        disruptive=disruptive,
        write=Write("json_patch", scc_path(name), [*version_test(scc), *operations]),
    )


def _user_operations(scc: Json, add: t.Sequence[str], remove: t.Collection[str]) -> list[Json]:
    """Removals from the end, so that no index moves, then additions at the end, so that nobody's entry moves."""
    users = list(users_of(scc))
    indices = sorted((len(users) - 1 - users[::-1].index(user) for user in remove if user in users), reverse=True)
    removals = [{"op": "remove", "path": f"/users/{index}"} for index in indices]
    if not isinstance(scc.get("users"), list):
        return [{"op": "add", "path": "/users", "value": list(add)}] if add else []
    return [*removals, *({"op": "add", "path": "/users/-", "value": user} for user in add)]


def _shown(users: t.Sequence[str], record: t.Any) -> Json:
    return {"users": list(users), "metadata": {"annotations": {ANNOTATION: record}}}
