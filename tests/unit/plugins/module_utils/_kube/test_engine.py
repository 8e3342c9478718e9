"""The engine's loop, over a cluster that is a dictionary and a session that fails as it is told."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    Change,
    Code,
    Disruption,
    Identity,
    ObjectRef,
    Plan,
    Result,
    Write,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.output import to_output
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import KUBE_SYSTEM, Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest, Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import engine
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import ConflictError, KubeError, LostAnswer
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.session import Clock

pytestmark = pytest.mark.engine

MISSING = Code("toy.missing", "error", "A value is not there.", resolvable=True)
ODD = Code("toy.odd", "warning", "Something is odd.")
UNPROVEN = Code("toy.unproven", "error", "It has no effect.")
PARAMS: dict[str, Any] = {"request_timeout": 5, "deadline": 5, "accept": [], "expected_cluster_uid": None}


def path(name: str) -> str:
    return f"/api/v1/namespaces/toys/configmaps/{name}"


@dataclass
class FakeSession:
    """Objects are numbers by path. `script` says how each write ends, in order; when it is used up, writes succeed."""

    objects: dict[str, int] = field(default_factory=dict)
    script: Iterator[Any] = field(default_factory=lambda: iter(()))
    uid: str = "uid-1"
    server: str = "https://one.example"
    asked: list[list[str]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    paused: int = 0
    slept: float = 0
    closed: bool = False
    before_write: Callable[[FakeSession], object] = lambda _session: None

    @property
    def clock(self) -> Clock:
        """Only sleeping moves it."""
        return Clock(now=lambda: self.slept, sleep=self._sleep, jitter=lambda: 1.0)

    def _sleep(self, seconds: float) -> None:
        self.slept += seconds

    def read(self, reads: Sequence[Read]) -> dict[Read, Answer]:
        self.asked.append([read.path for read in reads])
        return {read: self._answer(read) for read in reads}

    def _answer(self, read: Read) -> Answer:
        if read == KUBE_SYSTEM:
            return Answer(200, {"kind": "Namespace", "metadata": {"uid": self.uid}}) if self.uid else Answer(403, {"message": "no"})
        return Answer(200, {"value": self.objects[read.path]}) if read.path in self.objects else Answer(404)

    def write(self, write: Write) -> dict[str, Any]:
        self.before_write(self)
        self.written.append(write.path)
        ending = next(self.script, "ok")
        if isinstance(ending, Exception):
            raise ending
        if ending == "conflict":
            raise ConflictError("it moved")
        if ending != "lost before":
            self.objects[write.path] = write.body["value"]
        if ending in ("lost before", "lost after"):
            raise LostAnswer("connection reset")
        return {}

    def pause(self, attempt: int) -> None:
        self.paused += 1

    def close(self) -> None:
        self.closed = True


def toy_topic(
    wanted: Mapping[str, int], *, disruptive: frozenset[Disruption] = frozenset(), proof: Plan | None = None, **more: Any
) -> Topic:
    """A topic that wants numbers under names, in order; every missing one is a finding that writing resolves."""

    def reads(_request: Any, _snapshot: Snapshot) -> list[Read]:
        return [Read(path(name)) for name in wanted]

    def plan(_request: Any, snapshot: Snapshot) -> Plan:
        live = {name: snapshot[Read(path(name))].body.get("value") for name in wanted}
        missing = [name for name, value in wanted.items() if live[name] != value]
        changes = tuple(
            Change(
                "create" if live[name] is None else "update",
                ObjectRef("ConfigMap", name, "toys", path(name)),
                "it is wanted",
                live[name],
                wanted[name],
                disruptive,
                Write("apply", path(name), {"value": wanted[name]}),
            )
            for name in missing
        )
        findings = [MISSING.finding(f"{name} is not there.", name) for name in missing] + [ODD.finding("as always.")]
        return Plan(changes, tuple(findings), {"toy": "ok"}, {"toys": {"missing": missing}})

    verify: dict[str, Any] = {}
    if proof is not None:
        verify = {"verify_reads": lambda _r, _s: [Read("/proof")], "verify": lambda _r, s: proof if s[Read("/proof")] else Plan()}
    return Topic("toy", "toy_box", {}, lambda params: params, reads, plan, **{**verify, **more})


@dataclass
class Toy:
    """Runs a toy topic against the fake session."""

    session: FakeSession

    def run(self, topic: Topic, *, check_mode: bool = False, claim: Any = None, debug: Any = None, **params: Any) -> Result:
        context = engine.Context(
            check_mode=check_mode, environ={}, **({"claim": claim} if claim else {}), **({"debug": debug} if debug else {})
        )
        return engine.run(topic, {**PARAMS, **params}, context)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    session = FakeSession()
    monkeypatch.setattr(engine, "_connect", lambda _params, _ctx: session)
    return Toy(session)


def said(result: Result) -> list[str]:
    return [finding.code for finding in result.findings]


# Reading


def test_reads_go_on_in_stages_and_fetch_only_what_is_new(toy: Toy) -> None:
    def reads(_request: Any, snapshot: Snapshot) -> list[Read]:
        first, second, third = Read("/a"), Read("/b"), Read("/c")
        return (
            [first, first]
            if first not in snapshot
            else [first, second]
            if second not in snapshot
            else [first, second, third, KUBE_SYSTEM]
        )

    toy.run(Topic("toy", "toy_box", {}, lambda p: p, reads, lambda _r, _s: Plan()))
    assert toy.session.asked == [["/api/v1/namespaces/kube-system"], ["/a"], ["/b"], ["/c"]]
    assert toy.session.closed


def test_a_topic_that_never_stops_asking_is_a_bug_with_a_message(toy: Toy) -> None:
    numbers = itertools.count()
    topic = Topic("toy", "toy_box", {}, lambda p: p, lambda _r, _s: [Read(f"/{next(numbers)}")], lambda _r, _s: Plan())
    result = toy.run(topic)
    assert said(result) == ["engine.bug"]
    assert f"did not settle within {engine.STAGES} stages" in result.findings[0].message
    assert len(toy.session.asked) == 1 + engine.STAGES


def test_a_bug_is_a_finding_and_its_traceback_is_for_debugging(toy: Toy) -> None:
    traces: list[str] = []

    def plan(_request: Any, _snapshot: Snapshot) -> Plan:
        raise KeyError("spec")

    result = toy.run(Topic("toy", "toy_box", {}, lambda p: p, lambda _r, _s: [], plan), debug=traces.append)
    assert said(result) == ["engine.bug"]
    assert "KeyError: 'spec' (test_engine.py:" in result.findings[0].message
    assert "Traceback" in traces[0]
    assert to_output(result, fail_on="never", diff=False)["failed"]


def test_all_problems_of_the_input_come_at_once_and_nothing_is_sent(toy: Toy) -> None:
    def parse(_params: Any) -> Any:
        raise InvalidRequest(["a is no b.", "c is no d."])

    result = toy.run(Topic("toy", "toy_box", {}, parse, lambda _r, _s: [], lambda _r, _s: Plan()))
    assert [f.message for f in result.findings] == ["a is no b.", "c is no d."]
    assert result.checks == {"toy": "not_run"}
    assert toy.session.asked == []
    assert to_output(result, fail_on="never", diff=False)["failed"], "broken work fails whatever fail_on is"


# Writing


def test_check_mode_plans_and_stops_before_the_first_write(toy: Toy) -> None:
    result = toy.run(toy_topic({"a": 1, "b": 2}), check_mode=True)
    assert toy.session.written == []
    assert [change.object.name for change in result.changes] == ["a", "b"]
    output = to_output(result, fail_on="error", diff=True)
    assert output["changed"]
    assert "failed" not in output, "what the change removes does not fail a check run"
    assert [f["resolved"] for f in output["findings"] if f["code"] == "toy.missing"] == [True, True]
    assert [d["after"] for d in output["diff"]] == ["1\n", "2\n"]


def test_a_run_writes_in_order_and_says_what_it_did(toy: Toy) -> None:
    toy.session.objects[path("b")] = 7
    result = toy.run(toy_topic({"a": 1, "b": 2}))
    assert toy.session.written == [path("a"), path("b")]
    assert [(c.verb, c.object.name, c.before, c.after) for c in result.changes] == [("create", "a", None, 1), ("update", "b", 7, 2)]
    assert said(result) == ["toy.odd"], "resolved findings are gone, others are said once"
    assert result.facts == {"toys": {"missing": ["a", "b"]}}, "facts tell what was done, not the second look"
    again = toy.run(toy_topic({"a": 1, "b": 2}))
    assert (again.changes, again.facts) == ((), {"toys": {"missing": []}})


def test_the_digest_of_a_check_run_is_that_of_the_run_that_follows(toy: Toy) -> None:
    topic = toy_topic({"a": 1})
    assert toy.run(topic, check_mode=True).digest == toy.run(topic).digest != ""


def test_conflict_reads_that_object_again_and_plans_again(toy: Toy) -> None:
    toy.session.script = iter(["conflict"])

    def meddle(session: FakeSession) -> None:
        session.objects.setdefault(path("a"), 0)

    toy.session.before_write = meddle
    result = toy.run(toy_topic({"a": 1, "b": 2}))
    assert toy.session.objects == {path("a"): 1, path("b"): 2}
    assert [(c.verb, c.before, c.after) for c in result.changes] == [("update", 0, 1), ("create", None, 2)], (
        "planned on what the other wrote"
    )
    assert toy.session.asked[2] == [path("a")], "only what conflicted is read again before the next try"
    assert toy.session.paused == 1


def test_conflict_after_a_change_of_the_same_plan_reads_everything_again(toy: Toy) -> None:
    toy.session.script = iter(["ok", "conflict"])
    result = toy.run(toy_topic({"a": 1, "b": 2}))
    assert toy.session.asked[2] == [path("a"), path("b")]
    assert toy.session.written == [path("a"), path("b"), path("b")]
    assert len(result.changes) == 2


def test_another_does_the_work_first_and_we_report_no_change(toy: Toy) -> None:
    toy.session.script = iter(["conflict"])
    toy.session.before_write = lambda session: session.objects.update({path("a"): 1})
    result = toy.run(toy_topic({"a": 1}))
    assert (result.changes, result.facts) == ((), {"toys": {"missing": []}})


@pytest.mark.parametrize(("ending", "writes"), [("lost after", 1), ("lost before", 2)])
def test_a_lost_answer_is_looked_at_before_the_write_is_repeated(toy: Toy, ending: str, writes: int) -> None:
    toy.session.script = iter([ending])
    result = toy.run(toy_topic({"a": 1}))
    assert len(toy.session.written) == writes
    assert [(c.verb, c.object.name) for c in result.changes] == [("create", "a")]
    assert to_output(result, fail_on="error", diff=False)["changed"]
    assert result.facts == {"toys": {"missing": ["a"]}}


def test_answers_that_are_always_lost_end_with_the_reason(toy: Toy) -> None:
    toy.session.script = itertools.repeat("lost before")
    result = toy.run(toy_topic({"a": 1}))
    assert said(result) == ["engine.server_error", "toy.odd"]
    assert "connection reset, 8 times in a row" in result.findings[0].message
    assert len(toy.session.written) == engine.LOST


def test_a_lost_answer_nobody_could_look_at_counts_as_changed(toy: Toy) -> None:
    toy.session.script = iter(["lost after"])
    alive = iter([True, True])

    def read(reads: Sequence[Read]) -> dict[Read, Answer]:
        if not next(alive, False):
            raise KubeError(codes.UNREACHABLE, "gone")
        return FakeSession.read(toy.session, reads)

    toy.session.read = read  # type: ignore[method-assign]
    result = toy.run(toy_topic({"a": 1}))
    assert "engine.unreachable" in said(result)
    assert [c.object.name for c in result.changes] == ["a"]


def test_a_write_refused_unchanged_is_no_conflict(toy: Toy) -> None:
    toy.session.script = itertools.repeat("conflict")
    result = toy.run(toy_topic({"a": 1}))
    assert said(result)[0] == "engine.rejected"
    assert "although nobody else changed it: it moved" in result.findings[0].message
    assert len(toy.session.written) == engine.REFUSALS


def test_others_that_never_stop_writing_end_the_task(toy: Toy) -> None:
    numbers = itertools.count(100)
    toy.session.script = itertools.repeat("conflict")
    toy.session.before_write = lambda session: session.objects.update({path("a"): next(numbers)})

    def plan(_request: Any, snapshot: Snapshot) -> Plan:
        seen = snapshot[Read(path("a"))].body.get("value", 0)
        ref = ObjectRef("ConfigMap", "a", "toys", path("a"))
        return Plan((Change("update", ref, "always", seen, seen + 1, write=Write("apply", path("a"), {"value": seen + 1})),))

    result = toy.run(Topic("toy", "toy_box", {}, lambda p: p, lambda _r, _s: [Read(path("a"))], plan))
    assert said(result) == ["engine.not_converged"]
    assert len(toy.session.written) == engine.ROUNDS


def test_what_does_not_stay_is_not_written_for_ever(toy: Toy) -> None:
    toy.session.before_write = lambda session: session.objects.clear()
    result = toy.run(toy_topic({"a": 1, "b": 2}))
    assert said(result)[0] == "engine.not_converged"
    assert "although it was written 3 times" in result.findings[0].message
    assert result.changes, "and it says what it did"
    assert len(toy.session.written) <= 2 * engine.REWRITES


def test_failure_after_the_first_change_still_reports_that_change(toy: Toy) -> None:
    toy.session.script = iter(["ok", KubeError(codes.FORBIDDEN, "may not create configmaps")])
    result = toy.run(toy_topic({"a": 1, "b": 2}))
    output = to_output(result, fail_on="never", diff=False)
    assert output["failed"]
    assert output["changed"]
    assert [c["object"]["name"] for c in output["changes"]] == ["a"]
    assert "engine.forbidden: may not create configmaps" in output["msg"]
    assert output["checks"] == {"toy": "unknown"}
    assert output["cluster"] == {"server": "https://one.example", "uid": "uid-1"}


def test_verification_judges_after_writing_and_only_then(toy: Toy) -> None:
    proof = Plan(findings=(UNPROVEN.finding("no effect."),), checks={"toy": "error"}, facts={"proof": 1})
    topic = toy_topic({"a": 1}, proof=proof)
    assert "/proof" not in str(toy.run(topic, check_mode=True) and toy.session.asked)
    result = toy.run(topic)
    assert said(result) == ["toy.unproven", "toy.odd"]
    assert result.checks == {"toy": "error"}
    assert result.facts["proof"] == 1
    assert to_output(result, fail_on="error", diff=False)["changed"]
    toy.session.asked.clear()
    assert said(toy.run(topic)) == ["toy.odd"]
    assert ["/proof"] not in toy.session.asked, "nothing was written, so there is nothing to prove"


@pytest.mark.parametrize("needed", [1, 3, 10**6])
def test_an_effect_that_comes_a_little_later_is_waited_for(toy: Toy, needed: int) -> None:
    """An authorizer's cache is not up to date at once; what never comes is reported after a time that is bounded."""
    looks = itertools.count(1)
    late = Code("toy.late", "error", "Not yet.", resolvable=True)
    topic = toy_topic(
        {"a": 1},
        verify_reads=lambda _r, _s: [Read("/proof")],
        verify=lambda _r, _s: Plan(findings=() if next(looks) >= needed else (late.finding("not yet."),)),
    )
    result = toy.run(topic)
    asked = toy.session.asked.count(["/proof"])
    assert asked == next(looks) - 1, "every look reads anew"
    if needed <= 3:
        assert said(result) == ["toy.odd"] and asked == needed
    else:
        assert said(result) == ["toy.late", "toy.odd"]
        assert engine.SETTLE_SECONDS - 10 <= toy.session.slept <= engine.SETTLE_SECONDS
        assert to_output(result, fail_on="error", diff=False)["failed"]


