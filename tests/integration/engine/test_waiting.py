"""Watches, commands in pods and evictions through a real API server."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Code, ObjectRef, Plan, Wait, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import auth
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.session import Session

from tests.integration.engine.direct import do
from tests.sandbox import Sandbox
from tests.sandbox.front_door import Rule, reset, status

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("aro")]

MAPS = Read(object_path("v1", "configmaps", namespace="default"))
UNSET = Code("engine-test.unset", "error", "Nobody has set it yet.", resolvable=True)


@contextmanager
def session_to(kubeconfig: Path) -> Iterator[Session]:
    """A session as a task has it."""
    options = auth.choose({"kubeconfig": str(kubeconfig)}, {})
    session = Session(lambda: auth.endpoint(options, any_context=True))
    yield session
    session.close()


def waiting_for(count: int, seconds: float) -> Topic:
    """Waits until as many ConfigMaps called `step-...` are there."""

    def plan(_request: object, snapshot: Snapshot) -> Plan:
        there = sum(str(item["metadata"]["name"]).startswith("step-") for item in snapshot[MAPS].items)
        if there >= count:
            return Plan(facts={"steps": there})
        return Plan(findings=(UNSET.finding(f"{there} are there."),), wait=Wait(f"{there} of {count}", seconds, follow=(MAPS,)))

    return Topic("steps", "steps", {}, lambda params: params, lambda _request, _snapshot: [MAPS], plan)


def step(aro: Sandbox, number: int) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"step-{number}"}}
    aro.request("POST", MAPS.path, body)


def when(condition: Callable[[], object], action: Callable[[], None]) -> threading.Thread:
    """Does something as soon as something is so, beside the test."""

    def run() -> None:
        until = time.monotonic() + 30
        while not condition() and time.monotonic() < until:
            threading.Event().wait(0.02)
        action()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_wait_is_a_watch_and_costs_no_reads(aro: Sandbox) -> None:
    door = aro.front_door.door("main")
    door.clear_log()
    told: list[str] = []

    def steps() -> None:
        for number in range(40):
            step(aro, number)

    helper = when(lambda: any(entry.is_watch for entry in door.log()), steps)
    result = do(waiting_for(40, 60), {"kubeconfig": str(aro.kubeconfig)}, any_context=True, progress=told.append)
    helper.join()
    assert (result.findings, result.facts) == ((), {"steps": 40})
    assert told[0] == "0 of 40"
    assert [entry.path for entry in door.log()] == ["/api/v1/namespaces/kube-system", MAPS.path, MAPS.path]
    assert [entry.is_watch for entry in door.log()] == [False, False, True]


def test_a_watch_that_breaks_and_a_version_too_old_are_survived(aro: Sandbox) -> None:
    rules = [
        Rule(reset(), name="reset", path=MAPS.path + "$", skip=1, times=2),
        Rule(status(410, body={"kind": "Status", "code": 410}), name="gone", path=MAPS.path + "$", skip=1, times=1),
    ]
    with aro.front_door.open("broken", rules=rules) as door:
        kubeconfig = aro.kubeconfig_for("admin", ["system:masters"], door="broken")
        helper = when(lambda: door.applied().get("gone"), lambda: step(aro, 1))
        result = do(waiting_for(1, 60), {"kubeconfig": str(kubeconfig)}, any_context=True)
        helper.join()
        assert result.facts == {"steps": 1}, result
        assert door.applied() == {"reset": 2, "gone": 1}


def test_a_token_that_expires_during_the_wait_is_read_again(aro: Sandbox, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(aro.admin_token())
    config = yaml.safe_load(aro.kubeconfig.read_text())
    config["users"][0]["user"] = {"tokenFile": str(token)}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    expired = Rule(status(401, body={"kind": "Status", "code": 401}), name="401", path=MAPS.path + "$", skip=1, times=1)
    door = aro.front_door.door("main")
    door.set_rules([expired])
    helper = when(lambda: door.applied().get("401"), lambda: step(aro, 1))
    result = do(waiting_for(1, 60), {"kubeconfig": str(path)}, any_context=True)
    helper.join()
    assert result.facts == {"steps": 1}, result


def a_pod(aro: Sandbox, name: str, labels: Mapping[str, str]) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": dict(labels)},
        "spec": {"containers": [{"name": "main", "image": "example.test/none:1"}], "terminationGracePeriodSeconds": 0},
    }
    aro.request("POST", "/api/v1/namespaces/default/pods", body)


def running(aro: Sandbox, name: str) -> bool:
    status_ = aro.request("GET", f"/api/v1/namespaces/default/pods/{name}").get("status", {})
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status_.get("conditions", []))


def in_pod(name: str, *command: str) -> Read:
    return Read(object_path("v1", "pods", name, "default") + "/exec", (("container", "main"),), command=command)


@pytest.fixture
def pod(aro: Sandbox) -> str:
    """A running pod."""
    a_pod(aro, "here", {"app": "here"})
    when(lambda: running(aro, "here"), lambda: None).join()
    assert running(aro, "here")
    return "here"


def test_commands_in_pods(aro: Sandbox, pod: str) -> None:
    asked = [in_pod(pod, "echo", str(number)) for number in range(20)]
    with session_to(aro.kubeconfig) as session:
        answers = session.read(asked)
    assert [answers[read].body for read in asked] == [{"stdout": f"{n}\n", "stderr": "", "exit_code": 0} for n in range(20)]


def test_a_command_that_cannot_be_run_is_an_answer(aro: Sandbox, pod: str) -> None:
    nobody = aro.kubeconfig_for("nobody", ["none"])
    with session_to(aro.kubeconfig) as session, session_to(nobody) as other:
        gone = session.read([in_pod("gone", "true")]).popitem()[1]
        missing = session.read([in_pod(pod, "no-such-program")]).popitem()[1]
        forbidden = other.read([in_pod(pod, "true")]).popitem()[1]
    assert (gone.status, gone.message) == (404, 'pods "gone" not found')
    assert missing.status == 500
    assert "no-such-program" in missing.message
    assert forbidden.forbidden
    assert 'User "nobody" cannot' in forbidden.message


def test_an_eviction_waits_for_its_budget(aro: Sandbox, pod: str) -> None:
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "keep", "namespace": "default"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "here"}}},
    }
    budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    aro.request("POST", budgets, budget)
    when(lambda: aro.request("GET", f"{budgets}/keep").get("status", {}).get("expectedPods") == 1, lambda: None).join()
    pods = Read(object_path("v1", "pods", namespace="default"))
    ref = ObjectRef("Pod", pod, "default", f"{pods.path}/{pod}")
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": "default"}}

    def plan(_request: object, snapshot: Snapshot) -> Plan:
        if not any(item["metadata"]["name"] == pod for item in snapshot[pods].items):
            return Plan()
        return Plan(
            (Change("delete", ref, "drained", write=Write("evict", f"{ref.path}/eviction", body)),), wait=Wait("1 left", 60)
        )

    topic = Topic("drain", "drain", {}, lambda params: params, lambda _request, _snapshot: [pods], plan)
    told: list[str] = []
    helper = when(lambda: any("refused for now" in line for line in told), lambda: aro.request("DELETE", f"{budgets}/keep"))
    result = do(topic, {"kubeconfig": str(aro.kubeconfig)}, any_context=True, progress=told.append)
    helper.join()
    assert [change.line() for change in result.changes] == ["delete Pod/default/here: drained"], result
    assert "Cannot evict pod" in next(line for line in told if "refused for now" in line)


def served(address: str) -> Answer:
    with_name = Read(f"tls://{address}", (("sni", "router.example"),))
    return Session.read(_Unconnected(), [with_name])[with_name]


class _Unconnected(Session):
    """A session that knows no server: a TLS peer is not the API server."""

    def __init__(self) -> None:
        super().__init__(lambda: auth.Endpoint("https://unused.example", {}, ssl.create_default_context()))


def test_the_certificate_that_somebody_serves(aro: Sandbox) -> None:
    host, _, port = aro.front_door.door("main").url.removeprefix("https://").rpartition(":")
    pem = ssl.get_server_certificate((host, int(port)))
    assert served(f"{host}:{port}").body == {"certificate": pem}


def test_nobody_serves_one() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    answer = served(f"127.0.0.1:{port}")
    assert (answer.status, answer.message) == (503, f"127.0.0.1:{port} cannot be asked: Connection refused")
