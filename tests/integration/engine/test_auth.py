"""Every way to say which cluster and who, against a real API server; and which way wins."""

from __future__ import annotations

import base64
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import KUBE_SYSTEM
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import auth
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.session import Session

from tests.integration.engine.direct import TEXT, do, refusal, who
from tests.play import Outcome, Play
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("aro")]

GROUPS = ("system:masters",)
INFO = "azureml.kubernetes.cluster_info"


@pytest.fixture(autouse=True)
def tmpdir_stays_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What runs in this process leaves no file behind, on any path."""
    folder = tmp_path / "tempfiles"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr("ansible_collections.azureml.kubernetes.plugins.module_utils._kube.auth._MEMORY", str(folder))
    yield
    assert list(folder.iterdir()) == []


def content(path: Path) -> dict[str, Any]:
    """A kubeconfig as a dictionary."""
    return dict(yaml.safe_load(path.read_text()))


def with_user(aro: Sandbox, user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    """The sandbox's kubeconfig with another user."""
    made = content(aro.kubeconfig)
    made["users"][0]["user"] = user
    made["clusters"][0]["cluster"].update(cluster)
    return made


def pair(aro: Sandbox, user: str, groups: tuple[str, ...] = GROUPS) -> dict[str, str]:
    files = aro._pair(user, groups)
    return {"client_cert": str(files.cert), "client_key": str(files.key)}


