"""The service accounts that AzureML's documentation wants in SecurityContextConstraints `privileged`, by edition.

The list changed with the extension, so each edition is kept: the newest is granted, older ones tell a leftover from a
stranger. The column `need` is not in the documents; it says which switch of the extension brings the account into use.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import date

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import ARC_NAMESPACE, EXTENSION_NAMESPACE
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.tables import (
    Dated,
)

Need = t.Literal["always", "arc", "prom_op", "inference", "nginx_ingress", "jobs"]

EXTENSION = "{EXTENSION-NAME}"
COMPUTE_NAMESPACE = "{KUBERNETES-COMPUTE-NAMESPACE}"
STATE_METRICS_SUFFIX = "-kube-state-metrics"


@dataclass(frozen=True)
class AccountRow:
    """One line of the document, placeholders included.

    Args:
        need: `always`, or what must be switched on for the account to be used at all.
    """

    namespace: str
    name: str
    need: Need = "always"


def _azureml(name: str, need: Need = "always") -> AccountRow:
    return AccountRow(EXTENSION_NAMESPACE, name, need)


_AAD_PROXY = AccountRow(ARC_NAMESPACE, "azure-arc-kube-aad-proxy-sa", "arc")
_STATE_METRICS = _azureml(EXTENSION + STATE_METRICS_SUFFIX)
_JOBS = AccountRow(COMPUTE_NAMESPACE, "default", "jobs")
_TITLE = "AzureML service accounts for SCC privileged"
_OLD_SOURCE = "https://github.com/Azure/AML-Kubernetes/blob/{commit}/docs/deploy-on-ocp.md"

EDITIONS: t.Mapping[str, Dated[AccountRow]] = {
    "2021-09": Dated(
        title=_TITLE,
        as_of=date(2021, 9, 1),
        source=_OLD_SOURCE.format(commit="f83ffbc"),
        rows=(
            _AAD_PROXY,
            _STATE_METRICS,
            _azureml("cluster-status-reporter"),
            _azureml("prom-admission", "prom_op"),
            _azureml("default"),
            _azureml("prom-operator", "prom_op"),
            _azureml("csi-blob-node-sa"),
            _azureml("csi-blob-controller-sa"),
            _azureml("load-amlarc-selinux-policy-sa"),
            _azureml("azureml-fe", "inference"),
            _azureml("prom-prometheus"),
        ),
    ),
    "2022-04": Dated(
        title=_TITLE,
        as_of=date(2022, 4, 28),
        source=_OLD_SOURCE.format(commit="30da8cc"),
        rows=(
            _AAD_PROXY,
            _STATE_METRICS,
            _azureml("cluster-status-reporter"),
            _azureml("prom-admission", "prom_op"),
            _azureml("default"),
            _azureml("prom-operator", "prom_op"),
            _azureml("csi-blob-node-sa"),
            _azureml("csi-blob-controller-sa"),
            _azureml("load-amlarc-selinux-policy-sa"),
            _azureml("azureml-fe", "inference"),
            _azureml("prom-prometheus"),
            _JOBS,
            _azureml("azureml-ingress-nginx", "nginx_ingress"),
            _azureml("azureml-ingress-nginx-admission", "nginx_ingress"),
        ),
    ),
    "2022-06": Dated(
        title=_TITLE,
        as_of=date(2022, 6, 6),
        source=(
            "https://learn.microsoft.com/azure/machine-learning/reference-kubernetes, section Privileged setup for ARO and OCP;"
            " the list is unchanged in the edition of February 2025"
        ),
        rows=(
            _AAD_PROXY,
            _STATE_METRICS,
            _azureml("prom-admission", "prom_op"),
            _azureml("default"),
            _azureml("prom-operator", "prom_op"),
            _azureml("load-amlarc-selinux-policy-sa"),
            _azureml("azureml-fe-v2", "inference"),
            _azureml("prom-prometheus"),
            _JOBS,
            _azureml("azureml-ingress-nginx", "nginx_ingress"),
            _azureml("azureml-ingress-nginx-admission", "nginx_ingress"),
        ),
    ),
}

NEWEST = max(EDITIONS)
