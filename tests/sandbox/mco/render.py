"""The render controller's rules: one rendered MachineConfig out of all that a pool selects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from .names import API_VERSION, GROUP, ROLE, Object, labels_of, name_of
from .selectors import matches

VERSION_ANNOTATION = f"{GROUP}/generated-by-controller-version"
CONTROLLER_VERSION = "0" * 40
_IMAGE = "quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:" + "0" * 64
_IGNITION = ("2.2.0", "3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0")


class RenderError(Exception):
    """A pool's configuration cannot be rendered."""


def selected(pool: Object, configs: Iterable[Object]) -> list[Object]:
    """Return the MachineConfigs that ``pool`` selects, by name."""
    selector = pool["spec"].get("machineConfigSelector")
    found = [item for item in configs if matches(selector, labels_of(item)) and not item["metadata"].get("deletionTimestamp")]
    return sorted(found, key=name_of)


def merge_order(configs: Iterable[Object]) -> list[Object]:
    """Sort as the operator merges: role worker first, then every other role, each by name."""
    return sorted(configs, key=lambda item: (labels_of(item).get(ROLE) != "worker", name_of(item)))


def merge(configs: Sequence[Object]) -> Object:
    """Return the ``spec`` of the rendered MachineConfig.

    Kernel arguments are concatenated as they are, duplicates and contradictions included. Raises RenderError for an
    Ignition version the operator does not know.
    """
    specs = [item.get("spec") or {} for item in merge_order(configs)]
    for item, version in zip(merge_order(configs), map(_ignition_version, specs), strict=True):
        if version not in ("", *_IGNITION):
            known = ", ".join(known.removesuffix(".0") for known in _IGNITION)
            message = f"parsing Ignition config failed: unknown version. Supported spec versions: {known}"
            raise RenderError(f"could not generate rendered MachineConfig: {name_of(item)}: {message}")
    kernels = [spec["kernelType"] for spec in specs if spec.get("kernelType")]
    images = [spec["osImageURL"] for spec in specs if spec.get("osImageURL")]
    return {
        "config": _merge_ignition([spec.get("config") or {} for spec in specs]),
        "extensions": sorted({item for spec in specs for item in spec.get("extensions") or []}),
        "fips": any(spec.get("fips") for spec in specs),
        "kernelArguments": [item for spec in specs for item in spec.get("kernelArguments") or []],
        "kernelType": kernels[-1] if kernels else "default",
        "osImageURL": images[-1] if images else _IMAGE,
    }


def _ignition_version(spec: Object) -> str:
    return str(((spec.get("config") or {}).get("ignition") or {}).get("version", ""))


def _merge_ignition(configs: Sequence[Object]) -> Object:
    """Put lists of files and units one after the other; the real merge is Ignition's own."""
    versions = [version for item in configs if (version := (item.get("ignition") or {}).get("version"))]
    merged: Object = {"ignition": {"version": max(versions, default="3.5.0")}}
    for section, part in (("storage", "files"), ("systemd", "units")):
        if items := [item for config in configs for item in (config.get(section) or {}).get(part) or []]:
            merged[section] = {part: items}
    return merged


def references(configs: Sequence[Object]) -> list[Object]:
    """Return what ``spec.configuration.source`` of a pool says about ``configs``."""
    return [{"apiVersion": API_VERSION, "kind": "MachineConfig", "name": name_of(item)} for item in configs]


def owners(pool: Object) -> list[Object]:
    """Return the ownerReferences of a rendered MachineConfig of ``pool``."""
    owner = {"apiVersion": API_VERSION, "kind": "MachineConfigPool", "name": name_of(pool), "uid": pool["metadata"]["uid"]}
    return [{**owner, "blockOwnerDeletion": True, "controller": True}]


def rendered(pool: Object, configs: Sequence[Object]) -> Object:
    """Return the rendered MachineConfig of ``pool`` out of ``configs``; the name is a hash of the content.

    Raises RenderError when it cannot be rendered.
    """
    if not configs:
        raise RenderError(f"no MachineConfigs found matching selector {json.dumps(pool['spec'].get('machineConfigSelector'))}")
    spec = merge(configs)
    # Files differ between pools, and there are none here.
    content = f"{name_of(pool)} {json.dumps(spec, sort_keys=True)}"
    digest = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
    metadata: Object = {
        "name": f"rendered-{name_of(pool)}-{digest}",
        "annotations": {VERSION_ANNOTATION: CONTROLLER_VERSION},
    }
    if "uid" in pool["metadata"]:
        metadata["ownerReferences"] = owners(pool)
    return {"apiVersion": API_VERSION, "kind": "MachineConfig", "metadata": metadata, "spec": spec}
