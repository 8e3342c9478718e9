"""Where the sandbox keeps things: sources, state and cache."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parent.parent
GO_MODULES = PACKAGE / "go"
PROFILES = PACKAGE / "profiles"


def state_root() -> Path:
    """Return the directory that holds one directory per sandbox."""
    explicit = os.environ.get("AZUREML_SANDBOX_DIR")
    if explicit:
        return Path(explicit)
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "azureml-kubernetes" / "sandboxes"


def cache_root() -> Path:
    """Return the directory of built binaries; it may be deleted at any time."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "azureml-kubernetes"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file ``path``; waits for other processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_private(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step, readable by the owner only."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> Any:
    """Return the JSON value in ``path``; raises OSError or ValueError."""
    return json.loads(path.read_bytes())


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as JSON to ``path`` in one step, mode 0600."""
    write_private(path, json.dumps(value, indent=1).encode())
