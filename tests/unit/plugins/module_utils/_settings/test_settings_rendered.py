"""What is rendered: az's arguments, templates, files, and what an update disturbs."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import CLUSTER_VERSION, NODES
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.azure import short_name
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.request import parse, secrets
from hypothesis import given
from hypothesis import strategies as st
from settings_work import ARC, CERTIFICATE, HTTP, HTTPS, KEY, facts, params, pem_files, run, said

pytestmark = pytest.mark.extension


def paths(value: Any) -> list[str]:
    """Every text inside a value."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in paths(item)]
    if isinstance(value, list):
        return [text for item in value for text in paths(item)]
    return [str(value)]


# az


def test_arguments_of_a_create() -> None:
    content = facts(run(training=True, node_selector={"pool": "ml it's", "disk": True}, extension_version="1.1.88", **HTTPS))
    words = content["arguments"]
    assert words[:12] == ["k8s-extension", "create", "--name", "azureml", "--cluster-type", "managedClusters",
                          "--cluster-name", "c1", "--resource-group", "rg1",
                          "--extension-type", "Microsoft.AzureML.Kubernetes"]  # fmt: skip
    assert words[12:] == ["--scope", "cluster", "--version", "1.1.88", "--auto-upgrade", "false", "--config",
                          "enableInference=true", "enableTraining=true", "inferenceRouterServiceType=loadBalancer",
                          "nodeSelector.disk=true", "nodeSelector.pool=ml it's", "sslCname=ml.example.org",
                          "sslSecret=ml-tls"]  # fmt: skip
    assert shlex.split(content["command"]) == ["az", *words]


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
def test_any_value_reaches_az_as_one_word(value: str) -> None:
    content = facts(run(training=True, node_selector={"pool": value}))
    assert content["arguments"][-1] == f"nodeSelector.pool={value}"
    assert shlex.split(content["command"]) == ["az", *content["arguments"]]


def test_a_real_shell_reads_the_line_as_the_list() -> None:
    content = facts(run(training=True, node_selector={"pool": "$(touch x) `y` \\ \" ' ; & | > * ~ \n !"}))
    shell = f"az() {{ printf '%s\\0' \"$@\"; }}; {content['command']}"
    seen = subprocess.run(["sh", "-c", shell], capture_output=True, check=True, text=True)
    assert seen.stdout.split("\0")[:-1] == content["arguments"]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"configuration_settings": {"servicebus.enabled": 0}}, "servicebus.enabled=false"),
        ({"configuration_settings": {"relayserver.enabled": "no"}}, "relayserver.enabled=false"),
        ({**ARC, "openshift": True, "node_count": None}, "openshift=true"),
    ],
)
def test_az_is_given_what_makes_it_come_to_the_same_maps(options: dict[str, Any], word: str) -> None:
    words = facts(run(training=True, **options))["arguments"]
    key = word.partition("=")[0]
    assert [one for one in words if one.startswith(f"{key}=")] == [word]


def test_what_an_update_needs_as_soon_as_it_sends_one_protected_setting() -> None:
    stored = {"enableInference": "true", "sslCname": "a.example.org", "azure_log_analytics.enabled": "true"}
    by_az = ["azure_log_analytics.connection_string", "relayServerConnectionString"]
    needed = facts(update(stored, connection="arc", install_prom_op=False))["protected_needed"]
    assert needed == {"by_az": by_az, "by_you": ["sslCertPemFile", "sslKeyPemFile"]}
    aks = facts(update({**stored, "sslSecret": "ml-tls", "servicebus.enabled": "true"}, install_prom_op=False))["protected_needed"]
    assert aks == {"by_az": [by_az[0], "serviceBusConnectionString"], "by_you": []}
    assert facts(run(training=True))["protected_needed"] == {}


def test_a_pinned_version_and_automatic_upgrades() -> None:
    assert said(run(training=True, extension_version="1.1.88", auto_upgrade=True), "error") == [("auto_upgrade", "auto_upgrade")]
    assert "--auto-upgrade" not in facts(run(training=True))["arguments"]
    assert facts(run(training=True, auto_upgrade=True, release_train="preview"))["arguments"][14:18] == [
        "--release-train", "preview", "--auto-upgrade", "true"
    ]  # fmt: skip


