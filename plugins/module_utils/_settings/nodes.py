"""Nodes that the extension's router may run on, from the cluster itself."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.block import Block, as_text
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.judge import Nodes

_SELECTOR = "nodeSelector."
_KEEPING_OUT = ("NoSchedule", "NoExecute")
# System pods of the extension tolerate these with the value true, see MicrosoftDocs reference-kubernetes.md.
_TOLERATED = ("ml.azure.com/amlarc", "ml.azure.com/amlarc-system")


def router_nodes(items: t.Sequence[Json], block: Block) -> Nodes:
    """How many nodes fit the block's selectors and keep the router's pods out with no taint."""
    selectors = {key[len(_SELECTOR) :]: as_text(block.value(key)) for key in block.keys if key.startswith(_SELECTOR)}
    tolerations = _tolerations(block)
    fitting = [item for item in items if _fits(item, selectors, tolerations)]
    return Nodes(len(fitting), f"of {len(items)}, by selectors, taints and readiness")


def _tolerations(block: Block) -> list[dict[str, str]]:
    """`toleration[0].key` and so on, put together again."""
    found: dict[str, dict[str, str]] = {}
    for key in block.keys:
        family, _dot, part = key.partition("].")
        if family.startswith("toleration[") and part:
            found.setdefault(family, {})[part] = as_text(block.value(key))
    return list(found.values())


def _fits(item: Json, selectors: t.Mapping[str, str], tolerations: t.Sequence[t.Mapping[str, str]]) -> bool:
    labels = mapping(item, "metadata", "labels")
    spec = mapping(item, "spec")
    if spec.get("unschedulable") or labels.get("kubernetes.io/os") == "windows" or not _ready(item):
        return False
    if any(labels.get(key) != value for key, value in selectors.items()):
        return False
    return all(_tolerated(taint, tolerations) for taint in objects(spec.get("taints")))


def _ready(item: Json) -> bool:
    conditions = objects(mapping(item, "status").get("conditions"))
    return all(one.get("status") == "True" for one in conditions if one.get("type") == "Ready")


def _tolerated(taint: Json, tolerations: t.Sequence[t.Mapping[str, str]]) -> bool:
    if taint.get("effect") not in _KEEPING_OUT:
        return True
    key, value = text(taint.get("key")), text(taint.get("value"))
    if key in _TOLERATED and value == "true":
        return True
    return any(_matches(one, key, value, text(taint.get("effect"))) for one in tolerations)


def _matches(toleration: t.Mapping[str, str], key: str, value: str, effect: str) -> bool:
    """See k8s.io/api/core/v1 Toleration: no key with Exists is every key, no effect is every effect."""
    exists = toleration.get("operator") == "Exists"
    if toleration.get("effect") not in (None, "", effect):
        return False
    if not toleration.get("key"):
        return exists
    return toleration["key"] == key and (exists or toleration.get("value", "") == value)
