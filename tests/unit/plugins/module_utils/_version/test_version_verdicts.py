"""The verdict on the API server, its severity, and how far N can be trusted."""

from __future__ import annotations

import datetime
import itertools
import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core import platform as core
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import Minor, parse_version
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.kubernetes_versions import AKS_CALENDAR
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.judge import VERDICTS, Knowledge, judge

pytestmark = pytest.mark.version

BOTH, LONG_TERM = ["KubernetesOfficial", "AKSLongTermSupport"], ["AKSLongTermSupport"]
AKS_TODAY = {
    "values": [
        {"version": "1.37", "capabilities": {"supportPlan": BOTH}},
        {"version": "1.38", "isPreview": True, "capabilities": {"supportPlan": BOTH}},
        *({"version": f"1.{minor}", "capabilities": {"supportPlan": BOTH}} for minor in (36, 35, 34)),
        *({"version": f"1.{minor}", "capabilities": {"supportPlan": LONG_TERM}} for minor in (33, 32)),
    ]
}
VERDICT_BY_VERSION = [
    ("v1.36.2", "supported"),
    ("v1.35.5-gke.1", "supported"),
    ("v1.34.6-eks-bbe087e", "supported"),
    ("v1.36.0-rc.0", "preview"),
    ("v1.34.3-rc2+rke2r1", "supported"),
    ("v1.37.0", "newer_than_n"),
    ("v1.37.0-rc.0", "newer_than_n"),
    ("v2.0.0", "newer_than_n"),
    ("v1.33.6", "platform_only"),
    ("v1.33.104-akslts", "lts_only"),
    ("v1.29.4", "too_old"),
    ("v0.36.0", "too_old"),
    ("rubbish", "unknown"),
]


@pytest.mark.parametrize("platform", ["aks", "k3s", "kubernetes", "ocp"])
@pytest.mark.parametrize(("version", "verdict"), VERDICT_BY_VERSION)
def test_verdict_by_the_shipped_table(judged: t.Any, version: str, verdict: str, platform: str) -> None:
    facts = judged(version, platform).facts["version_window"]
    assert facts["verdict"] == verdict
    assert (facts["n"], facts["n_source"], facts["n_as_of"]) == ("1.36", "table", "2026-08-27")
    assert facts["window"] == ["1.36", "1.35", "1.34"]


@pytest.mark.parametrize(
    ("platform", "verdict"), [("aks", "lts_only"), ("k3s", "too_old"), ("ocp", "too_old"), ("kubernetes", "too_old")]
)
def test_long_term_support_exists_on_aks_only(judged: t.Any, platform: str, verdict: str) -> None:
    assert judged("v1.32.9", platform).facts["version_window"]["verdict"] == verdict


@pytest.mark.parametrize(
    ("today", "version", "verdict"),
    [
        ("2026-07-31", "v1.33.6", "supported_grace"),
        ("2026-08-01", "v1.33.6", "platform_only"),
        ("2026-06-18", "v1.33.6", "supported"),
        ("2026-06-18", "v1.36.0", "preview"),
        ("2026-05-01", "v1.36.0", "newer_than_n"),
        ("2026-11-30", "v1.31.9", "lts_only"),
        ("2026-12-01", "v1.31.9", "too_old"),
        ("2026-12-01", "v1.37.1", "newer_than_n"),
    ],
)
def test_verdict_follows_the_calendar(judged: t.Any, today: str, version: str, verdict: str) -> None:
    assert judged(version, today=datetime.date.fromisoformat(today)).facts["version_window"]["verdict"] == verdict


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ("v1.38.0", "preview"),
        ("v1.39.0", "newer_than_n"),
        ("v1.37.1", "supported"),
        ("v1.34.9", "supported_grace"),
        ("v1.33.6", "lts_only"),
        ("v1.31.9", "too_old"),
    ],
)
def test_aks_versions_handed_over_win_over_the_table(judged: t.Any, said: t.Any, version: str, verdict: str) -> None:
    plan = judged(version, arm_versions=AKS_TODAY)
    facts = plan.facts["version_window"]
    assert facts["verdict"] == verdict
    assert (facts["n"], facts["n_source"], facts["n_as_of"]) == ("1.37", "aks_versions", None)
    assert not {"version.n_from_table", "version.table_stale", "version.table_behind_plan"} & set(said(plan))