# Protected settings


def test_protected_settings_go_through_a_private_file_only(tmp_path: Path) -> None:
    target = str(tmp_path / "protected.json")
    options = {**pem_files(tmp_path), "protected_settings_file": target}
    done = run(**options)
    assert said(done) == [("file_outdated", f"File/{target}")]
    change = done.changes[0]
    assert (change.verb, change.write and change.write.kind, change.write and change.write.path) == (
        "create",
        "file",
        f"file://{target}",
    )
    assert change.write
    assert json.loads(change.write.body) == {
        "sslCertPemFile": options["extension_ssl_cert_pem_file"],
        "sslKeyPemFile": options["extension_ssl_key_pem_file"],
    }
    words = facts(done)["arguments"]
    assert words[-2:] == ["--config-protected-file", target]
    assert not any("PemFile" in word for word in words)
    answer = {Read(f"file://{target}"): Answer(200, {"text": change.write.body, "mode": 0o600})}
    assert (run(answer, **options).changes, run(answer, **options).findings) == ((), ())
    for other in ({"text": change.write.body, "mode": 0o644}, {"text": "{}", "mode": 0o600}):
        again = run({Read(f"file://{target}"): Answer(200, other)}, **options)
        assert [(c.verb, c.before) for c in again.changes] == [("update", {"mode": f"{other['mode']:04o}"})]
    unreadable = run({Read(f"file://{target}"): Answer(403, {"message": "no"})}, **options)
    assert said(unreadable, "error") == [("file_unreadable", f"File/{target}")]
    assert unreadable.changes == ()


def test_nothing_is_written_as_long_as_something_is_wrong(tmp_path: Path) -> None:
    options = {**pem_files(tmp_path), "protected_settings_file": str(tmp_path / "a"), "parameters_file": str(tmp_path / "b")}
    assert [str(change.object) for change in run(**options).changes] == [f"File/{tmp_path}/a", f"File/{tmp_path}/b"]
    mistaken = run(configuration_settings={"installVolcanoo": "true"}, **options)
    assert (mistaken.changes, said(mistaken)) == ((), [("unknown_key", "installVolcanoo")])
    unreadable = run({Read(f"file://{tmp_path}/b"): Answer(403, {"message": "no"})}, **options)
    assert unreadable.changes == ()
    Path(options["extension_ssl_cert_pem_file"]).write_text("no certificate")
    assert said(run(**options), "error") == [("bad_value", "sslCertPemFile")]


def test_without_a_file_there_is_no_command(tmp_path: Path) -> None:
    done = run(**pem_files(tmp_path))
    assert said(done) == [("file_missing", "protected_settings_file")]
    assert (facts(done)["arguments"], facts(done)["command"]) == ([], "")


def test_no_secret_is_in_what_is_returned(tmp_path: Path) -> None:
    options = pem_files(tmp_path)
    given_secrets = {"relay_connection_string": "Endpoint=sb://hide-1", "log_analytics_key": "hide-2", "log_analytics": True}
    done = run(parameters_file=str(tmp_path / "p.json"), **options, **given_secrets, **ARC)
    changes = [(c.public(), c.line()) for c in done.changes]
    seen = str((done.facts, [f.public() for f in done.findings], changes))
    encoded = [base64.b64encode(text.encode()).decode() for text in (KEY, CERTIFICATE)]
    for secret in ("hide-1", "hide-2", *encoded):
        assert secret not in seen
        assert done.changes[0].write and secret in done.changes[0].write.body
    values = json.loads(done.changes[0].write.body)["parameters"]
    template = facts(done)["arm"]["template"]
    assert not {"sslCertPemFile", "sslKeyPemFile"} & set(facts(done)["arm"]["configurationProtectedSettings"])
    assert set(values) <= set(template["parameters"])
    assert values["scoringFeSslKey"]["value"] == base64.b64encode(KEY.encode()).decode()


