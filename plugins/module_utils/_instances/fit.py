"""Which nodes can run the pods of an instance type, by labels, taints and size; how busy they are changes all the time."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.instance_types import GPU, InstanceType, show_amount
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import condition, mapping, name_of, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.quantities import read_quantity

_KEEPING_OUT = ("NoSchedule", "NoExecute")
# Workloads tolerate the first two with the value true, the others with the name of what they belong to (the document's table).
_TRUE = ("ml.azure.com/amlarc", "ml.azure.com/amlarc-workload")
_NAMED = ("ml.azure.com/resource-group", "ml.azure.com/workspace", "ml.azure.com/compute")
# Kubernetes sets these itself while a node is not ready or cordoned, which is judged apart.
_PASSING = "node.kubernetes.io/"


@dataclass(frozen=True)
class Fit:
    """Nodes that can run the pods, those that could were they open, and why each other one cannot."""

    nodes: tuple[str, ...]
    closed: tuple[str, ...]
    reasons: t.Mapping[str, str]


def fit(wanted: InstanceType, nodes: t.Sequence[Json], tolerations: t.Sequence[t.Mapping[str, t.Any]]) -> Fit:
    """Judge every node."""
    found, closed, reasons = [], [], {}
    for node in nodes:
        reason = _against(wanted, node, tolerations)
        if reason:
            reasons[name_of(node)] = reason
        elif mapping(node, "spec").get("unschedulable") or condition(mapping(node, "status"), "Ready") in ("False", "Unknown"):
            closed.append(name_of(node))
        else:
            found.append(name_of(node))
    return Fit(tuple(sorted(found)), tuple(sorted(closed)), reasons)


def _against(wanted: InstanceType, node: Json, tolerations: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    labels = mapping(node, "metadata", "labels")
    if labels.get("kubernetes.io/os") == "windows" or labels.get("type") == "virtual-kubelet":
        return "it runs no Linux containers of AzureML"
    for key, value in wanted.selector.items():
        if labels.get(key) != value:
            return f"label {key} is {labels[key]!r}, not {value!r}" if key in labels else f"it has no label {key}"
    for taint in objects(mapping(node, "spec").get("taints")):
        if not _tolerated(taint, tolerations):
            return (
                f"workloads do not tolerate taint {text(taint.get('key'))}={text(taint.get('value'))}:{text(taint.get('effect'))}"
            )
    allocatable = mapping(node, "status", "allocatable")
    need = {**wanted.requests, **({GPU: wanted.limits[GPU]} if wanted.limits.get(GPU) else {})}
    for resource, amount in need.items():
        offered = read_quantity(allocatable.get(resource)) or 0
        if amount > offered:
            return f"it offers {resource} {allocatable.get(resource, '0')}, {show_amount(amount)} is requested"
    return ""


def _tolerated(taint: Json, tolerations: t.Sequence[t.Mapping[str, t.Any]]) -> bool:
    key, value, effect = (text(taint.get(part)) for part in ("key", "value", "effect"))
    if effect not in _KEEPING_OUT or key.startswith(_PASSING) or key in _NAMED or (key in _TRUE and value == "true"):
        return True
    return any(_matches(one, key, value, effect) for one in tolerations)


def _matches(toleration: t.Mapping[str, t.Any], key: str, value: str, effect: str) -> bool:
    """See k8s.io/api/core/v1 Toleration: no key with Exists is every key, no effect is every effect."""
    exists = toleration.get("operator") == "Exists"
    if toleration.get("effect") not in (None, "", effect):
        return False
    if not toleration.get("key"):
        return exists
    return bool(toleration["key"] == key and (exists or (toleration.get("value") or "") == value))
