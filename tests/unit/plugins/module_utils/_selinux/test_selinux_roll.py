"""From the first write to an operating system that obeys: what is done, waited for, and said on the way."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Plan
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer

from tests.unit.plugins.module_utils._selinux.selinux_cluster import (
    BUDGETS,
    CONFIGS,
    DAEMONS,
    MCO,
    NAME,
    NODES,
    OURS,
    POOLS,
    RHEL,
    Cluster,
    asked,
    codes_of,
    said,
)

pytestmark = pytest.mark.selinux


def modes(planned: Plan) -> dict[str, t.Any]:
    return {node["name"]: node["selinux"] for node in planned.facts["machine_config"]["nodes"]}


def test_the_whole_way(cluster: Cluster) -> None:
    first = cluster.apply()
    (change,) = first.changes
    assert (change.verb, str(change.object), change.disruptive) == (
        "create",
        f"MachineConfig/{NAME}",
        {"reboots_nodes", "irreversible", "redhat_support"},
    )
    assert change.write is not None and change.write.path == CONFIGS
    assert change.after == {
        "apiVersion": f"{MCO}/v1",
        "kind": "MachineConfig",
        "metadata": {
            "name": NAME,
            "labels": {f"{MCO}/role": "worker", "app.kubernetes.io/managed-by": "azureml.kubernetes"},
        },
        "spec": {"kernelArguments": ["selinux=0"]},
    }
    assert (
        codes_of(first) == {"argument_missing", "rollout_planned"} and first.wait is None and first.checks == {"selinux": "error"}
    )

    pending = cluster.plan()
    assert pending.changes == () and pending.wait is not None, "right after the write the pool still says Updated"
    assert cluster.of_pool("worker")["status"]["conditions"][0] == {"type": "Updated", "status": "True"}
    assert pending.wait.text == "worker: its new configuration is being rendered"
    assert codes_of(pending) == {"not_rolled_out"} and said(pending, "not_rolled_out").resolvable

    cluster.render("worker")
    cluster.mark("worker-0", desiredConfig=cluster.target("worker"), state="Rebooting")
    cluster.count("worker")
    rolling = cluster.plan()
    assert rolling.wait is not None and rolling.wait.text == "worker: 0 of 3 nodes done, worker-0 reboots"
    assert [read.path for read in rolling.wait.follow] == [POOLS, NODES]
    assert [read.path for read in rolling.wait.again] == [OURS]
    assert asked(cluster) == (6, 0), "no host is asked before it has arrived"

    cluster.boot("worker-0", "worker")
    cluster.count("worker")
    third = cluster.plan()
    assert third.wait is not None and third.wait.text == "worker: 1 of 3 nodes done"
    assert asked(cluster) == (6, 1) and modes(third) == {"worker-0": "disabled", "worker-1": None, "worker-2": None}
    assert third.wait.estimate < rolling.wait.estimate

    cluster.finish("worker")
    last = cluster.plan()
    assert last.wait is None and last.changes == () and last.findings == () and last.checks == {"selinux": "ok"}
    assert modes(last) == dict.fromkeys(("worker-0", "worker-1", "worker-2"), "disabled")
    assert last.facts["machine_config"]["done"] is True


def test_a_no_op_on_ten_nodes_makes_six_requests_and_asks_each_host_once() -> None:
    cluster = Cluster(workers=10)
    cluster.converge()
    assert cluster.plan().findings == () and asked(cluster) == (6, 10)


def test_the_pool_has_the_last_word_after_its_nodes(cluster: Cluster) -> None:
    cluster.apply()
    cluster.render("worker")
    for name in ("worker-0", "worker-1", "worker-2"):
        cluster.boot(name, "worker")
    planned = cluster.plan()
    assert planned.wait is not None
    assert planned.wait.text == "worker: 3 of 3 nodes done; the pool has not said so yet"


@pytest.mark.parametrize(
    ("marks", "status"),
    [
        ({"currentConfig": "rendered-worker-old"}, {}),
        ({"desiredConfig": "rendered-worker-next"}, {}),
        ({"state": "Working"}, {}),
        ({}, {"updatedMachineCount": 2}),
        ({}, {"degradedMachineCount": 1}),
        ({}, {"configuration": {"name": "rendered-worker-old"}}),
        ({}, {"observedGeneration": 0}),
    ],
)
def test_neither_pool_nor_nodes_alone_are_believed(cluster: Cluster, marks: dict[str, str], status: dict[str, t.Any]) -> None:
    cluster.converge()
    cluster.mark("worker-1", **marks)
    cluster.of_pool("worker")["status"].update(status)
    planned = cluster.plan()
    assert planned.wait is not None and "not_rolled_out" in codes_of(planned)
    assert planned.facts["machine_config"]["done"] is False


def test_a_pool_that_is_degraded_for_another_reason_is_not_done(cluster: Cluster) -> None:
    cluster.converge()
    cluster.condition("worker", "Degraded", reason="", message="config drift on worker-1")
    planned = cluster.plan()
    assert "config drift on worker-1" in said(planned, "node_degraded").message and planned.facts["machine_config"]["done"] is False


def test_a_cordoned_node_does_not_undo_a_finished_roll(cluster: Cluster) -> None:
    cluster.converge()
    cluster.of_node("worker-1")["spec"]["unschedulable"] = True
    cluster.condition("worker", "Updated", "False")
    cluster.condition("worker", "Updating", "True")
    cluster.of_pool("worker")["status"]["readyMachineCount"] = 2
    planned = cluster.plan()
    assert planned.wait is None and planned.findings == ()


def test_without_waiting_the_roll_is_said_to_be_under_way(cluster: Cluster) -> None:
    cluster.apply(wait=False)
    planned = cluster.plan(wait=False)
    assert planned.wait is None and planned.changes == () and planned.checks == {"selinux": "warning"}
    assert codes_of(planned) == {"rollout_pending"} and not said(planned, "rollout_pending").resolvable


@pytest.mark.parametrize(
    ("workers", "at_once", "timeout", "seconds"),
    [(3, None, None, 3 * 900 + 300), (10, "30%", None, 4 * 900 + 300), (3, None, 77, 77)],
)
def test_time_out(workers: int, at_once: t.Any, timeout: int | None, seconds: float) -> None:
    cluster = Cluster(workers=workers)
    cluster.of_pool("worker")["spec"]["maxUnavailable"] = at_once
    cluster.apply()
    planned = cluster.plan(wait_timeout=timeout)
    assert planned.wait is not None and planned.wait.seconds == seconds


def test_custom_pools_roll_too_and_the_longest_decides(cluster: Cluster) -> None:
    cluster.pool("infra", maxUnavailable=2)
    for index in range(9):
        cluster.node(f"infra-{index}", ["infra", "worker"])
    cluster.settle()
    first = cluster.apply()
    assert "pool worker: 3 nodes" in first.changes[0].reason and "pool infra: 9 nodes" in first.changes[0].reason
    assert said(first, "rollout_planned").evidence["minutes"] == 65
    planned = cluster.plan()
    assert planned.wait is not None and planned.wait.seconds == 5 * 900 + 300
    cluster.settle()
    assert {pool["name"] for pool in cluster.plan().facts["machine_config"]["pools"]} == {"worker", "infra"}
    assert asked(cluster) == (7, 12)


# What ends a wait before its time


def test_rendering_that_fails(cluster: Cluster) -> None:
    cluster.apply()
    cluster.condition("worker", "RenderDegraded", reason="", message="could not generate rendered MachineConfig: bad ignition")
    planned = cluster.plan()
    assert "bad ignition" in said(planned, "render_degraded").message and "not_rolled_out" not in codes_of(planned)
    assert not said(planned, "render_degraded").resolvable


def test_a_node_that_gives_up_is_named_with_its_reason(cluster: Cluster) -> None:
    cluster.apply()
    cluster.render("worker")
    cluster.mark("worker-1", desiredConfig=cluster.target("worker"), state="Degraded", reason="missing expected kernel arguments")
    cluster.condition("worker", "NodeDegraded", message="Node worker-1 is reporting")
    finding = said(cluster.plan(), "node_degraded")
    assert finding.subject == "Node/worker-1" and "missing expected kernel arguments" in finding.message


def test_a_pool_that_is_degraded_without_naming_a_node(cluster: Cluster) -> None:
    cluster.apply()
    cluster.render("worker")
    cluster.condition("worker", "NodeDegraded", reason="1 nodes are reporting degraded", message="disk full")
    assert "disk full" in said(cluster.plan(), "node_degraded").message


def test_a_pool_that_is_paused_during_the_roll(cluster: Cluster) -> None:
    cluster.apply()
    cluster.render("worker")
    cluster.boot("worker-0", "worker")
    cluster.of_pool("worker")["spec"]["paused"] = True
    finding = said(cluster.plan(), "pool_paused")
    assert "2 of 3 nodes still have to change" in finding.message
    assert finding.remedy.startswith('Unpause it: `oc patch mcp worker --type merge --patch \'{"spec":{"paused":false}}\'`')


def test_a_paused_pool_that_has_everything_is_fine(cluster: Cluster) -> None:
    cluster.converge()
    cluster.of_pool("worker")["spec"]["paused"] = True
    assert cluster.plan().findings == ()


def test_somebody_elses_argument_wins_after_all(cluster: Cluster) -> None:
    cluster.apply()
    cluster.config("99-worker-zz-security", "worker", ["selinux=1"])
    cluster.render("worker")
    finding = said(cluster.plan(), "conflicting_argument")
    assert (
        "selinux=1 of another MachineConfig wins over selinux=0" in finding.message and "99-worker-zz-security" in finding.evidence
    )


def test_an_old_rendering_of_our_own_argument_is_no_conflict(cluster: Cluster) -> None:
    """Right after selinux=0 became enforcing=0 the target still holds the old argument."""
    cluster.converge()
    cluster.apply(selinux="permissive")
    planned = cluster.plan(selinux="permissive")
    assert planned.wait is not None and codes_of(planned) == {"not_rolled_out", "permissive_undocumented"}


def test_somebody_deletes_the_machine_config_during_the_roll(cluster: Cluster) -> None:
    cluster.apply()
    cluster.render("worker")
    cluster.boot("worker-0", "worker")
    del cluster.objects[OURS]
    for _rendered_anew in (False, True):
        cluster.count("worker")
        planned = cluster.plan()
        assert planned.changes == () and planned.wait is None and codes_of(planned) == {"argument_missing", "pool_updating"}
        cluster.render("worker")


def test_it_is_made_again_when_it_is_gone_before_anything_moved(cluster: Cluster) -> None:
    cluster.converge()
    del cluster.objects[OURS]
    assert [change.verb for change in cluster.plan().changes] == ["create"]


# Drains


def draining(cluster: Cluster) -> None:
    cluster.apply()
    cluster.render("worker")
    cluster.mark(
        "worker-0", desiredConfig=cluster.target("worker"), state="Working", desiredDrain="drain-x", lastAppliedDrain="uncordon-y"
    )
    cluster.of_node("worker-0")["spec"]["unschedulable"] = True
    cluster.pod("web-1", "worker-0", {"app": "web"})


def test_a_budget_that_can_never_allow_the_drain(cluster: Cluster) -> None:
    draining(cluster)
    cluster.budget("web", {"app": "web"}, healthy=1, desired=1, expected=1)
    planned = cluster.plan()
    finding = said(planned, "drain_blocked")
    assert finding.subject == "Node/worker-0" and finding.evidence == ["team/web-1"] and finding.severity == "warning"
    assert "PodDisruptionBudget/team/web" in finding.message
    assert planned.wait is not None and "worker-0 is drained; worker-0 waits for PodDisruptionBudget/team/web" in planned.wait.text
    assert {read.path for read in planned.wait.again} == {OURS, "/apis/policy/v1/poddisruptionbudgets", "/api/v1/pods"}


def test_a_budget_that_is_used_up_for_the_moment_is_no_finding(cluster: Cluster) -> None:
    draining(cluster)
    cluster.budget("web", {"app": "web"}, healthy=2, desired=2, expected=3)
    planned = cluster.plan()
    assert "drain_blocked" not in codes_of(planned)
    assert planned.wait is not None and "waits for PodDisruptionBudget/team/web" in planned.wait.text


def test_budgets_of_other_pods_do_not_matter_to_a_drain(cluster: Cluster) -> None:
    draining(cluster)
    cluster.budget("web", {"app": "other"})
    planned = cluster.plan()
    assert planned.wait is not None and planned.wait.text == "worker: 0 of 3 nodes done, worker-0 is drained"


def test_at_most_four_drains_are_looked_into() -> None:
    cluster = Cluster(workers=9)
    cluster.apply()
    cluster.render("worker")
    for index in range(9):
        cluster.mark(f"worker-{index}", desiredConfig=cluster.target("worker"), state="Working", desiredDrain="drain-x")
    planned = cluster.plan()
    assert planned.wait is not None and [read.path for read in planned.wait.again] == [OURS, BUDGETS], "no budget is used up"
    cluster.budget("web", {"app": "web"})
    planned = cluster.plan()
    assert planned.wait is not None and len(planned.wait.again) == 1 + 1 + 4
    assert planned.wait.text.endswith("worker-2 is to be drained and 6 more")


# The operating system


def test_a_host_that_says_done_but_does_not_obey(cluster: Cluster) -> None:
    cluster.disobedient.add("worker-2")
    planned = cluster.converge()
    finding = said(planned, "os_disobeys")
    assert finding.subject == "Node/worker-2" and "getenforce says Enforcing" in finding.message and not finding.resolvable
    assert planned.facts["machine_config"]["done"] is False and planned.checks == {"selinux": "error"}


def test_kernel_arguments_are_looked_for_on_the_command_line(cluster: Cluster) -> None:
    params = {"kernel_arguments": ["nosmt", "hugepages=4"], "name": "99-worker-hpc"}
    cluster.disobedient.add("worker-0")
    planned = cluster.converge(**params)
    assert [f.subject for f in planned.findings if f.code == "selinux.os_disobeys"] == ["Node/worker-0"]
    applied = {node["name"]: node["kernel_arguments_applied"] for node in planned.facts["machine_config"]["nodes"]}
    assert applied == {"worker-0": False, "worker-1": True, "worker-2": True}


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Answer(403, {"message": "pods is forbidden: cannot create pods/exec"}), "cannot create pods/exec"),
        (Answer(503, {"message": "dial tcp: i/o timeout"}), "i/o timeout"),
        (Answer(200, {"stdout": "", "stderr": "chroot: no such file", "exit_code": 127}), "no such file"),
    ],
)
def test_a_host_that_cannot_be_asked_is_unknown_not_fine(cluster: Cluster, trouble: Answer, words: str) -> None:
    cluster.converge()
    cluster.broken_exec["worker-1"] = trouble
    planned = cluster.plan()
    finding = said(planned, "unverified")
    assert finding.subject == "Node/worker-1" and words in finding.message
    assert planned.checks == {"selinux": "unknown"} and planned.wait is None and planned.facts["machine_config"]["done"] is False


def test_daemons_that_may_not_be_listed_or_are_missing(cluster: Cluster) -> None:
    cluster.converge()
    del cluster.objects[f"{DAEMONS}/mcd-worker-1"]
    assert "no pod of the machine-config-daemon" in said(cluster.plan(), "unverified").message
    cluster.forbidden.add(DAEMONS)
    finding = said(cluster.plan(), "unverified")
    assert "may not ask" in finding.message and finding.evidence == ["worker-0", "worker-1", "worker-2"]


def test_many_hosts_that_may_not_be_asked_are_one_finding(cluster: Cluster) -> None:
    cluster.converge()
    for index in range(3):
        cluster.broken_exec[f"worker-{index}"] = Answer(403, {"message": f"pods mcd-{index} is forbidden"})
    finding = said(cluster.plan(), "unverified")
    assert finding.evidence == ["worker-0", "worker-1", "worker-2"] and "pods mcd-0 is forbidden" in finding.message


def test_a_node_that_is_down_is_not_asked(cluster: Cluster) -> None:
    cluster.converge()
    cluster.of_node("worker-1")["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    assert "not Ready" in said(cluster.plan(), "unverified").message and asked(cluster) == (6, 2)


def test_an_ending_daemon_is_not_asked_when_another_runs(cluster: Cluster) -> None:
    cluster.converge()
    cluster.put(
        f"{DAEMONS}/zzz-old",
        {"metadata": {"deletionTimestamp": "x"}, "spec": {"nodeName": "worker-1"}, "status": {"phase": "Running"}},
    )
    assert cluster.plan().findings == ()


def test_each_boot_is_asked_anew(cluster: Cluster) -> None:
    cluster.converge()
    cluster.plan()
    before = {read.epoch for read in cluster.requests if read.command}
    cluster.of_node("worker-1")["status"]["nodeInfo"]["bootID"] = "another"
    cluster.plan()
    assert len({read.epoch for read in cluster.requests if read.command} - before) == 1


# Nodes that no MachineConfig reaches


def test_rhel_workers_are_refused_before_anything_is_written(cluster: Cluster) -> None:
    cluster.node("rhel-0", ["worker"], RHEL)
    cluster.settle()
    planned = cluster.plan()
    finding = said(planned, "package_mode_node")
    assert planned.changes == () and finding.evidence == ["rhel-0"] and RHEL in finding.message
    assert "worker_selinux_hosts: {rhel-0: INVENTORY_HOST}" in finding.remedy


def test_rhel_workers_that_are_handled_over_ssh(cluster: Cluster) -> None:
    cluster.node("rhel-0", ["worker"], RHEL)
    cluster.settle()
    planned = cluster.converge(ssh_nodes=["rhel-0"])
    assert codes_of(planned) == {"ssh_node"} and said(planned, "ssh_node").evidence == ["rhel-0"]
    assert planned.checks == {"selinux": "ok"} and planned.facts["machine_config"]["done"] is True
    assert modes(planned)["rhel-0"] == "enforcing", "the pool says Updated, the host says the truth"
    cluster.booted["rhel-0"] = ("selinux=0",)
    assert cluster.plan(ssh_nodes=["rhel-0"]).findings == ()


def test_a_rhel_worker_that_somebody_changed_by_hand_is_fine(cluster: Cluster) -> None:
    cluster.node("rhel-0", ["worker"], RHEL)
    cluster.booted["rhel-0"] = ("selinux=0",)
    cluster.settle()
    assert codes_of(cluster.apply()) == {"argument_missing", "rollout_planned"}
    cluster.settle()
    assert cluster.plan().findings == ()


def test_the_pool_says_updated_while_rhel_enforces(cluster: Cluster) -> None:
    cluster.converge()
    cluster.node("rhel-0", ["worker"], RHEL)
    cluster.finish()
    planned = cluster.plan()
    assert codes_of(planned) == {"package_mode_node"} and planned.checks == {"selinux": "error"}


# Others


def test_arguments_that_others_give_are_not_given_twice(cluster: Cluster) -> None:
    cluster.config("05-worker-kernelarg", "worker", ["selinux=0"])
    cluster.settle()
    planned = cluster.plan()
    assert planned.changes == () and codes_of(planned) == {"already_set"} and planned.facts["machine_config"]["done"] is True


def test_permissive_is_applied_but_said_to_be_undocumented(cluster: Cluster) -> None:
    first = cluster.apply(selinux="permissive")
    assert first.changes[0].disruptive == {"reboots_nodes", "redhat_support"}
    assert "permissive_undocumented" in codes_of(first)
    cluster.settle()
    last = cluster.plan(selinux="permissive")
    assert codes_of(last) == {"permissive_undocumented"} and set(modes(last).values()) == {"permissive"}


def test_one_mode_after_the_other_is_one_machine_config(cluster: Cluster) -> None:
    cluster.converge(selinux="permissive")
    (change,) = cluster.apply().changes
    assert (change.verb, change.before, change.after) == (
        "update",
        {"kernelArguments": ["enforcing=0"]},
        {"kernelArguments": ["selinux=0"]},
    )
    cluster.settle()
    assert cluster.plan().findings == ()
    assert [path for path in cluster.objects if "azureml" in path and path.startswith(CONFIGS)] == [OURS]


def test_fewer_arguments_are_not_done_before_they_are_rendered(cluster: Cluster) -> None:
    """The old rendering holds all that is wanted, and one argument too many."""
    name = {"name": "99-worker-hpc"}
    cluster.converge(kernel_arguments=["nosmt", "hugepages=4"], **name)
    fewer = {"kernel_arguments": ["nosmt"], **name}
    cluster.apply(**fewer)
    planned = cluster.plan(**fewer)
    assert planned.wait is not None and "being rendered" in planned.wait.text
    cluster.settle()
    assert cluster.plan(**fewer).findings == () and cluster.booted["worker-0"] == ("nosmt",) and asked(cluster) == (6, 3)
    cluster.config("50-other", "worker", ["hugepages=4"])
    cluster.settle()
    assert cluster.plan(**fewer).findings == (), "somebody else's argument is no leftover of ours"
    cluster.converge(kernel_arguments=["nosmt", "hugepages=4"], **name)
    assert cluster.objects[f"{CONFIGS}/99-worker-hpc"]["metadata"]["annotations"] == {}


def test_our_machine_config_without_arguments_is_completed(cluster: Cluster) -> None:
    cluster.ours()
    cluster.objects[OURS]["spec"] = {}
    cluster.settle()
    assert cluster.apply().changes[0].verb == "update"
    assert cluster.objects[OURS]["spec"]["kernelArguments"] == ["selinux=0"]


def test_a_joining_node_is_waited_for(cluster: Cluster) -> None:
    cluster.converge()
    cluster.node("worker-9", ["worker"])
    planned = cluster.plan()
    assert planned.wait is not None and planned.wait.text == "worker: 3 of 4 nodes done"
