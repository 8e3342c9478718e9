"""Starting sandboxes and finding running ones."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from . import pristine
from .binaries import toolbox
from .client import Client, Object, until, write_in_order
from .errors import SandboxError
from .mco.held import held
from .paths import REPOSITORY, locked, read_json, state_root, write_json
from .processes import is_same_process, start_time
from .profile import Profile, load
from .progress import Progress, silent
from .sandbox import Sandbox, admin_account, stop

_START_SECONDS = 90.0
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")


def up(profile: str, *, name: str | None = None, owner_pid: int | None = None, progress: Progress | None = None) -> Sandbox:
    """Start a sandbox with ``profile`` and return it when every object of the profile is there.

    ``name`` defaults to the profile's, numbered when taken. With ``owner_pid`` it ends when that process does.
    Raises SandboxError when the name is taken, a build fails or a component does not start.
    """
    say = progress or silent
    wanted = load(profile)
    toolbox(say)
    directory = _start_supervisor(wanted, name, owner_pid, say)
    sandbox = Sandbox(directory)
    try:
        _furnish(sandbox, wanted, say)
    except BaseException:
        sandbox.down()
        raise
    state = read_json(directory / "state.json")
    write_json(directory / "state.json", {**state, "ready": True})
    say(f"{sandbox.name} is up at {sandbox.url}")
    return sandbox


def _start_supervisor(profile: Profile, name: str | None, owner_pid: int | None, say: Progress) -> Path:
    """Start a supervisor and wait until its API server answers; return the sandbox's directory."""
    with locked(state_root() / ".lock"):
        directory = _claim(profile.name, name)
        command = [sys.executable, "-m", f"{__package__}.supervisor", str(directory)]
        if owner_pid is not None:
            command += ["--owner-pid", str(owner_pid)]
        command += [f"--emulate={name}" for name in sorted(profile.emulate)]
        supervisor = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        started = {"pid": supervisor.pid, "started": start_time(supervisor.pid) or ""}
        state = {"name": directory.name, "profile": profile.name, "supervisor": started, "ready": False}
        write_json(directory / "state.json", state)
    say(f"starting {directory.name} ({profile.name})")
    _wait_ready(supervisor, directory)
    say("the API server answers")
    return directory


def _claim(profile: str, name: str | None) -> Path:
    """Make the directory of a new sandbox. Raises SandboxError when ``name`` is taken or unusable."""
    if name is not None and not _NAME.fullmatch(name):
        raise SandboxError(f"{name!r} is no sandbox name: lower-case letters, digits and dashes, at most 42")
    candidates = [name] if name else [profile, *(f"{profile}-{number}" for number in range(2, 100))]
    for candidate in candidates:
        directory = state_root() / candidate
        if directory.exists() and _is_alive(directory):
            continue
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700, parents=True)
        (directory / "logs").mkdir(mode=0o700)
        return directory
    raise SandboxError(f"a sandbox named {candidates[0]} is running already")


def _is_alive(directory: Path) -> bool:
    try:
        supervisor = read_json(directory / "state.json")["supervisor"]
        return is_same_process(supervisor["pid"], supervisor["started"])
    except (OSError, ValueError, KeyError):
        return False


def _wait_ready(supervisor: subprocess.Popen[bytes], directory: Path) -> None:
    """Read the supervisor's pipe until it says how the start went."""
    assert supervisor.stdout is not None
    output = b""
    deadline = time.monotonic() + _START_SECONDS
    with supervisor.stdout as pipe:
        while not output.endswith(b"ready\n"):
            readable, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(pipe.fileno(), 65536) if readable else b""
            output += chunk
            if not chunk:
                supervisor.kill()
                supervisor.wait()
                shutil.rmtree(directory, ignore_errors=True)
                raise SandboxError(f"{directory.name} did not start: {output.decode(errors='replace').strip()}")
    # The supervisor outlives this object on purpose; Python need not warn about it.
    supervisor.returncode = 0


def _furnish(sandbox: Sandbox, profile: Profile, say: Progress) -> None:
    """Create the profile's objects, wait until they settled, and remember them."""
    keeper = sandbox._keeper
    objects = [*profile.all_objects(sandbox.crd_directory), *admin_account()]
    sandbox.restore_main_door()
    with held(sandbox.directory):
        write_in_order(keeper, objects, lambda item: _create(sandbox, item))
        say(f"{len(objects)} objects of the profile are in")
        for patch in profile.refused:
            until(f"refusal of a change to {patch['path']}", partial(_is_refused, sandbox.client, patch))
        pristine.wait_workloads(keeper)
    sandbox.remember()


def _is_refused(client: Client, patch: Object) -> bool:
    """Whether the server refuses a merge patch; admission policies work a moment after they exist."""
    try:
        path = f"{patch['path']}?dryRun=All"
        client.request("PATCH", path, patch["body"], content_type="application/merge-patch+json")
    except SandboxError as error:
        return error.status in {403, 422}
    return False


def _create(sandbox: Sandbox, item: Object) -> None:
    """Create ``item``, or take it over where the server or a controller made it first."""
    try:
        sandbox._keeper.create(item)
    except SandboxError as error:
        if error.status != 409:
            raise
        sandbox._keeper.server_side_apply(item)


def attach(name: str) -> Sandbox:
    """Return the running sandbox ``name``; raises SandboxError when there is none."""
    directory = state_root() / name
    if not _is_alive(directory):
        raise SandboxError(f"no sandbox named {name!r} is running; see `python -m tests.sandbox status`")
    if not read_json(directory / "state.json").get("ready"):
        raise SandboxError(f"sandbox {name!r} is still starting")
    return Sandbox(directory)


def running() -> list[Sandbox]:
    """Return every sandbox that is up, by name."""
    found = []
    for state in sorted(state_root().glob("*/state.json")):
        try:
            found.append(attach(state.parent.name))
        except SandboxError:
            continue
    return found


def states() -> list[tuple[str, str, str]]:
    """Return name, profile and ``up``, ``starting`` or ``dead`` of every sandbox that left a trace."""
    found = []
    for path in sorted(state_root().glob("*/state.json")):
        state = read_json(path)
        alive = "up" if state.get("ready") else "starting"
        found.append((path.parent.name, str(state["profile"]), alive if _is_alive(path.parent) else "dead"))
    return found


def down(name: str) -> None:
    """End sandbox ``name`` in whatever state it is; raises SandboxError when there is none."""
    directory = state_root() / name
    try:
        supervisor = read_json(directory / "state.json")["supervisor"]
    except (OSError, ValueError, KeyError) as error:
        raise SandboxError(f"there is no sandbox named {name!r}") from error
    stop(directory, supervisor["pid"], supervisor["started"])
