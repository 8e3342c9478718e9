"""What a user may ask of `node_maintenance`."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest

State = t.Literal["begun", "ended", "checked"]

OPTIONS: Json = {
    "node": {"type": "str", "required": True},
    "boot_id": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["begun", "ended", "checked"], "default": "begun"},
    "reason": {"type": "str", "default": "maintenance"},
    "reboot": {"type": "bool", "default": True},
    "drain": {"type": "bool", "default": True},
    "grace_period": {"type": "int"},
    "wait_timeout": {"type": "int", "default": 1800},
}

_NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_BOOT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NODE_NAME_LENGTH = 253


@dataclass(frozen=True)
class Request:
    """A valid request.

    Args:
        node: name of the Node.
        boot_id: what the host's /proc/sys/kernel/random/boot_id says now.
        reason: what is going to be done, for those who find the Node cordoned.
        reboot: the host is going to be rebooted, which needs consent.
        drain: evict pods, too.
        grace_period: seconds that each pod gets to end, None for its own.
        wait_timeout: seconds to wait for the pods to be gone, or for the Node to be back.
    """

    node: str
    boot_id: str
    state: State = "begun"
    reason: str = "maintenance"
    reboot: bool = True
    drain: bool = True
    grace_period: int | None = None
    wait_timeout: int = 1800


def parse(params: t.Mapping[str, t.Any]) -> Request:
    """Module parameters as a typed request.

    Raises:
        InvalidRequest: with every problem.
    """
    node, boot_id = str(params["node"]).strip(), str(params["boot_id"]).strip().lower()
    grace, patience = params.get("grace_period"), params.get("wait_timeout", 1800)
    problems = []
    if not _NODE_NAME.fullmatch(node) or len(node) > _NODE_NAME_LENGTH:
        problems.append(
            f"node {node!r} cannot be the name of a Node: lower-case letters, digits, '-' and '.', as `kubectl get nodes` prints."
        )
    if not _BOOT_ID.fullmatch(boot_id):
        problems.append(f"boot_id {boot_id!r} is not what /proc/sys/kernel/random/boot_id of a host holds.")
    if grace is not None and grace < 0:
        problems.append(f"grace_period is {grace}; it can be 0 seconds or more, or left out for each pod's own.")
    if patience < 1:
        problems.append(f"wait_timeout is {patience}; it has to be at least 1 second.")
    if problems:
        raise InvalidRequest(problems)
    return Request(
        node=node,
        boot_id=boot_id,
        state=params.get("state") or "begun",
        reason=params.get("reason") or "maintenance",
        reboot=bool(params.get("reboot", True)),
        drain=bool(params.get("drain", True)),
        grace_period=grace,
        wait_timeout=patience,
    )
