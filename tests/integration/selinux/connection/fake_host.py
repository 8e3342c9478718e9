"""Connects to a machine that is a folder: every command runs with that folder as its root, in a mount namespace of its own.

`/usr` and the like are this machine's, read-only; `/etc`, `/boot`, `/sys` and `/tmp` are the folder's, and so are the boot ID and
the kernel's command line. A reboot never reaches a program: it is played here. Nothing outside the folder can be written.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import typing as t
import uuid
from pathlib import Path

from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: fake_host
short_description: A machine that is a folder
description: [For tests of the host path only.]
author: [The azureml.kubernetes maintainers]
options:
  folder:
    description: The folder.
    vars: [{name: ansible_fake_host_folder}]
    required: true
"""

ENTER = """
set -e
cd "$1"
mount --make-rprivate /
for path in /*; do
    name="${path#/}"
    case "$name" in etc|boot|sys|tmp|proc|fake) continue;; esac
    [ -d "$path" ] && [ ! -L "$path" ] || continue
    mount --rbind "$path" "root/$name"
    mount -o remount,bind,ro "root/$name" || true
done
mount --rbind /proc root/proc
mount --bind boot_id root/proc/sys/kernel/random/boot_id
mount --bind cmdline root/proc/cmdline
mount --bind bin root/usr/local/sbin
exec chroot root /bin/sh -c "$2"
"""


def boot(folder: Path) -> None:
    """What firmware, boot loader, kernel and init do: new boot ID, arguments from the menu, SELinux as configured."""
    root = folder / "root"
    entries = root / "boot/entries"
    menu = (entries if entries.exists() else root / "boot/grub/grub.cfg").read_text()
    words = next(line.split(" ", 1)[1] for line in menu.splitlines() if line.strip().startswith("linux"))
    (folder / "cmdline").write_text(words.strip() + "\n")
    config = dict(line.split("=", 1) for line in (root / "etc/selinux/config").read_text().splitlines() if "=" in line)
    enforce = root / "sys/fs/selinux/enforce"
    enforce.unlink(missing_ok=True)
    obeys = not (folder / "ignores_selinux_0").exists()
    if config["SELINUX"] != "disabled" and not (obeys and "selinux=0" in words.split()):
        enforce.write_text("1" if config["SELINUX"] == "enforcing" else "0")
        (root / ".autorelabel").unlink(missing_ok=True)
    (folder / "boot_id").write_text(f"{uuid.uuid4()}\n")


class Connection(ConnectionBase):  # type: ignore[misc]
    """See the module."""

    transport = "fake_host"
    has_pipelining = True

    def _connect(self) -> Connection:
        self._connected = True
        return self

    @property
    def folder(self) -> Path:
        return Path(self.get_option("folder"))

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        with (self.folder / "commands").open("a") as log:
            log.write(cmd + "\n")
        if "shutdown -r" in cmd:
            return self._reboot()
        interpreter = ["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", ENTER, "sh", str(self.folder), cmd]
        env = {**os.environ, "PYTHONPATH": "/fake", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(interpreter, input=in_data, capture_output=True, check=False, env=env)
        return done.returncode, done.stdout, done.stderr

    def _reboot(self) -> tuple[int, bytes, bytes]:
        if (self.folder / "cannot_reboot").exists():
            return 1, b"", b"Operation inhibited by updater"
        if (self.folder / "killed_before_reboot").exists():
            _kill()
        boot(self.folder)
        if (self.folder / "killed_after_reboot").exists():
            _kill()
        return 0, b"", b""

    def put_file(self, in_path: str, out_path: str) -> None:
        super().put_file(in_path, out_path)
        shutil.copyfile(in_path, f"{self.folder}/root{out_path}")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        super().fetch_file(in_path, out_path)
        shutil.copyfile(f"{self.folder}/root{in_path}", out_path)

    def close(self) -> None:
        self._connected = False

    def reset(self) -> None:
        self.close()


def _kill() -> t.NoReturn:
    """End ansible-playbook as a power cut would: this worker and the process that started it."""
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit
