"""Where jobs can mount a volume, and which mount paths get in each other's way.

AzureML documents no format for the path. The rules follow from what Kubernetes does with a mount path, and from the advice
for mounted datasets: not the root, not a privileged folder, not a folder that exists.
"""

from __future__ import annotations

import posixpath
import re
import typing as t
from dataclasses import dataclass

# Folders, with everything below, that an image or the container runtime needs; /mnt/azureml is where a job itself runs.
RESERVED = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/mnt/azureml",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/run",
)
# Folders that nearly every image has: a volume mounted there hides what is in them, one mounted below does not.
COMMON = ("/home", "/media", "/mnt", "/opt", "/root", "/srv", "/tmp", "/var")  # noqa: S108
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Clash:
    """Two owners whose paths meet: `inner` lies inside the path of `outer`, or is the same."""

    outer: str
    inner: str
    path: str
    same: bool


def normalised(path: str) -> str:
    """The shortest spelling of an absolute path."""
    return posixpath.normpath("/" + path.lstrip("/")) if path.startswith("/") else path


def is_inside(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def unusable(path: str) -> str:
    """Why no job can or should mount something there, "" when one can: the end of a sentence."""
    plain = normalised(path)
    if not path:
        return "is empty"
    if not path.startswith("/"):
        return "is not absolute"
    if ":" in path or _UNPRINTABLE.search(path):
        return "has a colon or an unprintable character"
    if plain == "/":
        return "is the root folder"
    for folder in RESERVED:
        if is_inside(plain, folder):
            return f"lies in the system folder {folder}"
    return ""


def hides(path: str) -> bool:
    """Whether the volume would hide a folder that nearly every image has."""
    return normalised(path) in COMMON


def clashes(paths: t.Sequence[tuple[str, str]]) -> list[Clash]:
    """Which of the given (owner, path) meet; paths count by their shortest spelling."""
    found: list[Clash] = []
    owners: dict[str, str] = {}
    for owner, path in paths:
        first = owners.setdefault(normalised(path), owner)
        if first != owner:
            found.append(Clash(first, owner, normalised(path), True))
    for path, owner in owners.items():
        folder = posixpath.dirname(path)
        while folder not in ("", "/"):
            if folder in owners:
                found.append(Clash(owners[folder], owner, path, False))
                break
            folder = posixpath.dirname(folder)
    return found
