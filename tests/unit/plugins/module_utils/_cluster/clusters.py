"""Clusters of every platform as API answers, and the reading loop of the engine.

Node markers, ConfigMap keys and OpenShift objects are written as such clusters show them; a path that is not listed is 404.
"""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import KUBE_SYSTEM, Answer, Read, Snapshot

Json = t.Dict[str, t.Any]
Cluster = t.Dict[str, t.Union[Json, Answer]]

NODES = "/api/v1/nodes"
ARC = "/api/v1/namespaces/azure-arc/configmaps/azure-clusterconfig"
CLUSTER_VERSION = "/apis/config.openshift.io/v1/clusterversions/version"
INFRASTRUCTURE = "/apis/config.openshift.io/v1/infrastructures/cluster"
CONSOLE = "/apis/operator.openshift.io/v1/consoles/cluster"
ARO_CLUSTER = "/apis/aro.openshift.io/v1alpha1/clusters/cluster"
POOLS = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools"
DEPLOYMENTS = "/apis/apps/v1/namespaces/azureml/deployments"
STATEFULSETS = "/apis/apps/v1/namespaces/azureml/statefulsets"
DAEMONSETS = "/apis/apps/v1/namespaces/azureml/daemonsets"
ALL_DAEMONSETS = "/apis/apps/v1/daemonsets"
EXCEPTIONS = "/apis/aadpodidentity.k8s.io/v1/namespaces/azureml/azurepodidentityexceptions"
POLICY = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/aks-managed-protect-system-namespaces"

OPENSHIFT_GROUPS = (
    "config.openshift.io",
    "machineconfiguration.openshift.io",
    "operator.openshift.io",
    "route.openshift.io",
    "security.openshift.io",
)
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"


def groups(*names: str) -> Json:
    return {"kind": "APIGroupList", "groups": [{"name": name} for name in ("apps", "admissionregistration.k8s.io", *names)]}


def items(*objects: Json) -> Json:
    return {"items": list(objects)}


def node(
    name: str,
    *,
    os: str = "linux",
    arch: str = "amd64",
    labels: Json | None = None,
    annotations: Json | None = None,
    provider: str = "",
    kubelet: str = "v1.34.2",
    taints: t.Sequence[Json] = (),
    allocatable: Json | None = None,
    unschedulable: bool = False,
    ready: str = "True",
) -> Json:
    return {
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/os": os, "kubernetes.io/arch": arch, **(labels or {})},
            "annotations": annotations or {},
        },
        "spec": {"providerID": provider, "taints": list(taints), **({"unschedulable": True} if unschedulable else {})},
        "status": {
            "nodeInfo": {"operatingSystem": os, "architecture": arch, "kubeletVersion": kubelet, "osImage": "Image"},
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}],
            "allocatable": {"cpu": "3860m", "memory": "12Gi", **(allocatable or {})},
        },
    }


def arc(**data: str) -> Json:
    return {
        "data": {
            "AZURE_RESOURCE_NAME": "plant-7",
            "AZURE_RESOURCE_GROUP": "factories",
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "AZURE_REGION": "westeurope",
            "AZURE_ARC_AGENT_VERSION": "1.28.2",
            **data,
        }
    }


def deployment(name: str, ready: int = 1, **labels: str) -> Json:
    return {
        "metadata": {"name": name, "namespace": "azureml", "labels": {"ml.azure.com/amlarc-system": "true", **labels}},
        "spec": {"replicas": 1},
        "status": {"readyReplicas": ready},
    }


def state_metrics(extension: str) -> Json:
    labels = {"app.kubernetes.io/name": "kube-state-metrics", "app.kubernetes.io/instance": extension}
    return deployment(f"{extension}-kube-state-metrics", **labels)


def nmi(namespace: str = "kube-system", **labels: str) -> Json:
    return {
        "metadata": {"name": "nmi", "namespace": namespace},
        "spec": {"template": {"metadata": {"labels": labels or {"component": "nmi"}}}},
    }


def infrastructure(kind: str, topology: str = "HighlyAvailable", **cloud: t.Any) -> Json:
    return {
        "status": {
            "controlPlaneTopology": topology,
            "platform": kind,
            "platformStatus": {"type": kind, kind.lower(): cloud},
        }
    }


