"""Azure's sizes of machines with an accelerator: the ones with NVIDIA GPUs, and those that only look like it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import date

from ansible_collections.azureml.kubernetes.plugins.module_utils._data.tables import Dated


@dataclass(frozen=True)
class GpuSize:
    """A size as Azure spells it, without `Standard_`, and whose accelerator it has."""

    name: str
    vendor: t.Literal["nvidia", "amd"]


_NVIDIA = """
NC6 NC12 NC24 NC24r NC6_Promo NC12_Promo NC24_Promo NC24r_Promo
NC6s_v2 NC12s_v2 NC24s_v2 NC24rs_v2 NC6s_v3 NC12s_v3 NC24s_v3 NC24rs_v3
NC4as_T4_v3 NC8as_T4_v3 NC16as_T4_v3 NC64as_T4_v3
NC8ads_A10_v4 NC16ads_A10_v4 NC32ads_A10_v4
NC24ads_A100_v4 NC48ads_A100_v4 NC96ads_A100_v4
NC40ads_H100_v5 NC80adis_H100_v5
NC36ds_xl_RTXPRO6000BSE_v6 NC72ds_xl_RTXPRO6000BSE_v6 NC144ds_xl_RTXPRO6000BSE_v6 NC288ds_xl_RTXPRO6000BSE_v6
NC24lds_xl_RTXPRO6000BSE_v6 NC36lds_xl_RTXPRO6000BSE_v6 NC72lds_xl_RTXPRO6000BSE_v6
NC144lds_xl_RTXPRO6000BSE_v6 NC288lds_xl_RTXPRO6000BSE_v6
ND6s ND12s ND24s ND24rs ND40rs_v2 ND40s_v3
ND96asr_v4 ND112asr_A100_v4 ND120asr_A100_v4
ND96amsr_A100_v4 ND112amsr_A100_v4 ND120amsr_A100_v4
ND96ams_v4 ND96ams_A100_flex_v4 ND96ams_A100_v4 ND96amsf_A100_v4 ND96amsrf_A100_v4
ND96is_H100_v5 ND96isr_H100_v5 ND96isf_H100_v5 ND96isrf_H100_v5 ND96is_noIB_H100_v5 ND96is_flex_H100_v5
ND96is_H200_v5 ND96isr_H200_v5 ND96isf_H200_v5 ND96isrf_H200_v5
ND128isr_NDR_GB200_v6 ND128isr_GB300_v6
NV6 NV12 NV24 NV24r NV6_Promo NV12_Promo NV24_Promo NV12s_v3 NV24s_v3 NV48s_v3
NV6ads_A10_v5 NV12ads_A10_v5 NV18ads_A10_v5 NV36ads_A10_v5 NV36adms_A10_v5 NV72ads_A10_v5
"""
_AMD = """
NV4ads_V710_v5 NV8ads_V710_v5 NV12ads_V710_v5 NV24ads_V710_v5 NV28adms_V710_v5 ND96is_MI300X_v5 ND96isr_MI300X_v5
"""

GPU_SIZES: Dated[GpuSize] = Dated(
    title="Azure GPU sizes",
    as_of=date(2026, 8, 27),
    source=(
        "The sizes for which AKS brings a driver: https://github.com/Azure/karpenter-provider-azure pkg/utils/supported-gpus.yaml,"
        " RTX PRO 6000 as in"
        " https://learn.microsoft.com/azure/virtual-machines/sizes/gpu-accelerated/nc-rtxpro6000-bse-v6-series."
        " Spelled as https://learn.microsoft.com/azure/virtual-machines/sizes/overview does."
    ),
    rows=tuple(GpuSize(name, "nvidia") for name in _NVIDIA.split()) + tuple(GpuSize(name, "amd") for name in _AMD.split()),
)

LOOKALIKES: tuple[str, ...] = (
    "NV4as_v4",
    "NV8as_v4",
    "NV16as_v4",
    "NV32as_v4",
    "NP10s",
    "NP20s",
    "NP40s",
    "NG8ads_V620_v1",
    "NG16ads_V620_v1",
    "NG32ads_V620_v1",
    "NG32adms_V620_v1",
    "NM16ads_MA35D",
)
"""Sizes of which AKS knows no driver, with accelerators of AMD and Xilinx."""
