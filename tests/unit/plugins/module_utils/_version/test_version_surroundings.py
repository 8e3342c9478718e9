"""Nodes, Azure Arc's window and the region."""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core import platform as core
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.plan import reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.topic import TOPIC
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.version


def states(plan: t.Any) -> dict[str, str]:
    return {node["name"]: node["state"] for node in plan.facts["version_window"]["nodes"]}


@pytest.mark.parametrize(
    ("server", "kubelet", "state", "behind"),
    [
        ("v1.36.2", "v1.36.9", "ok", 0),
        ("v1.36.2", "v1.34.1+k3s1", "ok", 2),
        ("v1.36.2", "v1.37.0", "newer_than_server", -1),
        ("v1.36.2", "v2.0.0", "newer_than_server", None),
        ("v1.36.2", "v1.33.1", "outside_window", 3),
        ("v1.36.2", "v1.32.1", "too_old_for_server", 4),
        ("v1.36.2", "v0.36.0", "too_old_for_server", None),
        ("v1.33.2", "v1.31.1", "ok", 2),
        ("v1.27.2", "v1.25.1", "ok", 2),
        ("v1.28.2", "v1.25.1", "ok", 3),
        ("v1.27.2", "v1.24.1", "too_old_for_server", 3),
        ("v1.26.2", "v1.24.1", "ok", 2),
        ("v1.36.2", "rubbish", "unknown", None),
        ("v1.36.2", None, "unknown", None),
        ("v1.36.2", "v1.26.0-vk-azure-aci-1.6.2", "skipped", None),
    ],
)
def test_state_of_a_kubelet(judged: t.Any, said: t.Any, server: str, kubelet: str, state: str, behind: int | None) -> None:
    plan = judged(server, nodes=[judged.node("pool-1", kubelet, "aks")])
    (facts,) = plan.facts["version_window"]["nodes"]
    assert (facts["name"], facts["state"], facts["behind"]) == ("pool-1", state, behind)
    codes = {"too_old_for_server": "node_too_old", "unknown": "node_unparsable"}
    expected = set() if state in ("ok", "skipped") else {f"version.{codes.get(state, 'node_' + state)}"}
    assert {code for code in said(plan) if "node" in code} == expected


def test_virtual_kubelet_is_known_by_its_label(judged: t.Any) -> None:
    virtual = judged.node("virtual-node-aci-linux", "v1.19.10", "aks", {"type": "virtual-kubelet"})
    assert states(judged(nodes=[virtual])) == {"virtual-node-aci-linux": "skipped"}


@pytest.mark.parametrize(
    ("extension", "strict", "severity"), [("", False, "error"), ("amlext", False, "warning"), ("amlext", True, "error")]
)
@pytest.mark.parametrize(("kubelet", "code"), [("v1.37.0", "node_newer_than_server"), ("v1.31.0", "node_too_old")])
@pytest.mark.parametrize("platform", ["aks", "ocp"])
def test_skew_stops_a_new_installation_only(
    judged: t.Any, said: t.Any, platform: str, kubelet: str, code: str, extension: str, strict: bool, severity: str
) -> None:
    plan = judged("v1.36.2", platform, nodes=[judged.node("a", kubelet, platform)], extension=extension, strict=strict)
    assert said(plan)[f"version.{code}"] == plan.checks["version_nodes"] == severity
    assert plan.checks["version"] == "ok"


def test_nodes_of_one_version_share_a_finding(judged: t.Any) -> None:
    pool = [judged.node(f"old-{number}", "v1.32.1", "aks") for number in range(7)]
    plan = judged(nodes=[*pool, judged.node("lone", "v1.31.1", "aks"), judged.node("fine", "v1.36.1", "aks")])
    lone, many = sorted((f for f in plan.findings if f.code == "version.node_too_old"), key=lambda f: len(f.evidence["nodes"]))
    assert (lone.subject, many.subject) == ("Node/lone", "Node")
    assert lone.message == "Node lone, kubelet v1.31.1: too many minors older than the API server (v1.36.2)."
    assert many.message.startswith("7 nodes (old-0, old-1, old-2, old-3, old-4, ...), kubelet v1.32.1: too many")
    assert many.evidence == {"kubelet_version": "v1.32.1", "nodes": [f"old-{number}" for number in range(7)]}


@pytest.mark.parametrize("status", [401, 403, 500])
def test_nodes_that_may_not_be_read(judged: t.Any, said: t.Any, status: int) -> None:
    plan = judged(changed={core.NODES: Answer(status, {"message": "not for you"})})
    assert said(plan)["version.nodes_unreadable"] == "warning"
    assert plan.checks["version_nodes"] == "unknown"
    assert plan.checks["version"] == "ok"


def test_nodes_are_left_alone_on_request(judged: t.Any) -> None:
    plan = judged("v1.36.2", "ocp", nodes=[judged.node("a", "v1.30.0", "ocp")], check_nodes=False)
    assert (plan.checks["version_nodes"], plan.facts["version_window"]["nodes"]) == ("not_run", [])
    without = reads(TOPIC.parse({"check_nodes": False}), Snapshot(judged.answers("v1.36.2", "ocp")))
    assert core.NODES not in without
    assert core.NODES in reads(TOPIC.parse({}), Snapshot(judged.answers("v1.36.2", "ocp")))


def test_reads_name_each_thing_once(judged: t.Any) -> None:
    wanted = reads(TOPIC.parse({}), Snapshot(judged.answers()))
    assert len(wanted) == len(set(wanted)) <= 7


