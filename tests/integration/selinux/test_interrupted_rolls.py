"""kill -9 at named points and at random moments of a roll: the next run finishes, and nothing is left behind."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.selinux.rolls import Run, at_rest, configs, errors, hurry, modes
from tests.sandbox import Sandbox
from tests.sandbox.client import until
from tests.sandbox.front_door import Rule, hang
from tests.sandbox.kubelet import is_ready
from tests.sandbox.mco.names import MACHINE_CONFIGS, NODES

pytestmark = [pytest.mark.selinux, pytest.mark.slow, pytest.mark.xdist_group("ocp-mixed")]

# The smallest pool whose nodes go one after the other.
POOL, NODES_OF_POOL = "infra", ["mixed-infra-0", "mixed-infra-1"]
NAME = f"99-{POOL}-azureml-selinux"
FORK = multiprocessing.get_context("fork")
SEEDS = range(1, 11)
# A whole roll takes about this long with `hurry`.
LONGEST = 3.0


def disable(kubeconfig: Any) -> None:
    Run(kubeconfig)(pool=POOL)


@contextmanager
def killed(sandbox: Sandbox, moment: Callable[[Any], None], *rules: Rule) -> Iterator[None]:
    """A run in a process of its own, killed when `moment` returns; the cluster is looked at meanwhile."""
    with sandbox.front_door.open("kill", rules=rules) as door:
        process = FORK.Process(target=disable, args=(sandbox.door_kubeconfig("kill"),))
        process.start()
        try:
            moment(door)
        finally:
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
        yield


def finishes(sandbox: Sandbox) -> None:
    """The next run ends with everything in place, whatever the killed one left."""
    hurry(sandbox)
    run = Run(sandbox.kubeconfig)
    result = run(pool=POOL)
    assert errors(result) == [] and result.facts["machine_config"]["done"] is True
    at_rest(sandbox, POOL)
    assert configs(sandbox) == {NAME: {"kernelArguments": ["selinux=0"]}}
    assert modes(sandbox, NODES_OF_POOL) == {"Disabled"}
    assert run(pool=POOL).changes == ()


def written(sandbox: Sandbox) -> bool:
    return NAME in configs(sandbox)


def rendered(sandbox: Sandbox) -> bool:
    return NAME in [source["name"] for source in sandbox.mco.pool(POOL)["spec"]["configuration"]["source"]]


def some(sandbox: Sandbox, what: Callable[[Any], bool]) -> bool:
    return any(what(sandbox.request("GET", f"{NODES}/{name}")) for name in NODES_OF_POOL)


def hanging(door: Any) -> None:
    until("the run hangs", lambda: door.applied()["here"] > 0)


def moment_of(sandbox: Sandbox, what: str, done: Callable[[Sandbox], bool]) -> Callable[[Any], None]:
    return lambda _door: until(what, lambda: done(sandbox))


CREATE = Rule(hang(), name="here", methods=["POST"], path="/machineconfigs$")
ASK = Rule(hang(), name="here", path="/exec$", skip=1)
POINTS: dict[str, tuple[dict[str, float], Callable[[Sandbox], bool] | None, list[Rule]]] = {
    "before create": ({}, None, [CREATE]),
    "after create, before render": ({"render_delay": 2}, written, []),
    "after render": ({}, rendered, []),
    "mid-drain": ({"drain_seconds": 1}, lambda s: some(s, lambda node: bool(node["spec"].get("unschedulable"))), []),
    "mid-reboot": ({"reboot_seconds": 1}, lambda s: some(s, lambda node: not is_ready(node)), []),
    "before status": ({}, None, [ASK]),
}


@pytest.mark.parametrize("point", POINTS)
def test_killed_at(ocp_mixed: Sandbox, point: str) -> None:
    seconds, done, rules = POINTS[point]
    hurry(ocp_mixed, **seconds)
    moment = moment_of(ocp_mixed, point, done) if done else hanging
    with killed(ocp_mixed, moment, *rules):
        pass
    assert written(ocp_mixed) is (point != "before create")
    if point == "after create, before render":
        assert not rendered(ocp_mixed)
    finishes(ocp_mixed)


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_random(ocp_mixed: Sandbox, seed: int) -> None:
    hurry(ocp_mixed)
    wait = random.Random(seed).uniform(0, LONGEST)
    with killed(ocp_mixed, lambda _door: time.sleep(wait)):
        pass
    finishes(ocp_mixed)


def names_with(sandbox: Sandbox, part: str) -> list[str]:
    """Names of MachineConfigs, rendered ones too, which the garbage collector removes: half a minute late in a young sandbox."""
    names = [item["metadata"]["name"] for item in sandbox.request("GET", MACHINE_CONFIGS)["items"]]
    return [name for name in names if part in name]


def test_the_way_back_is_finished_too(ocp_mixed: Sandbox) -> None:
    """Killed between the MachineConfig's deletion and the pool's."""
    hurry(ocp_mixed)
    run = Run(ocp_mixed.kubeconfig)
    own = {"pool": "azureml", "selinux": "permissive", "create_pool": True, "pool_nodes": ["mixed-worker-0"]}
    assert errors(run(**own)) == []
    with ocp_mixed.front_door.open("back", rules=[Rule(hang(), name="here", methods=["PATCH"], path="/nodes/")]) as door:
        back = Run(ocp_mixed.door_kubeconfig("back"))
        process = FORK.Process(target=back, kwargs={"state": "absent", "pool": "azureml"})
        process.start()
        hanging(door)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
    assert configs(ocp_mixed) == {} and ocp_mixed.mco.pool("azureml")
    result = run(state="absent", pool="azureml")
    assert errors(result) == [] and len(result.changes) == 2
    at_rest(ocp_mixed)
    until("what was rendered for the pool is gone", lambda: not names_with(ocp_mixed, "azureml"), seconds=60)
