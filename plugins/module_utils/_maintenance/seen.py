"""What is read of the cluster for the maintenance of one Node."""

from __future__ import annotations

import difflib
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.budgets import Budget, budget
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json, ObjectRef
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    NODES,
    condition,
    list_items,
    mapping,
    name_of,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.pods import Pod, to_leave
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.record import Record, RecordUnreadable, record_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.request import Request

ALL_NODES = Read(NODES.path, metadata_only=True)
BUDGETS = Read(object_path("policy/v1", "poddisruptionbudgets"))
_MACHINE_CONFIG = "machineconfiguration.openshift.io"


def node_read(name: str) -> Read:
    """The one Node, as a list, which can be watched."""
    return Read(NODES.path, query=(("fieldSelector", f"metadata.name={name}"),))


def pods_read(node: str) -> Read:
    """The pods of the Node."""
    return Read(object_path("v1", "pods"), query=(("fieldSelector", f"spec.nodeName={node}"),))


def node_ref(name: str) -> ObjectRef:
    """A Node as findings and changes name it."""
    return ObjectRef("Node", name, path=object_path("v1", "nodes", name))


def reads(request: Request, snapshot: Snapshot) -> t.Sequence[Read]:
    """Everything that the plan needs; pods only where they are going to be evicted."""
    nodes = [node_read(request.node), ALL_NODES]
    return nodes + ([pods_read(request.node), BUDGETS] if request.state == "begun" and request.drain else [])


@dataclass(frozen=True)
class Live:
    """The Node and what is on it.

    Args:
        item: the Node as the API server sent it.
        record: our mark on it.
        others: the other Nodes, of which only metadata is known.
        pods: those that have to leave; none where nothing is evicted.
        budgets: all of the cluster.
    """

    item: Json
    record: Record | None
    others: tuple[Json, ...]
    pods: tuple[Pod, ...]
    budgets: tuple[Budget, ...]

    @property
    def boot_id(self) -> str:
        """As the kubelet reported it when it registered."""
        return text(mapping(self.item, "status", "nodeInfo").get("bootID")).strip().lower()

    @property
    def ready(self) -> bool:
        """The kubelet reports that it can run pods."""
        return condition(mapping(self.item, "status"), "Ready") == "True"

    @property
    def cordoned(self) -> bool:
        """No new pods are scheduled there."""
        return mapping(self.item, "spec").get("unschedulable") is True

    @property
    def machine_config(self) -> str:
        """What OpenShift's Machine Config Operator is doing with the Node, "" when nothing."""
        marks = mapping(self.item, "metadata", "annotations")
        state, current, desired = (
            text(marks.get(f"{_MACHINE_CONFIG}/{key}")) for key in ("state", "currentConfig", "desiredConfig")
        )
        if state not in ("", "Done"):
            return f"it is {state}"
        return f"it has {current or 'no configuration'} and is to get {desired}" if desired and current != desired else ""


def observe(request: Request, snapshot: Snapshot) -> Live | Finding:
    """The Node as it was read, or why nothing can be said about it."""
    answer, subject = snapshot[node_read(request.node)], node_ref(request.node)
    found = list_items(answer)
    if found is None:
        return codes.UNREADABLE.finding(f"Nodes may not be read: {answer.message}", subject)
    everything = list_items(snapshot[ALL_NODES]) or []
    item = next((node for node in found if name_of(node) == request.node), None)
    if item is None:
        return missing(request.node, [name_of(node) for node in everything])
    try:
        record = record_of(item)
    except RecordUnreadable as error:
        message = f"The annotation azureml.kubernetes/maintenance of Node {request.node} cannot be read: {error}."
        return codes.RECORD_UNREADABLE.finding(message, subject)
    return Live(
        item=item,
        record=record,
        others=tuple(node for node in everything if name_of(node) != request.node),
        pods=to_leave(_items(snapshot, pods_read(request.node))),
        budgets=tuple(budget(entry) for entry in _items(snapshot, BUDGETS)),
    )


def _items(snapshot: Snapshot, read: Read) -> list[Json]:
    return list_items(snapshot.get(read)) or []


def missing(name: str, names: t.Sequence[str]) -> Finding:
    """There is no such Node; the names that are near come first."""
    near = difflib.get_close_matches(name, names, 1, 0.5)
    known = ", ".join(sorted(names)[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    hint = f"Did you mean {near[0]}? " if near else ""
    message = f"The cluster has no Node {name}. {hint}Its Nodes are {known or 'not known'}."
    return codes.NODE_MISSING.finding(message, node_ref(name))
