"""`ansible-test sanity` without a container engine, on a copy of what the published collection consists of.

ansible-test wants the collection physically at `ansible_collections/<namespace>/<name>`, makes virtualenvs of its own and
downloads pip for them. It gets a home of its own in the cache, in which the file it would download already lies: a few lines
that use the pip that comes with Python. `PIP_*` variables, which ansible-test drops, are handed over as a pip.conf there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import yaml

from tests.tools import environment

ROOT = environment.CHECKOUT
GET_PIP = '''"""Stands where ansible-test would download get-pip.py to: installs the pip that comes with Python."""
import ensurepip
import os
import runpy
import sys

os.environ.pop("PIP_CONFIG_FILE", None)
ensurepip.bootstrap(default_pip=True)
os.environ.pop("PIP_CONFIG_FILE", None)
sys.argv = ["pip", "install", *[word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]]
runpy.run_module("pip", run_name="__main__")
'''


def run() -> int:
    """Every sanity test on the Python of this environment; the exit code of ansible-test."""
    home = prepare_home()
    work = copy_checkout()
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    environ = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
    }
    words = ["ansible-test", "sanity", "--python", minor, "--color", "no", "--skip-test", "pslint", "--skip-test", "shellcheck"]
    return subprocess.run(words, cwd=work, env=environ, check=False).returncode


def prepare_home() -> Path:
    """ansible-test's home, kept between runs since its virtualenvs take a minute to make."""
    home = environment.cache_directory() / "ansible-test-home"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in pip_versions():
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP, encoding="utf-8")
    settings = [
        f"{key[4:].lower().replace('_', '-')} = {value}" for key, value in sorted(os.environ.items()) if key.startswith("PIP_")
    ]
    config = home / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("\n".join(["[global]", *settings, ""]), encoding="utf-8")
    config.chmod(0o600)
    return home


def pip_versions() -> set[str]:
    """The versions of pip that the installed ansible-test asks for."""
    import ansible_test

    source = Path(str(ansible_test.__path__[0]), "_internal", "python_requirements.py").read_text(encoding="utf-8")
    return set(re.findall(r"['\"](2\d\.\d(?:\.\d)?)['\"]", source))


def published(name: str) -> bool:
    """Whether galaxy.yml publishes a file of the checkout."""
    return not any(fnmatch(name, pattern) or name.startswith(f"{pattern}/") for pattern in _ignored())


@cache
def _ignored() -> tuple[str, ...]:
    return tuple(yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"])


def copy_checkout() -> Path:
    """A copy of what galaxy.yml publishes of the files that git knows or would add, beside the collections that ours needs.

    ansible-test asks git for the files to look at, so the copy is a git tree of its own.
    """
    base = ROOT / "build" / "sanity" / "ansible_collections"
    shutil.rmtree(base, ignore_errors=True)
    work = environment.copy_tracked(base.joinpath(*environment.COLLECTION), published)
    installed = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"], "ansible_collections")
    for collection in installed.glob("*/*"):
        if collection.parts[-2:] != environment.COLLECTION:
            shutil.copytree(collection, base.joinpath(*collection.parts[-2:]))
    git = ["git", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "--quiet"], cwd=work, check=True)
    subprocess.run([*git, "add", "--all"], cwd=work, check=True)
    return work


if __name__ == "__main__":
    sys.exit(run())
