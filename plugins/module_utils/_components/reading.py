"""The requests of topic components: namespace azureml in whole lists, the rest only where something is not as it should be."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    EXTENSION_DEPLOYMENTS,
    EXTENSION_NAMESPACE,
    list_items,
    mapping,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot, object_path

DEPLOYMENTS = EXTENSION_DEPLOYMENTS
DAEMONSETS = Read(object_path("apps/v1", "daemonsets", namespace=EXTENSION_NAMESPACE))
STATEFULSETS = Read(object_path("apps/v1", "statefulsets", namespace=EXTENSION_NAMESPACE))
# Jobs may run thousands of pods beside those of the extension, which carry its label.
PODS = Read(object_path("v1", "pods", namespace=EXTENSION_NAMESPACE), (("labelSelector", "ml.azure.com/amlarc-system=true"),))
ALL_PODS = Read(object_path("v1", "pods", namespace=EXTENSION_NAMESPACE))
HEALTH = Read(object_path("v1", "configmaps", "arcml-healthcheck", EXTENSION_NAMESPACE))
# Before chart 1.0.75.
HEALTH_OLD = Read(object_path("v1", "configmaps", "amlarc-healthcheck", EXTENSION_NAMESPACE))
# What went well explains nothing.
EVENTS = Read(object_path("v1", "events", namespace=EXTENSION_NAMESPACE), (("fieldSelector", "type!=Normal"),))
CLAIMS = Read(object_path("v1", "persistentvolumeclaims", namespace=EXTENSION_NAMESPACE))
NAMESPACE = Read(object_path("v1", "namespaces", EXTENSION_NAMESPACE), metadata_only=True)
SERVICES = Read(object_path("v1", "services", namespace=EXTENSION_NAMESPACE))
DEFINITIONS = Read(object_path("apiextensions.k8s.io/v1", "customresourcedefinitions"), metadata_only=True)
VALIDATING = Read(object_path("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"))
MUTATING = Read(object_path("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations"))

WORKLOADS = {"Deployment": DEPLOYMENTS, "DaemonSet": DAEMONSETS, "StatefulSet": STATEFULSETS}
SURROUNDINGS = (SERVICES, DEFINITIONS, VALIDATING, MUTATING)
AGAIN = (HEALTH, HEALTH_OLD, EVENTS, CLAIMS, NAMESPACE, *SURROUNDINGS)


def listed(snapshot: Snapshot, read: Read) -> list[Json] | None:
    """The objects of a list; None when it was not read or may not be."""
    return list_items(snapshot.get(read))


def is_going(item: Json) -> bool:
    """Whether the object is being deleted."""
    return bool(text(mapping(item, "metadata").get("deletionTimestamp")))


def unread(answer: Answer | None) -> bool:
    """Whether an answer was had that says nothing."""
    return answer is not None and not answer.found and not answer.absent
