"""Secrets stay out of everything that is printed, returned or kept, on every path and at any verbosity."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.play import Play
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("aro")]

INFO = "azureml.kubernetes.cluster_info"
GRANT = "azureml.kubernetes.scc_grant"
PASSWORD = "marker-password"
OWN = ("marker-token", "marker-env-value", "marker-argument", "marker-proxy-password", "marker-refresh", PASSWORD)


def dictionary(aro: Sandbox, user: dict[str, Any]) -> dict[str, Any]:
    made = dict(yaml.safe_load(aro.kubeconfig.read_text()))
    made["users"][0]["user"] = user
    return made


def test_no_secret_comes_out(aro: Sandbox, play: Play) -> None:
    pair = aro._pair("admin", ("system:masters",))
    key = base64.b64encode(Path(pair.key).read_bytes()).decode()
    inline = {"client-certificate-data": base64.b64encode(Path(pair.cert).read_bytes()).decode(), "client-key-data": key}
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "false",
        "args": ["--client-secret", "marker-argument"],
        "env": [{"name": "CLIENT_SECRET", "value": "marker-env-value"}],
    }
    oidc = {"name": "oidc", "config": {"client-secret": "marker-token", "refresh-token": "marker-refresh"}}
    token = aro.admin_token()
    host = {"host": aro.url, "ca_cert": str(aro.ca_file)}
    ways: dict[str, dict[str, Any]] = {
        "works with a key": {"kubeconfig": dictionary(aro, inline)},
        "works with a token": {**host, "api_key": token},
        "token in a dictionary": {"kubeconfig": dictionary(aro, {"token": token})},
        "bad token": {"kubeconfig": dictionary(aro, {"token": "marker-token"})},
        "malformed token": {**host, "api_key": "marker-token\nmarker-token"},
        "plugin": {"kubeconfig": dictionary(aro, {"exec": plugin})},
        "malformed user": {"kubeconfig": dictionary(aro, {"auth-provider": oidc})},
        "malformed dictionary": {"kubeconfig": {"users": [{"user": {"token": "marker-token"}}], "env": 5}},
        "password": {**host, "username": "dev", "password": PASSWORD},
        "wrong option": {**host, "api_key": "marker-token", "no_such_option": 1},
        "proxy": {**host, "api_key": token, "proxy": "http://u:marker-proxy-password@127.0.0.1:1"},
    }
    tasks = []
    for name, arguments in ways.items():
        # By reference, since Ansible shows the lines of a playbook around a failed task.
        references = {option: f"{{{{ ways[{name!r}].{option} }}}}" for option in arguments}
        task = {"name": name, INFO: {**references, "request_timeout": 1}, "ignore_errors": True}
        tasks.append(task)
        if name in ("works with a key", "plugin", "proxy"):
            tasks.append({**task, "name": f"{name} module", "vars": {"azureml_run_on": "target", "ansible_connection": "local"}})
    reference = {"kubeconfig": "{{ ways['works with a key'].kubeconfig }}"}
    write = {"name": "write", GRANT: {**reference, "extension_name": "azureml", "compute_namespaces": ["jobs"]}}
    outcome = play.tasks([*tasks, write], {"cluster": {"azureml_report_dir": "records", "ways": ways}}, "-vvvv", "--diff")

    assert outcome.result("write", "cluster")["changed"] is True, outcome.text
    for name in ("works with a key", "works with a key module", "works with a token", "token in a dictionary"):
        assert outcome.result(name, "cluster")["cluster"]["server"] == aro.url
    for name in set(ways) - {"works with a key", "works with a token", "token in a dictionary"}:
        assert outcome.result(name, "cluster")["task_state"] == "ignored", name
    record = "".join(path.read_text() for path in (play.folder / "records").iterdir())
    assert '"module": "scc_grant"' in record
    everything = {"printed": outcome.text, "returned": str(outcome.tasks), "recorded": record}
    for place, text in everything.items():
        for secret in (*OWN, token, key):
            assert secret not in text, f"{secret[:20]} is {place}: ...{text[max(0, text.find(secret) - 300) : text.find(secret)]}"
    modes = {oct(path.stat().st_mode & 0o777) for path in (play.folder / "records").iterdir()}
    assert modes == {"0o600"}
    assert [path for path in play.tmp.rglob("*") if path.is_file()] == []