def test_grace_ends_where_aks_no_longer_lists_the_minor_as_official(judged: t.Any) -> None:
    data = {"values": [value for value in AKS_TODAY["values"] if value["version"] != "1.34"]}
    early = datetime.date(2026, 9, 15)
    assert judged("v1.34.9", arm_versions=data, today=early).facts["version_window"]["verdict"] == "platform_only"


def test_old_shape_tells_no_plans_so_the_calendar_tells_long_term_support(judged: t.Any) -> None:
    data = {"orchestrators": [{"orchestratorVersion": "1.36.2"}]}
    assert judged("v1.32.9", arm_versions=data).facts["version_window"]["verdict"] == "lts_only"


@pytest.mark.parametrize("value", [None, AKS_TODAY])
def test_n_of_the_user_wins(judged: t.Any, said: t.Any, value: t.Any) -> None:
    plan = judged("v1.36.2", latest_ga_minor="1.38", arm_versions=value)
    facts = plan.facts["version_window"]
    assert (facts["n"], facts["n_source"], facts["n_as_of"], facts["verdict"]) == ("1.38", "user", None, "supported")
    assert said(plan) == ({"version.n_differs": "info"} if value else {})
    assert said(judged("v1.36.2", latest_ga_minor="1.37", arm_versions=value)) == {}


def test_own_table_decides(judged: t.Any) -> None:
    table = [{"minor": "1.37", "ga": "2026-09-10"}, {"minor": "1.38", "preview": "2026-09-01", "upstream": "2026-08"}]
    plan = judged("v1.38.0", table=table, table_as_of="2026-09-12", arc=True)
    facts = plan.facts["version_window"]
    assert (facts["n"], facts["n_as_of"], facts["verdict"]) == ("1.37", "2026-09-12", "preview")
    assert facts["arc"]["n"] == "1.38"
    (finding,) = [finding for finding in plan.findings if finding.code == "version.n_from_table"]
    assert finding.edition == "Table given by option table as of 2026-09-12"


@pytest.mark.parametrize(
    ("today", "verdict"), [("2026-08-31", "newer_than_n"), ("2026-09-01", "preview"), ("2026-12-01", "supported")]
)
def test_preview_lasts_from_its_first_day_until_general_availability(judged: t.Any, today: str, verdict: str) -> None:
    table = [{"minor": "1.37", "ga": "2026-06-19"}, {"minor": "1.38", "preview": "2026-09-01", "ga": "2026-12-01"}]
    plan = judged("v1.38.0", table=table, table_as_of="2026-12-01", today=datetime.date.fromisoformat(today))
    assert plan.facts["version_window"]["verdict"] == verdict


def test_every_verdict_of_the_enumeration_is_reached(judged: t.Any) -> None:
    known = Knowledge(AKS_CALENDAR, datetime.date(2026, 7, 1))
    versions = [*(version for version, _verdict in VERDICT_BY_VERSION), "v1.32.9"]
    assert {judge(parse_version(version), Minor(1, 36), known) for version in versions} == set(VERDICTS) - {"platform_only"}


# Severity ------------------------------------------------------------------------------------------------------------------

OUTSIDE = {
    "v1.33.6": "platform_only",
    "v1.33.104-akslts": "lts_only",
    "v1.29.4": "too_old",
    "v1.37.0": "newer_than_n",
    "v1.36.0-rc.0": "preview",
}
FLAGS = list(itertools.product(["aks", "k3s", "ocp"], ["", "amlext"], [None, True, False], [True, False]))