def test_a_resolvable_finding_that_no_change_resolves_fails_the_task(toy: Toy) -> None:
    def plan(_request: Any, snapshot: Snapshot) -> Plan:
        ref = ObjectRef("ConfigMap", "a", "toys", path("a"))
        change = Change("create", ref, "try", None, 1, write=Write("apply", path("a"), {"value": 1}))
        return Plan(() if snapshot[Read(path("a"))].found else (change,), (MISSING.finding("still not there."),))

    result = toy.run(Topic("toy", "toy_box", {}, lambda p: p, lambda _r, _s: [Read(path("a"))], plan))
    output = to_output(result, fail_on="error", diff=False)
    assert output["changed"]
    assert output["failed"]


# Which cluster


def test_another_cluster_than_expected_is_not_written_to(toy: Toy) -> None:
    topic = toy_topic({"a": 1})
    result = toy.run(topic, expected_cluster_uid="uid-2")
    assert "engine.wrong_cluster" in said(result)
    assert (result.changes, toy.session.written) == ((), [])
    assert not toy.run(topic, expected_cluster_uid="uid-2", check_mode=True).changes, "a run would not change it either"
    assert toy.run(topic, expected_cluster_uid="uid-1").changes


def test_what_speaks_against_the_cluster_stops_writes(toy: Toy) -> None:
    told: list[Identity] = []

    def claim(identity: Identity) -> Any:
        told.append(identity)
        return [codes.DUPLICATE_CLUSTER.finding("one and two.")]

    result = toy.run(toy_topic({"a": 1}), claim=claim)
    assert told == [Identity("https://one.example", "uid-1")]
    assert said(result)[0] == "engine.duplicate_cluster"
    assert toy.session.written == []


