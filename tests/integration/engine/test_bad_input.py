"""Bad input gets a clear error and changes nothing: what, on which cluster and object, why, and what to do."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.engine.direct import TEXT, do, refusal
from tests.play import Play
from tests.sandbox import Sandbox
from tests.sandbox.front_door import Door, Rule, garbage, status

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("aro")]

MARKER = "marker-of-a-secret"
GRANT = "azureml.kubernetes.scc_grant"


@pytest.fixture
def door(aro: Sandbox) -> Iterator[Door]:
    """The main door, through which no write may go."""
    door = aro.front_door.door("main")
    yield door
    assert door.writes() == []


@pytest.fixture(autouse=True)
def tmpdir_stays_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What runs in this process leaves no file behind, on any path."""
    folder = tmp_path / "tempfiles"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr("ansible_collections.azureml.kubernetes.plugins.module_utils._kube.auth._MEMORY", str(folder))
    yield
    assert list(folder.iterdir()) == []


def with_user(aro: Sandbox, user: dict[str, Any]) -> dict[str, Any]:
    made = dict(yaml.safe_load(aro.kubeconfig.read_text()))
    made["users"][0]["user"] = user
    return made


# Files


@pytest.mark.parametrize("content", [None, b"", b"- a\n- b\n", bytes(range(128, 192)) + b"\x00\xff", f"a: {MARKER}: b".encode()])
def test_a_kubeconfig_that_is_none(door: Door, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_bytes(content)
    finding = refusal({"kubeconfig": str(path)})
    assert finding.code == "engine.kubeconfig_unreadable"
    assert str(path) in finding.message
    assert "kubectl config view" in finding.remedy
    assert MARKER not in str(finding)


def test_unknown_context(door: Door, aro: Sandbox) -> None:
    finding = refusal({"kubeconfig": str(aro.kubeconfig), "context": "prod"})
    assert finding.code == "engine.context_unknown"
    assert f"The kubeconfig {aro.kubeconfig} has no context 'prod'; it has: aro" in finding.message


def test_missing_ca_and_encrypted_key(door: Door, aro: Sandbox, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    files = aro._pair("admin", ("system:masters",))
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    wrapping = serialization.BestAvailableEncryption(b"pass")
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, wrapping))
    base = {"host": aro.url, "client_cert": str(files.cert), "client_key": str(encrypted)}
    finding = refusal({**base, "ca_cert": str(aro.ca_file)})
    assert finding.message == f"The client key for {aro.url} is encrypted."
    assert "openssl pkey" in finding.remedy
    finding = refusal({**base, "ca_cert": "/no/such/ca.crt"})
    assert finding.message == f"The CA for {aro.url} (/no/such/ca.crt) cannot be used: No such file or directory."


# Credentials


def test_worthless_and_expired_tokens(door: Door, aro: Sandbox) -> None:
    for token in ("worthless", "a.b.c", f"{MARKER}\nx"):
        finding = refusal({"host": aro.url, "ca_cert": str(aro.ca_file), "api_key": token})
        assert finding.code in ("engine.unauthorized", "engine.auth_incomplete")
        assert token not in str(finding)
        assert MARKER not in str(finding)
    finding = refusal({"host": aro.url, "ca_cert": str(aro.ca_file), "api_key": "worthless"})
    assert finding.message.startswith(f'{aro.url} answered 401 to get namespaces "kube-system"')
    assert "expired, revoked or of another cluster" in finding.remedy


