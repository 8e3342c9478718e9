"""Mistakes that people have published, and single keys: each is refused with what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.keys import nearest
from hypothesis import given
from hypothesis import strategies as st
from settings_work import ARC, CERTIFICATE, HTTP, HTTPS, KEY, facts, run, said

pytestmark = pytest.mark.extension
HTTPS_KEYS = {
    "enableInference": "true",
    "inferenceRouterServiceType": "LoadBalancer",
    "sslCname": "ml.example.org",
}


def raw(settings: dict[str, Any] | None = None, protected: dict[str, Any] | None = None, **options: Any) -> Any:
    return run(configuration_settings=settings or {}, configuration_protected_settings=protected or {}, **options)


# Other people's published mistakes


def test_edge_ai_pem_text_where_a_path_belongs() -> None:
    """microsoft/edge-ai sends PEM text as sslCertPemFile through ARM."""
    protected = {"sslCertPemFile": CERTIFICATE, "sslKeyPemFile": KEY}
    by_az = raw(HTTPS_KEYS, protected)
    assert {("pem_as_path", "sslCertPemFile"), ("pem_as_path", "sslKeyPemFile")} <= set(said(by_az, "error"))
    assert not facts(by_az)["accepted"]
    by_template = raw(HTTPS_KEYS, protected, form="template", **ARC)
    assert {("untranslated", "sslCertPemFile"), ("untranslated", "sslKeyPemFile")} <= set(said(by_template, "error"))
    assert facts(by_template)["arm"]["configurationProtectedSettings"]["scoringFe.sslCert"] == "[parameters('scoringFeSslCert')]"
    assert "RkFLRS1LRVk" not in str(by_template)


def test_edge_ai_what_only_az_fills_in() -> None:
    done = raw({"enableTraining": "true"}, form="template")
    missing = {subject for code, subject in said(done, "error") if code == "untranslated"}
    assert missing == {"relayserver.enabled", "servicebus.enabled", "cluster_name", "clusterId", "domain", "location"}


def test_terraform_ssl_secret_is_not_translated() -> None:
    """hashicorp/terraform-provider-azurerm#24547."""
    done = raw({**HTTPS_KEYS, "sslSecret": "ml-tls"}, form="template")
    finding = next(f for f in done.findings if f.subject == "sslSecret")
    assert finding.code == "settings.untranslated"
    assert "scoringFe.sslSecret" in finding.message
    assert facts(done)["arm"]["configurationSettings"]["scoringFe.sslSecret"] == "ml-tls"


def test_physical_ai_fast_prod_without_a_certificate() -> None:
    settings = {"enableTraining": "true", "enableInference": "true", "inferenceRouterServiceType": "LoadBalancer"}
    done = raw({**settings, "allowInsecureConnections": "false", "clusterPurpose": "FastProd"})
    assert said(done, "error") == [("refused", "sslSecret")]


def test_aml_kubernetes_template_with_a_bare_region_as_domain() -> None:
    done = raw({"enableTraining": "true", "domain": "eastus"})
    assert ("bad_value", "domain") in said(done, "error")


def test_aml_kubernetes_template_makes_every_load_balancer_internal() -> None:
    settings = {**HTTPS_KEYS, "sslSecret": "ml-tls", "internalLoadBalancerProvider": "azure"}
    assert said(raw(settings)) == []
    assert ("internal_unfit", "internalLoadBalancerProvider") in said(raw(settings, fail_on="warning", **ARC), "warning")
    cluster_ip = raw({**settings, "inferenceRouterServiceType": "ClusterIP"})
    assert ("internal_unfit", "internalLoadBalancerProvider") in said(cluster_ip, "warning")
    node_port = raw({**settings, "inferenceRouterServiceType": "NodePort"})
    assert said(node_port, "error") == [("refused", "internalLoadBalancerProvider")]


def test_aml_kubernetes_terraform_without_tls() -> None:
    done = raw({"enableInference": "true", "inferenceRouterServiceType": "LoadBalancer"}, form="template")
    assert ("refused", "sslSecret") in said(done, "error")


def test_aml_kubernetes_script_without_a_service_type() -> None:
    done = raw({"enableTraining": "true", "enableInference": "true", "allowInsecureConnections": "true"})
    assert said(done, "error") == [("refused", "inferenceRouterServiceType")]


def test_the_secret_example_of_the_document_without_inference() -> None:
    done = raw({"sslSecret": "ml-tls", "sslCname": "ml.example.org", "inferenceRouterServiceType": "LoadBalancer"})
    assert said(done, "error") == [("refused", "enableTraining")]


@pytest.mark.parametrize("where", ["plain", "protected"])
def test_the_key_file_under_its_wrong_name(where: str) -> None:
    wrong = {"sslCertKeyFile": "key.pem"}
    done = raw({**HTTPS_KEYS, **wrong}) if where == "plain" else raw(HTTPS_KEYS, {**wrong, "sslCertPemFile": "cert.pem"})
    finding = next(f for f in done.findings if f.subject == "sslCertKeyFile")
    assert (finding.code, finding.severity) == ("settings.replaced_key", "error")
    assert "sslKeyPemFile" in finding.remedy
    assert not facts(done)["accepted"], "half a pair is no certificate"


def test_a_capital_letter_too_much() -> None:
    done = raw({**HTTPS_KEYS, "sslSecret": "ml-tls", "InferenceRouterHA": "false"})
    finding = next(f for f in done.findings if f.severity == "error")
    assert (finding.code, finding.remedy) == ("settings.unknown_key", "Did you mean inferenceRouterHA?")


