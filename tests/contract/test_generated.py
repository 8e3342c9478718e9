"""What is derived is current; what is kept by hand in two places says the same in both."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tomllib
import yaml
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json

from tests.tools import environment, generate
from tests.tools.catalogue import ROOT, modules

pytestmark = pytest.mark.engine


def read(name: str) -> Json:
    content: Json = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return content


def test_generated_files_are_current() -> None:
    assert [str(path.relative_to(ROOT)) for path in generate.stale(generate.generated())] == [], "run make docs"


def test_a_stale_file_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    action = tmp_path / "plugins" / "action" / "gone.py"
    action.parent.mkdir(parents=True)
    action.write_text("")
    wanted = tmp_path / "page.md"
    wanted.write_text("old")
    assert generate.stale({wanted: "new"}) == [wanted, action]
    assert generate.stale({wanted: "old", action: ""}) == []


def test_a_missing_marker_is_an_error() -> None:
    assert generate.between("a <!-- x -->old<!-- end of x --> b", "x", "new") == "a <!-- x -->\nnew\n<!-- end of x --> b"
    with pytest.raises(ValueError, match="lacks the markers"):
        generate.between("a <!-- x --> b", "x", "new")


def test_action_group_all_is_all_modules() -> None:
    files = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[a-z]*.py"))
    assert read("meta/runtime.yml")["action_groups"]["all"] == files == sorted(module.name for module in modules())
    assert sorted(path.stem for path in (ROOT / "plugins" / "action").glob("[a-z]*.py")) == files


def test_dependencies_are_the_same_everywhere() -> None:
    collections = {item["name"]: item["version"] for item in read("requirements.yml")["collections"]}
    assert collections == read("galaxy.yml")["dependencies"]
    assert all("<" not in version for version in collections.values())
    runtime = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    floors = dict(line.split(">=") for line in runtime.splitlines() if ">=" in line and not line.startswith("#"))
    exact = dict(
        line.split("==") for line in (ROOT / "requirements-lowest.in").read_text(encoding="utf-8").splitlines() if "==" in line
    )
    assert exact == floors, "the row lowest tests the floors"
    assert read("meta/runtime.yml")["requires_ansible"] == f">={floors['ansible-core']}"
    assert "<" not in runtime
    assert read("meta/execution-environment.yml")["dependencies"]["python"] == "requirements.txt"


def test_lock_files_follow_the_rows() -> None:
    rows = tomllib.loads((ROOT / "tests" / "tools" / "rows.toml").read_text(encoding="utf-8"))
    for name in rows:
        row = environment.read_row(name)
        for minor in row.lock_for:
            text = row.lock(minor).read_text(encoding="utf-8").lower().replace("_", "-")
            wanted = [line for file in row.requirements for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
            packages = [line.split(">=")[0].split("==")[0].lower() for line in wanted if line and not line.startswith("#")]
            assert [package for package in packages if f"\n{package}==" not in text] == [], f"{row.lock(minor).name}: run make lock"
    assert environment.read_row("newest").lock("3.14").name == "newest-py3.12.lock"


def test_an_old_python_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(environment.Unavailable, match=r"has no row 'nonesuch'"):
        environment.read_row("nonesuch")
    row = environment.read_row("lowest")
    assert row.supports("3.12") and not row.supports("3.13")


def test_the_collection_says_what_changed() -> None:
    fragments = list((ROOT / "changelogs" / "fragments").glob("*.yml"))
    assert fragments or (ROOT / "changelogs" / "changelog.yaml").exists()
    sections = {section[0] for section in read("changelogs/config.yaml")["sections"]} | {"release_summary", "trivial"}
    for path in fragments:
        assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= sections, path.name


def test_the_sanity_ignore_list_is_empty() -> None:
    assert [path.name for path in (ROOT / "tests" / "sanity").glob("ignore*.txt") if path.read_text(encoding="utf-8").strip()] == []


def test_the_public_interface_of_make_is_there() -> None:
    done = subprocess.run(["make", "help", f"PYTHON={sys.executable}"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("  make ")}
    assert targets >= {"demo", "down", "test", "bench", "lint", "docs", "env", "collections", "sanity", "unit"}
