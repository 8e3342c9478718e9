"""The version window: which reads it needs and what it concludes. Read-only."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Plan, sort_findings
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import NODES, VERSION, platform_reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.nodes import judge_nodes
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.server import judge_server
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.situation import origin_findings, situation
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.surroundings import judge_arc, judge_region


def reads(request: Request, snapshot: Snapshot) -> t.Sequence[Read]:
    """What tells the platform, the server's version and, where wanted, the nodes."""
    wanted = [*platform_reads(snapshot), VERSION] + ([NODES] if request.check_nodes else [])
    return tuple(dict.fromkeys(wanted))


def plan(request: Request, snapshot: Snapshot) -> Plan:
    """The verdict, and beside it Arc's window, the nodes and the region."""
    now = situation(request, snapshot)
    parts = {
        "version": judge_server(now, snapshot),
        "version_arc": judge_arc(now, snapshot),
        "version_nodes": judge_nodes(now, snapshot),
        "version_region": judge_region(now),
    }
    findings = [finding for part in parts.values() for finding in part.findings]
    facts = {
        **parts["version"].facts,
        "platform": now.platform.name,
        "new_install": now.new_install,
        "arc": parts["version_arc"].facts,
        "nodes": parts["version_nodes"].facts,
        "region": parts["version_region"].facts,
    }
    return Plan(
        findings=sort_findings((*findings, *origin_findings(now))),
        checks={name: part.state for name, part in parts.items()},
        facts={"version_window": facts},
    )