def test_secrets_inside_maps_are_known_before_anything_is_printed() -> None:
    assert secrets({"configuration_settings": {"relayServerConnectionString": "hide-1", "domain": "x.y"}}) == {"hide-1"}
    harmless = {"enableTraining": "true", "nodeSelector.a": "b", "flag": True, "word": "true", "serviceBusConnectionString": ""}
    hidden = {"own": "hide-2", **harmless}
    assert secrets({"configuration_protected_settings": hidden}) == {"hide-2"}
    assert secrets({"configuration_protected_settings": '{"own": "hide-3"}'}) == {"hide-3"}
    assert secrets({"configuration_protected_settings": {"sslKeyPemFile": KEY}}) == {KEY}
    assert secrets({"configuration_protected_settings": "own=hide-4 enableTraining=true"}) == {"hide-4"}
    assert secrets({"configuration_protected_settings": ["hide-5", {"a": "hide-6"}, True]}) == {"hide-5", "hide-6"}
    assert secrets({"configuration_protected_settings": "{hide-7", "configuration_settings": [1], "stored_settings": 3}) == {
        "{hide-7"
    }


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        (b"# M\xc3\xbcller\n", "beyond ASCII"),
        (b"x" * (1 << 20) + b"y", "larger than 1 MiB"),
        ("folder", "is no file"),
    ],
)
def test_a_pem_file_that_cannot_be_sent(tmp_path: Path, content: Any, why: str) -> None:
    options = pem_files(tmp_path)
    path = Path(options["extension_ssl_key_pem_file"])
    path.unlink()
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    done = run(**options)
    refusals = [finding for finding in done.findings if finding.code == "settings.refused"]
    assert [finding.subject for finding in refusals] == ["sslKeyPemFile"]
    assert why in refusals[0].message
    assert facts(done)["arm"] == {}


def test_pem_pair_and_secret(tmp_path: Path) -> None:
    done = run(ssl_secret="ml-tls", protected_settings_file=str(tmp_path / "x"), **pem_files(tmp_path))
    assert said(done, "warning") == [("secret_ignored", "sslSecret")]
    assert "scoringFe.sslSecret" not in facts(done)["configuration_settings"]
    insecure = run(**{**HTTPS, "allow_insecure_connections": True})
    assert said(insecure, "warning") == [
        ("certificate_unused", "allowInsecureConnections"), ("plain_http", "allowInsecureConnections")
    ]  # fmt: skip


# ARM and Bicep


def test_a_template_for_arc_makes_the_relay_that_az_would_make() -> None:
    content = facts(run(training=True, **{**ARC, "openshift": True, "node_count": 2}))
    arm = content["arm"]
    settings, hidden, template = arm["configurationSettings"], arm["configurationProtectedSettings"], arm["template"]
    assert settings["openshift"] == settings["relayserver.enabled"] == settings["enableTraining"] == "true"
    assert settings["enableInference"] == settings["servicebus.enabled"] == settings["inferenceRouterHA"] == "false"
    assert settings["domain"] == "eastus.cloudapp.azure.com"
    space = "c100000000000000000000000000000000rg1relay"
    assert [(r["type"].split("/", 1)[1], r["name"]) for r in template["resources"]] == [
        ("namespaces", space),
        ("namespaces/hybridConnections", f"{space}/c1"),
        ("namespaces/hybridConnections/authorizationRules", f"{space}/c1/azureml_rw"),
        ("extensions", "azureml"),
    ]
    assert content["azure_resources"] == [{"type": "Microsoft.Relay/namespaces", "name": space}]
    assert set(hidden) == {"relayServerConnectionString", "relayserver.relayConnectionString"}
    assert all(value.startswith("[listKeys(resourceId('Microsoft.Relay/") for value in hidden.values())
    assert template["resources"][-1]["dependsOn"] == [
        f"[resourceId('Microsoft.Relay/namespaces/hybridConnections/authorizationRules', '{space}', 'c1', 'azureml_rw')]"
    ]
    assert template["resources"][-1]["identity"] == {"type": "SystemAssigned"}
    bicep = content["bicep"]
    assert "'relayserver.relayConnectionString': relayRule.listKeys().primaryConnectionString" in bicep
    assert "  parent: hybridConnection\n  name: 'azureml_rw'" in bicep
    assert bicep.count("{") == bicep.count("}")


