"""Every role: a complete interface, defaults that the interface knows, names with the role's prefix, a README that tells it all."""

from __future__ import annotations

import typing as t

import pytest
import yaml

from tests.tools.catalogue import Role, roles
from tests.tools.variables import registered

pytestmark = pytest.mark.engine
ROLES = roles()
each_role = pytest.mark.parametrize("role", ROLES, ids=[role.name for role in ROLES])
TYPES = {"str": str, "path": str, "int": int, "float": (int, float), "bool": bool, "list": list, "dict": dict}


def undescribed(options: t.Mapping[str, t.Any], where: str = "") -> list[str]:
    """Options, nested ones too, without a description or a type."""
    found = []
    for name, option in options.items():
        if not (option.get("description") and option.get("type")) or (option["type"] == "list" and not option.get("elements")):
            found.append(where + name)
        found += undescribed(option.get("options") or {}, f"{where}{name}.")
    return found


def defaults(role: Role) -> dict[str, t.Any]:
    path = role.path / "defaults" / "main.yml"
    return (yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None) or {}


def test_there_are_roles() -> None:
    assert {"cluster_preflight", "scc_grant"} <= {role.name for role in ROLES}


@each_role
def test_interface_is_complete(role: Role) -> None:
    assert role.spec, f"{role.name} has no meta/argument_specs.yml"
    for entry, content in role.spec.items():
        assert content.get("short_description") and content.get("description") and content.get("author"), entry
        assert undescribed(content.get("options") or {}) == []
    named = {"main"} | {path.stem for path in (role.path / "tasks").glob("[a-z]*.yml")} & set(role.spec)
    assert set(role.spec) == named, "an entry point of the spec is a file in tasks/"


@each_role
def test_defaults_are_in_the_interface(role: Role) -> None:
    given = defaults(role)
    assert set(given) <= set(role.variables)
    for name, value in given.items():
        option = role.variables[name]
        assert option.get("default") == value, f"{name}: default in the spec is {option.get('default')!r}, in defaults/ {value!r}"
        if value is not None and "{{" not in str(value):
            assert isinstance(value, TYPES[option["type"]]), name
    documented = {name for name, option in role.variables.items() if option.get("default") is not None}
    assert documented <= set(given), "a default in the spec that defaults/ does not set has no effect"


@each_role
def test_names_carry_the_prefix(role: Role) -> None:
    names = set(role.variables) | set(defaults(role)) | registered(role.path / "tasks")
    assert {name for name in names if not name.startswith((f"{role.name}_", f"__{role.name}_", "azureml_"))} == set()


@each_role
def test_readme_mentions_every_variable(role: Role) -> None:
    text = (role.path / "README.md").read_text(encoding="utf-8")
    assert [name for name in role.variables if f"`{name}`" not in text] == []


@each_role
def test_role_is_short_and_named_with_its_collection(role: Role) -> None:
    tasks = yaml.safe_load((role.path / "tasks" / "main.yml").read_text(encoding="utf-8"))
    assert 1 <= len(tasks) <= 5
    meta = yaml.safe_load((role.path / "meta" / "main.yml").read_text(encoding="utf-8"))
    assert meta["galaxy_info"]["license"] and not meta.get("dependencies")


def test_an_incomplete_interface_is_seen() -> None:
    complete = {
        "a": {"description": "x", "type": "list", "elements": "dict", "options": {"b": {"description": "y", "type": "str"}}}
    }
    assert undescribed(complete) == []
    complete["a"]["options"]["b"].pop("description")
    assert undescribed(complete) == ["a.b"]
