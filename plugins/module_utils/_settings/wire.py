"""What reaches the cluster: the two maps that az would send for a block of settings, key by key and type by type.

The rules are those of the class AzureMLKubernetes of az k8s-extension (`_data.extension_keys` names the day). Where that class
is wrong in a way that keeps the extension from working as the user wrote it, the maps here hold what works, and `Wire.deviations`
says so.
"""

from __future__ import annotations

import base64
import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json, Severity
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.azure import TOPICS, Azure
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.block import (
    CLUSTER_TYPES,
    PEM_KEYS,
    Block,
    Cluster,
    Pem,
    is_false,
    is_true,
    means_no,
)

SERVICE_TYPES = ("nodeport", "loadbalancer", "clusterip")
RELAY, SERVICE_BUS, NGINX = "relayserver.enabled", "servicebus.enabled", "nginxIngress.enabled"
NODE_PORT, INTERNAL = "scoringFe.serviceType.nodePort", "scoringFe.serviceType.internalLoadBalancer"
WORKSPACE_KEY = "azure_log_analytics.connection_string"
_COPIES: t.Mapping[str, t.Tuple[str, ...]] = {
    "relayServerConnectionString": ("relayserver.relayConnectionString",),
    "serviceBusConnectionString": ("servicebus.connectionString",),
    "cluster_name": ("clusterId", "prometheus.prometheusSpec.externalLabels.cluster_name"),
}


@dataclass
class Wire:
    """The maps as sent, what speaks against sending them, and where they are not what az would make.

    Args:
        for_az: settings to give az beside or instead of the user's, so that it comes to the same maps where it can.
        made: Azure resources that az makes for this block: relay, service_bus, log_analytics.
        refused: what az refuses; the maps mean nothing then.
    """

    settings: Json = field(default_factory=dict)
    protected: Json = field(default_factory=dict)
    for_az: Json = field(default_factory=dict)
    made: t.List[str] = field(default_factory=list)
    refused: t.List[Finding] = field(default_factory=list)
    deviations: t.List[Finding] = field(default_factory=list)

    @property
    def block(self) -> Block:
        """The maps as they are so far."""
        return Block(self.settings, self.protected)

    def refuse(self, message: str, key: str, remedy: str | None = None) -> None:
        """Say why az would not go on."""
        self.refused.append(codes.REFUSED.finding(message, key, remedy=remedy))


def create(block: Block, cluster: Cluster, azure: Azure, files: t.Mapping[str, Pem]) -> Wire:
    """The maps of `az k8s-extension create`."""
    wire = Wire(dict(block.settings), dict(block.protected))
    if cluster.cluster_type.lower() not in (kind.lower() for kind in CLUSTER_TYPES.values()):
        wire.refuse(f"cluster type {cluster.cluster_type!r} is not supported.", "connection")
    for key in sorted(set(block.settings) & set(block.protected)):
        wire.refuse("it is in both maps, so which value is meant cannot be told.", key, "Keep it in one of them.")
    training, inference = block.on("enableTraining"), block.on("enableInference")
    if inference:
        _router(wire, block)
        _router_tls(wire, block, files)
    elif not training:
        wire.refuse(
            "neither training nor inference is switched on.",
            "enableTraining",
            "Set training: true (enableTraining=true), inference: true (enableInference=true), or both.",
        )
    wire.settings.setdefault("enableTraining", training)
    wire.settings.setdefault("enableInference", inference)
    for key in ("enableTraining", "enableInference"):
        wire.protected.pop(key, None)
    _by_cluster(wire, cluster)
    _identity(wire, block, cluster)
    _parts(wire, cluster)
    _resources(wire, cluster, azure)
    _copy(wire.settings)
    _copy(wire.protected)
    return wire


def update(block: Block, cluster: Cluster, azure: Azure, files: t.Mapping[str, Pem], stored: t.Mapping[str, t.Any]) -> Wire:
    """The maps of `az k8s-extension update`.

    Args:
        stored: the configurationSettings that the extension has.
    """
    wire = Wire(dict(block.settings), dict(block.protected))
    _service_type_of_update(wire, block, stored)
    if block.protected:
        _sent_again(wire, cluster, azure, stored)
        _copy(wire.protected)
    if block.tls_files:
        _send_pem(wire, block, files)
    elif block.value("sslSecret"):
        wire.settings["scoringFe.sslSecret"] = block.value("sslSecret")
    return wire


def service_type(block: Block) -> str:
    """The router's Service type in lower case."""
    return str(block.value("inferenceRouterServiceType") or "").lower()


