"""Every molecule scenario, as a user runs it, on sandboxes that the test process shares.

A scenario passes when molecule does, and when its last check run (after converge) would change nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
RECAP = re.compile(r"^(?P<host>\S+)\s+: ok=\d+\s+changed=(?P<changed>\d+)\s", re.MULTILINE)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def _environment(scenario: str) -> dict[str, str]:
    settings = yaml.safe_load((ROOT / "molecule" / scenario / "molecule.yml").read_text(encoding="utf-8"))
    return dict(settings["ansible"]["env"])


def _scenarios() -> list[object]:
    found = []
    for path in sorted((ROOT / "molecule").glob("*/molecule.yml")):
        if path.parent.name != "default":
            environ = _environment(path.parent.name)
            mark = getattr(pytest.mark, environ["AZUREML_TOPIC"])
            group = pytest.mark.xdist_group(f"molecule on {environ['AZUREML_PROFILES']}")
            found.append(pytest.param(path.parent.name, marks=[mark, pytest.mark.slow, group], id=path.parent.name))
    return found


def recaps(output: str) -> list[dict[str, int]]:
    """Number of changed tasks by host, for each play recap of the output in order."""
    parts = re.split(r"^PLAY RECAP .*$", COLOUR.sub("", output), flags=re.MULTILINE)[1:]
    return [{found["host"]: int(found["changed"]) for found in RECAP.finditer(part)} for part in parts]


@pytest.mark.engine
def test_recaps_are_read_from_coloured_output() -> None:
    line = "\x1b[0;32maro\x1b[0m : \x1b[0;32mok=2 \x1b[0m \x1b[0;33mchanged={}\x1b[0m    unreachable=0    failed=0    skipped=0"
    output = "\n".join(["PLAY RECAP ****", line.format(1), "", "PLAY RECAP ****", line.format(0), ""])
    assert recaps(output) == [{"aro": 1}, {"aro": 0}]


@pytest.mark.parametrize("scenario", _scenarios())
def test_scenario(scenario: str, start_once: Callable[[str], Sandbox], tmp_path: Path) -> None:
    profiles = _environment(scenario)["AZUREML_PROFILES"].split(",")
    for profile in profiles:
        start_once(profile).reset()
    environ = {
        **os.environ,
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path),
        "MOLECULE_COMMAND_BORDERS": "0",
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }
    molecule = str(Path(sys.executable).parent / "molecule")
    done = subprocess.run(
        [molecule, "test", "--scenario-name", scenario],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    runs = [run for run in recaps(done.stdout) if set(run) == set(profiles)]
    assert len(runs) >= 5, f"check, converge, idempotence, verify and check were expected:\n{done.stdout[-8000:]}"
    last_check = done.stdout.rfind(f"[{scenario} > check] Executing")
    assert last_check >= 0, done.stdout[-8000:]
    assert recaps(done.stdout[last_check:])[0] == dict.fromkeys(profiles, 0), (
        f"a check run after converge would change something:\n{done.stdout[last_check:]}"
    )
