"""The front door and its Python client, end to end."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from tests.integration.front_door.stage import Certificates, Upstream, wait_for
from tests.sandbox.front_door import (
    Door,
    Fault,
    FrontDoor,
    FrontDoorError,
    LogEntry,
    OAuthState,
    Rule,
    answer_lost,
    choice,
    cut_after,
    garbage,
    hang,
    latency,
    reset,
    slow_watch,
    status,
    unharmed,
)

pytestmark = pytest.mark.sandbox

OAUTH = {"users": {"dev": {"password": "s3cret", "groups": ["team"]}}, "token_seconds": 600}
Client = Callable[..., urllib3.PoolManager]


@pytest.fixture
def client(certificates: Certificates) -> Iterator[Client]:
    """Make clients that retry nothing and follow no redirects."""
    pools: list[urllib3.PoolManager] = []

    def make(user: str = "", *groups: str) -> urllib3.PoolManager:
        cert, key = certificates.issue(user, *groups) if user else (None, None)
        pool = urllib3.PoolManager(
            retries=False,
            timeout=30,
            ca_certs=str(certificates.ca),
            cert_file=cert and str(cert),
            key_file=key and str(key),
        )
        pools.append(pool)
        return pool

    yield make
    for pool in pools:
        pool.clear()


@pytest.fixture
def door(front_door: FrontDoor, request: pytest.FixtureRequest) -> Iterator[Door]:
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    with front_door.open(name) as opened:
        yield opened


def entry(**changes: Any) -> LogEntry:
    texts = dict.fromkeys(("query", "user", "user_agent", "fault", "content_type", "body"), "")
    numbers = {"n": 1, "time": 0.0, "end": 0.1, "status": 200, "upstream_status": 200, "connection": 1}
    plain = LogEntry.from_json({**texts, **numbers, "open": False, "method": "GET", "path": "/"})
    return replace(plain, **changes)


def document(response: urllib3.BaseHTTPResponse) -> Any:
    return json.loads(response.data)


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/api/v1/pods", "", False),
        ("POST", "/api/v1/namespaces/a/pods", "", True),
        ("PATCH", "/api/v1/nodes/n", "fieldManager=x&force=true", True),
        ("PATCH", "/api/v1/nodes/n", "fieldManager=x&dryRun=All", False),
        ("PUT", "/api/v1/nodes/n", "dryRun=", True),
        ("DELETE", "/api/v1/nodes/n", "", True),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "", False),
        ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", "", False),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "", False),
        ("POST", "/apis/authorization.k8s.io/v1/namespaces/a/localsubjectaccessreviews", "", False),
        ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "", False),
        ("POST", "/apis/authentication.k8s.io/v1/tokenreviews", "", False),
        ("POST", "/apis/security.openshift.io/v1/podsecuritypolicyreviews", "", False),
        ("POST", "/apis/example.com/v1/codereviews", "", True),
        ("DELETE", "/apis/authorization.k8s.io/v1/subjectaccessreviews", "", True),
    ],
)
def test_is_write(method: str, path: str, query: str, expected: bool) -> None:
    assert entry(method=method, path=path, query=query).is_write is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api", True),
        ("/api/v1", True),
        ("/apis", True),
        ("/apis/apps", True),
        ("/apis/apps/v1", True),
        ("/openapi/v3/apis/apps/v1", True),
        ("/version", True),
        ("/api/v1/pods", False),
        ("/apis/apps/v1/deployments", False),
        ("/readyz", False),
    ],
)
def test_is_discovery(path: str, expected: bool) -> None:
    assert entry(path=path).is_discovery is expected
    assert not entry(path=path, method="POST").is_discovery


def test_log_and_identity(door: Door, client: Client) -> None:
    alice = client("alice", "dev", "ops")
    headers = {"User-Agent": "me/1", "X-Remote-User": "root", "Content-Type": "application/json"}
    seen = document(alice.request("GET", f"{door.url}/api/v1/pods?limit=1", headers=headers))
    assert (seen["user"], sorted(seen["groups"])) == ("alice", ["dev", "ops"])
    alice.request("PATCH", f"{door.url}/api/v1/nodes/n", body='{"a":1}', headers=headers)
    alice.request("PATCH", f"{door.url}/api/v1/nodes/n?dryRun=All", body="{}", headers=headers)
    listed, patched, _ = door.log()
    assert (listed.method, listed.path, listed.query) == ("GET", "/api/v1/pods", "limit=1")
    assert (listed.user, listed.user_agent, listed.status) == ("alice", "me/1", 200)
    assert listed.end is not None
    assert listed.end >= listed.time
    assert not listed.open
    assert (patched.body, patched.content_type) == ('{"a":1}', "application/json")
    assert patched.connection == listed.connection == 1
    assert door.writes() == [patched]
    door.clear_log()
    assert door.log() == []


def test_status_fault_ends_after_its_times(door: Door, client: Client) -> None:
    door.set_rules([Rule(status(429, retry_after=1), name="busy", methods=["POST"], times=1)])
    http = client()
    first = http.request("POST", f"{door.url}/api/v1/pods")
    assert (first.status, first.headers["Retry-After"]) == (429, "1")
    assert document(first)["reason"] == "TooManyRequests"
    assert http.request("POST", f"{door.url}/api/v1/pods").status == 200
    assert [(e.fault, e.status, e.upstream_status) for e in door.log()] == [
        ("busy", 429, 0),
        ("", 200, 200),
    ]
    assert door.applied() == {"busy": 1}


@pytest.mark.parametrize(("fault", "reaches_upstream"), [(reset(), False), (answer_lost(), True)], ids=["reset", "lost"])
def test_reset_and_answer_lost(fault: Fault, reaches_upstream: bool, door: Door, client: Client, upstream: Upstream) -> None:
    door.set_rules([Rule(fault, name="cut")])
    path = f"/api/v1/namespaces/{door.name}"
    # Python's ssl may report the reset as a mere end of file; that it is a RST is proven by the Go tests
    with pytest.raises(urllib3.exceptions.ProtocolError, match="Connection aborted"):
        client().request("PUT", door.url + path, body="once")
    assert (("PUT", path, "once") in upstream.writes) is reaches_upstream
    (logged,) = door.writes()
    assert (logged.status, logged.fault, logged.body) == (0, "cut", "once")
    assert logged.upstream_status == (200 if reaches_upstream else 0)


def test_other_faults(door: Door, client: Client) -> None:
    http = client()
    door.set_rules([Rule(garbage("<html>", code=502, content_type="text/html"))])
    answered = http.request("GET", f"{door.url}/api")
    assert (answered.status, answered.data, answered.headers["Content-Type"]) == (
        502,
        b"<html>",
        "text/html",
    )
    door.set_rules([Rule(cut_after(5))])
    with pytest.raises(urllib3.exceptions.ProtocolError):
        http.request("GET", f"{door.url}/api")
    door.set_rules([Rule(hang(), name="hang")])
    with pytest.raises(urllib3.exceptions.TimeoutError):
        http.request("GET", f"{door.url}/api", timeout=0.2)
    wait_for("the door lets go", lambda: not door.log()[-1].open)
    assert (door.log()[-1].fault, door.log()[-1].status) == ("hang", 0)
    door.set_rules([Rule(latency(50), name="slow"), Rule(reset())])
    http.request("GET", f"{door.url}/api")
    slow = door.log()[-1]
    assert slow.end is not None
    assert slow.end - slow.time >= 0.05


def test_watch_is_not_buffered(door: Door, client: Client) -> None:
    door.set_rules([Rule(slow_watch(20), name="slow")])
    stream = client().request("GET", f"{door.url}/api/v1/pods?watch=true", preload_content=False)
    assert stream.readline() == b'{"type":"ADDED"}\n'
    (watch,) = door.log()
    assert (watch.open, watch.is_watch, watch.fault, watch.end) == (True, True, "slow", None)
    stream.close()
    wait_for("the watch ends", lambda: not door.log()[0].open)


def test_seed_decides_a_choice(door: Door, client: Client) -> None:
    mixed = choice(status(429).weighing(3), status(500), unharmed())

    def run(seed: int) -> list[int]:
        door.set(seed=seed)
        http = client()
        return [http.request("GET", f"{door.url}/api").status for _ in range(30)]

    door.set_rules([Rule(mixed, probability=0.8)])
    first = run(1)
    assert run(1) == first
    assert run(2) != first
    assert set(first) == {200, 429, 500}


def test_rewrite_and_reset_of_it(door: Door, client: Client) -> None:
    http = client()
    door.set(rewrite={"version": {"gitVersion": "v1.27.3"}, "kube_system_uid": "fleet-1"})
    assert document(http.request("GET", f"{door.url}/version")) == {
        "major": "1",
        "minor": "36",
        "gitVersion": "v1.27.3",
    }
    path = "/api/v1/namespaces/kube-system"
    assert document(http.request("GET", door.url + path))["metadata"]["uid"] == "fleet-1"
    door.set(rewrite=None)
    assert document(http.request("GET", door.url + path))["metadata"]["uid"] == "real"


def login(http: urllib3.PoolManager, door: Door, password: str) -> urllib3.BaseHTTPResponse:
    query = "response_type=token&client_id=openshift-challenging-client"
    credentials = base64.b64encode(f"dev:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "X-Csrf-Token": "1"}
    url = f"{door.url}/oauth/authorize?{query}"
    return http.request("GET", url, headers=headers, redirect=False)


def test_oauth_login_and_revocation(door: Door, client: Client) -> None:
    http = client()
    door.set(oauth=OAUTH)
    assert login(http, door, "wrong").status == 401
    answered = login(http, door, "s3cret")
    token = parse_qs(urlsplit(answered.headers["Location"]).fragment)["access_token"][0]
    headers = {"Authorization": f"Bearer {token}"}
    seen = document(http.request("GET", f"{door.url}/api", headers=headers))
    assert seen == {"user": "dev", "groups": ["system:authenticated:oauth", "team"]}
    assert door.oauth_state() == OAuthState(issued=1, active=1, logins=1)
    digest = hashlib.sha256(token.removeprefix("sha256~").encode()).digest()
    name = "sha256~" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
    url = f"{door.url}/apis/oauth.openshift.io/v1/useroauthaccesstokens/{name}"
    assert http.request("DELETE", url, headers=headers).status == 200
    assert http.request("GET", f"{door.url}/api", headers=headers).status == 401
    assert door.oauth_state() == OAuthState(issued=1, active=0, logins=1)
    assert token not in str(door.log())
    assert "s3cret" not in str(door.log())


def test_oauth_with_the_openshift_package(door: Door, certificates: Certificates, client: Client) -> None:
    """The same code flow as kubernetes.core's k8s_auth, from which the package took it."""
    helper = pytest.importorskip("openshift.helper.userpassauth")
    door.set(oauth=OAUTH)
    session = object.__new__(helper.OCPLoginConfiguration)
    # its own constructor passes an argument that current kubernetes clients refuse
    helper.KubeConfig.__init__(session, host=door.url)
    session.ssl_ca_cert = str(certificates.ca)
    session.ocp_username, session.ocp_password = "dev", "s3cret"
    session.get_token()
    headers = {"Authorization": session.api_key["authorization"]}
    seen = document(client().request("GET", f"{door.url}/api", headers=headers))
    assert (seen["user"], session.api_key_expires) == ("dev", 600)
    session.logout()  # sends the token itself within the path, which no log may show
    assert session.token["access_token"] not in str(door.log())


def test_doors(front_door: FrontDoor, client: Client) -> None:
    one = front_door.open("one", rules=[Rule(status(503))], latency_ms=1, seed=4)
    with one, front_door.open("two") as two:
        assert [d.name for d in front_door.doors()] == ["main", "one", "two"]
        assert front_door.door("two").url == two.url
        assert client().request("GET", f"{one.url}/api").status == 503
        assert client().request("GET", f"{two.url}/api").status == 200
        assert (len(one.log()), len(two.log())) == (1, 1)
        with pytest.raises(FrontDoorError, match="409"):
            front_door.open("two")
    address = urlsplit(one.url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((str(address.hostname), address.port or 0), timeout=5)
    one.close()
    with pytest.raises(FrontDoorError, match="404"):
        front_door.door("one")
    with pytest.raises(FrontDoorError, match="rest"):
        front_door.door("main").set_rules([Rule(Fault({"rest": True}))])
