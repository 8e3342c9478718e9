"""The shipped tables of versions and regions."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import Minor
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.kubernetes_versions import AKS_CALENDAR, openshift_release
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.regions import REGION_HINTS, region_key
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.tables import last_day, read_day

pytestmark = pytest.mark.version
ROWS = {str(row.minor): row for row in AKS_CALENDAR.rows}


def test_minors_are_sorted_and_contiguous() -> None:
    minors = [row.minor for row in AKS_CALENDAR.rows]
    assert minors == [Minor(1, minors[0].minor + step) for step in range(len(minors))]


@pytest.mark.parametrize("column", ["upstream", "preview", "ga", "ga_planned", "end_of_life", "lts_end"])
def test_dates_of_a_column_rise(column: str) -> None:
    dates = [day for day in (getattr(row, column) for row in AKS_CALENDAR.rows) if day]
    assert dates == sorted(set(dates))


def test_months_of_a_row_follow_one_another() -> None:
    for row in AKS_CALENDAR.rows:
        dates = [row.upstream, row.preview, row.ga or row.ga_planned, row.end_of_life, row.lts_end]
        known = [(day.year, day.month) for day in dates if day]
        assert known == sorted(known), row.minor


def test_what_happened_happened_by_the_tables_date() -> None:
    assert all(row.ga is None or row.ga <= AKS_CALENDAR.as_of for row in AKS_CALENDAR.rows)
    assert [str(row.minor) for row in AKS_CALENDAR.rows if row.ga is None] == ["1.37"]


@pytest.mark.parametrize(
    ("minor", "ga"), [("1.34", "2026-01-04"), ("1.35", "2026-03-05"), ("1.36", "2026-06-19"), ("1.31", "2024-10-25")]
)
def test_general_availability_is_the_real_day(minor: str, ga: str) -> None:
    assert ROWS[minor].ga == datetime.date.fromisoformat(ga)


@pytest.mark.parametrize(
    ("minor", "release"), [((1, 18), ""), ((1, 19), "4.6"), ((1, 25), "4.12"), ((1, 34), "4.21"), ((1, 35), "4.22"), ((2, 30), "")]
)
def test_openshift_release(minor: tuple[int, int], release: str) -> None:
    assert openshift_release(Minor(*minor)) == release


def test_tables_say_where_they_come_from() -> None:
    assert AKS_CALENDAR.edition == "AKS release calendar as of 2026-08-27"
    assert "learn.microsoft.com" in AKS_CALENDAR.source
    assert REGION_HINTS.source
    assert AKS_CALENDAR.age(datetime.date(2026, 8, 28)) == 1


def test_region_names_are_short_and_unique() -> None:
    names = [row.name for row in REGION_HINTS.rows]
    assert names == [region_key(name) for name in names]
    assert len(names) == len(set(names)) == 31
    assert [row.name for row in REGION_HINTS.rows if not row.offered] == ["swedencentral"]
    assert region_key(" West Europe ") == "westeurope"


@pytest.mark.parametrize(("year", "month", "day"), [(2024, 2, 29), (2026, 2, 28), (2026, 12, 31), (2026, 11, 30)])
def test_last_day_of_a_month(year: int, month: int, day: int) -> None:
    assert last_day(year, month) == datetime.date(year, month, day)


def test_days_as_people_write_them() -> None:
    assert read_day("2026-06-19") == datetime.date(2026, 6, 19)
    assert read_day("2026-06") == datetime.date(2026, 6, 30)
    assert read_day(datetime.date(2026, 6, 19)) == datetime.date(2026, 6, 19)
    assert read_day("") is read_day(None) is None
    for text in ("June", "2026-13", "2026-02-30", "9999-12", "2026"):
        with pytest.raises(ValueError, match="is no date"):
            read_day(text)
