"""What AzureML does not support or is known to break on, as far as it can be seen or was handed over.

Two limits leave no trace in the Kubernetes API. IMDS restriction is iptables rules that the node's kubelet unit sets from a
tag of the virtual machine; network isolation is the outbound type of the subnet and a registry mirror of containerd. Both
are judged only from the AKS resource that the user hands over.
"""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.nodes import runs_linux_amd64
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.reads import (
    AUTOMATIC_POLICY,
    POD_IDENTITY_EXCEPTIONS,
    pod_identity_daemonsets,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json, ObjectRef
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    EXTENSION_NAMESPACE,
    Platform,
    list_items,
    mapping,
    name_of,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Snapshot

_REPELLING = ("NoSchedule", "NoExecute")
_TOLERATED = "ml.azure.com/"


def support_facts(platform: Platform, request: Request, snapshot: Snapshot) -> Json:
    """The limits as booleans; None where neither the API nor the AKS resource tells."""
    aks, is_aks = request.aks_cluster, platform.name == "aks"
    network = mapping(aks, "networkProfile")
    return {
        "aks_automatic": _automatic(platform, request, snapshot),
        "network_isolated": text(network.get("outboundType")).lower() in ("none", "block") if aks else _unless_other(platform),
        "imds_restriction": network.get("podLinkLocalAccess") == "None" if aks else _unless_other(platform),
        "pod_identity": _pod_identity(aks if is_aks else {}, snapshot),
    }


def _unless_other(platform: Platform) -> bool | None:
    """These are options of AKS: False on any other known platform, unknown on AKS without its resource."""
    return None if platform.name in ("aks", "unknown") else False


def _automatic(platform: Platform, request: Request, snapshot: Snapshot) -> bool | None:
    if request.aks_cluster:
        return text(mapping(request.aks_cluster, "sku").get("name")).lower() == "automatic"
    if platform.name != "aks":
        return _unless_other(platform)
    answer = snapshot.get(AUTOMATIC_POLICY)
    return True if answer is not None and answer.found else None


def _pod_identity(aks: Json, snapshot: Snapshot) -> bool | None:
    daemonsets = pod_identity_daemonsets(snapshot)
    if daemonsets or mapping(aks, "podIdentityProfile").get("enabled") is True:
        return True
    return None if daemonsets is None else False


def aks_findings(platform: Platform, request: Request, facts: Json) -> t.Iterator[Finding]:
    """Findings about an AKS cluster."""
    aks = request.aks_cluster
    name = f"ManagedCluster/{text(aks.get('name'))}" if aks else ""
    network = mapping(aks, "networkProfile")
    if facts["aks_automatic"]:
        yield _automatic_finding(name)
    if facts["network_isolated"]:
        outbound = text(network.get("outboundType"))
        yield codes.NETWORK_ISOLATED.finding(
            f"The cluster's outbound type is {outbound}: it is network-isolated, which the AzureML extension does not support.",
            name,
        )
    if facts["imds_restriction"]:
        yield codes.IMDS_RESTRICTION.finding(
            "podLinkLocalAccess is None: pods outside the host network cannot reach the Azure Instance Metadata Service.",
            name,
            remedy=_aks_update(aks, "--disable-imds-restriction") + ", then reimage the nodes: az aks upgrade --node-image-only.",
        )
    client = text(mapping(aks, "servicePrincipalProfile").get("clientId"))
    if client and client.lower() != "msi":
        yield codes.AKS_SERVICE_PRINCIPAL.finding(
            f"The cluster runs as service principal {client}, not as a managed identity.", name
        )
    if aks.get("disableLocalAccounts") is True:
        yield codes.AKS_LOCAL_ACCOUNTS.finding(
            "Local accounts are disabled; without a Trusted Access role binding AzureML cannot attach the cluster.", name
        )
    if platform.name == "aks" and not aks:
        sku = "" if facts["aks_automatic"] else "; no mark of SKU Automatic was found, which does not rule it out"
        yield codes.AKS_UNSEEN.finding(f"Whether the cluster restricts IMDS or is network-isolated could not be looked at{sku}.")


def _automatic_finding(name: str) -> Finding:
    if name:
        return codes.AKS_AUTOMATIC.finding("The cluster's SKU is Automatic.", name)
    policy = ObjectRef("ValidatingAdmissionPolicy", AUTOMATIC_POLICY.path.rpartition("/")[2])
    return codes.AKS_AUTOMATIC.finding(
        "This policy is installed, which AKS does on clusters of SKU Automatic; the AzureML extension is not supported there.",
        policy,
        severity="warning",
        remedy="Make sure with az aks show --query sku.name; use a cluster of SKU Base for AzureML.",
    )


def _aks_update(aks: Json, flag: str) -> str:
    name, group = text(aks.get("name")) or "<name>", text(aks.get("resourceGroup")) or "<group>"
    return f"az aks update --name {name} --resource-group {group} {flag}"


def pod_identity_findings(facts: Json, snapshot: Snapshot) -> t.Iterator[Finding]:
    """Entra pod identity, softened where the extension's namespace has an exception."""
    if not facts["pod_identity"]:
        return
    daemonsets = pod_identity_daemonsets(snapshot) or []
    exceptions = [name_of(item) for item in list_items(snapshot.get(POD_IDENTITY_EXCEPTIONS)) or []]
    namespace = text(mapping(daemonsets[0], "metadata").get("namespace")) if daemonsets else ""
    subject = ObjectRef("DaemonSet", name_of(daemonsets[0]), namespace) if daemonsets else "AKS add-on pod identity"
    if exceptions:
        yield codes.POD_IDENTITY.finding(
            f"Entra pod identity runs; AzurePodIdentityException {', '.join(exceptions)} exempts pods in {EXTENSION_NAMESPACE}.",
            subject,
            severity="warning",
            remedy="Check that the exception's podLabels match every pod of the extension (ml.azure.com/amlarc-system: 'true'),"
            " and that the compute namespaces have one too.",
            evidence=exceptions,
        )
    else:
        yield codes.POD_IDENTITY.finding(
            f"Entra pod identity intercepts the token requests of AzureML's pods; namespace {EXTENSION_NAMESPACE} is not exempt.",
            subject,
        )


def node_findings(nodes: t.Sequence[Json]) -> t.Iterator[Finding]:
    """Whether there is a node for the extension, and pools on which its pods would land without being able to run."""
    if not nodes:
        yield codes.NO_NODES.finding("The API server lists no node.")
        return
    if all(runs_linux_amd64(node) is False for node in nodes):
        kinds = sorted({_kind(node) for node in nodes})
        yield codes.NO_LINUX_AMD64.finding(
            f"None of the {len(nodes)} nodes runs Linux on amd64; they run {', '.join(kinds)}.", evidence=kinds
        )
        return
    yield from _pool_findings([node for node in nodes if _misleads(node)])


def _pool_findings(nodes: t.Sequence[Json]) -> t.Iterator[Finding]:
    """One finding for each pool (or node without a pool) and kind of node."""
    groups: dict[tuple[str, str], list[str]] = {}
    for node in nodes:
        place = f"pool {node['pool']}" if node["pool"] else f"Node/{node['name']}"
        groups.setdefault((place, _kind(node)), []).append(node["name"])
    for (place, kind), names in sorted(groups.items()):
        yield codes.UNSUPPORTED_POOL.finding(
            f"{len(names)} schedulable {kind} node{'s' if len(names) > 1 else ''} without a taint that keeps the extension's pods"
            " away; its images are linux/amd64.",
            place,
            evidence=sorted(names),
        )


def _misleads(node: Json) -> bool:
    """Whether pods of the extension would be scheduled on a node that cannot run them."""
    return runs_linux_amd64(node) is False and not node["virtual"] and not _repels(node)


def _kind(node: Json) -> str:
    return "virtual kubelet" if node["virtual"] else f"{node['os'] or 'unknown'}/{node['architecture'] or 'unknown'}"


def _repels(node: Json) -> bool:
    """Cordoned, or tainted with something that the extension's pods do not tolerate."""
    taints = [taint for taint in node["taints"] if taint["effect"] in _REPELLING and not taint["key"].startswith(_TOLERATED)]
    return bool(taints) or not node["schedulable"]


def arc_findings(platform: Platform, facts: Json) -> t.Iterator[Finding]:
    """A distribution other than openshift on OpenShift: the CLI sets the extension's openshift flag by it."""
    distribution = text(facts["distribution"])
    if not platform.openshift or not distribution or distribution.lower() == "openshift":
        return
    yield codes.ARC_DISTRIBUTION.finding(
        f"Azure Arc has recorded the distribution {distribution} for this OpenShift cluster; the CLI does not set openshift=true.",
        f"connectedCluster/{facts['resource_name'] or ''}".rstrip("/"),
        evidence={"distribution": distribution, "infrastructure": facts["infrastructure"]},
    )