def _internal(block: Block) -> bool:
    return str(block.value("internalLoadBalancerProvider")).lower() == "azure"


def _router(wire: Wire, block: Block) -> None:
    if block.on("isAKSMigration"):
        wire.settings.update({"scoringFe.namespace": "default", "isAKSMigration": "true"})
    chosen = service_type(block)
    if chosen not in SERVICE_TYPES:
        wire.refuse(
            f"inference needs the router's Service type, and {block.value('inferenceRouterServiceType')!r} is none.",
            "inferenceRouterServiceType",
            "Set inference_router_service_type to loadBalancer, nodePort or clusterIP.",
        )
    elif chosen == "nodeport" and _internal(block):
        wire.refuse(
            "a NodePort has no load balancer, so there is none to make internal.",
            "internalLoadBalancerProvider",
            "Leave internal_load_balancer_provider out, or choose loadBalancer.",
        )
    elif chosen == "nodeport":
        wire.settings[NODE_PORT] = True
    elif _internal(block):
        wire.settings[INTERNAL] = True


def _router_tls(wire: Wire, block: Block, files: t.Mapping[str, Pem]) -> None:
    insecure, secret = block.on("allowInsecureConnections"), block.value("sslSecret")
    if not block.tls_files and not secret:
        if not insecure:
            half = next((key for key in PEM_KEYS if block.protected.get(key)), "")
            told = f"{half} alone is given" if half else "no certificate is given and plain HTTP is not allowed"
            wire.refuse(
                f"{told}, so the endpoints could not be served.",
                "sslSecret",
                "Set ssl_secret and ssl_cname (tls_secret makes the Secret), or extension_ssl_cert_pem_file and"
                " extension_ssl_key_pem_file with ssl_cname, or allow_insecure_connections: true for tests.",
            )
        return
    if not block.value("sslCname"):
        wire.refuse("a certificate needs the name that clients connect to.", "sslCname", "Set ssl_cname.")
    if insecure:
        return
    if block.tls_files:
        _send_pem(wire, block, files)
    else:
        wire.settings["scoringFe.sslSecret"] = secret


def _send_pem(wire: Wire, block: Block, files: t.Mapping[str, Pem]) -> None:
    for key, sent in zip(PEM_KEYS, ("scoringFe.sslCert", "scoringFe.sslKey")):
        path = str(block.protected[key])
        pem = files.get(path) or Pem(problem=f"{path} was not read")
        if pem.problem:
            wire.refuse(f"{pem.problem}.", key, "Give the path of a PEM file in ASCII that can be read where az runs.")
        else:
            wire.protected[sent] = base64.b64encode(pem.text.encode("ascii", "replace")).decode()


def _by_cluster(wire: Wire, cluster: Cluster) -> None:
    """What az decides from the number of nodes and the distribution."""
    if cluster.small:
        for key, value in (("clusterPurpose", "DevTest"), ("inferenceRouterHA", "false")):
            if wire.block.value(key) is None:
                wire.settings[key] = value
    if cluster.openshift:
        wire.settings["openshift"] = "true"
        if cluster.nodes is None:
            wire.for_az["openshift"] = "true"
            message = (
                "it is set although the number of nodes is unknown; az drops it while Azure Arc does not report totalNodeCount."
            )
            wire.deviations.append(codes.OPENSHIFT_KEPT.finding(message, "openshift"))


def _identity(wire: Wire, block: Block, cluster: Cluster) -> None:
    settings, location = wire.settings, cluster.location.lower()
    settings.setdefault("cluster_name", cluster.resource_id)
    domain = f"{location}.cloudapp.azure.com"
    if "doamin" in block.settings:  # the class looks for the domain under this misspelt key
        settings["domain"] = block.settings["doamin"]
    else:
        settings.setdefault("domain", domain)
        if settings["domain"] != domain:
            message = f"{settings['domain']} is kept here; az sends {domain} whatever is given."
            wire.deviations.append(codes.DOMAIN_KEPT.finding(message, "domain"))
    settings.setdefault("location", location)
    settings.setdefault("jobSchedulerLocation", location)
    settings.setdefault("cluster_name_friendly", cluster.name)


def _parts(wire: Wire, cluster: Cluster) -> None:
    """Relay, Service Bus and ingress, which are never left to the chart."""
    on, off = ("false", "true") if cluster.aks else ("true", "false")
    for key, default in ((SERVICE_BUS, "false"), (RELAY, on), (NGINX, off)):
        wire.settings.setdefault(key, default)
    for key in (SERVICE_BUS, RELAY):
        value = wire.settings[key]
        if means_no(value) and not is_false(value):
            wire.settings[key] = wire.for_az[key] = "false"
            message = f"{value!r} is sent as false; az takes any other word than false for yes, and would make the Azure resource."
            wire.deviations.append(codes.SWITCHED_OFF.finding(message, key))


