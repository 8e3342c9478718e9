"""Which inventory host is the machine behind which Node: the variable `worker_selinux_hosts` of each cluster, judged."""

from __future__ import annotations

import difflib
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.host import MODES

Variables = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class NodeHost:
    """One machine to work on.

    Args:
        host: its inventory host.
        cluster: the inventory host of its cluster.
        node: name of its Node.
        state: what SELinux is to be there.
        serial: how many machines are worked on at once, as the play keyword takes it.
    """

    host: str
    cluster: str
    node: str
    state: str
    serial: t.Any = 1


def node_hosts(hostvars: t.Mapping[str, Variables], clusters: t.Sequence[str]) -> tuple[NodeHost, ...]:
    """The machines of all these clusters whose SELinux is managed, by cluster and Node.

    Raises:
        InvalidRequest: with every problem.
    """
    found: list[NodeHost] = []
    problems: list[str] = []
    for cluster in clusters:
        variables = hostvars[cluster]
        if variables.get("azureml_cluster", cluster) != cluster:
            continue  # a machine itself
        given = variables.get("worker_selinux_hosts") or {}
        if not isinstance(given, t.Mapping):
            problems.append(f"{cluster}: worker_selinux_hosts has to map Nodes to inventory hosts, as {{worker-3: node3.example}}.")
            continue
        for node, name in sorted(given.items()):
            entry, wrong = _node_host(hostvars, cluster, str(node), text(name))
            problems += [f"{cluster}: worker_selinux_hosts: {problem}" for problem in wrong]
            found += [entry] if entry else []
    problems += _named_twice(found)
    if problems:
        raise InvalidRequest(problems)
    return tuple(entry for entry in found if entry.state != "unmanaged")


def _node_host(hostvars: t.Mapping[str, Variables], cluster: str, node: str, name: str) -> tuple[NodeHost | None, list[str]]:
    """One entry, and what is wrong with it."""
    if name == cluster:
        return None, [f"Node {node} is given the host of the cluster itself; name the inventory host of the machine."]
    if name not in hostvars:
        near = difflib.get_close_matches(name, [str(host) for host in hostvars], 1, 0.6)
        hint = f" Did you mean {near[0]}?" if near else ""
        return None, [f"host {name!r} of Node {node} is not in the inventory.{hint} Add it there with its connection."]
    variables = hostvars[name]
    state = variables.get("worker_selinux_host_state") or _state_of_cluster(hostvars[cluster])
    problems = []
    if "ansible_connection" not in variables:
        problems.append(f"host {name} of Node {node} has no explicit connection; set ansible_connection: ssh for it.")
    if state == "absent":
        problems.append(
            f"host {name} of Node {node}: nobody knows what its SELinux was, so worker_selinux_state absent is not enough;"
            " set worker_selinux_host_state to enforcing, permissive or unmanaged."
        )
    elif state not in (*MODES, "unmanaged"):
        problems.append(f"host {name}: worker_selinux_host_state is {state!r}; it can be {', '.join(MODES)} or unmanaged.")
    other = variables.get("azureml_cluster", cluster)
    if other != cluster:
        problems.append(f"host {name} of Node {node} has azureml_cluster {other}, so it belongs to another cluster.")
    serial = variables.get("worker_selinux_serial") or hostvars[cluster].get("worker_selinux_serial") or 1
    return NodeHost(name, cluster, node, str(state), serial), problems


def _state_of_cluster(variables: Variables) -> t.Any:
    return variables.get("worker_selinux_host_state") or variables.get("worker_selinux_state") or "unmanaged"


def _named_twice(entries: t.Sequence[NodeHost]) -> list[str]:
    by_host: dict[str, list[str]] = {}
    for entry in entries:
        by_host.setdefault(entry.host, []).append(f"{entry.node} of {entry.cluster}")
    return [f"Host {host} is named for several Nodes: {', '.join(nodes)}." for host, nodes in by_host.items() if len(nodes) > 1]


def shown(entry: NodeHost) -> Json:
    """An entry as the playbook uses it."""
    return dict(vars(entry))
