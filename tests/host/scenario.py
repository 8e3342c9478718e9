"""What is proven on the machine, step by step; each step starts from where the one before left the machine."""

from __future__ import annotations

import time
import traceback
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.play import Outcome

from .cluster import OTHER_NODE, Cluster
from .machine import Machine
from .plays import REBOOT_SECONDS, Plays, changed
from .verdict import Clock, NotRun, Tally, TooSlow, Wrong

GRUBBY = Path(__file__).resolve().parent / "guest" / "grubby.sh"
ARGUMENT = "selinux=0"
_STATE = """
echo mode=$(getenforce)
echo boot=$(cat /proc/sys/kernel/random/boot_id)
echo config=$(sed -n 's/^SELINUX=//p' /etc/selinux/config)
echo cmdline=$(cat /proc/cmdline)
echo menu=$(grep -c '^[[:space:]]*linux.*selinux=0' /boot/grub/grub.cfg)
echo relabel=$(test -e /.autorelabel && echo yes || echo no)
echo files=$(cat /etc/selinux/config /etc/default/grub /boot/grub/grub.cfg | sha256sum)
"""


@dataclass(frozen=True)
class Guest:
    """What the guest itself says; `menu` counts the entries of the boot menu with selinux=0, `files` is a checksum."""

    mode: str
    boot: str
    config: str
    cmdline: tuple[str, ...]
    menu: int
    relabel: bool
    files: str


