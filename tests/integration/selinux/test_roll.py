"""Whole rolls on an emulated Machine Config Operator: what a play does, what it costs, and what a cluster is like afterwards."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.selinux.rolls import (
    ALL,
    NAME,
    WORKERS,
    Run,
    at_rest,
    codes,
    configs,
    errors,
    hurry,
    is_exec,
    modes,
    requests,
)
from tests.play import Outcome, Play
from tests.sandbox import Sandbox
from tests.sandbox.client import until
from tests.sandbox.front_door import Rule, status
from tests.sandbox.mco.names import MACHINE_CONFIGS, NODES, POOLS

pytestmark = [pytest.mark.selinux, pytest.mark.xdist_group("aro nodes")]

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
MERGE = "application/merge-patch+json"
ROLE = [{"hosts": "all", "gather_facts": False, "roles": [{"role": "azureml.kubernetes.worker_selinux"}]}]
FORK = multiprocessing.get_context("fork")


def result_of(outcome: Outcome) -> dict[str, Any]:
    """What the role's last task returned."""
    (task,) = [name for name in outcome.tasks if name.endswith("Set what nodes boot with")]
    return outcome.result(task, "one")


def host(sandbox: Sandbox, **variables: Any) -> dict[str, dict[str, Any]]:
    """An inventory of one cluster."""
    return {"one": {"azureml_kubeconfig": str(sandbox.kubeconfig), "azureml_accept": ALL, **variables}}


def test_a_play_disables_selinux_on_every_worker(aro: Sandbox, play: Play) -> None:
    hurry(aro)
    aro.add_training_pod("job-1", node=WORKERS[0])
    hosts = host(aro, worker_selinux_state="disabled")
    check = play.run(ROLE, hosts, "--check", "--diff")
    assert check.status == 0, check.text
    planned = result_of(check)
    assert planned["changed"] and planned["plan_digest"] and '"selinux=0"' in check.text
    (cost,) = [finding for finding in planned["findings"] if finding["code"] == "selinux.rollout_planned"]
    assert cost["evidence"]["nodes"][WORKERS[0]]["jobs"] == ["azureml-jobs/job-1"]
    door = aro.front_door.door("main")
    assert door.writes() == [] and at_rest(aro)

    done = play.run(ROLE, hosts, "-vv")
    assert done.status == 0, done.text
    assert result_of(done)["changed"] and result_of(done)["machine_config"]["done"] is True
    assert {node["evidence"] for node in result_of(done)["machine_config"]["nodes"]} == {
        "getenforce says Disabled; /proc/cmdline has selinux=0"
    }
    at_rest(aro)
    assert modes(aro, WORKERS) == {"Disabled"} and configs(aro) == {NAME: {"kernelArguments": ["selinux=0"]}}
    assert modes(aro, ["sandbox-x7k2p-master-0"]) == {"Enforcing"}

    again = play.run(ROLE, hosts)
    assert again.status == 0 and not result_of(again)["changed"]


def test_nobody_accepted(aro: Sandbox, play: Play) -> None:
    """The refusal prints the variable, and what it agrees to."""
    outcome = play.run(ROLE, host(aro, worker_selinux_state="disabled", azureml_accept=["reboots_nodes"]))
    said = result_of(outcome)
    assert outcome.status != 0 and aro.front_door.door("main").writes() == []
    assert "azureml_accept: [irreversible, redhat_support, aro_support_policy]" in said["msg"]
    assert "4 nodes are drained and rebooted, 1 at a time, about 52 min" in said["msg"]
    digest = play.run(ROLE, host(aro, worker_selinux_state="disabled", azureml_accept=[said["plan_digest"]]), "--check")
    assert digest.status == 0 and "engine.consent_missing" not in digest.text


def test_a_roll_that_nobody_waits_for_is_judged_later(aro: Sandbox, play: Play) -> None:
    hurry(aro, reboot_seconds=3)
    verify = str(PLAYBOOKS / "verify.yml")
    hosts = host(aro, worker_selinux_state="permissive", worker_selinux_wait=False)
    before = play.run(verify, hosts)
    assert before.status != 0 and "4 nodes of worker are not configured to boot with enforcing=0" in before.text
    begun = play.run(ROLE, hosts)
    assert begun.status == 0 and "selinux.rollout_pending" in {f["code"] for f in result_of(begun)["findings"]}
    during = play.run(verify, hosts)
    assert during.status != 0 and result_of(during)["machine_config"]["done"] is False
    hurry(aro)
    at_rest(aro)
    after = play.run(verify, hosts)
    assert after.status == 0 and result_of(after)["machine_config"]["done"] is True, after.text
    assert len(aro.front_door.door("main").writes()) == 1


def test_with_nothing_set_the_role_only_looks(aro: Sandbox, play: Play) -> None:
    outcome = play.run(ROLE, host(aro, azureml_training=True, azureml_sdk_v1_datasets=True))
    said = result_of(outcome)
    assert outcome.status == 0 and [f["code"] for f in said["findings"]] == ["selinux.datasets_fail"]
    assert said["checks"] == {"selinux": "warning"} and aro.front_door.door("main").writes() == []


