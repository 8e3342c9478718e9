"""Which kind of cluster this is, with the evidence. Topics that behave differently per platform share this.

The API has no official product marker, so the answer is put together from API groups, a few well-known objects and node
labels. Whatever may not be read stays unknown: `detect` never turns a refusal into a "no".
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .model import Json
from .snapshot import Answer, Read, Snapshot, object_path

PlatformName = t.Literal[
    "aks", "aro", "aro_hcp", "ocp", "okd", "rosa", "osd", "eks", "gke", "k3s", "rke2", "kind", "kubernetes", "unknown"
]

PLATFORMS: tuple[str, ...] = t.get_args(PlatformName)
OPENSHIFT_PLATFORMS = ("aro", "aro_hcp", "ocp", "okd", "rosa", "osd")
MANAGED_OPENSHIFT = ("rosa", "osd")
EXTENSION_NAMESPACE = "azureml"
ARC_NAMESPACE = "azure-arc"

API_GROUPS = Read("/apis")
VERSION = Read("/version")
NODES = Read(object_path("v1", "nodes"))
CLUSTER_VERSION = Read(object_path("config.openshift.io/v1", "clusterversions", "version"))
INFRASTRUCTURE = Read(object_path("config.openshift.io/v1", "infrastructures", "cluster"))
CONSOLE = Read(object_path("operator.openshift.io/v1", "consoles", "cluster"))
ARO_CLUSTER = Read(object_path("aro.openshift.io/v1alpha1", "clusters", "cluster"))
ARC_CONFIG = Read(object_path("v1", "configmaps", "azure-clusterconfig", ARC_NAMESPACE))
EXTENSION_DEPLOYMENTS = Read(object_path("apps/v1", "deployments", namespace=EXTENSION_NAMESPACE))

# Markers as az connectedk8s and replicatedhq/troubleshoot use them; RKE2 embeds k3s and shows its markers too, so it comes first.
_NODE_KEYS: tuple[tuple[PlatformName, tuple[str, ...]], ...] = (
    ("aks", ("kubernetes.azure.com/cluster", "kubernetes.azure.com/node-image-version", "kubernetes.azure.com/role")),
    ("gke", ("cloud.google.com/gke-nodepool", "cloud.google.com/gke-os-distribution")),
    ("eks", ("eks.amazonaws.com/nodegroup", "eks.amazonaws.com/compute-type", "alpha.eksctl.io/nodegroup-name")),
    ("rke2", ("rke2.io/node-args", "rke2.io/node-config-hash")),
    ("k3s", ("k3s.io/node-args", "k3s.io/node-config-hash")),
)
_PROVIDERS: tuple[tuple[str, PlatformName], ...] = (("rke2://", "rke2"), ("k3s://", "k3s"), ("kind://", "kind"))
_INSTANCE_TYPES: tuple[tuple[str, PlatformName], ...] = (("rke2", "rke2"), ("k3s", "k3s"))
_VERSION_MARKS: tuple[tuple[str, PlatformName], ...] = (
    ("-akslts", "aks"),
    ("-gke.", "gke"),
    ("-eks-", "eks"),
    ("+rke2", "rke2"),
    ("+k3s", "k3s"),
)
_BRANDS: t.Mapping[str, PlatformName] = {"rosa": "rosa", "dedicated": "osd"}
_CLUSTER_TYPES: t.Mapping[str, PlatformName] = {"rosa": "rosa", "osd": "osd"}
_RED_HAT_CLOUDS = ("AWS", "GCP")


@dataclass(frozen=True)
class Platform:
    """What the cluster is. A flag is None when it could not be read, never a guess.

    Args:
        name: the platform; `unknown` when the deciding reads were forbidden.
        evidence: one phrase per fact that decided, as "label kubernetes.azure.com/cluster on node aks-1".
        openshift: the OpenShift APIs are served.
        hosted_control_plane: HyperShift (no MachineConfigPools in the cluster).
        managed_openshift: ROSA or OSD, which refuse changes of default SCCs and MachineConfigs.
        arc_connected: Azure Arc agents are installed.
        extension: name of the installed AzureML extension, "" when none runs, None also when its labels do not tell the name.
        openshift_version: running (last completed) OpenShift version, "" elsewhere.
    """

    name: PlatformName
    evidence: tuple[str, ...] = ()
    openshift: bool | None = None
    hosted_control_plane: bool | None = None
    managed_openshift: bool | None = None
    arc_connected: bool | None = None
    extension: str | None = None
    openshift_version: str = ""


def platform_reads(snapshot: Snapshot) -> list[Read]:
    """Everything `detect` wants, given what is known so far (see Topic.reads).

    At most 6 requests: three at first, then either ClusterVersion, Infrastructure and the object that names the edition of
    OpenShift, or the nodes and /version; ClusterVersion also where discovery may not be read.
    """
    reads = [API_GROUPS, ARC_CONFIG, EXTENSION_DEPLOYMENTS]
    if API_GROUPS not in snapshot:
        return reads
    if api_groups(snapshot) is None:
        reads += [CLUSTER_VERSION]
        if CLUSTER_VERSION not in snapshot:
            return reads
    reads += _openshift_reads(snapshot) if _openshift(snapshot) else [NODES, VERSION]
    return list(dict.fromkeys(reads))


def detect(snapshot: Snapshot, override: str = "") -> Platform:
    """The platform of the cluster in `snapshot`; `override` is the user's word and wins."""
    openshift = _openshift(snapshot)
    found = _detect_openshift(snapshot) if openshift else _detect_other(snapshot, openshift)
    arc_connected, arc_evidence = _arc(snapshot)
    found = replace(found, arc_connected=arc_connected, extension=_extension_name(snapshot), evidence=found.evidence + arc_evidence)
    return _overridden(found, override) if override else found


