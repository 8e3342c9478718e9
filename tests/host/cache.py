"""Where what this stage makes is kept, outside the checkout; it may be deleted at any time."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path

from tests.sandbox.paths import cache_root as shared_root

_UNUSED_SECONDS = 14 * 24 * 3600.0


def cache_root() -> Path:
    """The directory `host` of the cache that all checkouts of this user share."""
    path = shared_root() / "host"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def digest(*parts: str) -> str:
    """A short name for what something was made from."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def forget_unused(pattern: str, keep: Path | None = None) -> None:
    """Remove entries of the cache that match `pattern` and that nobody has used for two weeks."""
    for path in cache_root().glob(pattern):
        if path.is_dir() and path != keep and time.time() - path.stat().st_mtime > _UNUSED_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