def test_a_template_for_aks_has_no_relay_and_always_says_so() -> None:
    content = facts(run(training=True, **HTTPS))
    arm = content["arm"]
    assert [resource["type"] for resource in arm["template"]["resources"]] == ["Microsoft.KubernetesConfiguration/extensions"]
    assert "identity" not in arm["template"]["resources"][0]
    settings = arm["configurationSettings"]
    assert [settings[f"{part}.enabled"] for part in ("relayserver", "servicebus", "nginxIngress")] == ["false", "false", "true"]
    assert settings["scoringFe.sslSecret"] == "ml-tls"
    assert arm["configurationProtectedSettings"] == {} == arm["template"]["parameters"]
    assert "Microsoft.ContainerService/managedClusters" in content["bicep"]


def test_what_would_be_an_expression_stays_text() -> None:
    content = facts(run(training=True, node_selector={"a": "[parameters('x')]", "b": "it's ${x} \\ \n"}))
    assert content["arm"]["configurationSettings"]["nodeSelector.a"] == "[[parameters('x')]"
    assert "'nodeSelector.b': 'it\\'s \\${x} \\\\ \\n'" in content["bicep"]


def test_secrets_of_a_template_are_secure_parameters() -> None:
    own = {"own.key-1": "hide"}
    content = facts(run(training=True, service_bus=True, log_analytics=True, configuration_protected_settings=own))
    parameters = content["arm"]["template"]["parameters"]
    assert parameters == {name: {"type": "securestring"} for name in
        ("logAnalyticsCustomerId", "logAnalyticsKey", "ownKey1", "serviceBusConnectionString", "serviceBusResourceId")}  # fmt: skip
    assert content["arm"]["configurationProtectedSettings"]["own.key-1"] == "[parameters('ownKey1')]"
    assert "@secure()\nparam ownKey1 string" in content["bicep"]
    assert [one["type"] for one in content["azure_resources"]] == [
        "Microsoft.OperationalInsights/workspaces", "Microsoft.ServiceBus/namespaces"
    ]  # fmt: skip
    assert not any("hide" in text for text in paths(content))


def test_long_names_are_cut_as_az_cuts_them() -> None:
    assert short_name("a-b-c", 50) == "abc"
    long = "cluster-" + "x" * 60
    assert len(short_name(long, 50)) == 50
    assert short_name(long, 50)[:44] == ("cluster" + "x" * 60)[:44]
    assert short_name(long, 50) != short_name(long + "y", 50)


# Nodes


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"node_count": 2}, ("ha_switched_off", "info")),
        ({"node_count": 2, "inference_router_ha": True}, ("ha_needs_nodes", "error")),
        ({"node_count": 5, "schedulable_nodes": 2}, ("ha_needs_nodes", "error")),
        ({"node_count": None}, ("nodes_unknown", "warning")),
        ({"node_count": None, "inference_router_ha": False}, None),
        ({"node_count": 2, "inference_router_ha": False}, None),
        ({"node_count": 5, "schedulable_nodes": 3}, None),
    ],
)
def test_high_availability_needs_three_nodes(options: dict[str, Any], expected: tuple[str, str] | None) -> None:
    found = [(f.code.split(".")[1], f.severity) for f in run(**{**HTTPS, **options}).findings]
    assert found == ([expected] if expected else [])


def test_a_template_switches_high_availability_off_as_az_does() -> None:
    settings = facts(run(**{**HTTPS, "node_count": 2}))["arm"]["configurationSettings"]
    assert (settings["inferenceRouterHA"], settings["clusterPurpose"]) == ("false", "DevTest")


