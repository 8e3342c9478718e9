"""Kubelets against the API server and the window."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code, Finding, Json, Severity
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import NODES, list_items, mapping, name_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import KubernetesVersion, parse_version
from ansible_collections.azureml.kubernetes.plugins.module_utils._version import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.server import read_server
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.situation import Part, Situation

NodeState = t.Literal["ok", "newer_than_server", "too_old_for_server", "outside_window", "unknown", "skipped"]
_CODES: dict[NodeState, Code] = {
    "newer_than_server": codes.NODE_NEWER_THAN_SERVER,
    "too_old_for_server": codes.NODE_TOO_OLD,
    "outside_window": codes.NODE_OUTSIDE_WINDOW,
    "unknown": codes.NODE_UNPARSABLE,
}
_NAMES_SHOWN = 5


@dataclass(frozen=True)
class Kubelet:
    """A node's kubelet. `behind` is in minors, negative when newer than the server, None when that is not known."""

    node: str
    text: str
    version: KubernetesVersion | None
    behind: int | None
    state: NodeState

    def public(self) -> Json:
        """As facts show it."""
        return {
            "name": self.node,
            "kubelet_version": self.text,
            "minor": str(self.version.line) if self.version else None,
            "behind": self.behind,
            "state": self.state,
        }


def judge_nodes(now: Situation, snapshot: Snapshot) -> Part:
    """Every kubelet with its state; findings are one per state and version, however many nodes share it."""
    if not now.request.check_nodes:
        return Part("not_run", [])
    answer = snapshot.get(NODES)
    nodes = list_items(answer)
    if nodes is None:
        words = answer.message if answer is not None else "they were not read"
        return Part("unknown", [], (codes.NODES_UNREADABLE.finding(f"The nodes could not be read: {words}.", "Node"),))
    server = read_server(snapshot)
    kubelets = [_kubelet(now, server, node) for node in nodes]
    part = Part.of([kubelet.public() for kubelet in kubelets], _findings(now, server, kubelets))
    return part if server is not None or part.findings else Part("unknown", part.facts)


def _kubelet(now: Situation, server: KubernetesVersion | None, node: Json) -> Kubelet:
    raw = mapping(node, "status", "nodeInfo").get("kubeletVersion")
    version = parse_version(raw)
    text = raw if isinstance(raw, str) else ""
    if is_virtual(node, version):
        return Kubelet(name_of(node), text, version, None, "skipped")
    behind = server.line.ahead_of(version.line) if server and version else None
    return Kubelet(name_of(node), text, version, behind, _state(now, server, version))


def is_virtual(node: Json, version: KubernetesVersion | None) -> bool:
    """A virtual-kubelet node, whose version is that of another program."""
    virtual_version = version is not None and version.vendor.startswith("vk-")
    return virtual_version or mapping(node, "metadata", "labels").get("type") == "virtual-kubelet"


def _state(now: Situation, server: KubernetesVersion | None, version: KubernetesVersion | None) -> NodeState:
    """Skew by the policy of Kubernetes: never newer than the server; 3 minors older, before kubelet 1.25 only 2."""
    if version is None:
        return "unknown"
    if server is None:
        return "ok"
    behind = server.line.ahead_of(version.line)
    if version.line > server.line:
        return "newer_than_server"
    if behind is None or behind > (3 if version.line >= (1, 25) else 2):
        return "too_old_for_server"
    oldest = now.n.window[-1]
    return "outside_window" if version.line < oldest <= server.line else "ok"


def _findings(now: Situation, server: KubernetesVersion | None, kubelets: t.Sequence[Kubelet]) -> list[Finding]:
    groups: dict[tuple[NodeState, str], list[str]] = {}
    for kubelet in kubelets:
        if kubelet.state in _CODES:
            groups.setdefault((kubelet.state, kubelet.text), []).append(kubelet.node)
    severities: dict[NodeState, Severity] = {"newer_than_server": now.fault, "too_old_for_server": now.fault}
    return [
        _CODES[state].finding(
            f"{_named(nodes)}, kubelet {text[:100] or 'without a version'}: {_why(now, server, state)}.",
            f"Node/{nodes[0]}" if len(nodes) == 1 else "Node",
            severity=severities.get(state),
            evidence={"kubelet_version": text, "nodes": nodes},
        )
        for (state, text), nodes in groups.items()
    ]


def _named(nodes: t.Sequence[str]) -> str:
    """One node by name, several by number and the first names."""
    if len(nodes) == 1:
        return f"Node {nodes[0]}"
    rest = ", ..." if len(nodes) > _NAMES_SHOWN else ""
    return f"{len(nodes)} nodes ({', '.join(nodes[:_NAMES_SHOWN])}{rest})"


def _why(now: Situation, server: KubernetesVersion | None, state: NodeState) -> str:
    """What is wrong with a kubelet, after its version."""
    if state == "unknown":
        return "the version cannot be understood"
    if state == "outside_window":
        return f"older than the window {now.n.words}, while the API server is inside"
    relation = "newer than" if state == "newer_than_server" else "too many minors older than"
    return f"{relation} the API server ({server})"
