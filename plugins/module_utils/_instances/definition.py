"""The definition of InstanceType, which comes with the extension: read, and followed, as the one object it is."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.instance_types import API_VERSION, INSTANCE_TYPES
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import condition, list_items, mapping, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances import codes

State = t.Literal["established", "missing", "not_established", "other_version", "unknown"]
NAME = "instancetypes.amlarc.azureml.com"
DEFINITION = Read(
    object_path("apiextensions.k8s.io/v1", "customresourcedefinitions"), (("fieldSelector", f"metadata.name={NAME}"),)
)
_SUBJECT = f"CustomResourceDefinition/{NAME}"


def definition_state(snapshot: Snapshot) -> State:
    """How far the definition is; where it may not be read, the list of the objects themselves tells."""
    items = list_items(snapshot.get(DEFINITION))
    answer = snapshot.get(INSTANCE_TYPES)
    if items is None:
        return "unknown" if answer is None or not answer.absent else "missing"
    if not items:
        return "missing"
    status = mapping(items[0], "status")
    if condition(status, "Established") != "True" or mapping(items[0], "metadata").get("deletionTimestamp"):
        return "not_established"
    if API_VERSION.rpartition("/")[2] not in _served(snapshot):
        return "other_version"
    # A server of several learns of a new definition a moment after the one that was asked.
    return "not_established" if answer is not None and answer.absent else "established"


def _served(snapshot: Snapshot) -> list[str]:
    items = list_items(snapshot.get(DEFINITION)) or []
    return [
        text(v.get("name")) for item in items for v in objects(mapping(item, "spec").get("versions")) if v.get("served") is True
    ]


def definition_finding(state: State, snapshot: Snapshot) -> Finding | None:
    """What speaks against writing objects."""
    if state == "missing":
        return codes.NO_DEFINITION.finding("it does not exist, as before the extension is installed.", _SUBJECT)
    if state == "not_established":
        return codes.NO_DEFINITION.finding("it exists, but is not Established and served.", _SUBJECT)
    if state == "other_version":
        message = f"{API_VERSION} is not served, but {', '.join(_served(snapshot)) or 'nothing'}."
        return codes.OTHER_VERSION.finding(message, _SUBJECT)
    return None
