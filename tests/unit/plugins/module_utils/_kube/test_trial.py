"""A Job made to learn something: followed, judged as ended or hopeless, and deleted whatever happens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import KubeError, LostAnswer
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.session import Clock, Session
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.trial import run_trial

pytestmark = pytest.mark.engine
Json = dict[str, Any]
JOBS = "/apis/batch/v1/namespaces/ml/jobs"


@dataclass
class FakeSession:
    """A server with one pod, whose next states the watch tells; each look at the clock takes a second."""

    pods: list[Json] = field(default_factory=list)
    changes: list[Json] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    refusal: Exception | None = None
    listing: int = 200
    written: list[Write] = field(default_factory=list)
    now: float = 0.0

    @property
    def clock(self) -> Clock:
        return Clock(now=self._now, sleep=lambda _seconds: None, jitter=lambda: 0.0)

    def _now(self) -> float:
        self.now += 1.0
        return self.now

    def extend(self, _seconds: float) -> None:
        """There is no deadline here."""

    def write(self, write: Write) -> Json:
        self.written.append(write)
        if write.kind == "create" and self.refusal is not None:
            raise self.refusal
        return {"metadata": {"name": "trial-x"}} if write.kind == "create" else {}

    def read(self, reads: Sequence[Read]) -> dict[Read, Answer]:
        return {read: self._answer(read) for read in reads}

    def _answer(self, read: Read) -> Answer:
        if read.path.endswith("/events"):
            return Answer(200, {"items": self.events})
        return Answer(self.listing, {"metadata": {"resourceVersion": "1"}, "items": self.pods, "message": "no"})

    def watch(self, _read: Read, _version: str, ended: threading.Event) -> Iterator[Json]:
        while self.changes:
            yield self.changes.pop(0)
        ended.wait(5)


def pod(phase: str, reason: str = "") -> Json:
    statuses = [{"state": {"waiting": {"reason": reason}}}] if reason else []
    return {"metadata": {"name": "trial-x-1", "namespace": "ml"}, "status": {"phase": phase, "containerStatuses": statuses}}


def tried(session: FakeSession, seconds: int = 60) -> Answer:
    job = {"metadata": {"namespace": "ml", "generateName": "trial-"}, "spec": {"activeDeadlineSeconds": seconds}}
    return run_trial(cast(Session, session), Read(JOBS, body=json.dumps(job), trial=True), lambda _text: None)


def kinds(session: FakeSession) -> list[tuple[str, str]]:
    return [(write.kind, write.path) for write in session.written]


def test_the_pod_is_followed_to_its_end_and_the_job_deleted() -> None:
    session = FakeSession(changes=[{"type": "ADDED", "object": pod("Pending")}, {"type": "MODIFIED", "object": pod("Succeeded")}])
    answer = tried(session)
    assert (answer.status, answer.body["pod"]["status"]["phase"], answer.body["ended"]) == (200, "Succeeded", True)
    assert kinds(session) == [("create", JOBS), ("delete", f"{JOBS}/trial-x")]


def test_an_image_that_cannot_be_had_ends_it_early() -> None:
    session = FakeSession(pods=[pod("Pending", "ImagePullBackOff")])
    assert tried(session).body["ended"] is True
    assert session.now < 10


def test_a_pod_that_is_never_allowed_ends_it_early() -> None:
    session = FakeSession(events=[{"reason": "FailedCreate", "message": "exceeded quota"}])
    answer = tried(session)
    assert (answer.body["pod"], answer.body["ended"]) == ({}, False)
    assert [event["message"] for event in answer.body["events"]] == ["exceeded quota"]
    assert kinds(session)[-1][0] == "delete"


def test_the_last_that_was_seen_of_a_pod_stands_when_time_is_over() -> None:
    session = FakeSession(pods=[pod("Pending", "ContainerCreating")], changes=[{"type": "DELETED", "object": pod("Pending")}])
    answer = tried(session, seconds=3)
    assert (answer.body["ended"], answer.body["pod"]["status"]["phase"]) == (False, "Pending")


@pytest.mark.parametrize(
    ("refusal", "status"),
    [(KubeError(codes.FORBIDDEN, "no", "x"), 403), (KubeError(codes.REJECTED, "no", "x"), 403), (LostAnswer("reset"), 503)],
)
def test_a_job_that_is_not_made_is_an_answer(refusal: Exception, status: int) -> None:
    session = FakeSession(refusal=refusal)
    assert tried(session).status == status
    assert kinds(session) == [("create", JOBS)]


def test_a_server_that_is_away_is_no_answer() -> None:
    with pytest.raises(KubeError):
        tried(FakeSession(refusal=KubeError(codes.UNREACHABLE, "away", "x")))


def test_pods_that_may_not_be_read_still_leave_no_job() -> None:
    session = FakeSession(listing=403)
    assert tried(session).status == 403
    assert kinds(session)[-1][0] == "delete"
