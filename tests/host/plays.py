"""Running ansible-playbook against the machine: watched, timed, and killed in the middle when a test wants that."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import yaml

from tests.play import Outcome, Play, _tasks

from .cluster import NODE, Cluster
from .load import cpu_seconds, group_members, is_busy
from .machine import Machine
from .verdict import Clock, NotRun, TooSlow, Wrong

PLAYBOOK = "azureml.kubernetes.worker_selinux"
MACHINE, CLUSTER = "machine", "cluster"
REBOOT_SECONDS = 900
_PROGRESS_SECONDS = 20.0
_POLL_SECONDS = 0.2
# What ansible says when its patience with a host is over; whether that is the host's fault is for the caller to find out.
_PATIENCE = re.compile(r"timed out|timeout|UNREACHABLE", re.IGNORECASE)


class Run:
    """One ansible-playbook at work, in a process group of its own."""

    def __init__(self, command: t.Sequence[str], environment: t.Mapping[str, str], machine: Machine, clock: Clock) -> None:
        self._clock = clock
        self._machine = machine
        self._results = Path(environment["TASK_RESULTS_FILE"])
        self._lines: list[str] = []
        # setpriv, since a preexec_fn is not safe beside the threads of the test; ansible keeps the process id.
        dying_with_us = ["setpriv", "--pdeathsig", "KILL", *command]
        self._process = subprocess.Popen(
            dying_with_us, cwd=self._results.parent, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        said = time.monotonic()
        for line in self._process.stdout or ():
            self._lines.append(line)
            if line.startswith("TASK [") and time.monotonic() - said > _PROGRESS_SECONDS:
                self._clock.say(f"    {line.split(']')[0]}]")
                said = time.monotonic()

    @property
    def text(self) -> str:
        """What it has printed so far."""
        return "".join(self._lines)

    def until(self, what: str, done: t.Callable[[], bool]) -> None:
        """Wait until `done`, polled. Raises Wrong when the play ends before, and as `wait` when the stage's time is over."""
        while not done():
            if self._process.poll() is not None:
                self.wait()
                raise Wrong(f"the play ended before {what}:\n{self.text[-3000:]}")
            if self._clock.left < 0:
                raise self._over()
            time.sleep(_POLL_SECONDS)

    def kill(self) -> None:
        """Kill ansible with all its workers, as a machine that loses its power does."""
        self._signal()
        self._process.wait()

    def _signal(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> Outcome:
        """Wait for the end, at most as long as the stage has left.

        Raises:
            TooSlow: time was over while ansible or the machine was at work.
            Wrong: time was over, and both idled.
        """
        try:
            status = self._process.wait(timeout=max(1.0, self._clock.left))
        except subprocess.TimeoutExpired as error:
            raise self._over() from error
        self._reader.join(timeout=10)
        return Outcome(status, self.text, _tasks(self._results))

    def _over(self) -> NotRun | Wrong:
        """End the play because the stage's time is over, and judge why it had not ended."""
        busy = is_busy(lambda: self._machine.cpu_seconds() + cpu_seconds(group_members(self._process.pid)))
        self._signal()
        at = f"the stage's time was over when the play was at\n{self.text[-500:]}"
        return TooSlow(f"{at}\nAnsible and the machine were at work.") if busy else Wrong(f"{at}\nAnsible and the machine idled.")


class Plays:
    """Runs the collection's playbook for one machine and its cluster."""

    def __init__(self, folder: Path, machine: Machine, cluster: Cluster, clock: Clock) -> None:
        self._play = Play(folder)
        self._folder = folder
        self._machine = machine
        self._cluster = cluster
        self._clock = clock

    def _inventory(self, wanted: str, node: str) -> t.Mapping[str, t.Any]:
        """The inventory as a user would write it: the cluster, and the machine with an explicit connection."""
        machine = {
            "ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": self._machine.port, "ansible_user": "root",
            "ansible_ssh_executable": str(self._ssh_program()), "ansible_ssh_common_args": shlex.join(self._machine.ssh_options()),
            "ansible_python_interpreter": "/usr/bin/python3", "azureml_cluster": CLUSTER, "ansible_timeout": 60,
        }  # fmt: skip
        cluster = {
            "azureml_kubeconfig": str(self._cluster.sandbox.kubeconfig), "azureml_accept": ["reboots_nodes"],
            "worker_selinux_hosts": {node: MACHINE}, "worker_selinux_host_state": wanted,
            "worker_selinux_reboot_timeout": REBOOT_SECONDS,
        }  # fmt: skip
        return {"all": {"hosts": {CLUSTER: cluster, MACHINE: machine}}}

    def _ssh_program(self) -> Path:
        """A program that starts ssh with the libraries it needs."""
        script = self._folder / "ssh"
        settings = [f"{key}={value}" for key, value in self._machine.environment().items()]
        command = shlex.join(["env", *settings, self._machine.ssh()[0]])
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        script.chmod(0o700)
        return script

    def start(self, wanted: str, *arguments: str, node: str = NODE) -> Run:
        """Start the playbook so that the machine behind `node` gets the SELinux state `wanted`."""
        inventory = self._folder / "inventory.yml"
        inventory.write_text(yaml.safe_dump(self._inventory(wanted, node)), encoding="utf-8")
        results = self._folder / "results.jsonl"
        results.unlink(missing_ok=True)
        environment = self._play.environment({
            "TASK_RESULTS_FILE": str(results), "ANSIBLE_PIPELINING": "True", "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self._play.tmp),
            "ANSIBLE_HOST_KEY_CHECKING": "True", "ANSIBLE_SSH_RETRIES": "3",
        })  # fmt: skip
        program = str(Path(sys.executable).parent / "ansible-playbook")
        return Run([program, "-i", str(inventory), PLAYBOOK, *arguments], environment, self._machine, self._clock)

    def run(self, wanted: str, *arguments: str, node: str = NODE) -> Outcome:
        """Run the playbook to its end."""
        return self.start(wanted, *arguments, node=node).wait()

    def succeed(self, wanted: str, *arguments: str) -> Outcome:
        """Run the playbook, which has to succeed.

        Raises:
            TooSlow: ansible's patience with the machine was over while the machine was at work.
            Wrong: anything else.
        """
        outcome = self.run(wanted, *arguments)
        if outcome.status and _PATIENCE.search(outcome.text) and is_busy(self._machine.cpu_seconds):
            raise TooSlow(f"ansible gave up on a machine that is at work:\n{outcome.text[-2000:]}")
        if outcome.status:
            raise Wrong(f"the play failed:\n{outcome.text[-4000:]}")
        return outcome


def changed(outcome: Outcome) -> int:
    """The number of tasks of all hosts that changed something, by ansible's own count."""
    return sum(int(count) for count in re.findall(r"\bchanged=(\d+)", outcome.text))
