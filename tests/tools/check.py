"""The steps behind `make test`, `make lint`, `make sanity` and `make unit`: each named, timed, and run to its end.

The main pytest run is the last step and prints the last lines, so that its summary is what a reader sees.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.tools import environment, sanity

ROOT = environment.CHECKOUT
TOPICS = ("engine", "sandbox", "cluster", "version", "scc", "selinux", "storage", "tls", "namespaces", "extension", "gpu")
PYTEST = ("-m", "pytest", "-ra", "--durations=10", "--durations-min=5", "--hypothesis-profile=ci")
SPREAD = ("-n", "2", "--dist", "loadgroup")
NOT_LINTED = ("tests/", "docs/", "changelogs/", "benchmarks/", ".github/")
STARTED = time.monotonic()


@dataclass(frozen=True)
class Step:
    """Something to run: its name, and what does it and returns an exit code.

    `reads` tells the files on which alone the outcome depends, beside the environment; None where that cannot be told.
    """

    name: str
    run: Callable[[], int]
    reads: Callable[[str], bool] | None = None


def say(message: str) -> None:
    """One line with the seconds since the start."""
    print(f"[{time.monotonic() - STARTED:6.1f} s] {message}", flush=True)


def call(*words: str, cwd: Path = ROOT, environ: t.Mapping[str, str] | None = None) -> int:
    """Run a program; its output goes straight to the reader."""
    return subprocess.run(words, cwd=cwd, check=False, env={**os.environ, **(environ or {})}).returncode


def worst(*codes: int) -> int:
    """The first exit code that is not 0."""
    return next((code for code in codes if code), 0)


def collection_root() -> Path:
    """The folder `ansible_collections/azureml/kubernetes` that links to this checkout."""
    return Path(os.environ["ANSIBLE_COLLECTIONS_PATH"], "ansible_collections", *environment.COLLECTION)


def ruff() -> int:
    """Style and layout of all Python files."""
    return worst(call("ruff", "check", "."), call("ruff", "format", "--check", "."))


def mypy() -> int:
    """`mypy --strict`: the plugins as they are imported, the test tools from the checkout."""
    config = str(ROOT / "pyproject.toml")
    root = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"])
    below = collection_root().relative_to(root)
    wanted = [str(below / "plugins" / part) for part in ("module_utils", "plugin_utils", "filter", "test")]
    environ = {"MYPYPATH": str(root)}
    cache = str(ROOT / "build" / "mypy")
    plugins = call("mypy", "--config-file", config, "--cache-dir", cache, *wanted, cwd=root, environ=environ)
    return worst(plugins, call("mypy", "--cache-dir", cache, "tests/sandbox", "tests/tools", environ=environ))


def yaml() -> int:
    """Layout of all YAML files."""
    return call("yamllint", "--strict", ".")


def ansible_lint() -> int:
    """Roles and playbooks by the production profile, without a network."""
    return call("ansible-lint", "--offline", "-q", environ={"ANSIBLE_LINT_NODEPS": "1"})


def changelog() -> int:
    """Changelog fragments are well-formed."""
    return call("antsibull-changelog", "lint")


def generated() -> int:
    """Generated files are current."""
    return call(sys.executable, "-m", "tests.tools.generate", "--check")


def go_tests() -> int:
    """Unit tests of the front door, with the Go that builds the sandbox."""
    from tests.sandbox.errors import SandboxError
    from tests.sandbox.golang import find_go

    try:
        go = find_go(say)
    except SandboxError as error:
        print(error)
        return 1
    environ = {"CGO_ENABLED": "0", "GOFLAGS": "-trimpath -mod=readonly", "GOWORK": "off"}
    return call(go, "test", "./...", cwd=ROOT / "tests" / "sandbox" / "go" / "frontdoor", environ=environ)


def lowest() -> int:
    """Plans, parsers and contracts on the oldest supported ansible-core and Kubernetes client."""
    try:
        row = environment.make(environment.read_row("lowest"))
    except environment.Unavailable as error:
        say(f"not run: {error}")
        return 0
    words = [*PYTEST, "-q", *SPREAD, "-m", "not slow", "tests/unit", "tests/contract"]
    return call(str(row.virtualenv / "bin" / "python"), *words, environ=row.variables())


def pytest(arguments: Sequence[str], topic: str = "", folders: Sequence[str] = ("tests",)) -> int:
    """The main run."""
    marks = ["-m", topic] if topic else []
    spread = () if any(word.startswith("-n") for word in arguments) else SPREAD
    everything = not topic and not arguments and tuple(folders) == ("tests",)
    environ = {"AZUREML_ALL_TESTS": "1"} if everything else {}
    return call(sys.executable, *PYTEST, *spread, *marks, *arguments, *folders, environ=environ)


LINT = (
    Step("ruff", ruff),
    Step("mypy", mypy),
    Step("yamllint", yaml),
    Step("ansible-lint", ansible_lint, lambda name: not name.startswith(NOT_LINTED)),
    Step("changelog", changelog),
)
SANITY = (Step("ansible-test sanity", sanity.run, sanity.published),)
LOWEST = (Step("pytest, lowest versions", lowest),)
BEFORE = (*LINT, *SANITY, Step("generated files", generated), Step("go test", go_tests))


def stamp(step: Step, root: Path = ROOT) -> Path | None:
    """The file that tells that the step passed on exactly these files in exactly this environment; None if nothing can tell."""
    if step.reads is None:
        return None
    digest = hashlib.sha256(f"{step.name} {os.environ.get('VIRTUAL_ENV')}".encode())
    links = sorted((Path(os.environ["ANSIBLE_COLLECTIONS_PATH"]) / "ansible_collections").glob("*/*"))
    digest.update(repr([str(link.resolve()) for link in links if link.resolve() != root]).encode())
    for name in environment.tracked(root):
        if step.reads(name):
            digest.update(f"{name} {(root / name).stat().st_mode & 0o111} ".encode())
            digest.update(hashlib.sha256((root / name).read_bytes()).digest())
    return environment.cache_directory() / "passed" / digest.hexdigest()


def run_steps(steps: Sequence[Step], *, anew: bool = True) -> list[str]:
    """Run all steps, whatever fails.

    Args:
        anew: also those that passed before on exactly the same files.

    Returns:
        The names of those that failed.
    """
    failed = []
    for step in steps:
        passed = stamp(step)
        if passed is not None and passed.exists() and not anew:
            say(f"--- {step.name}: ok (cached: it passed on exactly these files; `make lint sanity` runs it anew)")
            continue
        say(f"--- {step.name}")
        started = time.monotonic()
        code = step.run()
        say(f"--- {step.name}: {'ok' if code == 0 else f'FAILED ({code})'} in {time.monotonic() - started:.1f} s")
        if code:
            failed.append(step.name)
        elif passed is not None:
            passed.parent.mkdir(parents=True, exist_ok=True)
            passed.touch()
    return failed


def run_before() -> list[str]:
    """Everything but the main pytest run; the lowest versions beside the rest, which needs one core. Returns what failed."""
    with tempfile.TemporaryFile("w+") as log:
        words = (sys.executable, "-m", "tests.tools.check", "lowest")
        beside = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        failed = run_steps(BEFORE, anew=False)
        code = beside.wait()
        log.seek(0)
        shutil.copyfileobj(log, sys.stdout)
    return [*failed, *(step.name for step in LOWEST if code)]


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.check", description=__doc__, allow_abbrev=False)
    parser.add_argument("what", choices=("all", "lint", "sanity", "lowest", "unit"))
    parser.add_argument("--topic", default="", choices=("", *TOPICS))
    options, rest = parser.parse_known_args(arguments)
    alone = {"lint": LINT, "sanity": SANITY, "lowest": LOWEST}
    if options.what in alone:
        return 1 if run_steps(alone[options.what]) else 0
    if options.what == "unit":
        return pytest(rest, folders=() if any(not word.startswith("-") for word in rest) else ("tests/unit", "tests/contract"))
    failed = [] if options.topic else run_before()
    if failed:
        say(f"FAILED so far: {', '.join(failed)}; make test will fail")
    say("--- pytest")
    code = pytest(rest, options.topic)
    return code or (1 if failed else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
