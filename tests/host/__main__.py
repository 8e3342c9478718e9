"""`python -m tests.host`: the host path of the role worker_selinux on a real virtual machine.

Exit code 1 when something was wrong; 0 when all was well, or could not be looked at here (then the last line says why).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.sandbox import SandboxError, up
from tests.sandbox.paths import REPOSITORY

from .cache import cache_root, forget_unused
from .cluster import Cluster, Kubelet
from .image import get_image
from .machine import Machine, boot, console_text
from .plays import Plays
from .scenario import Scenario
from .tools import get_tools, tail
from .verdict import Clock, NotRun, Tally, Wrong

STAGE_MINUTES = 25.0
LOGS = REPOSITORY / "build" / "host"
PROVES = (
    "what this proves: SELinux disabled by its configuration, the kernel argument persisted, both verified after a real reboot; "
    "not that a kernel obeys selinux=0 (Debian's does not), and nothing about grubby itself (a stand-in)"
)


def stage(folder: Path, clock: Clock, tally: Tally) -> None:
    """Everything: tools, image, machine, cluster, steps. Raises NotRun or Wrong before the first step."""
    tools = get_tools(clock.say)
    image = get_image(tools, clock.say)
    clock.say("booting the machine ...")
    machine, boot_seconds = boot(tools, image, folder, clock.say)
    try:
        clock.say(f"the machine answers after {boot_seconds:.0f} s ({machine.accelerator})")
        _with_cluster(folder, machine, boot_seconds, clock, tally)
    finally:
        machine.stop()


def _with_cluster(folder: Path, machine: Machine, boot_seconds: float, clock: Clock, tally: Tally) -> None:
    # Apart from the sandboxes of the person at the keyboard.
    os.environ["AZUREML_SANDBOX_DIR"] = str(folder / "sandboxes")
    try:
        sandbox = up("arc-k3s", owner_pid=os.getpid(), progress=clock.say)
    except SandboxError as error:
        raise NotRun(f"the sandbox does not start: {error}") from error
    cluster = Cluster(sandbox)
    try:
        kubelet = Kubelet(sandbox, machine)
        kubelet.start()
        try:
            Scenario(machine, cluster, Plays(folder, machine, cluster, clock), clock, boot_seconds).steps().run(tally)
        finally:
            kubelet.stop()
    finally:
        sandbox.down()


def keep_console(folder: Path, clock: Clock, *, show: bool) -> None:
    """Keep what the machine wrote to its console, and show its end when something was not as it has to be."""
    console = console_text(folder)
    if not console:
        return
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / "serial.log").write_text(console, encoding="utf-8")
    if show:
        clock.say(f"the end of the machine's console ({LOGS / 'serial.log'}):\n{tail(console, 30)}")


def run(clock: Clock, tally: Tally) -> str:
    """Run the stage in a directory of its own; return why it was not run, or nothing."""
    reason = ""
    with tempfile.TemporaryDirectory(dir=cache_root(), prefix="run-") as folder:
        try:
            stage(Path(folder), clock, tally)
        except NotRun as error:
            reason = str(error)
        except Exception as error:
            # Also what nobody thought of: no verdict is no pass.
            tally.failed.append("the machine")
            clock.say(f"FAILED: {error if isinstance(error, Wrong) else traceback.format_exc()}")
        keep_console(Path(folder), clock, show=bool(reason or tally.failed))
    return reason


def main(arguments: Sequence[str]) -> int:
    """Run the stage and print its summary as the last line."""
    parser = argparse.ArgumentParser(prog="python -m tests.host", description=__doc__)
    parser.add_argument("--minutes", type=float, default=STAGE_MINUTES, help="time for the whole stage (default %(default)g)")
    clock, tally = Clock(60 * parser.parse_args(arguments).minutes), Tally()
    # A terminated run ends its machine and its sandbox as an interrupted one does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    forget_unused("run-*")
    reason = run(clock, tally)
    clock.say(PROVES)
    print(tally.summary(clock.elapsed, reason))
    return tally.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