def plugin(aro: Sandbox, code: str, command: str = sys.executable) -> dict[str, Any]:
    return with_user(aro, {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": ["-c", code]}})


def test_credential_plugins(door: Door, aro: Sandbox, play: Play) -> None:
    """Nothing that a failing plugin prints comes out anywhere, at any verbosity, in process and as a module."""
    say = f"import sys; print('{MARKER}-out'); print('{MARKER}-err', file=sys.stderr)"
    configs = {
        "fails": plugin(aro, f"{say}; sys.exit(3)"),
        "rubbish": plugin(aro, say),
        "missing": plugin(aro, "", command="no-such-plugin"),
    }
    told = {
        "fails": "failed with exit status 3",
        "rubbish": "answered with something that is no ExecCredential",
        "missing": "no-such-plugin is not installed",
    }
    tasks = []
    for name, config in configs.items():
        path = play.folder / f"{name}.config"
        path.write_text(yaml.safe_dump(config))
        for where in ("controller", "target") if name == "fails" else ("controller",):
            variables = {"azureml_run_on": where, "ansible_connection": "local"}
            task = {"name": f"{name} {where}", GRANT: {"kubeconfig": str(path), "extension_name": "x"}, "ignore_errors": True}
            tasks.append({**task, "vars": variables} if where == "target" else task)
    outcome = play.tasks(tasks, {"cluster": {"azureml_report_dir": "records"}}, "-vvvv", "--diff")
    for name, words in told.items():
        for where in ("controller", "target") if name == "fails" else ("controller",):
            message = outcome.result(f"{name} {where}", "cluster")["msg"]
            assert message.startswith("engine.exec_plugin_failed: The credential plugin")
            assert words in message
            assert "Run the plugin by hand" in message
    record = next((play.folder / "records").iterdir()).read_text()
    assert "exec_plugin_failed" in record
    assert MARKER not in outcome.text + str(outcome.tasks) + record
    assert [path for path in play.tmp.rglob("*") if path.is_file()] == []


# Servers


def test_unreachable(door: Door) -> None:
    started = time.monotonic()
    finding = refusal({"host": "https://127.0.0.1:1", "api_key": "k", "request_timeout": 1})
    assert finding.code == "engine.unreachable"
    assert finding.subject == "https://127.0.0.1:1"
    assert "Connection refused" in finding.message
    assert time.monotonic() - started < 3


@contextmanager
def listener() -> Iterator[str]:
    """Accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_server_that_never_answers_costs_one_request_timeout(door: Door, scheme: str) -> None:
    with listener() as address:
        started = time.monotonic()
        finding = refusal({"host": f"{scheme}://{address}", "api_key": "k", "request_timeout": 2})
        assert time.monotonic() - started < 3.5
    assert finding.code == "engine.unreachable"
    assert finding.message == f"{scheme}://{address} accepted the connection but did not answer within 2 s."


def test_untrusted_certificate(door: Door, aro: Sandbox) -> None:
    finding = refusal({"host": aro.url, "api_key": aro.admin_token()})
    assert finding.code == "engine.untrusted_certificate"
    assert finding.message.startswith(f"The certificate of {aro.url} is not trusted: ")
    assert "ca_cert" in finding.remedy
    assert door.log() == []


def test_a_certificate_for_another_name(door: Door, aro: Sandbox) -> None:
    made = yaml.safe_load(aro.kubeconfig.read_text())
    made["clusters"][0]["cluster"]["tls-server-name"] = "elsewhere.example"
    finding = refusal({"kubeconfig": made})
    assert finding.code == "engine.untrusted_certificate"
    assert "elsewhere.example" in finding.message


@pytest.mark.parametrize(
    "fault",
    [
        garbage("<html>Welcome</html>", content_type="text/html"),
        garbage("<html>Not found</html>", code=404, content_type="text/html"),
        garbage("<html>Blocked</html>", code=403, content_type="text/html"),
        garbage("[]"),
        status(302, headers={"Location": "https://login.example"}),
    ],
    ids=["page", "404", "403 page", "list", "redirect"],
)
def test_no_kubernetes(door: Door, aro: Sandbox, fault: Any) -> None:
    door.set_rules([Rule(fault)])
    finding = refusal({"kubeconfig": str(aro.kubeconfig)})
    assert finding.code == "engine.not_kubernetes"
    assert aro.url in finding.message
    assert "no proxy or login page" in finding.remedy


def test_rubbish_version(door: Door, aro: Sandbox, play: Play) -> None:
    """A version that is none is a finding of the topic; an answer that is no object ends the task."""
    variables = {"cluster": {"azureml_kubeconfig": str(aro.kubeconfig)}}
    tasks = [{"name": name, f"azureml.kubernetes.{name}": {}, "ignore_errors": True} for name in ("cluster_info", "version_window")]
    door.set_rules([Rule(garbage("<html>"), path="^/version")])
    outcome = play.tasks(tasks, variables)
    for task in ("cluster_info", "version_window"):
        message = outcome.result(task, "cluster")["msg"]
        assert message.startswith(f"engine.not_kubernetes: {aro.url} answered 200 to get /version"), message
    door.set_rules([])
    door.set(rewrite={"version": {"gitVersion": "rubbish", "major": "x", "minor": ""}})
    outcome = play.tasks(tasks, variables)
    for task in ("cluster_info", "version_window"):
        result = outcome.result(task, "cluster")
        assert result["task_state"] != "unreachable"
        assert "engine.bug" not in str(result), outcome.text
    assert "version.server_unparsable" in str(result["findings"])


# Rights


@pytest.mark.parametrize("method, verb", [("POST", "create"), ("PATCH", "patch"), ("DELETE", "delete")])
def test_a_verb_that_is_forbidden(aro: Sandbox, method: str, verb: str) -> None:
    door = aro.front_door.door("main")
    params = {"kubeconfig": str(aro.kubeconfig)}
    if verb != "create":
        do(TEXT, {**params, "text": "before"})
        door.clear_log()
    door.set_rules([Rule(status(403), methods=[method])])
    finding = refusal({**params, "text": "" if verb == "delete" else "after"})
    assert finding.code == "engine.forbidden"
    assert f"{aro.url} does not allow to {verb} configmaps" in finding.message
    assert "in namespace default" in finding.message
    assert "docs/permissions.md" in finding.remedy
    assert [entry.upstream_status for entry in door.writes()] == [0]


def test_reading_the_identity_forbidden(aro: Sandbox) -> None:
    """A real user without rights: the identity is unknown, and the refusal names verb and resource."""
    finding = refusal({"kubeconfig": str(aro.kubeconfig_for("jane"))})
    assert finding.code == "engine.forbidden"
    assert 'User "jane" cannot create resource "configmaps"' in finding.message
    result = do(TEXT, {"kubeconfig": str(aro.kubeconfig_for("jane"))}, check_mode=True)
    assert [(f.code, f.severity) for f in result.findings] == [("engine.identity_unknown", "warning")]
    missing = aro.front_door.door("main").writes()
    assert {entry.status for entry in missing} <= {403}


def test_least_rights_reach_the_message_of_a_module(door: Door, aro: Sandbox, play: Play) -> None:
    door.set_rules([Rule(status(403), methods=["PATCH"], path="securitycontextconstraints")])
    task = {"name": "grant", GRANT: {"extension_name": "azureml", "compute_namespaces": ["jobs"]}}
    outcome = play.tasks([task], {"cluster": {"azureml_kubeconfig": str(aro.kubeconfig)}})
    result = outcome.result("grant", "cluster")
    assert result["changed"] is False
    assert 'does not allow to patch securitycontextconstraints.security.openshift.io "privileged"' in result["msg"]
    assert door.writes()[0].upstream_status == 0
    door.clear_log()


# Identity


def test_wrong_cluster(door: Door, aro: Sandbox) -> None:
    result = do(TEXT, {"kubeconfig": str(aro.kubeconfig), "expected_cluster_uid": "11111111-2222"})
    assert result.changes == ()
    finding = result.findings[0]
    assert finding.code == "engine.wrong_cluster"
    assert finding.message.startswith(f"{aro.url} has uid ")
    assert "expected was 11111111-2222" in finding.message
    assert "azureml_expected_cluster_uid" in finding.remedy


def test_two_hosts_with_one_identity_do_not_write(door: Door, aro: Sandbox, play: Play) -> None:
    with aro.front_door.open("second") as second:
        hosts = {
            "one": {"azureml_kubeconfig": str(aro.kubeconfig)},
            "two": {"azureml_kubeconfig": str(aro.door_kubeconfig("second"))},
        }
        look = {"name": "look", "azureml.kubernetes.cluster_info": {}, "ignore_errors": True}
        arguments = {"extension_name": "azureml", "compute_namespaces": ["jobs"]}
        grant = {"name": "grant", GRANT: arguments, "ignore_errors": True}
        module = {**grant, "name": "grant as a module", "vars": {"azureml_run_on": "target", "ansible_connection": "local"}}
        outcome = play.tasks([look, grant, module], hosts)
        assert second.writes() == []
    for task in ("grant", "grant as a module"):
        for host, other in (("one", "two"), ("two", "one")):
            result = outcome.result(task, host)
            assert result["changed"] is False
            assert "engine.duplicate_cluster" in result["msg"], outcome.text
            assert f"is {host} and also {other}" in result["msg"]
            assert "Remove one of the hosts" in result["msg"]


def test_a_cluster_host_without_authentication(door: Door, play: Play) -> None:
    outcome = play.tasks([{"name": "grant", GRANT: {"extension_name": "x"}}], {"cluster": {}})
    message = outcome.result("grant", "cluster")["msg"]
    assert message.startswith("engine.auth_missing: Host cluster has no authentication")
    assert "azureml_kubeconfig" in message
    assert door.log() == []


# Modules' own input, one each


def test_what_modules_refuse(door: Door, aro: Sandbox, play: Play) -> None:
    tasks = [
        {"name": "account", GRANT: {"extension_name": "azureml", "extra_accounts": ["Not A Label", "x:y:z:w"]}},
        {"name": "edition", GRANT: {"extension_name": "azureml", "edition": "1999-01"}},
        {"name": "n", "azureml.kubernetes.version_window": {"n": "latest"}},
        {"name": "option", "azureml.kubernetes.version_window": {"no_such_option": 1}},
    ]
    outcome = play.tasks([{**t, "ignore_errors": True} for t in tasks], {"cluster": {"azureml_kubeconfig": str(aro.kubeconfig)}})
    words = {"account": "Not A Label", "edition": "1999-01", "n": "latest", "option": "no_such_option"}
    for task, word in words.items():
        result = outcome.result(task, "cluster")
        assert result["task_state"] == "ignored", outcome.text
        assert word in result["msg"]
    assert door.log() == []
