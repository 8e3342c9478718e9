"""The NetworkPolicy of ours, and the judgement of everybody's."""

from __future__ import annotations

import typing as t

import pytest

from tests.unit.plugins.module_utils._namespaces.space_cluster import NETWORKING, Cluster, codes_of, request_of, space_of, the

pytestmark = pytest.mark.namespaces

OURS = f"{NETWORKING}/namespaces/ml/networkpolicies/azureml-compute"
DENY_IN: dict[str, t.Any] = {"podSelector": {}, "policyTypes": ["Ingress"]}
DENY_OUT: dict[str, t.Any] = {"podSelector": {}, "policyTypes": ["Egress"]}
AZUREML = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "azureml"}}}


def blocked(cluster: Cluster, **params: t.Any) -> list[str]:
    """What is blocked, by the first word of each flow."""
    plan = cluster.plan(request_of(**{"network_policy": "judge", **params}))
    found = [finding for finding in plan.findings if finding.code == "namespaces.policy_blocks"]
    return [words.rsplit("(", 1)[1].rstrip(")") for finding in found for words in finding.evidence["blocked"]]


@pytest.fixture
def ml(cluster: Cluster) -> Cluster:
    cluster.namespace("ml")
    return cluster


@pytest.mark.parametrize("mode", ["ingress", "ingress_and_egress"])
def test_ours_lets_through_what_azureml_needs(cluster: Cluster, mode: str) -> None:
    cluster.run(request_of(network_policy=mode))
    assert blocked(cluster, network_policy=mode) == []
    assert cluster[OURS]["spec"]["policyTypes"] == (["Ingress"] if mode == "ingress" else ["Ingress", "Egress"])
    assert space_of(cluster.plan(request_of(network_policy=mode)))["network_policy"] is True


def test_ours_goes_when_it_is_not_asked_for(ml: Cluster) -> None:
    before = ml.without_records()
    ml.run(request_of(network_policy="ingress"))
    plan = ml.run(request_of())
    assert [change.verb for change in plan.changes] == ["delete", "update"], "the record goes last"
    assert ml.without_records() == before


def test_ours_is_corrected(ml: Cluster) -> None:
    ml.run(request_of(network_policy="ingress"))
    ml[OURS]["spec"]["ingress"] = []
    ml.run(request_of(network_policy="ingress"))
    assert len(ml[OURS]["spec"]["ingress"][0]["from"]) == 2
    ml.run(request_of(network_policy="ingress_and_egress", egress_ports=[8080, 443]))
    assert [entry["port"] for entry in ml[OURS]["spec"]["egress"][2]["ports"]] == [443, 6443, 8080]


def test_a_policy_of_our_name_by_somebody_else_stays(ml: Cluster) -> None:
    ml.policy("ml", "azureml-compute", DENY_IN)
    plan = ml.plan(request_of(network_policy="ingress"))
    assert [change for change in plan.changes if change.object.kind == "NetworkPolicy"] == []
    assert {"policy_foreign", "policy_blocks"} <= codes_of(plan)
    assert "policy_foreign" not in codes_of(ml.plan(request_of(network_policy="judge")))
    assert ml.plan(request_of(state="absent")).changes == ()


def test_ours_kept_by_gitops_is_not_fought_over(ml: Cluster) -> None:
    ml.run(request_of(network_policy="ingress"))
    ml[OURS]["metadata"]["labels"]["argocd.argoproj.io/instance"] = "x"
    ml[OURS]["spec"]["ingress"] = []
    plan = ml.plan(request_of(network_policy="ingress"))
    assert plan.changes == () and "gitops_managed" in codes_of(plan)


def test_policies_are_read_only_where_they_matter(ml: Cluster) -> None:
    ml.plan(request_of())
    assert not any("networkpolicies" in read.path for read in ml.requests)
    ml.policy("ml", "deny", DENY_IN)
    assert "policy_blocks" in codes_of(ml.plan(request_of(network_policy="judge")))


