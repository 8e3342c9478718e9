"""Who may import whom. The imports are read, not run, so that a guarded import counts too."""

from __future__ import annotations

import ast
import typing as t
from pathlib import Path

import pytest

from tests.tools.catalogue import PACKAGE, ROOT

pytestmark = pytest.mark.engine
UTILS = f"{PACKAGE}.plugins.module_utils"
ROOMS = sorted(path for path in (ROOT / "plugins" / "module_utils").iterdir() if path.is_dir() and path.name.startswith("_"))
SPECIAL = ("_core", "_data", "_kube", "_audit", "__pycache__")
TOPICS = [path for path in ROOMS if path.name not in SPECIAL]
CLIENT = ("kubernetes", "openshift", "ansible_collections.kubernetes")
IMPURE = (
    "os",
    "subprocess",
    "requests",
    "urllib3",
    "socket",
    "pathlib",
    "io",
    "time",
    "random",
    "http",
    "urllib.request",
    "ansible",
    *CLIENT,
)


def imports(source: str, package: str = "") -> set[str]:
    """Every module that Python source imports, relative ones resolved against `package`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(
                [*(package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []), node.module or ""]
            )
            found.add(base.strip("."))
            found.update(f"{base.strip('.')}.{alias.name}" for alias in node.names)
    return found


def of_file(path: Path) -> set[str]:
    parts = path.relative_to(ROOT).with_suffix("").parts[:-1]
    return imports(path.read_text(encoding="utf-8"), ".".join((PACKAGE, *parts)))


def under(name: str, *roots: str) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def violations(folder: Path, allowed: t.Callable[[str], bool]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted(folder.rglob("*.py"))
        for name in sorted(of_file(path))
        if not allowed(name)
    ]


def ours(name: str) -> bool:
    return under(name, PACKAGE) and name not in (PACKAGE, f"{PACKAGE}.plugins", UTILS)


def test_core_imports_nothing_of_ours() -> None:
    folder = ROOT / "plugins" / "module_utils" / "_core"
    assert violations(folder, lambda name: not ours(name) or under(name, f"{UTILS}._core")) == []
    assert violations(folder, lambda name: not under(name, "ansible", *CLIENT)) == []


def test_data_imports_core_only() -> None:
    folder = ROOT / "plugins" / "module_utils" / "_data"
    allowed = (f"{UTILS}._core", f"{UTILS}._data")
    assert violations(folder, lambda name: not ours(name) or under(name, *allowed)) == []
    assert violations(folder, lambda name: not under(name, *IMPURE)) == []


def test_kube_imports_core_only() -> None:
    folder = ROOT / "plugins" / "module_utils" / "_kube"
    allowed = (f"{UTILS}._core", f"{UTILS}._kube")
    assert violations(folder, lambda name: not ours(name) or under(name, *allowed)) == []


def test_there_are_topics() -> None:
    assert {"_cluster", "_version", "_scc"} <= {path.name for path in TOPICS}


@pytest.mark.parametrize("topic", TOPICS, ids=[path.name for path in TOPICS])
def test_topic_imports_core_and_data_only(topic: Path) -> None:
    allowed = (f"{UTILS}._core", f"{UTILS}._data", f"{UTILS}.{topic.name}")
    assert violations(topic, lambda name: not ours(name) or under(name, *allowed)) == []
    assert violations(topic, lambda name: not under(name, "ansible", *CLIENT)) == []


@pytest.mark.parametrize("topic", TOPICS, ids=[path.name for path in TOPICS])
def test_plans_do_nothing_but_think(topic: Path) -> None:
    # request.py may read a file that the user names; everything else of a topic gets what it needs handed over.
    for path in sorted(topic.glob("*.py")):
        if path.name == "request.py":
            continue
        assert [name for name in of_file(path) if under(name, *IMPURE)] == [], path.name
        called = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert called & {"open", "print", "input", "exec", "eval"} == set(), path.name


def test_only_kube_imports_the_client() -> None:
    paths = [path for path in sorted((ROOT / "plugins").rglob("*.py")) if "_kube" not in path.parts]
    found = [f"{path.relative_to(ROOT)}: {name}" for path in paths for name in of_file(path) if under(name, *CLIENT)]
    assert found == []
    assert any(under(name, *CLIENT) for path in (ROOT / "plugins/module_utils/_kube").glob("*.py") for name in of_file(path))


def test_modules_import_only_their_topic_and_the_runner() -> None:
    for path in sorted((ROOT / "plugins" / "modules").glob("*.py")):
        found = {name for name in of_file(path) if ours(name)}
        rooms = {name.split(".")[5] for name in found}
        assert len(rooms - {"_kube"}) == 1, path.name
        assert {name for name in found if under(name, f"{UTILS}._kube")} == {
            f"{UTILS}._kube.module",
            f"{UTILS}._kube.module.run_module",
        }


def test_every_file_defers_annotations() -> None:
    paths = [path for path in (ROOT / "plugins").rglob("*.py") if path.read_text(encoding="utf-8").strip()]
    late = [
        str(path.relative_to(ROOT))
        for path in paths
        if "__future__.annotations" not in of_file(path) and path.name != "__init__.py"
    ]
    assert late == []


def test_the_reader_sees_all_kinds_of_import() -> None:
    source = (
        "import os.path\ndef f():\n    from ..b import c\ntry:\n    from kubernetes import client\nexcept ImportError:\n    pass\n"
    )
    assert imports(source, "x.y.z") == {"os.path", "x.y.b", "x.y.b.c", "kubernetes", "kubernetes.client"}
    assert under("kubernetes.client", *CLIENT) and not under("kubernetes_x", *CLIENT)
