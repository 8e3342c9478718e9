"""Clusters without MachineConfigPools: no OpenShift, or one whose control plane and NodePools live in another cluster."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Plan, Severity, State
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    API_GROUPS,
    INFRASTRUCTURE,
    api_groups,
    detect,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.changes import machine_config_body
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.live import observe
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.reading import POOLS
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.report import facts
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.request import Request


def platform_question(request: Request, snapshot: Snapshot) -> list[Read]:
    """What tells why there are no pools: discovery, and on OpenShift where its control plane is."""
    if request.platform:
        return []
    groups = api_groups(snapshot)
    known = API_GROUPS in snapshot and groups is not None and "config.openshift.io" not in groups
    return [API_GROUPS] if API_GROUPS not in snapshot or known else [API_GROUPS, INFRASTRUCTURE]


def without_pools(request: Request, snapshot: Snapshot) -> Plan:
    """What is to be said where MachineConfigPools cannot be read, or are not served."""
    pools = snapshot[POOLS]
    ref = "MachineConfigPool"
    if not pools.absent:
        message = f"MachineConfigPools cannot be read ({pools.message}), so nothing is known about the nodes' SELinux."
        return _said(request, snapshot, "unknown", codes.UNREADABLE.finding(message, ref, severity=_severity(request)))
    platform = detect(snapshot, request.platform)
    if platform.openshift is False:
        message = "this is not OpenShift: no MachineConfig API is served, and none is needed."
        return _said(request, snapshot, "not_applicable", codes.NOT_SERVED.finding(message, ref))
    if platform.hosted_control_plane:
        return _hosted(request, snapshot)
    if platform.openshift is None or platform.hosted_control_plane is None:
        message = "no MachineConfigPools are served, and whether this is OpenShift with a hosted control plane cannot be read."
        return _said(request, snapshot, "unknown", codes.UNREADABLE.finding(message, ref, severity=_severity(request)))
    message = "this OpenShift serves no MachineConfigs, so its provider manages the operating system of the nodes."
    return _said(
        request,
        snapshot,
        "error" if _wants(request) else "unknown",
        codes.NOT_SERVED.finding(message, ref, severity=_severity(request)),
    )


def _wants(request: Request) -> bool:
    return not request.reports_only


def _severity(request: Request) -> Severity:
    if _wants(request):
        return "error"
    return "warning" if request.hurts else "info"


def _said(request: Request, snapshot: Snapshot, state: State, finding: t.Any) -> Plan:
    return Plan(findings=(finding,), checks={"selinux": state}, facts=facts(observe(request, snapshot), None))


def _hosted(request: Request, snapshot: Snapshot) -> Plan:
    message = (
        "the control plane is hosted: nodes get MachineConfigs from their NodePool in the management cluster, which is not this"
        " cluster."
    )
    if request.state == "absent":
        remedy = (
            f"Remove ConfigMap {request.name} from `spec.config` of the NodePool, then delete it. NodePools replace their nodes."
        )
        finding = codes.HOSTED_CONTROL_PLANE.finding(message, "NodePool", remedy=remedy)
        return _said(request, snapshot, "error", finding)
    if request.reports_only:
        remedy = (
            "Ask whoever owns the management cluster; `oc debug node/NODE -- chroot /host getenforce` tells the mode of one node."
        )
        finding = codes.HOSTED_CONTROL_PLANE.finding(message, "NodePool", severity=_severity(request), remedy=remedy)
        return _said(request, snapshot, "unknown", finding)
    manifest = node_pool_config(request.name, request.goal.arguments)
    remedy = (
        f"Let whoever owns the management cluster apply this ConfigMap in the namespace of the HostedCluster, and add"
        f" {{name: {request.name}}} to `spec.config` of the NodePool, which then replaces its nodes:\n{manifest}"
    )
    finding = codes.HOSTED_CONTROL_PLANE.finding(message, "NodePool", remedy=remedy, evidence={"config_map": manifest})
    return _said(request, snapshot, "error", finding)


def node_pool_config(name: str, arguments: t.Sequence[str]) -> str:
    """The ConfigMap as YAML (its values as JSON, which is YAML); NodePools force the role label to worker."""
    inner = machine_config_body(name, "worker", arguments)
    lines = [
        f"apiVersion: {inner['apiVersion']}",
        f"kind: {inner['kind']}",
        "metadata:",
        f"  name: {json.dumps(name)}",
        "  labels:",
        *(f"    {key}: {json.dumps(value)}" for key, value in sorted(inner["metadata"]["labels"].items())),
        "spec:",
        f"  kernelArguments: {json.dumps(list(arguments))}",
    ]
    outer = ["apiVersion: v1", "kind: ConfigMap", "metadata:", f"  name: {json.dumps(name)}", "data:", "  config: |"]
    return "\n".join([*outer, *(f"    {line}" for line in lines)]) + "\n"
