"""Kubernetes minors: when upstream released them, and their life on Azure Kubernetes Service (AKS).

AzureML supports N, N-1 and N-2 where N is the newest minor that is generally available on AKS. Dates of general availability
are those on which it happened (release notes), never the planned ones: the two were up to two months apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import Minor
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.tables import Dated, read_day


@dataclass(frozen=True)
class KubernetesRelease:
    """One minor. A date known to the month is the month's last day; None means "not known to have happened".

    Args:
        upstream: release by the Kubernetes project.
        preview: offered as preview by AKS.
        ga: generally available on AKS.
        ga_planned: what the calendar announced; never decides, only warns that the table may be behind.
        end_of_life: last day of AKS' community support.
        lts_end: last day of AKS' long-term support (Premium tier, support plan AKSLongTermSupport).
    """

    minor: Minor
    upstream: date | None = None
    preview: date | None = None
    ga: date | None = None
    ga_planned: date | None = None
    end_of_life: date | None = None
    lts_end: date | None = None


def _release(
    minor: int, upstream: str, preview: str, ga_planned: str, ga: str, end_of_life: str, lts_end: str
) -> KubernetesRelease:
    days = [read_day(text) for text in (upstream, preview, ga, ga_planned, end_of_life, lts_end)]
    return KubernetesRelease(Minor(1, minor), *days)


# minor, upstream, AKS preview, GA as planned, GA as it happened, end of life, end of long-term support
AKS_CALENDAR: Dated[KubernetesRelease] = Dated(
    title="AKS release calendar",
    as_of=date(2026, 8, 27),
    source=(
        "AKS Kubernetes release calendar, https://learn.microsoft.com/azure/aks/supported-kubernetes-versions,"
        " with the days of general availability from the AKS release notes, https://github.com/Azure/AKS/releases"
    ),
    rows=(
        _release(29, "2023-12", "2024-02", "2024-03", "2024-03-18", "2025-03-31", "2026-04"),
        _release(30, "2024-04", "2024-06", "2024-07", "2024-08-05", "2025-08-22", "2026-07"),
        _release(31, "2024-08", "2024-10", "2024-11", "2024-10-25", "2025-11-01", "2026-11"),
        _release(32, "2024-12", "2025-02", "2025-04", "2025-04-06", "2026-03-31", "2027-03"),
        _release(33, "2025-04", "2025-05", "2025-06", "2025-06-17", "2026-07-31", "2027-07"),
        _release(34, "2025-08", "2025-10", "2025-11", "2026-01-04", "2026-11-30", "2027-11"),
        _release(35, "2025-12", "2026-02", "2026-03", "2026-03-05", "2027-03-31", "2028-03"),
        _release(36, "2026-04", "2026-05", "2026-06", "2026-06-19", "2027-06-30", "2028-06"),
        _release(37, "2026-08", "", "2026-10", "", "2027-10-31", "2028-10"),
    ),
)


def openshift_release(kubernetes: Minor) -> str:
    """The OpenShift release that carries a Kubernetes minor, as "4.21"; "" where there is none.

    OpenShift 4.6 came with Kubernetes 1.19 and each release since with the next minor (vendored Kubernetes on the release
    branches of openshift/machine-config-operator and openshift/oc).
    """
    return f"4.{kubernetes.minor - 13}" if kubernetes >= (1, 19) and kubernetes.major == 1 else ""
