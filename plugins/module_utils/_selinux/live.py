"""The cluster as this topic sees it: our MachineConfig, the pools that take it, their nodes, and what the nodes' hosts say."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json, ObjectRef
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import made_by_us
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    NODES,
    list_items,
    mapping,
    name_of,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.arguments import boot_mode, listed, split
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.nodes import (
    ROLE_PREFIX,
    Host,
    Node,
    host,
    is_windows,
    node,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.pools import (
    ROLE,
    Assignment,
    Pool,
    assign,
    new_pool,
    takes,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.reading import (
    DAEMON_PODS,
    POOLS,
    machine_config,
    question,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.request import Request

# On our MachineConfig, arguments that it had once; on a Node, the pool into which we moved it.
FORMER = "azureml.kubernetes/former-kernel-arguments"
MOVED = "azureml.kubernetes/machine-config-pool"


@dataclass(frozen=True)
class Live:
    """What is there.

    Args:
        mine: the MachineConfig of the requested name, whoever made it; None when there is none.
        nodes: all but Windows nodes, as the API server has them.
        moving: names of Nodes that still have to be labelled for the pool.
        assignment: pools with their nodes, as they are once the requested pool and labels exist.
        targets: the pools that take the MachineConfig and have nodes, each with what it renders now.
        elsewhere: kernel arguments of other MachineConfigs of these pools, by name, as far as they were read.
        hosts: by Node, what its operating system said; a Node that was not asked is not in it.
    """

    request: Request
    mine: Json | None
    nodes: tuple[Node, ...]
    items: tuple[Json, ...]
    moving: tuple[str, ...]
    assignment: Assignment
    targets: tuple[Pool, ...]
    elsewhere: t.Mapping[str, tuple[str, ...]]
    hosts: t.Mapping[str, Host]

    @property
    def ours(self) -> bool:
        """The MachineConfig is there and was made by us."""
        return self.mine is not None and made_by_us(self.mine)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Kernel arguments of the MachineConfig of our name."""
        return listed(mapping(self.mine, "spec").get("kernelArguments"))

    @property
    def former(self) -> tuple[str, ...]:
        """Arguments that it had and lost."""
        return split(text(mapping(self.mine, "metadata", "annotations").get(FORMER)))

    @property
    def unlabelled(self) -> bool:
        """By our own doing, files may have been written without SELinux labels."""
        return self.ours and "disabled" in (boot_mode(self.arguments), boot_mode(self.former))

    @property
    def pool(self) -> Pool | None:
        """The pool that was asked for."""
        return self.assignment.get(self.request.pool)

    @property
    def targeted(self) -> tuple[Node, ...]:
        """All nodes of all targets."""
        return tuple(node for pool in self.targets for node in pool.nodes)

    @property
    def workers(self) -> tuple[tuple[Pool, Node], ...]:
        """Every node that runs workloads of users, or belongs to a target, with its pool."""
        names = {node.name for node in self.targeted}
        return tuple((pool, node) for pool in self.assignment.pools for node in pool.nodes if node.works or node.name in names)

    def rendered(self, pool: Pool) -> bool:
        """Whether the pool's target is rendered as wanted, of the MachineConfigs that there are."""
        if self.request.state == "absent":
            return bool(pool.target) and self.request.name not in pool.sources
        if not pool.target or pool.arguments is None or not self.request.goal.met_by(pool.arguments):
            return False
        return (self.mine is not None) is (self.request.name in pool.sources) and not self._outdated(pool)

    def lingering(self, pool: Pool) -> tuple[str, ...]:
        """Former arguments of ours that the pool still renders: others set them, too, or it has not been rendered anew yet."""
        return tuple(argument for argument in self.former if argument in (pool.arguments or ()))

    def _outdated(self, pool: Pool) -> bool:
        others = [name for name in pool.sources if name != self.request.name]
        given = {argument for name in others for argument in self.elsewhere.get(name, ())}
        return all(name in self.elsewhere for name in others) and not given.issuperset(self.lingering(pool))

    def item(self, name: str) -> Json:
        """The Node of that name as the API server sent it."""
        return next((item for item in self.items if name_of(item) == name), {})


def pool_ref(name: str) -> ObjectRef:
    """A MachineConfigPool."""
    return ObjectRef("MachineConfigPool", name, path=f"{POOLS.path}/{name}")


def config_ref(name: str) -> ObjectRef:
    """A MachineConfig."""
    return ObjectRef("MachineConfig", name, path=machine_config(name).path)


def node_ref(name: str) -> ObjectRef:
    """A Node."""
    return ObjectRef("Node", name, path=object_path("v1", "nodes", name))


