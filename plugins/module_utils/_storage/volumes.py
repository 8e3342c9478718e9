"""Volumes as a user asks for them, and the objects that Kubernetes wants for them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import MANAGED_BY, Json, ObjectRef
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import object_path

LABEL = "ml.azure.com/pvc"
MOUNT_PATH = "ml.azure.com/mountpath"
NAMESPACE_PLACEHOLDER = "{namespace}"
AccessMode = t.Literal["ReadWriteMany", "ReadOnlyMany", "ReadWriteOnce"]


@dataclass(frozen=True)
class Nfs:
    """An exported folder."""

    server: str
    path: str


@dataclass(frozen=True)
class Csi:
    """Storage that exists and that a CSI driver mounts.

    Args:
        handle: unique in the cluster; `{namespace}` stands for the namespace of the claim.
        secret_name: secret that the driver mounts with, "" for none.
        secret_namespace: its namespace, "" for that of the claim.
    """

    driver: str
    handle: str
    attributes: t.Mapping[str, str]
    secret_name: str = ""
    secret_namespace: str = ""
    fs_type: str = ""


@dataclass(frozen=True)
class Dynamic:
    """Storage that the provisioner of a class makes."""

    storage_class: str


@dataclass(frozen=True)
class Existing:
    """A claim that somebody else made."""


Source = t.Union[Nfs, Csi, Dynamic, Existing]


@dataclass(frozen=True)
class Volume:
    """What a user asks for once, for one or more namespaces.

    Args:
        name: of the claim in each namespace.
        kind: the type in the user's words.
        mount_path: "" only where the volume is to go.
        size: quantity; nominal where the storage exists.
    """

    name: str
    kind: str
    source: Source
    namespaces: tuple[str, ...]
    mount_path: str = ""
    size: str = "1Gi"
    access_mode: AccessMode = "ReadWriteMany"
    mount_options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """A volume in one namespace."""

    volume: Volume
    namespace: str

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name of the claim."""
        return self.namespace, self.volume.name

    @property
    def claim(self) -> ObjectRef:
        """The PersistentVolumeClaim."""
        return claim_ref(*self.key)

    @property
    def static(self) -> bool:
        """Whether a PersistentVolume of our own belongs to it."""
        return isinstance(self.volume.source, (Nfs, Csi))

    @property
    def persistent_volume(self) -> ObjectRef:
        """The PersistentVolume. The first dot ends the namespace, which holds none, so no two targets share a name."""
        return volume_ref(f"{self.namespace}.{self.volume.name}")

    @property
    def adopted(self) -> bool:
        """Whether the claim is somebody else's."""
        return isinstance(self.volume.source, Existing)

    @property
    def secret(self) -> tuple[str, str] | None:
        """Namespace and name of the secret that the driver needs."""
        source = self.volume.source
        if not isinstance(source, Csi) or not source.secret_name:
            return None
        return source.secret_namespace or self.namespace, source.secret_name


def claim_ref(namespace: str, name: str) -> ObjectRef:
    """A PersistentVolumeClaim."""
    return ObjectRef("PersistentVolumeClaim", name, namespace, object_path("v1", "persistentvolumeclaims", name, namespace))


def volume_ref(name: str) -> ObjectRef:
    """A PersistentVolume."""
    return ObjectRef("PersistentVolume", name, path=object_path("v1", "persistentvolumes", name))


def source_of(target: Target) -> Json:
    """The part of a PersistentVolume's spec that names the storage. Kubernetes never lets it change."""
    volume, read_only = target.volume, target.volume.access_mode == "ReadOnlyMany"
    source = volume.source
    if isinstance(source, Nfs):
        return {"nfs": filled({"server": source.server, "path": source.path, "readOnly": read_only})}
    if not isinstance(source, Csi):
        return {}
    secret = target.secret
    reference = {"name": secret[1], "namespace": secret[0]} if secret else None
    csi = {
        "driver": source.driver,
        "volumeHandle": source.handle.replace(NAMESPACE_PLACEHOLDER, target.namespace),
        "volumeAttributes": dict(source.attributes),
        "nodeStageSecretRef": reference,
        "fsType": source.fs_type,
        "readOnly": read_only,
    }
    return {"csi": filled(csi)}


def volume_body(target: Target, claim: Json | None = None) -> Json:
    """The PersistentVolume: kept when its claim goes, and for this claim alone.

    Args:
        target: what is asked for.
        claim: the claim as it is, when it was bound before and only its volume is lost: it must then be named by its UID.
    """
    volume = target.volume
    reference = claim_reference(target)
    if claim:
        reference["uid"] = claim["metadata"].get("uid")
    spec = {
        "capacity": {"storage": volume.size},
        "accessModes": [volume.access_mode],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "mountOptions": list(volume.mount_options),
        "claimRef": reference,
        **source_of(target),
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": target.persistent_volume.name, "labels": dict(MANAGED_BY)},
        "spec": {key: value for key, value in spec.items() if value != []},
    }


def claim_reference(target: Target) -> Json:
    """What a PersistentVolume says of the one claim that it is for."""
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": target.namespace, "name": target.volume.name}


def claim_body(target: Target) -> Json:
    """The PersistentVolumeClaim, with the label and the annotation that AzureML looks for."""
    volume = target.volume
    spec: Json = {"accessModes": [volume.access_mode], "resources": {"requests": {"storage": volume.size}}}
    if isinstance(volume.source, Dynamic):
        spec["storageClassName"] = volume.source.storage_class
    else:
        spec.update(storageClassName="", volumeName=target.persistent_volume.name)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": volume.name,
            "namespace": target.namespace,
            "labels": {**MANAGED_BY, LABEL: "true"},
            "annotations": {MOUNT_PATH: volume.mount_path},
        },
        "spec": spec,
    }


def filled(value: Json) -> Json:
    """Without what is empty, as a server may leave it out."""
    return {key: item for key, item in value.items() if item not in (None, "", False, {})}