def test_whether_it_is_openshift_has_to_be_known_on_arc() -> None:
    assert said(run(training=True, **{**ARC, "openshift": None})) == [("openshift_unknown", "openshift")]
    assert said(run(training=True, **{**ARC, "openshift": True, "node_count": None})) == [("openshift_kept", "openshift")]


def node(name: str, labels: dict[str, str] | None = None, taints: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    status = {"conditions": [{"type": "Ready", "status": more.pop("ready", "True")}]}
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": {"taints": taints, **more}, "status": status}


GPU = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
ODD = [
    node("ml-1", {"pool": "ml"}),
    node("ml-2", {"pool": "ml"}, [{"key": "ml.azure.com/amlarc", "value": "true", "effect": "NoExecute"}]),
    node("gpu", {"pool": "ml"}, [GPU]),
    node("cordoned", {"pool": "ml"}, unschedulable=True),
    node("broken", {"pool": "ml"}, ready="Unknown"),
    node("windows", {"pool": "ml", "kubernetes.io/os": "windows"}),
    node("other", {"pool": "web"}, [{"key": "a", "effect": "PreferNoSchedule"}]),
    {"metadata": None, "spec": {"taints": "rubbish"}, "status": None},
]


@pytest.mark.parametrize(
    ("selector", "toleration", "schedulable"),
    [
        ({"pool": "ml"}, {}, 2),
        ({"pool": "ml"}, {"key": "nvidia.com/gpu", "operator": "Exists"}, 3),
        ({"pool": "ml"}, {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}, 3),
        ({"pool": "ml"}, {"key": "nvidia.com/gpu", "value": "absent"}, 2),
        ({"pool": "ml"}, {"operator": "Exists", "effect": "NoExecute"}, 2),
        ({}, {}, 4),
    ],
)
def test_nodes_are_counted_by_selectors_and_taints(selector: Any, toleration: Any, schedulable: int) -> None:
    options = {"node_selector": selector, "system_tolerations": [toleration] if toleration else []}
    answers = {NODES: Answer(200, {"items": ODD}), CLUSTER_VERSION: Answer(404)}
    done = run(answers, read_cluster=True, **HTTPS, **{**ARC, "openshift": None, "node_count": None}, **options)
    assert facts(done)["nodes"] == {"count": len(ODD), "schedulable": schedulable}
    assert ("ha_needs_nodes", "inferenceRouterHA") in said(done) or schedulable >= 3
    assert "openshift" not in facts(done)["configuration_settings"]


def test_openshift_is_seen_and_what_is_forbidden_is_unknown() -> None:
    options = {"read_cluster": True, "training": True, **ARC, "openshift": None}
    seen = run({NODES: Answer(200, {"items": ODD}), CLUSTER_VERSION: Answer(200, {"kind": "ClusterVersion"})}, **options)
    assert facts(seen)["configuration_settings"]["openshift"] == "true"
    hidden = run({NODES: Answer(403), CLUSTER_VERSION: Answer(403)}, **options)
    unreadable = [("nodes_unreadable", "ClusterVersion/version"), ("nodes_unreadable", "Node")]
    assert said(hidden) == [*unreadable, ("openshift_unknown", "openshift")]


# Updates


def update(stored: dict[str, Any] | None = None, **options: Any) -> Any:
    return run(operation="update", stored_settings=stored, subscription_id=None, location=None, **options)


def test_an_update_tells_whom_it_disturbs() -> None:
    stored = {"enableTraining": "True", "sslCname": "old.example.org", "inferenceRouterServiceType": "LoadBalancer"}
    done = update(
        stored,
        training=False,
        ssl_cname="new.example.org",
        inference_router_service_type="loadBalancer",
        install_nvidia_device_plugin=False,
        node_selector={"pool": "ml"},
    )
    assert {one["key"]: one["disturbs"] for one in facts(done)["consequences"]} == {
        "enableTraining": ["jobs"],
        "installNvidiaDevicePlugin": ["jobs", "online endpoints"],
        "nodeSelector.pool": ["jobs", "online endpoints"],
        "sslCname": ["online endpoints"],
    }
    assert {finding.code for finding in done.findings} == {"settings.disturbs"}
    assert "from old.example.org to new.example.org" in str(done.findings)
    assert facts(done)["arguments"][:2] == ["k8s-extension", "update"]
    assert "--scope" not in facts(done)["arguments"]


def test_an_update_sends_relay_and_service_bus_in_a_template() -> None:
    arm = facts(update({"relayserver.enabled": "False"}, connection="arc", **HTTPS))["arm"]
    assert set(arm) == {"configurationSettings", "configurationProtectedSettings"}
    sent = arm["configurationSettings"]
    assert (sent["relayserver.enabled"], sent["servicebus.enabled"]) == ("false", "false")


def test_an_update_with_protected_settings_sends_all_of_them(tmp_path: Path) -> None:
    stored = {"enableInference": "true", "sslCname": "a.example.org", "relayserver.enabled": "true", "servicebus.enabled": "false"}
    target = {"protected_settings_file": str(tmp_path / "p"), "connection": "arc"}
    lost = update(stored, configuration_protected_settings={"serviceBusConnectionString": "hide"}, **target)
    assert ("protected_incomplete", "sslCertPemFile") in said(lost, "error")
    assert lost.changes == ()
    pair = {k: v for k, v in pem_files(tmp_path).items() if k.startswith("extension_ssl")}
    whole = update(stored, **pair, **target)
    assert said(whole, "error", "warning") == []
    assert facts(whole)["protected_keys"] == [
        "relayServerConnectionString", "relayserver.relayConnectionString", "scoringFe.sslCert", "scoringFe.sslKey",
        "sslCertPemFile", "sslKeyPemFile",
    ]  # fmt: skip
    half = update({**stored, "sslSecret": "ml-tls"}, extension_ssl_cert_pem_file=pair["extension_ssl_cert_pem_file"], **target)
    assert ("protected_incomplete", "sslCertPemFile") in said(half, "error")
    gone = update(stored, relay_exists=False, **pair, **target)
    assert said(gone, "error") == [("refused", "relayserver.enabled")]
    missing = update({"enableTraining": "true"}, **pair, **target)
    keys = ("relayserver.enabled", "servicebus.enabled")
    assert {("stored_key_missing", key) for key in keys} == set(said(missing, "warning"))


def test_a_node_selector_that_an_update_cannot_remove() -> None:
    done = update({"nodeSelector.pool": "ml", "nodeSelector.disk": "ssd"}, node_selector={"pool": "ml"})
    assert said(done) == [("selector_stays", "nodeSelector.disk")]


# Requests


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"cluster_name": "it's"}, ['cluster_name "it\'s"']),
        ({"resource_group": "a/b", "node_count": -1}, ["resource_group", "node_count is -1"]),
        ({"subscription_id": None, "location": ""}, ["subscription_id is missing", "location is missing"]),
        ({"subscription_id": "mine", "extension_name": "Not"}, ["subscription_id 'mine'", "extension_name 'Not'"]),
        ({"training": True, "configuration_settings": {"enableTraining": "true"}}, ["training and the key enableTraining"]),
    ],
)
def test_all_problems_of_a_request_at_once(options: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(params(**options))
    assert len(caught.value.problems) == len(told)
    for words, problem in zip(told, caught.value.problems):
        assert words in problem


def test_a_region_may_be_written_as_a_person_does() -> None:
    assert facts(run(training=True, location="West Europe"))["configuration_settings"]["location"] == "westeurope"


def test_tolerations_become_numbered_keys() -> None:
    entries = [{"key": "gpu", "operator": "Exists", "value": None}, {"key": "spot"}]
    settings = facts(run(training=True, workload_tolerations=entries))
    assert settings["configuration_settings"]["workLoadToleration[0].operator"] == "Exists"
    assert settings["configuration_settings"]["workLoadToleration[1].key"] == "spot"
    assert "workLoadToleration[0].value" not in settings["configuration_settings"]


def test_plain_http_is_told() -> None:
    assert said(run(**HTTP)) == [("plain_http", "allowInsecureConnections")]
