"""Where N and the regions come from: data of Azure that was handed over, and dated tables. Pure readers, errors in words."""

from __future__ import annotations

import datetime
import json
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import Minor, parse_minor, parse_version
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.kubernetes_versions import KubernetesRelease
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.regions import region_key
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.tables import Dated, read_day

OFFICIAL, LONG_TERM = "KubernetesOfficial", "AKSLongTermSupport"
REGIONAL_TYPES = ("connectedclusters", "extensions")
"""Resource types that decide where a cluster can be Arc-connected and get extensions, in lower case."""


@dataclass(frozen=True)
class AksVersions:
    """What AKS offers in a region, by minor.

    Args:
        official: generally available with the support plan KubernetesOfficial (the newest is N).
        long_term: covered by the support plan AKSLongTermSupport; None when the data do not tell plans.
        preview: offered as preview only.
    """

    official: frozenset[Minor]
    long_term: frozenset[Minor] | None
    preview: frozenset[Minor]


def read_aks_versions(data: object) -> AksVersions:
    """The AKS versions in any of their historical shapes, as data or JSON text.

    ARM `kubernetesVersions` and `az aks get-versions` (az 2.50 and later: the same with nulls) hold `values`; older az and
    the retired ARM call hold `orchestrators`, at the top or below `properties`. The bare list is taken, too.

    Raises:
        ValueError: the data are none of these or name no generally available minor.
    """
    entries = _version_entries(decode(data))
    official, long_term, preview = set(), set(), set()
    plans_known = False
    for entry in entries:
        version = parse_version(entry.get("version") or entry.get("orchestratorVersion"))
        if version is None:
            continue
        capabilities = entry.get("capabilities")
        plans = capabilities.get("supportPlan") if isinstance(capabilities, dict) else None
        plans_known = plans_known or isinstance(plans, list)
        if is_true(entry.get("isPreview")):
            preview.add(version.line)
        elif not isinstance(plans, list) or OFFICIAL in plans:
            official.add(version.line)
        if isinstance(plans, list) and LONG_TERM in plans:
            long_term.add(version.line)
    if not official:
        raise ValueError(
            f"no generally available minor with the support plan {OFFICIAL} among {len(entries)} versions;"
            " hand over the whole output of `az aks get-versions --location LOCATION --output json`."
        )
    return AksVersions(frozenset(official), frozenset(long_term) if plans_known else None, frozenset(preview - official))


def _version_entries(data: object) -> list[dict[str, t.Any]]:
    candidates: list[object] = [data]
    if isinstance(data, dict):
        properties = data.get("properties")
        candidates = [data.get("values"), data.get("orchestrators")]
        candidates += [properties.get("orchestrators")] if isinstance(properties, dict) else []
    for candidate in candidates:
        if isinstance(candidate, list):
            return [entry for entry in candidate if isinstance(entry, dict)]
    raise ValueError(
        "neither values nor orchestrators found; expected the JSON of ARM kubernetesVersions or of"
        " `az aks get-versions --location LOCATION --output json`."
    )


def is_true(flag: object) -> bool:
    """A flag that may be absent, null, a boolean or a word."""
    return flag.strip().lower() in ("true", "yes", "1") if isinstance(flag, str) else bool(flag)


def read_regions(data: object) -> frozenset[str]:
    """Region keys from `az provider show` (one provider or a list), a list of names or JSON text.

    Where both resource types of a provider list are there, a region must be in all of them.

    Raises:
        ValueError: no region can be found in the data.
    """
    data = decode(data)
    entries = data if isinstance(data, list) else [data]
    names = [entry for entry in entries if isinstance(entry, str)]
    listed = [frozenset(region_key(name) for name in names if name.strip())] if names else []
    for entry in entries:
        types = entry.get("resourceTypes") if isinstance(entry, dict) else None
        for kind in types if isinstance(types, list) else []:
            if isinstance(kind, dict) and str(kind.get("resourceType", "")).lower() in REGIONAL_TYPES:
                locations = kind.get("locations")
                locations = locations if isinstance(locations, list) else []
                listed.append(frozenset(region_key(name) for name in locations if isinstance(name, str)))
    if not any(listed):
        raise ValueError(
            "no region found; expected a list of region names or the JSON of"
            " `az provider show --namespace Microsoft.KubernetesConfiguration --output json`."
        )
    return frozenset.intersection(*listed)


def decode(data: object) -> object:
    """JSON text becomes data, anything else stays.

    Raises:
        ValueError: the text is no JSON.
    """
    if not isinstance(data, (str, bytes)):
        return data
    try:
        return t.cast(object, json.loads(data))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this is no JSON ({error}).") from error


def read_release(row: t.Mapping[str, t.Any]) -> KubernetesRelease:
    """One row of a table given by the user.

    Raises:
        ValueError: all that is wrong with the row.
    """
    problems: list[str] = []
    dates: dict[str, datetime.date | None] = {}
    for column in ("upstream", "preview", "ga", "end_of_life", "lts_end"):
        try:
            dates[column] = read_day(row.get(column))
        except ValueError as error:
            problems.append(f"{column}: {error}")
    try:
        minor = parse_minor(row.get("minor"))
    except ValueError as error:
        problems.append(f"minor: {error}")
    if problems:
        raise ValueError(" ".join(problems))
    return KubernetesRelease(minor, **dates)


def gaps(rows: t.Sequence[KubernetesRelease]) -> list[str]:
    """What keeps a table from being a contiguous run of minors, oldest first."""
    pairs = zip(rows, rows[1:])
    return [f"{older.minor} is followed by {newer.minor}." for older, newer in pairs if newer.minor.ahead_of(older.minor) != 1]


def newest_ga(calendar: Dated[KubernetesRelease], today: datetime.date) -> Minor | None:
    """N by the table: the newest minor that was generally available by `today`."""
    return max((row.minor for row in calendar.rows if row.ga and row.ga <= today), default=None)


def newest_upstream(calendar: Dated[KubernetesRelease], today: datetime.date) -> Minor | None:
    """The newest minor that the Kubernetes project had released by `today`."""
    return max((row.minor for row in calendar.rows if row.upstream and row.upstream <= today), default=None)
