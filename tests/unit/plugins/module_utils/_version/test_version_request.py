"""Options become a request, or every problem at once."""

from __future__ import annotations

import datetime
import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import Minor
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.kubernetes_versions import AKS_CALENDAR
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.request import Request, parse
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.sources import read_aks_versions, read_regions
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.version
TODAY = datetime.date(2026, 9, 15)
BOTH, OFFICIAL, LONG_TERM = ["KubernetesOfficial", "AKSLongTermSupport"], ["KubernetesOfficial"], ["AKSLongTermSupport"]

ARM = {
    "values": [
        {"version": "1.36", "capabilities": {"supportPlan": BOTH}, "patchVersions": {"1.36.2": {"upgrades": []}}},
        {"version": "1.35", "isDefault": True, "capabilities": {"supportPlan": BOTH}},
        {"version": "1.9", "capabilities": {"supportPlan": LONG_TERM}},
        {"version": "1.37", "isPreview": True, "capabilities": {"supportPlan": OFFICIAL}},
        {"version": "1.34", "capabilities": {"supportPlan": BOTH}},
        {"version": "1.33", "capabilities": {"supportPlan": LONG_TERM}, "patchVersions": {"1.33.13": {"upgrades": ["1.34.9"]}}},
    ]
}
CLI = {
    "values": [
        None,
        {
            "version": "1.33",
            "isDefault": None,
            "isPreview": None,
            "capabilities": {"supportPlan": LONG_TERM},
            "patchVersions": None,
        },
        {"version": "1.34", "isDefault": None, "isPreview": None, "capabilities": {"supportPlan": BOTH}, "patchVersions": {}},
        {"version": "1.36", "isDefault": None, "isPreview": False, "capabilities": {"supportPlan": BOTH}, "patchVersions": None},
        {"version": "1.37", "isDefault": None, "isPreview": "true", "capabilities": {"supportPlan": OFFICIAL}},
        {"version": "1.35", "isDefault": True, "isPreview": "false", "capabilities": {"supportPlan": BOTH}},
        {"version": None},
    ]
}
OLD_CLI = {
    "id": "/subscriptions/1/providers/Microsoft.ContainerService/locations/westeurope/orchestrators",
    "orchestrators": [
        {"default": None, "isPreview": None, "orchestratorType": "Kubernetes", "orchestratorVersion": "1.36.2", "upgrades": None},
        {"default": None, "isPreview": True, "orchestratorType": "Kubernetes", "orchestratorVersion": "1.37.0", "upgrades": None},
        {"default": None, "isPreview": True, "orchestratorType": "Kubernetes", "orchestratorVersion": "1.36.0", "upgrades": []},
        {"default": True, "isPreview": None, "orchestratorType": "Kubernetes", "orchestratorVersion": "1.35.6", "upgrades": None},
        {"default": None, "isPreview": None, "orchestratorType": "Kubernetes", "orchestratorVersion": "1.34.9", "upgrades": None},
    ],
}
OLD_ARM = {"type": "Microsoft.ContainerService/locations/orchestrators", "properties": {"orchestrators": OLD_CLI["orchestrators"]}}
SHAPES = {"arm": ARM, "cli": CLI, "old cli": OLD_CLI, "old arm": OLD_ARM, "bare list": ARM["values"]}


def problems(**params: t.Any) -> tuple[str, ...]:
    with pytest.raises(InvalidRequest) as caught:
        parse(params, TODAY)
    return caught.value.problems


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_aks_versions_gives_the_same_window(shape: str, as_text: bool) -> None:
    data: t.Any = json.dumps(SHAPES[shape]) if as_text else SHAPES[shape]
    aks = read_aks_versions(data)
    assert aks.official == {(1, 36), (1, 35), (1, 34)}
    assert aks.preview == {(1, 37)}
    if shape.startswith("old"):
        assert aks.long_term is None
    else:
        assert aks.long_term is not None
        assert (1, 33) in aks.long_term
        assert (1, 37) not in aks.long_term


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"values": None}, "neither values nor orchestrators"),
        ({"values": []}, "no generally available minor"),
        ({"values": [{"version": "1.37", "isPreview": True}]}, "no generally available minor"),
        ({"values": [{"version": "1.31", "capabilities": {"supportPlan": LONG_TERM}}]}, "no generally available minor"),
        ({"orchestrators": None, "properties": None}, "neither values nor orchestrators"),
        ({}, "neither values nor orchestrators"),
        ("{", "this is no JSON"),
        ("[" * 100_000, "this is no JSON"),
        ("null", "neither values nor orchestrators"),
        (7, "neither values nor orchestrators"),
        ("no output", "this is no JSON"),
    ],
)
def test_aks_versions_that_tell_no_n(data: t.Any, words: str) -> None:
    (problem,) = problems(arm_versions=data)
    assert problem.startswith("arm_versions: ")
    assert words in problem


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["1.36", "KubernetesOfficial"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["values", "orchestrators", "version", "capabilities", "supportPlan", "isPreview"]), inner
        )
    ),
    max_leaves=12,
)


