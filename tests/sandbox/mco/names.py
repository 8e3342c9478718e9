"""The words of the MachineConfig operator: labels, annotations, states and paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

GROUP = "machineconfiguration.openshift.io"
API_VERSION = f"{GROUP}/v1"
MACHINE_CONFIGS = f"/apis/{API_VERSION}/machineconfigs"
POOLS = f"/apis/{API_VERSION}/machineconfigpools"
NODES = "/api/v1/nodes"
ROLE = f"{GROUP}/role"

CURRENT = f"{GROUP}/currentConfig"
DESIRED = f"{GROUP}/desiredConfig"
STATE = f"{GROUP}/state"
REASON = f"{GROUP}/reason"
DESIRED_DRAIN = f"{GROUP}/desiredDrain"
APPLIED_DRAIN = f"{GROUP}/lastAppliedDrain"
WORKING, DONE, DEGRADED, REBOOTING = "Working", "Done", "Degraded", "Rebooting"
# On every node of a pool that still has to be updated, so that the scheduler prefers the others.
IN_PROGRESS: Object = {"key": "UpdateInProgress", "effect": "PreferNoSchedule"}

DAEMON_NAMESPACE = "openshift-machine-config-operator"
DAEMON_LABELS = {"k8s-app": "machine-config-daemon"}
DAEMON_CONTAINER = "machine-config-daemon"
CONTROLLER = "machine-config-controller"
CONTROLLER_USER = f"system:{CONTROLLER}"

# The emulator's own: where tests say how it shall behave.
SETTINGS_NAMESPACE = "sandbox"
SETTINGS_NAME = "machine-config-operator"
SETTINGS = f"/api/v1/namespaces/{SETTINGS_NAMESPACE}/configmaps"

EXEC_CRD = "execs.kwok.x-k8s.io.yml"
EXECS = f"/apis/kwok.x-k8s.io/v1alpha1/namespaces/{DAEMON_NAMESPACE}/execs"


def name_of(item: Object) -> str:
    """Return ``metadata.name``."""
    return str(item["metadata"]["name"])


def labels_of(item: Object) -> Mapping[str, str]:
    """Return ``metadata.labels``, empty where there are none."""
    return item["metadata"].get("labels") or {}


def annotations_of(item: Object) -> Mapping[str, str]:
    """Return ``metadata.annotations``, empty where there are none."""
    return item["metadata"].get("annotations") or {}


def target_of(pool: Object) -> str:
    """Return the name of the rendered MachineConfig that the nodes of ``pool`` shall have, "" before the first."""
    return str((pool["spec"].get("configuration") or {}).get("name", ""))
