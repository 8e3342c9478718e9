"""An installed extension as a public listing shows it (`kubectl get all -n azureml --show-labels`, chart 1.1.71, March 2025).

Names, numbers of containers, labels and Services are the listing's; what it does not show (images, probes, what the webhooks watch)
is made up and says nothing. Objects are plain: in a sandbox its controllers and kwok run them, in unit tests `cluster.py` does.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

NAMESPACE = "azureml"
SYSTEM = {"ml.azure.com/amlarc-system": "true"}
BILLED = {**SYSTEM, "ml.azure.com/billing-category": "azureml-system"}
CHART = {"helm.sh/chart": "amlarc-extension-1.1.71"}
PURPOSES = {"training": (True, False), "inference": (False, True), "both": (True, True)}

# Name with {ext} for the extension's own, number of containers, labels of the pods.
ALWAYS: tuple[tuple[str, int, Mapping[str, str]], ...] = (
    ("gateway", 2, {"app": "gateway"}),
    ("metrics-controller-manager", 2, {"amlarc-controller": "metrics-controller"}),
    ("{ext}-kube-state-metrics", 1, {"app.kubernetes.io/name": "kube-state-metrics", "app.kubernetes.io/instance": "{ext}"}),
)
PROMETHEUS_OPERATOR = ("{ext}-prometheus-operator", 1, {"app.kubernetes.io/name": "prometheus-operator", "component": "controller"})
RELAY = ("relayserver", 1, {"app": "relayserver"})
NGINX = (
    "azureml-ingress-nginx-controller",
    1,
    {"app.kubernetes.io/name": "azureml-ingress-nginx", "app.kubernetes.io/component": "controller"},
)
TRAINING: tuple[tuple[str, int, Mapping[str, str]], ...] = (
    ("aml-operator", 2, {"app": "aml-operator", "control-plane": "controller-manager"}),
)
# The label is singular where the Deployment's name is not.
VOLCANO: tuple[tuple[str, int, Mapping[str, str]], ...] = (
    ("volcano-admission", 1, {"app": "volcano-admission"}),
    ("volcano-controllers", 1, {"app": "volcano-controller"}),
    ("volcano-scheduler", 1, {"app": "volcano-scheduler"}),
)
INFERENCE: tuple[tuple[str, int, Mapping[str, str]], ...] = (
    ("amlarc-identity-controller", 2, {"amlarc-identity-component": "identity-controller"}),
    ("amlarc-identity-proxy", 2, {"amlarc-identity-component": "identity-proxy"}),
    ("azureml-fe-v2", 4, {"azuremlappname": "azureml-fe", "azuremlappversion": "v2", "ml.azure.com/infra-app": "azureml-fe"}),
    ("inference-operator-controller-manager", 2, {"control-plane": "inference-operator-controller-manager"}),
)
# Name, labels that its pods have, port, need.
SERVICES: tuple[tuple[str, Mapping[str, str], int, str], ...] = (
    ("gateway", {"app": "gateway"}, 5004, "always"),
    ("{ext}-kube-state-metrics", {"app.kubernetes.io/name": "kube-state-metrics"}, 8080, "always"),
    ("prom-prometheus", {"app": "prometheus"}, 9090, "always"),
    ("prometheus-operated", {"app": "prometheus"}, 9090, "always"),
    ("prometheus-operator", {"app.kubernetes.io/name": "prometheus-operator"}, 8080, "prom_op"),
    ("azureml-fe", {"ml.azure.com/infra-app": "azureml-fe"}, 80, "inference"),
    ("azureml-fe-int-http", {"ml.azure.com/infra-app": "azureml-fe"}, 9001, "inference"),
    ("amlarc-identity-proxy-service", {"amlarc-identity-component": "identity-proxy"}, 9999, "inference"),
    ("amlarc-identity-webhook-service", {"amlarc-identity-component": "identity-controller"}, 443, "inference"),
    ("azureml-ingress-nginx-controller", {"app.kubernetes.io/name": "azureml-ingress-nginx"}, 80, "nginx"),
    ("azureml-ingress-nginx-controller-admission", {"app.kubernetes.io/name": "azureml-ingress-nginx"}, 443, "nginx"),
    ("volcano-admission-service", {"app": "volcano-admission"}, 443, "volcano"),
    ("volcano-scheduler-service", {"app": "volcano-scheduler"}, 8080, "volcano"),
)
DEFINITIONS = {
    "always": ("InstanceType.amlarc.azureml.com", "Prometheus.monitoring.coreos.com", "ServiceMonitor.monitoring.coreos.com"),
    "training": ("AmlJob.amlarc.azureml.com",),
    "volcano": ("Job.batch.volcano.sh", "PodGroup.scheduling.volcano.sh", "Queue.scheduling.volcano.sh"),
}
HEALTHY_REPORT = (
    "Status: Passed\nName: service\nStatus: Passed\nName: clusterresource\nK8sDistribution: aks\nK8sInfrastructure: azure\n"
)


def workload(kind: str, name: str, containers: int, labels: Mapping[str, str], replicas: int = 1, **pod: Any) -> Json:
    """A Deployment, DaemonSet or StatefulSet; `pod` are fields of its pods' specification."""
    both = {**BILLED, **labels}
    template = {
        "metadata": {"labels": both},
        "spec": {
            "serviceAccountName": "default",
            "containers": [
                {"name": f"c{number}" if number else "main", "image": f"mcr.microsoft.com/azureml/amlarc/docker/{name}:1.1.71"}
                for number in range(containers)
            ],
            **pod,
        },
    }
    spec: Json = {"selector": {"matchLabels": dict(both)}, "template": template}
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    if kind == "StatefulSet":
        spec["serviceName"] = "prometheus-operated"
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {**BILLED, **CHART, **labels}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def service(name: str, selector: Mapping[str, str], port: int, kind: str = "ClusterIP") -> Json:
    spec = {"type": kind, "selector": dict(selector), "ports": [{"name": "main", "port": port, "targetPort": port}]}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": dict(SYSTEM)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def definition(name: str) -> Json:
    """A definition that takes any field."""
    kind, _, group = name.partition(".")
    plural = f"{kind.lower()}{'es' if kind.endswith('s') else 's'}"
    version = "v1alpha1" if group.startswith("amlarc") else "v1" if "coreos" in group else "v1beta1"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster" if kind == "InstanceType" else "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        },
    }


