"""The machine config daemon's rules: what one node does next, told from the node alone."""

from __future__ import annotations

from enum import Enum, auto

from tests.sandbox.kubelet import KUBELET, is_ready

from .names import (
    APPLIED_DRAIN,
    CURRENT,
    DEGRADED,
    DESIRED,
    DESIRED_DRAIN,
    DONE,
    GROUP,
    REASON,
    REBOOTING,
    STATE,
    WORKING,
    Object,
    annotations_of,
)


class Phase(Enum):
    """What a node has to do next."""

    REST = auto()
    FAIL = auto()
    START = auto()
    DRAIN = auto()
    REBOOT = auto()
    BOOT = auto()
    UNCORDON = auto()
    FINISH = auto()


def phase(node: Object, fault: str) -> Phase:
    """Return what ``node`` does next; ``fault`` is why its update shall fail, "" when it shall not."""
    notes = annotations_of(node)
    desired = notes.get(DESIRED, "")
    if KUBELET in notes:
        return Phase.BOOT if notes.get(STATE) == REBOOTING else Phase.REST
    if not desired or not is_ready(node):
        return Phase.REST
    if notes.get(CURRENT) == desired:
        return Phase.REST if notes.get(STATE) == DONE else Phase.FINISH
    if notes.get(DESIRED_DRAIN) == f"uncordon-{desired}":
        return Phase.FINISH if notes.get(APPLIED_DRAIN) == f"uncordon-{desired}" else Phase.UNCORDON
    if fault:
        return Phase.REST if (notes.get(STATE), notes.get(REASON)) == (DEGRADED, fault) else Phase.FAIL
    if (notes.get(STATE), notes.get(DESIRED_DRAIN)) != (WORKING, f"drain-{desired}"):
        return Phase.START
    return Phase.REBOOT if notes.get(APPLIED_DRAIN) == f"drain-{desired}" else Phase.DRAIN


def initial_annotations(config: str) -> dict[str, str]:
    """Return what the daemon writes on a node that came up with rendered MachineConfig ``config``."""
    return {
        CURRENT: config,
        DESIRED: config,
        DESIRED_DRAIN: f"uncordon-{config}",
        APPLIED_DRAIN: f"uncordon-{config}",
        STATE: DONE,
        REASON: "",
        f"{GROUP}/lastSyncedControllerConfigResourceVersion": "12345",
    }


def is_drained_by(pod: Object) -> bool:
    """Whether a drain has to get rid of ``pod``: not a DaemonSet's, not a static one."""
    owners = pod["metadata"].get("ownerReferences") or []
    if any(owner["kind"] == "DaemonSet" and owner.get("controller") for owner in owners):
        return False
    return "kubernetes.io/config.mirror" not in annotations_of(pod)
