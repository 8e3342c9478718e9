"""Every setting of the AzureML extension that is documented or known: what it takes, where it belongs, and what replaced it.

Names are those of `az k8s-extension create --config`. Where the chart reads a key of its own, az translates; Terraform, ARM and
Bicep have to send the chart's key themselves.
"""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._data.tables import Dated

Kind = t.Literal["bool", "choice", "name", "dns", "path", "text", "secret", "int", "quantity"]


@dataclass(frozen=True)
class Key:
    """One setting.

    Args:
        name: the key; one that ends with "." or "[" begins a family of keys, as `nodeSelector.`.
        kind: what its value has to be.
        option: the module option that sets it, "" where az or the chart's translation does.
        choices: the values of a `choice`, as documented; their case does not matter.
        protected: where az looks for it: in the protected settings only (True), in the plain ones only (False), in both (None).
        chart: it is the chart's own key, which az makes out of another one or of the cluster.
        made_of: the key that az makes it out of.
    """

    name: str
    kind: Kind
    option: str = ""
    choices: t.Tuple[str, ...] = ()
    protected: t.Optional[bool] = False
    chart: bool = False
    made_of: str = ""


@dataclass(frozen=True)
class Replaced:
    """A key that was removed or renamed, and what to write instead."""

    name: str
    instead: str


