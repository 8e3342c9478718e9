"""Playing a kubelet that is away: a node that is rebooting, or broken."""

from __future__ import annotations

import copy
import datetime
from typing import Any

Object = dict[str, Any]

# kwok leaves a node alone that has this annotation, so that it stays NotReady.
KUBELET = "sandbox.internal/kubelet"
AWAY = "stopped"
# Nobody listens there: `exec` and `logs` get the API server's own "connection refused".
_CLOSED_PORT = 1


def now() -> str:
    """Return the time as Kubernetes writes it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_ready(node: Object) -> bool:
    """Whether condition Ready is True."""
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def away_status(node: Object) -> Object:
    """Return the changes to ``status`` of a node whose kubelet has gone."""
    conditions = copy.deepcopy((node.get("status") or {}).get("conditions") or [])
    for item in conditions:
        if item["type"] == "Ready":
            item.update(status="False", reason="KubeletNotReady", message="container runtime is down", lastTransitionTime=now())
    return {"conditions": conditions, "daemonEndpoints": {"kubeletEndpoint": {"Port": _CLOSED_PORT}}}
