"""extension_settings without a cluster, from real plays: no authentication, private files, and no secret anywhere."""

from __future__ import annotations

import json
import stat
from typing import Any

import pytest

from tests.play import Outcome, Play

pytestmark = pytest.mark.extension

SETTINGS = "azureml.kubernetes.extension_settings"
CLUSTER = {
    "connection": "arc",
    "cluster_name": "c1",
    "resource_group": "rg1",
    "subscription_id": "00000000-0000-0000-0000-000000000000",
    "location": "westeurope",
    "node_count": 3,
    "openshift": True,
}
# As variables: ansible-core shows the lines of a playbook around a task that failed.
SECRETS = {"relayServerConnectionString": "{{ one }}", "own": "{{ two }}", "enableTraining": True}
HIDDEN = {"one": "Endpoint=sb://hide-one", "two": "hide-two", "three": "hide-three", "four": "hide-four"}
WAYS: dict[str, dict[str, Any]] = {
    "in process": {},
    "as a module": {"ansible_connection": "local", "azureml_run_on": "target"},
}


def task(name: str, more: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    return {"name": name, SETTINGS: {**CLUSTER, **more}, **keywords}


def assert_nothing_leaked(outcome: Outcome) -> None:
    assert "Traceback" not in outcome.text, outcome.text
    assert "hide-" not in outcome.text
    assert "hide-" not in json.dumps(outcome.tasks)


@pytest.mark.parametrize("way", WAYS)
def test_a_host_without_authentication(play: Play, way: str) -> None:
    target = play.folder / "protected.json"
    private = {"configuration_protected_settings": SECRETS, "protected_settings_file": str(target), "known_keys": ["own"]}
    tasks = [
        task("sound", {"training": True}),
        task("checked", private, check_mode=True, diff=True),
        task("private", private, diff=True),
        task("again", private),
        task("as text", {**private, "configuration_protected_settings": "{{ secrets | to_json }}"}),
        task("mistake", {"configuration_settings": {"relayServerConnectionString": "{{ three }}"}}, ignore_errors=True),
        task("wrong type", {"configuration_protected_settings": ["{{ four }}"], "training": "maybe"}, ignore_errors=True),
        task("needs a cluster", {"training": True, "read_cluster": True}, ignore_errors=True),
    ]
    env = {"K8S_AUTH_HOST": "https://127.0.0.1:1", "K8S_AUTH_API_KEY": "decoy"} if way == "in process" else {}
    outcome = play.tasks(tasks, {"cluster": {**WAYS[way], **HIDDEN, "secrets": SECRETS}}, "-vvv", env=env)
    assert outcome.status == 0, outcome.text
    results = {name: by_host["cluster"] for name, by_host in outcome.tasks.items()}
    assert_nothing_leaked(outcome)
    assert results["sound"]["extension_settings"]["arm"]["configurationSettings"]["openshift"] == "true"
    assert (results["sound"]["cluster"], results["sound"]["changed"]) == ({}, False)
    changed = {name: results[name]["changed"] for name in ("checked", "private", "again", "as text")}
    assert changed == {"checked": True, "private": True, "again": False, "as text": False}
    assert results["private"]["extension_settings"]["arguments"][-2:] == ["--config-protected-file", str(target)]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert json.loads(target.read_text())["own"] == "hide-two"
    errors = {finding["code"] for finding in results["mistake"]["findings"] if finding["severity"] == "error"}
    assert errors == {"settings.misplaced", "settings.refused"}
    failed = {name for name, result in results.items() if result["task_state"] == "ignored"}
    assert failed == {"mistake", "wrong type", "needs a cluster"}


def test_typed_variables_of_a_host_are_options(play: Play) -> None:
    """What tls_secret and others share with this module is said once per host."""
    hosts = {"cluster": {f"azureml_{name}": value for name, value in CLUSTER.items()} | {"azureml_training": True}}
    outcome = play.tasks([{"name": "shared", SETTINGS: {}}], hosts)
    assert outcome.status == 0, outcome.text
    assert outcome.result("shared", "cluster")["extension_settings"]["sound"]
    assert_nothing_leaked(outcome)
