"""The report of the health check: every shape that was seen, and every one that was not."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.health import parse, read_report
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.health_codes import HEALTH_CODES
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.components import listing
from tests.integration.components.cluster import Cluster

pytestmark = pytest.mark.extension

SEEN = (
    "K8sDistribution: microk8s\nK8sInfrastructure: generic\nCorrelationId: 1-2\n"
    "Status: Failed\nName: instancetype\nErrorCode: E45006\nErrorMessage: failed to list, Name: any\n"
    "Status: Passed\nName: inferencev1\n"
)


def report(content: Any, key: str = "reports-test") -> dict[str, Any]:
    return {"metadata": {"name": "arcml-healthcheck"}, "data": {key: content}}


def test_lines_become_entries() -> None:
    entries, about = parse("reports-pre-install", SEEN)
    assert [(e.status, e.checker, e.code, e.message) for e in entries] == [
        ("Failed", "instancetype", "E45006", "failed to list, Name: any"),
        ("Passed", "inferencev1", "", ""),
    ]
    assert about == {"K8sDistribution": "microk8s", "K8sInfrastructure": "generic", "CorrelationId": "1-2"}


@pytest.mark.parametrize(
    "content",
    [
        "Status: Failed Name: service ErrorCode: E40001 ErrorMessage: no load balancer",
        '[{"Status": "Failed", "Name": "service", "ErrorCode": "E40001", "ErrorMessage": "no load balancer"}]',
        "- Name: service\n  Status: Failed\n  ErrorCode: E40001\n  ErrorMessage: no load balancer\n",
        "Status=Failed\r\nName=service\r\nErrorCode=E40001\r\nErrorMessage=no load balancer\r\n",
    ],
    ids=["one line", "JSON", "name first", "equals"],
)
def test_the_same_in_other_clothes(content: str) -> None:
    (entry,), _about = parse("reports-test", content)
    assert (entry.status, entry.checker, entry.code, entry.message) == ("Failed", "service", "E40001", "no load balancer")
    assert entry.failed and entry.blocking


def test_codes_without_any_structure_are_kept() -> None:
    entries, _about = parse("reports-test", "helm said E45002 and E41234, and E45002 again")
    assert [entry.code for entry in entries] == ["E45002", "E41234"]
    assert all(entry.failed for entry in entries)


@pytest.mark.parametrize("row", HEALTH_CODES.rows, ids=[row.code for row in HEALTH_CODES.rows])
def test_every_code_gets_its_meaning_remedy_and_weight(row: Any) -> None:
    cluster = Cluster(listing.installed())
    cluster.add(listing.health(reports_test=f"Status: Failed\nName: x\nErrorCode: {row.code}\nErrorMessage: words\n"))
    (finding,) = [f for f in cluster.judge().findings if f.code == "components.health_failed"]
    expected = "info" if row.code == "E45006" else "error" if int(row.code[1:]) < 45000 else "warning"
    assert (finding.severity, finding.remedy) == (expected, row.remedy)
    assert row.name in finding.message and row.meaning in finding.message and "words" in finding.message
    assert finding.edition == HEALTH_CODES.edition


def test_an_unknown_code_is_kept_and_weighs_by_its_number() -> None:
    cluster = Cluster(listing.installed())
    cluster.add(listing.health(reports_test="Status: Failed\nName: new\nErrorCode: E41234\n\nStatus: Failed\nErrorCode: E46000\n"))
    done = cluster.judge()
    found = {f.message.split()[1]: f.severity for f in done.findings if f.code == "components.health_failed"}
    assert found == {"E41234": "error", "E46000": "warning"}
    entries = done.facts["extension_components"]["health_check"]["entries"]
    assert [(entry["code"], entry["name"]) for entry in entries] == [("E41234", ""), ("E46000", "")]


def test_the_old_name_is_read_where_the_new_one_is_not() -> None:
    cluster = Cluster(listing.installed())
    item = cluster.objects.pop(("ConfigMap", "arcml-healthcheck"))
    assert cluster.judge().facts["extension_components"]["health_check"]["name"] == ""
    item["metadata"]["name"] = "amlarc-healthcheck"
    cluster.add(item)
    health = cluster.judge().facts["extension_components"]["health_check"]
    assert health["name"] == "amlarc-healthcheck" and len(health["entries"]) == 4


def test_a_failed_installation_tells_what_its_check_found() -> None:
    cluster = Cluster([listing.health(reports_pre_install="Status: Failed\nName: x\nErrorCode: E40002\nErrorMessage: 1 node\n")])
    done = cluster.judge(training=True)
    assert {(f.code, f.severity) for f in done.findings} == {
        ("components.not_installed", "error"),
        ("components.health_failed", "error"),
    }


@pytest.mark.parametrize(
    "data",
    [{"reports-test": "x" * (1 << 20)}, {"reports-test": 7}, {"reports-test": None}, {"reports-test": ["a"]}, {"": "\x00\x01"}],
    ids=["1 MiB", "number", "null", "list", "control characters"],
)
def test_rubbish_is_a_warning(data: dict[str, Any]) -> None:
    cluster = Cluster(listing.installed())
    cluster.add({"kind": "ConfigMap", "metadata": {"name": "arcml-healthcheck"}, "data": data, "binaryData": {"b": "AA=="}})
    found = [f for f in cluster.judge().findings if f.code == "components.health_unreadable"]
    assert len(found) == 2 and all(f.severity == "warning" and len(f.message) < 300 for f in found)


@pytest.mark.parametrize(
    "piece", ["Status:", "Name: x\n", "Status: Failed\nErrorCode: E40001\n", "E40001 ", "\"',{}", "ErrorMessage: Name: "]
)
def test_a_mebibyte_takes_no_time_and_no_space(piece: str) -> None:
    content = (piece * ((1 << 20) // len(piece) + 1))[: 1 << 20]
    began = time.process_time()
    cluster = Cluster(listing.installed())
    cluster.add({"kind": "ConfigMap", "metadata": {"name": "arcml-healthcheck"}, "data": {"reports-test": content}})
    done = cluster.judge()
    assert time.process_time() - began < 2
    assert len(repr(done.findings)) < 200_000 and len(done.facts["extension_components"]["health_check"]["entries"]) <= 1000


TEXT = st.text(max_size=300)
WORDS = st.lists(
    st.sampled_from(["Status:", "Name:", " Failed", "\n", "ErrorCode: E40001", "ErrorMessage", ":", '"', "E4", "\u2028"]),
    max_size=60,
)
VALUES = st.one_of(
    TEXT, WORDS.map("".join), st.none(), st.integers(), st.lists(TEXT, max_size=2), st.dictionaries(TEXT, TEXT, max_size=2)
)


@given(st.one_of(VALUES, st.dictionaries(TEXT, VALUES, max_size=4)))
def test_whatever_the_map_holds_is_read(data: Any) -> None:
    found = read_report({"metadata": {"name": "arcml-healthcheck"}, "data": data, "binaryData": data})
    for entry in found.entries:
        assert len(entry.message) <= 1100 and entry.public()["code"] == entry.code
        assert isinstance(entry.failed, bool) and isinstance(entry.blocking, bool)


def test_a_diagnosis_counts_although_everything_is_ready() -> None:
    cluster = Cluster(listing.installed())
    lines = "".join(f"Status: Failed\nName: x\nErrorCode: {code}\n" for code in ("E45003", "E45000", "E44999"))
    cluster.add(listing.health(reports_pre_install=lines))
    found = {f.message.split()[1]: f.severity for f in cluster.judge().findings if f.code == "components.health_failed"}
    assert found == {"E45003": "warning", "E45000": "warning", "E44999": "info"}
