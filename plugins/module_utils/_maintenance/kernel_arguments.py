"""Kernel arguments as boot loaders keep them: grubby's entries and GRUB's defaults."""

from __future__ import annotations

import re
import typing as t

Arguments = t.Tuple[str, ...]
Line = t.Dict[str, str]

_VARIABLES = ("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT")
_GRUBBY_ARGS = re.compile(r'^args="?(.*?)"?$', re.MULTILINE)
_SECTION = re.compile(r"^### BEGIN \S*10_linux ###$(.*?)^### END \S*10_linux ###$", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^\s*linux(?:16|efi)?\s+\S+[ \t]+(.*)$", re.MULTILINE)
# What contradicts a state; the whole of `selinux=` where it has to be 0.
_AGAINST: t.Mapping[str, tuple[str, ...]] = {
    "disabled": ("selinux=1",),
    "permissive": ("selinux=0", "enforcing=1"),
    "enforcing": ("selinux=0", "enforcing=0"),
}


class Unparsable(Exception):
    """A line of /etc/default/grub that is more than a quoted text."""


def wanted(arguments: Arguments, state: str) -> Arguments:
    """The arguments under which SELinux can be in `state`; all others stay, in their order."""
    kept = tuple(word for word in arguments if word not in _AGAINST[state])
    return kept if state != "disabled" or "selinux=0" in kept else (*kept, "selinux=0")


def grubby_kernels(info: str) -> tuple[Arguments, ...]:
    """The arguments of each kernel in the output of `grubby --info=ALL`."""
    return tuple(tuple(found.split()) for found in _GRUBBY_ARGS.findall(info))


def grubby_command(kernels: t.Sequence[Arguments], state: str) -> tuple[str, ...]:
    """The one command after which every kernel has the arguments wanted; empty when they have."""
    remove = {word for words in kernels for word in words} & set(_AGAINST[state])
    add = state == "disabled" and any("selinux=0" not in words for words in kernels)
    if not remove and not add:
        return ()
    words = [f"--remove-args={' '.join(sorted(remove))}"] if remove else []
    return ("grubby", "--update-kernel=ALL", *words, *(["--args=selinux=0"] if add else []))


def grub_arguments(defaults: str) -> Arguments:
    """The arguments that /etc/default/grub gives every kernel, as far as its lines are plain text."""
    found: list[str] = []
    for name in _VARIABLES:
        try:
            found += _value(defaults, name)
        except Unparsable:
            continue
    return tuple(found)


def grub_entries(menu: str) -> tuple[Arguments, ...]:
    """The arguments of each kernel of this system in a grub.cfg; none where it reads boot loader entries instead."""
    return tuple(tuple(found.split()) for section in _SECTION.findall(menu) for found in _ENTRY.findall(section))


def grub_lines(defaults: str, state: str) -> tuple[Line, ...]:
    """Lines of /etc/default/grub to be set, each with the name of its variable; none when nothing differs.

    Raises:
        Unparsable: a line cannot be changed safely.
    """
    values = {name: _value(defaults, name) for name in _VARIABLES}
    first = _VARIABLES[0]
    present = "selinux=0" in (word for value in values.values() for word in value)
    lines = []
    for name, value in values.items():
        kept = tuple(word for word in value if word not in _AGAINST[state])
        if name == first and state == "disabled" and not present:
            kept = (*kept, "selinux=0")
        if kept != value:
            lines.append({"name": name, "line": f'{name}="{" ".join(kept)}"'})
    return tuple(lines)


def _value(defaults: str, name: str) -> Arguments:
    """The words of the last assignment to a variable; none without any.

    Raises:
        Unparsable: it spans lines, or the shell would make something else of it.
    """
    assigned = [line for line in defaults.splitlines() if re.match(rf"\s*(?:export\s+)?{name}\+?=", line)]
    if not assigned:
        return ()
    found = re.fullmatch(rf"""\s*{name}=(?:"([^"$`\\]*)"|'([^']*)'|([^\s"'$`\\#]*))\s*(?:#.*)?""", assigned[-1])
    if not found:
        raise Unparsable(assigned[-1])
    return tuple((found[1] or found[2] or found[3] or "").split())
