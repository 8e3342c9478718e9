"""The catalogue of findings: one home per code, well-formed, used, and listed by its topic."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import SEVERITIES, Code

from tests.tools.catalogue import PACKAGE, ROOT, code_modules, codes, modules

pytestmark = pytest.mark.engine
FILES = code_modules()


def names(path: Path) -> set[str]:
    """Every name and attribute that Python source reads."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return read | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_codes_are_unique() -> None:
    known = [code.code for code in codes()]
    assert known
    assert sorted(known) == sorted(set(known))


@pytest.mark.parametrize("file", FILES, ids=[name.split(".")[-2] for name in FILES])
def test_codes_are_well_formed_and_complete(file: str) -> None:
    module = importlib.import_module(file)
    room = file.split(".")[-2].lstrip("_")
    topic = "engine" if room == "core" else room
    defined = [value for value in vars(module).values() if isinstance(value, Code)]
    assert list(module.CODES) == defined, "CODES holds every code of the file in its order"
    for code in defined:
        assert re.fullmatch(rf"{topic}\.[a-z][a-z0-9_]*", code.code), code.code
        assert code.severity in SEVERITIES
        assert code.summary.endswith("."), code.code
        assert code.severity == "info" or code.remedy, f"{code.code}: an error or a warning says what to do"
        assert not code.link or code.link.startswith("https://"), code.code


@pytest.mark.parametrize("file", FILES, ids=[name.split(".")[-2] for name in FILES])
def test_every_code_is_used(file: str) -> None:
    module = importlib.import_module(file)
    room = ROOT / "plugins" / "module_utils" / file.split(".")[-2]
    places = list((ROOT / "plugins").rglob("*.py")) if room.name == "_core" else list(room.glob("*.py"))
    used = set().union(*(names(path) for path in places if path.name != "codes.py"))
    assert [name for name, value in vars(module).items() if isinstance(value, Code) and name not in used] == []


def test_every_topic_lists_its_codes() -> None:
    listed = {code.code for module in modules() for code in module.topic.codes}
    of_topics = {
        code.code
        for name in FILES
        if not name.startswith(f"{PACKAGE}.plugins.module_utils._core.")
        for code in importlib.import_module(name).CODES
    }
    assert listed == of_topics