_AS_OF = datetime.date(2026, 11, 23)
_KEYS = (
    Key("enableTraining", "bool", "training", protected=None),
    Key("enableInference", "bool", "inference", protected=None),
    Key("allowInsecureConnections", "bool", "allow_insecure_connections", protected=None),
    Key(
        "inferenceRouterServiceType",
        "choice",
        "inference_router_service_type",
        ("loadBalancer", "nodePort", "clusterIP"),
        protected=None,
    ),
    Key("internalLoadBalancerProvider", "choice", "internal_load_balancer_provider", ("azure",), protected=None),
    Key("sslSecret", "name", "ssl_secret", protected=None),
    Key("sslCname", "dns", "ssl_cname", protected=None),
    Key("sslCertPemFile", "path", "extension_ssl_cert_pem_file", protected=True),
    Key("sslKeyPemFile", "path", "extension_ssl_key_pem_file", protected=True),
    Key("inferenceRouterHA", "bool", "inference_router_ha", protected=None),
    Key("nodeSelector.", "text", "node_selector", protected=None),
    Key("installNvidiaDevicePlugin", "bool", "install_nvidia_device_plugin", protected=None),
    Key("installPromOp", "bool", "install_prom_op"),
    Key("installVolcano", "bool", "install_volcano"),
    Key("installDcgmExporter", "bool", "install_dcgm_exporter"),
    Key("volcanoScheduler.schedulerConfigMap", "name", "volcano_scheduler_config_map"),
    Key("amloperator.skipResourceValidation", "bool", "skip_resource_validation"),
    Key("amloperator.custom_ip_interface_enabled", "bool", "custom_ip_interface_enabled"),
    Key("amloperator.custom_ip_interface", "text", "custom_ip_interface"),
    Key("nginxIngress.enabled", "bool", "nginx_ingress"),
    Key("nginxIngress.controller", "text", "nginx_ingress_controller"),
    Key("nginxIngress.controllerConfig.worker-processes", "int", "nginx_ingress_worker_processes"),
    Key("nginxIngress.resources.controller.limits.memory", "quantity", "nginx_ingress_memory_limit"),
    Key("scoringFe.enableUpgrade", "bool", "router_upgrade"),
    Key("clusterPurpose", "choice", "cluster_purpose", ("DevTest", "FastProd"), protected=None),
    Key("isAKSMigration", "bool", "aks_migration", protected=None),
    Key("enable_https", "bool", "enable_https"),
    Key("logAnalyticsWS", "bool", "log_analytics"),
    Key("blobfuseSysctlInstall.enabled", "bool", "blobfuse_sysctl_install"),
    Key("volumePluginDir", "text", "volume_plugin_dir"),
    Key("relayserver.enabled", "bool", "relay"),
    Key("servicebus.enabled", "bool", "service_bus"),
    Key("domain", "dns", "extension_domain"),
    Key("toleration[", "text", "system_tolerations"),
    Key("workLoadToleration[", "text", "workload_tolerations"),
    Key("cluster_name", "text", protected=None),
    Key("cluster_name_friendly", "text"),
    Key("location", "text"),
    Key("jobSchedulerLocation", "text"),
    Key("relayServerConnectionString", "secret", "relay_connection_string", protected=True),
    Key("serviceBusConnectionString", "secret", "service_bus_connection_string", protected=True),
    Key("azure_log_analytics.connection_string", "secret", "log_analytics_key", protected=True),
    Key("azure_log_analytics.enabled", "bool", chart=True, made_of="logAnalyticsWS"),
    Key("azure_log_analytics.customer_id", "text", "log_analytics_customer_id", chart=True, made_of="logAnalyticsWS"),
    Key("relayserver.hybridConnectionResourceID", "text", "hybrid_connection_resource_id", chart=True),
    Key("relayserver.hybridConnectionName", "text", chart=True),
    Key("relayserver.relayConnectionString", "secret", protected=True, chart=True, made_of="relayServerConnectionString"),
    Key("servicebus.connectionString", "secret", protected=True, chart=True, made_of="serviceBusConnectionString"),
    Key("servicebus.resourceID", "text", "service_bus_resource_id", chart=True),
    Key("servicebus.topicSubMapping.", "text", chart=True),
    Key("clusterId", "text", chart=True, made_of="cluster_name"),
    Key("prometheus.prometheusSpec.externalLabels.cluster_name", "text", chart=True, made_of="cluster_name"),
    Key("scoringFe.sslSecret", "name", chart=True, made_of="sslSecret"),
    Key("scoringFe.sslCert", "secret", protected=True, chart=True, made_of="sslCertPemFile"),
    Key("scoringFe.sslKey", "secret", protected=True, chart=True, made_of="sslKeyPemFile"),
    Key("scoringFe.serviceType.nodePort", "bool", chart=True, made_of="inferenceRouterServiceType"),
    Key("scoringFe.serviceType.internalLoadBalancer", "bool", chart=True, made_of="internalLoadBalancerProvider"),
    Key("scoringFe.namespace", "name", chart=True, made_of="isAKSMigration"),
    Key("openshift", "bool", chart=True),
)
_REPLACED = (
    Replaced("privateEndpointNodeport", "inferenceRouterServiceType=NodePort"),
    Replaced("privateEndpointILB", "inferenceRouterServiceType=LoadBalancer with internalLoadBalancerProvider=azure"),
    Replaced("inferenceLoadBalancerHA", "inferenceRouterHA"),
    Replaced("reuseExistingPromOp", "installPromOp with the opposite value"),
    Replaced("volcanoScheduler.enable", "installVolcano"),
    Replaced("sslCertKeyFile", "sslKeyPemFile in the protected settings"),
    Replaced("RelayConnectionString", "relayServerConnectionString in the protected settings"),
    Replaced("relayserver.relayServerConnectionString", "relayServerConnectionString in the protected settings"),
    Replaced("blobCsiDriverEnabled", "nothing: leave it out, and install the Blob CSI driver yourself where jobs need it"),
)
_SOURCE = "MicrosoftDocs/azure-ai-docs how-to-deploy-kubernetes-extension.md and Azure/azure-cli-extensions AzureMLKubernetes.py"
KEYS: Dated[Key] = Dated("Settings of the AzureML extension", _AS_OF, _SOURCE, _KEYS)
REPLACED: Dated[Replaced] = Dated("Replaced settings of the AzureML extension", _AS_OF, _SOURCE, _REPLACED)
_BY_NAME = {key.name: key for key in _KEYS}
_FAMILIES = tuple(key for key in _KEYS if key.name.endswith((".", "[")))


def find(name: str) -> Key | None:
    """The key of this exact name, or the family that it belongs to; None where nobody knows it."""
    known = _BY_NAME.get(name)
    if known is not None and known not in _FAMILIES:
        return known
    return next((key for key in _FAMILIES if name.startswith(key.name) and len(name) > len(key.name)), None)
