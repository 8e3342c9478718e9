"""One virtual machine: started from an overlay on the image, reached over SSH, gone when this process is."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.sandbox.processes import free_port, spawn

from .image import Image
from .load import cpu_seconds, is_busy
from .tools import Say, Tools, tail
from .verdict import NotRun, TooSlow, Wrong

KVM = Path("/dev/kvm")
_SERIAL = "serial.log"
_COLOURS = re.compile(r"\x1b\[[0-9;]*[a-zA-Z]")
BOOT_SECONDS = 600.0
# /dev/kvm may be there and not work: a guest's kernel then says nothing at all.
_KVM_WORD_SECONDS = 20.0
_POLL_SECONDS = 2.0
_COMMAND_SECONDS = 120.0
_OVER = ("Kernel panic", "emergency mode", "Give root password", "error: no such partition", "grub rescue>")
_ACCELERATORS = {
    "kvm": ("-accel", "kvm", "-cpu", "host"),
    "tcg": ("-accel", "tcg,thread=multi,tb-size=512", "-cpu", "qemu64,-svm"),
}


def console_text(folder: Path) -> str:
    """What the guest of the machine in `folder` wrote to its console, without colours and empty lines."""
    log = folder / _SERIAL
    text = _COLOURS.sub("", log.read_text(encoding="utf-8", errors="replace")) if log.exists() else ""
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


@dataclass(frozen=True)
class Answer:
    """What a command in the guest printed, and its exit code; 255 is SSH's own."""

    code: int
    out: str
    err: str


