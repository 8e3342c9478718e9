"""Everything that the judgements share: what was asked, what the cluster is and what N is."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json, Severity, State, worst
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    EXTENSION_DEPLOYMENTS,
    Platform,
    detect,
    list_items,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import Minor, window
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.codes import (
    N_DIFFERS,
    N_FROM_TABLE,
    TABLE_BEHIND_PLAN,
    TABLE_STALE,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.judge import Knowledge
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.sources import newest_ga, newest_upstream

NSource = t.Literal["user", "aks_versions", "table"]


@dataclass(frozen=True)
class Newest:
    """An N with where it comes from; `as_of` only where a dated table said it."""

    minor: Minor
    source: NSource
    as_of: datetime.date | None = None

    @property
    def window(self) -> tuple[Minor, ...]:
        """N, N-1, N-2."""
        return window(self.minor)

    @property
    def words(self) -> str:
        """The window and its origin for a sentence."""
        origin = {"user": "by option latest_ga_minor", "aks_versions": "by the AKS versions handed over"}.get(self.source, "")
        dated = f"as of {self.as_of.isoformat()}" if self.as_of else ""
        return f"{self.window[-1]} to {self.minor} ({origin or dated})"

    def public(self) -> Json:
        """As facts show it."""
        return {
            "n": str(self.minor),
            "n_source": self.source,
            "n_as_of": self.as_of.isoformat() if self.as_of else None,
            "window": [str(minor) for minor in self.window],
        }


@dataclass(frozen=True)
class Part:
    """One judgement: its check's state, its facts and what it says."""

    state: State
    facts: t.Any
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, facts: t.Any, findings: t.Iterable[Finding] = ()) -> Part:
        """A judgement whose state is that of its worst finding."""
        said = tuple(findings)
        return cls(worst(said), facts, said)


@dataclass(frozen=True)
class Situation:
    """What the judgements share.

    Args:
        installed: whether the AzureML extension runs, None when that could not be read.
        upstream: Arc's N; None when no source knows one.
    """

    request: Request
    platform: Platform
    installed: bool | None
    n: Newest
    upstream: Newest | None
    known: Knowledge = field(repr=False)

    @property
    def new_install(self) -> bool | None:
        """Whether the extension is about to be installed: the user's word, else that it does not run; None: unknown."""
        if self.request.new_install is not None:
            return self.request.new_install
        return None if self.installed is None else not self.installed

    @property
    def maybe_aks(self) -> bool:
        """AKS, or nobody knows."""
        return self.platform.name in ("aks", "unknown")

    @property
    def fault(self) -> Severity:
        """Severity of a fault that should stop a new installation but not the upkeep of a running one."""
        return "error" if self.request.strict or self.new_install is True else "warning"

    @property
    def lapse(self) -> Severity:
        """Severity of being outside a support policy."""
        return "error" if self.request.strict else "warning"


def situation(request: Request, snapshot: Snapshot) -> Situation:
    """Put together what the judgements share."""
    platform = detect(snapshot, request.platform)
    known = Knowledge(request.calendar, request.today, request.aks)
    return Situation(request, platform, _installed(platform, snapshot), _n(request), _upstream(request), known)


def _installed(platform: Platform, snapshot: Snapshot) -> bool | None:
    """Whether the extension runs; a name that its objects do not tell still means that it does."""
    if platform.extension is not None:
        return bool(platform.extension)
    return None if list_items(snapshot.get(EXTENSION_DEPLOYMENTS)) is None else True


def _n(request: Request) -> Newest:
    """N by the user, else by the AKS versions handed over, else by the table."""
    if request.latest_ga is not None:
        return Newest(request.latest_ga, "user")
    if request.aks is not None:
        return Newest(max(request.aks.official), "aks_versions")
    minor = newest_ga(request.calendar, request.today)
    if minor is None:
        raise ValueError("parse refuses a table without a generally available minor")
    return Newest(minor, "table", request.calendar.as_of)


def _upstream(request: Request) -> Newest | None:
    if request.latest_upstream is not None:
        return Newest(request.latest_upstream, "user")
    minor = newest_upstream(request.calendar, request.today)
    return None if minor is None else Newest(minor, "table", request.calendar.as_of)


def origin_findings(now: Situation) -> tuple[Finding, ...]:
    """How far N itself can be trusted."""
    request, n = now.request, now.n
    if n.source == "user":
        handed = max(request.aks.official) if request.aks else n.minor
        if handed == n.minor:
            return ()
        return (N_DIFFERS.finding(f"N is {n.minor} as given, but the AKS versions handed over say {handed}."),)
    if n.source == "aks_versions":
        return ()
    edition, source = request.calendar.edition, request.calendar.source
    findings = [
        N_FROM_TABLE.finding(f"N is {n.minor}, as of {request.calendar.as_of}.", edition=edition, evidence={"source": source})
    ]
    age = request.calendar.age(request.today)
    if age > request.max_age:
        message = f"The table that says N is {n.minor} is {age} days old, older than {request.max_age}."
        findings.append(TABLE_STALE.finding(message, edition=edition))
    planned = [row for row in request.calendar.rows if row.minor > n.minor and row.ga_planned and row.ga_planned <= request.today]
    if planned:
        row = planned[-1]
        message = f"{row.minor} was planned to be generally available by {row.ga_planned}; N may be {row.minor} by now."
        findings.append(TABLE_BEHIND_PLAN.finding(message, edition=edition))
    return tuple(findings)
