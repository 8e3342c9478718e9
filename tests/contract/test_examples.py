"""Every example in a module's documentation parses, and its arguments are valid; every name that is used exists."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import ansible
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.module import argument_spec

from tests.tools.catalogue import ROOT, modules

pytestmark = pytest.mark.engine
OURS = "azureml.kubernetes."
MODULES = {module.name: module for module in modules()}
KEYWORDS = {
    "name", "hosts", "gather_facts", "vars", "tasks", "pre_tasks", "post_tasks", "handlers", "roles", "when", "register", "loop",
    "loop_control", "delegate_to", "run_once", "become", "become_user", "tags", "environment", "module_defaults", "check_mode",
    "diff", "ignore_errors", "failed_when", "changed_when", "until", "retries", "delay", "no_log", "notify", "async", "poll",
    "any_errors_fatal", "strategy", "serial", "order", "throttle", "max_fail_percentage", "ansible.builtin.import_playbook",
}  # fmt: skip


def tasks(content: t.Any) -> t.Iterator[tuple[str, t.Any]]:
    """Module name and arguments of every task in YAML content, blocks and plays included."""
    if isinstance(content, list):
        for item in content:
            yield from tasks(item)
        return
    if not isinstance(content, dict):
        return
    for key in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"):
        yield from tasks(content.get(key) or [])
    if "hosts" not in content and "block" not in content:
        yield from ((key, value) for key, value in content.items() if key not in KEYWORDS and not key.startswith("with_"))


def literal(args: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Arguments without those that a template decides."""
    return {name: value for name, value in args.items() if "{{" not in str(value)}


def examples() -> list[t.Any]:
    found = []
    for module in MODULES.values():
        used = [(name, args) for name, args in tasks(yaml.safe_load(module.examples)) if name.startswith(OURS)]
        found += [pytest.param(name, args, id=f"{module.name}-{index}") for index, (name, args) in enumerate(used)]
    return found


def yaml_files() -> list[Path]:
    folders = ("roles", "playbooks", "molecule")
    return [ROOT / "site.yml", *(path for folder in folders for path in sorted((ROOT / folder).rglob("*.yml")))]


@pytest.mark.parametrize("name, args", examples())
def test_example_is_valid(name: str, args: dict[str, t.Any]) -> None:
    topic = MODULES[name[len(OURS) :]].topic
    given = literal(args or {})
    rules = {} if len(given) < len(args or {}) else topic.rules
    templated = set(args or {}) - set(given)
    spec = {k: {**option, "required": False} if k in templated else option for k, option in argument_spec(topic).items()}
    result = ArgumentSpecValidator(spec, **rules).validate(given)
    assert result.error_messages == []
    if len(given) == len(args or {}):
        try:
            topic.parse(result.validated_parameters)
        except InvalidRequest as error:
            assert all("No such file" in problem or "does not exist" in problem for problem in error.problems), error.problems


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_every_module_has_an_example_of_its_own(module: t.Any) -> None:
    used = [name for name, _args in tasks(yaml.safe_load(module.examples))]
    assert OURS + module.name in used
    assert [name for name in used if name.count(".") < 2] == [], "names in examples are fully qualified"


def exists(name: str) -> bool:
    """Whether a module or action of this fully qualified name is installed here."""
    if name.startswith("ansible.builtin."):
        return (Path(str(ansible.__file__)).parent / "modules" / f"{name.split('.')[2]}.py").exists()
    namespace, collection, plugin = name.split(".")
    plugins = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"], "ansible_collections", namespace, collection, "plugins")
    return any((plugins / kind / f"{plugin}.py").exists() for kind in ("modules", "action"))


def test_every_module_name_in_yaml_exists() -> None:
    used = {
        (name, path)
        for path in yaml_files()
        for name, _args in tasks(yaml.safe_load(path.read_text(encoding="utf-8")))
        if "." in name
    }
    assert len(used) > 3
    assert [f"{path.relative_to(ROOT)}: {name}" for name, path in sorted(used) if not exists(name)] == []
    assert not exists("kubernetes.core.k8s_inf") and not exists("ansible.builtin.asert")


def test_every_role_name_in_plays_exists() -> None:
    known = {path.name for path in (ROOT / "roles").iterdir() if path.is_dir()}
    named = set()
    for path in yaml_files():
        plays = yaml.safe_load(path.read_text(encoding="utf-8"))
        for play in plays if isinstance(plays, list) else []:
            named.update(role["role"] for role in play.get("roles") or [])
    assert named
    assert {name for name in named if name.removeprefix(OURS) not in known} == set()


def test_playbooks_can_be_called_by_name() -> None:
    names = [path.stem for path in (ROOT / "playbooks").glob("*.yml")]
    assert names
    assert [name for name in names if "-" in name or not name.isidentifier()] == []


def test_a_wrong_argument_is_seen() -> None:
    spec = argument_spec(MODULES["cluster_info"].topic)
    assert ArgumentSpecValidator(spec).validate({"kubeconfg": "x"}).error_messages
    assert list(tasks([{"block": [{"a.b.c": {"x": 1}, "when": True}]}])) == [("a.b.c", {"x": 1})]