# What it costs


def grow(sandbox: Sandbox, machines: int, at_once: int) -> None:
    """Let pool worker have so many machines, all counted and up to date, of which `at_once` may be away."""
    sandbox.mco.add_nodes(machines - len(WORKERS), like=WORKERS[0])
    sandbox.request("PATCH", f"{POOLS}/worker", {"spec": {"maxUnavailable": at_once}}, content_type=MERGE)
    until("the pool counts them", lambda: sandbox.mco.pool("worker")["status"]["updatedMachineCount"] == machines)
    sandbox.mco.wait_updated("worker")


def test_no_op_on_ten_nodes(aro: Sandbox) -> None:
    hurry(aro)
    grow(aro, 10, 10)
    run = Run(aro.kubeconfig)
    assert errors(run()) == []
    door = aro.front_door.door("main")
    door.clear_log()
    result = run()
    asked, questions = requests(door)
    assert result.changes == () and result.facts["machine_config"]["done"] is True
    assert len(asked) == 6 and questions == 10, [entry.path for entry in asked]


def test_fifty_nodes_are_followed_by_watch(aro: Sandbox) -> None:
    hurry(aro, reboot_seconds=1)
    grow(aro, 50, 10)
    run = Run(aro.kubeconfig)
    result = run()
    assert errors(result) == [] and len(result.facts["machine_config"]["nodes"]) == 50
    log = aro.front_door.door("main").log()
    watches = [entry for entry in log if entry.is_watch]
    waiting = [entry for entry in log if entry.time > watches[0].time and not is_exec(entry)]
    seconds = max(entry.end or entry.time for entry in log if not entry.is_watch) - watches[0].time
    assert {entry.path for entry in watches} == {POOLS, NODES}
    assert seconds > 5 and len(waiting) <= seconds, (len(waiting), seconds)
    assert sum(map(is_exec, log)) == 50
    assert any(" of 50 nodes done, " in line for line in run.progress) and modes(aro, ["added-45"]) == {"Disabled"}


# What goes wrong on the way


class InBackground:
    """A run in a thread of this process."""

    def __init__(self, run: Run, **options: Any) -> None:
        self.result: Any = None
        self._thread = threading.Thread(target=self._work, args=(run, options))
        self._thread.start()

    def _work(self, run: Run, options: dict[str, Any]) -> None:
        self.result = run(**options)

    def end(self) -> Any:
        """Wait for it, and its result."""
        self._thread.join(100)
        return self.result


def test_the_api_server_goes_away_during_the_roll(aro: Sandbox) -> None:
    """As on a single node, whose only API server reboots with it: every connection ends, and for a while none can be made."""
    hurry(aro)
    door = aro.front_door.open("away")
    run = Run(aro.door_kubeconfig("away"))
    background = InBackground(run)
    until("the roll has begun", lambda: any("nodes done" in line for line in run.progress))
    door.close()
    until("the run has noticed", lambda: any("interrupted" in line or "away" in line for line in run.progress))
    at_rest(aro)
    with aro.front_door.open("away", port=urlsplit(door.url).port or 0) as door:
        door.set_rules([Rule(status(503), name="starting", times=5)])
        result = background.end()
        assert door.applied()["starting"] == 5
    assert errors(result) == [] and result.facts["machine_config"]["done"] is True


def test_the_credential_expires_during_the_roll(aro: Sandbox) -> None:
    hurry(aro, reboot_seconds=1)
    with aro.front_door.open("expired") as door:
        run = Run(aro.door_kubeconfig("expired"))
        background = InBackground(run)
        until("the roll has begun", lambda: any("1 of 4 nodes done" in line for line in run.progress))
        door.set_rules([Rule(status(401), name="expired", times=1)])
        result = background.end()
        assert door.applied()["expired"] == 1
    assert errors(result) == [] and result.facts["machine_config"]["done"] is True


def test_a_node_that_fails_ends_the_wait(aro: Sandbox) -> None:
    """Not at the time-out; healed, the next run joins the roll and finishes it."""
    hurry(aro)
    aro.mco.fail_node(WORKERS[1], "failed to run rpm-ostree kargs: exit status 1")
    run = Run(aro.kubeconfig)
    result = run()
    (finding,) = [f for f in result.findings if f.code == "selinux.node_degraded"]
    assert finding.subject == f"Node/{WORKERS[1]}" and "rpm-ostree kargs" in finding.message
    assert "engine.wait_timeout" not in {f.code for f in result.findings} and result.facts["machine_config"]["done"] is False
    aro.mco.fail_node(WORKERS[1], "")
    at_rest(aro)
    healed = run()
    assert errors(healed) == [] and healed.changes == () and healed.facts["machine_config"]["done"] is True


def test_a_rendering_that_fails_ends_the_wait(aro: Sandbox) -> None:
    hurry(aro)
    aro.mco.fail_render("worker", "Ignition version 9.9.9 is unknown")
    result = Run(aro.kubeconfig)()
    assert codes(result) >= {"render_degraded"} and "9.9.9" in errors(result)[0]


