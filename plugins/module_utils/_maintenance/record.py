"""The mark on a Node that is being worked on: whose cordon it is, and what the host was before."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, text

ANNOTATION = "azureml.kubernetes/maintenance"


class RecordUnreadable(Exception):
    """The annotation is there, but is not what this collection writes."""


@dataclass(frozen=True)
class Record:
    """What is written on the Node.

    Args:
        reason: what is being done.
        boot_id: the Node's bootID when the host was last known to be up, before its reboot.
        cordoned_before: somebody else had cordoned the Node, so it is not ours to uncordon.
    """

    reason: str
    boot_id: str
    cordoned_before: bool

    def annotation(self) -> str:
        """The value of the annotation."""
        return json.dumps({"reason": self.reason, "bootID": self.boot_id, "cordonedBefore": self.cordoned_before})


def record_of(node: Json) -> Record | None:
    """Our record on a Node, None when it carries none.

    Raises:
        RecordUnreadable: somebody wrote something else there.
    """
    annotations = mapping(node, "metadata", "annotations")
    if ANNOTATION not in annotations:
        return None
    try:
        content: t.Any = json.loads(text(annotations[ANNOTATION]))
    except (ValueError, RecursionError) as error:
        raise RecordUnreadable(str(error)) from error
    if not isinstance(content, dict) or not isinstance(content.get("cordonedBefore"), bool):
        raise RecordUnreadable("it does not say who cordoned the Node")
    return Record(text(content.get("reason")), text(content.get("bootID")), content["cordonedBefore"])
