"""Processor time of whole runs of ansible-playbook, and what a task costs by difference."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Hosts:
    """An inventory: host name to variables."""

    variables: Mapping[str, Mapping[str, Any]]

    def __len__(self) -> int:
        return len(self.variables)


def run_seconds(tasks: Sequence[Mapping[str, Any]], hosts: Hosts, environ: Mapping[str, str]) -> float:
    """User plus system seconds of one run and everything it started.

    Raises:
        RuntimeError: the run failed, so its time says nothing.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        inventory, playbook, log = (Path(folder, name) for name in ("inventory.yml", "play.yml", "log"))
        inventory.write_text(yaml.safe_dump({"all": {"hosts": {h: dict(v) for h, v in hosts.variables.items()}}}))
        playbook.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": [dict(t) for t in tasks]}]))
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), str(playbook)]
        with log.open("wb") as output:
            # ansible's children are reaped by it, so their time is in its own usage.
            process = subprocess.Popen(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env={**os.environ, **environ}
            )
            _pid, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"the measured run failed:\n{log.read_text()[-2000:]}")
    return usage.ru_utime + usage.ru_stime


def task_milliseconds(
    kinds: Mapping[str, Mapping[str, Any]], hosts: Hosts, environ: Mapping[str, str], *, repeat: Mapping[str, int], rounds: int
) -> dict[str, float]:
    """Milliseconds of CPU that one more task costs per host, of each kind: the median over rounds in which all kinds take turns.

    Each kind is measured against a play that has one such task already, so that what a play pays once (starting ansible,
    importing a library) is no part of it.
    """
    samples: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _round in range(rounds):
        for kind, task in kinds.items():
            count = repeat.get(kind, repeat["*"])
            first = run_seconds([task], hosts, environ)
            seconds = run_seconds([task] * (1 + count), hosts, environ) - first
            samples[kind].append(seconds * 1000 / (count * len(hosts)))
    return {kind: statistics.median(values) for kind, values in samples.items()}
