"""Holding the emulator still while somebody else puts the cluster into shape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.sandbox.paths import locked

_LOCK = "machine-config-operator.lock"
_EPOCH = "machine-config-operator.epoch"


@contextmanager
def passing(directory: Path) -> Iterator[int]:
    """Hold the lock for one pass of the emulator; yields how often somebody else has held it."""
    with locked(directory / _LOCK):
        yield _epoch(directory)


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Keep the emulator of the sandbox in ``directory`` from writing; afterwards it looks at the cluster anew."""
    with locked(directory / _LOCK):
        try:
            yield
        finally:
            (directory / _EPOCH).write_text(str(_epoch(directory) + 1))


def _epoch(directory: Path) -> int:
    try:
        return int((directory / _EPOCH).read_text())
    except FileNotFoundError:
        return 0
