"""The label and annotation on a claim of somebody else, and the record of what was there before."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Json, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import mark_operations, version_test
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, name_of, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.volumes import LABEL, MOUNT_PATH, claim_ref

RECORD = "azureml.kubernetes/adopted-marks"
# Where on the object a mark is; the names of the record.
_KINDS: t.Mapping[str, t.Literal["labels", "annotations"]] = {LABEL: "labels", MOUNT_PATH: "annotations"}


class Mark(t.NamedTuple):
    """What we set, and what was there (None: nothing)."""

    now: str
    before: str | None


@dataclass(frozen=True)
class Record:
    """The marks that we set, by key. An unreadable record is not an empty one."""

    marks: t.Mapping[str, Mark]
    readable: bool = True


def record_of(claim: Json) -> Record:
    """What the claim's own annotation says that we set."""
    value = mapping(claim, "metadata", "annotations").get(RECORD)
    if value is None:
        return Record({})
    try:
        marks = {str(key): Mark(*entry) for key, entry in json.loads(value).items()}
    except (TypeError, ValueError, AttributeError):
        return Record({}, readable=False)
    sound = all(
        key in _KINDS and isinstance(mark.now, str) and (mark.before is None or isinstance(mark.before, str))
        for key, mark in marks.items()
    )
    return Record(marks) if sound else Record({}, readable=False)


def adopt(claim: Json, mount_path: str) -> Change | None:
    """Label and annotation set and recorded in one patch; None when jobs find them already."""
    wanted = {LABEL: "true", MOUNT_PATH: mount_path}
    record = dict(record_of(claim).marks)
    for key, value in wanted.items():
        live = _live(claim, key)
        if live != value:
            # Of a mark that we set and that somebody changed, what was there before us still counts.
            record[key] = Mark(value, record[key].before if key in record else live)
    return _patch(claim, wanted, record, f"jobs are to find it at {mount_path}")


def release(claim: Json) -> Change | None:
    """What we set taken back; None when nothing of ours is there. A mark that somebody changed meanwhile is theirs."""
    record = record_of(claim)
    if not record.marks:
        return None
    restored = {key: mark.before for key, mark in record.marks.items() if _live(claim, key) == mark.now}
    return _patch(claim, restored, {}, "jobs no longer get it; the claim itself stays")


def _patch(claim: Json, marks: t.Mapping[str, str | None], record: t.Mapping[str, Mark], reason: str) -> Change | None:
    labels = {key: value for key, value in marks.items() if _KINDS[key] == "labels"}
    annotations = {key: value for key, value in marks.items() if _KINDS[key] == "annotations"}
    content = json.dumps({key: list(mark) for key, mark in sorted(record.items())}) if record else None
    if record != record_of(claim).marks:
        annotations[RECORD] = content
    operations = [*mark_operations(claim, "labels", labels), *mark_operations(claim, "annotations", annotations)]
    if not operations:
        return None
    ref = claim_ref(text(mapping(claim, "metadata").get("namespace")), name_of(claim))
    before = {key: _live(claim, key) for key in marks}
    write = Write("json_patch", ref.path, [*version_test(claim), *operations])
    return Change("update", ref, reason, before, dict(marks), write=write)


def _live(claim: Json, key: str) -> str | None:
    value = mapping(claim, "metadata", _KINDS[key]).get(key)
    return value if isinstance(value, str) else None
