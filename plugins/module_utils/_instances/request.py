"""What a user may ask of `instance_types`."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.instance_types import (
    SUBOPTIONS,
    InstanceType,
    read_instance_type,
    repeated,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.names import is_name
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.rules import amount_problems, selector_problems

OPTIONS: Json = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "instance_types": {"type": "list", "elements": "dict", "default": [], "options": SUBOPTIONS},
    "workload_tolerations": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "key": {"type": "str", "no_log": False},
            "operator": {"type": "str", "choices": ["Equal", "Exists"]},
            "value": {"type": "str"},
            "effect": {"type": "str", "choices": ["NoSchedule", "PreferNoSchedule", "NoExecute"]},
        },
    },
    "adopt": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 300},
}


@dataclass(frozen=True)
class Request:
    """A valid request.

    Args:
        tolerations: what workloads tolerate beyond AzureML's own taints.
        wait_seconds: how long to wait for the definition of InstanceType, 0 for not at all.
    """

    state: t.Literal["present", "absent"] = "present"
    types: tuple[InstanceType, ...] = ()
    tolerations: tuple[t.Mapping[str, t.Any], ...] = ()
    adopt: bool = False
    wait_seconds: int = 0


def parse(params: t.Mapping[str, t.Any]) -> Request:
    """Module parameters as a typed request.

    Raises:
        InvalidRequest: with every problem.
    """
    problems: list[str] = []
    types = tuple(_wanted(entry, problems) for entry in params.get("instance_types") or ())
    problems += [f"instance_types: {name!r} is there more than once." for name in repeated(one.name for one in types)]
    seconds = params.get("wait_timeout", 300)
    if seconds < 0:
        problems.append(f"wait_timeout is {seconds}, but seconds cannot be negative.")
    if problems:
        raise InvalidRequest(list(dict.fromkeys(problems)))
    return Request(
        state=params.get("state") or "present",
        types=types,
        tolerations=tuple(params.get("workload_tolerations") or ()),
        adopt=bool(params.get("adopt")),
        wait_seconds=seconds if params.get("wait") else 0,
    )


def _wanted(entry: t.Mapping[str, t.Any], problems: list[str]) -> InstanceType:
    broken: list[str] = []
    wanted = read_instance_type(entry, broken)
    if not is_name(wanted.name):
        problems.append(f"instance_types: {wanted.name!r} cannot be the name of an object: it is not a DNS subdomain.")
    found = ([] if broken else amount_problems(wanted)) + selector_problems(entry.get("node_selector") or {})
    problems += [*broken, *(f"instance_types: {wanted.name}: {problem}." for problem in found)]
    return wanted
