"""The GPU nodes of a cluster with who serves each of them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.gpu_nodes import GpuNode, gpu_nodes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    NODES,
    OPENSHIFT_PLATFORMS,
    mapping,
    name_of,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.manifests import NAME, pod_spec
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.owners import Owner, is_ours, owners, owners_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.reading import CLUSTER_POLICIES, DAEMON_SETS, Live
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.scheduling import kept_away

_OPENSHIFT_LABEL = "node.openshift.io/os_id"


@dataclass(frozen=True)
class Place:
    """One GPU node.

    Args:
        raw: the Node as the server has it.
        others: who serves it beside this collection.
        kept_away: why our plugin would not run there, "" when it would.
    """

    node: GpuNode
    raw: Json
    others: tuple[Owner, ...] = ()
    kept_away: str = ""


@dataclass(frozen=True)
class Site:
    """Everything that is decided from.

    Args:
        places: GPU nodes by name.
        candidates: device plugins of others, wherever they run.
        policies: ClusterPolicies of the GPU Operator.
        ours: our DaemonSet in the namespace asked for, None when it is not there.
        taken: a DaemonSet of somebody else that has the place of ours.
        elsewhere: DaemonSets of ours in other namespaces.
        openshift: the machines are OpenShift's.
    """

    request: Request
    places: tuple[Place, ...]
    candidates: tuple[Owner, ...]
    policies: tuple[Json, ...] = ()
    ours: Json | None = None
    taken: bool = False
    elsewhere: tuple[Json, ...] = field(default=())
    openshift: bool = False

    @property
    def expected(self) -> tuple[Place, ...]:
        """Nodes that should offer GPUs now, by whatever plugin."""
        return tuple(place for place in self.places if place.node.state in ("expected", "aks_managed"))

    @property
    def meeting(self) -> tuple[Place, ...]:
        """Nodes on which our plugin would run beside another."""
        return tuple(place for place in self.places if place.others and not place.kept_away and not _planned(place))

    @property
    def left(self) -> tuple[Place, ...]:
        """Nodes that nobody else serves."""
        return tuple(place for place in self.places if place.node.state == "expected" and not place.others)

    @property
    def covered(self) -> int:
        """On how many nodes the controller puts our plugin, whether or not they are well."""
        return sum(not place.kept_away for place in self.places)


def _planned(place: Place) -> bool:
    return all(owner.planned for owner in place.others)


def look(request: Request, live: Live) -> Site | None:
    """The site; None when nodes or DaemonSets may not be read."""
    nodes, daemon_sets = live.items(NODES), live.items(DAEMON_SETS)
    if nodes is None or daemon_sets is None:
        return None
    policies = live.items(CLUSTER_POLICIES) or []
    candidates = owners(daemon_sets, policies, extension_installs=request.extension_installs)
    ours = [item for item in daemon_sets if is_ours(item)]
    openshift = is_openshift(request, nodes)
    spec = pod_spec(request, openshift=openshift)
    by_name = {name_of(raw): raw for raw in nodes}
    places = [_place(node, by_name[node.name], candidates, spec) for node in gpu_nodes(nodes, request.node_labels)]
    return Site(
        request=request,
        places=tuple(places),
        candidates=tuple(candidates),
        policies=tuple(policies),
        ours=next((item for item in ours if _namespace(item) == request.namespace), None),
        taken=any(name_of(item) == NAME and not is_ours(item) for item in daemon_sets if _namespace(item) == request.namespace),
        elsewhere=tuple(item for item in ours if _namespace(item) != request.namespace),
        openshift=openshift,
    )


def _place(node: GpuNode, raw: Json, candidates: t.Sequence[Owner], spec: Json) -> Place:
    return Place(node, raw, tuple(owners_of(node, raw, candidates)), kept_away(raw, spec))


def is_openshift(request: Request, nodes: t.Sequence[Json]) -> bool:
    """Whether the machines are OpenShift's: the user's word, or the label that OpenShift puts on every node."""
    if request.platform:
        return request.platform in OPENSHIFT_PLATFORMS
    return any(_OPENSHIFT_LABEL in mapping(raw, "metadata", "labels") for raw in nodes)


def _namespace(item: Json) -> str:
    return text(mapping(item, "metadata").get("namespace"))
