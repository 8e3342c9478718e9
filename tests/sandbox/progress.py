"""Progress lines with elapsed seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

Progress = Callable[[str], None]


def silent(_line: str) -> None:
    """Say nothing."""


def stopwatch(stream: TextIO | None = None) -> Progress:
    """Return a function that prints ``[ 12.3s] line`` to ``stream`` (default: standard error)."""
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - started:6.1f}s] {line}", file=stream or sys.stderr, flush=True)

    return say
