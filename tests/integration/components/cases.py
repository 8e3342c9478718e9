"""Installations that look odd and are healthy, and such as are broken on purpose. docs/extension-components.md lists both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.integration.components import listing
from tests.integration.components.cluster import Cluster, creating, silent, unscheduled, waiting
from tests.integration.components.listing import NAMESPACE, Json

Change = Callable[[Cluster], None]


@dataclass(frozen=True)
class Case:
    """One case.

    Args:
        name: as the document calls it.
        install: arguments of `listing.installed`.
        change: what is done to the installation.
        options: what is said of it to the module.
        says: code and subject of what is said beyond the scenario: for a broken one its errors, for an odd one all warnings.
        words: what the messages and remedies have to name.
    """

    name: str
    change: Change = lambda _cluster: None
    install: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    says: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()
    arc: Json | None = None

    def cluster(self) -> Cluster:
        """The cluster of the case."""
        arc = (
            self.arc if self.arc is not None else {"KUBERNETES_DISTRO": "k3s"} if self.install.get("connection") == "arc" else None
        )
        made = Cluster(listing.installed(**self.install), arc)
        self.change(made)
        return made


def _evicted(cluster: Cluster) -> None:
    pod = cluster.add(
        {
            "kind": "Pod",
            "metadata": {"name": "gateway-old", "labels": {"app": "gateway", **listing.BILLED}},
            "status": {"phase": "Failed"},
        }
    )
    pod["status"].update(reason="Evicted", message="The node was low on resource: memory.")


def _restarted(cluster: Cluster) -> None:
    for pod in cluster.pods("gateway"):
        ended = {"terminated": {"exitCode": 1, "finishedAt": "2026-11-02T10:00:00Z"}}
        pod["status"]["containerStatuses"][0].update(restartCount=30, lastState=ended)


def _node_down(cluster: Cluster) -> None:
    cluster.count(cluster.get("DaemonSet", "nvidia-device-plugin-daemonset"), 3, 2)


def _earlier(cluster: Cluster) -> None:
    report = "Status: Failed Name: service ErrorCode: E40001 ErrorMessage: no load balancer\n"
    cluster.add(listing.health(reports_pre_install=report, reports_test=listing.HEALTHY_REPORT))


def _instance_types(cluster: Cluster) -> None:
    report = "Status: Failed\nName: instancetype\nErrorCode: E45006\nErrorMessage: no matches for kind InstanceType\n"
    cluster.add(listing.health(reports_pre_install=report + listing.HEALTHY_REPORT))


def _old_router(cluster: Cluster) -> None:
    item = cluster.get("Deployment", "azureml-fe-v2")
    cluster.drop("Deployment", "azureml-fe-v2")
    cluster.add({**item, "metadata": {**item["metadata"], "name": "azureml-fe"}})


def _strangers(cluster: Cluster) -> None:
    mine = listing.workload("Deployment", "debug-shell", 1, {"app": "debug"}, replicas=0)
    cluster.add({**mine, "metadata": {"name": "debug-shell", "namespace": NAMESPACE}})
    done = {"kind": "Pod", "metadata": {"name": "job-1", "labels": {"ml.azure.com/job": "1"}}, "status": {"phase": "Succeeded"}}
    cluster.add(done)


ODD = (
    Case("an extension before 1.1.17 with the DaemonSet fluent-bit", install={"fluent_bit": True}),
    Case(
        "no fluent-bit although the old edition is asked for",
        options={"components_edition": "2022-06"},
        says=(("missing", "fluent-bit"),),
    ),
    Case("pod healthcheck is completed, and its report has E45006 from before the installation", _instance_types),
    Case("Arc with the extension's nginx switched on", install={"connection": "arc", "nginx": True}),
    Case("AKS with the extension's nginx switched off", install={"nginx": False}),
    Case("AKS that is connected to Azure Arc, too", arc={"KUBERNETES_DISTRO": "aks"}, says=(("missing", "relayserver"),)),
    Case("another Prometheus operator is used (installPromOp=false), and nobody said so", install={"prom_op": False}),
    Case("another Volcano is used (installVolcano=false), and nobody said so", install={"volcano": False}),
    Case("the router is still called azureml-fe", _old_router),
    Case("the health check reports E40001 of an earlier attempt to install", _earlier),
    Case(
        "a node is down, so that a DaemonSet is ready on two of three",
        _node_down,
        install={"device_plugin": True},
        says=(("not_ready", "nvidia-device-plugin-daemonset"),),
    ),
    Case("thirty restarts, weeks ago", _restarted),
    Case("an evicted pod beside its successor", _evicted),
    Case("somebody's own Deployment scaled to nothing, and a finished job, in namespace azureml", _strangers),
)

_TOO_FULL = (
    "0/5 nodes are available: 2 node(s) had untolerated taint {sku: gpu}, 3 Insufficient cpu. preemption: 0/5 nodes are available."
)
_SCC = 'provider "restricted-v2": Forbidden: not usable by user; unable to validate against any security context constraint'
_QUOTA = "exceeded quota: small, requested: requests.cpu=50m, used: requests.cpu=1, limited: requests.cpu=1"


def _delete(kind: str, *names: str) -> Change:
    def change(cluster: Cluster) -> None:
        for name in names:
            cluster.drop(kind, name)

    return change


def _broken(name: str, how: Callable[[Json], None], kind: str = "Deployment", **event: str) -> Change:
    def change(cluster: Cluster) -> None:
        cluster.break_pods(kind, name, how)
        for pod in cluster.pods(name):
            for reason, message in event.items():
                cluster.event("Pod", pod["metadata"]["name"], reason, message)

    return change


def _denied(name: str, why: str) -> Change:
    return lambda cluster: cluster.without_pods("Deployment", name, why)


def _scaled(cluster: Cluster) -> None:
    cluster.drop("Deployment", "azureml-fe-v2")
    item = next(one for one in listing.installed(replicas=0) if one["metadata"]["name"] == "azureml-fe-v2")
    cluster.add(item)


def _no_address(cluster: Cluster) -> None:
    cluster.get("Service", "azureml-fe")["spec"]["type"] = "LoadBalancer"


def _wrong_selector(cluster: Cluster) -> None:
    cluster.get("Service", "gateway")["spec"]["selector"] = {"app": "gatevay"}


def _leaving(cluster: Cluster) -> None:
    assert cluster.namespace is not None
    cluster.namespace["metadata"]["deletionTimestamp"] = "2026-11-24T11:00:00Z"
    cluster.drop("Deployment", "gateway")
    cluster.drop("Deployment", "aml-operator")


def _claim(cluster: Cluster) -> None:
    words = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    cluster.break_pods("StatefulSet", "prometheus-prom-prometheus", unscheduled(words))
    volume = {"name": "db", "persistentVolumeClaim": {"claimName": "prom-db"}}
    cluster.get("StatefulSet", "prometheus-prom-prometheus")["spec"]["template"]["spec"]["volumes"] = [volume]
    claim = {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "prom-db"},
        "spec": {"storageClassName": "gone"},
        "status": {"phase": "Pending"},
    }
    cluster.add(claim)
    cluster.event("PersistentVolumeClaim", "prom-db", "ProvisioningFailed", 'storageclass.storage.k8s.io "gone" not found')


def _dead_webhook(cluster: Cluster) -> None:
    cluster.drop("Service", "volcano-admission-service")


def _health(cluster: Cluster) -> None:
    report = "Status: Failed\nName: info\nErrorCode: E40007\nErrorMessage: certificate does not match key\n"
    cluster.add(listing.health(reports_test=report))


BOTH = {"training": True, "inference": True, "install_volcano": True, "install_prom_op": True}
ON_ARC = {"connection": "arc", "nginx": True}
_CRASHED = {"restartCount": 12, "lastState": {"terminated": {"reason": "Error", "exitCode": 1, "message": "no route to host"}}}
_KILLED = {"restartCount": 3, "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}

SABOTAGED = (
    Case(
        "relayserver is deleted on Arc",
        _delete("Deployment", "relayserver"),
        {"connection": "arc"},
        {"connection": "arc"},
        (("missing", "relayserver"),),
        ("az k8s-extension update",),
    ),
    Case(
        "aml-operator is deleted",
        _delete("Deployment", "aml-operator"),
        says=(("missing", "aml-operator"),),
        words=("runs training jobs", "az k8s-extension update"),
    ),
    Case("the router is scaled to nothing", _scaled, says=(("scaled_down", "azureml-fe-v2"),), words=("kubectl scale",)),
    Case(
        "the gateway's image does not exist",
        _broken(
            "gateway", waiting("ImagePullBackOff", "Back-off pulling image"), Failed="failed to resolve reference: manifest unknown"
        ),
        says=(("image", "gateway"),),
        words=("manifest unknown", "mcr.microsoft.com"),
    ),
    Case(
        "the registry refuses the identity proxy's image",
        _broken("amlarc-identity-proxy", waiting("ErrImagePull", "failed to fetch anonymous token: 401 Unauthorized")),
        says=(("registry_denied", "amlarc-identity-proxy"),),
        words=("401", "image pull secrets"),
    ),
    Case(
        "aml-operator ends again and again",
        _broken("aml-operator", waiting("CrashLoopBackOff", "back-off 5m0s", **_CRASHED)),
        says=(("crash", "aml-operator"),),
        words=("exit code 1", "no route to host", "12 times", "--previous"),
    ),
    Case(
        "nginx is killed for its memory on a node with many cores",
        _broken("azureml-ingress-nginx-controller", waiting("CrashLoopBackOff", "back-off", **_KILLED)),
        says=(("out_of_memory", "azureml-ingress-nginx-controller"),),
        words=("worker-processes",),
    ),
    Case(
        "no node has room for the router",
        _broken("azureml-fe-v2", unscheduled(_TOO_FULL)),
        says=(("unschedulable", "azureml-fe-v2"),),
        words=("Insufficient cpu", "Add nodes", "ml.azure.com/amlarc-system"),
    ),
    Case(
        "the volume of Prometheus is of a storage class that is gone",
        _claim,
        says=(("volume", "prometheus-prom-prometheus"),),
        words=("unbound", "storage class"),
    ),
    Case(
        "OpenShift denies the SCC to kube-state-metrics",
        _denied("azureml-kube-state-metrics", _SCC),
        says=(("scc_denied", "azureml-kube-state-metrics"),),
        words=("scc_grant", "service account default"),
    ),
    Case(
        "a ResourceQuota leaves nothing for the Volcano scheduler",
        _denied("volcano-scheduler", _QUOTA),
        says=(("quota", "volcano-scheduler"),),
        words=("exceeded quota: small",),
    ),
    Case(
        "a policy denies the inference operator's pods",
        _denied(
            "inference-operator-controller-manager", 'admission webhook "validation.gatekeeper.sh" denied the request: no root'
        ),
        says=(("admission_denied", "inference-operator-controller-manager"),),
        words=("gatekeeper", "Exempt namespace azureml"),
    ),
    Case(
        "the router's TLS Secret is missing",
        _broken("azureml-fe-v2", creating, FailedMount='MountVolume.SetUp failed for volume "tls": secret "azureml-tls" not found'),
        says=(("config_missing", "azureml-fe-v2"),),
        words=("azureml-tls", "tls_secret"),
    ),
    Case(
        "the service account of the metrics controller is deleted",
        _denied(
            "metrics-controller-manager", 'error looking up service account azureml/default: serviceaccount "default" not found'
        ),
        says=(("account_missing", "metrics-controller-manager"),),
        words=("az", "serviceaccount"),
    ),
    Case(
        "the identity controller does not answer its probe",
        _broken("amlarc-identity-controller", silent, Unhealthy="Readiness probe failed: connection refused"),
        says=(("not_answering", "amlarc-identity-controller"), ("webhook_dead", "amlarc-identity-webhook")),
        words=("connection refused", "kubectl logs"),
    ),
    Case(
        "the Service of Volcano's webhook is deleted",
        _dead_webhook,
        says=(("service_missing", "volcano-admission-service"), ("webhook_dead", "volcano-admission-service-jobs-validate")),
        words=("jobs.batch.volcano.sh", "kubectl delete validatingwebhookconfiguration"),
    ),
    Case(
        "the Service of the gateway selects nothing", _wrong_selector, says=(("service_unbacked", "gateway"),), words=("selector",)
    ),
    Case(
        "the router's load balancer never gets an address",
        _no_address,
        says=(("no_address", "azureml-fe"),),
        words=("E40001", "inferenceRouterServiceType"),
    ),
    Case(
        "the definition of instance types is deleted",
        _delete("CustomResourceDefinition", "instancetypes.amlarc.azureml.com"),
        says=(("definition_missing", "instancetypes.amlarc.azureml.com"),),
    ),
    Case("the extension is half uninstalled", _leaving, says=(("uninstalling", "azureml"),), words=("gateway", "aml-operator")),
    Case(
        "the health check finds that certificate and key do not match",
        _health,
        says=(("health_failed", "arcml-healthcheck"),),
        words=("E40007 INVALID_SSL_SETTING", "tls_secret"),
    ),
)
