"""The variables that belong to no single module or role, each with what it means. Everything else is derived from options."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import yaml

from tests.tools.catalogue import ROOT, Module, Role

SHARED = {
    "azureml_hosts": "Host pattern of the playbooks; all hosts of the inventory by default.",
    "azureml_cluster": "On a host that is a Node: the inventory host that is its cluster, whose `azureml_*` variables then apply.",
    "azureml_report_dir": "Directory on the controller for one record per host; nothing is written when it is not set.",
    "azureml_run_on": "`controller` (default: in the controller's process) or `target` (as an ordinary module).",
    "azureml_allow_shared_credential": "Allows one `K8S_AUTH_*` credential of the environment to serve several hosts of a play.",
}
# Shared inputs that more than one topic reads; a module's own option of that name is found by itself.
INPUTS = {
    "azureml_extension_name": "Name of the AzureML extension in the cluster.",
    "azureml_connection": "How the cluster is connected to Azure: `aks` or `arc`.",
    "azureml_training": "The extension is used for training.",
    "azureml_inference": "The extension is used for inference.",
    "azureml_compute_namespaces": "Namespaces in which AzureML jobs run.",
    "azureml_platform": "What the cluster is, where detection should not decide.",
    "azureml_location": "Azure region of the cluster's resource.",
}
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")


def registered(path: Path) -> set[str]:
    """Public names that the YAML files under `path` set for later tasks, by register, set_fact or vars."""
    found: set[str] = set()
    for file in sorted(path.rglob("*.yml")):
        found.update(_names(yaml.safe_load(file.read_text(encoding="utf-8"))))
    return found


def _names(content: t.Any) -> t.Iterator[str]:
    if isinstance(content, list):
        for item in content:
            yield from _names(item)
    elif isinstance(content, dict):
        for key, value in content.items():
            if key == "register" and isinstance(value, str):
                yield value
            elif key in ("ansible.builtin.set_fact", "vars") and isinstance(value, dict):
                yield from (name for name in value if _NAME.match(name))
            yield from _names(value)


def known(modules: t.Iterable[Module], roles: t.Iterable[Role]) -> set[str]:
    """Every variable that somebody may set or read, so that any other name with one of our prefixes is a mistake."""
    found = set(SHARED) | set(INPUTS)
    for module in modules:
        for name, option in module.options.items():
            found.update(f"azureml_{word}" for word in (name, *(option.get("aliases") or [])))
    for role in roles:
        found.update(role.variables)
        found.update(registered(role.path / "tasks"))
    found.update(registered(ROOT / "playbooks"))
    return {name for name in found if name.startswith(prefixes(roles))}


def prefixes(roles: t.Iterable[Role]) -> tuple[str, ...]:
    """What the names of our variables begin with."""
    return ("azureml_", *(f"{role.name}_" for role in roles))
