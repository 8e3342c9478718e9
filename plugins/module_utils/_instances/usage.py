"""Work under way that may ask for an instance type."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.instance_types import InstanceType
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, name_of, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.pods import to_leave
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.quantities import read_quantity

_KEY = "instancetype"
_DEEPEST = 12


def users(wanted: InstanceType, pods: t.Sequence[Json], jobs: t.Sequence[Json]) -> list[str]:
    """Jobs' pods and AmlJobs that name the type, and pods that have just its amounts: no document says how a pod names its type."""
    unfinished = {str(pod) for pod in to_leave(pods) if pod.job}
    found = [f"AmlJob/{_place(item)}" for item in jobs if _names(item, wanted.name)]
    for item in pods:
        if _place(item) in unfinished and (_names(mapping(item, "metadata"), wanted.name) or _has_amounts(item, wanted)):
            found.append(f"Pod/{_place(item)}")
    return sorted(found)


def _place(item: Json) -> str:
    return f"{text(mapping(item, 'metadata').get('namespace'))}/{name_of(item)}"


def _names(value: t.Any, name: str, depth: int = 0) -> bool:
    """Whether a field, label or annotation that is called after instance types holds the name."""
    if depth > _DEEPEST:
        return False
    if isinstance(value, list):
        return any(_names(one, name, depth + 1) for one in value)
    if not isinstance(value, dict):
        return False
    for key, inner in value.items():
        called = "".join(letter for letter in str(key).lower() if letter.isalnum())
        if (called.endswith(_KEY) and inner == name) or _names(inner, name, depth + 1):
            return True
    return False


def _has_amounts(item: Json, wanted: InstanceType) -> bool:
    return any(
        all(
            read_quantity(mapping(container, "resources", kind).get(resource)) == amount
            for kind, amounts in (("requests", wanted.requests), ("limits", wanted.limits))
            for resource, amount in amounts.items()
        )
        for container in objects(mapping(item, "spec").get("containers"))
    )
