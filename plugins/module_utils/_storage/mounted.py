"""The claims that every job pod of a namespace mounts, as they are or as this run leaves them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json, ObjectRef
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.live import Key, Live, is_going
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.volumes import (
    LABEL,
    MOUNT_PATH,
    Dynamic,
    Target,
    claim_ref,
    volume_body,
)


@dataclass(frozen=True)
class Mounted:
    """A claim that jobs mount.

    Args:
        claim: as it is; None when it is only about to be made.
        volume: the PersistentVolume behind it, as it is or as it will be; None when there is none or it is not known.
        storage_class: class that makes the volume, "" for none.
        ours: made by this request, so that its binding is waited for and judged elsewhere.
    """

    ref: ObjectRef
    path: str
    modes: tuple[str, ...]
    claim: Json | None
    volume: Json | None
    storage_class: str
    ours: bool

    @property
    def driver(self) -> str:
        """The CSI driver that mounts it, "" for none."""
        return text(mapping(self.volume, "spec", "csi").get("driver"))

    @property
    def secret(self) -> Key | None:
        """Namespace and name of the secret that it is mounted with."""
        reference = mapping(self.volume, "spec", "csi", "nodeStageSecretRef")
        return (text(reference.get("namespace")), text(reference.get("name"))) if reference else None


def mounted_claims(namespace: str, wanted: t.Mapping[Key, Target], live: Live) -> tuple[list[Mounted], list[Finding]]:
    """The claims that jobs of the namespace mount, and findings on those that only look so.

    Args:
        wanted: targets that this run leaves as asked for.
    """
    found: list[Mounted] = []
    findings: list[Finding] = []
    for key, claim in live.claims.items():
        if key[0] != namespace or is_going(claim) or key in wanted:
            continue
        metadata = mapping(claim, "metadata")
        label, path = mapping(metadata, "labels").get(LABEL), text(mapping(metadata, "annotations").get(MOUNT_PATH))
        if label == "true":
            found.append(_existing(claim_ref(*key), path, claim, live))
        elif label is not None:
            message = f'label {LABEL} is {label!r}; jobs get a claim only where it is "true".'
            findings.append(codes.LABEL_IGNORED.finding(message, claim_ref(*key)))
        elif path:
            message = f"it has mount path {path} but no label {LABEL}, so jobs do not get it."
            findings.append(codes.LABEL_MISSING.finding(message, claim_ref(*key)))
    found += [_planned(target, live) for key, target in wanted.items() if key[0] == namespace]
    return sorted(found, key=lambda mounted: str(mounted.ref)), findings


def _planned(target: Target, live: Live) -> Mounted:
    """A target as it will be."""
    claim, volume = live.claims.get(target.key), target.volume
    if target.adopted and claim is not None:
        return _existing(target.claim, volume.mount_path, claim, live)
    behind = volume_body(target) if target.static else live.behind(claim) if claim else None
    name = volume.source.storage_class if isinstance(volume.source, Dynamic) else ""
    return Mounted(target.claim, volume.mount_path, (volume.access_mode,), claim, behind, name, True)


def _existing(ref: ObjectRef, path: str, claim: Json, live: Live) -> Mounted:
    """A claim of somebody else, as it is but for the path."""
    spec = mapping(claim, "spec")
    modes = spec.get("accessModes")
    known = tuple(text(mode) for mode in modes) if isinstance(modes, list) else ()
    return Mounted(ref, path, known, claim, live.behind(claim), text(spec.get("storageClassName")), False)
