"""What can be said of a block beyond single keys: combinations that install badly, or otherwise than the user thinks."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.extension_keys import KEYS
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.azure import Azure
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.block import PEM_KEYS, Block, Cluster, is_false, is_true
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.wire import (
    INTERNAL,
    NODE_PORT,
    RELAY,
    SERVICE_BUS,
    service_type,
)

ENOUGH_NODES = 3
_ALWAYS = (RELAY, SERVICE_BUS, "cluster_name", "clusterId", "domain", "location")


@dataclass(frozen=True)
class Nodes:
    """Nodes that the router's pods may run on, and how that is known; None where nobody knows."""

    schedulable: t.Optional[int] = None
    why: str = ""


def combination_findings(block: Block, cluster: Cluster, nodes: Nodes) -> list[Finding]:
    """What is to be said of a block that creates the extension."""
    said: list[Finding] = []
    if not cluster.aks and cluster.openshift is None:
        said.append(codes.OPENSHIFT_UNKNOWN.finding("nothing says whether the cluster is OpenShift.", "openshift"))
    if block.on("enableInference"):
        said += [*tls_findings(block), *_load_balancer(block, cluster), *_availability(block, cluster, nodes)]
    return said


def tls_findings(block: Block) -> t.Iterator[Finding]:
    """How endpoints are served."""
    if block.tls_files and block.value("sslSecret"):
        message = f"the Secret {block.value('sslSecret')} is ignored, since a PEM pair is given, too."
        yield codes.SECRET_IGNORED.finding(message, "sslSecret")
    if not block.on("allowInsecureConnections"):
        return
    if block.tls_files or block.value("sslSecret"):
        yield codes.CERTIFICATE_UNUSED.finding("it is on, so the certificate is not used.", "allowInsecureConnections")
    yield codes.PLAIN_HTTP.finding("endpoints are served by plain HTTP.", "allowInsecureConnections")


def _load_balancer(block: Block, cluster: Cluster) -> t.Iterator[Finding]:
    if str(block.value("internalLoadBalancerProvider")).lower() != "azure":
        return
    why = []
    if not cluster.aks:
        why.append("the cluster is no AKS cluster")
    if service_type(block) == "clusterip":
        why.append("a ClusterIP has no load balancer")
    if why:
        yield codes.INTERNAL_UNFIT.finding(f"{' and '.join(why)}.", "internalLoadBalancerProvider")


def _availability(block: Block, cluster: Cluster, nodes: Nodes) -> t.Iterator[Finding]:
    """Whether three replicas of the router fit, which the chart asks for unless told otherwise."""
    asked = block.value("inferenceRouterHA")
    if asked is not None and not is_true(asked):
        return
    counted = cluster.nodes if nodes.schedulable is None else nodes.schedulable
    why = nodes.why or "as Azure counts them"
    if asked is None and cluster.small:
        yield codes.HA_SWITCHED_OFF.finding(f"there are {cluster.nodes} nodes.", "inferenceRouterHA")
    elif counted is None:
        yield codes.NODES_UNKNOWN.finding("nothing says how many nodes there are.", "inferenceRouterHA")
    elif counted < ENOUGH_NODES:
        default = "" if asked is not None else ", and it is on unless it is switched off"
        message = f"it needs {ENOUGH_NODES} nodes for the router, and there are {counted} ({why}){default}."
        yield codes.HA_NEEDS_NODES.finding(message, "inferenceRouterHA")


def untranslated(block: Block) -> list[Finding]:
    """What a block that is sent without az lacks: keys that only az translates, and those that only az fills in."""
    said = []
    for key in KEYS.rows:
        if not key.made_of or not _needs(key.name, block):
            continue
        if key.name not in block.settings and key.name not in block.protected:
            message = f"the chart does not read it but {key.name}, which is missing."
            said.append(codes.UNTRANSLATED.finding(message, key.made_of))
    for name in _ALWAYS:
        if name not in block.settings and not any(finding.subject == name for finding in said):
            said.append(codes.UNTRANSLATED.finding("it is missing, and only az fills it in.", name))
    return said


def _needs(name: str, block: Block) -> bool:
    """Whether the chart needs a translated key for this block."""
    pem = any(block.value(key) for key in PEM_KEYS)
    needs: t.Mapping[str, bool] = {
        "scoringFe.sslSecret": bool(block.value("sslSecret")) and not pem,
        "scoringFe.sslCert": pem,
        "scoringFe.sslKey": pem,
        NODE_PORT: service_type(block) == "nodeport",
        INTERNAL: str(block.value("internalLoadBalancerProvider")).lower() == "azure",
        "clusterId": bool(block.value("cluster_name")),
        "relayserver.relayConnectionString": bool(block.value("relayServerConnectionString")),
        "servicebus.connectionString": bool(block.value("serviceBusConnectionString")),
    }
    return needs.get(name, False)


def kept_by_update(block: Block, stored: t.Mapping[str, t.Any]) -> list[Finding]:
    """What an update leaves as it was, or takes away, without saying so."""
    said = []
    if block.protected and not block.tls_files and _needs_pair(block, stored):
        message = "protected settings are sent without certificate and key, which the endpoints need: they would be deleted."
        said.append(codes.PROTECTED_INCOMPLETE.finding(message, "sslCertPemFile"))
    asked = [key for key in block.keys if key.startswith("nodeSelector.")]
    left = sorted(key for key in stored if key.startswith("nodeSelector.") and key not in asked) if asked else []
    said += [codes.SELECTOR_STAYS.finding("it stays: an update cannot remove it.", key) for key in left]
    return said


def protected_needed(block: Block, cluster: Cluster, azure: Azure, stored: t.Mapping[str, t.Any]) -> dict[str, list[str]]:
    """What an update has to send as soon as it sends one protected setting: what az looks up, and what only the user has."""
    relay = stored.get(RELAY) or ("false" if cluster.aks else "true")
    looked_up = {
        "azure_log_analytics.connection_string": bool(azure.workspace_exists),
        "relayServerConnectionString": not is_false(relay),
        "serviceBusConnectionString": not is_false(stored.get(SERVICE_BUS) or "false"),
    }
    own = list(PEM_KEYS) if _needs_pair(block, stored) else []
    return {"by_az": [key for key, needed in looked_up.items() if needed], "by_you": own}


def _needs_pair(block: Block, stored: t.Mapping[str, t.Any]) -> bool:
    """Half a pair is given, or the extension serves HTTPS with a certificate that only its protected settings hold."""
    if any(block.protected.get(key) for key in PEM_KEYS):
        return True
    after = Block({**stored, **block.settings}, block.protected)
    https = after.on("enableInference") and bool(after.value("sslCname")) and not after.on("allowInsecureConnections")
    return https and not after.value("sslSecret") and not is_false(after.value("enableInference"))
