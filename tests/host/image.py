"""The disk of the virtual machine: Debian with SELinux enforcing, made once and cached by what it is made from."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.sandbox.paths import locked

from .cache import cache_root, digest, forget_unused
from .disk import MIB, PARTITION_START, make_bootable
from .tools import Say, Tools, tail
from .verdict import NotRun, Wrong

HERE = Path(__file__).resolve().parent
PACKAGES = (
    "linux-image-cloud-amd64", "initramfs-tools", "lz4", "systemd-sysv", "udev", "dbus", "kmod", "openssh-server",
    "python3", "python3-selinux", "selinux-basics", "selinux-policy-default", "policycoreutils", "iproute2", "procps",
    "grub-pc-bin", "grub2-common",
)  # fmt: skip
_SCRIPTS = (HERE / "guest" / "essential.sh", HERE / "guest" / "finish.sh")
_PARTITION_MIB = 1400
_BOOTSTRAP_SECONDS = 1200.0
_FINISH_SECONDS = 600.0
_LABEL = "security.selinux"
# What apt and mmdebstrap say when packages cannot be had; anything else they say is ours to repair.
_NO_PACKAGES = (
    "failed to fetch", "could not resolve", "unable to connect", "connection failed", "connection timed out", "temporary failure",
    "unable to locate package", "no installation candidate", "is not signed",
)  # fmt: skip


@dataclass(frozen=True)
class Image:
    """A raw disk with the private key of its root user and the public key of its host, all in one directory of the cache."""

    directory: Path

    @property
    def disk(self) -> Path:
        """The raw disk; never written to."""
        return self.directory / "base.img"

    @property
    def key(self) -> Path:
        """The private key that opens root's account."""
        return self.directory / "id_ed25519"

    @property
    def host_key(self) -> str:
        """The host's public key, `type base64`."""
        return " ".join((self.directory / "host_key.pub").read_text(encoding="utf-8").split()[:2])


def get_image(tools: Tools, say: Say) -> Image:
    """The cached image, made if it is missing. Raises NotRun where it cannot be made, Wrong when our part of it fails."""
    sources, suite = debian_sources()
    ours = [path.read_text(encoding="utf-8") for path in (*_SCRIPTS, HERE / "disk.py", Path(__file__))]
    image = Image(cache_root() / f"image-{digest(suite, *PACKAGES, *ours)}")
    with locked(image.directory.with_suffix(".lock")):
        if not image.directory.exists():
            forget_unused("building-*")
            _build(tools, image.directory, sources, suite, say)
            forget_unused("image-*", keep=image.directory)
    os.utime(image.directory)
    return image


def debian_sources() -> tuple[list[str], str]:
    """The machine's own apt sources of Debian as `deb URI SUITE COMPONENTS` lines, and the release's name.

    Raises:
        NotRun: this is no Debian on x86-64.
    """
    if os.uname().machine != "x86_64":
        raise NotRun(f"the guest is for x86_64, and this machine is {os.uname().machine}")
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines() if "=" in line)
    suite = release.get("VERSION_CODENAME", "").strip('"')
    if release.get("ID", "").strip('"') != "debian" or not suite:
        raise NotRun("the guest is made from the packages of this machine's own Debian, and this is none")
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(RELEASE)|$(COMPONENT)", "Created-By: Packages"]
    found = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    return sources_of(found, suite), suite


def sources_of(targets: str, suite: str) -> list[str]:
    """apt's lines for the release `suite` out of `URI|suite|component` lines; suites such as bookworm-updates belong to it.

    Raises:
        NotRun: the machine has no such source.
    """
    components: dict[tuple[str, str], list[str]] = {}
    for line in targets.splitlines():
        uri, release, component = line.split("|")
        if release == suite or (release.startswith(f"{suite}-") and "backports" not in release):
            components.setdefault((uri, release), []).append(component)
    if not any(release == suite for _, release in components):
        raise NotRun(f"this machine's apt has no source of Debian {suite}")
    return [f"deb {uri} {release} {' '.join(dict.fromkeys(names))}" for (uri, release), names in components.items()]


