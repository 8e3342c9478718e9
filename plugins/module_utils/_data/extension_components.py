"""What the AzureML extension puts into namespace azureml, by edition of the document, and what else real installs hold.

The document's table has 17 rows. `sidecar` editions are newer than extension 1.1.17, which turned the DaemonSet fluent-bit into
containers of other pods.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace
from datetime import date

from ansible_collections.azureml.kubernetes.plugins.module_utils._data.tables import Dated

Kind = t.Literal["Deployment", "DaemonSet", "StatefulSet"]
Need = t.Literal["always", "training", "inference"]
Absence = t.Literal["error", "warning", "fine"]

EXTENSION = "{EXTENSION-NAME}"


@dataclass(frozen=True)
class Component:
    """One row.

    Args:
        name: name of the object; EXTENSION stands for the extension's own name.
        need: what the extension has to be installed for.
        switch: the module option that installs it, "" for none.
        default: what the extension takes the switch for when nobody sets it; None: it depends on the cluster.
        connection: the only kind of cluster that has it, "" for both.
        absence: what it means when it is expected and is not there.
        formerly: names that old versions of the extension gave it.
        documented: it is a row of the document's table.
    """

    name: str
    kind: Kind
    purpose: str
    need: Need = "always"
    switch: str = ""
    default: t.Optional[bool] = True
    connection: str = ""
    absence: Absence = "error"
    formerly: t.Tuple[str, ...] = ()
    documented: bool = True

    def named(self, extension: str | None) -> str:
        """The object's name, with the placeholder where the extension's name is not known."""
        return self.name.replace(EXTENSION, extension) if extension else self.name


@dataclass(frozen=True)
class Service:
    """A Service of the recorded listing.

    Args:
        vital: without it nothing works that the extension is installed for. The others are known from one listing only.
        switch: the option without which it is not there.
    """

    name: str
    need: Need = "always"
    vital: bool = False
    switch: str = ""


@dataclass(frozen=True)
class Definition:
    """A CustomResourceDefinition that the extension works with, whoever installed it."""

    name: str
    need: Need = "always"
    switch: str = ""


_ROWS = (
    Component(
        "relayserver",
        "Deployment",
        "takes jobs and model deployments from Azure Relay",
        switch="relay",
        default=None,
        connection="arc",
    ),
    Component("gateway", "Deployment", "sends the state of nodes and cluster to Azure"),
    Component("aml-operator", "Deployment", "runs training jobs", "training"),
    Component("metrics-controller-manager", "Deployment", "configures Prometheus"),
    Component(f"{EXTENSION}-kube-state-metrics", "Deployment", "gives Prometheus the cluster's metrics"),
    Component(f"{EXTENSION}-prometheus-operator", "Deployment", "runs Prometheus", switch="install_prom_op"),
    Component("amlarc-identity-controller", "Deployment", "gets tokens for registry and storage", "inference"),
    Component("amlarc-identity-proxy", "Deployment", "gives models their tokens", "inference"),
    Component("azureml-fe-v2", "Deployment", "routes requests to models", "inference", formerly=("azureml-fe",)),
    Component("inference-operator-controller-manager", "Deployment", "runs online endpoints", "inference"),
    Component("volcano-admission", "Deployment", "admits jobs of Volcano", "training", switch="install_volcano"),
    Component("volcano-controllers", "Deployment", "runs jobs of Volcano", "training", switch="install_volcano"),
    Component("volcano-scheduler", "Deployment", "schedules jobs of Volcano", "training", switch="install_volcano"),
    Component("fluent-bit", "DaemonSet", "uploads logs of the components", absence="warning"),
    Component(
        f"{EXTENSION}-dcgm-exporter", "DaemonSet", "gives Prometheus metrics of GPUs", switch="install_dcgm_exporter", default=False
    ),
    Component(
        "nvidia-device-plugin-daemonset",
        "DaemonSet",
        "makes GPUs allocatable",
        switch="install_nvidia_device_plugin",
        default=False,
    ),
    Component("prometheus-prom-prometheus", "StatefulSet", "collects metrics of jobs"),
    Component(
        "azureml-ingress-nginx-controller",
        "Deployment",
        "routes requests between namespaces",
        switch="nginx_ingress",
        default=None,
        absence="warning",
        documented=False,
    ),
)
_TITLE = "Components of the AzureML extension"


def _sidecars(row: Component) -> Component:
    return replace(row, absence="fine") if row.name == "fluent-bit" else row


EDITIONS: t.Mapping[str, Dated[Component]] = {
    "2022-06": Dated(
        _TITLE,
        date(2022, 6, 6),
        "https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#azureml-extension-components",
        _ROWS,
    ),
    "2026-01": Dated(
        _TITLE,
        date(2026, 1, 28),
        "https://learn.microsoft.com/azure/machine-learning/how-to-deploy-kubernetes-extension, and a public listing of chart"
        " 1.1.71",
        tuple(_sidecars(row) for row in _ROWS),
    ),
}
NEWEST = max(EDITIONS)
WITH_FLUENT_BIT = "2022-06"
SIDECARS_SINCE = (1, 1, 17)

_LISTING = "Public listing of chart amlarc-extension-1.1.71"
SERVICES: Dated[Service] = Dated(
    "Services of the AzureML extension",
    date(2025, 3, 31),
    _LISTING,
    (
        Service("gateway", vital=True),
        Service(f"{EXTENSION}-kube-state-metrics"),
        Service("prom-prometheus"),
        Service("azureml-fe", "inference", vital=True),
        Service("azureml-fe-int-http", "inference"),
        Service("amlarc-identity-proxy-service", "inference", vital=True),
        Service("amlarc-identity-webhook-service", "inference"),
        Service("volcano-admission-service", "training", vital=True, switch="install_volcano"),
        Service("azureml-ingress-nginx-controller", switch="nginx_ingress"),
    ),
)
DEFINITIONS: Dated[Definition] = Dated(
    "CustomResourceDefinitions of the AzureML extension",
    date(2025, 7, 31),
    "https://learn.microsoft.com/azure/machine-learning/how-to-manage-kubernetes-instance-types and the charts of Volcano and"
    " Prometheus",
    (
        Definition("instancetypes.amlarc.azureml.com"),
        Definition("amljobs.amlarc.azureml.com", "training"),
        Definition("prometheuses.monitoring.coreos.com"),
        Definition("servicemonitors.monitoring.coreos.com"),
        Definition("jobs.batch.volcano.sh", "training", "install_volcano"),
        Definition("podgroups.scheduling.volcano.sh", "training", "install_volcano"),
        Definition("queues.scheduling.volcano.sh", "training", "install_volcano"),
    ),
)
