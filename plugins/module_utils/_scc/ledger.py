"""Entries in a list that others also edit, and the annotation of the same object that records which of them are ours.

Whatever was in the list before we came is adopted: it is never recorded, so it is never removed.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import mark_operations
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping

ANNOTATION = "azureml.kubernetes/scc-users"


@dataclass(frozen=True)
class Record:
    """User names that we added to an object. `readable` is False when the annotation is not a list of names."""

    users: tuple[str, ...] = ()
    readable: bool = True


@dataclass(frozen=True)
class Amended:
    """A list and its record after adding and removing."""

    entries: tuple[str, ...]
    record: tuple[str, ...]


def record_of(item: Json) -> Record:
    """The record in the annotation of `item`; empty when there is none."""
    value = mapping(item, "metadata", "annotations").get(ANNOTATION)
    if value is None:
        return Record()
    try:
        users = json.loads(value)
    except (TypeError, ValueError):
        return Record(readable=False)
    if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
        return Record(readable=False)
    return Record(tuple(dict.fromkeys(users)))


def amend(entries: t.Sequence[str], record: t.Sequence[str], add: t.Sequence[str], remove: t.Collection[str]) -> Amended:
    """The list with `add` appended and one entry for each of `remove` taken out, the others in their order.

    We append, so of an entry that is there twice the last one is taken for ours. A recorded entry that somebody has
    removed meanwhile leaves the record.
    """
    kept = list(entries)
    for user in remove:
        if user in kept:
            del kept[len(kept) - 1 - kept[::-1].index(user)]
    ours = [user for user in record if user not in remove and user in entries]
    return Amended(tuple(kept) + tuple(add), tuple(dict.fromkeys([*ours, *add])))


def annotation_operations(item: Json, record: t.Sequence[str]) -> list[Json]:
    """Operations that make `record` the record of `item`; the annotation goes when nothing is recorded."""
    return mark_operations(item, "annotations", {ANNOTATION: json.dumps(list(record)) if record else None})
