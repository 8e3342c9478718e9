"""One record per host and run: what the modules said, as JSON, written also when they failed."""

from __future__ import annotations

import datetime
import json
import os
import tempfile
import typing as t
from urllib.parse import quote

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.plugin_utils import _run_state

SCHEMA = 1
_LEFT_OUT = ("diff", "invocation", "warnings", "deprecations")


def path_of(directory: str, host: str) -> str:
    """The record of a host; what cannot be in a file name is percent-encoded, so that two hosts never share a file."""
    return os.path.join(directory, quote(host, safe=" @:") + ".json")


def append(directory: str, host: str, module: str, output: t.Mapping[str, t.Any], *, check_mode: bool) -> None:
    """Add one module's output to the host's record of this run; a record of an earlier run is replaced.

    Raises:
        OSError: the folder cannot be written.
    """
    os.makedirs(directory, mode=0o700, exist_ok=True)
    path = path_of(directory, host)
    record = _load(path)
    if record.get("run") != _run_state.RUN_ID:
        record = {"schema": SCHEMA, "host": host, "run": _run_state.RUN_ID, "check_mode": check_mode, "results": []}
    content = {k: v for k, v in output.items() if k not in _LEFT_OUT and not k.startswith(("_ansible", "ansible_"))}
    finished = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    record["results"].append({"module": module, "finished": finished, "output": content})
    _write(path, record)


def _load(path: str) -> Json:
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: str, record: Json) -> None:
    # mkstemp makes the file 0600; the rename keeps a reader from seeing half of it.
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".record-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1, default=str)
        file.write("\n")
    os.replace(temporary, path)
