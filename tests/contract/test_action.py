"""What the action plugin promises, seen from real plays: each test is one or few runs of ansible-playbook with many tasks."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.play import Outcome, Play
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("aro")]

INFO = "azureml.kubernetes.cluster_info"
WINDOW = "azureml.kubernetes.version_window"
SMALL = {"gather": ["versions"]}
IN_BACKGROUND: dict[str, Any] = {"async": 60}


def info(name: str, more: dict[str, Any] | None = None, **keywords: Any) -> dict[str, Any]:
    """A small cluster_info task."""
    return {"name": name, INFO: {**SMALL, **(more or {})}, **keywords}


def cluster(sandbox: Sandbox, **variables: Any) -> dict[str, Any]:
    """A host's variables."""
    return {"azureml_kubeconfig": str(sandbox.kubeconfig), **variables}


def ways(outcome: Outcome) -> list[str]:
    """Every "runs in process" and "runs as a module" of a -vv run, in order."""
    return [line.split("> ", 1)[1] for line in outcome.text.splitlines() if "cluster_info runs " in line]


def assert_calm(outcome: Outcome) -> None:
    assert "Traceback" not in outcome.text, outcome.text
    assert "A bug in" not in outcome.text
    assert "engine.bug" not in outcome.text


# Where it runs


def test_where_a_task_runs_and_vv_says_why(aro: Sandbox, play: Play) -> None:
    local = {"ansible_connection": "local"}
    tasks = [
        info("plain"),
        info("poll", vars=local, poll=1, **IN_BACKGROUND),
        info("later", vars=local, poll=0, register="later", **IN_BACKGROUND),
        {
            "name": "wait",
            "ansible.builtin.async_status": {"jid": "{{ later.ansible_job_id }}"},
            "vars": local,
            "register": "waited",
            "until": "waited is finished",
            "retries": 100,
            "delay": 0.2,
        },
        info("root", vars=local, become=True, become_method="ansible.builtin.su"),
        info("become without a local connection", become=True),
        info("target", vars={**local, "azureml_run_on": "target"}),
        info("delegated to localhost", delegate_to="localhost"),
        info("elsewhere", delegate_to="worker1", ignore_errors=True),
        info("nowhere", vars={"azureml_run_on": "moon"}, ignore_errors=True),
    ]
    outcome = play.tasks(tasks, {"cluster": cluster(aro)}, "-vv")
    assert outcome.status == 0, outcome.text
    assert_calm(outcome)
    assert ways(outcome) == [
        "cluster_info runs in process: nothing asks for anything else",
        "cluster_info runs as a module: the task is asynchronous",
        "cluster_info runs as a module: the task is asynchronous",
        "cluster_info runs as a module: become to root on a local connection",
        "cluster_info runs in process: nothing asks for anything else",
        "cluster_info runs as a module: azureml_run_on is target",
        "cluster_info runs in process: nothing asks for anything else",
    ]
    versions = outcome.result("plain", "cluster")["cluster_facts"]["versions"]
    assert versions["kubernetes"]
    for task in ("poll", "wait", "root", "become without a local connection", "target", "delegated to localhost"):
        assert outcome.result(task, "cluster")["cluster_facts"]["versions"] == versions, task
    assert "set azureml_run_on: target to run it on worker1" in outcome.result("elsewhere", "cluster")["msg"]
    assert "'moon'; it can be controller or target" in outcome.result("nowhere", "cluster")["msg"]


def test_the_environment_is_applied_in_process_and_taken_back(aro: Sandbox, play: Play, tmp_path: Path) -> None:
    """A credential plugin sees the task's environment, and the next task does not."""
    seen = tmp_path / "seen"
    plugin = tmp_path / "plugin.sh"
    token = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": aro.admin_token()}}
    plugin.write_text(f"#!/bin/sh\necho \"${{SAY:-nothing}} ${{TMPDIR:-none}}\" >> {seen}\ncat <<'END'\n{json.dumps(token)}\nEND\n")
    plugin.chmod(0o700)
    content = json.loads(aro.kubeconfig.read_text())
    entry = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    content["users"][0]["user"] = {"exec": entry}
    kubeconfig = tmp_path / "exec.kubeconfig"
    kubeconfig.write_text(json.dumps(content))
    tasks = [
        info("with", environment={"SAY": "hello {{ inventory_hostname }}", "TMPDIR": str(tmp_path)}),
        info("without"),
        info("K8S_AUTH of the task", vars={"azureml_kubeconfig": ""}, environment=[{"K8S_AUTH_KUBECONFIG": str(aro.kubeconfig)}]),
        info("and not of the next", vars={"azureml_kubeconfig": ""}, ignore_errors=True),
    ]
    outcome = play.tasks(tasks, {"cluster": {"azureml_kubeconfig": str(kubeconfig)}})
    assert outcome.status == 0, outcome.text
    assert seen.read_text().splitlines() == [f"hello cluster {tmp_path}", f"nothing {play.tmp}"]
    assert "engine.auth_missing" in outcome.result("and not of the next", "cluster")["msg"]


