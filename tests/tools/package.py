"""Builds the collection's tarball into build/, and with --importer lets galaxy-importer judge it."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

from tests.tools import environment

ROOT = environment.CHECKOUT
IMPORTER = "galaxy-importer==0.4.44"


def build() -> Path:
    """The tarball of what git knows or would add."""
    target = ROOT / "build" / "package"
    shutil.rmtree(target, ignore_errors=True)
    source = environment.copy_tracked(target / "source")
    words = ["ansible-galaxy", "collection", "build", "--output-path", str(target), str(source)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    (tarball,) = target.glob("*.tar.gz")
    return tarball


def judge(tarball: Path) -> int:
    """The exit code of galaxy-importer, in a virtualenv of its own since it pins old packages."""
    home = environment.cache_directory() / f"importer-{environment.digest(IMPORTER, sys.version)}"
    with environment.locked(home):
        if not (home / "ready").exists():
            environment.say(f"making a virtualenv for {IMPORTER} ...")
            subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
            subprocess.run([str(home / "bin" / "pip"), "install", "--quiet", IMPORTER], check=True)
            (home / "ready").touch()
    config = tarball.parent / "galaxy-importer.cfg"
    config.write_text(
        "[galaxy-importer]\nCHECK_REQUIRED_TAGS = True\nRUN_ANSIBLE_LINT = True\nOFFLINE_ANSIBLE_LINT = True\n", encoding="utf-8"
    )
    environ = {**os.environ, "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}", "GALAXY_IMPORTER_CONFIG": str(config)}
    return subprocess.run(
        [str(home / "bin" / "python"), "-m", "galaxy_importer.main", str(tarball)], check=False, env=environ
    ).returncode


def main(arguments: t.Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.package", description=__doc__)
    parser.add_argument("--importer", action="store_true", help="judge the tarball with galaxy-importer")
    options = parser.parse_args(arguments)
    tarball = build()
    print(tarball.relative_to(ROOT))
    return judge(tarball) if options.importer else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