@pytest.mark.parametrize(("platform", "extension", "new_install", "strict"), FLAGS)
@pytest.mark.parametrize("version", OUTSIDE)
def test_only_too_old_before_a_new_installation_is_an_error(
    judged: t.Any, said: t.Any, version: str, platform: str, extension: str, new_install: bool | None, strict: bool
) -> None:
    plan = judged(version, platform, extension=extension, new_install=new_install, strict=strict)
    new = not extension if new_install is None else new_install
    error = strict or (version == "v1.29.4" and new and platform != "ocp")
    assert said(plan)[f"version.{OUTSIDE[version]}"] == ("error" if error else "warning")
    assert plan.checks["version"] == ("error" if error else "warning")
    assert plan.facts["version_window"]["new_install"] is new
    assert "version.extension_unknown" not in said(plan)


@pytest.mark.parametrize("strict", [True, False])
def test_grace_is_a_warning_even_when_strict(judged: t.Any, said: t.Any, strict: bool) -> None:
    plan = judged("v1.33.6", today=datetime.date(2026, 7, 1), strict=strict)
    assert said(plan)["version.supported_grace"] == "warning"
    (finding,) = [finding for finding in plan.findings if finding.code == "version.supported_grace"]
    assert "until 2026-07-31" in finding.message


def test_inside_the_window_nothing_is_said_but_the_tables_date(judged: t.Any, said: t.Any) -> None:
    plan = judged("v1.35.5")
    assert said(plan) == {"version.n_from_table": "info"}
    assert plan.checks == {"version": "ok", "version_arc": "not_applicable", "version_nodes": "ok", "version_region": "not_run"}
    assert "as of 2026-08-27" in plan.findings[0].message
    assert not plan.changes


@pytest.mark.parametrize(
    ("unread", "words"),
    [(core.EXTENSION_DEPLOYMENTS, "list deployments in namespace azureml"), (core.API_GROUPS, "get /apis")],
)
def test_what_cannot_be_known_softens_the_error_and_says_so(judged: t.Any, said: t.Any, unread: t.Any, words: str) -> None:
    nothing = {core.CLUSTER_VERSION: Answer(403)}
    plan = judged("v1.29.4", "kubernetes", forbidden=[unread], changed=nothing)
    assert said(plan)["version.too_old"] == "warning"
    (finding,) = [finding for finding in plan.findings if finding.code == "version.extension_unknown"]
    assert words in finding.message


def test_an_extension_whose_name_is_not_told_still_runs(judged: t.Any, said: t.Any) -> None:
    item = {"metadata": {"name": "amlarc-thing", "labels": {"ml.azure.com/amlarc-system": "true"}}}
    plan = judged("v1.29.4", changed={core.EXTENSION_DEPLOYMENTS: Answer(200, {"items": [item]})})
    assert plan.facts["version_window"]["new_install"] is False
    assert said(plan)["version.too_old"] == "warning"


@pytest.mark.parametrize(("override", "severity"), [("aro", "warning"), ("eks", "error")])
def test_platform_given_by_the_user_decides(judged: t.Any, said: t.Any, override: str, severity: str) -> None:
    plan = judged.run(judged.answers("v1.29.4", "kubernetes", forbidden=[core.API_GROUPS]), platform=override)
    assert said(plan)["version.too_old"] == severity
    assert plan.facts["version_window"]["platform"] == override


@pytest.mark.parametrize(
    ("platform", "words"),
    [
        ("aks", "az aks upgrade --resource-group GROUP --name CLUSTER --kubernetes-version 1.34"),
        ("ocp", "oc adm upgrade channel stable-4.21"),
        ("k3s", "Upgrade Kubernetes to 1.34 or later"),
    ],
)
def test_remedy_fits_the_platform(judged: t.Any, platform: str, words: str) -> None:
    finding = judged("v1.29.4", platform, openshift="4.16.3").findings[0]
    assert finding.code == "version.too_old"
    assert words in finding.remedy
    assert finding.subject == "APIServer/version"
    assert "the window is 1.34 to 1.36 (as of 2026-08-27)" in finding.message
    assert ("of OpenShift 4.16.3" in finding.message) == (platform == "ocp")


