"""Options of `extension_components` and their typed form."""

from __future__ import annotations

import datetime
import difflib
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._components.checks import Check, parse_checks
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.extension_components import EDITIONS
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.extension_keys import find

SWITCHES = ("relay", "install_prom_op", "install_volcano", "install_dcgm_exporter", "install_nvidia_device_plugin", "nginx_ingress")
_BOOLS = ("training", "inference", "inference_router_ha", *SWITCHES)
SERVICE_TYPES = ("loadBalancer", "nodePort", "clusterIP")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?")
_VERSION = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}([-+].*)?")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")

OPTIONS: Json = {
    "extension_name": {"type": "str"},
    "extension_version": {"type": "str"},
    "components_edition": {"type": "str"},
    "connection": {"type": "str", "choices": ["aks", "arc"]},
    **{name: {"type": "bool"} for name in _BOOLS},
    "inference_router_service_type": {"type": "str", "choices": list(SERVICE_TYPES)},
    "configuration_settings": {"type": "dict"},
    "surroundings": {"type": "bool", "default": True},
    "restart_limit": {"type": "int", "default": 5},
    "custom_checks": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "kind": {"type": "str", "required": True},
            "name": {"type": "str"},
            "namespace": {"type": "str"},
            "api_version": {"type": "str"},
            "query": {"type": "str", "required": True},
            "expected": {"type": "raw"},
            "severity": {"type": "str", "choices": ["error", "warning", "info"], "default": "error"},
            "remedy": {"type": "str"},
        },
    },
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 900},
}


@dataclass(frozen=True)
class Request:
    """What is asked, understood. None and "" mean that the cluster itself is asked.

    Args:
        told: what is known of the extension's settings, by option.
        edition: the edition of the table, "" for the one that the extension's version is for.
        wait_seconds: how long to wait for health, 0 for not at all.
        now: the time at which ages are counted.
    """

    extension_name: str = ""
    version: str = ""
    edition: str = ""
    connection: str = ""
    service_type: str = ""
    told: t.Mapping[str, bool] = field(default_factory=dict)
    surroundings: bool = True
    restart_limit: int = 5
    checks: tuple[Check, ...] = ()
    wait_seconds: float = 0.0
    now: datetime.datetime = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def parse(params: t.Mapping[str, t.Any]) -> Request:
    """Module parameters to a request.

    Raises:
        InvalidRequest: everything that is wrong with them.
    """
    problems = [*_name_problems(params), *_number_problems(params)]
    settings = _settings(params.get("configuration_settings") or {}, problems)
    told = {name: params[name] for name in _BOOLS if params.get(name) is not None}
    told = {**{name: value for name, value in settings.items() if isinstance(value, bool)}, **told}
    if told.get("training") is False and told.get("inference") is False:
        problems.append("training and inference are both false: the extension installs with at least one.")
    checks = parse_checks(params.get("custom_checks") or (), problems)
    if problems:
        raise InvalidRequest(problems)
    return Request(
        extension_name=params.get("extension_name") or "",
        version=params.get("extension_version") or "",
        edition=params.get("components_edition") or "",
        connection=params.get("connection") or "",
        service_type=params.get("inference_router_service_type") or str(settings.get("inference_router_service_type") or ""),
        told=told,
        surroundings=params.get("surroundings") is not False,
        restart_limit=_number(params, "restart_limit", 5),
        checks=checks,
        wait_seconds=float(_number(params, "wait_timeout", 900)) if params.get("wait") else 0.0,
        now=datetime.datetime.now(datetime.timezone.utc),
    )


def secrets(params: t.Mapping[str, t.Any]) -> set[str]:
    """Secrets that somebody put among the plain settings."""
    given = params.get("configuration_settings")
    if not isinstance(given, dict):
        return set()
    hidden = {name: key for name in given if (key := find(str(name))) is not None and key.kind == "secret"}
    return {str(value) for name, value in given.items() if value and (name in hidden or "-----BEGIN" in str(value))}


def _settings(given: t.Mapping[str, t.Any], problems: list[str]) -> dict[str, bool | str]:
    """Settings by their own names, as options; keys that say nothing about components are left out."""
    found: dict[str, bool | str] = {}
    for name, value in given.items():
        key = find(str(name))
        if key is None or key.option not in (*_BOOLS, "inference_router_service_type"):
            continue
        word = str(value).strip().lower()
        if key.kind == "bool" and word not in (*_TRUE, *_FALSE):
            problems.append(f"configuration_settings: {name} is {str(value)[:80]!r}, which is neither true nor false.")
        elif key.kind == "bool":
            found[key.option] = word in _TRUE
        elif word not in (choice.lower() for choice in SERVICE_TYPES):
            problems.append(f"configuration_settings: {name} is {str(value)[:80]!r}, which is none of {', '.join(SERVICE_TYPES)}.")
        else:
            found[key.option] = next(choice for choice in SERVICE_TYPES if choice.lower() == word)
    return found


def _name_problems(params: t.Mapping[str, t.Any]) -> list[str]:
    problems = []
    name, version = params.get("extension_name") or "", params.get("extension_version") or ""
    edition = params.get("components_edition") or ""
    if name and not _NAME.fullmatch(name):
        problems.append(f"extension_name {name!r} is not 1 to 53 lower-case letters, digits and '-', as a Helm release needs.")
    if version and not _VERSION.fullmatch(version):
        problems.append(f"extension_version {version!r} is no version as 1.1.71.")
    if edition and edition not in EDITIONS:
        near = difflib.get_close_matches(edition, sorted(EDITIONS), 1, 0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        problems.append(f"components_edition {edition!r} is unknown; known editions are {', '.join(sorted(EDITIONS))}.{hint}")
    return problems


def _number_problems(params: t.Mapping[str, t.Any]) -> list[str]:
    least = {"wait_timeout": 1, "restart_limit": 0}
    numbers = {name: params.get(name) for name in least}
    return [
        f"{name} is {number}: at least {least[name]}."
        for name, number in numbers.items()
        if number is not None and number < least[name]
    ]


def _number(params: t.Mapping[str, t.Any], name: str, default: int) -> int:
    value = params.get(name)
    return default if value is None else int(value)
