"""Kernel arguments: how they are split, which of several wins, and what they mean for SELinux."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

Mode = t.Literal["disabled", "permissive", "enforcing"]

MODE_ARGUMENT: t.Mapping[str, str] = {"disabled": "selinux=0", "permissive": "enforcing=0"}
# Of these the kernel takes the last one; most other arguments add up (console=, hugepagesz=).
LAST_WINS = ("selinux", "enforcing")
# The kernel's kstrtoul with base 0.
_NUMBER = re.compile(r"\+?(0[xX](?P<hex>[0-9a-fA-F]+)|(?P<oct>0[0-7]*)|(?P<dec>[1-9][0-9]*))")


def split(line: str) -> tuple[str, ...]:
    """Arguments of a kernel command line, by the kernel's rule (lib/cmdline.c): white space separates, double quotes protect it."""
    arguments: list[str] = []
    current, quoted = "", False
    for character in line:
        if character == '"':
            quoted = not quoted
        if character.isspace() and not quoted:
            arguments += [current] if current else []
            current = ""
        else:
            current += character
    return (*arguments, current) if current else tuple(arguments)


def listed(entries: t.Any) -> tuple[str, ...]:
    """Arguments in the field `kernelArguments`, of which an entry may hold several; none where it is no list."""
    return tuple(argument for entry in entries for argument in split(str(entry))) if isinstance(entries, list) else ()


def key_of(argument: str) -> str:
    """What stands before the first `=`."""
    return argument.split("=", 1)[0]


def switch(arguments: t.Iterable[str], key: str) -> bool | None:
    """What the last `key=NUMBER` says: on or off; None without any. What is no number is ignored, as the kernel does."""
    last = None
    for argument in arguments:
        name, equals, value = argument.partition("=")
        number = _number(value) if equals and name == key else None
        last = last if number is None else number != 0
    return last


def _number(value: str) -> int | None:
    found = _NUMBER.fullmatch(value)
    if found is None:
        return None
    if found["hex"]:
        return int(found["hex"], 16)
    return int(found["oct"], 8) if found["oct"] else int(found["dec"])


def boot_mode(arguments: t.Sequence[str]) -> Mode:
    """The SELinux mode in which a kernel with these arguments starts, on a host whose own configuration says enforcing."""
    if switch(arguments, "selinux") is False:
        return "disabled"
    return "permissive" if switch(arguments, "enforcing") is False else "enforcing"


@dataclass(frozen=True)
class Goal:
    """Arguments that nodes shall boot with."""

    arguments: tuple[str, ...]

    @property
    def mode(self) -> Mode | None:
        """The SELinux mode that the arguments ask for, None when they do not speak of SELinux."""
        return boot_mode(self.arguments) if any(key_of(a) in LAST_WINS for a in self.arguments) else None

    @property
    def others(self) -> tuple[str, ...]:
        """Arguments that are not about SELinux."""
        return tuple(argument for argument in self.arguments if key_of(argument) not in LAST_WINS)

    def met_by(self, arguments: t.Sequence[str]) -> bool:
        """Whether a node with `arguments` boots as wanted, whoever gave them."""
        return self.mode in (None, boot_mode(arguments)) and set(self.others) <= set(arguments)

    def contradicted_by(self, arguments: t.Iterable[str]) -> tuple[str, ...]:
        """Those of `arguments` that want the opposite: one of the two would be lost, depending on names of MachineConfigs."""
        return tuple(argument for argument in arguments if self._contradicts(argument))

    def _contradicts(self, argument: str) -> bool:
        key, said = key_of(argument), switch([argument], key_of(argument))
        wanted = switch(self.arguments, key)
        if said is None or key not in LAST_WINS:
            return False
        if self.mode == "disabled" and key == "enforcing":
            return said
        return said != wanted if wanted is not None else self.mode == "permissive" and not said


def contradictions(arguments: t.Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of arguments of which the kernel would follow only one."""
    pairs = []
    for key in LAST_WINS:
        same = [argument for argument in arguments if key_of(argument) == key]
        pairs += [(same[0], other) for other in same[1:] if switch([other], key) != switch([same[0]], key)]
    return pairs
