"""What a user may ask of `compute_namespace`."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.instance_types import (
    SUBOPTIONS,
    InstanceType,
    read_instance_type,
    repeated,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.names import (
    KEY_RULE,
    NAMESPACE_RULE,
    VALUE_RULE,
    is_key,
    is_label,
    is_name,
    is_value,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import PLATFORMS
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.names import is_system
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.record import ANNOTATION, Taint

NetworkPolicy = t.Literal["none", "judge", "ingress", "ingress_and_egress"]

PREFIX = "ml.azure.com/"
ENFORCE = "pod-security.kubernetes.io/enforce"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
_POD_SECURITY = ["privileged", "baseline", "restricted"]
_NETWORK_POLICIES = list(t.get_args(NetworkPolicy))
_PURPOSES = ["all", "system", "workload"]

_PER_NAMESPACE: Json = {
    "pod_security": {"type": "str", "choices": _POD_SECURITY},
    "labels": {"type": "dict"},
    "annotations": {"type": "dict"},
    "image_pull_secrets": {"type": "list", "elements": "str", "no_log": False},
    "network_policy": {"type": "str", "choices": _NETWORK_POLICIES},
}
OPTIONS: Json = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "compute_namespaces": {"type": "list", "elements": "str", "default": []},
    "namespaces": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"name": {"type": "str", "required": True}, **_PER_NAMESPACE},
    },
    "pod_security": {"type": "str", "choices": _POD_SECURITY},
    "namespace_labels": {"type": "dict", "default": {}},
    "namespace_annotations": {"type": "dict", "default": {}},
    "image_pull_secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "network_policy": {"type": "str", "choices": _NETWORK_POLICIES, "default": "none"},
    "egress_ports": {"type": "list", "elements": "int", "default": []},
    "instance_types": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": SUBOPTIONS,
    },
    "dedicated_nodes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "nodes": {"type": "list", "elements": "str", "default": []},
            "node_selector": {"type": "dict", "default": {}},
            "purpose": {"type": "str", "choices": _PURPOSES, "default": "all"},
            "resource_group": {"type": "str"},
            "workspace": {"type": "str"},
            "compute": {"type": "str"},
            "effect": {"type": "str", "choices": ["NoSchedule", "NoExecute", "PreferNoSchedule"], "default": "NoSchedule"},
            "labels": {"type": "dict", "default": {}},
        },
    },
    "platform": {"type": "str", "choices": [name for name in PLATFORMS if name != "unknown"]},
    "wait_timeout": {"type": "int", "default": 120},
}


@dataclass(frozen=True)
class Space:
    """One compute namespace as it is wanted.

    Args:
        labels: including the Pod Security level, where one is asked for.
        pod_security: the level, "" to leave it alone.
    """

    name: str
    labels: t.Mapping[str, str] = field(default_factory=dict)
    annotations: t.Mapping[str, str] = field(default_factory=dict)
    pull_secrets: tuple[str, ...] = ()
    network_policy: NetworkPolicy = "none"
    pod_security: str = ""


@dataclass(frozen=True)
class Dedication:
    """Nodes for AzureML only: which, and by what taints and labels."""

    nodes: tuple[str, ...]
    selector: t.Mapping[str, str]
    taints: tuple[Taint, ...]
    labels: t.Mapping[str, str]


@dataclass(frozen=True)
class Request:
    """A valid request.

    Args:
        spaces: the compute namespaces but `default`, each once.
        default_named: namespace `default` was among them.
        platform: the user's word on the platform, "" to detect it.
        wait_seconds: how long to wait for the cluster to do its part.
    """

    state: t.Literal["present", "absent"] = "present"
    spaces: tuple[Space, ...] = ()
    default_named: bool = False
    egress_ports: tuple[int, ...] = ()
    instance_types: tuple[InstanceType, ...] = ()
    dedications: tuple[Dedication, ...] = ()
    platform: str = ""
    wait_seconds: int = 120


def parse(params: t.Mapping[str, t.Any]) -> Request:
    """Module parameters as a typed request.

    Raises:
        InvalidRequest: with every problem.
    """
    problems: list[str] = []
    spaces = _spaces(params, problems)
    types = tuple(read_instance_type(entry, problems) for entry in params.get("instance_types") or ())
    for name in repeated(instance_type.name for instance_type in types):
        problems.append(f"instance_types: {name!r} is there more than once.")
    dedications = tuple(_dedication(n, entry, problems) for n, entry in enumerate(params.get("dedicated_nodes") or ()))
    ports = tuple(dict.fromkeys(params.get("egress_ports") or ()))
    problems += [f"egress_ports: {port} is not a port (1 to 65535)." for port in ports if not 1 <= port <= 65535]
    wait_seconds = params.get("wait_timeout", 120)
    if wait_seconds < 0:
        problems.append(f"wait_timeout is {wait_seconds}, but seconds cannot be negative.")
    if problems:
        raise InvalidRequest(list(dict.fromkeys(problems)))
    return Request(
        state=params.get("state") or "present",
        spaces=tuple(space for space in spaces if space.name != "default"),
        default_named=any(space.name == "default" for space in spaces),
        egress_ports=ports,
        instance_types=types,
        dedications=dedications,
        platform=params.get("platform") or "",
        wait_seconds=wait_seconds,
    )


def _spaces(params: t.Mapping[str, t.Any], problems: list[str]) -> list[Space]:
    """All namespaces named, with what holds for all and what holds for each."""
    own = {str(entry["name"]): entry for entry in params.get("namespaces") or ()}
    for name in repeated(str(entry["name"]) for entry in params.get("namespaces") or ()):
        problems.append(f"namespaces: {name!r} is there more than once.")
    names = list(dict.fromkeys([*(str(name) for name in params.get("compute_namespaces") or ()), *own]))
    return [_space(name, params, own.get(name, {}), problems) for name in names]


def _space(name: str, common: t.Mapping[str, t.Any], own: t.Mapping[str, t.Any], problems: list[str]) -> Space:
    if not is_label(name):
        problems.append(f"{name!r} cannot be the name of a namespace: it is not {NAMESPACE_RULE}.")
    elif is_system(name):
        problems.append(
            f"{name!r} cannot be a compute namespace: it belongs to the platform or to the extension. Attach the compute to a"
            " namespace of its own."
        )

    def given(option: str) -> t.Any:
        return common.get(option) if own.get(option) is None else own[option]

    labels = _pairs(
        f"labels of {name}", {**(common.get("namespace_labels") or {}), **(own.get("labels") or {})}, problems, labels=True
    )
    annotations = _pairs(
        f"annotations of {name}",
        {**(common.get("namespace_annotations") or {}), **(own.get("annotations") or {})},
        problems,
        labels=False,
    )
    level = given("pod_security") or ""
    if level and labels.get(ENFORCE, level) != level:
        problems.append(f"labels of {name}: {ENFORCE} is {labels[ENFORCE]!r}, but pod_security is {level!r}.")
    secrets = tuple(dict.fromkeys(str(secret) for secret in given("image_pull_secrets") or ()))
    problems += [f"image_pull_secrets: {secret!r} cannot be the name of a Secret." for secret in secrets if not is_name(secret)]
    return Space(
        name,
        {**labels, **({ENFORCE: level} if level else {})},
        annotations,
        secrets,
        given("network_policy") or "none",
        level or labels.get(ENFORCE, ""),
    )


def _pairs(where: str, given: t.Mapping[str, t.Any], problems: list[str], *, labels: bool) -> dict[str, str]:
    """Labels or annotations as strings; what YAML read as something else has to be quoted."""
    for key, value in given.items():
        if not is_key(str(key)):
            problems.append(f"{where}: {str(key)!r} is not {KEY_RULE}.")
        if str(key) in (ANNOTATION, MANAGED_BY_LABEL):
            problems.append(f"{where}: {key} is this collection's own.")
        if not isinstance(value, str):
            problems.append(f"{where}: the value of {key} is {value!r}, not a string. Quote it.")
        elif labels and not is_value(value):
            problems.append(f"{where}: the value {value!r} of {key} is not {VALUE_RULE}.")
    return {str(key): str(value) for key, value in given.items()}


def _dedication(number: int, entry: t.Mapping[str, t.Any], problems: list[str]) -> Dedication:
    where = f"dedicated_nodes, entry {number + 1}"
    nodes = tuple(dict.fromkeys(str(name) for name in entry.get("nodes") or ()))
    selector = _pairs(f"{where}: node_selector", entry.get("node_selector") or {}, problems, labels=True)
    if bool(nodes) == bool(selector):
        problems.append(f"{where}: name the nodes either by nodes or by node_selector.")
    values = {key: str(entry.get(key) or "") for key in ("resource_group", "workspace", "compute")}
    if entry.get("purpose") == "system" and any(values.values()):
        problems.append(f"{where}: purpose is system, but resource_group, workspace and compute are about workloads.")
    if values["workspace"] and not values["resource_group"]:
        problems.append(f"{where}: workspace needs resource_group.")
    if values["compute"] and not values["workspace"]:
        problems.append(f"{where}: compute needs workspace and resource_group.")
    for key, value in values.items():
        if not is_value(value):
            problems.append(f"{where}: {key} {value!r} cannot be the value of a taint: it is not {VALUE_RULE}.")
    pairs = taint_pairs(entry.get("purpose") or "all", values)
    labels = _pairs(f"{where}: labels", entry.get("labels") or {}, problems, labels=True)
    effect = entry.get("effect") or "NoSchedule"
    return Dedication(nodes, selector, tuple(Taint(key, value, effect) for key, value in pairs.items()), {**pairs, **labels})


def taint_pairs(purpose: str, values: t.Mapping[str, str]) -> dict[str, str]:
    """Keys and values by which AzureML's pods know a node, in the document's combinations.

    Source: the document's section on supported taints and tolerations. Every combination holds `amlarc`; a workspace is named
    with its resource group, a compute with both.
    """
    pairs = {"amlarc": "true"}
    if purpose != "all":
        pairs[f"amlarc-{purpose}"] = "true"
    named = {"resource-group": values["resource_group"], "workspace": values["workspace"], "compute": values["compute"]}
    pairs.update({key: value for key, value in named.items() if value})
    return {PREFIX + key: value for key, value in pairs.items()}