def test_an_unreadable_identity_is_a_warning_and_an_expected_one_an_error(toy: Toy) -> None:
    toy.session.uid = ""
    assert "engine.identity_unknown" in said(toy.run(toy_topic({})))
    assert "engine.wrong_cluster" in said(toy.run(toy_topic({}), expected_cluster_uid="uid-1"))


@pytest.mark.parametrize(
    "body", [{"kind": "Namespace", "metadata": "rubbish"}, {"kind": "Namespace"}, {"kind": "Namespace", "metadata": None}]
)
def test_a_strange_identity_is_no_crash(toy: Toy, monkeypatch: pytest.MonkeyPatch, body: Any) -> None:
    monkeypatch.setattr(FakeSession, "_answer", lambda _self, _read: Answer(200, body))
    assert "engine.identity_unknown" in said(toy.run(toy_topic({})))


@pytest.mark.parametrize("answer", [Answer(404), Answer(200, {"kind": "Pod"}), Answer(200, {})])
def test_something_that_is_no_kubernetes_is_said_to_be_none(toy: Toy, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    monkeypatch.setattr(FakeSession, "_answer", lambda _self, _read: answer)
    assert said(toy.run(toy_topic({}))) == ["engine.not_kubernetes"]


# Consent

DISRUPTIVE: frozenset[Disruption] = frozenset({"reboots_nodes", "disturbs_jobs"})


def test_a_refusal_prints_what_would_happen_and_both_ways_to_accept(toy: Toy) -> None:
    result = toy.run(toy_topic({"a": 1}, disruptive=DISRUPTIVE))
    finding = result.findings[0]
    assert finding.code == "engine.consent_missing"
    assert "create ConfigMap/toys/a: it is wanted" in finding.message
    assert "disturbs_jobs, reboots_nodes" in finding.message
    assert "azureml_accept: [disturbs_jobs, reboots_nodes]" in finding.remedy
    assert f"azureml_accept: [{result.digest}]" in finding.remedy
    assert toy.session.written == []
    assert to_output(result, fail_on="error", diff=False)["failed"]


def test_check_mode_says_what_consent_a_run_would_need_and_does_not_fail(toy: Toy) -> None:
    result = toy.run(toy_topic({"a": 1}, disruptive=DISRUPTIVE), check_mode=True)
    finding = next(f for f in result.findings if f.code == "engine.consent_missing")
    assert finding.severity == "info"
    assert result.digest in finding.remedy
    assert result.changes
    assert "failed" not in to_output(result, fail_on="warning", diff=False) or "toy.odd" in said(result)


@pytest.mark.parametrize(
    ("accept", "written"),
    [
        ([], False),
        (["reboots_nodes"], False),
        (["reboots_nodes", "disturbs_jobs"], True),
        (["0123456789abcdef"], False),
    ],
)
def test_consent_by_class(toy: Toy, accept: list[str], written: bool) -> None:
    toy.run(toy_topic({"a": 1}, disruptive=DISRUPTIVE), accept=accept)
    assert bool(toy.session.written) is written


def test_consent_by_digest_is_for_this_plan_on_this_cluster(toy: Toy) -> None:
    digest = toy.run(toy_topic({"a": 1}, disruptive=DISRUPTIVE), check_mode=True).digest
    assert not toy.run(toy_topic({"a": 2}, disruptive=DISRUPTIVE), accept=[digest]).changes, "another plan"
    toy.session.uid = "uid-2"
    assert not toy.run(toy_topic({"a": 1}, disruptive=DISRUPTIVE), accept=[digest]).changes, "another cluster"
    toy.session.uid = "uid-1"
    assert toy.run(toy_topic({"a": 1}, disruptive=DISRUPTIVE), accept=[digest]).changes


def test_clusters_without_a_readable_identity_do_not_share_digests(toy: Toy) -> None:
    toy.session.uid = ""
    topic = toy_topic({"a": 1}, disruptive=DISRUPTIVE)
    one = toy.run(topic, check_mode=True).digest
    toy.session.server = "https://two.example"
    assert toy.run(topic, check_mode=True).digest != one


def test_what_is_left_of_an_approved_plan_is_still_approved(toy: Toy) -> None:
    topic = toy_topic({"a": 1, "b": 2}, disruptive=DISRUPTIVE)
    digest = toy.run(topic, check_mode=True).digest
    toy.session.script = iter(["ok", "lost before"])
    result = toy.run(topic, accept=[digest])
    assert "engine.consent_missing" not in said(result)
    assert toy.session.objects == {path("a"): 1, path("b"): 2}
    assert result.digest == digest


def test_an_approved_plan_that_became_another_one_is_refused(toy: Toy) -> None:
    topic = toy_topic({"a": 1, "b": 2}, disruptive=DISRUPTIVE)
    toy.session.objects = {path("a"): 1}
    digest = toy.run(topic, check_mode=True).digest
    toy.session.script = iter(["conflict"])
    toy.session.before_write = lambda session: session.objects.pop(path("a"), None)
    result = toy.run(topic, accept=[digest])
    assert "engine.consent_missing" in said(result)
    assert path("b") in toy.session.objects
    assert path("a") not in toy.session.objects


# Lists that stay known


def listing_topic(*, keeps_lists: bool, verb: str = "create") -> Topic:
    """A topic that wants one object in a list of two, and looks at the list alone."""
    folder = Read("/api/v1/namespaces/toys/configmaps")

    def plan(_request: Any, snapshot: Snapshot) -> Plan:
        wanted = any(item["metadata"] == {"name": "new"} for item in snapshot[folder].items)
        done = wanted if verb == "create" else len(snapshot[folder].items) < 2
        kind: Any = "create" if verb == "create" else "delete"
        write = Write(kind, folder.path if verb == "create" else path("one"), {"value": 1})
        change = Change(kind, ObjectRef("ConfigMap", "new", "toys", path("new")), "it is wanted", write=write)
        return Plan(() if done else (change,))

    return Topic("toy", "toy_box", {}, lambda params: params, lambda _r, _s: [folder], plan, keeps_lists=keeps_lists)


@dataclass
class ListSession(FakeSession):
    """Answers a list, and each write with the object."""

    items: list[dict[str, Any]] = field(default_factory=lambda: [{"metadata": {"name": name}} for name in ("one", "two")])
    answers: bool = True

    def _answer(self, read: Read) -> Answer:
        return Answer(200, {"items": list(self.items)}) if read.path.endswith("/configmaps") else super()._answer(read)

    def write(self, write: Write) -> dict[str, Any]:
        self.written.append(write.path)
        if write.kind == "delete":
            self.items.pop(0)
            return {"kind": "Status", "status": "Success"}
        self.items.append({"metadata": {"name": "new"}})
        return {"metadata": {"name": "new"}} if self.answers else {}


@pytest.mark.parametrize(
    ("topic", "answers", "asked"),
    [
        (listing_topic(keeps_lists=True), True, 1),
        (listing_topic(keeps_lists=False), True, 2),
        (listing_topic(keeps_lists=True), False, 2),
        (listing_topic(keeps_lists=True, verb="delete"), True, 2),
    ],
)
def test_a_list_that_was_written_into_is_read_again_only_where_the_answer_does_not_tell(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, topic: Topic, answers: bool, asked: int
) -> None:
    session = ListSession(answers=answers)
    monkeypatch.setattr(engine, "_connect", lambda _params, _ctx: session)
    result = toy.run(topic)
    assert [len(session.written), len(result.changes)] == [1, 1]
    assert sum(reads == ["/api/v1/namespaces/toys/configmaps"] for reads in session.asked) == asked
