"""The process that holds one sandbox's processes: ``python -m tests.sandbox.supervisor DIRECTORY``.

It ends when told to (SIGTERM), when its owner ends or when a component ends, and takes every process and the
sandbox's directory with it. Killed with -9, the kernel kills its children (PR_SET_PDEATHSIG).
Progress goes to standard output, one line each; the last line is ``ready`` or ``failed: REASON``.
"""

from __future__ import annotations

import argparse
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import urllib3

from .binaries import Toolbox, toolbox
from .certs import Pair
from .client import Client, wait_listed
from .components import ControlPlane, Ports
from .errors import SandboxError
from .mco.names import EXEC_CRD
from .paths import read_json, write_json
from .processes import adopt_orphans, kill_descendants, spawn
from .profile import DEVICE_PLUGINS, MACHINE_CONFIG_OPERATOR, read_crd

_ATTEMPTS = 3
_START_SECONDS = 60.0
_POLL_SECONDS = 0.03


class _Stopped(Exception):
    """Somebody wants the sandbox to end."""


class Supervisor:
    """Starts the components of ``directory``'s sandbox and watches over them."""

    def __init__(self, directory: Path, owner: int | None, emulate: frozenset[str]) -> None:
        self.directory = directory
        self.emulate = emulate
        self.logs = directory / "logs"
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.selector = selectors.DefaultSelector()
        self._watch_signals()
        if owner is not None:
            self._watch_owner(owner)

    def _watch_signals(self) -> None:
        reader, writer = socket.socketpair()
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno())
        self._wakeup = (reader, writer)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        self.selector.register(reader, selectors.EVENT_READ, "asked to stop")

    def _watch_owner(self, owner: int) -> None:
        try:
            self.selector.register(os.pidfd_open(owner), selectors.EVENT_READ, f"owner {owner} ended")
        except ProcessLookupError as error:
            raise SandboxError(f"owner process {owner} does not exist") from error

    def _start(self, name: str, command: list[str | Path], environment: Mapping[str, str] | None = None) -> None:
        child = spawn(command, self.logs / f"{name}.log", environment)
        self.children[name] = child
        self.selector.register(os.pidfd_open(child.pid), selectors.EVENT_READ, name)

    def _check(self, timeout: float) -> None:
        """Wait ``timeout`` seconds for an event; raises _Stopped or, when a component ended, SandboxError."""
        events = [str(key.data) for key, _mask in self.selector.select(timeout)]
        # A request to stop first: the components may have got the same signal.
        for name in sorted(events, key=lambda name: name in self.children):
            if name not in self.children:
                raise _Stopped(name)
            code = self.children[name].wait()
            tail = "\n".join((self.logs / f"{name}.log").read_text(errors="replace").splitlines()[-8:])
            raise SandboxError(f"{name} ended with code {code}:\n{tail}")

    def _until(self, what: str, done: Callable[[], bool]) -> None:
        """Poll ``done``; raises SandboxError after the deadline or when a component ends."""
        deadline = time.monotonic() + _START_SECONDS
        while not done():
            if time.monotonic() > deadline:
                raise SandboxError(f"{what} was not ready within {_START_SECONDS:.0f} s; see {self.logs}")
            self._check(_POLL_SECONDS)

    def start(self, tools: Toolbox) -> ControlPlane:
        """Start every component and wait until the API server answers; ports are picked anew after a clash."""
        for attempt in range(1, _ATTEMPTS + 1):
            plane = ControlPlane(self.directory, tools, Ports.pick(), self.emulate)
            plane.prepare()
            try:
                self._start_components(plane)
                return plane
            except SandboxError as error:
                self._kill_children()
                if "address already in use" not in str(error) or attempt == _ATTEMPTS:
                    raise
                shutil.rmtree(self.directory / "etcd", ignore_errors=True)
        raise AssertionError("unreachable")

    def _start_components(self, plane: ControlPlane) -> None:
        self._start("etcd", plane.etcd())
        # kube-apiserver backs off for a second when etcd does not listen yet.
        etcd = _pool(plane, "etcd-ca", "etcd")
        self._until("etcd", lambda: _answers(etcd, f"https://127.0.0.1:{plane.ports.etcd}/health"))
        self._start("kube-apiserver", plane.api_server())
        self._start("frontdoor", plane.front_door())
        pool = _pool(plane, "ca", "kwok")
        self._until("kube-apiserver", lambda: _answers(pool, f"{plane.direct_url}/readyz"))
        self._start("kube-controller-manager", plane.controller_manager())
        self._start("kube-scheduler", plane.scheduler())
        if MACHINE_CONFIG_OPERATOR in self.emulate:
            # kwok backs off for long when it looks for a definition that is not there yet.
            client = Client(plane.direct_url, plane.pki / "ca.crt", Pair(plane.pki / "kwok.crt", plane.pki / "kwok.key"))
            definition = read_crd(EXEC_CRD, plane.tools.crds)
            client.create(definition)
            wait_listed(client, definition)
            self._start("machine-config-operator", plane.machine_config_operator())
        if DEVICE_PLUGINS in self.emulate:
            self._start("device-plugins", plane.device_plugins())
        self._start("kwok", plane.kwok(), plane.kwok_environment())
        self._until("the front door", plane.front_door_state.exists)
        self._until("kwok", lambda: _answers(pool, f"https://127.0.0.1:{plane.ports.kubelet}/healthz"))

    def watch(self) -> None:
        """Return when the sandbox has to end; the reason is written to standard output."""
        while True:
            self._check(3600.0)

    def _kill_children(self) -> None:
        for key in list(self.selector.get_map().values()):
            if key.data in self.children:
                self.selector.unregister(key.fileobj)
        kill_descendants()
        self.children.clear()

    def stop(self) -> None:
        """Kill every process this supervisor started."""
        self._kill_children()