def parse_guest(text: str) -> Guest:
    """A Guest out of `name=value` lines. Raises Wrong when one is missing."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    try:
        return Guest(
            mode=values["mode"], boot=values["boot"], config=values["config"], cmdline=tuple(values["cmdline"].split()),
            menu=int(values["menu"]), relabel=values["relabel"] == "yes", files=values["files"],
        )  # fmt: skip
    except (KeyError, ValueError) as error:
        raise Wrong(f"the guest's answer cannot be understood ({error}): {text}") from error


def demand(condition: bool, message: str) -> None:
    """Raise Wrong with `message` unless `condition`."""
    if not condition:
        raise Wrong(message)


class Steps:
    """Named steps in their order, each of which builds on those before it."""

    def __init__(self, steps: Mapping[str, t.Callable[[], None]], clock: Clock) -> None:
        self._steps = steps
        self._clock = clock

    def run(self, tally: Tally) -> None:
        """Run all steps; after one that ends otherwise than well the rest are not run."""
        stopped = ""
        for name, step in self._steps.items():
            if stopped:
                self._note(tally.not_run, name, f"not run: {stopped}")
                continue
            self._clock.say(f"--- {name}")
            started = time.monotonic()
            try:
                step()
            except NotRun as error:
                self._note(tally.not_run, name, f"not run: {error}")
                stopped = "it builds on a step that was not run"
            except Exception as error:
                # Also what nobody thought of: a step that did not come to its end has proven nothing.
                why = str(error) if isinstance(error, Wrong) else traceback.format_exc()
                self._note(tally.failed, name, f"FAILED: {why}")
                stopped = "it builds on a step that failed"
            else:
                self._note(tally.passed, name, f"passed in {time.monotonic() - started:.0f} s")

    def _note(self, where: list[str], name: str, verdict: str) -> None:
        where.append(name)
        self._clock.say(f"--- {name}: {verdict}")


class Scenario:
    """The steps, in their order, on one machine and its cluster."""

    def __init__(self, machine: Machine, cluster: Cluster, plays: Plays, clock: Clock, boot_seconds: float) -> None:
        self._machine = machine
        self._cluster = cluster
        self._plays = plays
        self._clock = clock
        self._boot_seconds = boot_seconds

    def steps(self) -> Steps:
        """The steps by what they prove."""
        steps = {
            "the machine enforces SELinux": self.enforcing_at_first,
            "--check changes nothing": self.check_mode,
            "a host that is not the Node is refused": self.wrong_node,
            "killed after the drain, run again: Disabled, argument kept, Node back": self.disable_after_kill,
            "one more run changes nothing and does not reboot": self.idempotent,
            "back to enforcing": self.enforce,
            "with grubby (a stand-in), killed in the reboot, run again: Disabled": self.grubby,
        }
        return Steps(steps, self._clock)

    def _guest(self) -> Guest:
        return parse_guest(self._machine.read(_STATE))

    def _demand_time(self, boots: float) -> None:
        """Raise TooSlow unless there is time for a step that takes as long as so many boots of this machine."""
        self._clock.demand(boots * self._boot_seconds, "this step")

    def enforcing_at_first(self) -> None:
        """Otherwise nothing below would mean anything."""
        guest = self._guest()
        demand(guest.mode == "Enforcing" and guest.config == "enforcing", f"at the start: {guest}")
        demand(ARGUMENT not in guest.cmdline and not guest.menu, f"at the start: {guest}")
        until("the workload's pod to run", lambda: len(self._cluster.running_pods()) == 1)

    def check_mode(self) -> None:
        """--check says what would change, and changes neither host nor Node."""
        self._demand_time(1.0)
        before, node = self._guest(), self._cluster.node()["spec"]
        outcome = self._plays.succeed("disabled", "--check")
        demand(changed(outcome) > 0, f"--check does not say that anything would change:\n{outcome.text[-3000:]}")
        self._demand_untouched(before)
        demand(self._cluster.node()["spec"] == node, f"--check changed the Node: {self._cluster.node()['spec']}")

    def _demand_untouched(self, before: Guest) -> None:
        after = self._guest()
        demand(after == before, f"the host was {before} and is {after}")
        demand(not self._cluster.is_cordoned(), "the machine's Node is cordoned")

    def wrong_node(self) -> None:
        """With the name of another Node in the inventory nothing is done to either."""
        self._demand_time(0.5)
        before, other = self._guest(), self._cluster.node(OTHER_NODE)
        outcome = self._plays.run("disabled", node=OTHER_NODE)
        demand(outcome.status != 0, "the play succeeds on a host that is not the Node")
        demand(before.boot in outcome.text, f"the play does not fail because of the boot id:\n{outcome.text[-3000:]}")
        self._demand_untouched(before)
        after = self._cluster.node(OTHER_NODE)
        demand(
            after["spec"] == other["spec"] and annotations_of(after) == annotations_of(other),
            f"the other Node was changed: {after}",
        )

    def disable_after_kill(self) -> None:
        """A run that dies between drain and change leaves a marked Node; the next run finishes it."""
        self._demand_time(4.0)
        before, unmarked = self._guest(), annotations_of(self._cluster.node())
        pods = self._cluster.running_pods()
        run = self._plays.start("disabled")
        run.until("the Node was drained", lambda: self._cluster.is_cordoned() and not set(pods) & set(self._cluster.running_pods()))
        run.kill()
        self._clock.say("    the Node is cordoned and drained: killed ansible")
        demand(self._guest().boot == before.boot, "the host rebooted although the run was killed before")
        demand(self._cluster.is_cordoned(), "the Node is not cordoned any more")
        demand(annotations_of(self._cluster.node()) != unmarked, "no annotation tells whose cordon it is")
        outcome = self._plays.succeed("disabled")
        self._demand_disabled(outcome, before)
        demand(annotations_of(self._cluster.node()) == unmarked, f"annotations are left: {annotations_of(self._cluster.node())}")

    def _demand_disabled(self, outcome: Outcome, before: Guest) -> None:
        guest = self._guest()
        demand(guest.boot != before.boot, f"the host did not reboot:\n{outcome.text[-3000:]}")
        demand(guest.mode == "Disabled", f"getenforce says {guest.mode} after the reboot")
        demand(guest.config == "disabled", f"the configuration says {guest.config}")
        demand(ARGUMENT in guest.cmdline, f"/proc/cmdline after the reboot is {' '.join(guest.cmdline)}")
        demand(guest.menu > 0, "the boot menu is without the kernel argument")
        self._demand_in_service(guest)

    def _demand_in_service(self, guest: Guest) -> None:
        demand(not self._cluster.is_cordoned(), "the Node is still cordoned")
        told = self._cluster.node()["status"]["nodeInfo"]["bootID"]
        demand(told == guest.boot, f"the test's kubelet stand-in says boot {told}, the machine says {guest.boot}")
        until("the workload's pod to run again", lambda: len(self._cluster.running_pods()) == 1)

    def idempotent(self) -> None:
        """A host as wanted is only read."""
        self._demand_time(0.7)
        before, pods = self._guest(), self._cluster.running_pods()
        outcome = self._plays.succeed("disabled")
        demand(changed(outcome) == 0, f"a second run changes something:\n{outcome.text[-3000:]}")
        self._demand_untouched(before)
        demand(self._cluster.running_pods() == pods, "a second run moved pods")

    def enforce(self) -> None:
        """The way back: every file is labelled by the guest, which reboots once more by itself, before SELinux enforces."""
        self._demand_time(6.0)
        before = self._guest()
        self._plays.succeed("enforcing")
        guest = self._guest()
        demand(guest.boot != before.boot, "the host did not reboot")
        demand(guest.mode == "Enforcing" and guest.config == "enforcing", f"after the way back: {guest}")
        demand(ARGUMENT not in guest.cmdline and not guest.menu and not guest.relabel, f"after the way back: {guest}")
        label = self._machine.read("ls -Z /etc/shadow")
        demand(":shadow_t:" in label, f"files are not labelled: {label}")
        self._demand_in_service(guest)

    def grubby(self) -> None:
        """The path of a host with grubby, and a run that dies while the host is down."""
        self._demand_time(4.0)
        self._machine.install(GRUBBY, "/usr/local/sbin/grubby")
        before = self._guest()
        run = self._plays.start("disabled")
        run.until("the machine rebooted", lambda: not self._cluster.is_ready())
        run.kill()
        self._clock.say("    the machine is going down: killed ansible")
        booted = self._machine.wait_ssh(min(REBOOT_SECONDS, self._clock.left), other_than=before.boot)
        demand(self._cluster.is_cordoned(), "the Node went back into service without the run that took it out")
        outcome = self._plays.succeed("disabled")
        self._demand_disabled(outcome, before)
        demand(self._guest().boot == booted, "the run after the killed one rebooted the host once more")
        defaults = self._machine.read("cat /etc/default/grub")
        demand(ARGUMENT not in defaults, f"GRUB's defaults were written although the host has grubby:\n{defaults}")


def annotations_of(node: Mapping[str, t.Any]) -> Mapping[str, str]:
    """A Node's annotations."""
    found: Mapping[str, str] = node["metadata"].get("annotations", {})
    return found


def until(what: str, done: t.Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until `done`, polled. Raises TooSlow after `seconds`: only the sandbox is waited for."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TooSlow(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.2)
