"""MachineConfigPools: which MachineConfigs and Nodes they select, how many nodes they take at once, and how far they are."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.budgets import selects
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import condition, mapping, name_of, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.arguments import listed
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.nodes import MCO, ROLE_PREFIX, Node
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.request import BUILT_IN_POOLS

ROLE = f"{MCO}/role"
# The operator's own tests budget 13 minutes for one node, 1.3 times as much for a master; a time-out has to lie above.
NODE_SECONDS = 13 * 60
NODE_TIMEOUT = 15 * 60
MASTER_FACTOR = 1.3
SLACK_SECONDS = 300
_PERCENT = re.compile(r"([0-9]+)%")


@dataclass(frozen=True)
class Pool:
    """A MachineConfigPool with the Nodes that belong to it.

    Args:
        item: as the API server sent it, {} for one that is yet to be made.
        nodes: every Node is in one pool at most.
        rendered: `spec` of the MachineConfig named `target`, None as long as it was not read.
    """

    name: str
    item: Json
    nodes: tuple[Node, ...] = ()
    rendered: Json | None = None

    @property
    def target(self) -> str:
        """Name of the rendered MachineConfig that all nodes shall have; "" before the first rendering."""
        return text(mapping(self.item, "spec", "configuration").get("name"))

    @property
    def sources(self) -> tuple[str, ...]:
        """The MachineConfigs of which `target` was rendered, in their order."""
        return tuple(text(source.get("name")) for source in objects(mapping(self.item, "spec", "configuration").get("source")))

    @property
    def arguments(self) -> tuple[str, ...] | None:
        """Kernel arguments of `target`, None while unknown."""
        return None if self.rendered is None else listed(self.rendered.get("kernelArguments"))

    @property
    def paused(self) -> bool:
        """The operator renders, but does not touch nodes."""
        return mapping(self.item, "spec").get("paused") is True

    @property
    def at_once(self) -> int:
        """How many nodes may be unavailable at a time."""
        return at_once(mapping(self.item, "spec").get("maxUnavailable"), len(self.nodes))

    @property
    def unavailable(self) -> tuple[Node, ...]:
        """Nodes that use up `at_once`: the operator counts those that are not Ready or cordoned, whoever cordoned them."""
        return tuple(node for node in self.nodes if not node.ready or node.cordoned)

    def says(self, kind: str) -> bool:
        """Whether a condition is True."""
        return condition(mapping(self.item, "status"), kind) == "True"

    def words(self, kind: str) -> str:
        """Reason and message of a condition."""
        for entry in objects(mapping(self.item, "status").get("conditions")):
            if entry.get("type") == kind:
                return ": ".join(part for part in (text(entry.get("reason")), text(entry.get("message"))) if part)
        return ""

    def count(self, key: str) -> int:
        """A counter of `status`, 0 when absent."""
        value = mapping(self.item, "status").get(key)
        return value if isinstance(value, int) else 0

    @property
    def settled(self) -> bool:
        """Whether the pool itself says that all its nodes have `target`, and speaks of the pool as it is.

        The operator copies the name of the target into `status` only once every node had it and was available; a node that is
        cordoned or down afterwards makes the pool Updating again, though nothing is rolled out.
        """
        status, metadata = mapping(self.item, "status"), mapping(self.item, "metadata")
        generation = metadata.get("generation")
        return (
            bool(self.target)
            and text(mapping(status, "configuration").get("name")) == self.target
            and not self.says("Degraded")
            and self.count("machineCount") == self.count("updatedMachineCount")
            and self.count("degradedMachineCount") == 0
            and (not isinstance(generation, int) or self.count("observedGeneration") >= generation)
        )

    @property
    def seconds(self) -> float:
        """How long a roll through the whole pool probably takes."""
        return self._rounds(len(self.nodes)) * NODE_SECONDS * self._factor

    @property
    def timeout(self) -> float:
        """How long it may take before something is wrong."""
        return self._rounds(len(self.nodes)) * NODE_TIMEOUT * self._factor + SLACK_SECONDS

    def left(self, nodes: int) -> float:
        """Seconds that `nodes` nodes probably take."""
        return self._rounds(nodes) * NODE_SECONDS * self._factor

    def _rounds(self, nodes: int) -> int:
        return -(-nodes // self.at_once)

    @property
    def _factor(self) -> float:
        return MASTER_FACTOR if self.name == "master" else 1.0


def at_once(value: t.Any, nodes: int) -> int:
    """`maxUnavailable` as the operator reads it: a number, or a percentage of the nodes rounded down; at least and by default 1."""
    if isinstance(value, bool):
        return 1
    if isinstance(value, int):
        return max(1, value)
    share = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    return max(1, nodes * int(share[1]) // 100) if share else 1


def takes(pool: Json, labels: t.Mapping[str, str]) -> bool:
    """Whether the pool is rendered from MachineConfigs with these labels."""
    return _selects(mapping(pool, "spec").get("machineConfigSelector"), dict(labels))


def _selects(selector: t.Any, labels: Json) -> bool:
    """An absent or empty selector of a pool selects nothing, unlike elsewhere in Kubernetes."""
    if not isinstance(selector, dict) or not (selector.get("matchLabels") or selector.get("matchExpressions")):
        return False
    return selects(selector, labels)


def new_pool(name: str) -> Json:
    """A pool of one's own: what workers have and what is labelled with its name, as the operator demands since 4.18."""
    return {
        "apiVersion": f"{MCO}/v1",
        "kind": "MachineConfigPool",
        "metadata": {"name": name},
        "spec": {
            "machineConfigSelector": {"matchExpressions": [{"key": ROLE, "operator": "In", "values": ["worker", name]}]},
            "nodeSelector": {"matchLabels": {f"{ROLE_PREFIX}{name}": ""}},
        },
    }


@dataclass(frozen=True)
class Assignment:
    """Which Node is in which pool; `disputed` are Nodes that two pools of users' own select, which no pool gets."""

    pools: tuple[Pool, ...]
    disputed: t.Mapping[str, tuple[str, ...]]

    def get(self, name: str) -> Pool | None:
        """The pool of this name."""
        return next((pool for pool in self.pools if pool.name == name), None)


def assign(items: t.Sequence[Json], nodes: t.Sequence[Node]) -> Assignment:
    """Every Node to its pool, by the operator's rule: master beats arbiter beats a pool of one's own beats worker."""
    members: dict[str, list[Node]] = {name_of(item): [] for item in items}
    disputed = {}
    for node in nodes:
        names = [name_of(item) for item in items if _selects(mapping(item, "spec").get("nodeSelector"), node.labels)]
        own = [name for name in names if name not in BUILT_IN_POOLS]
        ranked = [name for name in ("master", "arbiter") if name in names] + own + [name for name in ("worker",) if name in names]
        if len(own) > 1 and ranked[0] == own[0]:
            disputed[node.name] = tuple(own)
        elif ranked:
            members[ranked[0]].append(node)
    return Assignment(tuple(Pool(name_of(item), item, tuple(members[name_of(item)])) for item in items), disputed)
