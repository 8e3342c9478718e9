"""Waiting: as long as it can come true, no longer than allowed, and told what is missing."""

from __future__ import annotations

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code, Plan
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.session import Clock
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.wait import wait_until

pytestmark = pytest.mark.engine

NOT_YET = Code("test.not_yet", "error", "Not there yet.", resolvable=True)
NEVER = Code("test.never", "error", "Will never be there.")


class Hours:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.time = 0.0

    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, sleep=self._sleep, jitter=lambda: 1.0)

    def _sleep(self, seconds: float) -> None:
        self.time += seconds


def plans(*steps: Plan) -> tuple[list[Plan], object]:
    left = list(steps)
    return left, lambda: left.pop(0) if len(left) > 1 else left[0]


def test_it_ends_as_soon_as_nothing_is_missing() -> None:
    left, look = plans(*[Plan(findings=(NOT_YET.finding("no pod"),))] * 3, Plan())
    hours, said = Hours(), []
    judged = wait_until(look, seconds=60, clock=hours.clock(), progress=said.append)  # type: ignore[arg-type]
    assert judged == Plan() and len(left) == 1
    assert hours.time == pytest.approx(0.05 + 0.1 + 0.2)
    assert said == ["waiting for 1: error test.not_yet no pod"]


def test_it_fails_at_once_when_it_can_never_be() -> None:
    hours = Hours()
    judged = wait_until(
        lambda: Plan(findings=(NOT_YET.finding("no pod"), NEVER.finding("image does not exist"))), seconds=600, clock=hours.clock()
    )
    assert hours.time == 0 and judged.findings[1].code == "test.never"


@pytest.mark.parametrize("seconds", [0, 1, 33])
def test_it_gives_up_in_time_and_says_what_was_missing(seconds: float) -> None:
    hours = Hours()
    judged = wait_until(lambda: Plan(findings=(NOT_YET.finding("no pod"),)), seconds=seconds, clock=hours.clock())
    assert hours.time <= seconds and judged.findings
    assert seconds - hours.time < 10.1
