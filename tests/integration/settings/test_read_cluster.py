"""extension_settings with read_cluster on real API servers: what is seen, with how many requests, and by whom."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Result
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.topic import TOPIC

from tests.integration.faults.test_least_privilege import bind, role
from tests.integration.faults.work import run
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.extension, pytest.mark.xdist_group("aro")]

CLUSTER: dict[str, Any] = {
    "connection": "arc",
    "cluster_name": "c1",
    "resource_group": "rg1",
    "subscription_id": "00000000-0000-0000-0000-000000000000",
    "location": "westeurope",
    "inference": True,
    "inference_router_service_type": "clusterIP",
    "ssl_secret": "azureml-tls",
    "ssl_cname": "ml.example.org",
    "read_cluster": True,
}


def settings(result: Result) -> dict[str, Any]:
    content: dict[str, Any] = result.facts["extension_settings"]
    return content


@pytest.mark.parametrize("profile", ["aro", "aks_gpu"])
def test_the_audit_role_is_enough_and_three_requests_are(profile: str, request: pytest.FixtureRequest) -> None:
    sandbox: Sandbox = request.getfixturevalue(profile)
    sandbox.reset()
    door = sandbox.front_door.door("main")
    door.clear_log()
    full = run(TOPIC, sandbox.kubeconfig, **CLUSTER)
    assert len(door.log()) == 3, [entry.path for entry in door.log()]
    assert (full.identity is not None, full.broken) == (True, False)
    nodes = sandbox.request("GET", "/api/v1/nodes")["items"]
    assert settings(full)["nodes"]["count"] == len(nodes)
    assert 0 < settings(full)["nodes"]["schedulable"] < len(nodes), "control plane or GPU nodes keep the router's pods out"
    assert (settings(full)["configuration_settings"].get("openshift") == "true") == (profile == "aro")
    limited = run(TOPIC, bind(sandbox, role("audit.yml")), **CLUSTER)
    assert settings(limited) == settings(full)
    assert limited.findings == full.findings


def test_what_may_not_be_read_is_unknown(aro: Sandbox) -> None:
    aro.reset()
    result = run(TOPIC, aro.kubeconfig_for("nobody-of-settings", direct=True), **CLUSTER)
    codes = {finding.code for finding in result.findings}
    assert {"settings.nodes_unreadable", "settings.nodes_unknown", "settings.openshift_unknown"} <= codes
    assert settings(result)["accepted"]
    assert "openshift" not in settings(result)["configuration_settings"]