def webhook(kind: str, name: str, target: str, group: str, resource: str) -> Json:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name, "labels": dict(SYSTEM)},
        "webhooks": [
            {
                "name": f"{name}.azureml.internal",
                "clientConfig": {"service": {"namespace": NAMESPACE, "name": target, "path": "/x", "port": 443}},
                "rules": [{"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [resource]}],
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


def health(**reports: str) -> Json:
    data = {key.replace("_", "-"): text for key, text in reports.items()}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "arcml-healthcheck", "namespace": NAMESPACE},
        "data": data,
    }


def health_pod() -> Json:
    """The pod of the health check, which stays when it is done."""
    spec = {
        "restartPolicy": "Never",
        "containers": [{"name": "healthcheck", "image": "mcr.microsoft.com/azureml/healthcheck:1.1.71"}],
    }
    metadata = {"name": "healthcheck", "namespace": NAMESPACE, "labels": {**SYSTEM, "app": "healthcheck"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def installed(
    purpose: str = "both",
    connection: str = "aks",
    *,
    extension: str = "azureml",
    fluent_bit: bool = False,
    replicas: int = 1,
    prom_op: bool = True,
    volcano: bool = True,
    nginx: bool | None = None,
    dcgm: bool = False,
    device_plugin: bool = False,
) -> list[Json]:
    """Everything that a healthy installation puts into the cluster; with `fluent_bit` that of an extension before 1.1.17."""
    training, inference = PURPOSES[purpose]
    volcano, nginx = volcano and training, (connection == "aks") if nginx is None else nginx
    needs = {"always": True, "prom_op": prom_op, "inference": inference, "training": training, "nginx": nginx, "volcano": volcano}
    rows = [
        *ALWAYS,
        *([PROMETHEUS_OPERATOR] if prom_op else []),
        *([RELAY] if connection == "arc" else []),
        *([NGINX] if nginx else []),
    ]
    rows += [*(TRAINING if training else ()), *(VOLCANO if volcano else ()), *(INFERENCE if inference else ())]
    found = [
        workload("Deployment", name, count, labels, replicas if name == "azureml-fe-v2" else 1) for name, count, labels in rows
    ]
    prometheus = {"app": "prometheus", "operator.prometheus.io/name": "prom-prometheus"}
    found.append(workload("StatefulSet", "prometheus-prom-prometheus", 2, prometheus))
    if fluent_bit:
        found.append(workload("DaemonSet", "fluent-bit", 1, {"k8s-app": "fluent-bit"}))
    if dcgm:
        found.append(workload("DaemonSet", "{ext}-dcgm-exporter", 1, {"app.kubernetes.io/name": "dcgm-exporter"}))
    if device_plugin:
        found.append(workload("DaemonSet", "nvidia-device-plugin-daemonset", 1, {"name": "nvidia-device-plugin-ds"}))
    found += [service(name, selector, port) for name, selector, port, need in SERVICES if needs[need]]
    found += [definition(name) for need, names in DEFINITIONS.items() if needs[need] for name in names]
    if volcano:
        found.append(
            webhook(
                "Validating", "volcano-admission-service-jobs-validate", "volcano-admission-service", "batch.volcano.sh", "jobs"
            )
        )
    if inference:
        found.append(
            webhook(
                "Mutating", "amlarc-identity-webhook", "amlarc-identity-webhook-service", "amlarc.azureml.com", "onlinedeployments"
            )
        )
    found += [health(reports_pre_install=HEALTHY_REPORT, reports_test=HEALTHY_REPORT), health_pod()]
    version = "1.1.9" if fluent_bit else "1.1.71"
    return [_named(item, extension, version) for item in found]


def _named(item: Json, extension: str, version: str) -> Json:
    """The object with the extension's own name and version in all its texts."""

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: put(content) for key, content in value.items()}
        if isinstance(value, list):
            return [put(content) for content in value]
        return value.replace("{ext}", extension).replace("1.1.71", version) if isinstance(value, str) else copy.copy(value)

    done: Json = put(item)
    return done
