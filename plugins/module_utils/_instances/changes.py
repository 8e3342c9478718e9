"""InstanceType objects as they are written."""

from __future__ import annotations

import typing as t
from fractions import Fraction

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.instance_types import (
    API_VERSION,
    GPU,
    InstanceType,
    from_object,
    show_amount,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    MANAGED_BY,
    Change,
    Disruption,
    Json,
    ObjectRef,
    Write,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import version_test
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.rules import object_problems


def ref_of(name: str) -> ObjectRef:
    """The object as a person names it."""
    return ObjectRef("InstanceType", name, path=object_path(API_VERSION, "instancetypes", name))


def spec_of(wanted: InstanceType) -> Json:
    """What an object says: cpu and memory as strings, GPUs as a number, as in AzureML's samples."""
    amounts = {
        kind: {key: _written(key, value) for key, value in found.items()}
        for kind, found in (("requests", wanted.requests), ("limits", wanted.limits))
    }
    selector: Json = {"nodeSelector": dict(wanted.selector)} if wanted.selector else {}
    return {**selector, "resources": amounts}


def _written(resource: str, amount: Fraction) -> int | str:
    if resource == GPU:
        return int(amount)
    return str(amount) if resource == "cpu" and amount.denominator == 1 else show_amount(amount)


def shown(item: Json) -> Json:
    """The part of an object that is ours to say."""
    spec = mapping(item, "spec")
    return {key: spec[key] for key in ("nodeSelector", "resources") if spec.get(key)}


def differs(wanted: InstanceType, item: Json) -> bool:
    """Whether an object means something else; `1000m` is `1`, but a number is no string."""
    live = from_object(item)
    same = (live.requests, live.limits, live.selector) == (wanted.requests, wanted.limits, wanted.selector)
    return not same or bool(object_problems(item))


def create(wanted: InstanceType) -> Change:
    """A new object with our label."""
    ref, spec = ref_of(wanted.name), spec_of(wanted)
    body = {
        "apiVersion": API_VERSION,
        "kind": "InstanceType",
        "metadata": {"name": wanted.name, "labels": dict(MANAGED_BY)},
        "spec": spec,
    }
    write = Write("create", object_path(API_VERSION, "instancetypes"), body)
    return Change("create", ref, "jobs can ask for it", None, spec, write=write)


def update(wanted: InstanceType, item: Json) -> Change:
    """Replace node selector and resources; whatever else others keep in the object stays."""
    ref, spec, live = ref_of(wanted.name), spec_of(wanted), item.get("spec")
    if not isinstance(live, dict):
        operations: list[Json] = [{"op": "add", "path": "/spec", "value": spec}]
    else:
        operations = [{"op": "add", "path": f"/spec/{key}", "value": value} for key, value in spec.items()]
        if "nodeSelector" in live and "nodeSelector" not in spec:
            operations.append({"op": "remove", "path": "/spec/nodeSelector"})
    write = Write("json_patch", ref.path, [*version_test(item), *operations])
    return Change("update", ref, "it differs from what is wanted", shown(item), spec, write=write)


def delete(name: str, item: Json, disruptive: t.FrozenSet[Disruption]) -> Change:
    """Delete the object, if it is still the one that was read."""
    ref = ref_of(name)
    write = Write("delete", ref.path, {"preconditions": {"uid": mapping(item, "metadata").get("uid")}})
    return Change("delete", ref, "it is to be absent", shown(item), None, disruptive, write)