RULES: list[tuple[str, dict[str, t.Any], list[str]]] = [
    ("nothing allowed in", DENY_IN, ["TCP 5001"]),
    ("nothing allowed out", DENY_OUT, ["TCP 9999", "UDP 53", "TCP 443"]),
    ("only some pods isolated", {**DENY_IN, "podSelector": {"matchLabels": {"a": "b"}}}, []),
    ("an empty rule allows all", {**DENY_IN, "ingress": [{}]}, []),
    ("the namespace itself is not azureml", {**DENY_IN, "ingress": [{"from": [{"podSelector": {}}]}]}, ["TCP 5001"]),
    ("azureml by name", {**DENY_IN, "ingress": [{"from": [AZUREML]}]}, []),
    ("azureml on another port", {**DENY_IN, "ingress": [{"from": [AZUREML], "ports": [{"port": 80}]}]}, ["TCP 5001"]),
    ("the wrong protocol", {**DENY_IN, "ingress": [{"ports": [{"port": 5001, "protocol": "UDP"}]}]}, ["TCP 5001"]),
    ("a range", {**DENY_IN, "ingress": [{"ports": [{"port": 5000, "endPort": 6000}]}]}, []),
    ("a range below", {**DENY_IN, "ingress": [{"ports": [{"port": 4000, "endPort": 5000}]}]}, ["TCP 5001"]),
    ("a port by name", {**DENY_IN, "ingress": [{"ports": [{"port": "http"}]}]}, []),
    ("every port", {**DENY_IN, "ingress": [{"ports": [{"protocol": "TCP"}]}]}, []),
    ("every namespace", {**DENY_IN, "ingress": [{"from": [{"namespaceSelector": {}}]}]}, []),
    ("another namespace", {**DENY_IN, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]}]}, ["TCP 5001"]),
    ("addresses", {**DENY_IN, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}, []),
    ("no policyTypes, no egress", {"podSelector": {}, "ingress": [{}]}, []),
    (
        "no policyTypes, egress",
        {"podSelector": {}, "ingress": [{}], "egress": [{"ports": [{"port": 443}]}]},
        ["TCP 9999", "UDP 53"],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_policies_of_others_are_judged(ml: Cluster, spec: dict[str, t.Any], expected: list[str]) -> None:
    ml.policy("ml", "theirs", spec)
    assert blocked(ml) == expected


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ({"key": "tier", "operator": "In", "values": ["ml"]}, True),
        ({"key": "tier", "operator": "In", "values": ["web"]}, False),
        ({"key": "tier", "operator": "NotIn", "values": ["web"]}, True),
        ({"key": "tier", "operator": "NotIn", "values": ["ml"]}, False),
        ({"key": "tier", "operator": "Exists"}, True),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "other", "operator": "DoesNotExist"}, True),
        ({"key": "tier", "operator": "Unheard"}, False),
    ],
)
def test_expressions_meet_the_labels_of_azureml(ml: Cluster, expression: dict[str, t.Any], allowed: bool) -> None:
    ml.namespace("azureml", labels={"tier": "ml"})
    peer = {"namespaceSelector": {"matchExpressions": [expression]}}
    ml.policy("ml", "theirs", {**DENY_IN, "ingress": [{"from": [peer]}]})
    assert (blocked(ml) == []) is allowed


def test_policies_add_up_and_ours_opens_what_theirs_closes(ml: Cluster) -> None:
    ml.policy("ml", "deny-in", DENY_IN)
    ml.policy("ml", "deny-out", DENY_OUT)
    plan = ml.plan(request_of(network_policy="judge"))
    assert the(plan, "policy_blocks").evidence["policies"] == ["deny-in", "deny-out"]
    assert blocked(ml, network_policy="ingress") == ["TCP 9999", "UDP 53", "TCP 443"]
    assert blocked(ml, network_policy="ingress_and_egress") == []
    ml.policy("ml", "allow", {**DENY_IN, "podSelector": {"matchLabels": {"a": "b"}}, "ingress": [{"from": [AZUREML]}]})
    assert blocked(ml) == ["TCP 9999", "UDP 53", "TCP 443"]
