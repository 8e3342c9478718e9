"""The nouns: findings, changes, digests and what makes a result fail."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    Change,
    Code,
    Finding,
    Identity,
    ObjectRef,
    Plan,
    Result,
    Write,
    sort_findings,
    worst,
)
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.engine

BAD = Code("toy.bad", "error", "Bad.", "Mend it.", "https://example.org")
DULL = Code("toy.dull", "warning", "Dull.")
MENDED = Code("toy.mended", "error", "Missing.", resolvable=True)
REF = ObjectRef("ConfigMap", "a", "toys", "/api/v1/namespaces/toys/configmaps/a")
HERE = Identity("https://one", "uid-1")


def patched(value: Any, version: str = "1") -> Change:
    """A change by a patch that tests what it was planned on."""
    body = [{"op": "test", "path": "/metadata/resourceVersion", "value": version}, {"op": "add", "path": "/x", "value": value}]
    return Change("update", REF, "because", None, {"x": value}, frozenset({"reboots_nodes"}), Write("json_patch", REF.path, body))


def test_a_finding_takes_from_its_code_what_is_not_said() -> None:
    finding = BAD.finding("is bad", REF)
    assert finding.line() == "error toy.bad ConfigMap/toys/a: is bad -> Mend it."
    assert BAD.finding("x", severity="info", remedy="").public() == {
        "code": "toy.bad",
        "severity": "info",
        "subject": "",
        "message": "x",
        "remedy": "",
        "evidence": None,
        "edition": "",
        "link": "https://example.org",
    }


@pytest.mark.parametrize(
    ("fail_on", "broken", "failing"),
    [
        ("error", False, ["toy.bad"]),
        ("warning", False, ["toy.bad", "toy.dull"]),
        ("never", False, []),
        ("never", True, ["toy.bad"]),
    ],
)
def test_what_fails_a_task(fail_on: str, broken: bool, failing: list[str]) -> None:
    result = Result(findings=(BAD.finding("x"), DULL.finding("y")), broken=broken)
    assert [finding.code for finding in result.failed_by(fail_on)] == failing


def test_a_resolvable_finding_counts_unless_a_change_is_coming_and_nothing_broke() -> None:
    result = Result(findings=(MENDED.finding("x"),))
    assert result.failed_by("error")
    assert not replace(result, changes=(patched(1),)).failed_by("error")
    assert replace(result, changes=(patched(1),), broken=True).failed_by("error")


def test_a_digest_is_of_the_effect_and_the_cluster() -> None:
    digest = Plan((patched(1),)).digest(HERE)
    assert Plan((patched(1, version="2"),)).digest(HERE) == digest, "what others touched beside it does not matter"
    assert Plan((patched(1),), (DULL.finding("x"),), facts={"a": 1}).digest(HERE) == digest, "words do not matter"
    others = [
        Plan((patched(2),)).digest(HERE),
        Plan((patched(1), patched(1))).digest(HERE),
        Plan((replace(patched(1), disruptive=frozenset()),)).digest(HERE),
        Plan((replace(patched(1), object=replace(REF, name="b")),)).digest(HERE),
        Plan((patched(1),)).digest(Identity("https://one", "uid-2")),
        Plan((patched(1),)).digest(Identity("https://one")),
        Plan((patched(1),)).digest(Identity("https://two")),
        Plan().digest(HERE),
    ]
    assert len({digest, *others}) == len(others) + 1


def test_a_moved_address_is_the_same_cluster() -> None:
    assert Plan((patched(1),)).digest(HERE) == Plan((patched(1),)).digest(Identity("https://moved", "uid-1"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_a_digest_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    def reversed_keys(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: reversed_keys(item[key]) for key in reversed(list(item))}
        return [reversed_keys(part) for part in item] if isinstance(item, list) else item

    assert Plan((patched(value),)).digest(HERE) == Plan((patched(reversed_keys(value)),)).digest(HERE)


def test_findings_are_sorted_the_same_from_any_order() -> None:
    findings = [BAD.finding("b"), BAD.finding("a"), DULL.finding("a"), DULL.finding("a", severity="info"), BAD.finding("a", "x")]
    orders = {tuple(f.line() for f in sort_findings(order)) for order in itertools.permutations(findings)}
    assert len(orders) == 1
    assert [line.split()[0] for line in orders.pop()] == ["error"] * 3 + ["warning", "info"]


def test_the_worst_of_findings() -> None:
    assert worst([]) == "ok"
    assert worst([], "unknown") == "unknown"
    assert worst([DULL.finding("x")]) == "warning"
    assert worst([DULL.finding("x"), BAD.finding("x")]) == "error"


def test_a_change_shows_no_request_body() -> None:
    change = Change(
        "create", REF, "because", None, "changed", frozenset({"irreversible"}), Write("create", "/x", {"data": "secret"})
    )
    assert "secret" not in str(change.public())
    assert change.line() == "create ConfigMap/toys/a: because [irreversible]"


def test_a_finding_is_a_value() -> None:
    assert BAD.finding("x") == Finding("toy.bad", "error", "", "x", "Mend it.", link="https://example.org")
