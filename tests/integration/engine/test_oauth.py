"""OpenShift user name and password against the front door's emulated OAuth server."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.integration.engine.direct import refusal
from tests.play import Play
from tests.sandbox import Sandbox
from tests.sandbox.front_door import Door, Rule, hang, status

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("aro")]

INFO = "azureml.kubernetes.cluster_info"
PASSWORD = "marker-password-of-dev"
USERS = {"users": {name: {"password": PASSWORD, "groups": ["system:masters"]} for name in ("dev", "ops")}}


@pytest.fixture
def door(aro: Sandbox) -> Iterator[Door]:
    """A door with an OAuth server behind it."""
    with aro.front_door.open("oauth", oauth=USERS) as opened:
        yield opened


def login(aro: Sandbox, door: Door, user: str = "dev", **more: Any) -> dict[str, Any]:
    return {"host": door.url, "ca_cert": str(aro.ca_file), "username": user, "password": PASSWORD, **more}


def test_one_login_per_host_and_run_and_no_token_survives(aro: Sandbox, door: Door, play: Play) -> None:
    """Two hosts, two tasks and a loop of three: two logins. As a module each task has its own. In the end no token counts."""
    hosts = {
        name: {f"azureml_{key}": value for key, value in login(aro, door, user).items()}
        for name, user in (("a", "dev"), ("b", "ops"))
    }
    target = {"azureml_run_on": "target", "ansible_connection": "local"}
    # That both hosts are one cluster is said, and not the question here.
    tasks = [{"name": "first", INFO: {"fail_on": "never"}}, {"name": "again", INFO: {"fail_on": "never"}, "loop": [1, 2, 3]}]
    outcome = play.tasks(tasks, hosts, "-vvvv", env={"ANSIBLE_FORKS": "2"})
    assert outcome.status == 0, outcome.text
    state = door.oauth_state()
    assert (state.logins, state.issued, state.active) == (2, 2, 0)
    assert PASSWORD not in outcome.text
    assert "sha256~" not in outcome.text
    assert {entry.user for entry in door.log() if entry.path.startswith("/api/")} == {"dev", "ops"}

    outcome = play.tasks([{"name": "module", INFO: {}, "vars": target}], {"a": hosts["a"]}, "-vvvv")
    assert outcome.result("module", "a")["cluster"]["server"] == door.url, outcome.text
    state = door.oauth_state()
    assert (state.logins, state.active) == (3, 0)
    assert PASSWORD not in outcome.text
    assert "sha256~" not in outcome.text
    assert [path for path in play.tmp.rglob("*") if path.is_file()] == []


def test_the_token_is_revoked_after_a_failure_too(aro: Sandbox, door: Door, play: Play) -> None:
    door.set_rules([Rule(status(400), path="^/version")])
    variables = {f"azureml_{key}": value for key, value in login(aro, door).items()}
    outcome = play.tasks([{"name": "look", INFO: {}}], {"a": variables})
    assert outcome.status != 0
    assert (door.oauth_state().issued, door.oauth_state().active) == (1, 0)


def test_a_token_revoked_meanwhile_is_replaced(aro: Sandbox, door: Door, play: Play) -> None:
    """The next task finds the run's token worthless and logs in again, once."""
    door.set_rules([Rule(status(401), path="^/version", times=1, skip=1)])
    variables = {f"azureml_{key}": value for key, value in login(aro, door).items()}
    outcome = play.tasks([{"name": "first", INFO: {}}, {"name": "second", INFO: {}}], {"a": variables})
    assert outcome.status == 0, outcome.text
    assert (door.oauth_state().logins, door.oauth_state().active) == (2, 0)


def test_inline_ca_of_a_kubeconfig_serves_the_login(aro: Sandbox, door: Door) -> None:
    made = yaml.safe_load(aro.kubeconfig.read_text())
    ca = base64.b64encode(aro.ca_file.read_bytes()).decode()
    made["clusters"][0]["cluster"] = {"server": door.url, "certificate-authority-data": ca}
    made["users"] = []
    finding = refusal({"kubeconfig": made, "username": "dev", "password": "wrong"})
    assert finding.code == "engine.login_failed"


def test_bad_logins(aro: Sandbox, door: Door) -> None:
    cases = [
        (login(aro, door, password="marker-wrong"), "engine.login_failed", f"Login of user dev at {door.url} failed; answer: 401"),
        (login(aro, door, user="nobody"), "engine.login_failed", f"Login of user nobody at {door.url} failed"),
        (login(aro, door, ca_cert=None), "engine.untrusted_certificate", door.url),
        (login(aro, door, host="https://127.0.0.1:1"), "engine.unreachable", "https://127.0.0.1:1"),
    ]
    for params, code, words in cases:
        finding = refusal(params)
        assert finding.code == code, finding
        assert words in finding.message
        assert "marker" not in str(finding)
    door.set(oauth=None)
    assert "it has no OAuth server" in refusal(login(aro, door)).message
    door.set_rules([Rule(hang())])  # a request without a time-out would never end
    assert refusal(login(aro, door, request_timeout=1)).code == "engine.unreachable"
    assert door.writes() == []
