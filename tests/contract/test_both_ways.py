"""Every module in process and as an ordinary module: the same call gives the same result.

What may differ, and why (see `comparable`):

* `invocation.module_args.kubeconfig` is kept; nothing of `invocation` differs.
* `exception` of a failed task is ansible-core's own note of where a result came from, and of the module's process.
* `deprecations` carry ansible-core's own `deprecator` only where a process of its own reported them.
* keys that begin with `_ansible`, `task_state` aside, are ansible-core's bookkeeping; `warnings` about the interpreter that was
  discovered belong to the process that was started.
* Progress goes to the terminal in process alone and is not part of a result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.play import Outcome, Play
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("aro")]

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if not path.stem.startswith("_"))
TARGET = {"ansible_connection": "local", "azureml_run_on": "target"}

USUAL: Mapping[str, Mapping[str, Any]] = {
    "cluster_info": {},
    "version_window": {"latest_ga_minor": "1.33"},
    "scc_grant": {"extension_name": "ml", "compute_namespaces": ["team-a", "default"]},
    "machine_config": {"selinux": "unmanaged", "training": True, "sdk_v1_datasets": True},
    "job_storage": {"compute_namespaces": ["default"]},
    "extension_settings": {
        "read_cluster": True,
        "connection": "arc",
        "cluster_name": "c1",
        "resource_group": "rg1",
        "subscription_id": "00000000-0000-0000-0000-000000000000",
        "location": "westeurope",
        "inference": True,
        "inference_router_service_type": "clusterIP",
        "ssl_secret": "azureml-tls",
        "ssl_cname": "ml.example.org",
        "configuration_protected_settings": {"relayServerConnectionString": "do-not-print"},
    },
    # Nothing is installed there, which is no error as long as nobody says that something should be.
    "extension_components": {
        "connection": "arc",
        "custom_checks": [
            {"kind": "Node", "query": "length(items)"},
            {"kind": "ConfigMap", "name": "none", "query": "data", "severity": "warning"},
        ],
        "configuration_settings": {"installVolcano": "false", "relayServerConnectionString": "do-not-print"},
        "wait_timeout": 1,
    },
    "instance_types": {"instance_types": []},
    # What is missing is told, and nothing else is read or written.
    "tls_secret": {"ssl_secret": "azureml-tls", "state": "absent"},
    # The GPU node has an owner to come, so nothing is wrong and nothing installed.
    "nvidia_device_plugin": {"install_nvidia_device_plugin": True},
}
# Input that `parse`, not the argument spec, refuses.
SENSELESS: Mapping[str, Mapping[str, Any]] = {
    "cluster_info": {"gather": [], "aks_cluster": {"a": 1}},
    "version_window": {"latest_ga_minor": "soon", "latest_upstream_minor": "later"},
    "scc_grant": {"extension_name": "Not A Label", "edition": "1999"},
    "machine_config": {"selinux": "disabled", "name": "rendered-x", "wait_timeout": 0},
    "compute_namespace": {"compute_namespaces": ["kube-system", "Not A Label"]},
    "node_maintenance": {"node": "Not A Name", "boot_id": "soon"},
    "job_storage": {"compute_namespaces": ["Not A Label"], "wait_timeout": 0},
    "extension_settings": {
        "operation": "update",
        "connection": "arc",
        "resource_group": "rg1",
        "cluster_name": "Not A Name",
        "node_count": -1,
    },
    "extension_components": {"extension_name": "Not A Name", "components_edition": "1999"},
    "instance_types": {
        "instance_types": [
            {"name": "Not A Name", "requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
        ],
        "wait_timeout": -1,
    },
    "tls_secret": {"ssl_secret": "Not A Name", "error_days": 9, "warning_days": 1, "state": "checked"},
    "nvidia_device_plugin": {"namespace": "default", "image": "no-tag"},
}


def usual(module: str, sandbox: Sandbox) -> dict[str, Any]:
    """Arguments with which a module does something worth comparing."""
    if module != "node_maintenance":
        return dict(USUAL.get(module, {}))
    node = sandbox.request("GET", "/api/v1/nodes")["items"][0]
    return {"node": node["metadata"]["name"], "boot_id": node["status"]["nodeInfo"]["bootID"], "state": "checked"}


def comparable(result: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a result that has to be the same both ways."""
    kept = {k: v for k, v in result.items() if not k.startswith("_ansible") and k != "exception"}
    if "deprecations" in kept:
        kept["deprecations"] = [{k: d.get(k) for k in ("msg", "version", "date")} for d in kept["deprecations"]]
    content: dict[str, Any] = json.loads(re.sub(r"at 0x[0-9a-f]+", "at 0x", json.dumps(kept)))
    return content


