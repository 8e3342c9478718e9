"""What the MachineConfig operator has put into a cluster at rest, computed by the emulator's own rules."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from . import daemon, pools, render
from .names import API_VERSION, GROUP, ROLE, Object, name_of
from .settings import config_map

_SINCE = "2026-01-05T09:00:00Z"
_BUILT_IN = {"master", "worker"}
_SHIPPED = (
    "00-{role}", "01-{role}-container-runtime", "01-{role}-kubelet", "97-{role}-generated-kubelet",
    "98-{role}-generated-kubelet", "99-{role}-generated-registries", "99-{role}-ssh",
)  # fmt: skip


def furnish(options: Object, nodes: Sequence[Object], objects: Iterable[Object]) -> list[Object]:
    """Return the operator's objects, and write its annotations into ``nodes``.

    ``options`` are the profile's ``machine_config``: ``pools`` (names; one beside master and worker is a custom pool of
    the nodes labelled ``node-role.kubernetes.io/NAME``) and ``ignition``. MachineConfigs among ``objects`` count.
    """
    own = [_config(role, name, options["ignition"]) for role in sorted(_BUILT_IN) for name in _SHIPPED]
    everything = [*own, *(item for item in objects if item["kind"] == "MachineConfig")]
    empty = [_pool(name) for name in options["pools"]]
    found: list[Object] = [*own, config_map()]
    for pool in empty:
        configs = render.selected(pool, everything)
        rendered = render.rendered(pool, configs)
        pool["spec"]["configuration"] = {"name": name_of(rendered), "source": render.references(configs)}
        members = [node for node in nodes if pools.primary_pool(node, empty) is pool]
        for node in members:
            node["metadata"]["annotations"].update(daemon.initial_annotations(name_of(rendered)))
        found += [rendered, _at_rest(pool, members)]
    return found


def _config(role: str, name: str, ignition: Any) -> Object:
    metadata = {
        "name": name.format(role=role),
        "labels": {ROLE: role},
        "annotations": {render.VERSION_ANNOTATION: render.CONTROLLER_VERSION},
    }
    spec = {"config": {"ignition": {"version": str(ignition)}}}
    return {"apiVersion": API_VERSION, "kind": "MachineConfig", "metadata": metadata, "spec": spec}


def _pool(name: str) -> Object:
    selector: Object = {"matchLabels": {ROLE: name}}
    labels = {f"pools.operator.{GROUP}/{name}": ""}
    if name in _BUILT_IN:
        labels |= {f"{GROUP}/mco-built-in": "", f"operator.{GROUP}/required-for-upgrade": ""}
    else:
        selector = {"matchExpressions": [{"key": ROLE, "operator": "In", "values": ["worker", name]}]}
    spec = {
        "machineConfigSelector": selector,
        "nodeSelector": {"matchLabels": {f"node-role.kubernetes.io/{name}": ""}},
        "paused": False,
    }
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": API_VERSION, "kind": "MachineConfigPool", "metadata": metadata, "spec": spec}


def _at_rest(pool: Object, members: Sequence[Object]) -> Object:
    """Return ``pool`` with the status it has when all its nodes are Ready."""
    ready = copy.deepcopy(list(members))
    for node in ready:
        node["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    conditions = pools.conditions([], [pools.render_condition(pool, "")], _SINCE)
    before = {**pool, "metadata": {**pool["metadata"], "generation": 1}, "status": {"conditions": conditions}}
    return {**pool, "status": pools.status(before, ready, _SINCE)}
