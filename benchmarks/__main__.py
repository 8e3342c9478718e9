"""`python -m benchmarks [--write]`: every performance line of the project as one table, from one run on one sandbox."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible_collections.azureml.kubernetes.plugins.module_utils._data.extension_components import EDITIONS, NEWEST

from benchmarks.measure import Hosts, task_milliseconds
from tests.integration.components.install import install
from tests.integration.components.listing import installed
from tests.play import Play
from tests.sandbox import Sandbox, up

ROOT = Path(__file__).resolve().parent.parent
FLEET = 20
COMPUTE = "azureml-jobs"
MARK = "<!-- results -->"


@dataclass(frozen=True)
class Row:
    """One measured line: `met` compares value and target as `target` says."""

    name: str
    value: float
    unit: str
    target: str
    met: bool


def at_least(name: str, value: float, unit: str, least: float) -> Row:
    """A row whose value has to reach `least`."""
    return Row(name, round(value, 1), unit, f">= {least:g}", value >= least)


def at_most(name: str, value: float, unit: str, most: float) -> Row:
    """A row whose value may not exceed `most`."""
    return Row(name, round(value, 1), unit, f"<= {most:g}", value <= most)


def scc_task(namespaces: Sequence[str]) -> dict[str, Any]:
    """The grant of the document's accounts."""
    return {"azureml.kubernetes.scc_grant": {"extension_name": "azureml", "compute_namespaces": list(namespaces)}}


def fleet(sandbox: Sandbox) -> Hosts:
    """Hosts that are one sandbox behind doors with an identity each."""
    hosts = {}
    for number in range(FLEET):
        name = f"cluster-{number:02}"
        sandbox.front_door.open(name, rewrite={"kube_system_uid": str(uuid.UUID(int=number + 1))})
        hosts[name] = {"azureml_kubeconfig": str(sandbox.door_kubeconfig(name))}
    return Hosts(hosts)


