"""Telling a slow process from one that hangs."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path

_SECONDS = 10.0
# Of one core, over those seconds. An idle guest stays below 0.1, also when it is emulated.
_SHARE = 0.3


def cpu_seconds(pids: Collection[int]) -> float:
    """What all threads of these processes have used of cores, and have waited for one."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                ran, waited = task.read_text().split()[:2]
            except OSError:
                continue
            total += int(ran) + int(waited)
    return total / 1e9


def group_members(group: int) -> list[int]:
    """The ids of the processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            found.append(int(stat.parent.name))
    return found


def is_busy(used: Callable[[], float], seconds: float = _SECONDS) -> bool:
    """Whether `used`, a count of seconds of work, grows during the next `seconds` as that of something at work."""
    before, started = used(), time.monotonic()
    time.sleep(seconds)
    return used() - before > _SHARE * (time.monotonic() - started)
