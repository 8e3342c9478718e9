"""The requests of topic selinux."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.nodes import MCO

MCO_NAMESPACE = "openshift-machine-config-operator"
MACHINE_CONFIGS = object_path(f"{MCO}/v1", "machineconfigs")
POOLS = Read(object_path(f"{MCO}/v1", "machineconfigpools"))
DAEMON_PODS = Read(object_path("v1", "pods", namespace=MCO_NAMESPACE), (("labelSelector", "k8s-app=machine-config-daemon"),))
BUDGETS = Read(object_path("policy/v1", "poddisruptionbudgets"))
RUNNING_PODS = Read(object_path("v1", "pods"), (("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed"),))
# The container sees the host below /rootfs; the arguments of the running kernel are the same everywhere.
_QUESTION = ("chroot", "/rootfs", "sh", "-c", "getenforce; cat /proc/cmdline")


def machine_config(name: str) -> Read:
    """One MachineConfig."""
    return Read(object_path(f"{MCO}/v1", "machineconfigs", name))


def pods_on(node: str) -> Read:
    """What runs on one Node."""
    return Read(object_path("v1", "pods"), (("fieldSelector", f"spec.nodeName={node}"),))


def question(pod: str, boot_id: str, configuration: str) -> Read:
    """SELinux mode and kernel arguments of the host on which a daemon's pod runs, asked once per boot and configuration."""
    path = object_path("v1", "pods", pod, MCO_NAMESPACE)
    return Read(f"{path}/exec", (("container", "machine-config-daemon"),), command=_QUESTION, epoch=f"{boot_id} {configuration}")
