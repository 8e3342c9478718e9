"""Documentation, argument spec and behaviour of every module say the same."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.module import argument_spec

from tests.tools.catalogue import Module, modules, read_module

pytestmark = pytest.mark.engine
MODULES = modules()
COMPARED = ("type", "elements", "choices", "required", "aliases", "no_log")
COMMON_RETURNS = {"changed", "findings", "changes", "checks", "cluster", "plan_digest"}
each_module = pytest.mark.parametrize("module", MODULES, ids=[module.name for module in MODULES])


def differences(documented: t.Mapping[str, t.Any], spec: t.Mapping[str, t.Any], where: str = "") -> list[str]:
    """What documentation and argument spec disagree on, suboptions included."""
    found = [f"{where}{name}: in the spec, not documented" for name in set(spec) - set(documented)]
    found += [f"{where}{name}: documented, not in the spec" for name in set(documented) - set(spec)]
    for name in sorted(set(spec) & set(documented)):
        doc, real = documented[name], spec[name]
        for key in COMPARED:
            if key != "no_log" and normal(doc, key) != normal(real, key):
                found.append(f"{where}{name}.{key}: documented {doc.get(key)!r}, in the spec {real.get(key)!r}")
        if doc.get("default") != real.get("default"):
            found.append(f"{where}{name}.default: documented {doc.get('default')!r}, in the spec {real.get('default')!r}")
        if not doc.get("description"):
            found.append(f"{where}{name}: has no description")
        found += differences(doc.get("suboptions") or {}, real.get("options") or {}, f"{where}{name}.")
    return found


def normal(option: t.Mapping[str, t.Any], key: str) -> t.Any:
    """An attribute of an option without what is only spelling."""
    value = option.get(key)
    if key == "type":
        return value or "str"
    if key == "required":
        return bool(value)
    return sorted(map(str, value)) if isinstance(value, (list, tuple)) else value


def test_there_are_modules() -> None:
    assert {"cluster_info", "version_window", "scc_grant"} <= {module.name for module in MODULES}


@each_module
def test_documented_options_are_the_argument_spec(module: Module) -> None:
    spec = {name: option for name, option in argument_spec(module.topic).items() if not name.startswith("_")}
    assert differences(module.options, spec) == []


@pytest.mark.parametrize(
    "change",
    [{"type": "int"}, {"choices": ["error"]}, {"default": "never"}, {"required": True}, {"aliases": ["fail"]}, {"description": []}],
    ids=lambda change: next(iter(change)),
)
def test_a_difference_is_seen(change: dict[str, t.Any]) -> None:
    spec = {"fail_on": {"type": "str", "choices": ["error", "never"], "default": "error"}}
    documented = {"fail_on": {**spec["fail_on"], "description": "When to fail."}}
    assert differences(documented, spec) == []
    assert len(differences({"fail_on": {**documented["fail_on"], **change}}, spec)) == 1
    assert len(differences({}, spec)) == len(differences({**documented, "more": {"description": "."}}, spec)) == 1


@each_module
def test_module_file_belongs_to_its_topic(module: Module) -> None:
    assert (module.topic.module, module.doc["module"]) == (module.name, module.name)
    assert set(module.doc["attributes"]) >= {"check_mode", "diff_mode", "idempotent", "action_group", "platform"}
    assert module.doc["attributes"]["action_group"]["membership"] == ["azureml.kubernetes.all"]
    assert module.doc["version_added"]
    assert not module.topic.options.keys() & {"fail_on", "accept", "expected_cluster_uid", "request_timeout", "deadline"}


@each_module
def test_returned_keys_are_documented(module: Module) -> None:
    assert set(module.returns) >= COMMON_RETURNS
    assert all(value.get("description") and value.get("returned") and value.get("type") for value in module.returns.values())


@each_module
def test_module_file_holds_no_logic(module: Module) -> None:
    import ast

    tree = ast.parse(module.path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert [function.name for function in functions] == ["main"]
    calls = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert sorted(calls) == ["main()", "run_module(TOPIC)"]
    assert "GPL-3.0-or-later" in module.path.read_text(encoding="utf-8")[:500]


def test_a_module_without_a_topic_is_refused(tmp_path: t.Any) -> None:
    path = tmp_path / "thing.py"
    path.write_text('DOCUMENTATION = "module: thing"\n')
    with pytest.raises(ValueError, match="exactly one topic"):
        read_module(path)