def test_managed_openshift_is_upgraded_from_outside(judged: t.Any) -> None:
    plan = judged.run(judged.answers("v1.29.4", "ocp"), platform="rosa")
    assert "rosa upgrade cluster" in plan.findings[0].remedy


def test_a_running_extension_is_named(judged: t.Any) -> None:
    assert "The extension amlext runs already" in judged("v1.29.4", extension="amlext").findings[0].message


# Bad servers ---------------------------------------------------------------------------------------------------------------

RUBBISH: list[t.Any] = [
    {"gitVersion": "rubbish"},
    {"gitVersion": ["v1.36.0"], "major": None},
    {"gitVersion": None, "minor": "36"},
    {},
    {"html": "<h1>login</h1>"},
]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("body", RUBBISH)
def test_rubbish_as_version_is_unknown_and_no_crash(judged: t.Any, said: t.Any, body: t.Any, strict: bool) -> None:
    plan = judged(body, nodes=[judged.node("n", "v1.36.1", "aks")], strict=strict)
    facts = plan.facts["version_window"]
    assert (facts["verdict"], facts["server_version"], facts["minor"]) == ("unknown", None, None)
    assert said(plan)["version.server_unparsable"] == ("error" if strict else "warning")
    assert plan.checks["version"] == ("error" if strict else "unknown")
    assert plan.checks["version_nodes"] == "unknown"


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_version_that_may_not_be_read_is_unknown(judged: t.Any, said: t.Any, status: int) -> None:
    plan = judged(changed={core.VERSION: Answer(status, {"message": "not for you"})}, arc=True)
    assert plan.facts["version_window"]["verdict"] == "unknown"
    assert said(plan)["version.server_unreadable"] == "warning"
    assert plan.checks["version"] == plan.checks["version_arc"] == "unknown"
    assert "not for you" in plan.findings[0].message


def test_minor_alone_is_enough(judged: t.Any) -> None:
    facts = judged({"gitVersion": "", "major": "1", "minor": "35+"}).facts["version_window"]
    assert (facts["verdict"], facts["minor"]) == ("supported", "1.35")


# How far N can be trusted ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "limit", "stale"), [(120, None, False), (121, None, True), (31, 30, True), (30, 30, False)])
def test_an_old_table_is_warned_of(judged: t.Any, said: t.Any, days: int, limit: int | None, stale: bool) -> None:
    today = AKS_CALENDAR.as_of + datetime.timedelta(days=days)
    plan = judged("v1.35.5", today=today, table_max_age_days=limit)
    assert ("version.table_stale" in said(plan)) == stale
    if stale:
        assert said(plan)["version.table_stale"] == "warning"


@pytest.mark.parametrize(("today", "told"), [("2026-10-30", False), ("2026-10-31", True)])
def test_a_planned_minor_whose_time_has_come_is_told_but_does_not_move_n(
    judged: t.Any, said: t.Any, today: str, told: bool
) -> None:
    plan = judged("v1.35.5", today=datetime.date.fromisoformat(today))
    assert ("version.table_behind_plan" in said(plan)) == told
    assert plan.facts["version_window"]["n"] == "1.36"


# OpenShift -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("running", "release"), [("4.21.7", "4.21"), ("", "4.21")])
def test_openshift_releases_in_the_window(judged: t.Any, running: str, release: str) -> None:
    facts = judged("v1.34.2", "ocp", openshift=running).facts["version_window"]["openshift"]
    assert facts == {"version": running or None, "release": release, "releases_in_window": ["4.23", "4.22", "4.21"]}


def test_no_openshift_facts_elsewhere(judged: t.Any) -> None:
    assert judged().facts["version_window"]["openshift"] is None


def test_todays_default_aro_is_only_warned_of(judged: t.Any, said: t.Any) -> None:
    plan = judged("v1.32.9", "ocp", openshift="4.19.24")
    assert said(plan)["version.too_old"] == "warning"
    assert "does not stop an installation" in plan.findings[0].message