def _pool(plane: ControlPlane, authority: str, client: str) -> urllib3.PoolManager:
    """Return a client that trusts only this sandbox, so that no stranger on a taken port passes for a component."""
    return urllib3.PoolManager(
        ca_certs=str(plane.pki / f"{authority}.crt"),
        cert_file=str(plane.pki / f"{client}.crt"),
        key_file=str(plane.pki / f"{client}.key"),
        retries=False,
        timeout=5.0,
    )


def _answers(pool: urllib3.PoolManager, url: str) -> bool:
    try:
        status: int = pool.request("GET", url).status
    except urllib3.exceptions.HTTPError:
        return False
    return status == 200


def _describe(plane: ControlPlane, state: Path) -> None:
    """Write down where everything is, for ``attach``."""
    known = read_json(state)
    programs = {name: str(path) for name, path in plane.tools.programs.items()}
    front_door = read_json(plane.front_door_state)
    known.update(direct_url=plane.direct_url, programs=programs, crds=str(plane.tools.crds), front_door=front_door)
    write_json(state, known)


def main(arguments: list[str] | None = None) -> int:
    """Run the supervisor; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--owner-pid", type=int)
    parser.add_argument("--emulate", action="append", default=[], help="a controller of ours to run")
    options = parser.parse_args(arguments)
    adopt_orphans()
    keep = False
    supervisor: Supervisor | None = None
    try:
        supervisor = Supervisor(options.directory, options.owner_pid, frozenset(options.emulate))
        plane = supervisor.start(toolbox())
        _describe(plane, options.directory / "state.json")
        print("ready", flush=True)
        # The reader of the pipe goes away now; later output belongs in the log.
        log = os.open(options.directory / "logs" / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, sys.stdout.fileno())
        os.dup2(log, sys.stderr.fileno())
        supervisor.watch()
    except _Stopped as reason:
        print(reason, flush=True)
    except SandboxError as error:
        keep = True
        print(f"failed: {error}", flush=True)
    finally:
        if supervisor is not None:
            supervisor.stop()
        if not keep:
            shutil.rmtree(options.directory, ignore_errors=True)
    return int(keep)


if __name__ == "__main__":
    sys.exit(main())
