"""Everything a make target needs beside the checkout, made once and shared by all checkouts of one user.

Runs with nothing but the standard library. Three things are kept under `$XDG_CACHE_HOME/azureml-kubernetes`, each named after
a hash of what it was made from, so that a second clone finds them warm and a changed lock file makes a new one:

* a virtualenv per Python, ansible-core version and lock file;
* the collections that ours needs, from Galaxy or out of the wheel of the `ansible` distribution;
* per checkout path a collection root: links to those collections, and `azureml/kubernetes` linked to the checkout.

`environment.py [--row ROW] prepare | exports | shell | collections | lock | run COMMAND...`
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import locale
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import typing as t
import zipfile
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TOOLS = Path(__file__).resolve().parent
COLLECTION = ("azureml", "kubernetes")
GALAXY = ("galaxy.ansible.com", 443)
GALAXY_PATIENCE = 3.0
STARTED = time.monotonic()


class Unavailable(Exception):
    """The environment cannot be made here; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Row:
    """One row of the test matrix, as rows.toml describes it. `pythons` is the first and the last minor version that fits."""

    name: str
    pythons: tuple[str, str]
    lock_for: tuple[str, ...]
    requirements: tuple[str, ...]
    distribution: str
    collections: t.Mapping[str, str]

    def lock(self, minor: str) -> Path:
        """The lock file for a Python: the newest that is not newer than it."""
        fitting = [version for version in self.lock_for if _version(version) <= _version(minor)]
        return TOOLS / "locks" / f"{self.name}-py{fitting[-1]}.lock"

    def supports(self, minor: str) -> bool:
        """Whether this row's ansible-core runs on Python `minor`."""
        return _version(self.pythons[0]) <= _version(minor) <= _version(self.pythons[1])


@dataclass(frozen=True)
class Environment:
    """Where the parts of a made environment lie."""

    row: Row
    virtualenv: Path
    collections: Path
    root: Path

    def variables(self) -> dict[str, str]:
        """The environment variables that make it the one in use."""
        values = {
            "PATH": f"{self.virtualenv / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "VIRTUAL_ENV": str(self.virtualenv),
            "PYTHONPATH": f"{self.root}{os.pathsep}{CHECKOUT}",
            "PYTHONNOUSERSITE": "1",
            "ANSIBLE_COLLECTIONS_PATH": str(self.root),
            "AZUREML_TEST_ROW": self.row.name,
        }
        if locale.getpreferredencoding(False).lower().replace("-", "") != "utf8":
            values["LC_ALL"] = "C.UTF-8"
        return values


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def say(message: str) -> None:
    """One line of progress with the seconds since the start."""
    print(f"[{time.monotonic() - STARTED:6.1f} s] {message}", file=sys.stderr, flush=True)


def read_row(name: str) -> Row:
    """The row of rows.toml called `name`."""
    import tomllib  # not at the top: an older Python shall reach the message in main()

    rows = tomllib.loads((TOOLS / "rows.toml").read_text(encoding="utf-8"))
    if name not in rows:
        raise Unavailable(f"rows.toml has no row {name!r}; it has {', '.join(rows)}.")
    row = rows[name]
    return Row(
        name=name,
        pythons=tuple(row["pythons"]),
        lock_for=tuple(row["lock_for"]),
        requirements=tuple(row["requirements"]),
        distribution=row["distribution"],
        collections=row["collections"],
    )


def cache_directory() -> Path:
    """The directory that all checkouts of this user share."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "azureml-kubernetes"


def digest(*parts: str) -> str:
    """A short name for what something was made from."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


