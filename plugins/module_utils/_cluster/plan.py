"""The facts and findings of `cluster_info`. It changes nothing."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.facts import (
    arc_facts,
    extension_facts,
    platform_facts,
    version_facts,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.nodes import (
    describe_node,
    describe_pool,
    runs_linux_amd64,
    summarise,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.reads import MACHINE_CONFIG_POOLS, has_group, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.support import (
    aks_findings,
    arc_findings,
    node_findings,
    pod_identity_findings,
    support_facts,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.unreadable import unreadable_findings
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.gpu_nodes import GpuNode, gpu_nodes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json, Plan, State, sort_findings, worst
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    NODES,
    Platform,
    detect,
    list_items,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Snapshot

__all__ = ["plan", "reads"]


def plan(request: Request, snapshot: Snapshot) -> Plan:
    """What the cluster is, from what was read; None in the facts means that it could not be read."""
    platform = detect(snapshot, request.platform)
    listed = list_items(snapshot.get(NODES))
    nodes = None if listed is None else [describe_node(node) for node in listed]
    gpus = None if listed is None else gpu_nodes(listed)
    facts = _facts(request, snapshot, platform, nodes)
    if "nodes" in request.gather:
        facts["gpu_nodes"] = None if gpus is None else [node.public() for node in gpus]
    findings = sort_findings([*_findings(request, snapshot, platform, nodes, facts), *_gpu_findings(request, gpus or ())])
    return Plan(findings=findings, checks={"cluster": _state(findings, nodes)}, facts={"cluster_facts": facts})


def _facts(request: Request, snapshot: Snapshot, platform: Platform, nodes: list[Json] | None) -> Json:
    """The sections asked for."""
    facts: Json = {}
    if "platform" in request.gather:
        facts["platform"] = platform_facts(platform, snapshot)
    if "versions" in request.gather:
        facts["versions"] = version_facts(snapshot)
    if "nodes" in request.gather:
        facts["node_summary"] = None if nodes is None else summarise(nodes)
        if request.node_details:
            facts["nodes"] = nodes
    if "pools" in request.gather:
        facts["machine_config_pools"] = _pools(snapshot)
    if "arc" in request.gather:
        facts["arc"] = arc_facts(platform, snapshot, request.arc_cluster)
    if "extension" in request.gather:
        facts["extension"] = extension_facts(platform, snapshot)
    if "support" in request.gather:
        facts["support"] = support_facts(platform, request, snapshot)
    return facts


def _pools(snapshot: Snapshot) -> list[Json] | None:
    """MachineConfigPools; [] where their API is not served, None where that could not be read."""
    if has_group(snapshot, "machineconfiguration.openshift.io") is False:
        return []
    pools = list_items(snapshot.get(MACHINE_CONFIG_POOLS))
    return None if pools is None else [describe_pool(pool) for pool in pools]


def _findings(
    request: Request, snapshot: Snapshot, platform: Platform, nodes: list[Json] | None, facts: Json
) -> t.Iterator[Finding]:
    yield from unreadable_findings(reads(request, snapshot), snapshot)
    if "platform" in request.gather:
        yield from _platform_findings(request, snapshot, platform)
    if "extension" in request.gather and facts["extension"]["installed"] and not facts["extension"]["name"]:
        yield codes.EXTENSION_UNNAMED.finding("The extension is installed in namespace azureml under an unknown name.")
    if "arc" in request.gather:
        yield from arc_findings(platform, facts["arc"])
    if "support" in request.gather:
        yield from aks_findings(platform, request, facts["support"])
        yield from pod_identity_findings(facts["support"], snapshot)
        yield from node_findings(nodes) if nodes is not None else ()


def _gpu_findings(request: Request, gpus: t.Iterable[GpuNode]) -> t.Iterator[Finding]:
    """Nodes of which signs disagree, and GPUs that no job of AzureML can use."""
    for node in gpus if "support" in request.gather else ():
        if node.contradiction:
            message = f"{node.detected_by[0]} says that it has an NVIDIA GPU, but {node.contradiction}."
            yield codes.GPU_CONTRADICTION.finding(message, f"Node/{node.name}", evidence=list(node.detected_by))
        if node.architecture == "arm64":
            yield codes.GPU_ARM64.finding("it has NVIDIA GPUs, and Arm64 processors.", f"Node/{node.name}")


def _platform_findings(request: Request, snapshot: Snapshot, platform: Platform) -> t.Iterator[Finding]:
    if platform.name == "unknown":
        yield codes.PLATFORM_UNKNOWN.finding(
            "Nothing that could be read tells which kind of cluster this is.", evidence=platform.evidence
        )
    if request.platform:
        seen = detect(snapshot)
        if seen.name not in ("unknown", request.platform):
            yield codes.PLATFORM_OVERRIDDEN.finding(
                f"The platform is set to {request.platform}, but the cluster looks like {seen.name}: {'; '.join(seen.evidence)}.",
                evidence=list(seen.evidence),
            )


def _state(findings: t.Sequence[Finding], nodes: list[Json] | None) -> State:
    """The state of the check: what could not be looked at is never `ok`."""
    state = worst(findings)
    unread = any(f.code in (codes.UNREADABLE.code, codes.PLATFORM_UNKNOWN.code) for f in findings)
    silent = nodes is not None and nodes != [] and all(runs_linux_amd64(node) is not True for node in nodes)
    return "unknown" if state != "error" and (unread or silent) else state
