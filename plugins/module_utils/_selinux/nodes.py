"""Nodes as the Machine Config Operator sees them: which configuration they have, what it does with them, which OS they run."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import condition, mapping, name_of, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.arguments import Mode, split

MCO = "machineconfiguration.openshift.io"
ROLE_PREFIX = "node-role.kubernetes.io/"
# Values of /etc/os-release that only image based hosts have; since 4.19 RHCOS says plain `rhel` there, so osImage comes first.
_COREOS_IDS = ("rhcos", "scos", "fcos")
_MODES: t.Mapping[str, Mode] = {"Disabled": "disabled", "Permissive": "permissive", "Enforcing": "enforcing"}
_HOPELESS = ("Degraded", "Unreconcilable")


@dataclass(frozen=True)
class Node:
    """A Node that the Machine Config Operator manages.

    Args:
        os: as the kubelet names it.
        image_based: RHCOS, SCOS or FCOS, where a MachineConfig sets kernel arguments; elsewhere it does not.
        boot_id: changes with every boot.
        current, desired: names of rendered MachineConfigs.
        state, reason: what the machine config daemon says about its work.
        drain, drained: what the daemon asked for and what the controller did last, as `drain-<configuration>`.
    """

    name: str
    labels: Json
    os: str
    image_based: bool
    boot_id: str
    ready: bool
    cordoned: bool
    current: str
    desired: str
    state: str
    reason: str
    drain: str
    drained: str

    @property
    def works(self) -> bool:
        """It runs workloads of users."""
        return f"{ROLE_PREFIX}worker" in self.labels

    @property
    def hopeless(self) -> bool:
        """The daemon gave up, and says why in `reason`."""
        return self.state in _HOPELESS

    @property
    def draining(self) -> bool:
        """Its pods are being evicted."""
        return self.drain.startswith("drain-") and self.drain != self.drained

    def has(self, configuration: str) -> bool:
        """Whether it has finished the move to this rendered MachineConfig."""
        return bool(configuration) and self.current == self.desired == configuration and self.state == "Done"

    def phase(self, configuration: str) -> str:
        """What happens to the node on its way to `configuration`, "" while it waits for its turn or has arrived."""
        if self.has(configuration):
            return "" if self.ready and not self.cordoned else "comes back"
        if self.desired != configuration:
            return ""
        if self.hopeless:
            return "is stuck"
        if not self.ready or self.state == "Rebooting":
            return "reboots"
        if self.draining:
            return "is drained" if self.cordoned else "is to be drained"
        return "gets its configuration"


def node(item: Json) -> Node:
    """A Node as the API server sent it."""
    metadata, status = mapping(item, "metadata"), mapping(item, "status")
    labels, info, marks = mapping(metadata, "labels"), mapping(status, "nodeInfo"), mapping(metadata, "annotations")
    image = text(info.get("osImage"))
    return Node(
        name=name_of(item),
        labels=labels,
        os=image,
        image_based="CoreOS" in image or text(labels.get("node.openshift.io/os_id")) in _COREOS_IDS,
        boot_id=text(info.get("bootID")),
        ready=condition(status, "Ready") == "True",
        cordoned=mapping(item, "spec").get("unschedulable") is True,
        current=text(marks.get(f"{MCO}/currentConfig")),
        desired=text(marks.get(f"{MCO}/desiredConfig")),
        state=text(marks.get(f"{MCO}/state")),
        reason=text(marks.get(f"{MCO}/reason")),
        drain=text(marks.get(f"{MCO}/desiredDrain")),
        drained=text(marks.get(f"{MCO}/lastAppliedDrain")),
    )


def is_windows(item: Json) -> bool:
    """Whether another operator manages the Node: Windows has neither SELinux nor a MachineConfigPool."""
    labels = mapping(item, "metadata", "labels")
    return "windows" in (labels.get("kubernetes.io/os"), mapping(item, "status", "nodeInfo").get("operatingSystem"))


@dataclass(frozen=True)
class Host:
    """What the operating system of a node said when it was asked.

    Args:
        mode: None when it could not be asked, or answered something else.
        arguments: those of the running kernel.
        trouble: why nothing is known.
        forbidden: the credentials may not ask.
    """

    mode: Mode | None = None
    arguments: tuple[str, ...] = ()
    trouble: str = ""
    forbidden: bool = False

    @property
    def evidence(self) -> str:
        """What was seen, in one phrase."""
        if self.trouble:
            return self.trouble
        shown = [argument for argument in self.arguments if argument.startswith(("selinux=", "enforcing="))]
        said = self.mode.capitalize() if self.mode else "nothing"
        return f"getenforce says {said}; /proc/cmdline has {' '.join(shown) or 'neither selinux= nor enforcing='}"


def host(stdout: str, stderr: str) -> Host:
    """The answer to `getenforce; cat /proc/cmdline`."""
    lines = [line.strip() for line in stdout.splitlines() if line.strip()]
    mode = _MODES.get(lines[0]) if lines else None
    rest = lines[1:] if mode else lines
    arguments = split(rest[-1]) if rest else ()
    if not arguments:
        said = (stderr or stdout).strip()[:200]
        return Host(mode, trouble=f"its answer has no kernel command line: {said!r}")
    return Host(mode, arguments, "" if mode else f"getenforce gave no mode: {stderr.strip()[:200]!r}")