@contextlib.contextmanager
def locked(path: Path) -> t.Iterator[None]:
    """Keep two runs from making the same thing at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{path}.lock", "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def python_for(row: Row) -> tuple[str, str]:
    """An interpreter that the row's ansible-core runs on, this one if it fits, and its minor version.

    Raises:
        Unavailable: none is installed.
    """
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if row.supports(minor):
        return str(Path(sys.base_prefix, "bin", f"python{minor}") if sys.prefix != sys.base_prefix else sys.executable), minor
    first, last = _version(row.pythons[0])[1], _version(row.pythons[1])[1]
    for candidate in (f"3.{number}" for number in range(last, first - 1, -1)):
        found = shutil.which(f"python{candidate}")
        if found and subprocess.run([found, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            return found, candidate
    raise Unavailable(f"The row {row.name!r} needs a Python from {row.pythons[0]} to {row.pythons[1]}, and this is {minor}.")


def command(*words: str | Path, quiet: bool = True) -> str:
    """Run a program and return what it printed.

    Raises:
        Unavailable: it failed; the message ends with its last lines.
    """
    environ = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    run = subprocess.run([str(word) for word in words], capture_output=quiet, text=True, check=False, env=environ)
    if run.returncode:
        tail = "\n".join(((run.stdout or "") + (run.stderr or "")).strip().splitlines()[-15:])
        raise Unavailable(f"`{shlex.join(str(word) for word in words)}` failed:\n{tail}")
    return run.stdout or ""


def make_virtualenv(python: str, minor: str, lock: Path, label: str) -> Path:
    """A virtualenv with exactly what `lock` names."""
    text = lock.read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if line and not line.startswith("#")]
    path = cache_directory() / f"venv-{label}-py{minor}-{digest(text, os.path.realpath(python))}"
    ready = path / "ready"
    with locked(path):
        if ready.exists() and (path / "bin" / "python").exists():
            return path
        shutil.rmtree(path, ignore_errors=True)
        say(f"making a virtualenv with {len(pins)} packages for Python {minor} ({label}) ...")
        try:
            command(python, "-m", "venv", path)
        except Unavailable as error:
            raise Unavailable(f"{error}\nOn Debian and Ubuntu, `apt install python3-venv` provides the module venv.") from error
        command(path / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r", lock)
        ready.touch()
        say(f"virtualenv is ready: {path}")
    return path


def make_collections(row: Row, pip: Path) -> Path:
    """A collection root with the collections of `row`, from Galaxy when it answers, else out of the distribution's wheel.

    Args:
        row: names the collections and their versions.
        pip: a virtualenv's bin directory, whose pip and ansible-galaxy are used.
    """
    wanted = {f"{name}:{version}" for name, version in row.collections.items()}
    path = cache_directory() / f"collections-{row.name}-{digest(*sorted(wanted))}"
    with locked(path):
        if path.exists():
            return path
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            made = Path(scratch) / "root"
            made.mkdir()
            if not (galaxy_answers() and install_from_galaxy(row, pip, made)):
                unpack_distribution(row, pip, Path(scratch), made)
            made.rename(path)
        say(f"collections are ready: {', '.join(sorted(wanted))}")
    return path


def galaxy_answers() -> bool:
    """Whether Galaxy can be connected to within a few seconds."""
    try:
        with socket.create_connection(GALAXY, timeout=GALAXY_PATIENCE):
            return True
    except OSError:
        return False


def install_from_galaxy(row: Row, pip: Path, target: Path) -> bool:
    """Whether Galaxy delivered every collection of `row` into `target`."""
    say("installing collections from Galaxy ...")
    names = [f"{name}:=={version}" for name, version in row.collections.items()]
    words = [str(pip / "ansible-galaxy"), "collection", "install", "--no-deps", "-p", str(target), *names]
    environ = {**os.environ, "PATH": f"{pip}{os.pathsep}{os.environ.get('PATH', os.defpath)}", "LC_ALL": "C.UTF-8"}
    return subprocess.run(words, capture_output=True, check=False, timeout=300, env=environ).returncode == 0


def unpack_distribution(row: Row, pip: Path, scratch: Path, target: Path) -> None:
    """Download the `ansible` distribution's wheel and unpack the collections of `row` into `target`.

    Raises:
        Unavailable: the wheel cannot be had, or holds another version than the row names.
    """
    say(f"Galaxy does not answer: taking collections out of the wheel of ansible {row.distribution} (50 MB) ...")
    words = ["download", "--quiet", "--no-deps", "--ignore-requires-python", "--only-binary", ":all:"]
    command(pip / "python", "-m", "pip", *words, "--dest", scratch, f"ansible=={row.distribution}")
    (wheel,) = scratch.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        members = archive.namelist()
        for name, version in row.collections.items():
            prefix = f"ansible_collections/{name.replace('.', '/')}/"
            found = json.loads(archive.read(f"{prefix}MANIFEST.json"))["collection_info"]["version"]
            if found != version:
                raise Unavailable(f"{wheel.name} holds {name} {found}, rows.toml names {version}.")
            archive.extractall(target, [member for member in members if member.startswith(prefix)])


def make_root(collections: Path, row: Row) -> Path:
    """The collection root of this checkout: links only, so what is edited is what runs."""
    path = cache_directory() / f"dev-{row.name}-{digest(str(CHECKOUT))}"
    links = {"/".join(COLLECTION): CHECKOUT}
    links.update({name.replace(".", "/"): collections / "ansible_collections" / name.replace(".", "/") for name in row.collections})
    with locked(path):
        for name, target in links.items():
            link = path / "ansible_collections" / name
            if link.is_symlink() and os.readlink(link) == str(target):
                continue
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    return path


def make(row: Row) -> Environment:
    """The environment of a row, made as far as it is missing."""
    python, minor = python_for(row)
    virtualenv = make_virtualenv(python, minor, row.lock(minor), row.name)
    collections = make_collections(row, virtualenv / "bin")
    return Environment(row, virtualenv, collections, make_root(collections, row))


def tracked(checkout: Path = CHECKOUT) -> list[str]:
    """Paths of the files that git knows or would add, in order."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(words, cwd=checkout, capture_output=True, text=True, check=True)
    return sorted(name for name in set(listed.stdout.split("\0")) if name and (checkout / name).is_file())


