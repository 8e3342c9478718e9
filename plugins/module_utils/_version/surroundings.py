"""What else supports the cluster, beside AzureML's window: Azure Arc's own window, and the region."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.regions import REGION_HINTS, region_key
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.codes import (
    ARC_UNKNOWN,
    OUTSIDE_ARC_WINDOW,
    REGION_NOT_IN_HINT,
    REGION_NOT_LISTED,
    TABLE_STALE,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.server import SERVER, read_server
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.situation import Part, Situation


def judge_arc(now: Situation, snapshot: Snapshot) -> Part:
    """Arc's window, N-2 by upstream minors, which are two to three months ahead of AKS.

    Source: the version support policy of the Azure Arc agents, which covers the cluster's version, too.
    """
    connected, newest, version = now.platform.arc_connected, now.upstream, read_server(snapshot)
    facts: Json = {"connected": connected, "in_window": None, **(newest.public() if newest else {})}
    if connected is False:
        return Part("not_applicable", facts)
    if connected is None:
        message = "Whether Azure Arc's agents are installed could not be read."
        return Part("unknown", facts, (ARC_UNKNOWN.finding(message, "ConfigMap/azure-arc/azure-clusterconfig"),))
    stale = _stale_upstream(now)
    if newest is None or version is None:
        return Part("unknown", facts, stale)
    facts["in_window"] = version.line in newest.window
    if facts["in_window"]:
        return Part.of(facts, stale)
    relation = (
        "newer than the newest upstream minor that is known" if version.line > newest.minor else "older than Azure Arc supports"
    )
    outside = OUTSIDE_ARC_WINDOW.finding(
        f"Kubernetes {version.line} ({version}) is {relation}; Arc's window is {_window(now)}.",
        SERVER,
        evidence={"server_version": version.text, **newest.public()},
        edition=now.known.calendar.edition if newest.source == "table" else "",
    )
    return Part.of(facts, (outside, *stale))


def _window(now: Situation) -> str:
    newest = now.upstream
    return newest.words.replace("latest_ga_minor", "latest_upstream_minor") if newest else "unknown"


def _stale_upstream(now: Situation) -> tuple[Finding, ...]:
    """A stale table that decides Arc's N only; where it decides N itself, that was said already."""
    calendar, newest = now.known.calendar, now.upstream
    age = calendar.age(now.request.today)
    if newest is None or newest.source != "table" or now.n.source == "table" or age <= now.request.max_age:
        return ()
    message = (
        f"The table that says the newest upstream minor is {newest.minor} is {age} days old, older than {now.request.max_age}."
    )
    return (TABLE_STALE.finding(message, edition=calendar.edition),)


def judge_region(now: Situation) -> Part:
    """The region against the list handed over, else against the dated hint, which proves nothing."""
    location, listed = now.request.location, now.request.regions
    source, as_of = ("user", None) if listed is not None else ("hint", REGION_HINTS.as_of.isoformat())
    facts: Json = {"location": location or None, "state": "not_checked", "source": source, "as_of": as_of}
    if not location:
        return Part("not_run", facts)
    subject = f"Region/{location}"
    if listed is not None:
        facts["state"] = "listed" if region_key(location) in listed else "not_listed"
        if facts["state"] == "listed":
            return Part.of(facts)
        message = f"{location} is not among the {len(listed)} regions handed over."
        return Part.of(facts, (REGION_NOT_LISTED.finding(message, subject, severity=now.lapse, evidence=sorted(listed)),))
    hint = next((row for row in REGION_HINTS.rows if row.name == region_key(location)), None)
    facts["state"] = "listed" if hint is not None and hint.offered else "unknown" if hint is None else "not_listed"
    if facts["state"] == "listed":
        return Part.of(facts)
    seen = "refused the extension when it was tried" if hint else "is not among the regions in which the extension was seen"
    finding = REGION_NOT_IN_HINT.finding(
        f"{location} {seen}.", subject, severity="warning" if hint else "info", edition=REGION_HINTS.edition
    )
    return Part("warning" if hint else "unknown", facts, (finding,))
