"""The verdict: a version against N, N-1, N-2, graded by AKS' calendar. Pure; the test plugin uses it as it is."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import KubernetesVersion, Minor, window
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.kubernetes_versions import KubernetesRelease
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.tables import Dated
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.sources import AksVersions

Verdict = t.Literal["supported", "supported_grace", "platform_only", "lts_only", "too_old", "newer_than_n", "preview", "unknown"]
VERDICTS: tuple[Verdict, ...] = t.get_args(Verdict)


@dataclass(frozen=True)
class Knowledge:
    """What is known of AKS' minors today: data handed over win over the calendar."""

    calendar: Dated[KubernetesRelease]
    today: datetime.date
    aks: AksVersions | None = None

    def row(self, minor: Minor) -> KubernetesRelease:
        """The calendar's row, an empty one for a minor that it does not hold."""
        return next((row for row in self.calendar.rows if row.minor == minor), KubernetesRelease(minor))

    def is_preview(self, minor: Minor) -> bool:
        """AKS offers the minor, but as preview."""
        if self.aks is not None:
            return minor in self.aks.preview
        row = self.row(minor)
        return _passed(row.preview, self.today) and not _passed(row.ga, self.today)

    def is_official(self, minor: Minor) -> bool:
        """AKS' community support of the minor has not ended."""
        if self.aks is not None:
            return minor in self.aks.official
        return _not_before(self.row(minor).end_of_life, self.today)

    def is_long_term(self, minor: Minor) -> bool:
        """AKS' long-term support of the minor has not ended."""
        if self.aks is not None and self.aks.long_term is not None:
            return minor in self.aks.long_term
        return _not_before(self.row(minor).lts_end, self.today)


def judge(version: KubernetesVersion | None, n: Minor, known: Knowledge, *, aks: bool = True) -> Verdict:
    """Where a version stands. Patches never matter: AKS keeps any number of them.

    Args:
        aks: whether the cluster is, or may be, AKS; only there can long-term support apply.
    """
    if version is None:
        return "unknown"
    if version.line > n:
        return "preview" if known.is_preview(version.line) else "newer_than_n"
    if version.line in window(n):
        return "preview" if version.before_release else "supported"
    if version.line == n.minus(3):
        if known.is_official(version.line):
            return "supported_grace"
        return "lts_only" if "akslts" in version.vendor else "platform_only"
    return "lts_only" if aks and known.is_long_term(version.line) else "too_old"


def _passed(day: datetime.date | None, today: datetime.date) -> bool:
    return day is not None and day <= today


def _not_before(day: datetime.date | None, today: datetime.date) -> bool:
    return day is not None and today <= day
