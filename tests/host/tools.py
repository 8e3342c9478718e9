"""The programs this stage needs: the machine's own, else out of Debian packages that are unpacked into the cache.

Nothing is installed. apt works with the machine's sources and a state directory of its own, which any user may do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import typing as t
from dataclasses import dataclass
from pathlib import Path

from tests.sandbox.paths import locked

from .cache import cache_root, digest
from .verdict import NotRun

PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_BINARIES = ("usr/sbin", "usr/bin", "sbin", "bin")
_LIBRARIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib")
_PERL = ("usr/share/perl5", "usr/lib/x86_64-linux-gnu/perl5", "usr/share/perl", "usr/lib/x86_64-linux-gnu/perl")
_APT_SECONDS = 600.0

Say = t.Callable[[str], None]


@dataclass(frozen=True)
class Tools:
    """Where programs are looked for: the machine's directories, and the unpacked packages when some were missing."""

    tree: Path | None

    @property
    def path(self) -> str:
        """The search path; the machine's own programs come first."""
        own = [os.environ.get("PATH", os.defpath), _SYSTEM_PATH]
        return ":".join([*own, *(str(self.tree / part) for part in _BINARIES)] if self.tree else own)

    def program(self, name: str) -> str:
        """The path of a program. Raises NotRun when there is none."""
        found = shutil.which(name, path=self.path)
        if found is None:
            raise NotRun(f"there is no program {name}")
        return found

    def environment(self) -> dict[str, str]:
        """The environment in which programs of the tree find their libraries and data."""
        environ = {"PATH": self.path, "HOME": os.environ.get("HOME", "/root"), "LC_ALL": "C.UTF-8"}
        environ.update({key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")})
        if self.tree:
            environ["LD_LIBRARY_PATH"] = ":".join(str(self.tree / part) for part in _LIBRARIES)
            environ["QEMU_MODULE_DIR"] = str(self.tree / _LIBRARIES[0] / "qemu")
            perl = [self.tree / part for part in _PERL]
            environ["PERL5LIB"] = ":".join(str(path) for part in perl for path in (part, *sorted(part.glob("5*"))))
        return environ

    def firmware(self) -> list[str]:
        """qemu's options that name the directories of its firmware."""
        folders = [self.tree / "usr/share" / name for name in ("qemu", "seabios")] if self.tree else []
        return [word for folder in folders for word in ("-L", str(folder))]

    def run(self, *words: str | Path, timeout: float) -> subprocess.CompletedProcess[str]:
        """Run a program of `path` and hand back what it printed. Raises NotRun when it takes too long."""
        command = [self.program(str(words[0])), *map(str, words[1:])]
        try:
            return subprocess.run(
                command, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                errors="replace", timeout=timeout, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise NotRun(f"{words[0]} did not end within {timeout:.0f} s") from error


def tail(text: str, lines: int = 12) -> str:
    """The last lines of what a program printed."""
    return "\n".join(text.strip().splitlines()[-lines:])


def missing(tools: Tools) -> list[str]:
    """The packages of programs that are not there."""
    return sorted({package for name, package in PACKAGES.items() if shutil.which(name, path=tools.path) is None})


def get_tools(say: Say) -> Tools:
    """All programs, fetched as far as the machine lacks them. Raises NotRun when that cannot be done."""
    own = Tools(None)
    wanted = missing(own)
    if not wanted:
        return own
    if shutil.which("apt-get") is None:
        raise NotRun(f"{', '.join(wanted)} are not installed, and there is no apt-get to fetch them with")
    release = Path("/etc/os-release").read_text(encoding="utf-8")
    tree = cache_root() / f"tools-{digest(release, *wanted)}"
    tools = Tools(tree)
    with locked(tree.with_suffix(".lock")):
        if not tree.exists() or not _works(tools):
            say(f"fetching {', '.join(wanted)} and what they need into the cache ...")
            _fetch(tree, wanted)
    if not _works(tools):
        raise NotRun(f"the programs unpacked to {tree} do not start on this machine")
    return tools


def _works(tools: Tools) -> bool:
    """Whether every program starts; another machine may have left a tree that fits other libraries."""
    names = ("qemu-system-x86_64", "qemu-img", "mmdebstrap")
    return not missing(tools) and all(tools.run(name, "--version", timeout=60).returncode == 0 for name in names)


def apt_configuration(folder: Path) -> str:
    """Settings that let any user run apt below `folder`, with the machine's sources and installed packages.

    What the machine does after an update (images of containers clean their caches) needs root and concerns other directories.
    """
    settings = {
        "Dir::State": folder / "state", "Dir::State::status": "/var/lib/dpkg/status", "Dir::Cache": folder / "cache",
        "Debug::NoLocking": "true", "APT::Install-Recommends": "false",
    }  # fmt: skip
    lines = [f"#clear APT::Update::{when}-Invoke{which};" for when in ("Pre", "Post") for which in ("", "-Success")]
    return "\n".join([*lines, *(f'{key} "{value}";' for key, value in settings.items())]) + "\n"


def _fetch(tree: Path, packages: t.Sequence[str]) -> None:
    """Download `packages` with those of their dependencies that the machine lacks, and unpack them to `tree`."""
    with tempfile.TemporaryDirectory(dir=tree.parent, prefix="apt-") as scratch:
        archives, unpacked = Path(scratch, "cache", "archives"), Path(scratch, "tree")
        for folder in (Path(scratch, "state", "lists", "partial"), archives / "partial", unpacked):
            folder.mkdir(parents=True)
        settings = Path(scratch, "apt.conf")
        settings.write_text(apt_configuration(Path(scratch)), encoding="utf-8")
        machine = Tools(None)
        apt = ("apt-get", "-qq", "-y", "-c", settings)
        # A source of somebody else may fail here; what counts is that the packages arrive.
        updated = machine.run(*apt, "update", timeout=_APT_SECONDS)
        done = machine.run(*apt, "install", "--download-only", *packages, timeout=_APT_SECONDS)
        if done.returncode:
            raise NotRun(f"apt-get cannot fetch {', '.join(packages)}: {tail(updated.stderr + done.stderr, 4)}")
        for archive in sorted(archives.glob("*.deb")):
            done = machine.run("dpkg-deb", "-x", archive, unpacked, timeout=_APT_SECONDS)
            if done.returncode:
                raise NotRun(f"{archive.name} cannot be unpacked: {tail(done.stderr, 4)}")
        shutil.rmtree(tree, ignore_errors=True)
        unpacked.rename(tree)
