"""Patches of objects that others own too: marks, record and whatever else, tested and written at once."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Disruption, Json, ObjectRef, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import mark_operations, version_test
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.record import ANNOTATION, Record, record_of

NO_DISRUPTION: frozenset[Disruption] = frozenset()


def namespace_ref(name: str) -> ObjectRef:
    """A namespace as findings and changes name it."""
    return ObjectRef("Namespace", name, path=object_path("v1", "namespaces", name))


def node_ref(name: str) -> ObjectRef:
    """A node as findings and changes name it."""
    return ObjectRef("Node", name, path=object_path("v1", "nodes", name))


def amend(
    item: Json,
    ref: ObjectRef,
    reason: str,
    record: Record,
    *,
    labels: t.Mapping[str, str | None] | None = None,
    annotations: t.Mapping[str, str | None] | None = None,
    fields: t.Mapping[str, t.Any] | None = None,
    disruptive: frozenset[Disruption] = NO_DISRUPTION,
) -> Change | None:
    """One patch of `item`, None when it would change nothing.

    Args:
        record: what is ours afterwards. A record that cannot be read stays until there is something to record.
        labels, annotations: marks to set, None to remove.
        fields: a list by its path of two tokens, as `/spec/taints`; it replaces the list.
    """
    marks: dict[str, str | None] = dict(annotations or {})
    if record_of(item).readable or not record.empty:
        marks[ANNOTATION] = record.dump()
    operations = [*mark_operations(item, "labels", labels or {}), *mark_operations(item, "annotations", marks)]
    before, after = _shown(item, "labels", labels or {}), _shown(item, "annotations", marks)
    shown_before: Json = {"metadata": {**_half(before, 0), **_half(after, 0)}}
    shown_after: Json = {"metadata": {**_half(before, 1), **_half(after, 1)}}
    for path, value in (fields or {}).items():
        *parents, name = path.strip("/").split("/")
        live = mapping(item, *parents).get(name)
        if (live or []) == value:
            continue
        operations.append({"op": "add", "path": path, "value": value})
        shown_before[path.strip("/").replace("/", ".")] = live or []
        shown_after[path.strip("/").replace("/", ".")] = value
    if not operations:
        return None
    patch = Write("json_patch", ref.path, [*version_test(item), *operations])
    return Change("update", ref, reason, shown_before, shown_after, disruptive, patch)


def _shown(item: Json, kind: str, marks: t.Mapping[str, str | None]) -> Json:
    live = mapping(item, "metadata", kind)
    changed = {key: (live.get(key), value) for key, value in marks.items() if live.get(key) != value}
    return {kind: changed} if changed else {}


def _half(shown: t.Mapping[str, t.Mapping[str, t.Any]], side: int) -> Json:
    return {kind: {key: pair[side] for key, pair in marks.items()} for kind, marks in shown.items()}
