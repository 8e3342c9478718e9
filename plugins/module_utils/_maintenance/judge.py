"""What speaks for and against the maintenance of a Node, and what has to be known about it."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.budgets import Budget
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code, Finding
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import list_items, mapping, name_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.pods import Pod
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.record import ANNOTATION, RecordUnreadable, record_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.seen import BUDGETS, Live, node_ref, pods_read

_SHOWN = 5


def identity(request: Request, live: Live) -> t.Literal["same", "restarting", "another"]:
    """Whether the host is the machine behind the Node.

    A Node in maintenance that still has the bootID of before is the same host whose kubelet has not registered again; that
    reading is safe, since nothing is written until both agree.
    """
    if live.boot_id == request.boot_id:
        return "same"
    return "restarting" if live.record is not None and live.boot_id == live.record.boot_id else "another"


def not_this_node(request: Request, live: Live) -> Finding:
    """The host is another machine."""
    reported = f"bootID {live.boot_id}" if live.boot_id else "no bootID"
    message = f"Node {request.node} reports {reported}, the host has {request.boot_id}: they are not the same machine."
    return codes.NOT_THIS_NODE.finding(message, node_ref(request.node), evidence={"node": live.boot_id, "host": request.boot_id})


def not_back(request: Request, live: Live) -> Finding:
    """The host is up, its Node is not."""
    if live.boot_id != request.boot_id:
        message = f"The host has bootID {request.boot_id}, but Node {request.node} still reports {live.boot_id}, that of before."
    else:
        message = f"Node {request.node} has started again, but is not Ready."
    return codes.NOT_BACK.finding(f"{message} It stays cordoned.", node_ref(request.node))


def cordon_findings(live: Live) -> list[Finding]:
    """Other Nodes with our mark, and the cordon of somebody else on this one."""
    found = []
    for node in live.others:
        if ANNOTATION in mapping(node, "metadata", "annotations"):
            name = name_of(node)
            message = f"Node {name} is in maintenance{_reason(node)}."
            remedy = (
                f"{codes.LEFT_CORDONED.remedy} To give it back as it is: `kubectl uncordon {name}` and"
                f" `kubectl annotate node {name} {ANNOTATION}-`."
            )
            found.append(codes.LEFT_CORDONED.finding(message, node_ref(name), remedy=remedy))
    theirs = live.record.cordoned_before if live.record else True
    if live.cordoned and theirs:
        name = name_of(live.item)
        found.append(codes.CORDONED_BY_OTHERS.finding(f"Node {name} was cordoned by somebody else.", node_ref(name)))
    return found


def _reason(node: t.Any) -> str:
    try:
        record = record_of(node)
    except RecordUnreadable:
        return ", by an annotation that cannot be read"
    return f" ({record.reason})" if record and record.reason else ""


def refusals(request: Request, live: Live, snapshot: Snapshot) -> list[Finding]:
    """Why the drain must not begin, or can never end."""
    subject = node_ref(request.node)
    found = []
    if live.record is None and not live.ready:
        found.append(codes.NOT_READY.finding(f"Node {request.node} is not Ready, so its pods cannot be stopped.", subject))
    if live.machine_config:
        message = f"The Machine Config Operator is not done with Node {request.node}: {live.machine_config}."
        found.append(codes.MACHINE_CONFIG_BUSY.finding(message, subject))
    if request.drain and list_items(snapshot[pods_read(request.node)]) is None:
        found.append(_unreadable(snapshot, pods_read(request.node), f"The pods of Node {request.node}"))
    for budget in live.budgets:
        held = [pod for pod in live.pods if budget.covers(pod) and budget.forbids(pod)]
        if held:
            message = f"{budget.words()}, so {listed(held)} can never be evicted from Node {request.node}."
            found.append(codes.BUDGET_FORBIDS.finding(message, str(budget), evidence=[str(pod) for pod in held]))
    return found + _doubly_covered(request, live)


def _doubly_covered(request: Request, live: Live) -> list[Finding]:
    found = []
    for pod in live.pods:
        budgets = [budget for budget in live.budgets if budget.covers(pod)]
        if len(budgets) > 1 and not pod.leaving and pod.phase != "Pending":
            message = f"{listed(budgets)} all cover the pod, which therefore cannot leave Node {request.node}."
            found.append(codes.SEVERAL_BUDGETS.finding(message, f"Pod/{pod}"))
    return found


def drain_findings(request: Request, live: Live, snapshot: Snapshot) -> list[Finding]:
    """What a person should know of the pods before and while they are evicted."""
    if not request.drain:
        return []
    subject, found = node_ref(request.node), []
    if not live.others:
        found.append(codes.ONLY_NODE.finding(f"The cluster has no Node but {request.node}.", subject))
    if list_items(snapshot[BUDGETS]) is None:
        found.append(_unreadable(snapshot, BUDGETS, "PodDisruptionBudgets"))
    told: tuple[tuple[Code, str, list[Pod]], ...] = (
        (codes.JOBS_RUNNING, "Jobs of AzureML run there", [pod for pod in live.pods if pod.job]),
        (codes.UNMANAGED_PODS, "Nothing makes these pods again", [pod for pod in live.pods if not pod.managed]),
        (codes.LOCAL_DATA, "Pods with emptyDir volumes", [pod for pod in live.pods if pod.local_data]),
    )
    for code, words, pods in told:
        if pods:
            found.append(code.finding(f"{words}: {listed(pods)}.", subject, evidence=[str(pod) for pod in pods]))
    found += [finding for budget in live.budgets for finding in _blocked(budget, live.pods)]
    if live.record is not None and live.pods:
        message = f"{len(live.pods)} pods are still on Node {request.node}, which stays cordoned: {listed(live.pods)}."
        found.append(codes.PODS_LEFT.finding(message, subject, evidence=[str(pod) for pod in live.pods]))
    return found


def _blocked(budget: Budget, pods: t.Sequence[Pod]) -> list[Finding]:
    held = [pod for pod in pods if budget.covers(pod) and budget.blocks(pod) and not budget.forbids(pod)]
    if not held:
        return []
    why = budget.words() if budget.settled else "its status is not up to date"
    message = f"{why}, so {listed(held)} cannot be evicted now."
    return [codes.BUDGET_BLOCKS.finding(message, str(budget), evidence=[str(pod) for pod in held])]


def _unreadable(snapshot: Snapshot, read: Read, what: str) -> Finding:
    severity: t.Literal["error", "warning"] = "warning" if read == BUDGETS else "error"
    return codes.UNREADABLE.finding(f"{what} may not be read: {snapshot[read].message}", read.path, severity=severity)


def listed(items: t.Sequence[t.Any]) -> str:
    """The first few by name, and how many more there are."""
    shown = ", ".join(str(item) for item in items[:_SHOWN])
    return shown + (f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else "")
