"""``python -m tests.sandbox COMMAND``."""

from __future__ import annotations

import argparse
import shlex
import sys

from .binaries import toolbox
from .errors import SandboxError
from .lifecycle import attach, down, running, states, up
from .paths import state_root
from .profile import profiles
from .progress import stopwatch


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start a sandbox")
    start.add_argument("--profile", default="aks-gpu", help="see `profiles`; default: aks-gpu")
    start.add_argument("--name", help="default: the profile's name")
    start.add_argument("--owner-pid", type=int, help="end the sandbox when this process ends")
    end = commands.add_parser("down", help="end a sandbox")
    end.add_argument("name", nargs="?")
    end.add_argument("--all", action="store_true", help="every sandbox of the state directory")
    commands.add_parser("status", help="list the sandboxes")
    environment = commands.add_parser("env", help="print shell lines that select a sandbox")
    environment.add_argument("name")
    commands.add_parser("profiles", help="list the profiles")
    commands.add_parser("build", help="get the programs, start nothing")
    return parser


def _down(name: str | None, everything: bool) -> None:
    if everything:
        names = [path.parent.name for path in sorted(state_root().glob("*/state.json"))]
    elif name is not None:
        names = [name]
    else:
        alive = [sandbox.name for sandbox in running()]
        if len(alive) != 1:
            raise SandboxError(f"say which one, or --all; running: {', '.join(alive) or 'none'}")
        names = alive
    for item in names:
        down(item)
        print(f"{item} is down")


def _print_environment(name: str) -> None:
    sandbox = attach(name)
    print(f"export KUBECONFIG={shlex.quote(str(sandbox.kubeconfig))}")
    print(f"export K8S_AUTH_KUBECONFIG={shlex.quote(str(sandbox.kubeconfig))}")
    print(f"alias kubectl={shlex.quote(str(sandbox.kubectl))}")


def _run(options: argparse.Namespace) -> None:
    if options.command == "up":
        sandbox = up(options.profile, name=options.name, owner_pid=options.owner_pid, progress=stopwatch())
        print(f"export KUBECONFIG={shlex.quote(str(sandbox.kubeconfig))}")
    elif options.command == "down":
        _down(options.name, options.all)
    elif options.command == "status":
        for name, kind, state in states():
            url = attach(name).url if state == "up" else ""
            print(f"{name:20} {kind:12} {state:9} {url}")
    elif options.command == "env":
        _print_environment(options.name)
    elif options.command == "profiles":
        for profile in profiles().values():
            print(f"{profile.name:12} {profile.version:14} {profile.summary}")
    else:
        for name, path in toolbox(stopwatch()).programs.items():
            print(f"{name:24} {path}")


def main() -> int:
    """Run one command; returns the exit code."""
    try:
        _run(_parser().parse_args())
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
