"""Random sets of mount paths against a slower judgement of the same rules."""

from __future__ import annotations

from itertools import combinations
from pathlib import PurePosixPath

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.paths import (
    COMMON,
    RESERVED,
    clashes,
    hides,
    normalised,
    unusable,
)
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.storage

PARTS = st.sampled_from(["a", "b", "ab", "mnt", "data", "etc", "usr", "var", "run", "azureml", ".", "..", ""])
PATHS = st.lists(PARTS, min_size=1, max_size=5).map("/".join).map(lambda path: "/" + path)


def parts(path: str) -> tuple[str, ...]:
    """Folders from the root, with `.`, `..` and empty ones resolved one by one."""
    found: list[str] = []
    for part in path.split("/"):
        if part == "..":
            found = found[:-1]
        elif part not in ("", "."):
            found.append(part)
    return tuple(found)


@given(PATHS)
def test_the_shortest_spelling(path: str) -> None:
    assert normalised(path) == "/" + "/".join(parts(path))
    assert normalised(normalised(path)) == normalised(path)


@given(PATHS)
def test_system_folders_and_the_root_are_refused_however_they_are_written(path: str) -> None:
    inside = [folder for folder in RESERVED if parts(path)[: len(parts(folder))] == parts(folder)]
    assert bool(unusable(path)) == (not parts(path) or bool(inside))
    assert hides(path) == (normalised(path) in COMMON)


@given(st.text(max_size=20))
def test_any_text_is_judged(path: str) -> None:
    reason = unusable(path)
    assert not reason or not reason.endswith(".")
    if not path.startswith("/"):
        assert reason
    if not reason:
        assert PurePosixPath(path).is_absolute()


@given(st.lists(PATHS, max_size=12))
def test_clashes_are_those_that_comparing_all_pairs_finds(paths: list[str]) -> None:
    owned = [(f"claim-{number}", path) for number, path in enumerate(paths)]
    found = clashes(owned)
    same = {(a, b) for (a, x), (b, y) in combinations(owned, 2) if parts(x) == parts(y)}
    # Each repeated path is told against the first of its owners.
    firsts = {b: min(int(a.split("-")[1]) for a, other in same if other == b) for _a, b in same}
    assert {(clash.outer, clash.inner) for clash in found if clash.same} == {(f"claim-{a}", b) for b, a in firsts.items()}
    distinct = {parts(path): owner for owner, path in reversed(owned)}
    nested = {}
    for inner, owner in distinct.items():
        outers = [outer for outer in distinct if outer and len(outer) < len(inner) and inner[: len(outer)] == outer]
        if outers:
            nested[owner] = distinct[max(outers, key=len)]
    assert {clash.inner: clash.outer for clash in found if not clash.same} == nested


def test_forty_thousand_paths_are_no_effort() -> None:
    assert clashes([(str(n), f"/mnt/{n}/x/y/z") for n in range(40_000)]) == []
