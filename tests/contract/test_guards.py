"""What keeps a run from changing the wrong cluster, and a playbook from stopping at the first thing it has to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.play import Play
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("aro")]

GRANT = {"name": "grant", "azureml.kubernetes.scc_grant": {"extension_name": "ml"}, "ignore_errors": True}
IDENTIFY = {"name": "identify", "azureml.kubernetes.cluster_info": {"gather": ["versions"], "fail_on": "never"}}
TARGET = {"ansible_connection": "local", "azureml_run_on": "target"}


def writes(sandbox: Sandbox) -> int:
    return len(sandbox.front_door.door("main").writes())


def codes(result: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in result["findings"]}


@pytest.mark.parametrize("variables", [{}, TARGET], ids=["in process", "as a module"])
def test_two_hosts_with_one_identity_stop_writes(aro: Sandbox, play: Play, variables: dict[str, str]) -> None:
    """Through two doors, so that only the identity gives it away."""
    with aro.front_door.open("side"):
        hosts = {
            "one": {"azureml_kubeconfig": str(aro.kubeconfig), **variables},
            "two": {"azureml_kubeconfig": str(aro.door_kubeconfig("side")), **variables},
        }
        outcome = play.tasks([IDENTIFY, GRANT], hosts)
        assert outcome.status == 0, outcome.text
        for host, other in (("one", "two"), ("two", "one")):
            result = outcome.result("grant", host)
            assert "engine.duplicate_cluster" in codes(result), host
            assert f"is {host} and also {other}" in result["msg"]
            assert not result["changed"]
        assert writes(aro) == 0
        assert aro.front_door.door("side").writes() == []


def test_one_cluster_in_two_plays_or_twice_in_a_loop_is_no_mistake(aro: Sandbox, play: Play) -> None:
    with aro.front_door.open("side"):
        loop = {**IDENTIFY, "azureml.kubernetes.cluster_info": {"gather": ["versions"], "kubeconfig": "{{ item }}"}}
        loop["loop"] = [str(aro.kubeconfig), str(aro.door_kubeconfig("side"))]
        plays = [
            {"hosts": "control", "gather_facts": False, "tasks": [loop]},
            {"hosts": "one", "gather_facts": False, "tasks": [GRANT]},
        ]
        outcome = play.run(plays, {"control": {}, "one": {"azureml_kubeconfig": str(aro.kubeconfig)}})
        assert outcome.status == 0, outcome.text
        assert outcome.result("grant", "one")["changed"], outcome.text


def test_another_cluster_than_expected(aro: Sandbox, play: Play) -> None:
    uid = aro.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
    host = {"azureml_kubeconfig": str(aro.kubeconfig)}
    wrong = play.tasks([GRANT], {"one": {**host, "azureml_expected_cluster_uid": "00000000-0000-0000-0000-000000000000"}})
    result = wrong.result("grant", "one")
    assert result["task_state"] == "ignored"
    assert f"has uid {uid}, expected was 00000000" in result["msg"]
    assert writes(aro) == 0
    right = play.tasks([{**GRANT, "check_mode": True}], {"one": {**host, "azureml_expected_cluster_uid": uid}})
    assert right.result("grant", "one")["changed"]


def test_one_credential_of_the_environment_is_for_one_host(aro: Sandbox, play: Play) -> None:
    env = {"K8S_AUTH_KUBECONFIG": str(aro.kubeconfig)}
    task = {**IDENTIFY, "ignore_errors": True}
    many = play.tasks([task], {"one": {}, "two": {}}, env=env)
    assert codes(many.result("identify", "one")) == {"engine.shared_credential"}
    assert aro.front_door.door("main").log() == []
    alone = play.tasks([task], {"one": {}}, env=env)
    assert alone.result("identify", "one")["cluster"]["uid"]
    decoy = play.tasks([task], {"one": {"azureml_kubeconfig": str(aro.kubeconfig)}}, env={"K8S_AUTH_HOST": "https://127.0.0.1:1"})
    assert decoy.result("identify", "one")["cluster"]["server"] == aro.url, "an argument beats the environment as a group"


def test_fail_on(aro: Sandbox, play: Play) -> None:
    window = "azureml.kubernetes.version_window"
    outside, inside = {"latest_ga_minor": "1.40"}, {"latest_ga_minor": "1.32"}
    tasks = [
        {"name": f"{kind} {level}", window: {**args, "fail_on": level}, "ignore_errors": True}
        for kind, args in (("error", {**outside, "strict": True, "new_install": True}), ("warning", outside), ("fine", inside))
        for level in ("error", "warning", "never")
    ]
    outcome = play.tasks(tasks, {"one": {"azureml_kubeconfig": str(aro.kubeconfig)}})
    failed = {name for name, hosts in outcome.tasks.items() if hosts["one"]["task_state"] == "ignored"}
    assert failed == {"error error", "error warning", "warning warning"}, outcome.text
    severities = {f["severity"] for f in outcome.result("warning never", "one")["findings"]}
    assert "warning" in severities
    assert "error" not in severities
    broken = play.tasks(
        [{"name": "broken", window: {"latest_ga_minor": "soon", "fail_on": "never"}}],
        {"one": {"azureml_kubeconfig": str(aro.kubeconfig)}},
    )
    assert broken.result("broken", "one")["task_state"] == "failed", "work that could not be done fails whatever fail_on is"


def test_the_playbook_hears_every_topic_before_a_host_fails(aro: Sandbox, play: Play) -> None:
    """version_window finds an error, and scc_grant is still heard and still works; then the host fails."""
    variables: dict[str, Any] = {
        "azureml_kubeconfig": str(aro.kubeconfig),
        "cluster_preflight_latest_ga_minor": "1.40",
        "cluster_preflight_strict": True,
        "scc_grant_state": "present",
        "azureml_extension_name": "ml",
    }
    reports = play.folder / "reports"
    outcome = play.run("azureml.kubernetes.site", {"one": variables}, "-e", f"azureml_report_dir={reports}")
    assert outcome.status == 2, outcome.text
    record = json.loads((reports / "one.json").read_text())
    modules = [entry["module"] for entry in record["results"]]
    assert modules[0] == "cluster_info", "every host says which cluster it is before any is changed"
    assert [name for name in modules if name != "cluster_info"] == ["version_window", "scc_grant"], outcome.text
    assert not any(entry["output"].get("failed") for entry in record["results"])
    verdict = next(hosts["one"] for task, hosts in outcome.tasks.items() if task.startswith("Fail where"))
    assert verdict["task_state"] == "failed"
    assert "version." in verdict["msg"]
    assert writes(aro) > 0, "the other topic did its work"


def test_a_check_run_of_the_playbook_does_not_fail_for_what_the_run_would_mend(aro: Sandbox, play: Play) -> None:
    variables = {
        "azureml_kubeconfig": str(aro.kubeconfig),
        "cluster_preflight_latest_ga_minor": "1.33",
        "scc_grant_state": "present",
        "azureml_extension_name": "ml",
    }
    outcome = play.run("azureml.kubernetes.site", {"one": variables}, "--check", "--diff")
    assert outcome.status == 0, outcome.text
    assert writes(aro) == 0


def test_with_nothing_set_the_playbook_reads_and_reports_only(aro: Sandbox, play: Play) -> None:
    outcome = play.run(
        "azureml.kubernetes.site", {"one": {"azureml_kubeconfig": str(aro.kubeconfig)}}, "-e", "azureml_fail_on=never"
    )
    assert outcome.status == 0, outcome.text
    assert writes(aro) == 0


def test_an_unreachable_host_leaves_a_record_and_the_others_go_on(aro: Sandbox, play: Play, tmp_path: Path) -> None:
    dead = tmp_path / "dead.kubeconfig"
    dead.write_text(aro.kubeconfig.read_text().replace(aro.url, "https://127.0.0.1:1"))
    hosts: dict[str, dict[str, Any]] = {
        "dead": {"azureml_kubeconfig": str(dead), "azureml_deadline": 1},
        "one": {"azureml_kubeconfig": str(aro.kubeconfig)},
    }
    reports = play.folder / "reports"
    outcome = play.run("azureml.kubernetes.preflight", hosts, "-e", f"azureml_report_dir={reports}", "-e", "azureml_fail_on=never")
    record = json.loads((reports / "dead.json").read_text())
    assert record["results"][0]["output"]["failed"], outcome.text
    said = {f["code"] for f in record["results"][0]["output"]["findings"]}
    assert said <= {"engine.unreachable", "engine.deadline"}
    assert len(json.loads((reports / "one.json").read_text())["results"]) == 3
