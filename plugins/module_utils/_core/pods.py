"""Which pods of a Node have to leave it, and what their leaving means. The rules are those of `kubectl drain`."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .model import Json
from .platform import (
    EXTENSION_NAMESPACE,
    condition,
    is_extension_object,
    mapping,
    name_of,
    objects,
    text,
)

_MIRROR = "kubernetes.io/config.mirror"
_DEFAULT_GRACE = 30


@dataclass(frozen=True)
class Pod:
    """A pod that has to leave.

    Args:
        phase: as in its status.
        ready: it is Ready, which is what PodDisruptionBudgets call healthy.
        leaving: it is being deleted already.
        managed: a controller makes another one in its place.
        job: it does the work of an AzureML job.
        local_data: it has an emptyDir volume that is not in memory.
        grace: seconds that it may take to end.
        node: the Node on which it runs.
    """

    namespace: str
    name: str
    uid: str
    labels: Json
    phase: str
    ready: bool
    leaving: bool
    managed: bool
    job: bool
    local_data: bool
    grace: int
    node: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def to_leave(items: t.Iterable[Json]) -> tuple[Pod, ...]:
    """The pods that a drain removes, by namespace and name: all but those of DaemonSets, static ones and finished ones."""
    pods = [_pod(item) for item in items if not _stays(item)]
    return tuple(sorted(pods, key=str))


def _stays(item: Json) -> bool:
    finished = mapping(item, "status").get("phase") in ("Succeeded", "Failed")
    mirror = _MIRROR in mapping(item, "metadata", "annotations")
    return finished or mirror or _controller(item).get("kind") == "DaemonSet"


def _controller(item: Json) -> Json:
    owners = objects(mapping(item, "metadata").get("ownerReferences"))
    return next((owner for owner in owners if owner.get("controller") is True), {})


def _pod(item: Json) -> Pod:
    metadata, spec, status = mapping(item, "metadata"), mapping(item, "spec"), mapping(item, "status")
    grace = spec.get("terminationGracePeriodSeconds")
    volumes = [mapping(volume, "emptyDir") for volume in objects(spec.get("volumes")) if isinstance(volume.get("emptyDir"), dict)]
    return Pod(
        namespace=text(metadata.get("namespace")),
        name=name_of(item),
        uid=text(metadata.get("uid")),
        labels=mapping(metadata, "labels"),
        phase=text(status.get("phase")),
        ready=condition(status, "Ready") == "True",
        leaving=bool(metadata.get("deletionTimestamp")),
        managed=bool(_controller(item)),
        job=_is_job(item),
        local_data=any(volume.get("medium") != "Memory" for volume in volumes),
        grace=grace if isinstance(grace, int) else _DEFAULT_GRACE,
        node=text(spec.get("nodeName")),
    )


def _is_job(item: Json) -> bool:
    """Whether the pod is part of an AzureML job: labelled by AzureML, and neither of the extension nor of an endpoint."""
    metadata = mapping(item, "metadata")
    labels = mapping(metadata, "labels")
    of_azureml = any(key.startswith("ml.azure.com/") for key in labels)
    system = is_extension_object(item) or metadata.get("namespace") == EXTENSION_NAMESPACE
    return of_azureml and not system and "azuremlappname" not in labels
