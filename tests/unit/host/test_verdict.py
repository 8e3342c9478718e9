from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from tests.host.scenario import Steps, parse_guest
from tests.host.verdict import Clock, NotRun, Tally, TooSlow, Wrong

pytestmark = pytest.mark.sandbox


def _raise(error: Exception | None) -> Callable[[], None]:
    def step() -> None:
        if error is not None:
            raise error

    return step


@pytest.mark.parametrize(
    "outcomes, summary, code",
    [
        ([None, None], "host: 2 passed, 0 failed, 0 not run in 7 s", 0),
        ([None, TooSlow("slow"), None], "host: 1 passed, 0 failed, 2 not run in 7 s", 0),
        ([None, NotRun("no qemu")], "host: 1 passed, 0 failed, 1 not run in 7 s", 0),
        ([Wrong("enforcing"), None], "host: 0 passed, 1 failed, 1 not run in 7 s", 1),
        ([None, Wrong("enforcing"), TooSlow("slow")], "host: 1 passed, 1 failed, 1 not run in 7 s", 1),
        ([KeyError("bug"), None], "host: 0 passed, 1 failed, 1 not run in 7 s", 1),
    ],
)
def test_slowness_never_passes_and_a_wrong_result_always_fails(outcomes: list[Exception | None], summary: str, code: int) -> None:
    tally = Tally()
    steps = {f"step {number}": _raise(error) for number, error in enumerate(outcomes)}
    Steps(steps, Clock(100, stream=io.StringIO())).run(tally)
    assert (tally.summary(7.2), tally.exit_code) == (summary, code)


def test_the_reason_is_printed_with_each_step_that_was_not_run() -> None:
    stream = io.StringIO()
    steps = {"one": _raise(TooSlow("120 s are left")), "two": _raise(None)}
    Steps(steps, Clock(100, stream=stream)).run(Tally())
    assert "one: not run: 120 s are left" in stream.getvalue()
    assert "two: not run: it builds on a step that was not run" in stream.getvalue()


def test_a_stage_that_came_to_no_step_says_why_in_one_line() -> None:
    assert Tally().summary(3, "apt-get update failed:\nno network") == "host: not run: apt-get update failed: no network"


def test_what_does_not_fit_into_the_rest_of_the_time_is_not_begun() -> None:
    ticks = iter([0.0, 30.0, 70.0, 70.0, 130.0, 130.0])
    clock = Clock(100, now=lambda: next(ticks), stream=io.StringIO())
    clock.demand(60, "a play")
    with pytest.raises(TooSlow, match="a play takes about 60 s here, and 30 s"):
        clock.demand(60, "a play")
    with pytest.raises(TooSlow, match="and 0 s of the stage are left"):
        clock.demand(60, "a play")


GUEST = "mode=Enforcing\nboot=1-2\nconfig=enforcing\ncmdline=root=/dev/vda1 ro selinux=0\nmenu=1\nrelabel=no\nfiles=abc -\n"


def test_a_guest_is_read() -> None:
    guest = parse_guest(GUEST)
    assert guest.cmdline == ("root=/dev/vda1", "ro", "selinux=0") and guest.menu == 1 and not guest.relabel


@pytest.mark.parametrize("text", ["", GUEST.replace("mode=", "mood="), GUEST.replace("menu=1", "menu=")])
def test_half_an_answer_is_no_answer(text: str) -> None:
    with pytest.raises(Wrong, match="cannot be understood"):
        parse_guest(text)
