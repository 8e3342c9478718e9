"""The requests of topic storage."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, object_path

VOLUMES = Read(object_path("v1", "persistentvolumes"))
CLASSES = Read(object_path("storage.k8s.io/v1", "storageclasses"))
DRIVERS = Read(object_path("storage.k8s.io/v1", "csidrivers"), metadata_only=True)
# Names and labels tell how many nodes run jobs; the nodes themselves are large.
NODE_NAMES = Read(object_path("v1", "nodes"), metadata_only=True)


def claims_of(namespace: str) -> Read:
    """All claims of a namespace: a misspelt label is found only among all."""
    return Read(object_path("v1", "persistentvolumeclaims", namespace=namespace))


def pods_of(namespace: str) -> Read:
    """The pods that may use a claim."""
    return Read(object_path("v1", "pods", namespace=namespace))


def events_of(namespace: str) -> Read:
    """What happened to the claims of a namespace."""
    return Read(object_path("v1", "events", namespace=namespace), (("fieldSelector", "involvedObject.kind=PersistentVolumeClaim"),))


def namespace_read(name: str) -> Read:
    """A namespace: there, terminating or not there."""
    return Read(object_path("v1", "namespaces", name), metadata_only=True)


def secret_metadata(namespace: str, name: str) -> Read:
    """A secret without its values: whether it is there, and in managedFields the names of its keys."""
    return Read(object_path("v1", "secrets", name, namespace), metadata_only=True)