def cluster_version(running: str, target: str = "") -> Json:
    history = [{"state": "Completed", "version": running}, {"state": "Completed", "version": "4.0.0"}]
    if target:
        history.insert(0, {"state": "Partial", "version": target})
    return {"spec": {"clusterID": "c1d2"}, "status": {"desired": {"version": target or running}, "history": history}}


def pool(name: str) -> Json:
    return {
        "metadata": {"name": name},
        "spec": {"paused": False, "configuration": {"name": f"rendered-{name}-0a1b"}},
        "status": {
            "configuration": {"name": f"rendered-{name}-0a1b"},
            "machineCount": 3,
            "readyMachineCount": 3,
            "updatedMachineCount": 3,
            "degradedMachineCount": 0,
            "conditions": [{"type": "Updated", "status": "True"}, {"type": "Degraded", "status": "False"}],
        },
    }


def openshift(version: str, infra: Json, *extra_groups: str, **console: t.Any) -> Cluster:
    rendered = {"machineconfiguration.openshift.io/currentConfig": "rendered-worker-0a1b"}
    labels = {"node-role.kubernetes.io/worker": "", "node.openshift.io/os_id": "rhel"}
    return {
        "/apis": groups(*OPENSHIFT_GROUPS, *extra_groups),
        "/version": {"gitVersion": "v1.32.9", "major": "1", "minor": "32"},
        NODES: items(node("worker-1", labels=labels, annotations=rendered, kubelet="v1.32.9")),
        CLUSTER_VERSION: cluster_version(version),
        INFRASTRUCTURE: infra,
        CONSOLE: {"spec": {"customization": console} if console else {}},
        POOLS: items(pool("master"), pool("worker")),
        DEPLOYMENTS: items(),
    }


def plain(version: str, *nodes: Json, **extra: t.Any) -> Cluster:
    return {"/apis": groups(), "/version": {"gitVersion": version}, NODES: items(*nodes), DEPLOYMENTS: items(), **extra}


def aks(*nodes: Json) -> Cluster:
    labels = {"kubernetes.azure.com/cluster": "MC_rg_aks", "kubernetes.azure.com/agentpool": "system"}
    provider = f"azure:///subscriptions/{SUBSCRIPTION}/x"
    return plain("v1.35.5", node("aks-1", labels=labels, provider=provider, kubelet="v1.35.5"), *nodes)


def hosted(cluster: Cluster) -> Cluster:
    """Without machine config, as HyperShift serves it."""
    kept = (name for name in OPENSHIFT_GROUPS if name != "machineconfiguration.openshift.io")
    return {**{path: body for path, body in cluster.items() if path != POOLS}, "/apis": groups(*kept)}


def with_extension(cluster: Cluster, name: str = "aml") -> Cluster:
    """The same cluster with the extension installed."""
    parts = (state_metrics(name), deployment("gateway", ready=0))
    prometheus = {"metadata": {"name": "prometheus-prom-prometheus"}, "spec": {"replicas": 1}, "status": {"readyReplicas": 1}}
    exporter = {
        "metadata": {"name": f"{name}-dcgm-exporter", "namespace": "azureml"},
        "status": {"desiredNumberScheduled": 2, "numberReady": 1},
    }
    return {**cluster, DEPLOYMENTS: items(*parts), STATEFULSETS: items(prometheus), DAEMONSETS: items(exporter)}


def with_pod_identity(cluster: Cluster, *exceptions: str) -> Cluster:
    """The same cluster with Entra pod identity."""
    served = t.cast(Json, cluster["/apis"])["groups"] + [{"name": "aadpodidentity.k8s.io"}]
    return {
        **cluster,
        "/apis": {"groups": served},
        ALL_DAEMONSETS: items(nmi()),
        EXCEPTIONS: items(*({"metadata": {"name": name}} for name in exceptions)),
    }


