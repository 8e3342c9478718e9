"""A step is left out of `make test` only when it passed on exactly the same files in the same environment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.tools import check

pytestmark = pytest.mark.engine


def step(codes: list[int]) -> check.Step:
    """A step that reads all but tests/, and ends with the next of `codes`."""
    return check.Step("judge", lambda: codes.pop(0), lambda name: not name.startswith("tests/"))


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two files, and a cache and an environment of its own."""
    root = tmp_path / "checkout"
    (root / "tests").mkdir(parents=True)
    (root / "role.yml").write_text("a: 1\n")
    (root / "tests" / "test.py").write_text("pass\n")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    installed = tmp_path / "collections" / "ansible_collections" / "kubernetes" / "core-1"
    installed.mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("VIRTUAL_ENV", "/venv-1")
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(tmp_path / "collections"))
    stamp = check.stamp
    monkeypatch.setattr(check, "stamp", lambda one: stamp(one, root))
    return root


def test_what_passed_is_not_done_again_but_on_demand(checkout: Path) -> None:
    codes = [0, 0]
    assert check.run_steps([step(codes)], anew=False) == [] and codes == [0]
    assert check.run_steps([step(codes)], anew=False) == [] and codes == [0]
    (checkout / "tests" / "test.py").write_text("fail\n")
    assert check.run_steps([step(codes)], anew=False) == [] and codes == [0], "it does not read that file"
    assert check.run_steps([step(codes)]) == [] and codes == []


def test_what_failed_is_done_again(checkout: Path) -> None:
    codes = [1, 1]
    assert check.run_steps([step(codes)], anew=False) == ["judge"]
    assert check.run_steps([step(codes)], anew=False) == ["judge"] and codes == []


@pytest.mark.parametrize("change", ["content", "new file", "renamed", "made executable", "environment", "collections"])
def test_what_changed_is_done_again(checkout: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    codes = [0, 0]
    check.run_steps([step(codes)], anew=False)
    if change == "content":
        (checkout / "role.yml").write_text("a: 2\n")
    elif change == "new file":
        (checkout / "other.yml").write_text("")
    elif change == "renamed":
        (checkout / "role.yml").rename(checkout / "rule.yml")
    elif change == "made executable":
        (checkout / "role.yml").chmod(0o755)
    elif change == "environment":
        monkeypatch.setenv("VIRTUAL_ENV", "/venv-2")
    else:
        (checkout.parent / "collections" / "ansible_collections" / "kubernetes" / "core-1").rename(
            checkout.parent / "collections" / "ansible_collections" / "kubernetes" / "core-2"
        )
    check.run_steps([step(codes)], anew=False)
    assert codes == []


def test_a_step_that_cannot_tell_what_it_reads_is_always_done(checkout: Path) -> None:
    codes = [0, 0]
    always = check.Step("go", lambda: codes.pop(0))
    assert check.run_steps([always, always], anew=False) == [] and codes == []
    assert not (checkout.parent / "cache").exists()