def cpu(sandbox: Sandbox, environ: Mapping[str, str]) -> list[Row]:
    """Processor time per task on 20 hosts."""
    hosts = fleet(sandbox)
    login = {"kubeconfig": "{{ azureml_kubeconfig }}"}
    kinds: dict[str, dict[str, Any]] = {
        "debug": {"ansible.builtin.debug": {"msg": "x"}},
        "scc_grant": scc_task([COMPUTE]),
        "cluster_info": {"azureml.kubernetes.cluster_info": {}},
        "k8s_info SCC": {
            "kubernetes.core.k8s_info": {
                **login,
                "api_version": "security.openshift.io/v1",
                "kind": "SecurityContextConstraints",
                "name": "privileged",
            }
        },
        "k8s_info nodes": {"kubernetes.core.k8s_info": {**login, "api_version": "v1", "kind": "Node"}},
    }
    repeat = {"*": 5, "k8s_info SCC": 1, "k8s_info nodes": 1}
    # kubernetes.core opens the connection, so it gets the cheapest one.
    environ = {**environ, "ANSIBLE_TRANSPORT": "local", "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
    cost = task_milliseconds(kinds, hosts, environ, repeat=repeat, rounds=3)
    rows = [Row(f"CPU of one {kind} task", round(ms, 1), "ms", "", True) for kind, ms in cost.items()]
    return [
        *rows,
        at_least("k8s_info (SCC) over no-op scc_grant, CPU", cost["k8s_info SCC"] / cost["scc_grant"], "times", 12),
        at_least("k8s_info (nodes) over no-op cluster_info, CPU", cost["k8s_info nodes"] / cost["cluster_info"], "times", 12),
        at_most("no-op scc_grant above debug, CPU", cost["scc_grant"] - cost["debug"], "ms", 20),
    ]


def requests(sandbox: Sandbox, folder: Path) -> list[Row]:
    """Requests of a no-op with nothing cached: each door logs one run from an empty home."""
    rows = []
    for module, most in (("scc_grant", 3), ("cluster_info", 12)):
        task = scc_task([COMPUTE]) if module == "scc_grant" else {"azureml.kubernetes.cluster_info": {}}
        with sandbox.front_door.open(f"requests-{module}") as door:
            hosts = {"cluster": {"azureml_kubeconfig": str(sandbox.door_kubeconfig(door.name))}}
            outcome = Play(folder / module).tasks([task], hosts)
            if outcome.status:
                raise RuntimeError(outcome.text[-2000:])
            rows.append(at_most(f"requests of a no-op {module}, cold", len(door.log()), "requests", most))
    return rows


def one_write(sandbox: Sandbox, folder: Path) -> Row:
    """The document's accounts and 20 compute namespaces, not yet granted."""
    sandbox.reset()
    with sandbox.front_door.open("one-write") as door:
        hosts = {"cluster": {"azureml_kubeconfig": str(sandbox.door_kubeconfig(door.name))}}
        outcome = Play(folder / "write").tasks([scc_task([f"team-{n:02}" for n in range(20)])], hosts)
        if outcome.status:
            raise RuntimeError(outcome.text[-2000:])
        return at_most("writes for 11 accounts and 20 compute namespaces", len(door.writes()), "writes", 1)


def components(sandbox: Sandbox, environ: Mapping[str, str]) -> list[Row]:
    """The extension's components, judged in one task and listed one by one."""
    sandbox.reset()
    install(sandbox, installed("both", "arc"))
    with sandbox.front_door.open("components") as door:
        hosts = Hosts({"cluster": {"azureml_kubeconfig": str(sandbox.door_kubeconfig(door.name))}})
        told = {"connection": "arc", "training": True, "inference": True}
        rows = [row for row in EDITIONS[NEWEST].rows if row.documented]
        one = {"kind": "{{ item.kind }}", "name": "{{ item.name }}", "api_version": "apps/v1", "namespace": "azureml"}
        kinds: dict[str, dict[str, Any]] = {
            "extension_components": {"azureml.kubernetes.extension_components": told},
            "k8s_info loop": {
                "kubernetes.core.k8s_info": {"kubeconfig": "{{ azureml_kubeconfig }}", **one},
                "loop": [{"kind": row.kind, "name": row.named("azureml")} for row in rows],
            },
        }
        environ = {**environ, "ANSIBLE_TRANSPORT": "local", "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
        cost = task_milliseconds(kinds, hosts, environ, repeat={"*": 20, "k8s_info loop": 1}, rounds=3)
        mine = cost["extension_components"]
        return [
            Row("CPU of one extension_components task", round(mine, 1), "ms", "", True),
            Row(f"CPU of a k8s_info loop over the {len(rows)} components", round(cost["k8s_info loop"], 1), "ms", "", True),
            at_least("k8s_info loop over extension_components, CPU", cost["k8s_info loop"] / mine, "times", 15),
        ]


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = ["| what | value | target | met |", "| --- | ---: | ---: | --- |"]
    lines += [f"| {r.name} | {r.value:g} {r.unit} | {r.target} | {('yes' if r.met else 'NO') if r.target else ''} |" for r in rows]
    return "\n".join(lines)


def measure(folder: Path, environ: Mapping[str, str]) -> list[Row]:
    """All rows, on a sandbox of their own."""
    sandbox = up("aro", owner_pid=os.getpid(), progress=lambda text: print(text, file=sys.stderr))
    try:
        hosts = {"cluster": {"azureml_kubeconfig": str(sandbox.kubeconfig)}}
        granted = Play(folder / "grant").tasks([scc_task([COMPUTE])], hosts)
        if granted.status:
            raise RuntimeError(granted.text[-2000:])
        return [*requests(sandbox, folder), *cpu(sandbox, environ), one_write(sandbox, folder), *components(sandbox, environ)]
    finally:
        sandbox.down()


def main() -> int:
    """Measure, print, write `build/bench.json`; status 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    folder = build / f"bench-{os.getpid()}"
    rows = measure(folder, {"ANSIBLE_RETRY_FILES_ENABLED": "False", "ANSIBLE_HOST_KEY_CHECKING": "False"})
    (build / "bench.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    text = table(rows)
    print(text)
    if arguments.write:
        page = ROOT / "docs" / "benchmarks.md"
        head = page.read_text().split(MARK)[0]
        page.write_text(
            f"{head}{MARK}\n{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n\n{text}\n"
        )
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