# Two clusters, many hosts


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_a_loop_over_two_clusters_uses_each_ones_certificate(aro: Sandbox, play: Play, strategy: str) -> None:
    with aro.front_door.open("one") as one, aro.front_door.open("two") as two:
        configs = [
            str(aro.kubeconfig_for("jane", ["system:masters"], door="one")),
            str(aro.kubeconfig_for("john", ["system:masters"], door="two")),
        ]
        task = {"name": "look", INFO: {**SMALL, "kubeconfig": "{{ item }}"}, "loop": [*configs, *configs]}
        outcome = play.run([{"hosts": "all", "gather_facts": False, "strategy": strategy, "tasks": [task]}], {"h1": {}})
        assert outcome.status == 0, outcome.text
        assert {entry.user for entry in one.log()} == {"jane"}
        assert {entry.user for entry in two.log()} == {"john"}
        servers = [r["cluster"]["server"] for r in outcome.result("look", "h1")["results"]]
        assert servers == [one.url, two.url, one.url, two.url]


def test_module_defaults_reach_their_module_and_no_other(aro: Sandbox, play: Play) -> None:
    auth = {"kubeconfig": str(aro.kubeconfig)}
    plays = [
        {
            "hosts": "all",
            "gather_facts": False,
            "module_defaults": {"group/azureml.kubernetes.all": auth, INFO: {"node_details": False, "gather": ["versions"]}},
            "tasks": [{"name": "info", INFO: None}, {"name": "window", WINDOW: {"latest_ga_minor": "1.33"}}],
        },
        {
            "hosts": "all",
            "gather_facts": False,
            "module_defaults": {INFO: auth},
            "tasks": [{"name": "other", WINDOW: {"latest_ga_minor": "1.33"}, "ignore_errors": True}],
        },
    ]
    outcome = play.run(plays, {"cluster": {}})
    assert outcome.status == 0, outcome.text
    assert outcome.result("info", "cluster")["invocation"]["module_args"]["node_details"] is False
    assert list(outcome.result("info", "cluster")["cluster_facts"]) == ["versions"]
    assert outcome.result("window", "cluster")["cluster"]["uid"]
    assert "node_details" not in outcome.result("window", "cluster")["invocation"]["module_args"]
    assert "engine.auth_missing" in outcome.result("other", "cluster")["msg"]


def test_check_mode_of_a_task(aro: Sandbox, play: Play) -> None:
    grant = {"azureml.kubernetes.scc_grant": {"extension_name": "ml"}}
    outcome = play.tasks([{"name": "checked", **grant, "check_mode": True, "diff": True}], {"cluster": cluster(aro)})
    assert outcome.status == 0, outcome.text
    result = outcome.result("checked", "cluster")
    assert result["changed"]
    assert result["diff"][0]["after_header"] == "SecurityContextConstraints/privileged"
    assert aro.front_door.door("main").writes() == []


# What may be missing


def without_core(folder: Path) -> str:
    """A collections path with ours and without kubernetes.core."""
    ours = Path(__file__).parents[2]
    target = folder / "ansible_collections" / "azureml"
    target.mkdir(parents=True)
    (target / "kubernetes").symlink_to(ours)
    return str(folder)