def api_groups(snapshot: Snapshot) -> frozenset[str] | None:
    """Names of the API groups that are served, None when discovery could not be read."""
    groups = body_of(snapshot, API_GROUPS).get("groups")
    if not isinstance(groups, list):
        return None
    return frozenset(name for name in (text(group.get("name")) for group in objects(groups)) if name)


def body_of(snapshot: Snapshot, read: Read) -> Json:
    """What was read, {} when it was not, or is not there."""
    answer = snapshot.get(read)
    return answer.body if answer is not None and answer.found and isinstance(answer.body, dict) else {}


def objects(value: t.Any) -> list[Json]:
    """The dicts in a list that a server sent; anything else counts as nothing."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def mapping(value: t.Any, *keys: str) -> Json:
    """The dict below `keys`, empty when any step is absent, null or something else."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text(value: t.Any) -> str:
    """A string that a server sent; "" for anything else."""
    return value if isinstance(value, str) else ""


def condition(status: Json, kind: str) -> str:
    """State of a condition of an object: True, False, Unknown, or "" when it is not reported."""
    return next((text(c.get("status")) for c in objects(status.get("conditions")) if c.get("type") == kind), "")


def name_of(item: Json) -> str:
    """`metadata.name`, "" when absent."""
    return text(mapping(item, "metadata").get("name"))


def list_items(answer: Answer | None) -> list[Json] | None:
    """The objects of a list answer; None when it was not read, [] when its API does not exist."""
    if answer is None or not known(answer):
        return None
    return objects(answer.body.get("items") if isinstance(answer.body, dict) else None)


def known(answer: Answer | None) -> bool:
    """Whether the cluster answered the question, with the object or with "there is none"."""
    return answer is not None and (answer.found or answer.absent)


def is_extension_object(item: Json) -> bool:
    """Whether the AzureML extension installed this object (label of the extension's chart)."""
    return text(mapping(item, "metadata", "labels").get("ml.azure.com/amlarc-system")).lower() == "true"


def extension_name(deployments: t.Sequence[Json]) -> str | None:
    """The extension's name from its Deployments in namespace azureml: "" without any, None when none of them tells.

    The chart's kube-state-metrics and Prometheus operator are named after the release, which is the extension's name.
    """
    ours = [item for item in deployments if is_extension_object(item) or name_of(item).endswith("-kube-state-metrics")]
    for item in ours:
        labels = mapping(item, "metadata", "labels")
        if labels.get("app.kubernetes.io/name") == "kube-state-metrics" and text(labels.get("app.kubernetes.io/instance")):
            return text(labels["app.kubernetes.io/instance"])
    for item in ours:
        for suffix in ("-kube-state-metrics", "-prometheus-operator"):
            if name_of(item).endswith(suffix):
                return name_of(item)[: -len(suffix)]
    for item in ours:
        release = text(mapping(item, "metadata", "annotations").get("meta.helm.sh/release-name"))
        if release:
            return release
    return None if ours else ""