def test_a_pool_that_is_paused_during_the_roll_ends_the_wait(aro: Sandbox) -> None:
    hurry(aro, reboot_seconds=1)
    run = Run(aro.kubeconfig)
    background = InBackground(run)
    until("the roll has begun", lambda: any("1 of 4 nodes done" in line for line in run.progress))
    aro.request("PATCH", f"{POOLS}/worker", {"spec": {"paused": True}}, content_type=MERGE)
    result = background.end()
    (finding,) = [f for f in result.findings if f.code == "selinux.pool_paused"]
    assert "nodes still have to change" in finding.message
    assert "nothing would happen" not in finding.message
    aro.request("PATCH", f"{POOLS}/worker", {"spec": {"paused": False}}, content_type=MERGE)
    assert errors(run()) == []


def budget(sandbox: Sandbox, node: str) -> None:
    """A pod on `node` that a PodDisruptionBudget never lets go."""
    sandbox.add_training_pod("precious", node=node)
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"ml.azure.com/job": "precious"}}}
    body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "precious"}, "spec": spec}
    path = "/apis/policy/v1/namespaces/azureml-jobs/poddisruptionbudgets"
    sandbox.request("POST", path, body)
    until("the budget counts", lambda: sandbox.request("GET", f"{path}/precious").get("status", {}).get("expectedPods") == 1)


def test_a_budget_that_forbids_the_drain(aro: Sandbox) -> None:
    """Refused before; where it appears during the roll, it is said, and the roll goes on by itself once it is gone."""
    hurry(aro)
    door = aro.front_door.door("main")
    budget(aro, WORKERS[2])
    run = Run(aro.kubeconfig)
    refused = run()
    (finding,) = [f for f in refused.findings if f.code == "selinux.eviction_forbidden"]
    assert finding.subject == "PodDisruptionBudget/azureml-jobs/precious" and finding.evidence == [
        f"azureml-jobs/precious on {WORKERS[2]}"
    ]
    assert door.writes() == []

    body = {"spec": {"minAvailable": 0}}
    path = "/apis/policy/v1/namespaces/azureml-jobs/poddisruptionbudgets/precious"
    aro.request("PATCH", path, body, content_type=MERGE)
    until("it lets go", lambda: aro.request("GET", path)["status"].get("disruptionsAllowed") == 1)
    hurry(aro, render_delay=3)
    background = InBackground(run, wait_timeout=60)
    until("it is written", lambda: NAME in configs(aro))
    aro.request("PATCH", path, {"spec": {"minAvailable": 1}}, content_type=MERGE)
    until(
        "the drain hangs",
        lambda: any("waits for PodDisruptionBudget/azureml-jobs/precious" in line for line in run.progress),
        seconds=40,
    )
    aro.request("PATCH", path, {"spec": {"minAvailable": 0}}, content_type=MERGE)
    assert errors(background.end()) == []
    at_rest(aro)


def one_of_two(kubeconfig: Path, start: Any, said: Any) -> None:
    """One of two processes that run the same task."""
    start.wait(30)
    result = Run(kubeconfig)()
    said.put((errors(result), len(result.changes)))


def test_two_runs_at_once_make_one_machine_config(aro: Sandbox) -> None:
    hurry(aro)
    start, said = FORK.Barrier(2), FORK.Queue()
    processes = [FORK.Process(target=one_of_two, args=(aro.kubeconfig, start, said), daemon=True) for _number in range(2)]
    for process in processes:
        process.start()
    notes = [said.get(timeout=60) for _process in processes]
    assert [note[0] for note in notes] == [[], []]
    assert sum(note[1] for note in notes) == 1 and list(configs(aro)) == [NAME]
    at_rest(aro)


def test_time_over(aro: Sandbox) -> None:
    hurry(aro, render_delay=30)
    result = Run(aro.kubeconfig)(wait_timeout=2)
    assert {f.code for f in result.findings if f.severity == "error"} == {"selinux.not_rolled_out", "engine.wait_timeout"}
    assert result.facts["machine_config"]["done"] is False and len(result.changes) == 1


def test_bad_input_writes_nothing(aro: Sandbox) -> None:
    for options, code in (
        ({"pool": "wroker"}, "unknown_pool"),
        ({"pool": "azureml", "create_pool": True}, "empty_pool"),
        ({"kernel_arguments": ["selinux=0", "selinux=1"], "name": "99-x"}, "engine.invalid_input"),
        ({"name": "rendered-worker-x"}, "engine.invalid_input"),
        ({"ssh_nodes": ["no-such-node"]}, "unknown_node"),
        ({"accept": []}, "engine.consent_missing"),
    ):
        given = options if "kernel_arguments" in options else {"selinux": "disabled", **options}
        assert code in codes(Run(aro.kubeconfig)(**given)), options
    assert aro.front_door.door("main").writes() == []
    assert [item for item in aro.request("GET", MACHINE_CONFIGS)["items"] if "azureml" in item["metadata"]["name"]] == []