def test_kubernetes_core_missing(aro: Sandbox, play: Play, tmp_path: Path) -> None:
    path = without_core(tmp_path / "collections")
    env = {"ANSIBLE_COLLECTIONS_PATH": path, "PYTHONPATH": "", "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "False"}
    tasks = [
        info("skipped", when=False),
        info("in process", ignore_errors=True),
        info("as a module", vars={"ansible_connection": "local", "azureml_run_on": "target"}, ignore_errors=True),
        {"name": "after", "ansible.builtin.debug": {"msg": "still here"}},
    ]
    outcome = play.tasks(tasks, {"cluster": cluster(aro)}, env=env)
    assert outcome.status == 0, outcome.text
    assert_calm(outcome)
    assert outcome.result("skipped", "cluster")["task_state"] == "skipped"
    for task in ("in process", "as a module"):
        message = outcome.result(task, "cluster")["msg"]
        assert "the collection kubernetes.core is missing" in message, task
        assert "ansible-galaxy collection install kubernetes.core" in message, task
    assert outcome.result("after", "cluster")["msg"] == "still here"


def test_without_the_python_client_on_the_controller_the_module_runs_on_the_target(
    aro: Sandbox, play: Play, tmp_path: Path
) -> None:
    """Ansible's own process cannot import the client; the target's interpreter can."""
    broken = tmp_path / "broken"
    (broken / "kubernetes").mkdir(parents=True)
    (broken / "kubernetes" / "__init__.py").write_text("raise ImportError('not here')\n")
    target = tmp_path / "python"
    target.write_text(f'#!/bin/sh\nunset PYTHONPATH\nexec {sys.executable} "$@"\n')
    target.chmod(0o755)
    env = {"PYTHONPATH": f"{broken}:{os.environ.get('PYTHONPATH', '')}"}
    local = {"ansible_connection": "local"}
    tasks = [
        info("elsewhere", vars={**local, "ansible_python_interpreter": str(target)}),
        info("nowhere", vars=local, ignore_errors=True),
    ]
    outcome = play.tasks(tasks, {"cluster": cluster(aro)}, "-vv", env=env)
    assert outcome.status == 0, outcome.text
    assert outcome.result("elsewhere", "cluster")["cluster"]["uid"]
    assert "runs as a module: the Python package kubernetes is missing or broken" in ways(outcome)[0].replace("cluster_info ", "")
    assert "pip install kubernetes" in outcome.result("nowhere", "cluster")["msg"]
    assert_calm(outcome)


# What the user wrote


def test_a_misspelt_variable_is_named_once_with_the_nearest(aro: Sandbox, play: Play) -> None:
    hosts = {name: cluster(aro, azureml_allow_shared_credentials=True) for name in ("c1", "c2")}
    outcome = play.tasks([info("one", ignore_errors=True), info("two", ignore_errors=True)], hosts)
    text = " ".join(outcome.text.split())
    assert text.count("The variable azureml_allow_shared_credentials is not known") == 1, outcome.text
    assert "Did you mean azureml_allow_shared_credential?" in text
    assert "azureml_kubeconfig is not known" not in text


def test_strange_values_are_errors_or_work_and_never_tracebacks(aro: Sandbox, play: Play) -> None:
    kubeconfig = str(aro.kubeconfig)
    password = play.folder / "password"
    password.write_text("open sesame")
    vault = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-vault"), "encrypt_string", "--vault-password-file", str(password), kubeconfig],
        capture_output=True,
        text=True,
        check=True,
        env=play.environment({}),
    ).stdout
    file = play.folder / "strange.yml"
    file.write_text(
        f"""
- hosts: all
  gather_facts: false
  vars:
    vaulted: {vault.replace(chr(10), chr(10) + "    ")}
    marked: !unsafe {kubeconfig}
    lazy: "{{{{ indirect }}}}"
    indirect: "{{{{ {{'gather': ['versions']}} }}}}"
    undefined_deep: "{{{{ nobody_defined_this }}}}"
    nothing: null
  tasks:
"""
        + "".join(
            f"    - name: {name}\n      ignore_errors: true\n      {INFO}: {json.dumps(args)}\n"
            for name, args in {
                "null": {"kubeconfig": None, "gather": None},
                "vaulted": {"kubeconfig": "{{ vaulted }}", **SMALL},
                "unsafe": {"kubeconfig": "{{ marked }}", **SMALL},
                "lazy": {"kubeconfig": kubeconfig, "gather": "{{ lazy.gather }}"},
                "undefined": {"kubeconfig": "{{ undefined_deep }}"},
                "list": {"kubeconfig": [1, 2]},
                "number": {"kubeconfig": 7},
                "dict of rubbish": {"kubeconfig": {"contexts": 3}},
                "bad choice": {"kubeconfig": kubeconfig, "gather": ["weather"]},
                "unknown option": {"kubeconfig": kubeconfig, "colour": "red"},
                "wrong type": {"kubeconfig": kubeconfig, "request_timeout": "soon"},
                "nothing": {"kubeconfig": kubeconfig, "platform": "{{ nothing }}", **SMALL},
                "date": {"kubeconfig": kubeconfig, "context": "{{ '2026-01-01' | to_datetime('%Y-%m-%d') }}"},
            }.items()
        )
    )
    outcome = play.run(file, {"cluster": {}}, "--vault-password-file", str(password))
    assert outcome.status == 0, outcome.text
    assert_calm(outcome)
    states = {task: by_host["cluster"]["task_state"] for task, by_host in outcome.tasks.items()}
    fine = {"vaulted", "unsafe", "lazy"}
    assert {task for task, state in states.items() if state == "ok"} == fine
    assert set(states.values()) == {"ok", "ignored"}
    assert all(by_host["cluster"].get("msg") for task, by_host in outcome.tasks.items() if task not in fine)


