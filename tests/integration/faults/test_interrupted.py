"""kill -9 at named points, and many at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.faults.work import Bench, errors, grant, until
from tests.sandbox import Sandbox
from tests.sandbox.front_door import Rule, hang

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("aro")]

WRITES = ["POST", "PATCH", "DELETE"]
REVIEWS = r"reviews$"
FORK = multiprocessing.get_context("fork")

# Where the door holds a request for ever, until the run is killed.
POINTS = {
    "first request": Rule(hang(), name="here"),
    "while reading": Rule(hang(), name="here", skip=5),
    "before the first write": Rule(hang(), name="here", methods=WRITES, path=r"(privileged|bindings|namespaces)$"),
    "between two writes": Rule(hang(), name="here", methods=WRITES, path=r"(privileged|bindings|namespaces)$", skip=1),
    "while verifying": Rule(hang(), name="here", methods=["GET"], path="/securitycontextconstraints/privileged$", skip=1),
}


# Method users makes one write, so there is nothing between two.
CASES = [(point, method) for method in ("users", "rbac") for point in POINTS if (point, method) != ("between two writes", "users")]


@pytest.mark.parametrize(("point", "method"), CASES)
def test_the_next_run_finishes_what_a_killed_one_began(aro: Sandbox, point: str, method: str) -> None:
    bench = Bench.of(aro)
    grant(aro.kubeconfig, method=method)
    wanted = bench.objects()
    bench.undo()
    with aro.front_door.open("kill", rules=[POINTS[point]]) as door:
        kubeconfig = aro.kubeconfig_for("admin", ["system:masters"], door="kill")
        process = FORK.Process(target=grant, args=(kubeconfig,), kwargs={"method": method})
        process.start()
        until(point, lambda: door.applied()["here"] > 0)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        door.set_rules(())
        result = grant(kubeconfig, method=method)
        assert errors(result) == []
        assert bench.objects() == wanted
        assert not grant(kubeconfig, method=method).changes


def race(kubeconfig: Path, number: int, rounds: int, start: Any, end: Any, said: Any) -> None:
    """One of many processes: grants an account of its own, every round."""
    for turn in range(rounds):
        start.wait(60)
        result = grant(
            kubeconfig, method="users", platform="aro", compute_namespaces=[], extra_accounts=[f"race-{turn}:writer-{number}"]
        )
        said.put((turn, number, errors(result), len(result.changes)))
        end.wait(60)


def test_twenty_at_once_twenty_times_lose_nothing(aro: Sandbox) -> None:
    """Every round begins with one hundred foreign entries less or more; all of them, and their order, survive."""
    processes, rounds = 20, 20
    bench = Bench.of(aro)
    grant(aro.kubeconfig, method="users", compute_namespaces=[])
    expected = bench.users()
    start, end, said = FORK.Barrier(processes + 1), FORK.Barrier(processes + 1), FORK.Queue()
    workers = [
        FORK.Process(target=race, args=(aro.direct_kubeconfig, n, rounds, start, end, said), daemon=True) for n in range(processes)
    ]
    for worker in workers:
        worker.start()
    for turn in range(rounds):
        start.wait(60)
        end.wait(60)
        notes = [said.get(timeout=10) for _ in range(processes)]
        assert [note for note in notes if note[2] or note[3] != 1 or note[0] != turn] == []
        users = bench.users()
        assert users[: len(expected)] == expected, "entries of others keep their place"
        assert sorted(users[len(expected) :]) == sorted(f"system:serviceaccount:race-{turn}:writer-{n}" for n in range(processes))
        expected = users
    for worker in workers:
        worker.join(10)
        assert worker.exitcode == 0
    assert not grant(aro.kubeconfig, method="users", compute_namespaces=[]).changes
