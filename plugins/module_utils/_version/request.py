"""Options of `version_window` and their typed form."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import PLATFORMS
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import Minor, parse_minor
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.kubernetes_versions import AKS_CALENDAR, KubernetesRelease
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.tables import Dated, read_day
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.sources import (
    AksVersions,
    gaps,
    newest_ga,
    read_aks_versions,
    read_regions,
    read_release,
)

T = t.TypeVar("T")

_ROW_OPTIONS: Json = {
    "minor": {"type": "str", "required": True},
    "upstream": {"type": "str"},
    "preview": {"type": "str"},
    "ga": {"type": "str"},
    "end_of_life": {"type": "str"},
    "lts_end": {"type": "str"},
}
OPTIONS: Json = {
    "latest_ga_minor": {"type": "str", "aliases": ["n"]},
    "latest_upstream_minor": {"type": "str"},
    "arm_versions": {"type": "raw"},
    "arm_versions_file": {"type": "path"},
    "table": {"type": "list", "elements": "dict", "options": _ROW_OPTIONS},
    "table_as_of": {"type": "str"},
    "table_max_age_days": {"type": "int", "default": 120},
    "strict": {"type": "bool", "default": False},
    "new_install": {"type": "bool"},
    "location": {"type": "str", "aliases": ["region"]},
    "regions": {"type": "raw"},
    "check_nodes": {"type": "bool", "default": True},
    "platform": {"type": "str", "choices": [name for name in PLATFORMS if name != "unknown"]},
}
RULES: Json = {
    "mutually_exclusive": [("arm_versions", "arm_versions_file")],
    "required_together": [("table", "table_as_of")],
}


@dataclass(frozen=True)
class Request:
    """What is asked, understood.

    Args:
        today: the day on which dated tables are judged.
        latest_ga: N by the user's word.
        latest_upstream: Arc's N by the user's word.
        aks: AKS versions handed over.
        calendar: the dated table, shipped or given.
        max_age: days after which the table is stale.
        new_install: None: decided by whether the extension runs.
        regions: region keys handed over.
    """

    today: datetime.date
    calendar: Dated[KubernetesRelease] = AKS_CALENDAR
    latest_ga: Minor | None = None
    latest_upstream: Minor | None = None
    aks: AksVersions | None = None
    max_age: int = 120
    strict: bool = False
    new_install: bool | None = None
    location: str = ""
    regions: frozenset[str] | None = None
    check_nodes: bool = True
    platform: str = ""


def parse(params: t.Mapping[str, t.Any], today: datetime.date | None = None) -> Request:
    """Module parameters to a request. The only I/O is reading `arm_versions_file`.

    Args:
        today: the day to judge by, for tests; the machine's date when absent.

    Raises:
        InvalidRequest: everything that is wrong.
    """
    day = today or datetime.date.today()
    problems: list[str] = []
    latest_ga = _attempt(problems, "latest_ga_minor", parse_minor, params)
    latest_upstream = _attempt(problems, "latest_upstream_minor", parse_minor, params)
    aks = _attempt(problems, "arm_versions", read_aks_versions, params)
    if aks is None:
        aks = _attempt(problems, "arm_versions_file", _read_aks_versions_file, params)
    regions = _attempt(problems, "regions", read_regions, params)
    calendar = _calendar(problems, params)
    max_age = params.get("table_max_age_days")
    if max_age is not None and max_age < 0:
        problems.append("table_max_age_days: a number of days cannot be negative.")
    if not problems and latest_ga is None and aks is None and newest_ga(calendar, day) is None:
        problems.append(f"table: no minor is generally available on {day}; give ga dates, or latest_ga_minor.")
    if problems:
        raise InvalidRequest(problems)
    return Request(
        today=day,
        calendar=calendar,
        latest_ga=latest_ga,
        latest_upstream=latest_upstream,
        aks=aks,
        max_age=120 if max_age is None else max_age,
        strict=bool(params.get("strict")),
        new_install=params.get("new_install"),
        location=(params.get("location") or "").strip(),
        regions=regions,
        check_nodes=params.get("check_nodes") is not False,
        platform=params.get("platform") or "",
    )


def _attempt(problems: list[str], option: str, reader: t.Callable[[t.Any], T], params: t.Mapping[str, t.Any]) -> T | None:
    """The option's value as `reader` understands it; a ValueError becomes a problem that names the option."""
    value = params.get(option)
    if value is None or value == "":
        return None
    try:
        return reader(value)
    except ValueError as error:
        problems.append(f"{option}: {error}")
        return None


def _read_aks_versions_file(path: str) -> AksVersions:
    """The AKS versions in a file; bytes, so that JSON's own detection also reads UTF-16 as PowerShell writes it."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}.") from error
    try:
        return read_aks_versions(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _calendar(problems: list[str], params: t.Mapping[str, t.Any]) -> Dated[KubernetesRelease]:
    """The table that the user gave, checked and sorted, or the shipped one."""
    given = params.get("table")
    if given is None:
        return AKS_CALENDAR
    rows = []
    for number, row in enumerate(given, start=1):
        try:
            rows.append(read_release(row))
        except ValueError as error:
            problems.append(f"table, row {number}: {error}")
    rows.sort(key=lambda row: row.minor)
    problems.extend(f"table: minors must follow one another, but {gap}" for gap in gaps(rows))
    as_of = _attempt(problems, "table_as_of", read_day, params)
    if as_of is None and not params.get("table_as_of"):
        problems.append("table_as_of: say on which day the table was true, as '2026-06-19'.")
    return Dated("Table given by option table", as_of or datetime.date.min, "option table", tuple(rows))
