"""Waiting for a cluster at work, over a session whose time only moves when somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    Change,
    Code,
    ObjectRef,
    Plan,
    Result,
    Wait,
    Write,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import KUBE_SYSTEM, Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import engine
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import Blocked, KubeError
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.patience import minutes
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.session import Clock

pytestmark = pytest.mark.engine

ROLLING = Code("toy.rolling", "error", "It rolls.", resolvable=True)
BROKEN = Code("toy.broken", "error", "It cannot go on.")
NODES = Read("/nodes")
PARAMS: dict[str, Any] = {"request_timeout": 5, "deadline": 5, "accept": [], "expected_cluster_uid": None}
POD = ObjectRef("Pod", "p", "ns", "/pods/p")


@dataclass
class FakeSession:
    """A cluster in which `done(now)` nodes are done; `trouble` says when the API server is away."""

    done: Callable[[float], int]
    away: Callable[[float], Code | None] = lambda _now: None
    budget_until: float = 0.0
    now: float = 0.0
    deadline: float = 5.0
    reads: list[float] = field(default_factory=list)
    evictions: list[float] = field(default_factory=list)
    evicted: bool = False
    server: str = "https://one.example"

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, sleep=self._sleep, jitter=lambda: 1.0)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def read(self, reads: Sequence[Read]) -> dict[Read, Answer]:
        code = self.away(self.now)
        if code is not None:
            raise KubeError(code, "it is away.")
        assert self.now <= self.deadline, "the wait is longer than what the session allows"
        self.reads.append(self.now)
        known = {KUBE_SYSTEM: {"kind": "Namespace", "metadata": {"uid": "u"}}}
        return {read: Answer(200, known.get(read, {"done": self.done(self.now)})) for read in reads}

    def write(self, write: Write) -> dict[str, Any]:
        self.evictions.append(self.now)
        if self.now < self.budget_until:
            raise Blocked("the budget needs 1 healthy pod")
        self.evicted = True
        return {}

    def extend(self, seconds: float) -> None:
        self.deadline = max(self.deadline, self.now + seconds)

    def pause(self, _attempt: int) -> None:
        self._sleep(1)

    def close(self) -> None:
        pass


def run(session: FakeSession, plan: Callable[[int], Plan], monkeypatch: pytest.MonkeyPatch, **context: Any) -> Result:
    monkeypatch.setattr(engine, "_connect", lambda _params, _ctx: session)

    def planned(_request: Any, snapshot: Snapshot) -> Plan:
        return plan(snapshot[NODES].body["done"])

    topic = Topic("toy", "toy_box", {}, lambda params: params, lambda _r, _s: [NODES], planned)
    return engine.run(topic, PARAMS, engine.Context(environ={}, **context))


def rolling(done: int, of: int = 3, seconds: float = 600.0) -> Plan:
    """Waits until all nodes are done."""
    if done >= of:
        return Plan(checks={"toy": "ok"}, facts={"toy": {"done": done}})
    wait = Wait(f"{done} of {of} nodes are done", seconds, again=(NODES,), estimate=60.0 * (of - done))
    return Plan(findings=(ROLLING.finding(f"{done} of {of}"),), checks={"toy": "error"}, facts={"toy": {"done": done}}, wait=wait)


def said(result: Result) -> list[str]:
    return [finding.code for finding in result.findings]


def test_it_waits_longer_than_the_deadline_of_its_requests_and_tells_what_for(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    session = FakeSession(lambda now: int(now // 60))
    result = run(session, rolling, monkeypatch, progress=told.append)
    assert (said(result), result.checks, result.facts) == ([], {"toy": "ok"}, {"toy": {"done": 3}})
    assert [line for line in told if "1 of 3" in line] == ["1 of 3 nodes are done (about 2 min left)"]
    assert 180 <= session.now <= 200
    assert len(session.reads) <= 25, "it looks again every ten seconds at most"


def test_the_same_line_is_repeated_every_minute_only(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    run(FakeSession(lambda now: 3 if now >= 300 else 0), rolling, monkeypatch, progress=told.append)
    assert told == ["0 of 3 nodes are done (about 3 min left)"] * 5


def test_when_time_is_over_what_is_missing_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession(lambda _now: 1)
    result = run(session, lambda done: rolling(done, seconds=40), monkeypatch)
    assert said(result) == ["engine.wait_timeout", "toy.rolling"]
    assert "after 40 s: 1 of 3 nodes are done." in result.findings[0].message
    assert len(result.failed_by("error")) == 2
    assert session.now == 40


def test_what_cannot_come_true_ends_the_wait_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(done: int) -> Plan:
        found = rolling(done)
        return Plan(findings=(*found.findings, BROKEN.finding("node 2 is broken")), wait=found.wait) if done == 1 else found

    session = FakeSession(lambda now: int(now // 60))
    result = run(session, plan, monkeypatch)
    assert said(result) == ["toy.broken", "toy.rolling"]
    assert session.now < 75


@pytest.mark.parametrize("code", [codes.UNREACHABLE, codes.SERVER_ERROR, codes.NOT_KUBERNETES])
def test_an_api_server_that_goes_away_meanwhile_is_waited_for(monkeypatch: pytest.MonkeyPatch, code: Code) -> None:
    told: list[str] = []
    session = FakeSession(lambda now: int(now // 60), away=lambda now: code if 30 <= now < 150 else None)
    result = run(session, rolling, monkeypatch, progress=told.append)
    assert said(result) == []
    assert "the API server is away (it is away.); waiting for it" in told


def test_a_refusal_is_no_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession(lambda _now: 0, away=lambda now: codes.UNAUTHORIZED if now >= 30 else None)
    assert said(run(session, rolling, monkeypatch)) == ["engine.unauthorized"]


def test_before_the_wait_an_outage_ends_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession(lambda _now: 0, away=lambda _now: codes.UNREACHABLE)
    assert said(run(session, rolling, monkeypatch)) == ["engine.unreachable"]
    assert session.now == 0


def test_check_mode_does_not_wait_and_does_not_fail_for_what_waiting_would_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession(lambda _now: 0)
    result = run(session, rolling, monkeypatch, check_mode=True)
    assert session.now == 0
    assert said(result) == ["toy.rolling"]
    assert result.failed_by("error") == ()
    assert result.changes == ()


def evicting(session: FakeSession, *, patient: bool = True) -> Callable[[int], Plan]:
    eviction = Change("delete", POD, "the node is drained", write=Write("evict", "/pods/p/eviction", {}))
    wait = Wait("1 pod is left", 600.0, again=(NODES,)) if patient else None
    return lambda _done: Plan(checks={"toy": "ok"}) if session.evicted else Plan((eviction,), wait=wait)


def test_an_eviction_that_a_budget_refuses_is_tried_until_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    session = FakeSession(lambda _now: 0, budget_until=120.0)
    result = run(session, evicting(session), monkeypatch, progress=told.append)
    assert [str(change.object) for change in result.changes] == ["Pod/ns/p"]
    assert said(result) == []
    assert told[0] == "1 pod is left; refused for now: Pod/ns/p: the budget needs 1 healthy pod"
    assert 120 <= session.now <= 125
    assert all(later - earlier >= 2 for earlier, later in zip(session.evictions, session.evictions[1:], strict=False))


@pytest.mark.parametrize("patient", [True, False])
def test_an_eviction_that_is_never_allowed_fails_and_changes_nothing(monkeypatch: pytest.MonkeyPatch, patient: bool) -> None:
    session = FakeSession(lambda _now: 0, budget_until=10**9)
    result = run(session, evicting(session, patient=patient), monkeypatch)
    assert said(result) == ["engine.wait_timeout"]
    assert "the budget needs 1 healthy pod" in str(result.findings[0].evidence)
    assert result.changes == ()


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5340, "89 min"), (5400, "1 h 30 min"), (7500, "2 h 05 min")]
)
def test_durations_are_for_people(seconds: float, words: str) -> None:
    assert minutes(seconds) == words
