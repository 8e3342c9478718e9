"""Which credential a host may use, judged by the action plugin before anything is connected."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding
from ansible_collections.azureml.kubernetes.plugins.plugin_utils._cluster_action import ClusterAction

pytestmark = pytest.mark.engine

ENVIRONMENT = {"K8S_AUTH_HOST": "https://one.example", "K8S_AUTH_API_KEY": "token-of-one"}


class Action(ClusterAction):  # type: ignore[misc]
    """Without a play around it."""

    def __init__(self, environment: Any = None) -> None:
        self._task = SimpleNamespace(environment=environment)
        self._templar = SimpleNamespace(template=lambda value: value)


def judge(hosts: list[str], args: dict[str, Any], environment: Any = None, **variables: Any) -> Finding | None:
    found = {"inventory_hostname": hosts[0], "ansible_play_hosts_all": hosts, **variables}
    return Action(environment)._which_cluster(args, found, hosts[0])


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*ENVIRONMENT, "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)


def test_an_environment_credential_is_for_one_host() -> None:
    assert judge(["a"], {}, [ENVIRONMENT]) is None
    finding = judge(["a", "b", "c"], {}, [ENVIRONMENT])
    assert finding is not None
    assert finding.code == "engine.shared_credential" and finding.subject == "a"
    assert "2 more hosts" in finding.message and "token-of-one" not in str(finding)
    assert judge(["a", "b"], {}, [ENVIRONMENT], azureml_allow_shared_credential=True) is None
    assert judge(["a", "b"], {"kubeconfig": "mine"}, [ENVIRONMENT]) is None


def test_a_cluster_host_never_falls_back_to_the_users_kubeconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/user/kubeconfig")
    args: dict[str, Any] = {}
    finding = judge(["a"], args)
    assert finding is not None and finding.code == "engine.auth_missing" and args == {}
    assert judge(["localhost"], args) is None and args == {"kubeconfig": "/home/user/kubeconfig"}
