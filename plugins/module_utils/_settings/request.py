"""Options of `extension_settings` and their typed form. The one file of the topic that reads from disk: PEM files."""

from __future__ import annotations

import json
import os
import re
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.extension_keys import KEYS, Key, find
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.azure import Azure, in_azure
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.block import (
    CLUSTER_TYPES,
    PEM_KEYS,
    Block,
    Cluster,
    Pem,
    as_text,
    is_false,
    is_true,
    resource_id,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.cli import Release
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.judge import Nodes

Operation = t.Literal["create", "update"]
Form = t.Literal["az", "template"]
_LARGEST_FILE = 1 << 20
_NAMES: t.Mapping[str, tuple[str, str]] = {
    "cluster_name": (
        r"[A-Za-z0-9]([-_.A-Za-z0-9]{0,62})",
        "1 to 63 letters, digits, '-', '_' and '.', beginning with a letter or digit",
    ),
    "resource_group": (r"[-\w.()]{0,89}[-\w()]", "1 to 90 letters, digits, '-', '_', '.' and parentheses, not ending with '.'"),
    "subscription_id": (r"[0-9A-Fa-f-]{36}", "a subscription's id, as 00000000-0000-0000-0000-000000000000"),
    "location": (r"[a-z0-9]+", "a region's short name, as westeurope"),
    "extension_name": (
        r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?",
        "1 to 53 lower-case letters, digits and '-', as a Helm release needs",
    ),
}
_TOLERATION: Json = {
    "key": {"type": "str", "no_log": False},
    "operator": {"type": "str", "choices": ["Equal", "Exists"]},
    "value": {"type": "str"},
    "effect": {"type": "str", "choices": ["NoSchedule", "PreferNoSchedule", "NoExecute"]},
}
_TYPES: t.Mapping[str, Json] = {
    "bool": {"type": "bool"},
    "path": {"type": "path"},
    "int": {"type": "int"},
    "secret": {"type": "str", "no_log": True},
}
_LOOKED_UP = {
    "hybrid_connection_resource_id": "relay_id",
    "relay_connection_string": "relay_connection",
    "service_bus_connection_string": "service_bus_connection",
    "service_bus_resource_id": "service_bus_id",
    "log_analytics_customer_id": "workspace_id",
    "log_analytics_key": "workspace_key",
}


def _spec(key: Key) -> Json:
    """The argument spec of the option that sets a key."""
    if key.name == "nodeSelector.":
        return {"type": "dict"}
    if key.name.endswith("["):
        return {"type": "list", "elements": "dict", "options": _TOLERATION}
    spec = dict(_TYPES.get(key.kind, {"type": "str"}))
    if key.kind == "choice":
        spec["choices"] = list(key.choices)
    if "secret" in key.option or "key" in key.option.split("_"):
        spec.setdefault("no_log", False)
    return spec


OPTIONS: Json = {
    "operation": {"type": "str", "choices": ["create", "update"], "default": "create"},
    "form": {"type": "str", "choices": ["az", "template"], "default": "az"},
    "connection": {"type": "str", "choices": ["aks", "arc"], "required": True},
    "cluster_name": {"type": "str", "required": True},
    "resource_group": {"type": "str", "required": True},
    "subscription_id": {"type": "str"},
    "location": {"type": "str", "aliases": ["region"]},
    "extension_name": {"type": "str", "default": "azureml"},
    "extension_version": {"type": "str"},
    "release_train": {"type": "str"},
    "auto_upgrade": {"type": "bool"},
    "configuration_settings": {"type": "dict"},
    # Its secrets are found key by key: hiding every word of it would black out "true" everywhere.
    "configuration_protected_settings": {"type": "dict", "no_log": False},
    "known_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "stored_settings": {"type": "dict"},
    "node_count": {"type": "int"},
    "schedulable_nodes": {"type": "int"},
    "openshift": {"type": "bool"},
    "read_cluster": {"type": "bool", "default": False},
    "relay_exists": {"type": "bool"},
    "service_bus_exists": {"type": "bool"},
    "log_analytics_exists": {"type": "bool"},
    "protected_settings_file": {"type": "path", "no_log": False},
    "parameters_file": {"type": "path"},
    **{key.option: _spec(key) for key in KEYS.rows if key.option},
}


@dataclass(frozen=True)
class Request:
    """What is asked, understood.

    Args:
        block: the settings as az takes them, of options and maps together.
        form: whether the block is written for az, which translates, or for a template, which does not.
        cluster: what is known of the cluster from the options.
        files: the PEM files that the block names, by path.
        stored: configurationSettings of the installed extension.
        known_keys: keys that the user vouches for.
        read_cluster: look at the nodes and at what the cluster is.
    """

    operation: Operation
    form: Form
    block: Block
    cluster: Cluster
    azure: Azure
    release: Release
    nodes: Nodes = field(default_factory=Nodes)
    files: t.Mapping[str, Pem] = field(default_factory=dict)
    stored: t.Mapping[str, t.Any] = field(default_factory=dict)
    known_keys: tuple[str, ...] = ()
    read_cluster: bool = False
    protected_file: str = ""
    parameters_file: str = ""


def parse(params: t.Mapping[str, t.Any]) -> Request:
    """Module parameters to a request.

    Raises:
        InvalidRequest: everything that is wrong with what is no setting. What is wrong with settings is a finding.
    """
    problems = [*_name_problems(params), *_count_problems(params)]
    block = _block(params, problems)
    operation: Operation = params.get("operation") or "create"
    if problems:
        raise InvalidRequest(problems)
    cluster = _cluster(params)
    form: Form = params.get("form") or "az"
    return Request(
        operation=operation,
        form=form,
        block=block,
        cluster=cluster,
        azure=_azure(params, cluster),
        release=Release(
            params.get("extension_name") or "azureml",
            params.get("extension_version") or "",
            params.get("release_train") or "",
            params.get("auto_upgrade"),
        ),
        nodes=Nodes(
            params.get("schedulable_nodes"), "as schedulable_nodes says" if params.get("schedulable_nodes") is not None else ""
        ),
        files={str(path): _pem(str(path), form) for path in (block.protected.get(key) for key in PEM_KEYS) if path},
        stored={str(key): value for key, value in (params.get("stored_settings") or {}).items()},
        known_keys=tuple(params.get("known_keys") or ()),
        read_cluster=bool(params.get("read_cluster")),
        protected_file=_absolute(params.get("protected_settings_file")),
        parameters_file=_absolute(params.get("parameters_file")),
    )


def secrets(params: t.Mapping[str, t.Any]) -> set[str]:
    """Secret values inside the maps: those of secret keys, and in the protected map those that nobody knows, too."""
    found: set[str] = set()
    for option in ("configuration_settings", "configuration_protected_settings", "stored_settings"):
        private = option == "configuration_protected_settings"
        content = params.get(option)
        if isinstance(content, str):
            content = _object(content)
        if not isinstance(content, dict):
            found |= _words(content) if private else set()
            continue
        for name, value in content.items():
            key = find(str(name))
            hidden = key.kind == "secret" if key else private
            if hidden or "-----BEGIN" in str(value):
                found |= _words(value)
    return found


def _object(text: str) -> t.Any:
    """A map that was given as JSON text or, as Ansible allows, as `key=value` words; anything else as it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pairs = [word.partition("=") for word in re.split(r"[\s,]+", text)]
        return {name: value for name, _sign, value in pairs} if all(sign for _name, sign, _value in pairs) else text


def _words(value: t.Any) -> set[str]:
    """The texts inside a value; not those words that would black out half of what is printed."""
    if isinstance(value, dict):
        return {word for item in value.values() for word in _words(item)}
    if isinstance(value, list):
        return {word for item in value for word in _words(item)}
    plain = value is None or isinstance(value, bool) or str(value) == "" or is_true(value) or is_false(value)
    return set() if plain else {str(value)}


def _name_problems(params: t.Mapping[str, t.Any]) -> list[str]:
    problems = []
    for option, (rule, words) in _NAMES.items():
        value = _short(params, option)
        if value and not re.fullmatch(rule, value):
            problems.append(f"{option} {value!r} is not {words}.")
    if (params.get("operation") or "create") == "create":
        for option in ("subscription_id", "location"):
            if not params.get(option):
                problems.append(f"{option} is missing: the extension is told where its cluster is.")
    for option in ("cluster_name", "resource_group"):
        if not params.get(option):
            problems.append(f"{option} is empty.")
    return problems


def _short(params: t.Mapping[str, t.Any], option: str) -> str:
    value = str(params.get(option) or "")
    return value.replace(" ", "").lower() if option == "location" else value


def _count_problems(params: t.Mapping[str, t.Any]) -> list[str]:
    counts = ((option, params.get(option)) for option in ("node_count", "schedulable_nodes"))
    return [
        f"{option} is {count}: a number of nodes cannot be negative." for option, count in counts if count is not None and count < 0
    ]


def _block(params: t.Mapping[str, t.Any], problems: list[str]) -> Block:
    """Options and maps as one block; a key that both set is a problem."""
    raw = {
        False: {str(k): v for k, v in (params.get("configuration_settings") or {}).items()},
        True: {str(k): v for k, v in (params.get("configuration_protected_settings") or {}).items()},
    }
    for key in KEYS.rows:
        given = params.get(key.option) if key.option else None
        if given is None or (key.chart and key.option in _LOOKED_UP):
            continue
        if key.option in _LOOKED_UP:
            continue
        for name, value in _entries(key, given):
            if name in raw[False] or name in raw[True]:
                problems.append(f"{key.option} and the key {name} of a map are both given: which one is meant cannot be told.")
            raw[key.protected is True][name] = value
    return Block(raw[False], raw[True])


def _entries(key: Key, given: t.Any) -> list[tuple[str, str]]:
    """The keys and values that an option stands for."""
    if isinstance(given, dict):
        return [(f"{key.name}{name}", as_text(value)) for name, value in sorted(given.items(), key=lambda item: str(item[0]))]
    if isinstance(given, list):
        return [
            (f"{key.name}{index}].{field_name}", as_text(value))
            for index, entry in enumerate(given)
            for field_name, value in entry.items()
            if value is not None
        ]
    return [(key.name, as_text(given))]


def _cluster(params: t.Mapping[str, t.Any]) -> Cluster:
    connection = params["connection"]
    subscription, group, name = params.get("subscription_id") or "", params["resource_group"], params["cluster_name"]
    return Cluster(
        cluster_type=CLUSTER_TYPES[connection],
        name=name,
        resource_group=group,
        subscription=subscription,
        resource_id=resource_id(connection, subscription, group, name),
        location=_short(params, "location"),
        nodes=params.get("node_count"),
        openshift=params.get("openshift"),
    )


def _azure(params: t.Mapping[str, t.Any], cluster: Cluster) -> Azure:
    """What is in Azure: the values that were given, references to the others."""
    stored = params.get("stored_settings") or {}
    exists = params.get("log_analytics_exists")
    if exists is None:
        exists = is_true(stored.get("azure_log_analytics.enabled")) or bool(params.get("log_analytics_key"))
    given = {field_name: params[option] for option, field_name in _LOOKED_UP.items() if params.get(option)}
    return replace(
        in_azure(cluster),
        relay_exists=params.get("relay_exists"),
        service_bus_exists=params.get("service_bus_exists"),
        workspace_exists=exists,
        **given,
    )


def _absolute(path: t.Any) -> str:
    return os.path.abspath(str(path)) if path else ""


def _pem(path: str, form: Form) -> Pem:
    """A PEM file as az reads it; in a block for a template the text itself may stand in its place."""
    if "-----BEGIN" in path:
        if form == "template" and path.isascii():
            return Pem(path)
        return Pem(problem="PEM text is given where az reads the path of a file")
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            return Pem(problem=f"{path} is no file")
        with open(path, "rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        return Pem(problem=f"{path} cannot be read: {getattr(error, 'strerror', None) or error}")
    if len(content) > _LARGEST_FILE:
        return Pem(problem=f"{path} is larger than 1 MiB")
    if not content.isascii():
        return Pem(problem=f"{path} holds characters beyond ASCII, as in a comment, which az cannot send")
    text = content.decode("ascii").replace("\r\n", "\n").replace("\r", "\n")
    return Pem(text)
