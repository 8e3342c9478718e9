"""SELinux of one Linux host: what its files and commands say, and what is left to do until it is as wanted.

Facts: SELINUX=disabled in /etc/selinux/config disables SELinux up to RHEL 8 and on Debian; from RHEL 9 on only the kernel argument
selinux=0 does (RHEL 9, "Changing SELinux states and modes"), so both are set. A kernel argument `enforcing=` beats the file.
Files that were written while SELinux was disabled carry no labels, so the way back goes through permissive, /.autorelabel and a
reboot.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import text
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.kernel_arguments import (
    Line,
    Unparsable,
    grub_arguments,
    grub_entries,
    grub_lines,
    grubby_command,
    grubby_kernels,
    wanted,
)

Mode = t.Literal["disabled", "permissive", "enforcing"]
MODES: tuple[Mode, ...] = ("disabled", "permissive", "enforcing")

BOOT_ID = "/proc/sys/kernel/random/boot_id"
CMDLINE = "/proc/cmdline"
CONFIG = "/etc/selinux/config"
ENFORCE = "/sys/fs/selinux/enforce"
GRUB = "/etc/default/grub"
GRUB_MENUS = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg")
RELABEL = "/.autorelabel"
GETENFORCE, GRUBBY = "getenforce", "grubby"
_NO_PROGRAM = 127
_SECTION = re.compile(r"^==> (\S+) <==$\n?", re.MULTILINE)
_DENIED = re.compile(r"^tail: .*?'?(/[^':\s]+)'?.*: Permission denied$", re.MULTILINE)
_SETTING = re.compile(r"^(SELINUX|SELINUXTYPE)\s*=\s*([A-Za-z0-9_-]+)", re.MULTILINE)


@dataclass(frozen=True)
class Host:
    """What was read of a host.

    Args:
        boot_id: of the running kernel.
        mode: as getenforce tells it.
        config: SELINUX= of /etc/selinux/config, None where the file does not exist.
        policy: SELINUXTYPE= of that file.
        booted: arguments of the running kernel.
        kernels: arguments of each installed kernel as grubby tells them, None without grubby.
        grub: /etc/default/grub, None where it does not exist.
        entries: arguments of each kernel in GRUB's menu; none where the menu has no entries of its own.
        relabel: the next boot labels all files.
        problems: what could not be read, and why.
    """

    boot_id: str
    mode: Mode
    config: str | None
    policy: str
    booted: tuple[str, ...]
    kernels: tuple[tuple[str, ...], ...] | None
    grub: str | None
    entries: tuple[tuple[str, ...], ...]
    relabel: bool
    problems: tuple[str, ...] = ()

    @property
    def selinux(self) -> bool:
        """SELinux is installed."""
        return self.config is not None or self.mode != "disabled"

    @property
    def persistent(self) -> tuple[tuple[str, ...], ...]:
        """Arguments with which the next boot starts, per kernel; those of the running one where no tool can tell."""
        if self.kernels is not None:
            return self.kernels
        return (grub_arguments(self.grub), *self.entries) if self.grub is not None else (self.booted,)


@dataclass(frozen=True)
class Left:
    """What is left to do.

    Args:
        config: the state to write with ansible.posix.selinux now, "" when none.
        grubby: the command that sets the kernel arguments, empty when there is nothing to set, or no grubby.
        lines: lines to set in /etc/default/grub.
        menu: GRUB's menu has to be written anew.
        relabel: /.autorelabel has to be made.
        reboot: only a reboot makes it true.
        left: what is not as wanted, each a sentence.
        problems: why it cannot be done, each a sentence with what to do.
    """

    config: str = ""
    grubby: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    menu: bool = False
    relabel: bool = False
    reboot: bool = False
    left: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())


def host_of(read: t.Mapping[str, t.Any]) -> Host:
    """A host as role worker_selinux reads it: files as `tail -v` shows them, then getenforce, then `grubby --info=ALL`.

    Args:
        read: stdout, stderr and exit code of that; 127 says that there is no grubby.
    """
    parts = _SECTION.split(text(read.get("stdout")))
    files = dict(zip(parts[1::2], parts[2::2]))
    settings = dict(_SETTING.findall(files.get(CONFIG, "")))
    return Host(
        boot_id=files.get(BOOT_ID, "").strip(),
        mode=_mode(files.get(GETENFORCE, ""), files.get(ENFORCE, "")),
        config=settings.get("SELINUX", "").lower() if CONFIG in files else None,
        policy=settings.get("SELINUXTYPE", "targeted"),
        booted=tuple(files.get(CMDLINE, "").split()),
        kernels=grubby_kernels(files.get(GRUBBY, "")) if read.get("rc") == 0 else None,
        grub=files.get(GRUB),
        entries=tuple(words for path in GRUB_MENUS for words in grub_entries(files.get(path, ""))),
        relabel=RELABEL in files,
        problems=tuple(_unread(read, files)),
    )


def _mode(getenforce: str, enforce: str) -> Mode:
    """As getenforce says; without that program as the kernel says, which shows nothing when SELinux is disabled."""
    for mode in MODES:
        if getenforce.strip().lower() == mode:
            return mode
    return "disabled" if not enforce.strip() else "enforcing" if enforce.strip() == "1" else "permissive"


def _unread(read: t.Mapping[str, t.Any], files: t.Mapping[str, str]) -> t.Iterator[str]:
    """What was there to be read and could not be."""
    said = text(read.get("stderr"))
    for path in _DENIED.findall(said):
        yield f"{path} cannot be read; become root on this host (ansible_become: true)."
    if not files.get(BOOT_ID, "").strip():
        yield f"{BOOT_ID} cannot be read, so this is no Linux host, or its /proc is hidden."
    if read.get("rc") not in (0, _NO_PROGRAM):
        why = said.strip().splitlines()[-1:] or [f"exit code {read.get('rc')}"]
        yield f"grubby --info=ALL fails ({why[0]}); mend the boot loader's entries first."


def left_to_do(host: Host, state: Mode, connection: str = "") -> Left:
    """What is left until SELinux of the host is in `state`, now and after each later boot."""
    if not host.selinux:
        missing = f"SELinux is not installed, so it cannot become {state}; install its policy package."
        return Left(problems=(*host.problems, *([missing] if state != "disabled" else [])))
    off = state == "disabled"
    reboot = (host.mode == "disabled") != off or (off and not _booted(host))
    step: Mode = "permissive" if reboot and state == "enforcing" else state
    lines, unparsable = _grub_lines(host, state)
    return Left(
        config=step if host.config != step or (not reboot and host.mode != step) else "",
        grubby=grubby_command(host.kernels, state) if host.kernels is not None else (),
        lines=lines,
        menu=host.kernels is None and bool(lines or any(wanted(words, state) != words for words in host.entries)),
        relabel=reboot and not off and not host.relabel,
        reboot=reboot,
        left=tuple(_differences(host, state)),
        problems=(*host.problems, *unparsable, *_problems(host, state, reboot, connection)),
    )


def _grub_lines(host: Host, state: Mode) -> tuple[tuple[Line, ...], list[str]]:
    """What to set in /etc/default/grub, which counts where grubby is absent, or why that cannot be said."""
    if host.kernels is not None or host.grub is None:
        return (), []
    try:
        return grub_lines(host.grub, state), []
    except Unparsable as error:
        return (), [f"{GRUB} has a line that is no plain text ({error}); set the kernel argument there by hand, and run again."]


def _booted(host: Host) -> bool:
    """The running kernel was told selinux=0; the last word counts."""
    return [word for word in host.booted if word.startswith("selinux=")][-1:] == ["selinux=0"]


def _differences(host: Host, state: Mode) -> t.Iterator[str]:
    if host.mode != state:
        yield f"getenforce says {host.mode.capitalize()} instead of {state.capitalize()}."
    if host.config != state:
        yield f"{CONFIG} has SELINUX={host.config or ''} instead of {state}."
    changed = [(set(args), set(wanted(args, state))) for args in host.persistent]
    add, remove = sorted({a for now, then in changed for a in then - now}), sorted({a for now, then in changed for a in now - then})
    if add:
        yield f"The next boot is without the kernel argument {' '.join(add)}."
    if remove:
        yield f"The next boot has the kernel argument {' '.join(remove)}."
    if state == "disabled" and not _booted(host):
        yield f"{CMDLINE} is without selinux=0."


def _problems(host: Host, state: Mode, reboot: bool, connection: str) -> t.Iterator[str]:
    if reboot and connection == "local":
        yield "This host would have to reboot the machine that Ansible runs on; run from another machine, over ssh."
    if state == "enforcing" and not reboot and host.relabel:
        yield (
            f"{RELABEL} is still there: no boot has labelled the files. Reboot, and where the file stays, run `fixfiles -F restore`"
            " and remove it."
        )
    if host.kernels is None and host.grub is None and wanted(host.booted, state) != host.booted:
        yield (
            f"Neither grubby nor {GRUB} is there to set kernel arguments. Give the boot loader of this host"
            f" {'selinux=0' if state == 'disabled' else 'no selinux=0'} by hand, reboot, and run again."
        )


def shown(host: Host, todo: Left) -> Json:
    """Both as the tasks of the role use them."""
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(todo).items()}
    return {"boot_id": host.boot_id, "mode": host.mode, "policy": host.policy, "done": not todo.left, **plain}