def copy_tracked(target: Path, wanted: t.Callable[[str], bool] = lambda name: True) -> Path:
    """Copy the files that git knows or would add, as far as they are `wanted` by their path, to the new folder `target`."""
    for name in filter(wanted, tracked()):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, target / name)
    return target


def resolve_locks(row: Row) -> None:
    """Resolve the row's requirements anew for each Python of `lock_for`, which must be installed."""
    for minor in row.lock_for:
        python = shutil.which(f"python{minor}") or f"python{minor}"
        with tempfile.TemporaryDirectory() as scratch:
            say(f"resolving {' '.join(row.requirements)} for Python {minor} ...")
            command(python, "-m", "venv", f"{scratch}/venv")
            pip = [f"{scratch}/venv/bin/python", "-m", "pip", "--disable-pip-version-check"]
            command(*pip, "install", "--quiet", "--upgrade", "pip")
            files = [word for name in row.requirements for word in ("-r", str(CHECKOUT / name))]
            command(*pip, "install", "--quiet", "--dry-run", "--ignore-installed", "--report", f"{scratch}/report", *files)
            report = json.loads(Path(scratch, "report").read_text(encoding="utf-8"))
        pins = sorted(f"{item['metadata']['name']}=={item['metadata']['version']}" for item in report["install"])
        head = f"# Resolved from {' and '.join(row.requirements)} for Python {minor} by `make lock`; do not edit.\n"
        path = TOOLS / "locks" / f"{row.name}-py{minor}.lock"
        path.parent.mkdir(exist_ok=True)
        path.write_text(head + "\n".join(sorted(pins, key=str.lower)) + "\n", encoding="utf-8")


def main(arguments: t.Sequence[str]) -> int:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="environment.py", description="The test environment of azureml.kubernetes.")
    parser.add_argument("--row", default="newest", help="row of the matrix in rows.toml")
    parser.add_argument("action", choices=("prepare", "exports", "shell", "collections", "lock", "run"))
    parser.add_argument("words", nargs=argparse.REMAINDER, help="what `run` starts")
    options = parser.parse_args(arguments)
    if sys.version_info < (3, 11):
        print(
            f"error: Python 3.11 or newer is needed, this is {sys.version.split()[0]} (make PYTHON=python3.12 ...).",
            file=sys.stderr,
        )
        return 1
    try:
        row = read_row(options.row)
        if options.action == "lock":
            resolve_locks(row)
            return 0
        environment = make(row)
    except Unavailable as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.action == "collections":
        print(environment.collections)
    elif options.action == "exports":
        print("\n".join(f"export {key}={shlex.quote(value)}" for key, value in environment.variables().items()))
    elif options.action in ("shell", "run"):
        words = options.words if options.action == "run" else [os.environ.get("SHELL", "/bin/sh")]
        environ = {**os.environ, **environment.variables()}
        program = shutil.which(words[0], path=environ["PATH"]) or words[0]
        os.execve(program, words, environ)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
