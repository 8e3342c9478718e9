"""Instance types of AzureML: the option that names them, and the objects of the cluster. Several topics judge by the same list."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from fractions import Fraction

from .model import Json
from .platform import mapping, name_of
from .quantities import parse_quantity, read_quantity
from .snapshot import Read, object_path

API_VERSION = "amlarc.azureml.com/v1alpha1"
INSTANCE_TYPES = Read(object_path(API_VERSION, "instancetypes"))
GPU = "nvidia.com/gpu"

SUBOPTIONS: Json = {
    "name": {"type": "str", "required": True},
    "requests": {"type": "dict", "required": True},
    "limits": {"type": "dict", "required": True},
    "node_selector": {"type": "dict", "default": {}},
    "autoscaled": {"type": "bool", "default": False},
}


@dataclass(frozen=True)
class InstanceType:
    """What the pods of one instance type ask for, by resource name.

    Args:
        selector: labels of the nodes that they run on.
        autoscaled: the user's word that a pool has or grows such nodes.
    """

    name: str
    requests: t.Mapping[str, Fraction]
    limits: t.Mapping[str, Fraction]
    selector: t.Mapping[str, str] = field(default_factory=dict)
    autoscaled: bool = False


# What a job gets that names no instance type, as long as no InstanceType object of that name says otherwise (how-to of 07/2025).
DEFAULT = InstanceType(
    "defaultinstancetype",
    {"cpu": Fraction(1, 10), "memory": Fraction(2 * 2**30)},
    {"cpu": Fraction(2), "memory": Fraction(2 * 2**30)},
)


def read_instance_type(entry: t.Mapping[str, t.Any], problems: list[str]) -> InstanceType:
    """An entry of option `instance_types`; what is wrong with its amounts is added to `problems`."""
    amounts: dict[str, dict[str, Fraction]] = {"requests": {}, "limits": {}}
    for kind, found in amounts.items():
        for resource, value in (entry.get(kind) or {}).items():
            try:
                found[str(resource)] = parse_quantity(str(value))
            except ValueError as error:
                problems.append(f"instance_types: {kind} of {entry['name']}: {resource}: {error}")
    selector = {str(key): str(value) for key, value in (entry.get("node_selector") or {}).items()}
    return InstanceType(str(entry["name"]), amounts["requests"], amounts["limits"], selector, bool(entry.get("autoscaled")))


def from_object(item: Json) -> InstanceType:
    """An InstanceType object of the cluster, without what is no amount."""
    spec = mapping(item, "spec")
    resources = mapping(spec, "resources")
    selector = {key: value for key, value in mapping(spec, "nodeSelector").items() if isinstance(value, str)}
    return InstanceType(name_of(item), _amounts(mapping(resources, "requests")), _amounts(mapping(resources, "limits")), selector)


def _amounts(values: t.Mapping[str, t.Any]) -> dict[str, Fraction]:
    amounts = {key: read_quantity(value) for key, value in values.items()}
    return {key: value for key, value in amounts.items() if value is not None}


def repeated(names: t.Iterable[str]) -> list[str]:
    """Names that are there more than once."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    return [name for name, count in seen.items() if count > 1]


def show_amount(number: Fraction) -> str:
    """An amount as people write it: binary units for whole multiples, else thousandths, rounded."""
    for unit, bits in (("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)):
        if number and number % 2**bits == 0:
            return f"{number // 2**bits}{unit}"
    if number.denominator == 1:
        return str(number)
    return f"{round(number * 1000)}m"
