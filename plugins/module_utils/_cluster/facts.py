"""Platform, versions, Arc and extension as facts. None always means "could not be read"."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.reads import (
    ALL_DAEMONSETS,
    EXTENSION_DAEMONSETS,
    EXTENSION_STATEFULSETS,
    has_group,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    ARC_CONFIG,
    ARO_CLUSTER,
    CLUSTER_VERSION,
    EXTENSION_DEPLOYMENTS,
    EXTENSION_NAMESPACE,
    INFRASTRUCTURE,
    VERSION,
    Platform,
    api_groups,
    body_of,
    is_extension_object,
    list_items,
    mapping,
    name_of,
    running_version,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import server_version

_PROMETHEUS = "prometheus-prom-prometheus"
_CHART = "amlarc-extension-"
_RELEASE_NAMED = ("-kube-state-metrics", "-prometheus-operator", "-dcgm-exporter")
_NOTHING_KNOWN: Json = dict.fromkeys(("installed", "name", "version", "parts", "unread_kinds"))


def platform_facts(platform: Platform, snapshot: Snapshot) -> Json:
    """The platform with its evidence, and what of OpenShift's API is served."""
    groups = api_groups(snapshot)
    infrastructure = mapping(body_of(snapshot, INFRASTRUCTURE), "status")
    aro = mapping(body_of(snapshot, ARO_CLUSTER), "spec")
    return {
        **asdict(platform),
        "evidence": list(platform.evidence),
        "openshift_version": platform.openshift_version or _none_unless_absent(snapshot),
        "infrastructure": text(mapping(infrastructure, "platformStatus").get("type")) or None,
        "control_plane_topology": text(infrastructure.get("controlPlaneTopology")) or None,
        "openshift_api_groups": None if groups is None else sorted(g for g in groups if g.endswith(".openshift.io")),
        "scc": has_group(snapshot, "security.openshift.io"),
        "machine_config": has_group(snapshot, "machineconfiguration.openshift.io"),
        "aro": {"resource_id": text(aro.get("resourceId")) or None, "region": text(aro.get("location")) or None} if aro else None,
    }


def version_facts(snapshot: Snapshot) -> Json:
    """Versions of Kubernetes and OpenShift; `openshift` is the running one, `openshift_target` the one being rolled out."""
    body = body_of(snapshot, VERSION)
    parsed = server_version(body)
    cluster_version = body_of(snapshot, CLUSTER_VERSION)
    return {
        "kubernetes": text(body.get("gitVersion")) or (str(parsed) if parsed else None),
        "kubernetes_minor": str(parsed.line) if parsed else None,
        "openshift": running_version(cluster_version) or _none_unless_absent(snapshot),
        "openshift_target": text(mapping(cluster_version, "status", "desired").get("version")) or _none_unless_absent(snapshot),
        "openshift_cluster_id": text(mapping(cluster_version, "spec").get("clusterID")) or _none_unless_absent(snapshot),
    }


def _none_unless_absent(snapshot: Snapshot) -> str | None:
    """An empty string where there is no OpenShift, None where that could not be read."""
    answer = snapshot.get(CLUSTER_VERSION)
    absent = answer is not None and answer.absent
    return "" if absent or has_group(snapshot, "config.openshift.io") is False else None


