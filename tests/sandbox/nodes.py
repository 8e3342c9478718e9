"""Expanding a compact node pool of a profile into Node objects."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

Object = dict[str, Any]


def _fill(value: object, words: Mapping[str, object]) -> Any:
    """Return ``value`` with ``{name}``, ``{index}``, ``{zone}`` … replaced in every string."""
    if isinstance(value, str):
        return value.format_map(words)
    if isinstance(value, dict):
        return {_fill(key, words): _fill(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, words) for item in value]
    return value


def parse_taint(text: str) -> Object:
    """Parse ``key[=value]:Effect`` as kubectl writes taints."""
    rest, _, effect = text.rpartition(":")
    key, _, value = rest.partition("=")
    return {"key": key, "effect": effect, **({"value": value} if value else {})}


def _stable_uuid(*words: str) -> str:
    return str(uuid.UUID(hashlib.md5("/".join(words).encode(), usedforsecurity=False).hexdigest()))


def _status(pool: Mapping[str, Any], name: str) -> Object:
    capacity = {key: str(value) for key, value in pool["capacity"].items()}
    info = {
        "architecture": "amd64", "operatingSystem": "linux", "kubeProxyVersion": "",
        "bootID": _stable_uuid(name, "boot"), "systemUUID": _stable_uuid(name, "system"),
        "machineID": _stable_uuid(name, "machine").replace("-", ""), **pool["info"],
    }  # fmt: skip
    return {
        "capacity": capacity,
        "allocatable": {**capacity, **{key: str(value) for key, value in pool.get("allocatable", {}).items()}},
        "nodeInfo": info,
        # Loopback, so that exec and logs reach kwok through the API server.
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
    }


def expand(pool: Mapping[str, Any]) -> Iterator[Object]:
    """Yield the Node objects of one pool.

    Keys: ``name`` (a pattern), ``count``, ``capacity``, ``info`` (nodeInfo), and optionally ``start``, ``zones``,
    ``labels``, ``annotations``, ``taints`` (``key=value:Effect``), ``provider_id``, ``allocatable``.
    Strings may use ``{index}``, ``{zone}`` and, but for the name itself, ``{name}``.
    """
    zones = pool.get("zones") or [""]
    for offset in range(int(pool.get("count", 1))):
        index = int(pool.get("start", 0)) + offset
        words: dict[str, object] = {"index": index, "zone": zones[offset % len(zones)]}
        name = words["name"] = _fill(pool["name"], words)
        spec: Object = {"taints": [parse_taint(item) for item in pool.get("taints", [])]}
        if "provider_id" in pool:
            spec["providerID"] = _fill(pool["provider_id"], words)
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        metadata = {"name": name, "labels": {**labels, **_fill(pool.get("labels", {}), words)}}
        metadata["annotations"] = _fill(pool.get("annotations", {}), words)
        yield {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": _status(pool, name)}
