"""A small dictionary that the controller's forked workers share, in memory only: nothing of it ever reaches a disk.

The parent creates it before it forks; a worker that finds another process as its owner shares it with everybody else.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import struct
import tempfile
import typing as t
from contextlib import contextmanager

_SIZE = 4 << 20
_HEADER = struct.Struct(">I")


class SharedDict:
    """JSON values by name, shared by all processes forked after it was made."""

    def __init__(self, size: int = _SIZE) -> None:
        self.owner = os.getpid()
        self._memory = mmap.mmap(-1, size)
        # An unlinked file, which only carries the lock.
        self._lock = tempfile.TemporaryFile(prefix="azureml-lock-")  # noqa: SIM115

    @contextmanager
    def _locked(self) -> t.Iterator[None]:
        # lockf locks belong to a process, not to the inherited descriptor.
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def _load(self) -> dict[str, t.Any]:
        (length,) = _HEADER.unpack_from(self._memory, 0)
        content = json.loads(self._memory[_HEADER.size : _HEADER.size + length]) if length else {}
        return t.cast("dict[str, t.Any]", content)

    def snapshot(self) -> dict[str, t.Any]:
        """Everything, as it is now."""
        with self._locked():
            return self._load()

    def update(self, change: t.Callable[[dict[str, t.Any]], None]) -> dict[str, t.Any]:
        """Change the dictionary in place, alone.

        Raises:
            ValueError: it no longer fits.
        """
        with self._locked():
            content = self._load()
            change(content)
            data = json.dumps(content).encode()
            if _HEADER.size + len(data) > len(self._memory):
                raise ValueError("the memory shared by the workers is full")
            self._memory[_HEADER.size : _HEADER.size + len(data)] = data
            _HEADER.pack_into(self._memory, 0, len(data))
            return content
