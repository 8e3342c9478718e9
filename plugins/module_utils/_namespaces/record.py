"""What we put into somebody else's object, recorded in an annotation of that object in the same patch.

Whatever was there before with the wanted value is adopted: it is never recorded, so it is never taken back. Where a value was
replaced, the record keeps the old one, and taking back restores it.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, text

ANNOTATION = "azureml.kubernetes/added"
Kind = t.Literal["labels", "annotations"]


@dataclass(frozen=True)
class Mark:
    """A label or annotation that we set: its value, and the one it replaced (None: there was none)."""

    value: str
    was: str | None = None


@dataclass(frozen=True)
class Taint:
    """A taint of a node; one key and effect occur once per node."""

    key: str
    value: str
    effect: str

    @property
    def place(self) -> tuple[str, str]:
        """What no second taint of a node may share."""
        return self.key, self.effect

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}"


@dataclass(frozen=True)
class Record:
    """Everything of ours in one object. `readable` is False when the annotation is not what we write."""

    labels: t.Mapping[str, Mark] = field(default_factory=dict)
    annotations: t.Mapping[str, Mark] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    pull_secrets: tuple[str, ...] = ()
    network_policy: bool = False
    readable: bool = True

    @property
    def empty(self) -> bool:
        """Nothing of ours is there."""
        return not (self.labels or self.annotations or self.taints or self.pull_secrets or self.network_policy)

    def marks(self, kind: Kind) -> t.Mapping[str, Mark]:
        """Labels or annotations."""
        return self.labels if kind == "labels" else self.annotations

    def dump(self) -> str | None:
        """The annotation's value, None when there is nothing to record."""
        if self.empty:
            return None
        content: Json = {}
        for kind, marks in (("labels", self.labels), ("annotations", self.annotations)):
            if marks:
                content[kind] = {key: {"value": mark.value, "was": mark.was} for key, mark in sorted(marks.items())}
        if self.taints:
            content["taints"] = [{"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in self.taints]
        if self.pull_secrets:
            content["pull_secrets"] = list(self.pull_secrets)
        if self.network_policy:
            content["network_policy"] = True
        return json.dumps(content, sort_keys=True)


def record_of(item: Json) -> Record:
    """The record in the annotation of `item`; empty when there is none."""
    value = mapping(item, "metadata", "annotations").get(ANNOTATION)
    if value is None:
        return Record()
    try:
        content = json.loads(value)
        return Record(
            labels=_marks(content.get("labels", {})),
            annotations=_marks(content.get("annotations", {})),
            taints=tuple(Taint(_word(t_["key"]), _word(t_["value"]), _word(t_["effect"])) for t_ in content.get("taints", ())),
            pull_secrets=tuple(_word(name) for name in content.get("pull_secrets", ())),
            network_policy=content.get("network_policy") is True,
        )
    except (TypeError, ValueError, KeyError, AttributeError):
        return Record(readable=False)


def _marks(content: t.Mapping[str, t.Any]) -> dict[str, Mark]:
    return {
        key: Mark(_word(entry["value"]), None if entry["was"] is None else _word(entry["was"])) for key, entry in content.items()
    }


def _word(value: t.Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a string")
    return value


@dataclass(frozen=True)
class Marking:
    """How marks of one object change: what to set (None: remove), and the record afterwards."""

    set: t.Mapping[str, str | None]
    record: t.Mapping[str, Mark]


def mark(item: Json, kind: Kind, wanted: t.Mapping[str, str]) -> Marking:
    """Marks of `item` so that `wanted` is there and nothing that we set beyond it.

    A recorded mark that somebody has changed meanwhile is theirs again.
    """
    live = {key: text(value) for key, value in mapping(item, "metadata", kind).items()}
    recorded = record_of(item).marks(kind)
    changes: dict[str, str | None] = {}
    record: dict[str, Mark] = {}
    for key, value in wanted.items():
        ours = key in recorded and live.get(key) == recorded[key].value
        was = recorded[key].was if ours else live.get(key)
        if live.get(key) != value:
            changes[key] = value
        if ours or live.get(key) != value:
            record[key] = Mark(value, was)
    for key, entry in recorded.items():
        if key not in wanted and live.get(key) == entry.value:
            changes[key] = entry.was
    return Marking(changes, record)
