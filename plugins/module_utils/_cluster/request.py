"""What a user can ask of `cluster_info`."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import PLATFORMS, mapping
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest

SECTIONS = ("platform", "versions", "nodes", "pools", "arc", "extension", "support")

OPTIONS: Json = {
    "gather": {"type": "list", "elements": "str", "choices": list(SECTIONS), "default": list(SECTIONS)},
    "platform": {"type": "str", "choices": [name for name in PLATFORMS if name != "unknown"]},
    "node_details": {"type": "bool", "default": True},
    "aks_cluster": {"type": "dict"},
    "arc_cluster": {"type": "dict"},
}


@dataclass(frozen=True)
class Request:
    """A validated wish.

    Args:
        gather: sections of the facts, each of SECTIONS.
        platform: the user's word on the platform, "" to detect it.
        node_details: whether every node is described, or only their sum.
        aks_cluster: the AKS resource as Azure describes it, flattened; empty when not handed over.
        arc_cluster: the same for the connected cluster.
    """

    gather: frozenset[str] = frozenset(SECTIONS)
    platform: str = ""
    node_details: bool = True
    aks_cluster: Json = field(default_factory=dict)
    arc_cluster: Json = field(default_factory=dict)


def parse(params: t.Mapping[str, t.Any]) -> Request:
    """Module parameters to a request.

    Raises:
        InvalidRequest: with every problem at once.
    """
    problems: list[str] = []
    gather = frozenset(params.get("gather") or ())
    if not gather:
        problems.append(f"gather is empty: name at least one of {', '.join(SECTIONS)}.")
    aks = _azure_resource(params, "aks_cluster", ("networkProfile", "sku"), "az aks show", problems)
    arc = _azure_resource(params, "arc_cluster", ("distribution", "agentVersion"), "az connectedk8s show", problems)
    if problems:
        raise InvalidRequest(problems)
    return Request(
        gather=gather,
        platform=params.get("platform") or "",
        node_details=params.get("node_details") is not False,
        aks_cluster=aks,
        arc_cluster=arc,
    )


def _azure_resource(params: t.Mapping[str, t.Any], option: str, keys: tuple[str, ...], command: str, problems: list[str]) -> Json:
    """A resource as the CLI prints it or as ARM returns it (most fields below `properties`), made flat."""
    given = params.get(option)
    if given is None:
        return {}
    flat = {**given, **mapping(given, "properties")} if isinstance(given, dict) else {}
    if not any(key in flat for key in keys):
        problems.append(f"{option} is not what `{command} --output json` prints: it has neither {' nor '.join(keys)}.")
    return flat
