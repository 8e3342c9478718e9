"""Error codes of the extension's health check: what they mean and what to do. Below E45000 the installation is blocked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ansible_collections.azureml.kubernetes.plugins.module_utils._data.tables import Dated

DIAGNOSTIC_FROM = 45000


@dataclass(frozen=True)
class HealthCode:
    """One error code.

    Args:
        harmless: the check is known to fail where nothing is wrong.
    """

    code: str
    name: str
    meaning: str
    remedy: str
    harmless: bool = False


HEALTH_CODES: Dated[HealthCode] = Dated(
    "Error codes of the AzureML extension's health check",
    date(2025, 3, 31),
    "https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-kubernetes-extension#error-code-of-healthcheck",
    (
        HealthCode(
            "E40000", "UNKNOWN_ERROR", "the health check does not know what went wrong", "Open a support ticket with the report."
        ),
        HealthCode(
            "E40001",
            "LOAD_BALANCER_NOT_SUPPORT",
            "the cluster gives a Service of type LoadBalancer no address",
            "Set inferenceRouterServiceType=nodePort or clusterIP, or install a load balancer controller.",
        ),
        HealthCode(
            "E40002",
            "INSUFFICIENT_NODE",
            "the router's high availability needs 3 nodes that are ready and match selector and taints",
            "Add nodes, or set inferenceRouterHA=False.",
        ),
        HealthCode(
            "E40003",
            "INTERNAL_LOAD_BALANCER_NOT_SUPPORT",
            "an internal load balancer exists on AKS only",
            "Leave internalLoadBalancerProvider out; on AKS its one value is azure.",
        ),
        HealthCode(
            "E40004",
            "AZUREML_FE_DEPLOYMENT_NOT_FOUND",
            "Deployment azureml-fe-v2 is not in namespace azureml",
            "Install the extension again, or update it with enableInference=True.",
        ),
        HealthCode(
            "E40005",
            "AZUREML_FE_SCALE_UP_TIMEOUT",
            "the router's pods did not become ready in time",
            "Look at the pods of azureml-fe-v2: mostly the nodes have too little left. Add nodes, or set inferenceRouterHA=False.",
        ),
        HealthCode(
            "E40006",
            "AZUREML_FE_UPDATE_REPLICAS_FAILED",
            "the number of the router's replicas could not be changed",
            "Look at the events of azureml-fe-v2; add nodes, or set inferenceRouterHA=False.",
        ),
        HealthCode(
            "E40007",
            "INVALID_SSL_SETTING",
            "certificate, key and sslCname do not fit each other, or one is empty",
            "Check them with tls_secret and state checked, then update the extension.",
        ),
        HealthCode(
            "E45001",
            "AGENT_UNHEALTHY",
            "agents of Azure Arc or of the extension are not healthy",
            "Look at `kubectl get pods -n azure-arc` and, on AKS, at extension-agent in namespace kube-system.",
        ),
        HealthCode(
            "E45002",
            "PROMETHEUS_CONFLICT",
            "another Prometheus operator runs in the cluster",
            "Set installPromOp=False and let that operator watch namespace azureml.",
        ),
        HealthCode(
            "E45003",
            "BAD_NETWORK_CONNECTIVITY",
            "hosts of Azure cannot be reached from the cluster",
            "Allow the outbound hosts of AzureML in firewall and proxy.",
        ),
        HealthCode(
            "E45004",
            "AZUREML_FE_ROLE_CONFLICT",
            "the cluster role of an AzureML router of version 1 is there (a job that says so: training is not enabled)",
            "Delete clusterrole azureml-fe-role and clusterrolebinding azureml-fe-binding, or set scoringFe.enableUpgrade=true.",
        ),
        HealthCode(
            "E45005",
            "AZUREML_FE_DEPLOYMENT_CONFLICT",
            "an AzureML router of version 1 runs in the cluster",
            "Delete Deployment azureml-fe and its Services in namespace default, or set scoringFe.enableUpgrade=true and annotate"
            " the Deployment azureml-fe-enable-upgrade=true.",
        ),
        HealthCode(
            "E45006",
            "INSTANCE_TYPE",
            "the check of instance types failed; before the installation there are none yet (the code is not documented)",
            "Nothing, as long as instance types can be listed once the extension is installed.",
            harmless=True,
        ),
        HealthCode(
            "E49999", "CHECKER_PANIC", "a checker itself crashed", "Run `helm test -n azureml EXTENSION_NAME --logs` again."
        ),
    ),
)
BY_CODE = {row.code: row for row in HEALTH_CODES.rows}