def _build(tools: Tools, target: Path, sources: list[str], suite: str, say: Say) -> None:
    """Make the image in a temporary directory beside `target` and give it its name at the very end."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="building-") as scratch:
        folder = Path(scratch)
        _probe(folder)
        made = folder / "image"
        made.mkdir(mode=0o700)
        say(f"making the image, once: Debian {suite} with SELinux ...")
        started = time.monotonic()
        _step(tools, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tests.host", "-f", made / "id_ed25519")
        _bootstrap(tools, folder / "root", sources, suite)
        say(f"mmdebstrap took {time.monotonic() - started:.0f} s")
        _finish(tools, folder / "root", made)
        _write_disk(tools, folder / "root", made / "base.img")
        made.rename(target)
        say(f"the image is ready after {time.monotonic() - started:.0f} s: {target}")


def _probe(folder: Path) -> None:
    """Raise NotRun unless this user may do here what the build needs: mount, and write labels of SELinux."""
    if os.geteuid() != 0:
        raise NotRun("the image has to be made once, and making it needs root (labels of SELinux, mmdebstrap's root mode)")
    probe = folder / "probe"
    probe.touch()
    try:
        os.setxattr(probe, _LABEL, b"system_u:object_r:etc_t:s0\0")
    except OSError as error:
        raise NotRun(f"labels of SELinux cannot be written to {folder}: {error.strerror}") from error
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False).returncode:
        raise NotRun("this container may not make mount namespaces")


def _step(tools: Tools, *words: str | Path, timeout: float = _FINISH_SECONDS) -> None:
    """Run a part of the build that is ours. Raises Wrong when it fails."""
    done = tools.run(*words, timeout=timeout)
    if done.returncode:
        raise Wrong(f"making the image: {words[0]} failed:\n{tail(done.stdout + done.stderr)}")


def _bootstrap(tools: Tools, root: Path, sources: list[str], suite: str) -> None:
    """Unpack and configure Debian in `root`, with the proxies and time-outs of the machine's apt."""
    hook = f'sh {shlex.quote(str(_SCRIPTS[0]))} "$1"'
    excluded = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
    options = [
        "--mode=root", "--variant=apt", f"--include={','.join(PACKAGES)}", f"--essential-hook={hook}",
        "--aptopt=Apt::Install-Recommends false", "--dpkgopt=force-unsafe-io", "--architectures=amd64", "--format=directory",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in excluded), *(f"--aptopt={line}" for line in _acquire()),
    ]  # fmt: skip
    done = tools.run("mmdebstrap", *options, suite, root, *sources, timeout=_BOOTSTRAP_SECONDS)
    if done.returncode:
        said = done.stderr.lower()
        kind = NotRun if any(words in said for words in _NO_PACKAGES) else Wrong
        raise kind(f"mmdebstrap failed:\n{tail(done.stderr)}")


def _acquire() -> list[str]:
    """How the machine's apt fetches: proxies, certificates, retries, dates; mmdebstrap's apt does not read its files."""
    dump = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=False).stdout
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check", "Acquire::Retries")
    lines = [line.rstrip(";") for line in dump.splitlines() if line.startswith(wanted)]
    return [line for line in lines if not line.endswith(' ""')]


def _finish(tools: Tools, root: Path, made: Path) -> None:
    """Configure the guest and label its files; check a label, since an unlabelled guest would look like a wrong role."""
    _step(tools, "unshare", "--mount", "--pid", "--fork", "sh", _SCRIPTS[1], root, made / "id_ed25519.pub")
    shutil.copy(root / "etc/ssh/ssh_host_ed25519_key.pub", made / "host_key.pub")
    label = os.getxattr(root / "etc/shadow", _LABEL)
    if b":shadow_t:" not in label:
        raise Wrong(f"making the image: /etc/shadow is labelled {label!r}")


def _write_disk(tools: Tools, root: Path, disk: Path) -> None:
    """Write `root`, labels included, to the file system of a bootable disk."""
    with disk.open("wb") as handle:
        handle.truncate(PARTITION_START + _PARTITION_MIB * MIB)
    features = "^metadata_csum_seed,^orphan_file,^has_journal"
    _step(
        tools, "mke2fs", "-q", "-F", "-t", "ext4", "-O", features, "-d", root, "-E", f"offset={PARTITION_START}", disk,
        f"{_PARTITION_MIB}M",
    )  # fmt: skip
    boot = root / "boot/grub/i386-pc"
    make_bootable(disk, (boot / "boot.img").read_bytes(), (boot / "core.img").read_bytes())