def observe(request: Request, snapshot: Snapshot) -> Live:
    """The cluster in `snapshot`; what was not read yet counts as not there."""
    answer = snapshot.get(machine_config(request.name))
    mine = answer.body if answer is not None and answer.found else None
    items = tuple(item for item in list_items(snapshot.get(NODES)) or () if not is_windows(item))
    nodes = tuple(node(item) for item in items)
    pools = list_items(snapshot.get(POOLS)) or []
    moving = _moving(request, nodes)
    if request.create_pool and request.state == "present" and not any(name_of(item) == request.pool for item in pools):
        pools = [*pools, new_pool(request.pool)]
    assignment = assign(pools, [_labelled(request, entry) if entry.name in moving else entry for entry in nodes])
    labels = mapping(mine, "metadata", "labels") if mine is not None and request.state == "absent" else {ROLE: request.pool}
    takers = [pool for pool in assignment.pools if takes(pool.item, labels)]
    targets = tuple(_with_rendered(pool, assignment, snapshot) for pool in takers if pool.nodes)
    live = Live(request, mine, nodes, items, moving, assignment, targets, _elsewhere(targets, snapshot), {})
    return replace(live, hosts=_hosts(questions(live, snapshot), snapshot))


def _moving(request: Request, nodes: t.Sequence[Node]) -> tuple[str, ...]:
    """Nodes that are to be labelled for the pool, and are not."""
    if request.state == "absent":
        return ()
    label = f"{ROLE_PREFIX}{request.pool}"
    return tuple(entry.name for entry in nodes if entry.name in request.pool_nodes and label not in entry.labels)


def _labelled(request: Request, entry: Node) -> Node:
    return replace(entry, labels={**entry.labels, f"{ROLE_PREFIX}{request.pool}": ""})


def source_of(pool: Pool, assignment: Assignment) -> str:
    """Name of the rendered MachineConfig that tells what the pool gives its nodes: a new pool begins with what workers have."""
    worker = assignment.get("worker")
    return pool.target or (worker.target if worker else "")


def _with_rendered(pool: Pool, assignment: Assignment, snapshot: Snapshot) -> Pool:
    name = source_of(pool, assignment)
    answer = snapshot.get(machine_config(name)) if name else None
    return replace(pool, rendered=mapping(answer.body, "spec") if answer is not None and answer.found else None)


def _elsewhere(targets: t.Sequence[Pool], snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    answers = {name: snapshot.get(machine_config(name)) for pool in targets for name in pool.sources}
    return {
        name: listed(mapping(answer.body, "spec").get("kernelArguments"))
        for name, answer in answers.items()
        if answer is not None and answer.found
    }


def questions(live: Live, snapshot: Snapshot) -> dict[str, Read | None]:
    """What to ask of which Node's host; None where no pod of the machine config daemon runs that could be asked.

    A host is asked once its node has arrived at what is wanted. Package based nodes ignore kernel arguments, so they are
    asked before, too: somebody may have changed them by hand.
    """
    pods = _daemons(snapshot)
    if pods is None:
        return {}
    asked = [node for _pool, node in live.workers] if live.request.reports_only else _arrived(live)
    return {
        node.name: question(pods[node.name], node.boot_id, node.current) if node.name in pods else None
        for node in asked
        if node.ready
    }


def _arrived(live: Live) -> list[Node]:
    found = []
    for pool in live.targets:
        rendered = live.rendered(pool)
        found += [node for node in pool.nodes if node.has(pool.target) and (rendered or not node.image_based)]
    return found


def _daemons(snapshot: Snapshot) -> dict[str, str] | None:
    """The pod of the machine config daemon by Node; one that runs is preferred to one that ends."""
    pods = list_items(snapshot.get(DAEMON_PODS))
    if pods is None:
        return {} if DAEMON_PODS in snapshot else None
    pods.sort(
        key=lambda pod: (mapping(pod, "status").get("phase") == "Running", not mapping(pod, "metadata").get("deletionTimestamp"))
    )
    return {text(mapping(pod, "spec").get("nodeName")): name_of(pod) for pod in pods}


def _hosts(asked: t.Mapping[str, Read | None], snapshot: Snapshot) -> dict[str, Host]:
    listing = snapshot.get(DAEMON_PODS)
    hosts = {}
    for name, read in asked.items():
        answer = snapshot.get(read) if read is not None else listing
        if answer is None:
            continue
        if answer.forbidden:
            hosts[name] = Host(trouble=f"the credentials may not ask: {answer.message}", forbidden=True)
        elif read is None:
            hosts[name] = Host(trouble="no pod of the machine-config-daemon runs there")
        elif not answer.found:
            hosts[name] = Host(trouble=f"its machine-config-daemon pod could not be asked: {answer.message}")
        else:
            hosts[name] = host(text(answer.body.get("stdout")), text(answer.body.get("stderr")))
    return hosts


def moved_by_us(item: Json, pool: str) -> bool:
    """Whether we labelled the Node for the pool."""
    return mapping(item, "metadata", "annotations").get(MOVED) == pool


def refers_to(entry: Node, pool: str) -> bool:
    """Whether a node still has, or is to get, something that was rendered for the pool."""
    prefix = f"rendered-{pool}-"
    return any(name.startswith(prefix) and "-" not in name[len(prefix) :] for name in (entry.current, entry.desired))


def shown(listed: t.Iterable[str], most: int = 5) -> str:
    """Names for a message, the first of many."""
    ordered = sorted(listed)
    return ", ".join(ordered[:most]) + (f" and {len(ordered) - most} more" if len(ordered) > most else "")