ROSA_TAGS = [{"key": "red-hat-clustertype", "value": "rosa"}, {"key": "red-hat-managed", "value": "true"}]
CLUSTERS: t.Mapping[str, tuple[str, Cluster]] = {
    "aks": ("aks", aks()),
    "aks connected to Arc": ("aks", {**aks(), ARC: arc()}),
    "aro": (
        "aro",
        {
            **openshift("4.19.24", infrastructure("Azure"), "aro.openshift.io"),
            ARO_CLUSTER: {"spec": {"resourceId": "/subscriptions/s/aro", "location": "westeurope"}},
        },
    ),
    "aro connected to Arc": (
        "aro",
        {
            **openshift("4.19.24", infrastructure("Azure"), "aro.openshift.io", "arc.azure.com"),
            ARC: arc(KUBERNETES_DISTRO="openshift"),
        },
    ),
    "aro hcp": ("aro_hcp", hosted(openshift("4.20.1", infrastructure("Azure", "External")))),
    "ocp on bare metal": ("ocp", openshift("4.18.3", infrastructure("BareMetal"))),
    "ocp on aws": ("ocp", openshift("4.18.3", infrastructure("AWS"), brand="openshift")),
    "ocp without console": ("ocp", {**openshift("4.18.3", infrastructure("GCP")), CONSOLE: Answer(404)}),
    "okd": ("okd", openshift("4.19.0-okd-scos.5", infrastructure("None", "SingleReplica"))),
    "rosa by tag": ("rosa", openshift("4.19.2", infrastructure("AWS", resourceTags=ROSA_TAGS))),
    "rosa by brand": ("rosa", openshift("4.19.2", infrastructure("AWS"), brand="ROSA")),
    "rosa hcp": ("rosa", hosted(openshift("4.19.2", infrastructure("AWS", "External", resourceTags=ROSA_TAGS)))),
    "osd on gcp": ("osd", openshift("4.19.2", infrastructure("GCP"), brand="dedicated")),
    "microshift": ("kubernetes", {**plain("v1.32.1", node("edge")), "/apis": groups("security.openshift.io")}),
    "eks": (
        "eks",
        plain("v1.34.6-eks-bbe087e", node("ip-1", labels={"eks.amazonaws.com/nodegroup": "cpu"}, provider="aws:///a/i-1")),
    ),
    "eks by version": ("eks", plain("v1.34.6-eks-bbe087e", node("ip-1", provider="aws:///a/i-1"))),
    "gke": ("gke", plain("v1.35.5-gke.1", node("gke-1", labels={"cloud.google.com/gke-nodepool": "default"}))),
    "k3s": (
        "k3s",
        {
            **plain("v1.34.2+k3s1", node("edge", labels={"node.kubernetes.io/instance-type": "k3s"}, provider="k3s://edge")),
            ARC: arc(KUBERNETES_DISTRO="k3s", KUBERNETES_INFRA="generic"),
        },
    ),
    "k3s by instance type": ("k3s", plain("v1.34.2", node("edge", labels={"node.kubernetes.io/instance-type": "k3s"}))),
    "rke2": ("rke2", plain("v1.33.3+rke2r1", node("s", annotations={"rke2.io/node-args": "[]", "k3s.io/hostname": "s"}))),
    "kind": ("kind", plain("v1.34.0", node("kind-control-plane", provider="kind://docker/kind/kind-control-plane"))),
    "kubeadm": ("kubernetes", plain("v1.34.0", node("cp-1"), node("w-1"))),
    "bare machine behind aws": ("kubernetes", plain("v1.34.0", node("w-1", provider="aws:///a/i-1"))),
}


def answer(cluster: Cluster, read: Read) -> Answer:
    """What the cluster says to a read."""
    body = cluster.get(read.path)
    if body is None:
        return Answer(404, {"message": "not found"})
    return body if isinstance(body, Answer) else Answer(200, copy.deepcopy(body))


def observe(cluster: Cluster, reads: t.Callable[[Snapshot], t.Sequence[Read]]) -> Snapshot:
    """Ask again after each round of reading until nothing new is wanted, as the engine does; kube-system is read first."""
    snapshot = Snapshot({KUBE_SYSTEM: answer(cluster, KUBE_SYSTEM)})
    for _ in range(10):
        new = [read for read in reads(snapshot) if read not in snapshot]
        if not new:
            return snapshot
        snapshot = snapshot.with_answers({read: answer(cluster, read) for read in new})
    raise AssertionError("the reads never settle")
