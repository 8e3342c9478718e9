"""Whether a live object is as it is wanted; what the API server fills in by itself is no difference."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, objects, text

# What an earlier run with other options may have left; anything else that is there beside is somebody else's.
_OPTIONAL_NAMES = ("CONFIG_FILE", "NVIDIA_MIG_MONITOR_DEVICES", "cdi", "config")
_OPTIONAL_FIELDS = ("runtimeClassName", "imagePullSecrets")


def differences(wanted: Json, live: Json) -> list[str]:
    """Paths at which `live` is not as `wanted`."""
    found = list(_differ({key: value for key, value in wanted.items() if key not in ("apiVersion", "kind", "status")}, live, ""))
    template, pod = mapping(wanted, "spec", "template", "spec"), mapping(live, "spec", "template", "spec")
    found += [f"spec.template.spec.{name}" for name in _OPTIONAL_FIELDS if name in pod and name not in template]
    return found


def _differ(wanted: t.Any, live: t.Any, path: str) -> t.Iterator[str]:
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            below = f"{path}.{key}" if path else str(key)
            yield from _differ(value, live.get(key) if isinstance(live, dict) else None, below)
    elif isinstance(wanted, list) and wanted and all(isinstance(item, dict) and "name" in item for item in wanted):
        yield from _differ_by_name(wanted, live, path)
    elif isinstance(wanted, list):
        items = live if isinstance(live, list) else []
        if len(items) != len(wanted):
            yield path
            return
        for number, value in enumerate(wanted):
            yield from _differ(value, items[number], f"{path}[{number}]")
    elif wanted != live:
        yield path


def _differ_by_name(wanted: list[Json], live: t.Any, path: str) -> t.Iterator[str]:
    """Lists that the API server merges by name: env, volumes, containers, mounts."""
    present = {text(item.get("name")): item for item in objects(live)}
    names = [text(item["name"]) for item in wanted]
    for item in wanted:
        yield from _differ(item, present.get(text(item["name"]), {}), f"{path}[{item['name']}]")
    yield from (f"{path}[{name}]" for name in present if name in _OPTIONAL_NAMES and name not in names)
