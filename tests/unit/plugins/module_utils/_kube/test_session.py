"""Requests against a scripted pool and a clock that only moves when somebody waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
import urllib3
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import session as module
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.auth import Endpoint
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import ConflictError, KubeError, LostAnswer
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.session import (
    ATTEMPTS,
    Clock,
    Session,
    backoff,
    retry_after_seconds,
)
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProtocolError, ReadTimeoutError, SSLError

pytestmark = pytest.mark.engine

SERVER = "https://api.example:6443"
NODES = Read("/api/v1/nodes")
PATCH = Write("json_patch", "/api/v1/nodes/a", [{"op": "test"}])
POOL: Any = None


@dataclass
class Response:
    """As much of urllib3's response as is looked at."""

    status: int
    data: bytes = b'{"kind": "NodeList", "items": []}'
    headers: dict[str, str] = field(default_factory=dict)


def refused() -> Exception:
    return NewConnectionError(POOL, "Connection refused")


def cut() -> Exception:
    return ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))


def silent() -> Exception:
    return ReadTimeoutError(POOL, "", "Read timed out.")


class World:
    """A server that answers by a script, whose last line is repeated, and a clock."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []
        self.script: list[Response | Callable[[], Exception]] = []
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.patience: list[float] = []
        self.connected = 0
        self.server = ""
        self.token = "first"

    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, sleep=self._sleep, jitter=lambda: 0.5)

    def _sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.time += seconds

    def connect(self) -> Endpoint:
        self.connected += 1
        token = self.token if self.connected == 1 else f"renewed-{self.connected}"
        return Endpoint(SERVER, {"Authorization": f"Bearer {token}"}, None)

    def request(self, method: str, url: str, **options: Any) -> Response:
        self.seen.append((method, self.server + url, dict(options["headers"])))
        self.patience.append(options["timeout"].read_timeout)
        assert options["retries"] is False
        assert options["redirect"] is False
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Response):
            return step
        error = step()
        if isinstance(error, ReadTimeoutError):
            self.time += options["timeout"].read_timeout
        raise error

    def close(self) -> None:
        """As a pool is."""

    def session(self, **options: Any) -> Session:
        return Session(self.connect, clock=self.clock(), **options)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    def pool(server: str, **_options: Any) -> World:
        made.server = server
        return made

    monkeypatch.setattr(urllib3, "connection_from_url", pool)
    return made


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(KubeError) as caught:
        call()
    assert caught.value.finding.remedy
    return caught.value.finding.code


# How long to wait


@given(st.integers(0, 1000), st.floats(0, 1))
def test_backoff_is_bounded(attempt: int, jitter: float) -> None:
    assert 0.025 <= backoff(attempt, None, jitter) <= 5.0


def test_backoff_grows_until_five_seconds() -> None:
    steps = [backoff(attempt, None, 1.0) for attempt in range(9)]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0.05, 5.0)


@given(st.floats(0, 3600), st.floats(0, 1))
def test_an_order_is_never_undercut(seconds: float, jitter: float) -> None:
    assert seconds <= backoff(0, seconds, jitter) <= seconds + 0.05


NOW = datetime(2025, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text, seconds",
    [
        (None, None),
        ("", None),
        ("3", 3),
        ("0", 0),
        ("-5", 0),
        ("1.5", 1.5),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        (format_datetime(NOW + timedelta(seconds=7), usegmt=True), 7),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0),
        ("Wed, 99 Foo 2025 00:00:00 GMT", None),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(text, NOW.timestamp) == seconds


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{1,6} \d\d:\d\d:\d\d ([+-]\d{4}|GMT)"))
def test_no_retry_after_breaks_anything(text: str) -> None:
    seconds = retry_after_seconds(text)
    assert seconds is None or 0 <= seconds < float("inf")


# Reading


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_is_repeated_after_a_passing_failure(world: World, status: int) -> None:
    world.script = [Response(status), Response(status), Response(200)]
    assert world.session().read([NODES])[NODES].found
    assert len(world.seen) == 3
    assert len(world.slept) == 2


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed(world: World, status: int) -> None:
    world.script = [Response(status, headers={"Retry-After": "7"}), Response(200)]
    said: list[str] = []
    world.session(progress=said.append).read([NODES])
    assert 7 <= world.slept[0] <= 7.05
    assert "asks to wait 7.0 s" in said[0]


def test_attempts_are_bounded_and_the_last_answer_is_told(world: World) -> None:
    world.script = [Response(503, b"etcd is down")]
    with pytest.raises(KubeError, match=f"{SERVER} answered 503 to list nodes: etcd is down") as caught:
        world.session().read([NODES])
    assert caught.value.finding.code == "engine.server_error"
    assert len(world.seen) == ATTEMPTS
    assert sum(world.slept) < 7


def test_the_deadline_ends_waiting_before_it_begins(world: World) -> None:
    world.script = [Response(429, headers={"Retry-After": "400"})]
    with pytest.raises(KubeError, match=r"not done within 300 s\. The last answer: .* answered 429 to list nodes") as caught:
        world.session(deadline=300).read([NODES])
    assert caught.value.finding.code == "engine.deadline"
    assert world.slept == []


def test_a_refused_connection_is_tried_again(world: World) -> None:
    world.script = [refused, refused, Response(200)]
    assert world.session().read([NODES])[NODES].found


def test_an_unreachable_server_is_named(world: World) -> None:
    world.script = [refused]
    with pytest.raises(KubeError, match=f"{SERVER} cannot be reached: .*refused") as caught:
        world.session().read([NODES])
    assert caught.value.finding.code == "engine.unreachable"
    assert len(world.seen) == ATTEMPTS


def test_a_silent_server_costs_one_request_timeout(world: World) -> None:
    world.script = [silent]
    with pytest.raises(KubeError, match="accepted the connection but did not answer within 30 s"):
        world.session(request_timeout=30).read([NODES])
    assert world.time - 1000 <= 31


def test_losing_connections_never_takes_longer_than_one_request_timeout(world: World) -> None:
    world.script = [cut, silent, cut, silent]
    assert code_of(lambda: world.session(request_timeout=20).read([NODES])) == "engine.unreachable"
    assert world.time - 1000 <= 22


def test_an_answer_in_between_starts_the_patience_anew(world: World) -> None:
    world.script = [cut, Response(503, headers={"Retry-After": "25"}), Response(200)]
    world.session(request_timeout=20).read([NODES])
    assert world.patience[-1] == 20


@pytest.mark.parametrize("status", [403, 404])
def test_forbidden_and_absent_are_answers(world: World, status: int) -> None:
    world.script = [Response(status, b'{"kind": "Status", "message": "no"}')]
    answer = world.session().read([NODES])[NODES]
    assert (answer.forbidden, answer.absent, answer.message) == (status == 403, status == 404, "no")
    assert len(world.seen) == 1


def test_an_unknown_group_is_absent_though_its_answer_is_text(world: World) -> None:
    world.script = [Response(404, b"404 page not found\n")]
    assert world.session().read([NODES])[NODES].absent


@pytest.mark.parametrize(
    "response",
    [
        Response(200, b"<html>login</html>"),
        Response(200, b"[]"),
        Response(200, b'"ok"'),
        Response(200, b"\xff\xfe"),
        Response(200, b"[" * 100_000),
        Response(403, b"<html>blocked by the firewall</html>"),
        Response(302, b"", {"Location": "https://login.example"}),
        Response(302, b"<html>moved</html>", {"Location": "https://login.example"}),
    ],
    ids=["html", "list", "string", "binary", "deep", "403 page", "redirect", "redirect page"],
)
def test_what_is_no_kubernetes_is_told(world: World, response: Response) -> None:
    world.script = [response]
    with pytest.raises(KubeError, match=f"{SERVER} answered {response.status} to list nodes") as caught:
        world.session().read([NODES])
    assert caught.value.finding.code == "engine.not_kubernetes"
    assert len(world.seen) == 1


@given(st.binary(max_size=60), st.sampled_from([200, 301, 400, 403, 404, 409, 422, 418]))
def test_no_body_breaks_a_read_or_a_write(body: bytes, status: int) -> None:
    world = World()
    world.script = [Response(status, body)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(urllib3, "connection_from_url", lambda _url, **_options: world)
        for call in (lambda s: s.read([NODES]), lambda s: s.write(PATCH)):
            with suppress(KubeError, ConflictError, LostAnswer):
                call(world.session())
    assert {method for method, *_rest in world.seen} == {"GET", "PATCH"}


def test_metadata_alone_is_asked_for_by_kind(world: World) -> None:
    world.script = [Response(200)]
    world.session().read([Read("/api/v1/nodes", metadata_only=True), Read("/api/v1/nodes/a", metadata_only=True)])
    accepted = [headers["Accept"] for _method, _url, headers in world.seen]
    assert "as=PartialObjectMetadataList;" in accepted[0]
    assert "as=PartialObjectMetadata;" in accepted[1]


def test_a_review_is_posted(world: World) -> None:
    world.script = [Response(201)]
    world.session().read([Read("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body="{}")])
    assert world.seen[0][0] == "POST"


# Credentials


def test_an_expired_credential_is_read_again_once(world: World) -> None:
    world.script = [Response(401), Response(200)]
    assert world.session().read([NODES])[NODES].found
    assert [headers["Authorization"] for *_rest, headers in world.seen] == ["Bearer first", "Bearer renewed-2"]
    assert world.slept == []


def test_a_second_401_is_final(world: World) -> None:
    world.script = [Response(401, b'{"message": "token has expired"}')]
    with pytest.raises(KubeError, match=f"{SERVER} answered 401 to list nodes: token has expired") as caught:
        world.session().read([NODES])
    assert caught.value.finding.code == "engine.unauthorized"
    assert world.connected == 2
    assert len(world.seen) == 2


def test_the_wait_of_an_earlier_answer_is_not_repeated_after_renewing(world: World) -> None:
    world.script = [Response(429, headers={"Retry-After": "3"}), Response(401), Response(200)]
    world.session().read([NODES])
    assert len(world.slept) == 1


def test_parallel_reads_renew_once_and_all_succeed(world: World) -> None:
    all_refused = threading.Barrier(4, timeout=5)

    def request(_method: str, _url: str, **options: Any) -> Response:
        if options["headers"]["Authorization"] == "Bearer first":
            all_refused.wait()
            return Response(401)
        return Response(200)

    world.request = request  # type: ignore[method-assign]
    session = world.session()
    session._far = True
    answers = session.read([NODES, Read("/api/v1/pods"), Read("/api/v1/secrets"), Read("/api/v1/services")])
    assert all(answer.found for answer in answers.values())
    assert world.connected == 2


def test_three_reads_of_a_far_server_go_over_one_connection(world: World) -> None:
    """Opening a second connection takes as long as three answers; and its handshake costs more than they do."""
    threads = set()

    def request(_method: str, _url: str, **_options: Any) -> Response:
        threads.add(threading.get_ident())
        return Response(200)

    world.request = request  # type: ignore[method-assign]
    session = world.session()
    session._far = True
    assert len(session.read([NODES, Read("/api/v1/pods"), Read("/api/v1/secrets")])) == 3
    assert threads == {threading.get_ident()}


# Trust


@pytest.mark.parametrize(
    "text, code",
    [
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate", "engine.untrusted_certificate"),
        ("hostname 'a' doesn't match 'b'", "engine.untrusted_certificate"),
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required", "engine.unauthorized"),
        ("[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca", "engine.unauthorized"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "engine.not_kubernetes"),
    ],
)
def test_what_tls_refuses_is_final(world: World, text: str, code: str) -> None:
    world.script = [lambda: SSLError(text)]
    assert code_of(lambda: world.session().read([NODES])) == code
    assert len(world.seen) == 1


def test_a_tls_connection_cut_short_is_tried_again(world: World) -> None:
    world.script = [lambda: SSLError("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred"), Response(200)]
    assert world.session().read([NODES])[NODES].found


# Writing


@pytest.mark.parametrize("lost", [cut, silent, lambda: SSLError("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred")])
def test_a_write_without_an_answer_is_not_repeated(world: World, lost: Callable[[], Exception]) -> None:
    world.script = [lost, Response(200)]
    with pytest.raises(LostAnswer, match='after patch nodes "a"'):
        world.session().write(PATCH)
    assert len(world.seen) == 1


@pytest.mark.parametrize("never_sent", [refused, lambda: ConnectTimeoutError(POOL, "timed out")])
def test_a_write_that_never_left_is_repeated(world: World, never_sent: Callable[[], Exception]) -> None:
    world.script = [never_sent, Response(200, b'{"kind": "Node"}')]
    assert world.session().write(PATCH) == {"kind": "Node"}


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_nobody_knows_whether_a_failed_write_arrived(world: World, status: int) -> None:
    world.script = [Response(status, headers={"Retry-After": "4"})]
    with pytest.raises(LostAnswer, match=f"status {status}"):
        world.session().write(PATCH)
    assert len(world.seen) == 1
    assert 4 <= world.slept[0] <= 4.05


def test_a_throttled_write_is_repeated_as_ordered(world: World) -> None:
    world.script = [Response(429, headers={"Retry-After": "2"}), Response(200)]
    world.session().write(PATCH)
    assert len(world.seen) == 2
    assert world.slept[0] >= 2


@pytest.mark.parametrize(
    "kind, status",
    [("json_patch", 409), ("json_patch", 422), ("json_patch", 404), ("create", 409), ("apply", 409), ("delete", 409)],
)
def test_an_object_that_changed_is_planned_again(world: World, kind: Any, status: int) -> None:
    world.script = [Response(status, b'{"message": "modified"}')]
    with pytest.raises(ConflictError, match="modified"):
        world.session().write(Write(kind, "/api/v1/nodes/a", {}))


@pytest.mark.parametrize("kind, status", [("apply", 404), ("create", 404), ("apply", 422), ("create", 422), ("apply", 400)])
def test_a_write_that_can_never_succeed_is_refused(world: World, kind: Any, status: int) -> None:
    world.script = [Response(status, b'{"message": "namespaces \\"x\\" not found"}')]
    with pytest.raises(KubeError, match='namespaces "x" not found') as caught:
        world.session().write(Write(kind, "/api/v1/namespaces/x/pods/a", {}))
    assert caught.value.finding.code == "engine.rejected"


def test_deleting_what_is_gone_succeeds(world: World) -> None:
    world.script = [Response(404)]
    assert world.session().write(Write("delete", "/api/v1/nodes/a")) == {}


def test_another_field_manager_is_named(world: World) -> None:
    body = b"""{"kind": "Status", "message": "Apply failed with 1 conflict", "details": {"causes": [
        {"reason": "FieldManagerConflict", "message": "conflict with \\"argocd\\" using v1", "field": ".spec"}]}}"""
    world.script = [Response(409, body)]
    with pytest.raises(KubeError, match=f"On {SERVER}, argocd owns fields") as caught:
        world.session().write(Write("apply", "/api/v1/nodes/a", {}))
    assert caught.value.finding.code == "engine.field_conflict"
    assert 'patch nodes "a"' in caught.value.finding.subject


def test_writes_carry_our_field_manager_and_are_never_forced(world: World) -> None:
    world.script = [Response(200)]
    session = world.session()
    for kind in ("create", "apply", "json_patch", "delete"):
        session.write(Write(kind, "/api/v1/nodes/a", {}))  # type: ignore[arg-type]
    urls = [url for _method, url, _headers in world.seen]
    assert ["fieldManager=azureml.kubernetes" in url for url in urls] == [True, True, True, False]
    assert not any("force" in url for url in urls)
    assert world.seen[1][2]["Content-Type"] == "application/apply-patch+yaml"


def test_pausing_between_rounds_respects_the_deadline(world: World) -> None:
    world.script = [Response(200)]
    session = world.session(deadline=1)
    world.time += 2
    assert code_of(lambda: session.pause(0)) == "engine.deadline"


def test_messages_have_no_addresses_of_python_objects() -> None:
    text = module._tidy(NewConnectionError(POOL, "Failed to establish a new connection: [Errno 111] Connection refused"))
    assert "0x" not in text
    assert "Connection refused" in text
