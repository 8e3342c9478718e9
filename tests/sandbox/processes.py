"""Child processes that never outlive their parent, and looking at processes by id."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free now; somebody may still take it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def start_time(pid: int) -> str | None:
    """Return when process ``pid`` started, in kernel clock ticks; None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


def is_same_process(pid: int, started: str) -> bool:
    """Whether ``pid`` still is the process that started at ``started`` (ids are reused)."""
    return start_time(pid) == started


def adopt_orphans() -> None:
    """Make this process the parent of grandchildren whose own parent dies."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def spawn(command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start ``command`` with output to ``log``; the kernel kills it when the calling thread dies.

    ``environment`` replaces the inherited one.
    """
    parent = os.getpid()

    def die_with_parent() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # The parent may have died between fork and prctl.
        if os.getppid() != parent:
            os._exit(1)

    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - only the supervisor spawns, and it has one thread
        )


def descendants() -> list[int]:
    """Return the ids of this process's direct children, adopted ones included."""
    text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return [int(item) for item in text.split()]


def kill_descendants() -> None:
    """Kill and reap every child; orphans handed down by dying children too."""
    while children := descendants():
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for pid in children:
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                continue


def wait_gone(pid: int, timeout: float) -> bool:
    """Wait at most ``timeout`` seconds for process ``pid`` to end; return whether it did."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], timeout)[0])
    finally:
        os.close(descriptor)
