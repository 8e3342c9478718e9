"""Healthy installations of every scenario, odd ones and broken ones: what is said of each, and what is not."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Plan

from tests.integration.components.cases import ODD, SABOTAGED, Case
from tests.integration.components.cluster import Cluster
from tests.integration.components.listing import installed

pytestmark = pytest.mark.extension

DOCUMENT = Path(__file__).parents[5] / "docs" / "extension-components.md"
QUIET = {"scenario_seen", "old_name", "optional_absent"}
HEALTHY = list(itertools.product(("training", "inference", "both"), ("aks", "arc"), (True, False)))


def said(done: Plan, *severities: str) -> set[tuple[str, str]]:
    """Codes and names of what is said, of these severities or all."""
    found = [f for f in done.findings if not severities or f.severity in severities]
    return {(f.code.split(".")[1], f.subject.rpartition("/")[2]) for f in found}


def names(done: Plan, *states: str) -> set[str]:
    rows = done.facts["extension_components"]["components"]
    return {row["name"] for row in rows if row["state"] in states}


@pytest.mark.parametrize("purpose, connection, fluent_bit", HEALTHY)
@pytest.mark.parametrize("told", [True, False], ids=["told", "seen"])
def test_a_healthy_installation_is_green(purpose: str, connection: str, fluent_bit: bool, told: bool) -> None:
    arc = {"KUBERNETES_DISTRO": "k3s"} if connection == "arc" else None
    cluster = Cluster(installed(purpose, connection, fluent_bit=fluent_bit), arc)
    options: dict[str, Any] = {}
    if told:
        options = {"connection": connection, "training": purpose != "inference", "inference": purpose != "training"}
        options |= {"install_prom_op": True, "install_volcano": True, "extension_name": "azureml"}
    done = cluster.judge(**options)
    assert done.checks == {"components": "ok"}, done.findings
    assert said(done, "error", "warning") == set()
    facts = done.facts["extension_components"]
    assert facts["ready"] == facts["expected"] == len(names(done, "ok"))
    assert (facts["connection"], facts["extension_name"]) == (connection, "azureml")
    assert facts["edition"] == ("2022-06" if fluent_bit else "2026-01")
    present = {name for (kind, name) in cluster.objects if kind in ("Deployment", "DaemonSet", "StatefulSet")}
    assert names(done, "ok") == present, "every workload of the listing is a component that is known"
    assert ("fluent-bit" in names(done, "not_applicable")) == (not fluent_bit)
    assert (facts["options"]["training"], facts["options"]["inference"]) == (purpose != "inference", purpose != "training")


@pytest.mark.parametrize("case", ODD, ids=[case.name for case in ODD])
def test_an_odd_but_healthy_installation_is_no_error(case: Case) -> None:
    done = case.cluster().judge(**case.options)
    assert said(done, "error") == set(), done.findings
    assert said(done, "warning") == set(case.says)


@pytest.mark.parametrize("case", SABOTAGED, ids=[case.name for case in SABOTAGED])
@pytest.mark.parametrize("told", [True, False], ids=["told", "seen"])
def test_a_broken_installation_is_named_with_cause_and_remedy(case: Case, told: bool) -> None:
    options = {"training": True, "inference": True} if told else {}
    done = case.cluster().judge(**{**case.options, **options})
    assert said(done, "error") == set(case.says), done.findings
    errors = [finding for finding in done.findings if finding.severity == "error"]
    text = " ".join(f"{finding.message} {finding.remedy}" for finding in errors)
    assert [word for word in case.words if word not in text] == [], text
    assert all(finding.remedy for finding in errors)
    assert done.checks == {"components": "error"} and done.changes == ()


def test_the_document_lists_both() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert len(ODD) >= 10 and len(SABOTAGED) >= 15
    assert [case.name for case in (*ODD, *SABOTAGED) if case.name not in text] == []
