"""Runs `ansible-playbook` as a user does and hands back what each task returned."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_PASSED_ON = (
    "HOME",
    "PATH",
    "LANG",
    "LC_ALL",
    "PYTHONPATH",
    "ANSIBLE_COLLECTIONS_PATH",
    "SSL_CERT_FILE",
    "XDG_CACHE_HOME",
    "TMPDIR",
)


@dataclass(frozen=True)
class Outcome:
    """What a run printed and what each task returned, by task name and host."""

    status: int
    text: str
    tasks: dict[str, dict[str, dict[str, Any]]]

    def result(self, task: str, host: str) -> dict[str, Any]:
        """The result of one task on one host; of a loop, with its `results`."""
        return self.tasks[task][host]


class Play:
    """A working folder in which plays run. `home` and `tmp` are empty at the start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        # Short, since ansible-core puts a Unix socket there, whose path may have 107 characters.
        self.tmp = Path(tempfile.mkdtemp(prefix="play-", dir="/tmp"))
        atexit.register(shutil.rmtree, self.tmp, ignore_errors=True)

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Nothing of the caller's but what a run needs."""
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        env.update(
            HOME=str(self.home),
            TMPDIR=str(self.tmp),
            ANSIBLE_LOCAL_TEMP=str(self.tmp),
            ANSIBLE_ASYNC_DIR=str(self.tmp / "async"),
            ANSIBLE_REMOTE_TEMP=str(self.tmp / "remote"),
            ANSIBLE_CALLBACK_PLUGINS=str(Path(__file__).parent / "plugins"),
            ANSIBLE_CALLBACKS_ENABLED="task_results",
            ANSIBLE_NOCOLOR="1",
            ANSIBLE_HOST_KEY_CHECKING="False",
            ANSIBLE_PYTHON_INTERPRETER=sys.executable,
            ANSIBLE_RETRY_FILES_ENABLED="False",
        )
        # Beside the interpreter, so that a virtual environment need not be active.
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', '')}"
        return {**env, **extra}

    def run(
        self,
        plays: Sequence[Mapping[str, Any]] | Path | str,
        hosts: Mapping[str, Mapping[str, Any]],
        *args: str,
        env: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> Outcome:
        """Run plays (as data, a file, or a playbook's name) against hosts with their variables."""
        inventory = self.folder / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": {h: dict(v) for h, v in hosts.items()}}}))
        if isinstance(plays, (Path, str)):
            playbook = str(plays)
        else:
            file = self.folder / "play.yml"
            file.write_text(yaml.safe_dump([dict(p) for p in plays], sort_keys=False))
            playbook = str(file)
        results = self.folder / "results.jsonl"
        results.unlink(missing_ok=True)
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), playbook, *args]
        environment = self.environment({"TASK_RESULTS_FILE": str(results), **(env or {})})
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return Outcome(done.returncode, done.stdout + done.stderr, _tasks(results))

    def tasks(
        self, tasks: Sequence[Mapping[str, Any]], hosts: Mapping[str, Mapping[str, Any]], *args: str, **options: Any
    ) -> Outcome:
        """Run tasks in one play over all hosts."""
        return self.run([{"hosts": "all", "gather_facts": False, "tasks": [dict(task) for task in tasks]}], hosts, *args, **options)


def _tasks(path: Path) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        entry = json.loads(line)
        found.setdefault(entry["task"], {})[entry["host"]] = entry["result"]
    return found
