"""`make demo`: the main job on the embedded control plane, as a user would run it, with a closing summary."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.output import summary

from tests.sandbox import Sandbox, SandboxError, attach, up

ROOT = Path(__file__).resolve().parents[2]
EXTENSION, COMPUTE = "azureml", ["azureml-jobs"]


@dataclass(frozen=True)
class Step:
    """One run of the playbook: what it shows, its arguments, and how many changes it must end with."""

    name: str
    arguments: tuple[str, ...]
    changes: bool


STEPS = (
    Step("what would change", ("--check", "--diff"), True),
    Step("do it", (), True),
    Step("again: nothing left to do", (), False),
)


class Narrator:
    """Prints lines with the time since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"[{time.monotonic() - self._start:5.1f}s] {text}", flush=True)


def sandbox_of(profile: str, say: Narrator) -> Sandbox:
    """The demo's sandbox of this profile, pristine: a running one is put back, else a new one is started."""
    name = f"demo-{profile}"
    try:
        sandbox = attach(name)
    except SandboxError:
        return up(profile, name=name, progress=say)
    say(f"using the running sandbox {name}, put back to its beginning")
    sandbox.reset()
    return sandbox


def inventory(folder: Path, profile: str, sandbox: Sandbox) -> Path:
    """One host is one cluster: what a user would write."""
    file = folder / "inventory.yml"
    variables: dict[str, Any] = {
        "azureml_kubeconfig": str(sandbox.kubeconfig),
        "azureml_extension_name": EXTENSION,
        "azureml_compute_namespaces": COMPUTE,
        "scc_grant_state": "present",
    }
    file.write_text(yaml.safe_dump({"all": {"hosts": {f"{profile}-demo": variables}}}, sort_keys=False))
    return file


def run(step: Step, file: Path, records: Path) -> tuple[int, int]:
    """One run; its exit status and the number of changes in its records."""
    shutil.rmtree(records, ignore_errors=True)
    extra = ["-e", f"azureml_report_dir={records}"]
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "-i",
        str(file),
        str(ROOT / "site.yml"),
        *step.arguments,
        *extra,
    ]
    environ = {**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml", "ANSIBLE_FORCE_COLOR": "1" if sys.stdout.isatty() else "0"}
    status = subprocess.run(command, cwd=file.parent, env=environ, stdin=subprocess.DEVNULL, check=False).returncode
    return status, sum(len(output.get("changes") or []) for _host, outputs in loaded(records) for output in outputs)


def loaded(records: Path) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """The records of all hosts: name and module outputs."""
    found = []
    for path in sorted(records.glob("*.json")):
        record = json.loads(path.read_text())
        found.append((str(record["host"]), [result["output"] for result in record["results"]]))
    return found


def closing(profile: str, sandbox: Sandbox, told: Sequence[tuple[Step, list[tuple[str, list[Mapping[str, Any]]]]]]) -> None:
    """What the three runs said, and how to go on."""
    print("\n" + "=" * 100 + f"\nSummary of the demo on profile {profile}")
    for step, hosts in told:
        print(f"\n{step.name}:")
        for host, outputs in hosts:
            for line in summary(host, outputs if step is STEPS[-1] else [_changes_only(o) for o in outputs]):
                print(f"  {line}")
    kubectl = shutil.which("kubectl") or sandbox.kubectl
    print("\nThe control plane stays up. Look at it:")
    print(f"  export KUBECONFIG={sandbox.kubeconfig}")
    print(f"  {kubectl} get nodes")
    if profile in ("aro", "rosa"):
        print(f"  {kubectl} get securitycontextconstraints privileged -o yaml")
    print(f"The inventory of the demo: {ROOT / 'build' / 'demo' / 'inventory.yml'}")
    print("Stop it:\n  make down")


def _changes_only(output: Mapping[str, Any]) -> dict[str, Any]:
    return {**output, "findings": []}


def main(profile: str) -> int:
    """Run the demo; status 1 when a run fails or the third one still changes something."""
    say = Narrator()
    folder = ROOT / "build" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    sandbox = sandbox_of(profile, say)
    file = inventory(folder, profile, sandbox)
    told = []
    failures = []
    for step in STEPS:
        say(f"--- {step.name}: ansible-playbook site.yml {' '.join(step.arguments)}")
        records = folder / "records"
        status, changes = run(step, file, records)
        told.append((step, loaded(records)))
        say(f"--- {step.name}: exit status {status}, {changes} changes")
        if status:
            failures.append(f"{step.name} ended with status {status}")
        if not step.changes and changes:
            failures.append(f"the last run still made {changes} changes")
    closing(profile, sandbox, told)
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "aro"))