@pytest.mark.parametrize(
    ("key", "instead"),
    [
        ("privateEndpointNodeport", "inferenceRouterServiceType=NodePort"),
        ("privateEndpointILB", "internalLoadBalancerProvider=azure"),
        ("inferenceLoadBalancerHA", "inferenceRouterHA"),
        ("RelayConnectionString", "relayServerConnectionString"),
        ("reuseExistingPromOp", "installPromOp"),
        ("volcanoScheduler.enable", "installVolcano"),
        ("blobCsiDriverEnabled", "Blob CSI driver"),
    ],
)
def test_a_replaced_key_is_told_its_replacement(key: str, instead: str) -> None:
    done = raw({"enableTraining": "true", key: "true"})
    assert [(f.code, f.subject) for f in done.findings] == [("settings.replaced_key", key)]
    assert instead in done.findings[0].remedy


@pytest.mark.parametrize("given_by_hand", ["true", "True", "false", True])
def test_openshift_by_hand(given_by_hand: Any) -> None:
    done = raw({"enableTraining": "true", "openshift": given_by_hand}, **{**ARC, "openshift": True})
    assert said(done, "error") == [("openshift_by_hand", "openshift")]
    assert facts(done)["arm"]["configurationSettings"]["openshift"] == "true"


# Single keys


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("installVolcanoo", "installVolcano"),
        ("enabletraining", "enableTraining"),
        ("nodeSelecter.pool", "nodeSelector.pool"),
        ("sslCName", "sslCname"),
        ("doamin", "domain"),
        ("relayServer.enabled", "relayserver.enabled"),
        ("workloadToleration[0].key", "workLoadToleration[0].key"),
        ("qqqqqqqq", ""),
        ("", ""),
    ],
)
def test_the_nearest_key(wrong: str, right: str) -> None:
    assert nearest(wrong) == right


def test_a_key_that_the_user_vouches_for() -> None:
    assert said(raw({"enableTraining": "true", "newKey": "1"})) == [("unknown_key", "newKey")]
    assert said(raw({"enableTraining": "true", "newKey": "1"}, known_keys=["newKey"])) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("installVolcano", "yes"),
        ("installVolcano", 0),
        ("installVolcano", None),
        ("installVolcano", {"a": 1}),
        ("installPromOp", ["true"]),
        ("clusterPurpose", "Production"),
        ("internalLoadBalancerProvider", "metallb"),
        ("sslCname", "localhost"),
        ("sslCname", "*.example.org"),
        ("sslSecret", "Not A Name"),
        ("nginxIngress.controllerConfig.worker-processes", "many"),
        ("nginxIngress.resources.controller.limits.memory", "lots"),
        ("nginxIngress.resources.controller.limits.memory", "-1"),
        ("workLoadToleration[0].colour", "red"),
        ("workLoadToleration[x].key", "red"),
    ],
)
def test_a_value_that_the_key_does_not_take(key: str, value: Any) -> None:
    done = raw({"enableTraining": "true", key: value})
    assert ("bad_value", key) in said(done, "error")
    assert not done.changes


@pytest.mark.parametrize(
    ("settings", "protected", "key"),
    [
        ({"sslCertPemFile": "cert.pem"}, {}, "sslCertPemFile"),
        ({"relayServerConnectionString": "Endpoint=sb://x"}, {}, "relayServerConnectionString"),
        ({}, {"logAnalyticsWS": "true"}, "logAnalyticsWS"),
    ],
)
def test_a_key_in_the_wrong_map(settings: dict[str, str], protected: dict[str, str], key: str) -> None:
    done = raw({"enableTraining": "true", **settings}, protected)
    assert ("misplaced", key) in said(done, "error")
    assert "Endpoint=sb" not in str((done.facts, [finding.public() for finding in done.findings]))


KEYS = st.one_of(
    st.sampled_from(["enableTraining", "enableInference", "sslSecret", "sslCname", "domain", "openshift", "nodeSelector.a",
                     "inferenceRouterServiceType", "internalLoadBalancerProvider", "relayserver.enabled", "servicebus.enabled",
                     "sslCertPemFile", "sslKeyPemFile", "toleration[0].key", "toleration[", "doamin", "location", "cluster_name",
                     "logAnalyticsWS", "isAKSMigration", "inferenceRouterHA", "allowInsecureConnections"]),
    st.text(max_size=40),
)  # fmt: skip
WORDS = st.sampled_from(["true", "nodePort", "azure", CERTIFICATE])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), WORDS)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.text(max_size=3), SCALARS, max_size=2))
MAPS = st.dictionaries(KEYS, VALUES, max_size=8)


@given(MAPS, MAPS, MAPS, st.sampled_from(["create", "update"]), st.sampled_from(["az", "template"]), st.sampled_from([{}, ARC]))
def test_no_settings_raise(settings: Any, protected: Any, stored: Any, operation: str, form: str, cluster: Any) -> None:
    done = raw(settings, protected, stored_settings=stored, operation=operation, form=form, **cluster)
    content = facts(done)
    assert content["accepted"] == (("settings.refused") not in {finding.code for finding in done.findings})
    if content["accepted"]:
        arm = content["arm"]
        for entries in (arm["configurationSettings"], arm["configurationProtectedSettings"]):
            assert all(isinstance(value, str) for value in entries.values())
        assert {"relayserver.enabled", "servicebus.enabled"} <= set(arm["configurationSettings"])


def test_two_sound_blocks_say_nothing() -> None:
    assert said(run(training=True)) == []
    assert said(run(training=True, **HTTPS, **ARC)) == []
    assert said(run(**HTTP), "error") == []
