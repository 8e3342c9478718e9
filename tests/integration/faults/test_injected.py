"""Fifty seeds of one fault in five requests: the end is that of a quiet run, waits are obeyed, and it does not take much longer.

What "much longer" means: a seed may take three times the quiet run, which counts as at least FLOOR seconds, beside the
waits the server ordered. The floor is there because a quiet run on this machine takes a few hundredths of a second, less
than a single polite back-off; it still tells a retry that waits tenths of a second from one that waits seconds.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from tests.integration.faults.work import Bench, errors, grant
from tests.play import Play
from tests.sandbox import Sandbox
from tests.sandbox.front_door import Door, LogEntry, Rule, answer_lost, reset, status

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("aro")]

# Fifty seeds, every other one for either method.
SEEDS = {"users": range(1, 51, 2), "rbac": range(2, 51, 2)}
FLOOR = 1.0
# Seconds within which a request may have been on its way.
ON_THE_WAY = 0.1
# Seconds by the name of the rule that orders them; fractions keep fifty seeds short, and one in four is a whole second.
ORDERED = {"wait long": 1.0, "wait short": 0.2}


def rules() -> list[Rule]:
    """Together one request in five: a quarter each of 429, 500, reset, and answer lost after the work was done."""
    share = 0.05
    return [
        Rule(status(429, retry_after=1), name="wait long", probability=share / 4),
        Rule(status(429, headers={"Retry-After": "0.2"}), name="wait short", probability=share * 3 / 4),
        Rule(status(500), name="error", probability=share / (1 - share)),
        Rule(reset(), name="reset", probability=share / (1 - 2 * share)),
        Rule(answer_lost(), name="lost", probability=share / (1 - 3 * share)),
    ]


def ordered(log: Sequence[LogEntry]) -> float:
    """Seconds that the server ordered to wait."""
    return sum(ORDERED.get(entry.fault, 0.0) for entry in log)


def assert_obeyed(log: Sequence[LogEntry]) -> None:
    """No request comes back before the wait that was ordered is over, nor is any other sent to its path.

    Requests to that path that were on their way beside it (reviews are sent in parallel) had not heard of the wait.
    """
    for index, entry in enumerate(log):
        wait, end = ORDERED.get(entry.fault, 0.0), entry.end or entry.time
        for later in log[index + 1 :] if wait else ():
            same = (later.method, later.path, later.query, later.body) == (entry.method, entry.path, entry.query, entry.body)
            if same or (later.path == entry.path and later.time > end + ON_THE_WAY):
                assert later.time - end >= wait - 0.002, (entry, later)


def one_run(door: Door, aro: Sandbox, seed: int, method: str) -> tuple[float, list[LogEntry]]:
    """A run under faults from `seed`; seconds it took and what the door saw."""
    door.set(seed=seed)
    door.set_rules(rules())
    door.clear_log()
    kubeconfig = aro.kubeconfig_for("admin", ["system:masters"], door=door.name)
    started = time.monotonic()
    result = grant(kubeconfig, method=method)
    seconds = time.monotonic() - started
    assert errors(result) == [], (seed, method)
    assert result.changes, (seed, method)
    return seconds, door.log()


@pytest.mark.parametrize("method", SEEDS)
def test_fifty_seeds_end_like_a_quiet_run(aro: Sandbox, method: str) -> None:
    bench = Bench.of(aro)
    grant(aro.kubeconfig, method=method)
    bench.undo()
    started = time.monotonic()
    quiet = grant(aro.kubeconfig, method=method)
    quiet_seconds = time.monotonic() - started
    wanted = bench.objects()
    assert errors(quiet) == []
    faults: list[str] = []
    with aro.front_door.open(f"faults-{method}") as door:
        for seed in SEEDS[method]:
            bench.undo()
            seconds, log = one_run(door, aro, seed, method)
            assert bench.objects() == wanted, seed
            assert_obeyed(log)
            assert seconds <= 3 * max(quiet_seconds, FLOOR) + ordered(log) * 1.05 + 0.1, (seed, seconds, ordered(log), len(log))
            faults += [entry.fault for entry in log if entry.fault]
    assert set(faults) == {"wait long", "wait short", "error", "reset", "lost"}, "the seeds hold every kind of fault"
    assert len(faults) > len(SEEDS[method])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_seed_through_a_real_play(aro: Sandbox, play: Play, seed: int) -> None:
    bench = Bench.of(aro)
    grant(aro.kubeconfig, method="rbac")
    wanted = bench.objects()
    bench.undo()
    with aro.front_door.open("faults-play", seed=seed, rules=rules()) as door:
        kubeconfig = aro.kubeconfig_for("admin", ["system:masters"], door=door.name)
        task = {"extension_name": "ml", "compute_namespaces": ["team"], "method": "rbac"}
        outcome = play.tasks(
            [{"name": "grant", "azureml.kubernetes.scc_grant": task}], {"c": {"azureml_kubeconfig": str(kubeconfig)}}
        )
        assert outcome.status == 0, outcome.text
        assert outcome.result("grant", "c")["changed"]
        assert bench.objects() == wanted
        assert_obeyed(door.log())
