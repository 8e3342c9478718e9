"""A Linux host that is a folder (see connection/fake_host.py), and the kubelet that tells its boot ID to the cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.integration.selinux.connection import fake_host
from tests.sandbox import Sandbox

CONNECTION = Path(fake_host.__file__).parent
_COPIED = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "os-release", "localtime", "alternatives")
_SELINUX_BINDINGS = '''"""Stands for the Python bindings of libselinux: as much as ansible.posix.selinux asks."""
ENFORCE, CONFIG = "/sys/fs/selinux/enforce", "/etc/selinux/config"
import os
def is_selinux_enabled(): return int(os.path.exists(ENFORCE))
def security_getenforce(): return int(open(ENFORCE).read())
def security_setenforce(value): open(ENFORCE, "w").write(str(value))
def selinux_getpolicytype(): return [0, dict(line.strip().split("=", 1) for line in open(CONFIG) if "=" in line)["SELINUXTYPE"]]
'''
_GETENFORCE = """#!/bin/sh
[ -e /sys/fs/selinux/enforce ] || { echo Disabled; exit; }
[ "$(cat /sys/fs/selinux/enforce)" = 1 ] && echo Enforcing || echo Permissive
"""
_UPDATE_GRUB = """#!/bin/sh
. /etc/default/grub
for file in /etc/default/grub.d/*.cfg; do [ -e "$file" ] && . "$file"; done
{ echo "### BEGIN /etc/grub.d/10_linux ###"
  echo "linux /boot/vmlinuz root=/dev/vda1 ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT"
  echo "### END /etc/grub.d/10_linux ###"; } > /boot/grub/grub.cfg
"""
_GRUBBY = """#!{python}
import sys
options = dict(word.split("=", 1) for word in sys.argv[1:])
kernels = [line.split()[2:] for line in open("/boot/entries")]
if "--info" in options:
    print("\\n".join(f'index={{n}}\\nargs="{{" ".join(words)}}"' for n, words in enumerate(kernels)))
else:
    removed, added = options.get("--remove-args", "").split(), options.get("--args", "").split()
    kernels = [[w for w in words if w not in removed] + [a for a in added if a not in words] for words in kernels]
    open("/boot/entries", "w").write("".join("linux /boot/vmlinuz " + " ".join(words) + "\\n" for words in kernels))
"""


def can_be_played() -> bool:
    """Whether this machine lets a process have mounts of its own."""
    flag = "-m" if os.geteuid() == 0 else "-rm"
    return subprocess.run(["unshare", flag, "mount", "--make-rprivate", "/"], capture_output=True, check=False).returncode == 0


class Machine:
    """Debian with SELinux enforcing; with `grubby`, a machine whose boot loader is set by that program."""

    def __init__(self, folder: Path, *, selinux: str = "enforcing", grubby: bool = False) -> None:
        self.folder = folder
        self.root = folder / "root"
        for name in ("etc/selinux", "etc/default", "boot/grub", "sys/fs/selinux", "tmp", "proc", "fake"):
            (self.root / name).mkdir(parents=True)
        for path in Path("/").iterdir():
            if path.is_symlink():
                (self.root / path.name).symlink_to(os.readlink(path))
            elif path.is_dir():
                (self.root / path.name).mkdir(exist_ok=True)
        for name in _COPIED:
            source = Path("/etc", name)
            if source.is_dir():
                shutil.copytree(source, self.root / "etc" / name, symlinks=True)
            elif source.exists():
                shutil.copyfile(source, self.root / "etc" / name)
        self.write("etc/selinux/config", f"SELINUX={selinux}\nSELINUXTYPE=default\n")
        self.write("etc/default/grub", 'GRUB_CMDLINE_LINUX="security=selinux"\n')
        self.write("boot/entries" if grubby else "boot/grub/grub.cfg", "linux /boot/vmlinuz root=/dev/vda1 ro security=selinux\n")
        self.write("fake/selinux.py", _SELINUX_BINDINGS)
        (folder / "bin").mkdir()
        self.program("getenforce", _GETENFORCE)
        self.program("update-grub", _UPDATE_GRUB)
        if grubby:
            self.program("grubby", _GRUBBY.format(python=sys.executable))
        fake_host.boot(folder)
        self.commands_done()

    def write(self, path: str, content: str) -> None:
        (self.root / path).write_text(content)

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def program(self, name: str, content: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(content)
        path.chmod(0o755)

    @property
    def boot_id(self) -> str:
        return (self.folder / "boot_id").read_text().strip()

    @property
    def cmdline(self) -> list[str]:
        return (self.folder / "cmdline").read_text().split()

    @property
    def mode(self) -> str:
        enforce = self.root / "sys/fs/selinux/enforce"
        return "Disabled" if not enforce.exists() else "Enforcing" if enforce.read_text() == "1" else "Permissive"

    def flag(self, name: str, on: bool = True) -> None:
        """What goes wrong: cannot_reboot, killed_before_reboot, killed_after_reboot, ignores_selinux_0."""
        path = self.folder / name
        path.touch() if on else path.unlink()

    def commands_done(self) -> str:
        """The commands since the last call."""
        path = self.folder / "commands"
        text = path.read_text() if path.exists() else ""
        path.write_text("")
        return text

    def variables(self, **more: Any) -> dict[str, Any]:
        """Inventory variables."""
        known = {"ansible_connection": "fake_host", "ansible_fake_host_folder": str(self.folder), "ansible_become": False}
        return {**known, "ansible_remote_tmp": "/tmp/ansible", **more}


class Kubelet:
    """Tells the cluster the machine's boot ID, as a kubelet does when it registers."""

    def __init__(self, machine: Machine, sandbox: Sandbox, node: str) -> None:
        self._machine, self._sandbox, self._node = machine, sandbox, node
        self._ended = threading.Event()
        self._said = ""
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._register()
        self._thread.start()

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.2):
            self._register()

    def _register(self) -> None:
        boot_id = self._machine.boot_id
        if boot_id and boot_id != self._said:
            patch = [{"op": "add", "path": "/status/nodeInfo/bootID", "value": boot_id}]
            path = f"/api/v1/nodes/{self._node}/status"
            self._sandbox.request("PATCH", path, patch, content_type="application/json-patch+json")
            self._said = boot_id
