"""Our maps against those that az's own class makes: 66 recorded blocks, and the places where ours differ on purpose."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.azure import Azure
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.block import Block, Cluster, Pem
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.consequences import consequences
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.wire import Wire, create, update

pytestmark = pytest.mark.extension
GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())
BLOCKS = GOLDEN["blocks"]
# Blocks that ours sends differently, with the keys that differ and the code that says so.
DEVIATIONS = {58: ({"domain"}, codes.DOMAIN_KEPT)}
# Blocks that this collection has no way to write: the module has no option for the scope.
UNSAYABLE = {59}
ACCEPTED_UPDATES = [block for block in BLOCKS if block["operation"] == "Update" and "error" not in block]


def cluster_of(block: dict[str, Any]) -> Cluster:
    facts = block["stub_facts"]
    properties = facts.get("cluster_properties") or {}
    pools = properties.get("agentPoolProfiles")
    nodes = sum(pool["count"] for pool in pools) if pools else properties.get("totalNodeCount")
    kind, group = block["cluster_type"], facts.get("resource_group", "rg1")
    provider = "Microsoft.Kubernetes" if kind.lower() == "connectedclusters" else "Microsoft.ContainerService"
    subscription = "00000000-0000-0000-0000-000000000000"
    name = facts.get("cluster_name", "c1")
    identity = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}/{kind}/{name}"
    openshift = str(properties.get("distribution")).lower() == "openshift"
    return Cluster(kind, name, group, subscription, identity, facts.get("location", "eastus"), nodes, openshift)


def azure_of(block: dict[str, Any]) -> Azure:
    facts = block["stub_facts"]
    return Azure(
        "Endpoint=sb://stub/",
        "STUB-hybridConnectionResourceID",
        "Endpoint=sb://stub-servicebus/",
        "STUB-serviceBusResourceID",
        "STUB-workspace-customer-id",
        "STUB-workspace-shared-key",
        relay_exists=facts.get("relay_exists"),
        service_bus_exists=facts.get("service_bus_exists"),
        workspace_exists=facts.get("log_analytics_exists"),
    )


def files() -> dict[str, Pem]:
    found = {}
    for path, text in GOLDEN["files"].items():
        fine = text is not None and text.isascii()
        found[path] = Pem(text) if fine else Pem(problem=f"{path} cannot be sent")
    return found


def run(block: dict[str, Any]) -> Wire:
    asked = Block(dict(block["settings"] or {}), dict(block["protected"] or {}))
    if block["operation"] == "Create":
        return create(asked, cluster_of(block), azure_of(block), files())
    return update(asked, cluster_of(block), azure_of(block), files(), block["stub_facts"]["existing_configuration_settings"])


def same(ours: dict[str, Any], theirs: dict[str, Any] | None) -> set[str]:
    """Keys that differ, types included."""
    wanted = theirs or {}
    return {key for key in {*ours, *wanted} if repr(ours.get(key, "missing")) != repr(wanted.get(key, "missing"))}


@pytest.mark.parametrize("block", [b for b in BLOCKS if b["id"] not in UNSAYABLE], ids=lambda b: f"{b['id']} {b['title']}")
def test_a_block_comes_to_what_az_makes_of_it(block: dict[str, Any]) -> None:
    wire = run(block)
    if "error" in block:
        assert wire.refused, "az refuses it"
        assert all(finding.code == "settings.refused" and finding.message and finding.remedy for finding in wire.refused)
        return
    assert wire.refused == []
    keys, code = DEVIATIONS.get(block["id"], (set(), None))
    assert same(wire.settings, block["sent"]) | same(wire.protected, block["sent_protected"]) == keys
    assert [finding.code for finding in wire.deviations] == ([code.code] if code else [])


def test_the_record_is_whole() -> None:
    assert len(BLOCKS) == 66
    assert sum("error" in block for block in BLOCKS) == 14


@pytest.mark.parametrize("block", ACCEPTED_UPDATES, ids=lambda b: f"{b['id']} {b['title']}")
def test_what_az_asks_before_an_update_is_a_consequence(block: dict[str, Any]) -> None:
    found = consequences(Block(block["settings"] or {}, block["protected"] or {}), {})
    asked = "\n".join(block["prompts"])
    disturbed = {who for one in found for who in one.disturbs}
    for one in found:
        # az asks nothing when a node selector is in the protected settings alone.
        assert one.key.split(".")[0] in asked or one.key in (block["protected"] or {})
    assert ("IMPACT" in asked) == bool({one.key for one in found} - set(block["protected"] or {}))
    if "IMPACT" in asked:
        assert ("jobs" in asked.split(".")[0]) == ("jobs" in disturbed)
        assert ("online endpoints" in asked.split(".")[0]) == ("online endpoints" in disturbed)


# Each deliberate deviation


def recorded(number: int) -> dict[str, Any]:
    return next(block for block in BLOCKS if block["id"] == number)


def test_a_domain_of_the_user_is_kept_where_az_overwrites_it() -> None:
    block = recorded(58)
    wire = run(block)
    assert block["sent"]["domain"] == "eastus.cloudapp.azure.com"
    assert wire.settings["domain"] == block["settings"]["domain"] == "ml.example.org"
    assert "eastus.cloudapp.azure.com" in wire.deviations[0].message


@pytest.mark.parametrize("word", ["0", 0, "no", "off", "", None])
@pytest.mark.parametrize("key", ["servicebus.enabled", "relayserver.enabled"])
def test_a_word_for_no_makes_no_azure_resource(key: str, word: Any) -> None:
    block = recorded(1)
    wire = create(Block({"enableTraining": "true", key: word}), cluster_of(block), azure_of(block), {})
    assert wire.settings[key] == "false"
    assert wire.made == (["relay"] if key == "servicebus.enabled" else [])
    assert [finding.code for finding in wire.deviations] == ["settings.switched_off"]
    assert "servicebus.connectionString" not in wire.protected


@pytest.mark.parametrize(
    "stored", [{}, {"servicebus.enabled": "false"}, {"relayserver.enabled": None, "servicebus.enabled": "true"}]
)
def test_an_update_of_an_extension_made_without_az_works(stored: dict[str, Any]) -> None:
    block = recorded(95)
    wire = update(Block({}, block["protected"]), cluster_of(block), azure_of(block), files(), stored)
    assert wire.refused == []
    assert wire.protected["relayserver.relayConnectionString"] == "Endpoint=sb://stub/"
    assert ("servicebus.connectionString" in wire.protected) == (stored.get("servicebus.enabled") == "true")
    assert {finding.code for finding in wire.deviations} == {"settings.stored_key_missing"}


def test_an_update_on_aks_without_stored_keys_needs_no_relay() -> None:
    block = recorded(64)
    wire = update(Block({}, block["protected"]), cluster_of(block), azure_of(block), files(), {})
    assert same(wire.protected, block["sent_protected"]) == set()


def test_openshift_stays_when_the_number_of_nodes_is_unknown() -> None:
    block = recorded(43)
    wire = create(Block(block["settings"]), replace(cluster_of(block), nodes=None), azure_of(block), {})
    assert same(wire.settings, block["sent"]) == set()
    assert wire.settings["openshift"] == "true"
    assert [finding.code for finding in wire.deviations] == ["settings.openshift_kept"]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"inferenceRouterServiceType": "nodePort", "internalLoadBalancerProvider": "azure"}, {}),
        ({"inferenceRouterServiceType": "NodePort"}, {"scoringFe.serviceType.internalLoadBalancer": "true"}),
        ({"internalLoadBalancerProvider": "azure"}, {"inferenceRouterServiceType": "nodePort"}),
    ],
)
def test_an_update_never_makes_a_node_port_internal(given: dict[str, str], stored: dict[str, str]) -> None:
    block = recorded(71)
    wire = update(Block(given), cluster_of(block), azure_of(block), {}, stored)
    assert wire.settings["scoringFe.serviceType.internalLoadBalancer"] is False
    own = "internalLoadBalancerProvider" in given
    assert [(f.code, f.severity) for f in wire.deviations] == [("settings.node_port_internal", "error" if own else "warning")]
    # az leaves this key alone as long as it is not given a provider.
    assert wire.for_az == ({} if own else {"scoringFe.serviceType.internalLoadBalancer": "false"})


@pytest.mark.parametrize("word", ["true", "TRUE", True])
def test_a_switch_in_the_protected_settings_is_moved(word: Any) -> None:
    block = recorded(2)
    wire = create(Block({}, {"enableTraining": word, "enableInference": "false"}), cluster_of(block), azure_of(block), {})
    assert (wire.settings["enableTraining"], wire.settings["enableInference"]) == (True, False)
    assert wire.protected == {}


def test_all_problems_of_a_block_are_told_at_once() -> None:
    block = recorded(1)
    asked = Block({"enableInference": "true", "sslCname": "a", "x": "1"}, {"x": "2", "sslCertPemFile": "cert.pem"})
    wire = create(asked, cluster_of(block), azure_of(block), files())
    assert sorted(finding.subject for finding in wire.refused) == ["inferenceRouterServiceType", "sslSecret", "x"]