@given(json_like)
def test_handed_over_rubbish_is_a_value_error_at_worst(data: t.Any) -> None:
    for reader in (read_aks_versions, read_regions):
        try:
            reader(data)
        except ValueError as error:
            assert str(error).endswith(".")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_file_of_aks_versions_in_the_encodings_that_shells_write(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "versions.json"
    path.write_text(json.dumps(CLI), encoding=encoding)
    assert parse({"arm_versions_file": str(path)}, TODAY).aks == read_aks_versions(CLI)


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), (b"\xff\xfe\x00", "no JSON"), (b"{}", "neither values")])
def test_file_of_aks_versions_that_cannot_be_used(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "versions.json"
    if content is not None:
        path.write_bytes(content)
    (problem,) = problems(arm_versions_file=str(path))
    assert problem.startswith("arm_versions_file: ")
    assert str(path) in problem
    assert words in problem


def test_nothing_given_is_the_shipped_table() -> None:
    assert parse({}, TODAY) == Request(today=TODAY)
    assert parse({}).today == datetime.date.today()
    assert parse({"latest_ga_minor": "", "platform": None, "table": None, "check_nodes": None}, TODAY) == Request(today=TODAY)


def test_everything_given() -> None:
    request = parse(
        {
            "latest_ga_minor": "v1.37.1",
            "latest_upstream_minor": "1.38",
            "location": " West Europe ",
            "regions": ["West Europe", "eastus"],
            "table_max_age_days": 0,
            "strict": True,
            "new_install": False,
            "check_nodes": False,
            "platform": "aro",
        },
        TODAY,
    )
    assert (request.latest_ga, request.latest_upstream) == (Minor(1, 37), Minor(1, 38))
    assert (request.location, request.regions) == ("West Europe", {"westeurope", "eastus"})
    assert (request.max_age, request.strict, request.new_install, request.check_nodes) == (0, True, False, False)
    assert (request.platform, request.calendar) == ("aro", AKS_CALENDAR)


def test_all_problems_come_at_once() -> None:
    found = problems(
        latest_ga_minor="newest",
        latest_upstream_minor="1.3",
        arm_versions={},
        regions="west europe",
        table=[{"minor": "1.34", "ga": "May"}, {"minor": "x"}],
        table_as_of="yesterday",
        table_max_age_days=-1,
    )
    starts = ["latest_ga_minor", "latest_upstream_minor", "arm_versions", "regions", "table, row 1", "table, row 2", "table_as_of"]
    assert [problem.split(":")[0] for problem in found] == [*starts, "table_max_age_days"]
    assert found[0] == "latest_ga_minor: 'newest' is no Kubernetes version; write a minor as '1.36'."
    assert "'1.30'" in found[1]


def test_table_is_sorted_and_dated() -> None:
    rows = [{"minor": "1.37", "ga": "2026-09"}, {"minor": "1.36", "ga": "2026-06-19", "end_of_life": None, "preview": ""}]
    calendar = parse({"table": rows, "table_as_of": "2026-09-30"}, datetime.date(2026, 10, 1)).calendar
    assert [str(row.minor) for row in calendar.rows] == ["1.36", "1.37"]
    assert calendar.rows[1].ga == datetime.date(2026, 9, 30)
    assert calendar.edition == "Table given by option table as of 2026-09-30"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"minor": "1.34", "ga": "2026-01"}, {"minor": "1.36", "ga": "2026-06"}], "1.34 is followed by 1.36"),
        ([{"minor": "1.34", "ga": "2026-01"}, {"minor": "1.34", "ga": "2026-01"}], "1.34 is followed by 1.34"),
        ([{"minor": "1.38", "ga": "2027-01"}], "no minor is generally available on 2026-09-15"),
        ([], "no minor is generally available"),
    ],
)
def test_table_that_cannot_be_used(rows: list[dict[str, str]], words: str) -> None:
    (problem,) = problems(table=rows, table_as_of="2026-09-01")
    assert words in problem


def test_table_without_a_date_is_refused() -> None:
    (problem,) = problems(table=[{"minor": "1.36", "ga": "2026-06-19"}])
    assert problem.startswith("table_as_of: say on which day")


def test_table_without_ga_dates_serves_where_n_is_given() -> None:
    assert parse({"table": [{"minor": "1.36"}], "table_as_of": "2026-09-01", "latest_ga_minor": "1.36"}, TODAY).latest_ga == (1, 36)


def provider(**types: list[str] | None) -> dict[str, t.Any]:
    return {"resourceTypes": [{"resourceType": name, "locations": locations} for name, locations in types.items()]}


@pytest.mark.parametrize(
    ("data", "regions"),
    [
        (["West Europe", "eastus"], {"westeurope", "eastus"}),
        ('["West Europe"]', {"westeurope"}),
        (provider(connectedClusters=["West Europe", "East US"], operations=["Mars"]), {"westeurope", "eastus"}),
        ([provider(connectedClusters=["West Europe", "East US"]), provider(extensions=["East US"])], {"eastus"}),
        (json.dumps(provider(extensions=["East US"])), {"eastus"}),
    ],
)
def test_regions_in_every_shape(data: t.Any, regions: set[str]) -> None:
    assert read_regions(data) == regions


@pytest.mark.parametrize(
    "data", [[], {}, [""], provider(operations=["Mars"]), provider(extensions=None), {"resourceTypes": None}, "x", 7]
)
def test_regions_that_name_none(data: t.Any) -> None:
    (problem,) = problems(regions=data)
    assert problem.startswith("regions: ")
