"""What AzureML wants of an instance type, for those that are asked for and those that are there."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.instance_types import GPU, InstanceType, from_object
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.names import KEY_RULE, VALUE_RULE, is_key, is_value
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.quantities import read_quantity

_NEEDED = ("cpu", "memory")


def amount_problems(wanted: InstanceType) -> list[str]:
    """Which rules the amounts break; sources: the how-to on instance types, and how Kubernetes validates a pod's resources."""
    found = []
    for kind, amounts in (("requests", wanted.requests), ("limits", wanted.limits)):
        found += [
            f"{kind} has no {resource}, and both requests and limits need it" for resource in _NEEDED if resource not in amounts
        ]
        for resource, amount in amounts.items():
            if resource not in (*_NEEDED, GPU):
                found.append(f"{kind} has {resource}, but AzureML knows cpu, memory and {GPU} only")
            elif amount <= 0 and resource != GPU:
                found.append(f"{resource} under {kind} has to be more than zero")
            elif resource == "cpu" and (amount * 1000).denominator != 1:
                found.append(f"cpu under {kind} is finer than 1m")
            elif resource != "cpu" and (amount < 0 or amount.denominator != 1):
                found.append(f"{resource} under {kind} has to be a whole number" + (" of bytes" if resource == "memory" else ""))
    if GPU in wanted.requests:
        found.append(f"{GPU} belongs under limits, not under requests")
    for resource in _NEEDED:
        request, limit = wanted.requests.get(resource), wanted.limits.get(resource)
        if request is not None and limit is not None and request > limit:
            found.append(f"the request of {resource} is bigger than its limit")
    return found


def selector_problems(selector: t.Mapping[str, t.Any]) -> list[str]:
    """What of a node selector is no label."""
    found = [f"node selector: {key!r} is not {KEY_RULE}" for key in map(str, selector) if not is_key(key)]
    for key, value in selector.items():
        if not isinstance(value, str):
            found.append(f"node selector: the value of {key} is {value!r}, not a string (quote it)")
        elif not is_value(value):
            found.append(f"node selector: the value {value!r} of {key} is not {VALUE_RULE}")
    return found


def object_problems(item: Json) -> list[str]:
    """Which rules an InstanceType object breaks."""
    spec = mapping(item, "spec")
    found = []
    for kind in ("requests", "limits"):
        for resource, value in mapping(spec, "resources", kind).items():
            if read_quantity(value) is None:
                found.append(f"{resource} under {kind} is {value!r}, not a quantity")
            elif resource in _NEEDED and not isinstance(value, str):
                found.append(f"{resource} under {kind} is the number {value}, not a string")
    return [*found, *amount_problems(from_object(item)), *selector_problems(mapping(spec, "nodeSelector"))]