def arc_facts(platform: Platform, snapshot: Snapshot, resource: Json) -> Json:
    """The cluster's identity in Azure Arc, from the agents' ConfigMap and the resource that the user handed over."""
    data = mapping(body_of(snapshot, ARC_CONFIG), "data")
    subscription, group, name = (
        text(data.get(f"AZURE_{key}")) or None for key in ("SUBSCRIPTION_ID", "RESOURCE_GROUP", "RESOURCE_NAME")
    )
    kind = "Microsoft.Kubernetes/connectedClusters"
    full_id = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}"
    return {
        "connected": platform.arc_connected,
        "resource_name": name or text(resource.get("name")) or None,
        "resource_group": group or text(resource.get("resourceGroup")) or None,
        "subscription_id": subscription,
        "tenant_id": text(data.get("AZURE_TENANT_ID")) or None,
        "region": text(data.get("AZURE_REGION")) or text(resource.get("location")) or None,
        "resource_id": text(resource.get("id")) or (full_id if subscription and group and name else None),
        "distribution": text(resource.get("distribution")) or _ending(data, "DISTRO", "DISTRIBUTION"),
        "infrastructure": text(resource.get("infrastructure")) or _ending(data, "INFRA", "INFRASTRUCTURE"),
        "agent_version": text(data.get("AZURE_ARC_AGENT_VERSION")) or text(resource.get("agentVersion")) or None,
        "connectivity": text(resource.get("connectivityStatus")) or None,
    }


def _ending(data: Json, *endings: str) -> str | None:
    """The value of the first key with such an ending; the agents' versions do not all spell these two keys alike."""
    for key in sorted(key for key in data if isinstance(key, str)):
        if key.upper().endswith(endings) and text(data[key]):
            return text(data[key])
    return None


def extension_facts(platform: Platform, snapshot: Snapshot) -> Json:
    """Which workloads of the AzureML extension are installed, and how many of their pods are ready."""
    deployments = list_items(snapshot.get(EXTENSION_DEPLOYMENTS))
    if deployments is None:
        return {**_NOTHING_KNOWN, "namespace": EXTENSION_NAMESPACE}
    workloads = {"Deployment": deployments, **_other_workloads(snapshot)} if deployments else {}
    parts = [(kind, item) for kind, items in workloads.items() for item in items or [] if _is_part(item)]
    return {
        "installed": bool(parts),
        "name": platform.extension,
        "version": next((version for version in (_chart_version(item) for _kind, item in parts) if version), None),
        "namespace": EXTENSION_NAMESPACE,
        "parts": [_describe_part(kind, item) for kind, item in sorted(parts, key=lambda part: (part[0], name_of(part[1])))],
        "unread_kinds": sorted(kind for kind, items in workloads.items() if items is None),
    }


def _other_workloads(snapshot: Snapshot) -> dict[str, list[Json] | None]:
    """StatefulSets and DaemonSets in the extension's namespace; None where they could not be read."""
    daemonsets = EXTENSION_DAEMONSETS if EXTENSION_DAEMONSETS in snapshot else ALL_DAEMONSETS
    return {"StatefulSet": _in_namespace(snapshot, EXTENSION_STATEFULSETS), "DaemonSet": _in_namespace(snapshot, daemonsets)}


def _in_namespace(snapshot: Snapshot, read: Read) -> list[Json] | None:
    items = list_items(snapshot.get(read))
    if items is None:
        return None
    return [item for item in items if mapping(item, "metadata").get("namespace", EXTENSION_NAMESPACE) == EXTENSION_NAMESPACE]


def _is_part(item: Json) -> bool:
    """By the chart's label; its subcharts and what the Prometheus operator creates are known by name."""
    return is_extension_object(item) or name_of(item) == _PROMETHEUS or name_of(item).endswith(_RELEASE_NAMED)


def _describe_part(kind: str, item: Json) -> Json:
    status = mapping(item, "status")
    desired = status.get("desiredNumberScheduled") if kind == "DaemonSet" else mapping(item, "spec").get("replicas", 1)
    ready = status.get("numberReady" if kind == "DaemonSet" else "readyReplicas", 0)
    return {
        "kind": kind,
        "name": name_of(item),
        "desired": desired if isinstance(desired, int) else None,
        "ready": ready if isinstance(ready, int) else 0,
    }


def _chart_version(item: Json) -> str:
    """The version of the extension's chart where a label carries the chart's name, as amlarc-extension-1.1.71."""
    labels: t.Iterable[t.Any] = mapping(item, "metadata", "labels").values()
    return next((value[len(_CHART) :] for value in labels if text(value).startswith(_CHART)), "")
