"""Azure regions where the AzureML extension was seen to be offered: a hint, since no document lists them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ansible_collections.azureml.kubernetes.plugins.module_utils._data.tables import Dated


@dataclass(frozen=True)
class Region:
    """A region by its short name and whether it accepted the extension when somebody tried."""

    name: str
    offered: bool = True


_OFFERED = """
eastus eastus2 eastus2euap westus westus2 westus3 centralus northcentralus southcentralus westcentralus canadacentral canadaeast
brazilsouth northeurope westeurope francecentral germanywestcentral uksouth ukwest uaenorth southafricanorth australiaeast
eastasia southeastasia japaneast koreacentral centralindia southindia chinaeast2 usgovvirginia
"""
_REFUSED = "swedencentral"

REGION_HINTS: Dated[Region] = Dated(
    title="Region hints",
    as_of=date(2025, 12, 31),
    source=(
        "The list of regions in an error message of the service, reported in 2025. The document points to"
        " https://azure.microsoft.com/global-infrastructure/services/?products=azure-arc&regions=all instead of listing them."
    ),
    rows=tuple(Region(name) for name in _OFFERED.split()) + tuple(Region(name, offered=False) for name in _REFUSED.split()),
)


def region_key(name: str) -> str:
    """Short form for comparing: display names ("West Europe") without blanks, in lower case."""
    return "".join(name.split()).lower()
