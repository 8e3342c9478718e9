"""What a step of this stage can end in, and how much time there is."""

from __future__ import annotations

import sys
import time
import typing as t
from dataclasses import dataclass, field


class NotRun(Exception):
    """Something could not be looked at on this machine; the message says why. No verdict on the role."""


class TooSlow(NotRun):
    """Time was over while the virtual machine was still at work."""


class Wrong(Exception):
    """Something was looked at and is not as it has to be."""


class Clock:
    """The time since the start, and what is left of the stage's time."""

    def __init__(self, seconds: float, now: t.Callable[[], float] = time.monotonic, stream: t.TextIO | None = None) -> None:
        self._now = now
        self._stream = stream or sys.stdout
        self._started = now()
        self._seconds = seconds

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._now() - self._started

    @property
    def left(self) -> float:
        """Seconds until the stage's time is over; negative after it."""
        return self._seconds - self.elapsed

    def say(self, line: str) -> None:
        """Print a line with the elapsed time."""
        print(f"[{self.elapsed:6.1f} s] {line}", file=self._stream, flush=True)

    def demand(self, seconds: float, what: str) -> None:
        """Raise TooSlow unless `what`, which may take `seconds`, fits into what is left."""
        if seconds > self.left:
            raise TooSlow(f"{what} takes about {seconds:.0f} s here, and {max(0.0, self.left):.0f} s of the stage are left")


@dataclass
class Tally:
    """The verdicts so far."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 when anything was wrong."""
        return 1 if self.failed else 0

    def summary(self, seconds: float, not_run: str = "") -> str:
        """The last line that the stage prints; `not_run` says why it came to no step at all."""
        if not_run:
            return f"host: not run: {' '.join(not_run.split())}"
        return f"host: {len(self.passed)} passed, {len(self.failed)} failed, {len(self.not_run)} not run in {seconds:.0f} s"
