from __future__ import annotations

from pathlib import Path

import pytest

from tests.host.machine import console_text

pytestmark = pytest.mark.sandbox


def test_the_console_is_read_without_colours_and_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "serial.log").write_bytes(b"[\x1b[0;32m  OK  \x1b[0m] Started ssh\r\n\r\n\xff[  1.0] Linux version 6.1\r\n")
    assert console_text(tmp_path) == "[  OK  ] Started ssh\n\ufffd[  1.0] Linux version 6.1"


def test_a_machine_that_never_started_has_none(tmp_path: Path) -> None:
    assert console_text(tmp_path) == ""