@pytest.mark.parametrize("variable", ["azureml_kubeconfig", "azureml_report_dir", "azureml_run_on", "azureml_fail_on"])
def test_a_variable_that_cannot_be_templated_is_an_error_of_the_task(aro: Sandbox, play: Play, variable: str) -> None:
    outcome = play.tasks([info("broken", ignore_errors=True)], {"cluster": cluster(aro, **{variable: "{{ nobody_defined_this }}"})})
    assert outcome.status == 0, outcome.text
    assert_calm(outcome)
    assert "nobody_defined_this" in outcome.result("broken", "cluster")["msg"]


# Records


def read_record(folder: Path, host: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / f"{host}.json").read_text())
    return content


def test_records(aro: Sandbox, play: Play) -> None:
    hosts: dict[str, dict[str, Any]] = {"good": cluster(aro), "bad": {"azureml_kubeconfig": "/nowhere/kubeconfig"}}
    variables = ("-e", "azureml_report_dir=reports", "-e", "azureml_api_key=do-not-record-me")
    first = play.tasks([info("one"), {"name": "two", WINDOW: {"latest_ga_minor": "1.33", "fail_on": "never"}}], hosts, *variables)
    folder = play.folder / "reports"
    assert sorted(p.name for p in folder.iterdir()) == ["bad.json", "good.json"], first.text
    good, bad = read_record(folder, "good"), read_record(folder, "bad")
    assert [entry["module"] for entry in good["results"]] == ["cluster_info", "version_window"]
    assert good["check_mode"] is False
    assert [entry["module"] for entry in bad["results"]] == ["cluster_info"]
    assert bad["results"][0]["output"]["failed"]
    assert bad["results"][0]["output"]["findings"][0]["code"] == "engine.kubeconfig_unreadable"
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "do-not-record-me" not in path.read_text()
    second = play.tasks([info("one")], hosts, *variables, "--check")
    again = read_record(folder, "good")
    assert again["check_mode"] is True, second.text
    assert again["run"] != good["run"]
    assert [entry["module"] for entry in again["results"]] == ["cluster_info"], "a new run replaces the record"


def test_a_record_that_cannot_be_written_fails_the_task_and_says_so(aro: Sandbox, play: Play) -> None:
    (play.folder / "file").write_text("no folder")
    outcome = play.tasks([info("one", ignore_errors=True)], {"cluster": cluster(aro)}, "-e", "azureml_report_dir=file/reports")
    assert_calm(outcome)
    result = outcome.result("one", "cluster")
    assert "The record of cluster cannot be written to" in result["msg"]
    assert result["cluster"]["uid"], "what was found out is not lost"


def test_tasks_of_a_host_that_shares_a_file_name_do_not_share_a_record(aro: Sandbox, play: Play) -> None:
    hosts = {"edge/1": cluster(aro), "edge_1": {"azureml_kubeconfig": "/nowhere"}}
    play.tasks([info("one")], hosts, "-e", "azureml_report_dir=reports")
    records = [yaml.safe_load(path.read_text()) for path in (play.folder / "reports").iterdir()]
    assert sorted(record["host"] for record in records) == ["edge/1", "edge_1"]


def test_nothing_is_left_in_the_temporary_folder(aro: Sandbox, play: Play) -> None:
    tasks = [info("one"), info("two", {"context": "nobody"}, ignore_errors=True)]
    play.tasks(tasks, {"cluster": cluster(aro)})
    left = [path for path in play.tmp.rglob("*") if path.is_file()]
    assert left == []
