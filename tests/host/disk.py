"""A bootable disk without a loop device: the partition table and GRUB's two images, written as bytes.

Layout: sector 0 boot.img and the table, from sector 1 core.img, at 1 MiB the only partition. GRUB's boot.img loads sector 1
unless told otherwise, and core.img's own first sector expects the rest from sector 2, so neither needs patching.
"""

from __future__ import annotations

import struct
from pathlib import Path

SECTOR = 512
MIB = 1 << 20
PARTITION_START = MIB
_BOOT_CODE = 440
_LINUX = 0x83
_ACTIVE = 0x80
# Cylinder, head, sector "beyond what can be said": readers use the sector numbers.
_NO_CHS = b"\xfe\xff\xff"


def boot_sector(boot_code: bytes, partition_bytes: int) -> bytes:
    """Sector 0: the first 440 bytes of `boot_code`, no disk signature, one active Linux partition at 1 MiB."""
    if len(boot_code) < _BOOT_CODE or partition_bytes % SECTOR:
        raise ValueError("boot code of at least 440 bytes and whole sectors are needed")
    sectors = struct.pack("<II", PARTITION_START // SECTOR, partition_bytes // SECTOR)
    entry = bytes([_ACTIVE]) + _NO_CHS + bytes([_LINUX]) + _NO_CHS + sectors
    return boot_code[:_BOOT_CODE] + bytes(6) + entry + bytes(3 * len(entry)) + b"\x55\xaa"


def make_bootable(image: Path, boot_img: bytes, core_img: bytes) -> None:
    """Write sector 0 and core.img before the partition of `image`."""
    if len(core_img) > PARTITION_START - SECTOR:
        raise ValueError(f"core.img has {len(core_img)} bytes and does not fit before the partition")
    partition_bytes = image.stat().st_size - PARTITION_START
    with image.open("r+b") as disk:
        disk.write(boot_sector(boot_img, partition_bytes))
        disk.write(core_img)
