"""Whether ResourceQuotas and LimitRanges of a namespace let pods of AzureML's instance types in."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from fractions import Fraction

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.instance_types import (
    DEFAULT,
    InstanceType,
    from_object,
    show_amount,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, name_of, objects
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.quantities import read_quantity
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.changes import namespace_ref
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.outcome import Outcome

# Scopes that pods of jobs with requests and limits are in; quotas of other scopes count other pods.
_OUR_SCOPES = {"NotBestEffort", "NotTerminating"}


@dataclass(frozen=True)
class Types:
    """Instance types that jobs can ask for. `complete` is False when the cluster's own could not be read."""

    types: tuple[InstanceType, ...]
    complete: bool = True


def instance_types(given: t.Sequence[InstanceType], live: t.Mapping[str, Json] | None) -> Types:
    """The user's types over those of the cluster over the implicit default.

    Args:
        live: InstanceType objects by name, None when they may not be read.
    """
    found = {DEFAULT.name: DEFAULT}
    found.update({name: from_object(item) for name, item in (live or {}).items()})
    found.update({entry.name: entry for entry in given})
    return Types(tuple(found.values()), live is not None)


def plan_capacity(namespace: str, quotas: t.Sequence[Json], limit_ranges: t.Sequence[Json], known: Types) -> Outcome:
    """Which instance types the namespace's limits refuse, and why."""
    out = Outcome()
    if not quotas and not limit_ranges:
        return out
    refused: dict[str, list[str]] = {}
    for entry in known.types:
        reasons = [reason for quota in quotas for reason in _over_quota(quota, entry)]
        reasons += [reason for limits in limit_ranges for reason in _out_of_range(limits, entry)]
        if reasons:
            refused[entry.name] = reasons
    fitting = [entry.name for entry in known.types if entry.name not in refused]
    out.note(namespace, instance_types={"fit": fitting, "refused": sorted(refused)})
    ref = namespace_ref(namespace)
    if refused and not fitting:
        words = "; ".join(f"{name}: {', '.join(reasons)}" for name, reasons in refused.items())
        sure = "" if known.complete else " (those of the cluster could not be read)"
        severity: t.Literal["error", "warning"] = "error" if known.complete else "warning"
        out.findings.append(
            codes.NO_TYPE_FITS.finding(f"no instance type{sure} fits. {words}.", ref, severity=severity, evidence=refused)
        )
        return out
    for name, reasons in refused.items():
        message = f"instance type {name} does not fit: {', '.join(reasons)}."
        out.findings.append(codes.TYPE_EXCLUDED.finding(message, ref, evidence=reasons))
    return out


def _over_quota(quota: Json, entry: InstanceType) -> list[str]:
    """What of one pod exceeds the whole quota; how much of it is in use changes all the time and is not judged."""
    spec = mapping(quota, "spec")
    scopes = {str(scope) for scope in spec.get("scopes") or ()}
    if mapping(spec, "scopeSelector") or not scopes <= _OUR_SCOPES:
        return []
    reasons = []
    for key, value in mapping(spec, "hard").items():
        hard, need = read_quantity(value), _need(key, entry)
        if hard is not None and need is not None and need > hard:
            reasons.append(f"ResourceQuota {name_of(quota)} allows {key} {value}, it needs {show_amount(need)}")
    return reasons


def _need(key: str, entry: InstanceType) -> Fraction | None:
    """What one pod takes of a quota's key; None when the key is not about the pod."""
    if key in ("pods", "count/pods"):
        return Fraction(1)
    kind, dot, resource = key.partition(".")
    if dot and kind == "limits":
        return entry.limits.get(resource)
    if dot and kind == "requests":
        # An extended resource is written as a limit alone; Kubernetes takes that for the request, too.
        return entry.requests.get(resource, entry.limits.get(resource))
    return entry.requests.get(key) if key in ("cpu", "memory") else None


def _out_of_range(limit_range: Json, entry: InstanceType) -> list[str]:
    reasons = []
    for item in objects(mapping(limit_range, "spec").get("limits")):
        if item.get("type") in ("Container", "Pod"):
            reasons += [
                f"LimitRange {name_of(limit_range)} ({item['type']}) {reason}"
                for resource in {**entry.limits, **entry.requests}
                for reason in _beyond(item, resource, entry)
            ]
    return reasons


def _beyond(item: Json, resource: str, entry: InstanceType) -> list[str]:
    limit = entry.limits.get(resource)
    request = entry.requests.get(resource, limit)
    least, most, ratio = (read_quantity(mapping(item, key).get(resource)) for key in ("min", "max", "maxLimitRequestRatio"))
    reasons = []
    if least is not None and request is not None and request < least:
        reasons.append(f"wants at least {resource} {mapping(item, 'min').get(resource)}, it requests {show_amount(request)}")
    if most is not None and limit is not None and limit > most:
        reasons.append(f"allows at most {resource} {mapping(item, 'max').get(resource)}, its limit is {show_amount(limit)}")
    if ratio is not None and request and limit is not None and limit / request > ratio:
        reasons.append(f"allows a limit of {float(ratio):g} times the request of {resource}, it has {float(limit / request):.3g}")
    return reasons