def _wanted(wire: Wire, switch: str, given: str) -> bool:
    """Whether a part is on and its connection string is not given."""
    return not is_false(wire.settings.get(switch)) and not wire.settings.get(given) and not wire.protected.get(given)


def _resources(wire: Wire, cluster: Cluster, azure: Azure) -> None:
    """What az makes in Azure, with the values that come of it."""
    settings, protected = wire.settings, wire.protected
    asked = is_true(settings.get("logAnalyticsWS"))
    if asked and not settings.get(WORKSPACE_KEY) and not protected.get(WORKSPACE_KEY):
        settings.update({"azure_log_analytics.enabled": True, "azure_log_analytics.customer_id": azure.workspace_id})
        protected[WORKSPACE_KEY] = azure.workspace_key
        wire.made.append("log_analytics")
    if _wanted(wire, RELAY, "relayServerConnectionString"):
        protected["relayServerConnectionString"] = azure.relay_connection
        settings.update(
            {"relayserver.hybridConnectionResourceID": azure.relay_id, "relayserver.hybridConnectionName": cluster.name}
        )
        wire.made.append("relay")
    if _wanted(wire, SERVICE_BUS, "serviceBusConnectionString"):
        protected["serviceBusConnectionString"] = azure.service_bus_connection
        settings["servicebus.resourceID"] = azure.service_bus_id
        settings.update({f"servicebus.topicSubMapping.{topic}": name for topic, name in TOPICS.items()})
        wire.made.append("service_bus")


def _copy(content: Json) -> None:
    for key, copies in _COPIES.items():
        if key in content:
            for copy in copies:
                content.setdefault(copy, content[key])


def _service_type_of_update(wire: Wire, block: Block, stored: t.Mapping[str, t.Any]) -> None:
    given = block.value("inferenceRouterServiceType")
    chosen = service_type(block)
    if given and chosen not in SERVICE_TYPES:
        wire.refuse(
            f"{given!r} is no Service type of the router.",
            "inferenceRouterServiceType",
            "Set inference_router_service_type to loadBalancer, nodePort or clusterIP.",
        )
    if given:
        wire.settings[NODE_PORT] = chosen == "nodeport"
    if block.value("internalLoadBalancerProvider"):
        wire.settings[INTERNAL] = _internal(block)
    after = Block({**stored, **wire.settings}, block.protected)
    if service_type(after) == "nodeport" and is_true(after.value(INTERNAL)):
        given_now = _internal(block)
        wire.settings[INTERNAL] = False
        wire.for_az.update({} if given_now else {INTERNAL: "false"})
        message = "the Service becomes a NodePort and the internal load balancer is switched off; az sends both, which contradict."
        severity: Severity = "error" if given_now else "warning"
        finding = codes.NODE_PORT_INTERNAL.finding(message, "internalLoadBalancerProvider", severity=severity)
        wire.deviations.append(finding)


def _stored_switch(wire: Wire, key: str, default: str, stored: t.Mapping[str, t.Any]) -> bool:
    """Whether a part of the installed extension is on."""
    value = stored.get(key)
    if value is None:
        message = f"the extension has no {key}, as one made without az; it is taken as {default}, where az ends with a traceback."
        wire.deviations.append(codes.STORED_KEY_MISSING.finding(message, key))
        value = default
    return not is_false(value)


def _sent_again(wire: Wire, cluster: Cluster, azure: Azure, stored: t.Mapping[str, t.Any]) -> None:
    """Protected settings are replaced as a set, so az looks up and sends again those that it made."""
    protected = wire.protected
    if azure.workspace_exists:
        protected.setdefault(WORKSPACE_KEY, azure.workspace_key)
    parts = (
        (RELAY, "false" if cluster.aks else "true", "relayServerConnectionString", azure.relay_connection, azure.relay_exists),
        (SERVICE_BUS, "false", "serviceBusConnectionString", azure.service_bus_connection, azure.service_bus_exists),
    )
    for switch, default, key, value, exists in parts:
        if not _stored_switch(wire, switch, default, stored) or key in protected:
            continue
        if exists is False:
            wire.refuse(
                f"the extension has {switch} on, but what it connects to does not exist in Azure any more.",
                switch,
                f"Make it again and give its connection string as {key}, or delete and create the extension.",
            )
        else:
            protected[key] = value
