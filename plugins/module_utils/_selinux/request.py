"""What a user may ask of `machine_config`."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import PLATFORMS
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.arguments import (
    MODE_ARGUMENT,
    Goal,
    contradictions,
    split,
)

State = t.Literal["present", "absent"]
BUILT_IN_POOLS = ("master", "worker", "arbiter")

OPTIONS: Json = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "selinux": {"type": "str", "choices": ["disabled", "permissive", "unmanaged"]},
    "kernel_arguments": {"type": "list", "elements": "str"},
    "name": {"type": "str"},
    "pool": {"type": "str", "default": "worker"},
    "create_pool": {"type": "bool", "default": False},
    "pool_nodes": {"type": "list", "elements": "str", "default": []},
    "ssh_nodes": {"type": "list", "elements": "str", "default": []},
    "training": {"type": "bool", "default": False},
    "sdk_v1_datasets": {"type": "bool", "default": False},
    "enforce_unlabelled": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int"},
    "platform": {"type": "str", "choices": [name for name in PLATFORMS if name != "unknown"]},
}
RULES: Json = {"mutually_exclusive": [("selinux", "kernel_arguments")]}

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME_LENGTH = 253
# The kernel's limit on x86 and arm64, of which the boot loader's own arguments take some.
_COMMAND_LINE = 2048
# Names that the Machine Config Operator, the installer and ARO's operator write themselves.
PLATFORM_NAME = re.compile(
    r"rendered-.*|0[01]-(master|worker|arbiter)(-.*)?|9[789]-.*-generated-.*|99-.*-ssh|99-.*-aro-.*|90-aro-.*", re.DOTALL
)


@dataclass(frozen=True)
class Request:
    """A valid request.

    Args:
        selinux: the mode asked for; "" where plain kernel arguments are.
        arguments: those that nodes shall boot with.
        name: of the MachineConfig.
        pool: label role of the MachineConfig, which is the pool's name.
        create_pool: make the MachineConfigPool when there is none.
        pool_nodes: Nodes to move into a pool of one's own.
        ssh_nodes: Nodes whose SELinux is handled over SSH, so that it is not judged here.
        enforce_unlabelled: nodes may boot enforcing on files that were written without labels.
        wait_timeout: seconds, 0 for the default by number of machines.
        platform: the user's word on the platform, "" to detect it.
    """

    state: State = "present"
    selinux: t.Literal["", "disabled", "permissive", "unmanaged"] = ""
    arguments: tuple[str, ...] = ()
    name: str = ""
    pool: str = "worker"
    create_pool: bool = False
    pool_nodes: tuple[str, ...] = ()
    ssh_nodes: tuple[str, ...] = ()
    training: bool = False
    sdk_v1_datasets: bool = False
    enforce_unlabelled: bool = False
    wait: bool = True
    wait_timeout: int = 0
    platform: str = ""

    @property
    def goal(self) -> Goal:
        """What nodes shall boot with."""
        return Goal(self.arguments)

    @property
    def reports_only(self) -> bool:
        """Nothing is to be written, only looked at."""
        return self.selinux == "unmanaged"

    @property
    def hurts(self) -> bool:
        """Whether SELinux matters at all: only training with datasets of SDK v1 suffers from it."""
        return self.training and self.sdk_v1_datasets


def parse(params: t.Mapping[str, t.Any]) -> Request:
    """Module parameters as a typed request.

    Raises:
        InvalidRequest: with every problem.
    """
    state, selinux = params.get("state") or "present", params.get("selinux") or ""
    arguments = tuple(str(argument) for argument in params.get("kernel_arguments") or ())
    pool = params.get("pool") or "worker"
    name = params.get("name") or ("" if arguments else f"99-{pool}-azureml-selinux")
    timeout = params.get("wait_timeout")
    problems = [
        *_what_problems(state, selinux, arguments, name),
        *_argument_problems(arguments),
        *_name_problems(name, pool),
        *_pool_problems(params, pool),
    ]
    if timeout is not None and timeout < 1:
        problems.append(f"wait_timeout is {timeout}; it has to be at least 1 second.")
    if problems:
        raise InvalidRequest(problems)
    return Request(
        state=params.get("state") or "present",
        selinux=params.get("selinux") or "",
        arguments=(MODE_ARGUMENT[selinux],) if selinux in MODE_ARGUMENT else arguments,
        name=name,
        pool=pool,
        create_pool=bool(params.get("create_pool")),
        pool_nodes=_names(params, "pool_nodes"),
        ssh_nodes=_names(params, "ssh_nodes"),
        training=bool(params.get("training")),
        sdk_v1_datasets=bool(params.get("sdk_v1_datasets")),
        enforce_unlabelled=bool(params.get("enforce_unlabelled")),
        wait=bool(params.get("wait", True)),
        wait_timeout=timeout or 0,
        platform=params.get("platform") or "",
    )


def _names(params: t.Mapping[str, t.Any], option: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(name) for name in params.get(option) or ()))


def _what_problems(state: str, selinux: str, arguments: t.Sequence[str], name: str) -> list[str]:
    """What is asked for at all."""
    problems = []
    if state == "absent" and selinux == "unmanaged":
        problems.append("state is absent and selinux is unmanaged: leave one of them out.")
    if state == "present" and not selinux and not arguments:
        problems.append("Neither selinux nor kernel_arguments says what nodes shall boot with.")
    if selinux and arguments:
        problems.append("selinux and kernel_arguments exclude each other; selinux chooses the argument by itself.")
    if arguments and not name:
        problems.append("kernel_arguments needs a name for the MachineConfig, as 99-worker-hugepages.")
    return problems


def _argument_problems(arguments: t.Sequence[str]) -> list[str]:
    problems = []
    for argument in arguments:
        if split(argument) != (argument,) or not argument.isprintable() or argument.count('"') % 2:
            problems.append(f'kernel_arguments: {argument!r} is not one kernel argument; give one per entry, quote blanks by ".')
    if len(" ".join(arguments)) > _COMMAND_LINE:
        problems.append(f"kernel_arguments are longer than the {_COMMAND_LINE} bytes that the kernel reads.")
    for one, other in contradictions(arguments):
        problems.append(f"kernel_arguments: {one!r} and {other!r} contradict each other; the kernel would follow the last one.")
    twice = sorted({argument for argument in arguments if arguments.count(argument) > 1})
    return problems + [f"kernel_arguments: {argument!r} is given more than once." for argument in twice]


def _name_problems(name: str, pool: str) -> list[str]:
    problems = []
    if not _LABEL.fullmatch(pool):
        problems.append(
            f"pool {pool!r} cannot be the name of a MachineConfigPool: at most 63 lower-case letters, digits and '-', beginning"
            " and ending with a letter or digit."
        )
    if name and not (_SUBDOMAIN.fullmatch(name) and len(name) <= _NAME_LENGTH) and _LABEL.fullmatch(pool):
        problems.append(
            f"name {name!r} cannot be the name of a MachineConfig: at most {_NAME_LENGTH} lower-case letters, digits, '-' and"
            " '.', beginning and ending with a letter or digit."
        )
    if PLATFORM_NAME.fullmatch(name):
        problems.append(
            f"name {name!r} belongs to the platform, which would overwrite the MachineConfig; 99-{pool}-azureml is free."
        )
    return problems


def _pool_problems(params: t.Mapping[str, t.Any], pool: str) -> list[str]:
    return [
        f"{option} needs a pool of your own: set pool to another name than {pool}."
        for option in ("create_pool", "pool_nodes")
        if params.get(option) and pool in BUILT_IN_POOLS
    ]
