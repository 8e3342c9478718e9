"""Whether a DaemonSet's pod may run on a node, by the rules of Kubernetes."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, name_of, objects, text

_REPELLING = ("NoSchedule", "NoExecute")
# What the DaemonSet controller tolerates for every pod of its own.
_ALWAYS_TOLERATED = tuple(
    f"node.kubernetes.io/{name}"
    for name in ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
)


def kept_away(node: Json, spec: Json) -> str:
    """Why a pod with `spec` of a DaemonSet is not on the node; "" when it is."""
    labels = mapping(node, "metadata", "labels")
    for key, value in mapping(spec, "nodeSelector").items():
        if labels.get(key) != value:
            return f"its node selector wants label {key}={value}"
    required = mapping(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = objects(required.get("nodeSelectorTerms"))
    if required and not any(_term_matches(term, labels, name_of(node)) for term in terms):
        return "no label of the node is among those that its affinity names"
    taint = untolerated(node, objects(spec.get("tolerations")))
    return f"it does not tolerate the taint {taint}" if taint else ""


def untolerated(node: Json, tolerations: t.Sequence[Json]) -> str:
    """The first taint that keeps a DaemonSet's pod away, as `key=value:effect`; "" for none."""
    for taint in objects(mapping(node, "spec").get("taints")):
        key, effect = text(taint.get("key")), text(taint.get("effect"))
        if effect not in _REPELLING or key in _ALWAYS_TOLERATED:
            continue
        if not any(_tolerates(toleration, taint) for toleration in tolerations):
            value = text(taint.get("value"))
            return f"{key}={value}:{effect}" if value else f"{key}:{effect}"
    return ""


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and text(toleration.get("value")) == text(taint.get("value"))


def _term_matches(term: Json, labels: Json, name: str) -> bool:
    expressions, fields = objects(term.get("matchExpressions")), objects(term.get("matchFields"))
    if not expressions and not fields:
        return False
    by_field = all(_requirement_holds(field, {"metadata.name": name}) for field in fields)
    return by_field and all(_requirement_holds(expression, labels) for expression in expressions)


def _requirement_holds(requirement: Json, labels: Json) -> bool:
    key, operator = text(requirement.get("key")), requirement.get("operator")
    values = requirement.get("values")
    known = values if isinstance(values, list) else []
    if operator in ("Exists", "DoesNotExist"):
        return bool((key in labels) == (operator == "Exists"))
    if operator == "In":
        return key in labels and labels[key] in known
    if operator == "NotIn":
        return key not in labels or labels[key] not in known
    return bool(operator in ("Gt", "Lt")) and _compares(labels.get(key), operator, known)


def _compares(label: t.Any, operator: t.Any, values: t.Sequence[t.Any]) -> bool:
    try:
        left, right = int(str(label)), int(str(values[0]))
    except (ValueError, IndexError):
        return False
    return left > right if operator == "Gt" else left < right