# Azure Arc -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "inside", "words"),
    [
        ("v1.37.0+k3s1", True, ""),
        ("v1.35.3+k3s1", True, ""),
        ("v1.34.6+k3s1", False, "older than Azure Arc supports"),
        ("v1.38.0+k3s1", False, "newer than the newest upstream minor"),
    ],
)
def test_arc_counts_from_upstream(judged: t.Any, said: t.Any, version: str, inside: bool, words: str) -> None:
    plan = judged(version, "k3s", arc=True)
    facts = plan.facts["version_window"]["arc"]
    assert facts == {
        "connected": True,
        "in_window": inside,
        "n": "1.37",
        "n_source": "table",
        "n_as_of": "2026-08-27",
        "window": ["1.37", "1.36", "1.35"],
    }
    assert plan.checks["version_arc"] == ("ok" if inside else "warning")
    assert ("version.outside_arc_window" in said(plan)) == (not inside)
    assert words in "".join(f.message for f in plan.findings if f.code == "version.outside_arc_window")


def test_a_minor_inside_azureml_and_outside_arc_is_told_apart(judged: t.Any) -> None:
    plan = judged("v1.34.6+k3s1", "k3s", arc=True)
    assert (plan.facts["version_window"]["verdict"], plan.facts["version_window"]["arc"]["in_window"]) == ("supported", False)


def test_upstream_month_counts_from_its_end(judged: t.Any) -> None:
    by_day = {
        day: judged("v1.36.0", arc=True, today=datetime.date(2026, 8, day)).facts["version_window"]["arc"]["n"] for day in (30, 31)
    }
    assert by_day == {30: "1.36", 31: "1.37"}


def test_upstream_minor_of_the_user_wins(judged: t.Any) -> None:
    plan = judged("v1.35.0", arc=True, latest_upstream_minor="1.39")
    assert plan.facts["version_window"]["arc"]["window"] == ["1.39", "1.38", "1.37"]
    (finding,) = [finding for finding in plan.findings if finding.code == "version.outside_arc_window"]
    assert "1.37 to 1.39 (by option latest_upstream_minor)" in finding.message


def test_a_stale_table_counts_for_arc_too_and_is_told_once(judged: t.Any) -> None:
    later = datetime.date(2027, 2, 1)
    for params, arc, times in (({"latest_ga_minor": "1.36"}, True, 1), ({}, True, 1), ({"latest_ga_minor": "1.36"}, False, 0)):
        plan = judged("v1.36.0", today=later, arc=arc, **params)
        assert [finding.code for finding in plan.findings].count("version.table_stale") == times


def test_arc_that_may_not_be_read_is_unknown(judged: t.Any, said: t.Any) -> None:
    plan = judged("v1.34.0", forbidden=[core.ARC_CONFIG])
    assert plan.facts["version_window"]["arc"]["connected"] is None
    assert plan.checks["version_arc"] == "unknown"
    assert said(plan)["version.arc_unknown"] == "info"


def test_arc_without_any_upstream_minor_is_unknown(judged: t.Any) -> None:
    plan = judged("v1.36.0", arc=True, table=[{"minor": "1.36", "ga": "2026-06-19"}], table_as_of="2026-09-01")
    assert plan.checks["version_arc"] == "unknown"
    assert plan.facts["version_window"]["arc"]["in_window"] is None


# Regions -------------------------------------------------------------------------------------------------------------------

LIST = ["West Europe", "Sweden Central"]


@pytest.mark.parametrize(
    ("location", "regions", "strict", "state", "severity", "check"),
    [
        ("westeurope", LIST, False, "listed", None, "ok"),
        ("Sweden Central", json.dumps(LIST), False, "listed", None, "ok"),
        ("eastus", LIST, False, "not_listed", "warning", "warning"),
        ("eastus", LIST, True, "not_listed", "error", "error"),
        ("West Europe", None, True, "listed", None, "ok"),
        ("Sweden Central", None, True, "not_listed", "warning", "warning"),
        ("atlantis", None, True, "unknown", "info", "unknown"),
        (None, LIST, True, "not_checked", None, "not_run"),
        ("  ", None, False, "not_checked", None, "not_run"),
    ],
)
def test_region(
    judged: t.Any, said: t.Any, location: str | None, regions: t.Any, strict: bool, state: str, severity: str | None, check: str
) -> None:
    plan = judged(location=location, regions=regions, strict=strict)
    facts = plan.facts["version_window"]["region"]
    assert (facts["state"], plan.checks["version_region"]) == (state, check)
    assert (facts["source"], facts["as_of"]) == (("user", None) if regions else ("hint", "2025-12-31"))
    code = "version.region_not_listed" if regions else "version.region_not_in_hint"
    assert said(plan).get(code) == severity


# Anything a server may send ------------------------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=6)
keys = st.sampled_from(
    ["gitVersion", "major", "minor", "items", "metadata", "labels", "status", "nodeInfo", "kubeletVersion", "name"]
)
bodies = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=10)


@settings(max_examples=60, deadline=None)
@given(version=st.dictionaries(keys, bodies), nodes=st.dictionaries(keys, bodies), items=st.lists(bodies, max_size=3))
def test_garbage_never_raises(judged: t.Any, version: t.Any, nodes: t.Any, items: t.Any) -> None:
    for body in (nodes, {"items": items}):
        known = {**judged.answers(), core.VERSION: Answer(200, version), core.NODES: Answer(200, body)}
        plan = judged.run(known)
        json.dumps(plan.facts)


def test_facts_are_plain_data(judged: t.Any) -> None:
    facts = judged("v1.34.0", "ocp", arc=True, location="westeurope").facts
    assert json.loads(json.dumps(facts)) == facts


def test_topic_says_only_what_its_catalogue_holds(judged: t.Any) -> None:
    names = [code.code for code in TOPIC.codes]
    assert len(names) == len(set(names))
    assert all(name.startswith("version.") for name in names)
    assert not TOPIC.writes
