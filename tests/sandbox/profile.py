"""Profiles: what a sandbox contains, read from ``profiles/*.yml``."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from . import nodes, shorthand
from .errors import SandboxError
from .mco import furniture
from .paths import PROFILES

Object = dict[str, Any]
_KEYS = {"extends", "summary", "version", "nodes", "crds", "objects", "without", "refused", "emulate", "machine_config"}
MACHINE_CONFIG_OPERATOR = "machine_config_operator"
DEVICE_PLUGINS = "device_plugins"


@dataclass(frozen=True)
class Profile:
    """One kind of cluster.

    ``version`` is the gitVersion that door ``main`` reports; ``crds`` are file names, of the cache or of
    ``profiles/crds``; ``refused`` are JSON patches the server must refuse before the profile counts as up; ``emulate``
    names the controllers of ours that run.
    """

    name: str
    summary: str
    version: str
    crds: tuple[str, ...] = ()
    objects: tuple[Object, ...] = ()
    refused: tuple[Object, ...] = field(default=())
    emulate: frozenset[str] = frozenset()

    def all_objects(self, crd_directory: Path) -> list[Object]:
        """Return every object, CustomResourceDefinitions first. Raises SandboxError for an unknown CRD file."""
        return [*(read_crd(name, crd_directory) for name in self.crds), *copy.deepcopy(self.objects)]


def profiles() -> dict[str, Profile]:
    """Return every profile by name; files whose name starts with ``_`` are bases of others."""
    names = sorted(path.stem for path in PROFILES.glob("*.yml") if not path.name.startswith("_"))
    return {name: load(name) for name in names}


def load(name: str) -> Profile:
    """Read one profile. Raises SandboxError when there is none of that name or it has unknown keys."""
    raw = _read(name)
    expanded = [item for pool in raw.get("nodes", []) for item in nodes.expand(pool)]
    objects = [full for item in raw.get("objects", []) for full in shorthand.expand(item)]
    emulate = frozenset(raw.get("emulate", []))
    if MACHINE_CONFIG_OPERATOR in emulate:
        objects += furniture.furnish(raw["machine_config"], expanded, objects)
    return Profile(
        name=name,
        summary=str(raw["summary"]),
        version=str(raw["version"]),
        crds=tuple(raw.get("crds", [])),
        objects=(*expanded, *objects),
        refused=tuple(raw.get("refused", [])),
        emulate=emulate,
    )


def _read(name: str) -> Object:
    path = PROFILES / f"{name}.yml"
    if not path.is_file():
        raise SandboxError(f"there is no profile {name!r}; see `python -m tests.sandbox profiles`")
    raw: Object = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if unknown := set(raw) - _KEYS:
        raise SandboxError(f"profile {name}: unknown keys {sorted(unknown)}")
    base = raw.pop("extends", None)
    return raw if base is None else _extend(_read(base), raw)


def _key(item: Object) -> tuple[str, str, str]:
    metadata = {**item, **item.get("metadata", {})}
    return str(item["kind"]), str(metadata.get("namespace", "")), str(metadata["name"])


def _extend(base: Object, own: Object) -> Object:
    """Return ``base`` changed by ``own``: CRDs add up, objects of one kind and name are merged, ``without`` removes."""
    gone = {_key(item) for item in own.get("without", [])}
    objects = {_key(item): item for item in base.get("objects", []) if _key(item) not in gone}
    for item in own.get("objects", []):
        objects[_key(item)] = _merge(objects.get(_key(item), {}), item)
    crds = dict.fromkeys([*base.get("crds", []), *own.get("crds", [])])
    return {**base, **own, "objects": list(objects.values()), "crds": list(crds)}


def _merge(base: Any, own: Any) -> Any:
    """Merge mappings key by key; anything else in ``own`` replaces."""
    if isinstance(base, dict) and isinstance(own, dict):
        return {**base, **{key: _merge(base.get(key), value) for key, value in own.items()}}
    return own


def read_crd(name: str, directory: Path) -> Object:
    """Read CustomResourceDefinition file ``name``, of ours or of ``directory``. Raises SandboxError when there is none."""
    candidates: Iterable[Path] = (PROFILES / "crds" / name, directory / name)
    for path in candidates:
        if path.is_file():
            # The C loader: the Infrastructure CRD alone has 158 kB.
            crd: Object = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            crd.pop("status", None)
            return crd
    raise SandboxError(f"no CustomResourceDefinition file {name}")
