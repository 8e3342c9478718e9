"""What the tests of machine_config do again and again: a run, a hurried operator, and what a cluster looks like at the end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Result
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import engine
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.module import argument_spec
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.topic import TOPIC

from tests.sandbox import Sandbox
from tests.sandbox.front_door import Door, LogEntry
from tests.sandbox.mco.names import CURRENT, DESIRED, MACHINE_CONFIGS, NODES, STATE, annotations_of, name_of

NAME = "99-worker-azureml-selinux"
ALL = ["reboots_nodes", "irreversible", "redhat_support", "aro_support_policy"]
WORKERS = [*(f"sandbox-x7k2p-worker-eastus-{zone}" for zone in (1, 2, 3)), "sandbox-x7k2p-gpu-eastus-1"]


def hurry(sandbox: Sandbox, **seconds: float) -> None:
    """Let the emulated operator be quick; `seconds` are its settings."""
    sandbox.mco.configure(**{"render_delay": 0.5, "drain_seconds": 0, "drain_retry": 0.2, "reboot_seconds": 0.2, **seconds})


@dataclass
class Run:
    """One task in this process, with what it told on its way."""

    kubeconfig: Path
    progress: list[str] = field(default_factory=list)

    def __call__(self, *, check_mode: bool = False, **options: Any) -> Result:
        chosen = {} if {"selinux", "kernel_arguments", "state"} & set(options) else {"selinux": "disabled"}
        given = {"kubeconfig": str(self.kubeconfig), "accept": ALL, "wait_timeout": 90, **chosen, **options}
        validation = ArgumentSpecValidator(argument_spec(TOPIC), **TOPIC.rules).validate(given)
        assert not validation.error_messages, validation.error_messages
        context = engine.Context(check_mode=check_mode, environ=dict(os.environ), progress=self.progress.append)
        return engine.run(TOPIC, validation.validated_parameters, context)


def codes(result: Result) -> set[str]:
    """Codes without their topic."""
    return {finding.code.removeprefix("selinux.") for finding in result.findings}


def errors(result: Result) -> list[str]:
    """Every error, as one line."""
    return [finding.line() for finding in result.findings if finding.severity == "error"]


def is_exec(entry: LogEntry) -> bool:
    """Whether a host was asked."""
    return entry.path.endswith("/exec")


def requests(door: Door) -> tuple[list[LogEntry], int]:
    """What was asked of the API server, and how many hosts were."""
    log = door.log()
    return [entry for entry in log if not is_exec(entry)], sum(map(is_exec, log))


def configs(sandbox: Sandbox) -> dict[str, Any]:
    """The MachineConfigs of this collection, by name, with their spec."""
    found = sandbox.request("GET", f"{MACHINE_CONFIGS}?labelSelector=app.kubernetes.io/managed-by%3Dazureml.kubernetes")["items"]
    return {name_of(item): item["spec"] for item in found}


def at_rest(sandbox: Sandbox, pool: str = "worker") -> str:
    """The pool's configuration, which every node of it has; nothing is cordoned, and nothing goes on."""
    target = str(sandbox.mco.wait_updated(pool)["spec"]["configuration"]["name"])
    for node in sandbox.request("GET", f"{NODES}?labelSelector=node-role.kubernetes.io/{pool}")["items"]:
        notes = annotations_of(node)
        if pool != "worker" or notes[CURRENT].startswith("rendered-worker-"):
            assert (notes[CURRENT], notes[DESIRED], notes[STATE]) == (target, target, "Done"), name_of(node)
        assert not node["spec"].get("unschedulable"), f"{name_of(node)} is left cordoned"
    return target


def modes(sandbox: Sandbox, nodes: Sequence[str]) -> set[str]:
    """What the hosts say, asked by another way."""
    return {sandbox.mco.exec(node, "chroot", "/rootfs", "getenforce").strip() for node in nodes}