def running_version(cluster_version: Json) -> str:
    """The OpenShift version that last rolled out completely; "" while the first installation is under way."""
    for entry in objects(mapping(cluster_version, "status").get("history")):
        if entry.get("state") == "Completed":
            return text(entry.get("version"))
    return ""


def _openshift(snapshot: Snapshot) -> bool | None:
    """Whether OpenShift APIs are served; ClusterVersion answers when discovery may not be read."""
    groups = api_groups(snapshot)
    if groups is not None:
        return bool(groups & {"config.openshift.io", "security.openshift.io"})
    answer = snapshot.get(CLUSTER_VERSION)
    return answer.found if answer is not None and known(answer) else None


def _openshift_reads(snapshot: Snapshot) -> list[Read]:
    """The objects that name the edition of OpenShift; Console only where it could still decide."""
    groups = api_groups(snapshot)
    if groups is not None and "config.openshift.io" not in groups:
        return [NODES, VERSION]
    reads = [CLUSTER_VERSION, INFRASTRUCTURE]
    if groups is not None and "aro.openshift.io" in groups:
        return reads + [ARO_CLUSTER]
    if INFRASTRUCTURE in snapshot and _console_decides(snapshot):
        reads += [CONSOLE]
    return reads


def _console_decides(snapshot: Snapshot) -> bool:
    """Whether the brand in Console can tell more: on the clouds where Red Hat manages clusters, or instead of discovery."""
    status = _infrastructure(snapshot)
    groups = api_groups(snapshot)
    if _managed_by_tags(status) or (groups is not None and "operator.openshift.io" not in groups):
        return False
    cloud = _infrastructure_type(status)
    return cloud in _RED_HAT_CLOUDS or not cloud or (groups is None and cloud == "Azure")


def _infrastructure(snapshot: Snapshot) -> Json:
    return mapping(body_of(snapshot, INFRASTRUCTURE), "status")


def _infrastructure_type(status: Json) -> str:
    """As Azure, AWS, None; `status.platform` is the deprecated place."""
    return text(mapping(status, "platformStatus").get("type")) or text(status.get("platform"))


def _managed_by_tags(status: Json) -> PlatformName | None:
    """ROSA or OSD by the tags that Red Hat puts on the cloud resources (openshift/managed-cluster-config)."""
    for cloud in mapping(status, "platformStatus").values():
        if not isinstance(cloud, dict):
            continue
        for tag in objects(cloud.get("resourceTags")) + objects(cloud.get("resourceLabels")):
            if tag.get("key") == "red-hat-clustertype":
                return _CLUSTER_TYPES.get(text(tag.get("value")).lower())
    return None


def _detect_openshift(snapshot: Snapshot) -> Platform:
    """Edition, control plane and version of an OpenShift cluster."""
    groups = api_groups(snapshot)
    if groups is not None and "config.openshift.io" not in groups:
        subset = "API group security.openshift.io without config.openshift.io (MicroShift or a subset of OpenShift)"
        return Platform("kubernetes", (subset,), openshift=True, hosted_control_plane=False, managed_openshift=False)
    topology = text(_infrastructure(snapshot).get("controlPlaneTopology"))
    version = running_version(body_of(snapshot, CLUSTER_VERSION))
    name, managed, evidence = _edition(snapshot, version, topology)
    if topology == "External":
        evidence += ("Infrastructure/cluster has controlPlaneTopology External",)
    served = "API group config.openshift.io" if groups is not None else "ClusterVersion/version"
    return Platform(
        name,
        (served,) + evidence,
        openshift=True,
        hosted_control_plane=False if name == "aro" else topology == "External" if topology else None,
        managed_openshift=managed,
        openshift_version=version,
    )


def _edition(snapshot: Snapshot, version: str, topology: str) -> tuple[PlatformName, bool | None, tuple[str, ...]]:
    """Name of the edition, whether Red Hat manages it (None: unknown) and the evidence."""
    if "aro.openshift.io" in (api_groups(snapshot) or ()):
        return "aro", False, ("API group aro.openshift.io",)
    if "okd" in version:
        return "okd", False, (f"ClusterVersion/version runs {version}",)
    status = _infrastructure(snapshot)
    tagged = _managed_by_tags(status)
    if tagged:
        return tagged, True, (f"Infrastructure/cluster has resource tag red-hat-clustertype={tagged}",)
    brand = text(mapping(body_of(snapshot, CONSOLE), "spec", "customization").get("brand"))
    branded = _BRANDS.get(brand.lower())
    if branded:
        return branded, True, (f"Console/cluster has brand {brand}",)
    if _infrastructure_type(status) == "Azure":
        if topology == "External":
            return "aro_hcp", False, ("platform Azure with a hosted control plane (self-managed HyperShift looks the same)",)
        if brand.lower() == "azure":
            return "aro", False, (f"Console/cluster has brand {brand}",)
    if _edition_hidden(snapshot):
        return "unknown", None, ("OpenShift whose edition could not be read",)
    return "ocp", False, ("no mark of ARO, ROSA, OSD or OKD",)