def uid(aro: Sandbox) -> str:
    return str(aro.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"])


# Ways to log in


def test_kubeconfig(aro: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    whole = content(aro.kubeconfig)
    (tmp_path / "one").write_text(yaml.safe_dump({**whole, "users": []}))
    (tmp_path / "two").write_text(yaml.safe_dump({"kind": "Config", "users": whole["users"]}))
    for given in (str(aro.kubeconfig), whole, f"~/one{os.pathsep}~/two"):
        assert who({"kubeconfig": given})[0] == "admin"


def test_inline_certificates_and_named_context(aro: Sandbox) -> None:
    files = pair(aro, "jane")
    inline = {key: base64.b64encode(Path(files[name]).read_bytes()).decode() for key, name in
              (("client-certificate-data", "client_cert"), ("client-key-data", "client_key"))}  # fmt: skip
    made = with_user(aro, inline)
    other = {"name": "other", "context": {"cluster": "nowhere", "user": "nobody"}}
    made["contexts"].append(other)
    assert who({"kubeconfig": made, "context": made["contexts"][0]["name"]})[0] == "jane"


def test_host_with_token_or_certificate(aro: Sandbox) -> None:
    base = {"host": aro.url, "ca_cert": str(aro.ca_file)}
    assert who({**base, "api_key": aro.admin_token()})[0] == "system:serviceaccount:kube-system:sandbox-admin"
    assert who({**base, **pair(aro, "jane")})[0] == "jane"
    assert who({**base, **pair(aro, "jane"), "ca_cert": None, "validate_certs": False})[0] == "jane"


def test_token_file(aro: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(aro.admin_token() + "\n")
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(with_user(aro, {"tokenFile": "token"})))
    assert who({"kubeconfig": str(path)})[0].endswith("sandbox-admin")


def test_credential_plugin(aro: Sandbox, tmp_path: Path) -> None:
    version = "client.authentication.k8s.io/v1"
    cert, key = pair(aro, "jane").values()
    wanted = {
        "sandbox-admin": f"{{'token': '{aro.admin_token()}'}}",
        "jane": f"{{'clientCertificateData': open({cert!r}).read(), 'clientKeyData': open({key!r}).read()}}",
    }
    for name, status in wanted.items():
        code = f"import json; print(json.dumps({{'apiVersion': '{version}', 'kind': 'ExecCredential', 'status': {status}}}))"
        spec = {"apiVersion": version, "command": sys.executable, "args": ["-c", code], "interactiveMode": "Never"}
        assert who({"kubeconfig": with_user(aro, {"exec": spec})})[0].endswith(name)


def test_impersonation(aro: Sandbox) -> None:
    user, groups = who({"kubeconfig": str(aro.kubeconfig), "impersonate_user": "jane", "impersonate_groups": ["team", "other"]})
    assert (user, {"team", "other"} <= set(groups), "system:masters" in groups) == ("jane", True, False)
    files = pair(aro, "admin")
    named = {"client-certificate": files["client_cert"], "client-key": files["client_key"], "as": "jane", "as-groups": ["team"]}
    user, groups = who({"kubeconfig": with_user(aro, named)})
    assert (user, "team" in groups) == ("jane", True)
    finding = refusal({"kubeconfig": str(aro.kubeconfig), "impersonate_user": "jane"})
    assert finding.code == "engine.forbidden"
    assert 'User "jane" cannot create' in finding.message


@contextmanager
def tunnel() -> Iterator[tuple[str, list[str]]]:
    """A proxy that speaks CONNECT; its address and the request heads it saw."""
    seen: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, target):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def serve(client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        seen.append(head.decode())
        host, port = head.split()[1].decode().rsplit(":", 1)
        upstream = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        threading.Thread(target=pump, args=(upstream, client), daemon=True).start()
        pump(client, upstream)

    def accept() -> None:
        while True:
            try:
                client, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
    finally:
        listener.close()


def test_proxy(aro: Sandbox) -> None:
    kubeconfig = str(aro.kubeconfig)
    with tunnel() as (proxy, seen):
        assert who({"kubeconfig": kubeconfig, "proxy": proxy, "proxy_headers": {"proxy_basic_auth": "a:b"}})[0] == "admin"
        assert seen[0].startswith("CONNECT 127.0.0.1:")
        assert "proxy-authorization: basic ytpi" in seen[0].lower()
        assert who({"kubeconfig": kubeconfig, "proxy": proxy, "no_proxy": "127.0.0.1"})[0] == "admin"
        assert len(seen) == 1
    finding = refusal({"kubeconfig": kubeconfig, "proxy": "http://127.0.0.1:1", "request_timeout": 1})
    assert finding.code == "engine.unreachable"
    assert "cannot be reached through its proxy" in finding.message


def test_environment_in_all_names(aro: Sandbox) -> None:
    files = pair(aro, "jane")
    base = {"K8S_AUTH_HOST": aro.url}
    older = {
        "K8S_AUTH_SSL_CA_CERT": str(aro.ca_file),
        "K8S_AUTH_CERT_FILE": files["client_cert"],
        "K8S_AUTH_KEY_FILE": files["client_key"],
    }
    newer = {
        "K8S_AUTH_CA_CERT": str(aro.ca_file),
        "K8S_AUTH_CLIENT_CERT": files["client_cert"],
        "K8S_AUTH_CLIENT_KEY": files["client_key"],
    }
    insecure = {"K8S_AUTH_API_KEY": aro.admin_token(), "K8S_AUTH_VERIFY_SSL": "no"}
    impersonating = {"K8S_AUTH_IMPERSONATE_USER": "joe", "K8S_AUTH_IMPERSONATE_GROUPS": "a,b"}
    assert who({}, environ={**base, **older})[0] == "jane"
    assert who({}, environ={**base, **newer})[0] == "jane"
    assert who({}, environ={**base, **insecure})[0].endswith("sandbox-admin")
    assert who({}, environ={"K8S_AUTH_KUBECONFIG": str(aro.kubeconfig)})[0] == "admin"
    user, groups = who({}, environ={**base, **newer, **impersonating})
    assert (user, {"a", "b"} <= set(groups)) == ("joe", True)


def test_two_clusters_in_one_process_share_nothing(aro: Sandbox) -> None:
    assert who({"kubeconfig": str(aro.kubeconfig)})[0] == "admin"
    base = {"host": aro.url, "ca_cert": str(aro.ca_file)}
    assert refusal({**base, "api_key": "worthless"}).code == "engine.unauthorized"


def test_an_expired_token_in_a_long_task_is_read_again(aro: Sandbox, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("expired")
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(with_user(aro, {"tokenFile": str(token)})))
    session = Session(lambda: auth.endpoint({"kubeconfig": str(path)}))
    token.write_text(aro.admin_token())
    assert session.read([KUBE_SYSTEM])[KUBE_SYSTEM].found
    session.close()


# Which way wins


def results(outcome: Outcome, host: str = "cluster") -> dict[str, Any]:
    return {task: hosts[host] for task, hosts in outcome.tasks.items() if host in hosts}


def look(name: str, _args: dict[str, Any] | None = None, **task: Any) -> dict[str, Any]:
    return {"name": name, INFO: _args or {}, "ignore_errors": True, **task}


def test_precedence(aro: Sandbox, play: Play) -> None:
    """A decoy environment is never used where anything else is said, in process and as a module."""
    kubeconfig = str(aro.kubeconfig)
    (play.folder / "relative.config").write_text(aro.kubeconfig.read_text())
    (play.home / "home.config").write_text(aro.kubeconfig.read_text())
    with aro.front_door.open("decoy") as decoy, aro.front_door.open("other") as other:
        other_config = str(aro.door_kubeconfig("other"))
        environ = {
            "K8S_AUTH_HOST": decoy.url,
            "K8S_AUTH_API_KEY": aro.admin_token(),
            "K8S_AUTH_VERIFY_SSL": "false",
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": decoy.url.rsplit(":", 1)[1],
        }
        target = {"azureml_run_on": "target", "ansible_connection": "local"}
        tasks = [
            look("argument", {"kubeconfig": kubeconfig}),
            look("argument beats host variable", {"kubeconfig": kubeconfig}, vars={"azureml_kubeconfig": other_config}),
            look("host variable", vars={"azureml_kubeconfig": other_config}),
            look("relative", {"kubeconfig": "relative.config"}),
            look("home", {"kubeconfig": "~/home.config"}),
            look("dictionary", {"kubeconfig": content(aro.kubeconfig)}),
            look("module", {"kubeconfig": kubeconfig}, vars=target),
            look("context alone", {"context": "x"}),
            look("context alone as a module", {"context": "x"}, vars=target),
        ]
        defaults = {INFO: {"kubeconfig": other_config}}
        plays = [
            {"hosts": "all", "gather_facts": False, "tasks": tasks},
            {"hosts": "all", "gather_facts": False, "module_defaults": defaults, "tasks": [look("defaults")]},
        ]
        outcome = play.run(plays, {"cluster": {}}, env=environ)
        assert decoy.log() == []
        seen = results(outcome)
        servers = {task: result.get("cluster", {}).get("server") for task, result in seen.items()}
        assert servers.pop("host variable") == servers.pop("defaults") == other.url, outcome.text
        for task in ("context alone", "context alone as a module"):
            assert servers.pop(task) is None
            assert "engine.auth_incomplete" in seen[task]["msg"]
            assert "only context given. K8S_AUTH_* is ignored" in seen[task]["msg"]
        assert set(servers.values()) == {aro.url}, outcome.text
    left_in_tmp(play)


def left_in_tmp(play: Play) -> None:
    """Nothing but what Ansible itself leaves in its temporary folder."""
    assert [path for path in play.tmp.rglob("*") if path.is_file() or path.name.startswith("azureml")] == []


def test_environment_of_task_and_run(aro: Sandbox, play: Play) -> None:
    """The environment is used where nothing else is said: for one host, or for several when that is allowed."""
    environ = {"K8S_AUTH_KUBECONFIG": str(aro.kubeconfig)}
    env = look("environment of the task", environment=environ)
    as_module = look("and as a module", environment=environ, vars={"azureml_run_on": "target", "ansible_connection": "local"})
    allowed = look("allowed", environment=environ, vars={"azureml_allow_shared_credential": True})
    alone = {"hosts": "a", "gather_facts": False, "tasks": [env, as_module]}
    two = {
        "hosts": "a,b",
        "gather_facts": False,
        "tasks": [{**env, "name": "shared"}, {**as_module, "name": "shared module"}, allowed],
    }
    outcome = play.run([alone, two], {"a": {}, "b": {}})
    for task in ("environment of the task", "and as a module"):
        assert outcome.result(task, "a")["cluster"]["server"] == aro.url, outcome.text
    for host in ("a", "b"):
        for task in ("shared", "shared module"):
            message = outcome.result(task, host)["msg"]
            assert message.startswith("engine.shared_credential")
            assert f"K8S_AUTH_* would be used for {host} and 1 more hosts" in message
            assert "azureml_allow_shared_credential" in message
        assert outcome.result("allowed", host)["cluster"]["server"] == aro.url


def test_the_current_context_is_for_localhost_alone(aro: Sandbox, play: Play) -> None:
    """Nor is an in-cluster environment ever looked at."""
    whole = content(aro.kubeconfig)
    second = {"name": "second", "context": {"cluster": "nowhere", "user": "nobody"}}
    (play.home / ".kube").mkdir()
    default = play.home / ".kube" / "config"
    default.write_text(yaml.safe_dump({**whole, "contexts": [second, *whole["contexts"]]}))
    mount = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": aro.url.rsplit(":", 1)[1]}
    tasks = [
        look("default"),
        look("module", vars={"azureml_run_on": "target"}),
        look("named", {"kubeconfig": str(default)}),
        look("context", {"context": whole["current-context"]}),
    ]
    hosts = {"localhost": {"ansible_connection": "local"}, "cluster": {"ansible_connection": "local"}}
    outcome = play.tasks(tasks, hosts, env=mount)
    for task in ("default", "module", "named", "context"):
        assert outcome.result(task, "localhost").get("cluster", {}).get("server") == aro.url, (task, outcome.text)
    for task in ("default", "module"):
        message = outcome.result(task, "cluster")["msg"]
        assert message.startswith("engine.auth_missing: Host cluster has no authentication")
        assert "azureml_kubeconfig" in message
    message = outcome.result("named", "cluster")["msg"]
    assert "several contexts and none was named" in message
    assert f"second, {whole['current-context']}" in message


def test_a_host_that_is_a_node_uses_the_variables_of_its_cluster(aro: Sandbox, play: Play) -> None:
    folder = play.folder / "records"
    hosts: dict[str, dict[str, Any]] = {
        "cluster": {"azureml_kubeconfig": str(aro.kubeconfig), "azureml_context": "{{ its_context }}", "its_context": "aro"},
        "node-a": {"azureml_cluster": "cluster", "ansible_host": "192.0.2.1", "azureml_kubeconfig": "/decoy"},
        "node-b": {"azureml_cluster": "cluster", "ansible_host": "192.0.2.2"},
        "node-c": {"azureml_cluster": "clutser"},
    }
    task = {"name": "Look", INFO: {"gather": ["platform"]}, "ignore_errors": True}
    outcome = play.tasks([task], hosts, "-e", f"azureml_report_dir={folder}")
    for host in ("cluster", "node-a", "node-b"):
        result = outcome.result("Look", host)
        assert not result.get("failed"), result
        assert result["cluster"]["uid"] == uid(aro)
        assert [f["code"] for f in result["findings"] if f["code"].startswith("engine.")] == [], "one host is the cluster"
    assert "'clutser', which is no host of the inventory" in outcome.result("Look", "node-c")["msg"]
    assert [path.name for path in folder.iterdir()] == ["cluster.json"]


def test_nothing_is_written_with_a_credential_of_nobody(aro: Sandbox) -> None:
    door = aro.front_door.door("main")
    finding = refusal({"kubeconfig": with_user(aro, {})})
    assert finding.code == "engine.auth_incomplete"
    assert door.log() == []


def test_the_same_identity_by_another_way(aro: Sandbox) -> None:
    expected = {"expected_cluster_uid": uid(aro)}
    result = do(TEXT, {"kubeconfig": str(aro.kubeconfig), **expected}, check_mode=True)
    assert result.identity is not None
    assert (result.identity.server, result.identity.uid) == (aro.url, uid(aro))
    assert [change.verb for change in result.changes] == ["create"]
