"""How a claim and its volume differ from what is asked for: what can be patched, and what never changes in place."""

from __future__ import annotations

import typing as t
from fractions import Fraction

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import mark_operations
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.quantities import parse_quantity, read_quantity
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.live import Live, held_for_another, phase_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.volumes import (
    LABEL,
    MOUNT_PATH,
    Dynamic,
    Target,
    claim_body,
    filled,
    source_of,
    volume_body,
)

Operations = t.List[Json]


def fixed_in_claim(target: Target, claim: Json, live: Live) -> list[str]:
    """What Kubernetes never changes in a claim and is asked for differently, each as one phrase."""
    wanted, spec = claim_body(target)["spec"], mapping(claim, "spec")
    found = []
    for name in ("storageClassName", "volumeName", "accessModes"):
        # A class makes its volumes' names by itself.
        if name in wanted and spec.get(name) != wanted[name]:
            found.append(f"{name} is {_words(spec.get(name))}, asked for is {_words(wanted[name])}")
    size = _size_change(target, claim)
    if size and not _grows(target, size, live):
        why = "a class whose volumes cannot grow" if size > 0 and not target.static else "a claim never shrinks"
        if target.static:
            why = "the size of a static claim is nominal and stays"
        found.append(f"size is {_requested(claim)}, asked for is {target.volume.size} ({why})")
    return found


def fixed_in_volume(target: Target, volume: Json) -> list[str]:
    """The same for the volume: whatever names the storage."""
    found = []
    for kind, wanted in source_of(target).items():
        present = filled(mapping(volume, "spec", kind))
        for name in dict.fromkeys([*wanted, *present]):
            if wanted.get(name) != present.get(name):
                found.append(f"{kind}.{name} is {_words(present.get(name))}, asked for is {_words(wanted.get(name))}")
    return found


def claim_operations(target: Target, claim: Json, live: Live) -> Operations:
    """Patch operations for what can change in a claim: label, mount path, and more space where the class can grow."""
    operations = [
        *mark_operations(claim, "labels", {LABEL: "true"}),
        *mark_operations(claim, "annotations", {MOUNT_PATH: target.volume.mount_path}),
    ]
    size = _size_change(target, claim)
    if size and _grows(target, size, live):
        operations.append({"op": "add", "path": "/spec/resources/requests/storage", "value": target.volume.size})
    return operations


def volume_operations(target: Target, volume: Json, claim: Json | None) -> Operations:
    """Patch operations for what can change in a volume, so that it is kept, and for our claim."""
    wanted, spec = volume_body(target)["spec"], mapping(volume, "spec")
    operations: Operations = []
    for name in ("accessModes", "persistentVolumeReclaimPolicy", "mountOptions"):
        if name in wanted and spec.get(name) != wanted[name]:
            operations.append({"op": "add", "path": f"/spec/{name}", "value": wanted[name]})
        elif name not in wanted and spec.get(name):
            operations.append({"op": "remove", "path": f"/spec/{name}"})
    if read_quantity(mapping(spec, "capacity").get("storage")) != parse_quantity(target.volume.size):
        operations.append({"op": "add", "path": "/spec/capacity/storage", "value": target.volume.size})
    if not spec.get("claimRef") or held_for_another(volume, claim):
        reference = volume_body(target, bound_before(claim))["spec"]["claimRef"]
        operations.append({"op": "add", "path": "/spec/claimRef", "value": reference})
    return operations


def bound_before(claim: Json | None) -> Json | None:
    """The claim, when it was bound once: it then takes back only a volume that names its UID."""
    return claim if claim is not None and phase_of(claim) in ("Bound", "Lost") else None


def is_short(claim: Json) -> bool:
    """Whether the volume is smaller than the claim asks for."""
    asked, has = read_quantity(_requested(claim)), read_quantity(mapping(claim, "status", "capacity").get("storage"))
    return asked is not None and has is not None and has < asked


def _requested(claim: Json) -> str:
    return text(mapping(claim, "spec", "resources", "requests").get("storage"))


def _size_change(target: Target, claim: Json) -> Fraction:
    """How much more is asked for than the claim has."""
    return parse_quantity(target.volume.size) - (read_quantity(_requested(claim)) or 0)


def _grows(target: Target, change: Fraction, live: Live) -> bool:
    """Whether the claim can be made larger in place; when the class is not known, the API server is left to decide."""
    source = target.volume.source
    if not isinstance(source, Dynamic) or change < 0:
        return False
    classes = live.classes()
    return classes is None or classes.get(source.storage_class, {}).get("allowVolumeExpansion") is True


def _words(value: t.Any) -> str:
    return "not set" if value is None else repr(value) if isinstance(value, str) else str(value)
