"""Kernel arguments: what the kernel makes of a command line."""

from __future__ import annotations

import shlex

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.arguments import (
    Goal,
    boot_mode,
    contradictions,
    listed,
    split,
    switch,
)
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.selinux

DISABLED, PERMISSIVE = Goal(("selinux=0",)), Goal(("enforcing=0",))
WORDS = st.text(st.characters(whitelist_categories=("L", "N"), whitelist_characters="=.,-_"), min_size=1)
SETTINGS = st.tuples(
    st.sampled_from(("selinux", "enforcing", "console", "quiet")), st.sampled_from(("0", "1", "00", "0x1", "no", ""))
)


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("", ()),
        (" a\tb \n", ("a", "b")),
        ('dyndbg="file a.c +p" quiet', ('dyndbg="file a.c +p"', "quiet")),
        ('"a b"=c d', ('"a b"=c', "d")),
        ('open="never closed', ('open="never closed',)),
    ],
)
def test_split(line: str, arguments: tuple[str, ...]) -> None:
    assert split(line) == arguments


@given(st.lists(WORDS))
def test_split_without_quotes_is_what_a_shell_does(words: list[str]) -> None:
    line = "  ".join(words)
    assert list(split(line)) == shlex.split(line) == list(listed(words))


@pytest.mark.parametrize(
    ("value", "on"),
    [("0", False), ("1", True), ("00", False), ("0x0", False), ("0x10", True), ("010", True), ("+0", False), ("7", True)]
    + [(value, None) for value in ("", "no", "-1", "0b0", "08", "1 ", "0x", "true")],
)
def test_numbers_as_the_kernel_reads_them(value: str, on: bool | None) -> None:
    assert switch([f"selinux={value}"], "selinux") is on


@given(st.lists(SETTINGS))
def test_the_last_number_wins(settings: list[tuple[str, str]]) -> None:
    arguments = [f"{key}={value}" for key, value in settings]
    for key in ("selinux", "enforcing"):
        said = [int(value, 16) for name, value in settings if name == key and value in ("0", "1", "00", "0x1")]
        assert switch(arguments, key) is (bool(said[-1]) if said else None)


@given(st.lists(SETTINGS), st.sampled_from(("selinux=0", "enforcing=0", "selinux=1 enforcing=1")))
def test_what_is_appended_decides_the_mode(settings: list[tuple[str, str]], last: str) -> None:
    before = [f"{key}={value}" for key, value in settings]
    mode = boot_mode([*before, *last.split()])
    if last == "enforcing=0":
        assert mode == ("disabled" if switch(before, "selinux") is False else "permissive")
    else:
        assert mode == ("disabled" if last == "selinux=0" else "enforcing")


@pytest.mark.parametrize(
    ("goal", "arguments", "met"),
    [
        (DISABLED, "selinux=0", True),
        (DISABLED, "selinux=0 quiet selinux=1", False),
        (DISABLED, "selinux=1 selinux=0", True),
        (DISABLED, "enforcing=0", False),
        (DISABLED, "", False),
        (PERMISSIVE, "enforcing=0", True),
        (PERMISSIVE, "enforcing=0 enforcing=1", False),
        (PERMISSIVE, "selinux=0 enforcing=0", False),
        (Goal(("nosmt", "hugepages=4")), "hugepages=4 x nosmt", True),
        (Goal(("nosmt", "hugepages=4")), "hugepages=8 nosmt", False),
        (Goal(("nosmt", "selinux=0")), "nosmt", False),
        (Goal(("nosmt", "selinux=0")), "nosmt selinux=0", True),
    ],
)
def test_met_by(goal: Goal, arguments: str, met: bool) -> None:
    assert goal.met_by(arguments.split()) is met


@pytest.mark.parametrize(
    ("goal", "others", "lost"),
    [
        (DISABLED, "selinux=1 quiet", ("selinux=1",)),
        (DISABLED, "enforcing=1", ("enforcing=1",)),
        (DISABLED, "enforcing=0 selinux=0 selinux=maybe", ()),
        (PERMISSIVE, "enforcing=1 selinux=1", ("enforcing=1",)),
        (PERMISSIVE, "selinux=0", ("selinux=0",)),
        (Goal(("nosmt",)), "selinux=1 mitigations=off", ()),
    ],
)
def test_contradicted_by(goal: Goal, others: str, lost: tuple[str, ...]) -> None:
    assert goal.contradicted_by(others.split()) == lost


def test_contradictions_within_one_request() -> None:
    assert contradictions(["selinux=0", "quiet", "selinux=1", "console=a", "console=b"]) == [("selinux=0", "selinux=1")]
    assert contradictions(["enforcing=0", "selinux=0", "selinux=00"]) == []


def test_goals_that_do_not_speak_of_selinux_have_no_mode() -> None:
    assert Goal(("nosmt",)).mode is None
    assert (DISABLED.mode, PERMISSIVE.mode, Goal(("selinux=1",)).mode) == ("disabled", "permissive", "enforcing")