def calls(module: str, sandbox: Sandbox, unreachable: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, arguments and keywords of every kind of call."""
    fine = {"kubeconfig": str(sandbox.kubeconfig), **usual(module, sandbox)}
    content = json.loads(sandbox.kubeconfig.read_text())
    yield "check", fine, {"check_mode": True, "diff": True}
    yield "usual", {**fine, "fail_on": "never"}, {"diff": True}
    yield "again", fine, {"diff": True}
    yield "strict", {**fine, "fail_on": "warning"}, {}
    yield "kubeconfig as data", {**fine, "kubeconfig": content}, {}
    yield "data and a mistake", {**fine, "kubeconfig": content, "colour": "red"}, {}
    yield "option and alias", {**fine, "ca_cert": str(sandbox.ca_file), "ssl_ca_cert": str(sandbox.ca_file)}, {}
    yield "senseless", {**fine, **SENSELESS.get(module, {})}, {}
    yield "wrong type", {**fine, "request_timeout": "soon"}, {}
    yield "unknown context", {**fine, "context": "nobody"}, {}
    yield "unreachable", {**usual(module, sandbox), "host": unreachable, "api_key": "do-not-print", "deadline": 1}, {}
    yield "wrong cluster", {**fine, "expected_cluster_uid": "00000000-0000-0000-0000-000000000000"}, {}
    yield (
        "token",
        {**usual(module, sandbox), "host": sandbox.url, "api_key": sandbox.admin_token(), "ca_cert": str(sandbox.ca_file)},
        {},
    )


def run_both_ways(module: str, aro: Sandbox, play: Play) -> tuple[Outcome, Outcome]:
    """Both ways from the same cluster, through the same door."""
    port = "https://127.0.0.1:1"
    tasks = [
        {"name": name, f"azureml.kubernetes.{module}": args, "ignore_errors": True, **keywords}
        for name, args, keywords in calls(module, aro, port)
    ]
    in_process = play.tasks(tasks, {"cluster": {}}, "-v")
    aro.reset()
    as_module = play.tasks(tasks, {"cluster": TARGET}, "-v")
    return in_process, as_module


def test_there_are_modules() -> None:
    assert {"cluster_info", "version_window"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_the_same_call_gives_the_same_result(module: str, aro: Sandbox, play: Play) -> None:
    in_process, as_module = run_both_ways(module, aro, play)
    assert in_process.status == as_module.status == 0, in_process.text + as_module.text
    names = list(in_process.tasks)
    assert names == list(as_module.tasks) == [name for name, _args, _keywords in calls(module, aro, "")]
    for name in names:
        assert comparable(in_process.result(name, "cluster")) == comparable(as_module.result(name, "cluster")), name
    for outcome in (in_process, as_module):
        states = {name: outcome.result(name, "cluster")["task_state"] for name in names}
        assert (
            states["check"]
            == states["usual"]
            == states["kubeconfig as data"]
            == states["option and alias"]
            == states["token"]
            == "ok"
        ), states
        failing = ("data and a mistake", "wrong type", "unknown context", "unreachable", "wrong cluster")
        assert {states[name] for name in failing} == {"ignored"}
        assert "Traceback" not in outcome.text
        assert "do-not-print" not in outcome.text
        assert "client-key-data" not in outcome.text or "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in outcome.text
        key = json.loads(aro.kubeconfig.read_text())["users"][0]["user"]["client-key-data"]
        assert key not in outcome.text


@pytest.mark.parametrize("module", MODULES)
def test_a_module_reports_all_problems_at_once(module: str, aro: Sandbox, play: Play) -> None:
    senseless = SENSELESS.get(module)
    if not senseless:
        pytest.skip("no senseless input is known for this module; add it to SENSELESS")
    outcome = play.tasks(
        [{"name": "bad", f"azureml.kubernetes.{module}": {"kubeconfig": str(aro.kubeconfig), **senseless}}], {"cluster": {}}
    )
    findings = outcome.result("bad", "cluster")["findings"]
    assert [f["code"] for f in findings] == ["engine.invalid_input"] * 2
    assert aro.front_door.door("main").log() == []


def test_the_module_finds_the_current_context_on_localhost_too(aro: Sandbox, play: Play, tmp_path: Path) -> None:
    """Only localhost may use the current context, in process and as a module."""
    content = json.loads(aro.kubeconfig.read_text())
    content["contexts"].append({**content["contexts"][0], "name": "second"})
    kubeconfig = tmp_path / "two.kubeconfig"
    kubeconfig.write_text(json.dumps(content))
    tasks = [
        {"name": "in process", "azureml.kubernetes.cluster_info": {"gather": ["versions"]}, "ignore_errors": True},
        {"name": "as a module", "azureml.kubernetes.cluster_info": {"gather": ["versions"]}, "vars": TARGET, "ignore_errors": True},
        {"name": "named", "azureml.kubernetes.cluster_info": {"gather": ["versions"], "context": "second"}, "ignore_errors": True},
    ]
    hosts = {"localhost": {"ansible_connection": "local"}, "cluster": {"azureml_kubeconfig": str(kubeconfig)}}
    outcome = play.tasks(tasks, hosts, env={"KUBECONFIG": str(kubeconfig)})
    for task in ("in process", "as a module", "named"):
        assert outcome.result(task, "localhost")["cluster"]["uid"], task
    for task in ("in process", "as a module"):
        assert "several contexts and none was named" in outcome.result(task, "cluster")["msg"]
