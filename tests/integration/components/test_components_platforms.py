"""Healthy installations on Arc and on OpenShift, told and not told, and by the playbook."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.topic import TOPIC

from tests.integration.components.install import install
from tests.integration.components.listing import installed
from tests.integration.faults.work import run
from tests.play import Play
from tests.sandbox import Sandbox

VERIFY = str(Path(__file__).parents[3] / "playbooks" / "verify.yml")


@pytest.mark.extension
@pytest.mark.parametrize(
    "profile, purpose",
    [
        pytest.param("arc_k3s", "training", marks=pytest.mark.xdist_group("arc-k3s")),
        pytest.param("arc_k3s", "both", marks=pytest.mark.xdist_group("arc-k3s")),
        pytest.param("aro", "inference", marks=pytest.mark.xdist_group("aro")),
    ],
)
@pytest.mark.parametrize("fluent_bit", [True, False], ids=["1.1.9", "1.1.71"])
def test_a_healthy_installation_is_green(profile: str, purpose: str, fluent_bit: bool, request: pytest.FixtureRequest) -> None:
    sandbox: Sandbox = request.getfixturevalue(profile)
    install(sandbox, installed(purpose, "arc", extension="ml", fluent_bit=fluent_bit))
    for options in ({}, {"connection": "arc", "training": purpose != "inference", "inference": purpose != "training"}):
        done = run(TOPIC, sandbox.kubeconfig, **options)
        assert done.checks == {"components": "ok"}, done.findings
        facts = done.facts["extension_components"]
        assert (facts["connection"], facts["extension_name"], facts["ready"]) == ("arc", "ml", facts["expected"])
        assert (facts["options"]["training"], facts["options"]["inference"]) == (purpose != "inference", purpose != "training")


@pytest.mark.extension
@pytest.mark.xdist_group("arc-k3s")
def test_a_missing_relay_is_told_only_where_the_cluster_is_arc(arc_k3s: Sandbox) -> None:
    objects = [item for item in installed("training", "arc") if item["metadata"]["name"] != "relayserver"]
    install(arc_k3s, objects)
    seen = run(TOPIC, arc_k3s.kubeconfig)
    assert [(f.code, f.severity) for f in seen.findings if f.severity != "info"] == [("components.missing", "error")], [
        f.line() for f in seen.findings
    ]
    assert "relayserver" in seen.findings[0].subject
    off = run(TOPIC, arc_k3s.kubeconfig, relay=False)
    assert off.checks == {"components": "ok"}


@pytest.mark.extension
@pytest.mark.xdist_group("aro")
def test_the_playbook_verifies_where_it_is_asked_to(aro: Sandbox, play: Play) -> None:
    hosts = {"cluster": {"azureml_kubeconfig": str(aro.kubeconfig), "azureml_training": True}}
    unasked = play.run(VERIFY, hosts)
    assert unasked.status == 0 and "components=" not in unasked.text, unasked.text
    hosts["cluster"]["extension_components_state"] = "checked"
    refused = play.run(VERIFY, hosts)
    assert refused.status and "components.not_installed" in refused.text, refused.text
    install(aro, installed("training", "arc"))
    green = play.run(VERIFY, hosts)
    assert green.status == 0 and "components=ok" in green.text, green.text
