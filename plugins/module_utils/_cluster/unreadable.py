"""Reads that were refused or failed, as findings that name the missing permission and what stays unknown."""

from __future__ import annotations

import typing as t
from urllib.parse import unquote

from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.codes import AUDIT_ROLE, UNREADABLE
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.reads import (
    ALL_DAEMONSETS,
    AUTOMATIC_POLICY,
    EXTENSION_DAEMONSETS,
    EXTENSION_STATEFULSETS,
    MACHINE_CONFIG_POOLS,
    POD_IDENTITY_EXCEPTIONS,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    API_GROUPS,
    ARC_CONFIG,
    ARO_CLUSTER,
    CLUSTER_VERSION,
    CONSOLE,
    EXTENSION_DEPLOYMENTS,
    INFRASTRUCTURE,
    NODES,
    VERSION,
    known,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot

_UNKNOWN: t.Mapping[Read, str] = {
    API_GROUPS: "which APIs the cluster serves",
    VERSION: "the version of Kubernetes",
    NODES: "nodes, pools and, outside OpenShift, the platform",
    CLUSTER_VERSION: "the version of OpenShift",
    INFRASTRUCTURE: "the cloud and topology of OpenShift",
    CONSOLE: "whether Red Hat manages the cluster (ROSA, OSD)",
    ARO_CLUSTER: "the Azure resource of the ARO cluster",
    ARC_CONFIG: "the cluster's identity in Azure Arc",
    MACHINE_CONFIG_POOLS: "the MachineConfigPools",
    EXTENSION_DEPLOYMENTS: "whether the AzureML extension is installed, and its name",
    EXTENSION_STATEFULSETS: "the extension's StatefulSets",
    EXTENSION_DAEMONSETS: "the extension's DaemonSets",
    ALL_DAEMONSETS: "whether Entra pod identity runs, and the extension's DaemonSets",
    POD_IDENTITY_EXCEPTIONS: "whether the extension is exempt from Entra pod identity",
    AUTOMATIC_POLICY: "whether the cluster is of SKU Automatic",
}


class Permission(t.NamedTuple):
    """What RBAC would have to allow for a read; `resource` is empty for a path outside the resources, as /version."""

    verb: str
    resource: str
    namespace: str
    name: str
    path: str

    def __str__(self) -> str:
        if not self.resource:
            return f"{self.verb} {self.path}"
        place = f" in namespace {self.namespace}" if self.namespace else ""
        name = f" {self.name}" if self.name else ""
        return f"{self.verb} {self.resource}{name}{place}"


def permission(read: Read) -> Permission:
    """The permission that a GET needs: `list nodes`, `get infrastructures.config.openshift.io cluster`."""
    parts = [unquote(part) for part in read.path.strip("/").split("/")]
    core = parts[0] == "api" and len(parts) > 2
    if not core and not (parts[0] == "apis" and len(parts) > 3):
        return Permission("get", "", "", "", read.path)
    group, rest = ("", parts[2:]) if core else (parts[1], parts[3:])
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    name = rest[1] if len(rest) > 1 else ""
    resource = f"{rest[0]}.{group}" if group else rest[0]
    return Permission("get" if name else "list", resource, namespace, name, read.path)


def unreadable_findings(reads: t.Iterable[Read], snapshot: Snapshot) -> t.Iterator[Finding]:
    """One finding for each read that was not answered with an object or with "there is none"."""
    for read in reads:
        answer = snapshot.get(read)
        if answer is None or known(answer):
            continue
        needed = permission(read)
        stays = f"{_UNKNOWN.get(read, 'what depends on it')} stays unknown"
        if answer.forbidden:
            yield UNREADABLE.finding(
                f"The credentials may not {needed}, so {stays}: {answer.message}",
                str(needed),
                remedy=_grant(needed),
                evidence={"verb": needed.verb, "resource": needed.resource or needed.path, "status": answer.status},
            )
        else:
            yield UNREADABLE.finding(
                f"The request to {needed} failed, so {stays}: {answer.message}",
                str(needed),
                remedy="Look at the API server, or at the aggregated API's own pods, then run the task again.",
                evidence={"verb": needed.verb, "resource": needed.resource or needed.path, "status": answer.status},
            )


def _grant(needed: Permission) -> str:
    role = AUDIT_ROLE if needed.resource else "system:discovery"
    return (
        f"Bind the ClusterRole {role} to the account that runs the task:"
        f" kubectl create clusterrolebinding azureml-kubernetes-audit-<account> --clusterrole={role} --user=<account>"
    )
