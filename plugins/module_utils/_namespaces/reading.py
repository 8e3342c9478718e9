"""The requests of topic namespaces: lists of the whole cluster, so that twenty namespaces cost no more than one."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import list_items, mapping, name_of, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot, object_path

NETWORKING = "networking.k8s.io/v1"
AZUREML = "amlarc.azureml.com/v1alpha1"
DEFAULT_ACCOUNT = "default"

NAMESPACES = Read(object_path("v1", "namespaces"))
DEFAULT_ACCOUNTS = Read(object_path("v1", "serviceaccounts"), (("fieldSelector", f"metadata.name={DEFAULT_ACCOUNT}"),))
QUOTAS = Read(object_path("v1", "resourcequotas"))
LIMIT_RANGES = Read(object_path("v1", "limitranges"))
NETWORK_POLICIES = Read(object_path(NETWORKING, "networkpolicies"))

# What people and AzureML keep in a namespace. Custom resources of others are not looked for.
CONTENTS: tuple[tuple[str, str, str], ...] = (
    ("Pod", "v1", "pods"),
    ("PersistentVolumeClaim", "v1", "persistentvolumeclaims"),
    ("ConfigMap", "v1", "configmaps"),
    ("Secret", "v1", "secrets"),
    ("Service", "v1", "services"),
    ("Deployment", "apps/v1", "deployments"),
    ("StatefulSet", "apps/v1", "statefulsets"),
    ("DaemonSet", "apps/v1", "daemonsets"),
    ("Job", "batch/v1", "jobs"),
    ("CronJob", "batch/v1", "cronjobs"),
    ("AmlJob", AZUREML, "amljobs"),
)


def content_read(namespace: str, group_version: str, plural: str) -> Read:
    """The names of one kind in one namespace; of pods the phase, too."""
    return Read(object_path(group_version, plural, namespace=namespace), metadata_only=plural != "pods")


def pods_on(node: str) -> Read:
    """The pods of one node with their tolerations."""
    return Read(object_path("v1", "pods"), (("fieldSelector", f"spec.nodeName={node}"),))


def by_name(snapshot: Snapshot, read: Read) -> dict[str, Json] | None:
    """The objects of a list by name; None when it was not read or may not be."""
    items = list_items(snapshot.get(read))
    return None if items is None else {name_of(item): item for item in items}


def by_namespace(snapshot: Snapshot, read: Read) -> dict[str, list[Json]] | None:
    """The objects of a list by namespace; None when it was not read or may not be."""
    items = list_items(snapshot.get(read))
    if items is None:
        return None
    found: dict[str, list[Json]] = {}
    for item in items:
        found.setdefault(namespace_of(item), []).append(item)
    return found


def namespace_of(item: Json) -> str:
    """The namespace that an object is in."""
    return text(mapping(item, "metadata").get("namespace"))


def in_namespaces(items: t.Mapping[str, t.Sequence[Json]] | None, names: t.Iterable[str]) -> list[Json]:
    """The objects of some namespaces."""
    return [item for name in names for item in (items or {}).get(name, ())]
