from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.host.disk import MIB, PARTITION_START, SECTOR, boot_sector, make_bootable

pytestmark = pytest.mark.sandbox


def test_the_table_has_one_active_linux_partition_from_the_first_mebibyte_to_the_end() -> None:
    sector = boot_sector(bytes(range(256)) * 2, 1400 * MIB)
    active, kind, start, count = struct.unpack("<B3xB3xII", sector[446:462])
    assert len(sector) == SECTOR and sector[510:] == b"\x55\xaa"
    assert (active, kind, start * SECTOR, count * SECTOR) == (0x80, 0x83, PARTITION_START, 1400 * MIB)
    assert sector[462:510] == bytes(48), "the other three entries are empty"


def test_only_the_boot_code_comes_from_grubs_image() -> None:
    sector = boot_sector(b"\xaa" * SECTOR, MIB)
    assert sector[:440] == b"\xaa" * 440 and sector[440:446] == bytes(6)


@pytest.mark.parametrize("code, size", [(bytes(439), MIB), (bytes(512), MIB + 1)])
def test_what_cannot_boot_is_refused(code: bytes, size: int) -> None:
    with pytest.raises(ValueError, match="440 bytes and whole sectors"):
        boot_sector(code, size)


def test_core_image_follows_the_boot_sector_and_the_file_system_is_left_alone(tmp_path: Path) -> None:
    image = tmp_path / "disk"
    image.write_bytes(bytes(PARTITION_START) + b"x" * MIB)
    make_bootable(image, bytes(440), b"core" * 1000)
    written = image.read_bytes()
    assert written[SECTOR : SECTOR + 4000] == b"core" * 1000
    assert written[PARTITION_START:] == b"x" * MIB


def test_a_core_image_that_would_reach_into_the_file_system_is_refused(tmp_path: Path) -> None:
    image = tmp_path / "disk"
    image.write_bytes(bytes(2 * MIB))
    with pytest.raises(ValueError, match="does not fit"):
        make_bootable(image, bytes(440), bytes(PARTITION_START - SECTOR + 1))
    assert image.read_bytes() == bytes(2 * MIB)
