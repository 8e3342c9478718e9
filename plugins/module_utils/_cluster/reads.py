"""What `cluster_info` asks the API server: few requests, and each OpenShift object only where its API is served."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    API_GROUPS,
    ARC_CONFIG,
    ARO_CLUSTER,
    CLUSTER_VERSION,
    EXTENSION_DEPLOYMENTS,
    EXTENSION_NAMESPACE,
    NODES,
    VERSION,
    api_groups,
    detect,
    list_items,
    mapping,
    name_of,
    platform_reads,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot, object_path

MACHINE_CONFIG_POOLS = Read(object_path("machineconfiguration.openshift.io/v1", "machineconfigpools"))
EXTENSION_STATEFULSETS = Read(object_path("apps/v1", "statefulsets", namespace=EXTENSION_NAMESPACE))
EXTENSION_DAEMONSETS = Read(object_path("apps/v1", "daemonsets", namespace=EXTENSION_NAMESPACE))
ALL_DAEMONSETS = Read(object_path("apps/v1", "daemonsets"))
POD_IDENTITY_EXCEPTIONS = Read(object_path("aadpodidentity.k8s.io/v1", "azurepodidentityexceptions", namespace=EXTENSION_NAMESPACE))
AUTOMATIC_POLICY = Read(
    object_path("admissionregistration.k8s.io/v1", "validatingadmissionpolicies", "aks-managed-protect-system-namespaces"),
    metadata_only=True,
)
"""AKS installs this policy on clusters of SKU Automatic (Azure/AKS#5645, #5726); AKS Base has not been seen with it."""


def reads(request: Request, snapshot: Snapshot) -> list[Read]:
    """Everything the plan needs, given what is known so far; at most 11 requests on any platform, without kube-system."""
    wanted: list[Read] = []
    for section, section_reads in _SECTION_READS.items():
        if section in request.gather:
            wanted += section_reads(request, snapshot)
    return list(dict.fromkeys(wanted))


def has_group(snapshot: Snapshot, group: str) -> bool | None:
    """Whether an API group is served; None when discovery could not be read."""
    groups = api_groups(snapshot)
    return None if groups is None else group in groups


def pod_identity_daemonsets(snapshot: Snapshot) -> list[Json] | None:
    """The nmi DaemonSets of Entra pod identity; None when that could not be read.

    The static manifest and the AKS add-on label their pods `component: nmi`, the Helm chart `app.kubernetes.io/component: nmi`.
    """
    if has_group(snapshot, "aadpodidentity.k8s.io") is False:
        return []
    daemonsets = list_items(snapshot.get(ALL_DAEMONSETS))
    return None if daemonsets is None else [item for item in daemonsets if _is_nmi(item)]


def _is_nmi(daemonset: Json) -> bool:
    template = mapping(daemonset, "spec", "template", "metadata", "labels")
    components = (template.get("component"), template.get("app.kubernetes.io/component"))
    return "nmi" in components or name_of(daemonset) == "nmi"


def _platform_reads(request: Request, snapshot: Snapshot) -> list[Read]:
    return platform_reads(snapshot) + ([ARO_CLUSTER] if has_group(snapshot, "aro.openshift.io") else [])


def _version_reads(request: Request, snapshot: Snapshot) -> list[Read]:
    served = has_group(snapshot, "config.openshift.io") is not False
    return [API_GROUPS, VERSION] + ([CLUSTER_VERSION] if API_GROUPS in snapshot and served else [])


def _node_reads(request: Request, snapshot: Snapshot) -> list[Read]:
    return [NODES]


def _pool_reads(request: Request, snapshot: Snapshot) -> list[Read]:
    if API_GROUPS not in snapshot:
        return [API_GROUPS]
    served = has_group(snapshot, "machineconfiguration.openshift.io")
    if served is None:
        version = snapshot.get(CLUSTER_VERSION)
        served = version is not None and version.found
        return [API_GROUPS, CLUSTER_VERSION] + ([MACHINE_CONFIG_POOLS] if served else [])
    return [API_GROUPS] + ([MACHINE_CONFIG_POOLS] if served else [])


def _arc_reads(request: Request, snapshot: Snapshot) -> list[Read]:
    return [API_GROUPS, ARC_CONFIG]


def _extension_reads(request: Request, snapshot: Snapshot) -> list[Read]:
    if not list_items(snapshot.get(EXTENSION_DEPLOYMENTS)):
        return [EXTENSION_DEPLOYMENTS]
    every = "support" in request.gather and _looks_at_daemonsets(snapshot)
    return [EXTENSION_DEPLOYMENTS, EXTENSION_STATEFULSETS] + ([] if every else [EXTENSION_DAEMONSETS])


def _support_reads(request: Request, snapshot: Snapshot) -> list[Read]:
    wanted = platform_reads(snapshot) + [NODES]
    if API_GROUPS not in snapshot:
        return wanted
    if _looks_at_daemonsets(snapshot):
        wanted += [ALL_DAEMONSETS]
        if pod_identity_daemonsets(snapshot):
            wanted += [POD_IDENTITY_EXCEPTIONS]
    if detect(snapshot, request.platform).name == "aks" and not request.aks_cluster:
        wanted += [AUTOMATIC_POLICY]
    return wanted


def _looks_at_daemonsets(snapshot: Snapshot) -> bool:
    """Pod identity cannot run without its CRDs, so without them one request is saved; it was never meant for OpenShift."""
    groups = api_groups(snapshot)
    return groups is not None and "aadpodidentity.k8s.io" in groups and "config.openshift.io" not in groups


_SECTION_READS: t.Mapping[str, t.Callable[[Request, Snapshot], list[Read]]] = {
    "platform": _platform_reads,
    "versions": _version_reads,
    "nodes": _node_reads,
    "pools": _pool_reads,
    "arc": _arc_reads,
    "extension": _extension_reads,
    "support": _support_reads,
}
