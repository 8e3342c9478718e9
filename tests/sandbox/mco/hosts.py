"""What the operating system of each node says: files that stub programs show to whoever execs into a node's daemon.

``DIRECTORY/hosts/NODE`` holds ``host.json`` (the truth) and the files that a command sees in place of this machine's:
``proc/cmdline``, ``proc/sys/kernel/random/boot_id``, ``etc/selinux/config`` and ``getenforce``, the answer of that command.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from tests.sandbox.paths import read_json, write_json, write_private

from .names import Object, name_of

Mode = Literal["enforcing", "permissive", "disabled"]
_COREOS_BOOT = (
    "BOOT_IMAGE=(hd0,gpt3)/boot/ostree/rhcos-{digest}/vmlinuz-{kernel} rw ostree=/ostree/boot.1/rhcos/{digest}/0"
    " ignition.platform.id=metal root=UUID=00000000-0000-4000-8000-000000000001 rootflags=prjquota"
    " boot=UUID=00000000-0000-4000-8000-000000000002"
)
_RHEL_BOOT = "BOOT_IMAGE=(hd0,msdos1)/vmlinuz-{kernel} root=/dev/mapper/rhel-root ro crashkernel=auto"

# They shadow programs of this machine, for commands that kwok runs in place of a container and for nothing else.
_STUBS = {
    "chroot": """\
# Not a chroot: the command runs here and sees the host's answers through the other stubs.
case "$SANDBOX_HOST:$1" in
  ?*:/rootfs|?*:/host) shift; exec "$@";;
esac
echo "chroot: cannot change root directory to '$1': No such file or directory" >&2
exit 125
""",
    "getenforce": """\
[ -n "$SANDBOX_HOST" ] || { echo "getenforce: not found" >&2; exit 127; }
PATH=${PATH#*:}; exec cat "$SANDBOX_HOST/getenforce"
""",
    "cat": """\
PATH=${PATH#*:}
[ $# -eq 1 ] && [ -n "$SANDBOX_HOST" ] && [ -f "$SANDBOX_HOST$1" ] && exec cat "$SANDBOX_HOST$1"
exec cat "$@"
""",
}


def write_stubs(folder: Path) -> Path:
    """Write the stub programs into ``folder`` and return it; it comes first in kwok's PATH."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, script in _STUBS.items():
        path = folder / name
        write_private(path, f"#!/bin/sh\n{script}".encode())
        path.chmod(0o700)
    return folder


def is_coreos(node: Object) -> bool:
    """Whether the daemon manages the whole operating system of ``node``; on RHEL it skips kernel arguments."""
    return "CoreOS" in node["status"]["nodeInfo"].get("osImage", "")


@dataclass(frozen=True)
class Host:
    """One operating system: what runs, and what the next boot will run.

    ``command_line`` is without MachineConfigs' arguments; ``arguments`` and ``mode`` (``/etc/selinux/config``) are of the
    next boot; ``running`` is ``/proc/cmdline`` and ``answer`` what ``getenforce`` prints now.
    """

    boot_id: str
    command_line: str
    arguments: tuple[str, ...] = ()
    mode: Mode = "enforcing"
    running: str = ""
    answer: str = ""

    @classmethod
    def installed(cls, node: Object, arguments: Sequence[str]) -> Host:
        """Return the host of ``node`` as it comes up the first time."""
        info = node["status"]["nodeInfo"]
        template = _COREOS_BOOT if is_coreos(node) else _RHEL_BOOT
        line = template.format(kernel=info.get("kernelVersion", ""), digest="0" * 64)
        kept = tuple(arguments) if is_coreos(node) else ()
        return cls(boot_id="", command_line=line, arguments=kept).booted(info.get("bootID", ""))

    def changed(self, arguments: Sequence[str] | None = None, mode: Mode | None = None) -> Host:
        """Return the host with other kernel arguments, or another ``/etc/selinux/config``, for the next boot."""
        return replace(self, arguments=self.arguments if arguments is None else tuple(arguments), mode=mode or self.mode)

    def booted(self, boot_id: str) -> Host:
        """Return the host after a reboot."""
        running = " ".join([self.command_line, *self.arguments])
        return replace(self, boot_id=boot_id, running=running, answer=getenforce(running, self.mode))


def getenforce(command_line: str, mode: Mode) -> str:
    """Return what ``getenforce`` prints on a kernel booted with ``command_line`` and this ``SELINUX=``."""
    words = dict(word.split("=", 1) for word in command_line.split() if "=" in word)
    if words.get("selinux") == "0" or mode == "disabled":
        return "Disabled"
    enforcing = {"0": False, "1": True}.get(words.get("enforcing", ""), mode == "enforcing")
    return "Enforcing" if enforcing else "Permissive"


@dataclass(frozen=True)
class Hosts:
    """The hosts of one sandbox."""

    root: Path

    @classmethod
    def of(cls, directory: Path) -> Hosts:
        """Return the hosts of the sandbox in ``directory``."""
        return cls(directory / "hosts")

    def path(self, node: str) -> Path:
        """Return the directory that stands for the root of ``node``."""
        return self.root / node

    def read(self, node: str) -> Host | None:
        """Return a node's host, None before it came up."""
        try:
            known = read_json(self.path(node) / "host.json")
        except FileNotFoundError:
            return None
        return Host(**{**known, "arguments": tuple(known["arguments"])})

    def write(self, node: str, host: Host) -> None:
        """Remember ``host`` and let commands see it."""
        files = {
            "proc/cmdline": host.running,
            "proc/sys/kernel/random/boot_id": host.boot_id,
            "etc/selinux/config": f"SELINUX={host.mode}\nSELINUXTYPE=targeted",
            "getenforce": host.answer,
        }
        for name, content in files.items():
            path = self.path(node) / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, f"{content}\n".encode())
        write_json(self.path(node) / "host.json", asdict(host))

    def restore(self, pristine: Hosts) -> None:
        """Put back the hosts that ``pristine`` remembers, and forget the others."""
        known = {path.name for path in pristine.root.glob("*")}
        self.keep_only(known)
        for name in known:
            host = pristine.read(name)
            if host is not None and host != self.read(name):
                self.write(name, host)

    def keep_only(self, nodes: Iterable[str]) -> None:
        """Forget the hosts of nodes that are gone."""
        gone = {path.name for path in self.root.glob("*")} - set(nodes)
        for name in gone:
            shutil.rmtree(self.path(name), ignore_errors=True)


def exec_target(pod: Object, host: Path) -> Object:
    """Return kwok's Exec object that makes commands in ``pod`` see ``host``."""
    metadata = {"name": name_of(pod), "namespace": pod["metadata"]["namespace"]}
    envs = [{"name": "SANDBOX", "value": "1"}, {"name": "SANDBOX_HOST", "value": str(host)}]
    spec = {"execs": [{"local": {"workDir": str(host), "envs": envs}}]}
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Exec", "metadata": metadata, "spec": spec}


def describe(host: Host) -> str:
    """Return ``host`` as one line for a log."""
    return json.dumps({"getenforce": host.answer, "cmdline": host.running})
