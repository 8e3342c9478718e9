"""The stand-in answers as grubby does, where the role asks it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.host.scenario import GRUBBY

pytestmark = pytest.mark.sandbox

MENU = """\
set timeout=0
menuentry 'new' {
\tlinux\t/boot/vmlinuz-2 root=/dev/vda1 ro console=ttyS0 security=selinux
\tinitrd\t/boot/initrd-2
}
menuentry 'old' {
\tlinux\t/boot/vmlinuz-1 root=/dev/vda1 ro selinux=1 quiet
}
"""


def _grubby(menu: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "GRUB_MENU": str(menu)}
    return subprocess.run(["sh", str(GRUBBY), *words], env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def menu(tmp_path: Path) -> Path:
    path = tmp_path / "grub.cfg"
    path.write_text(MENU)
    return path


def _arguments(menu: Path) -> list[str]:
    return [line for line in _grubby(menu, "--info=ALL").stdout.splitlines() if line.startswith("args=")]


def test_info_lists_every_kernel(menu: Path) -> None:
    said = _grubby(menu, "--info=ALL").stdout.splitlines()
    assert said[:4] == ["index=0", 'kernel="/boot/vmlinuz-2"', 'args="ro console=ttyS0 security=selinux"', 'root="/dev/vda1"']
    assert said[4:6] == ["index=1", 'kernel="/boot/vmlinuz-1"']


def test_an_argument_is_set_once_in_every_entry_and_replaces_its_other_value(menu: Path) -> None:
    for _ in range(2):
        assert _grubby(menu, "--update-kernel=ALL", "--args=selinux=0").returncode == 0
    assert _arguments(menu) == ['args="ro console=ttyS0 security=selinux selinux=0"', 'args="ro quiet selinux=0"']


@pytest.mark.parametrize("removed", ["selinux", "selinux=1"])
def test_an_argument_is_removed_by_name_or_with_its_value(menu: Path, removed: str) -> None:
    assert _grubby(menu, "--update-kernel=ALL", f"--remove-args={removed}").returncode == 0
    assert _arguments(menu) == ['args="ro console=ttyS0 security=selinux"', 'args="ro quiet"']
    assert menu.read_text().count("\tinitrd\t") == 1 and "set timeout=0" in menu.read_text()


@pytest.mark.parametrize("words", [(), ("--default-kernel",), ("--update-kernel=DEFAULT", "--args=a")])
def test_what_the_role_does_not_ask_is_an_error(menu: Path, words: tuple[str, ...]) -> None:
    assert _grubby(menu, *words).returncode == 1
    assert menu.read_text() == MENU
