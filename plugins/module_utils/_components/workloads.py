"""Deployments, DaemonSets and StatefulSets, and their pods, by the same words."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._components.reading import (
    ALL_PODS,
    PODS,
    WORKLOADS,
    is_going,
    listed,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.budgets import selects
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json, ObjectRef
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    EXTENSION_NAMESPACE,
    condition,
    is_extension_object,
    mapping,
    name_of,
    objects,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Snapshot

_COUNTS: t.Mapping[str, tuple[str, str]] = {
    "Deployment": ("readyReplicas", "updatedReplicas"),
    "StatefulSet": ("readyReplicas", "updatedReplicas"),
    "DaemonSet": ("numberReady", "updatedNumberScheduled"),
}


@dataclass(frozen=True)
class Workload:
    """One Deployment, DaemonSet or StatefulSet.

    Args:
        desired, ready, updated: numbers of pods.
        seen: its controller has acted on its newest specification.
        failure: why its controller could make no pod, as a Deployment reports it.
    """

    kind: str
    name: str
    desired: int
    ready: int
    updated: int
    seen: bool
    going: bool
    failure: str
    item: Json = field(repr=False)

    @property
    def ref(self) -> ObjectRef:
        """The object as findings name it."""
        return ObjectRef(self.kind, self.name, EXTENSION_NAMESPACE)

    @property
    def healthy(self) -> bool:
        """As many pods are ready as there have to be, all of its newest specification."""
        return not self.going and self.seen and self.ready >= self.desired and self.updated >= self.desired

    @property
    def template(self) -> Json:
        """The specification of its pods."""
        return mapping(self.item, "spec", "template", "spec")

    @property
    def labelled(self) -> bool:
        """Its pods carry the extension's label."""
        return is_extension_object(mapping(self.item, "spec", "template"))

    @property
    def images(self) -> list[str]:
        """The images of its containers, in order."""
        return [text(container.get("image")) for container in objects(self.template.get("containers"))]

    @property
    def created(self) -> str:
        """When it was made."""
        return text(mapping(self.item, "metadata").get("creationTimestamp"))


@dataclass(frozen=True)
class Namespace:
    """What is in namespace azureml. None where a list may not be read."""

    workloads: t.Mapping[str, t.Mapping[str, Workload] | None]
    pods: tuple[Json, ...] | None

    def find(self, kind: str, *names: str) -> Workload | None:
        """The first of these names that exists."""
        of_kind = self.workloads.get(kind) or {}
        return next((of_kind[name] for name in names if name in of_kind), None)

    def readable(self, kind: str) -> bool:
        """Whether workloads of the kind are known."""
        return self.workloads.get(kind) is not None

    def everything(self) -> list[Workload]:
        """All workloads, by kind and name."""
        return [workload for of_kind in self.workloads.values() for workload in (of_kind or {}).values()]

    def pods_of(self, workload: Workload) -> list[Json]:
        """The pods that belong to a workload, newest first."""
        selector = mapping(workload.item, "spec").get("selector")
        if not self.pods or not isinstance(selector, dict) or not selector:
            return []
        found = [pod for pod in self.pods if selects(selector, mapping(pod, "metadata", "labels"))]
        return sorted(found, key=lambda pod: text(mapping(pod, "metadata").get("creationTimestamp")), reverse=True)

    def behind(self, selector: Json) -> list[Json]:
        """The ready pods that a Service's selector selects."""
        return [
            pod
            for pod in self.pods or ()
            if is_ready(pod) and selects({"matchLabels": selector}, mapping(pod, "metadata", "labels"))
        ]


def observe(snapshot: Snapshot) -> Namespace:
    """Workloads and pods of the namespace."""
    workloads: dict[str, t.Mapping[str, Workload] | None] = {}
    for kind, read in WORKLOADS.items():
        items = listed(snapshot, read)
        workloads[kind] = None if items is None else {name_of(item): _workload(kind, item) for item in items}
    pods = listed(snapshot, ALL_PODS if ALL_PODS in snapshot else PODS)
    return Namespace(workloads, None if pods is None else tuple(pods))


def _workload(kind: str, item: Json) -> Workload:
    metadata, spec, status = mapping(item, "metadata"), mapping(item, "spec"), mapping(item, "status")
    ready, updated = (number(status.get(key)) for key in _COUNTS[kind])
    desired = number(status.get("desiredNumberScheduled")) if kind == "DaemonSet" else number(spec.get("replicas"), 1)
    # A StatefulSet that is updated by hand (OnDelete) never counts its pods as updated.
    by_hand = mapping(spec, "updateStrategy").get("type") == "OnDelete"
    failed = [
        entry
        for entry in objects(status.get("conditions"))
        if entry.get("type") == "ReplicaFailure" and entry.get("status") == "True"
    ]
    return Workload(
        kind,
        name_of(item),
        desired,
        ready,
        max(updated, ready) if by_hand else updated,
        number(status.get("observedGeneration")) >= number(metadata.get("generation")),
        is_going(item),
        text(failed[0].get("message")) if failed else "",
        item,
    )


def number(value: t.Any, default: int = 0) -> int:
    """A whole number that a server sent."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def is_ready(pod: Json) -> bool:
    """Whether a pod takes requests."""
    return not is_going(pod) and condition(mapping(pod, "status"), "Ready") == "True"


def phase(pod: Json) -> str:
    """`status.phase`."""
    return text(mapping(pod, "status").get("phase"))


def container_statuses(pod: Json) -> list[Json]:
    """The statuses of init containers and containers, in the order in which they start."""
    status = mapping(pod, "status")
    return [*objects(status.get("initContainerStatuses")), *objects(status.get("containerStatuses"))]


def restarts(pods: t.Iterable[Json]) -> int:
    """How often containers of pods were started again."""
    return sum(number(entry.get("restartCount")) for pod in pods for entry in container_statuses(pod))


def last_end(pods: t.Iterable[Json]) -> datetime.datetime | None:
    """When a container of the pods ended last."""
    ends = [
        moment(mapping(entry, "lastState", "terminated").get("finishedAt")) for pod in pods for entry in container_statuses(pod)
    ]
    return max((end for end in ends if end is not None), default=None)


def moment(value: t.Any) -> datetime.datetime | None:
    """A time that a server sent; None for anything else."""
    try:
        found = datetime.datetime.fromisoformat(text(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=datetime.timezone.utc)


def age(created: str, now: datetime.datetime) -> int | None:
    """Whole seconds since a time; None where it is not known."""
    start = moment(created)
    return max(0, int((now - start).total_seconds())) if start else None