class Machine:
    """A virtual machine in `folder`, which also holds its disk, log and SSH files; not started yet."""

    def __init__(self, tools: Tools, image: Image, folder: Path, accelerator: str) -> None:
        self.port = free_port()
        self.accelerator = accelerator
        self.image = image
        self._tools = tools
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._known_hosts = folder / "known_hosts"

    def start(self) -> None:
        """Start qemu on a new overlay; the image itself is not written to."""
        overlay = self._folder / "run.qcow2"
        overlay.unlink(missing_ok=True)
        made = self._tools.run("qemu-img", "create", "-q", "-f", "qcow2", "-b", self.image.disk, "-F", "raw", overlay, timeout=60)
        if made.returncode:
            raise NotRun(f"qemu-img failed: {tail(made.stderr)}")
        self._known_hosts.write_text(f"[127.0.0.1]:{self.port} {self.image.host_key}\n", encoding="utf-8")
        (self._folder / _SERIAL).unlink(missing_ok=True)
        words: list[str | Path] = [
            self._tools.program("qemu-system-x86_64"), *self._tools.firmware(), *_ACCELERATORS[self.accelerator],
            "-m", "1024", "-smp", "1", "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none",
            "-drive", f"file={overlay},if=virtio,cache=unsafe,format=qcow2",
            "-netdev", f"user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:22",
            "-device", "virtio-net-pci,netdev=n0,romfile=", "-device", "virtio-rng-pci",
            "-serial", f"file:{self._folder / _SERIAL}", "-pidfile", self._folder / "qemu.pid",
        ]  # fmt: skip
        # Through env, since only qemu may see the libraries of the tree; it keeps the process id.
        environ = [f"{key}={value}" for key, value in self._tools.environment().items()]
        self._process = spawn(["env", "-i", *environ, *words], self._folder / "qemu.log")

    def stop(self) -> None:
        """End the machine at once; nothing on its disk is kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ssh_options(self) -> list[str]:
        """What makes ssh ignore the user's own files and agents, and trust the image's host key only."""
        settings = (
            f"IdentityFile={self.image.key}", "IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes", "LogLevel=ERROR",
            f"UserKnownHostsFile={self._known_hosts}", "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes",
            "ConnectTimeout=30", "ServerAliveInterval=10", "ServerAliveCountMax=3",
        )  # fmt: skip
        return ["-F", "/dev/null", *(word for setting in settings for word in ("-o", setting))]

    def ssh(self, *words: str) -> list[str]:
        """The command line that runs `words` in the guest as root."""
        return [self._tools.program("ssh"), *self.ssh_options(), "-p", str(self.port), "root@127.0.0.1", *words]

    def environment(self) -> dict[str, str]:
        """The environment in which ssh starts."""
        return self._tools.environment()

    def run(self, command: str, timeout: float = _COMMAND_SECONDS) -> Answer:
        """Run a shell command in the guest."""
        try:
            done = subprocess.run(
                self.ssh(command), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=timeout,
                check=False, env=self.environment(),
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Answer(255, "", f"no answer within {timeout:.0f} s")
        return Answer(done.returncode, done.stdout.strip(), done.stderr.strip())

    def read(self, command: str) -> str:
        """What a command prints in the guest. Raises Wrong when it fails."""
        answer = self.run(command)
        if answer.code == 255:
            self.check_alive()
            raise self.judge_silence(f"the guest does not answer `{command}` ({answer.err})")
        if answer.code:
            raise Wrong(f"`{command}` ended with {answer.code} in the guest: {answer.err}")
        return answer.out

    def install(self, program: Path, target: str) -> None:
        """Put an executable file into the guest, labelled as its place wants. Raises Wrong when it does not arrive."""
        words = self.ssh(f"cat >{target} && chmod 0755 {target} && restorecon {target}")
        with program.open("rb") as source:
            done = subprocess.run(words, stdin=source, stderr=subprocess.PIPE, text=True, check=False, env=self.environment())
        if done.returncode:
            raise Wrong(f"{target} cannot be written in the guest: {done.stderr}")

    def boot_id(self) -> str:
        """The id of the guest's current boot."""
        return self.read("cat /proc/sys/kernel/random/boot_id")

    def check_alive(self) -> None:
        """Raise Wrong when qemu ended or the console shows that the guest gave up."""
        if self._process is None or self._process.poll() is not None:
            raise Wrong(f"qemu ended: {tail((self._folder / 'qemu.log').read_text(errors='replace'))}")
        text = console_text(self._folder)
        if over := next((words for words in _OVER if words in text), None):
            raise Wrong(f"the guest's console says {over!r}")

    def wait_ssh(self, seconds: float, *, other_than: str = "") -> str:
        """Wait until the guest answers in a boot whose id is not `other_than`, and return that id.

        Raises:
            Wrong: the guest gave up, or idles without answering.
            TooSlow: it is still at work after `seconds`.
        """
        deadline = time.monotonic() + seconds
        said = ""
        while time.monotonic() < deadline:
            self.check_alive()
            answer = self.run("cat /proc/sys/kernel/random/boot_id", timeout=max(5.0, min(60.0, deadline - time.monotonic())))
            if answer.code == 0 and answer.out != other_than:
                return answer.out
            said = answer.err
            self._pause()
        raise self.judge_silence(f"no new boot answers over SSH within {seconds:.0f} s ({said or 'the old one does'})")

    def wait_word(self, seconds: float) -> None:
        """Wait until the guest's kernel says something on the console. Raises TooSlow."""
        deadline = time.monotonic() + seconds
        while "Linux version" not in console_text(self._folder):
            self.check_alive()
            if time.monotonic() > deadline:
                raise TooSlow(f"the guest's kernel says nothing within {seconds:.0f} s")
            self._pause()

    def judge_silence(self, what: str) -> NotRun | Wrong:
        """The verdict on a guest that does not do what it should: it is slow, or it hangs."""
        return (
            TooSlow(f"{what}; the guest is still at work") if is_busy(self.cpu_seconds) else Wrong(f"{what}, and the guest idles")
        )

    def _pause(self) -> None:
        """Wait a moment, or until qemu ends."""
        if self._process is None:
            return
        descriptor = os.pidfd_open(self._process.pid)
        try:
            select.select([descriptor], [], [], _POLL_SECONDS)
        finally:
            os.close(descriptor)

    def cpu_seconds(self) -> float:
        """What qemu has used of cores so far, and has waited for one."""
        return cpu_seconds([self._process.pid]) if self._process else 0.0


def boot(tools: Tools, image: Image, folder: Path, say: Say) -> tuple[Machine, float]:
    """Start a machine and wait until it answers; with KVM where a guest really boots with it, else emulated.

    Returns:
        The machine, and the seconds its boot took.
    """
    started = time.monotonic()
    if os.access(KVM, os.R_OK | os.W_OK):
        machine = Machine(tools, image, folder, "kvm")
        try:
            machine.start()
            machine.wait_word(_KVM_WORD_SECONDS)
        except (NotRun, Wrong) as error:
            machine.stop()
            say(f"no guest boots with KVM here, so it is emulated: {str(error).splitlines()[-1]}")
        else:
            return _booted(machine, started)
    machine = Machine(tools, image, folder, "tcg")
    started = time.monotonic()
    machine.start()
    return _booted(machine, started)


def _booted(machine: Machine, started: float) -> tuple[Machine, float]:
    try:
        machine.wait_ssh(BOOT_SECONDS)
    except BaseException:
        machine.stop()
        raise
    return machine, time.monotonic() - started
