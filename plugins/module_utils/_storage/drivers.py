"""What is known of Azure's CSI drivers.

Read on 2026-11-23 in docs/driver-parameters.md and in the code of kubernetes-sigs/azurefile-csi-driver and blob-csi-driver.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

AZURE_FILES = "file.csi.azure.com"
AZURE_BLOB = "blob.csi.azure.com"


@dataclass(frozen=True)
class Driver:
    """A CSI driver.

    Args:
        title: what people call it.
        aks_flag: option of `az aks update` that enables it.
        chart: its Helm chart, of the project of that name.
        operator: whether OpenShift on Azure installs it by an operator of its own.
        secret_keys: alternatives; a secret is complete that has every key of one of them.
        old_secret_keys: the same in the words of the FlexVolume drivers that came before. Today's drivers still accept them.
    """

    title: str
    aks_flag: str
    chart: str
    operator: bool
    secret_keys: tuple[frozenset[str], ...]
    old_secret_keys: frozenset[str] = frozenset({"accountname", "accountkey"})


DRIVERS: t.Mapping[str, Driver] = {
    AZURE_FILES: Driver(
        "Azure Files",
        "--enable-file-driver",
        "azurefile-csi-driver",
        True,
        (frozenset({"azurestorageaccountname", "azurestorageaccountkey"}),),
    ),
    AZURE_BLOB: Driver(
        "Azure Blob Storage",
        "--enable-blob-driver",
        "blob-csi-driver",
        False,
        (
            frozenset({"azurestorageaccountname", "azurestorageaccountkey"}),
            frozenset({"azurestorageaccountname", "azurestorageaccountsastoken"}),
            frozenset({"msisecret"}),
            frozenset({"azurestoragespnclientsecret"}),
        ),
    ),
}

# As in the drivers' own samples; a list given by the user takes their place.
SMB_MOUNT_OPTIONS = ("dir_mode=0777", "file_mode=0777", "mfsymlinks", "cache=strict", "nosharesock", "actimeo=30", "nobrl")
FUSE_MOUNT_OPTIONS = ("-o allow_other", "--file-cache-timeout-in-seconds=120")