def _edition_hidden(snapshot: Snapshot) -> bool:
    """Whether a read that could have named another edition was not answered."""
    needed = [INFRASTRUCTURE, CLUSTER_VERSION] + ([CONSOLE] if _console_decides(snapshot) else [])
    return any(not known(snapshot.get(read)) for read in needed)


def _detect_other(snapshot: Snapshot, openshift: bool | None) -> Platform:
    """A cluster that is not, or not known to be, OpenShift."""
    nodes = list_items(snapshot.get(NODES))
    version = text(body_of(snapshot, VERSION).get("gitVersion"))
    name: PlatformName
    evidence: tuple[str, ...]
    name, evidence = _by_nodes(nodes or []) or _by_version(version) or ("unknown", ())
    if name == "unknown" and nodes:
        if any("node.openshift.io/os_id" in mapping(node, "metadata", "labels") for node in nodes):
            return Platform("unknown", ("label node.openshift.io/os_id on a node, edition not readable",), openshift=True)
        if openshift is False:
            name, evidence = "kubernetes", ("no mark of a known distribution on any node",)
    flag = False if openshift is False or name not in ("unknown", "kubernetes") else None
    return Platform(name, evidence, openshift=flag, hosted_control_plane=flag, managed_openshift=flag)


def _by_nodes(nodes: t.Sequence[Json]) -> tuple[PlatformName, tuple[str, ...]] | None:
    for platform, keys in _NODE_KEYS:
        for node in nodes:
            metadata = mapping(node, "metadata")
            for key in keys:
                for kind in ("label", "annotation"):
                    if key in mapping(metadata, f"{kind}s"):
                        return platform, (f"{kind} {key} on node {name_of(node)}",)
    for node in nodes:
        provider = text(mapping(node, "spec").get("providerID"))
        instance_type = text(mapping(node, "metadata", "labels").get("node.kubernetes.io/instance-type"))
        for scheme, platform in _PROVIDERS:
            if provider.startswith(scheme):
                return platform, (f"providerID {scheme} of node {name_of(node)}",)
        for value, platform in _INSTANCE_TYPES:
            if instance_type == value:
                return platform, (f"label node.kubernetes.io/instance-type={value} on node {name_of(node)}",)
    return None


def _by_version(version: str) -> tuple[PlatformName, tuple[str, ...]] | None:
    for mark, platform in _VERSION_MARKS:
        if mark in version:
            return platform, (f"server version {version}",)
    return None


def _arc(snapshot: Snapshot) -> tuple[bool | None, tuple[str, ...]]:
    """Whether Arc agents are installed, and the evidence; the agents' own CRD counts when the ConfigMap may not be read."""
    answer = snapshot.get(ARC_CONFIG)
    if answer is not None and answer.found:
        return True, (f"ConfigMap/{ARC_NAMESPACE}/azure-clusterconfig",)
    if "arc.azure.com" in (api_groups(snapshot) or ()):
        return True, ("API group arc.azure.com",)
    return (False if answer is not None and answer.absent else None), ()


def _extension_name(snapshot: Snapshot) -> str | None:
    deployments = list_items(snapshot.get(EXTENSION_DEPLOYMENTS))
    return None if deployments is None else extension_name(deployments)


def _overridden(found: Platform, override: str) -> Platform:
    """The user's platform with what was observed; flags follow the name where it decides them."""
    name = t.cast(PlatformName, override)
    openshift = override in OPENSHIFT_PLATFORMS
    return replace(
        found,
        name=name,
        evidence=(f"platform set to {override} by the user",) + found.evidence,
        openshift=openshift,
        hosted_control_plane=(True if override == "aro_hcp" else found.hosted_control_plane) if openshift else False,
        managed_openshift=override in MANAGED_OPENSHIFT,
    )
