from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.host.load import cpu_seconds, group_members, is_busy

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize("code, busy", [("while True: pass", True), ("import time; time.sleep(60)", False)])
def test_work_is_told_from_waiting(code: str, busy: bool) -> None:
    program = [sys.executable, "-c", f"print('up', flush=True)\n{code}"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline()
            assert process.pid in group_members(process.pid) and os.getpid() not in group_members(process.pid)
            assert is_busy(lambda: cpu_seconds(group_members(process.pid)), seconds=1.0) is busy
        finally:
            process.kill()


def test_a_process_that_is_gone_has_done_nothing() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert cpu_seconds([process.pid]) == 0
