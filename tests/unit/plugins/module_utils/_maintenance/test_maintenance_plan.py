"""Cordon, mark and drain; back again; and what an interrupted run has left."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance import plan as planning
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.record import (
    ANNOTATION,
    Record,
    RecordUnreadable,
    record_of,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.request import parse
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._maintenance.maintenance_cluster import (
    BOOT,
    BUDGETS,
    NEXT,
    NODES,
    OTHER,
    PODS,
    Cluster,
    codes_of,
    evicted,
    request_of,
)

pytestmark = pytest.mark.selinux


def test_begun_cordons_marks_and_evicts_in_one_plan(cluster: Cluster) -> None:
    plan = cluster.plan(request_of())
    cordon, eviction = plan.changes
    assert cordon.write is not None and cordon.write.kind == "json_patch"
    assert cordon.write.body[0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "1"}
    assert cordon.disruptive == {"reboots_nodes"} and "reboot" in cordon.reason
    assert eviction.write is not None and eviction.write.path == "/api/v1/namespaces/team/pods/web/eviction"
    assert eviction.write.body["deleteOptions"] == {"preconditions": {"uid": "uid-web"}}
    assert eviction.disruptive == {"reboots_nodes"}
    assert plan.wait is not None and plan.wait.seconds == 1800 and "team/web" in plan.wait.text and plan.wait.estimate == 30
    assert plan.findings == () and plan.checks == {"maintenance": "ok"}
    cluster.run(request_of())
    assert cluster.worker["spec"]["unschedulable"] is True
    assert json.loads(cluster.mark) == {"reason": "SELinux disabled", "bootID": BOOT, "cordonedBefore": False}
    again = cluster.plan(request_of())
    assert again.changes == () and again.wait is None and again.findings == ()
    assert again.facts["node_maintenance"]["ours"] is True


def test_ended_gives_back_exactly_what_was_taken(cluster: Cluster) -> None:
    before = json.dumps([cluster.worker["spec"], cluster.worker["metadata"].get("annotations") or {}])
    cluster.run(request_of())
    cluster.reboot()
    plan = cluster.run(request_of(state="ended", boot_id=NEXT))
    assert plan.disruptive == frozenset() and "SELinux disabled is done" in plan.changes[0].reason
    assert json.dumps([cluster.worker["spec"], cluster.worker["metadata"].get("annotations") or {}]) == before
    assert cluster.plan(request_of(state="ended", boot_id=NEXT)).changes == ()


def test_ended_waits_for_the_kubelet_and_for_ready(cluster: Cluster) -> None:
    cluster.run(request_of())
    plan = cluster.plan(request_of(state="ended", boot_id=NEXT, wait_timeout=60))
    assert plan.changes == () and codes_of(plan) == {"maintenance.not_back"} and plan.findings[0].resolvable
    assert BOOT in plan.findings[0].message and plan.wait is not None and plan.wait.seconds == 60
    cluster.reboot(ready="Unknown")
    plan = cluster.plan(request_of(state="ended", boot_id=NEXT))
    assert plan.changes == () and "is not Ready" in plan.findings[0].message and plan.wait is not None
    cluster.reboot()
    assert cluster.plan(request_of(state="ended", boot_id=NEXT)).changes


@pytest.mark.parametrize("state", ["begun", "ended", "checked"])
def test_another_machine_is_refused(cluster: Cluster, state: str) -> None:
    plan = cluster.plan(request_of(state=state, boot_id=OTHER))
    assert plan.changes == () and plan.wait is None and codes_of(plan) == {"maintenance.not_this_node"}
    assert BOOT in plan.findings[0].message and OTHER in plan.findings[0].message
    cluster.run(request_of())
    cluster.reboot()
    plan = cluster.plan(request_of(state=state, boot_id=OTHER))
    assert plan.changes == () and plan.wait is None and codes_of(plan) == {"maintenance.not_this_node"}, "also in maintenance"


def test_a_node_without_boot_id_is_no_match(cluster: Cluster) -> None:
    cluster.node("worker-1", boot_id="")
    assert "no bootID" in cluster.plan(request_of()).findings[0].message


def test_boot_ids_are_compared_as_machines_write_them(cluster: Cluster) -> None:
    cluster.node("worker-1", boot_id=BOOT.upper())
    assert codes_of(cluster.plan(request_of(boot_id=f" {BOOT}\n"))) == set()


def test_a_node_that_is_not_there(cluster: Cluster) -> None:
    plan = cluster.plan(request_of(node="worker-11"))
    assert codes_of(plan) == {"maintenance.node_missing"} and plan.changes == () and plan.checks == {"maintenance": "error"}
    assert "Did you mean worker-1?" in plan.findings[0].message and "worker-2" in plan.findings[0].message
    assert "Its Nodes are not known." in Cluster().plan(request_of()).findings[0].message


def test_checked_only_reads(cluster: Cluster) -> None:
    cluster.pod("alone")
    plan = cluster.plan(request_of(state="checked"))
    assert plan.changes == () and plan.wait is None and plan.findings == ()
    facts = plan.facts["node_maintenance"]
    assert facts["boot_id"] == BOOT and facts["ready"] and not facts["cordoned"] and not facts["ours"] and facts["pods"] == []


def test_a_foreign_cordon_stays(cluster: Cluster) -> None:
    cluster.worker["spec"]["unschedulable"] = True
    plan = cluster.run(request_of())
    assert "maintenance.cordoned_by_others" in codes_of(plan) and json.loads(cluster.mark)["cordonedBefore"] is True
    cluster.reboot()
    plan = cluster.run(request_of(state="ended", boot_id=NEXT))
    assert "stays cordoned by somebody else" in plan.changes[0].reason and cluster.mark == ""
    assert cluster.worker["spec"]["unschedulable"] is True


def test_somebody_uncordons_in_between(cluster: Cluster) -> None:
    cluster.worker["spec"]["unschedulable"] = True
    cluster.run(request_of())
    del cluster.worker["spec"]["unschedulable"]
    cluster.run(request_of())
    assert cluster.worker["spec"]["unschedulable"] is True and json.loads(cluster.mark)["cordonedBefore"] is False, "now it is ours"


def test_ended_without_a_mark_does_nothing(cluster: Cluster) -> None:
    assert cluster.plan(request_of(state="ended")).changes == ()
    cluster.worker["spec"]["unschedulable"] = True
    plan = cluster.plan(request_of(state="ended"))
    assert plan.changes == () and codes_of(plan) == {"maintenance.cordoned_by_others"}


def test_an_interrupted_run_is_continued(cluster: Cluster) -> None:
    cluster.write(cluster.plan(request_of()).changes[0])
    plan = cluster.plan(request_of())
    assert evicted(plan) == ["web"] and len(plan.changes) == 1 and codes_of(plan) == {"maintenance.pods_left"}
    cluster.run(request_of())
    cluster.reboot()
    plan = cluster.run(request_of(boot_id=NEXT, reason="another"))
    record = json.loads(cluster.mark)
    assert record == {"reason": "SELinux disabled", "bootID": NEXT, "cordonedBefore": False}, "a reboot more"
    assert len(plan.changes) == 1 and cluster.plan(request_of(state="ended", boot_id=OTHER)).wait is not None


def test_other_nodes_that_were_left_are_named(cluster: Cluster) -> None:
    cluster.node("worker-2", **{ANNOTATION: Record("new kernel", BOOT, False).annotation()})
    cluster.node("worker-3", **{ANNOTATION: "?"})
    plan = cluster.plan(request_of(state="checked"))
    said = {f.subject: f for f in plan.findings}
    assert {f.code for f in plan.findings} == {"maintenance.left_cordoned"} and plan.checks == {"maintenance": "warning"}
    assert "new kernel" in said["Node/worker-2"].message and "kubectl uncordon worker-2" in said["Node/worker-2"].remedy
    assert "cannot be read" in said["Node/worker-3"].message
    assert plan.facts["node_maintenance"]["left_cordoned"] == ["worker-2", "worker-3"]


@pytest.mark.parametrize("mark", ["", "{", "[]", "null", '{"cordonedBefore": "yes"}', "[" * 100_000])
@pytest.mark.parametrize("state", ["begun", "ended", "checked"])
def test_a_mark_that_nobody_understands(cluster: Cluster, mark: str, state: str) -> None:
    cluster.node("worker-1", **{ANNOTATION: mark})
    plan = cluster.plan(request_of(state=state))
    assert codes_of(plan) == {"maintenance.record_unreadable"} and plan.changes == () and plan.wait is None


@given(st.text(), st.text(), st.booleans())
def test_a_record_is_read_as_it_was_written(reason: str, boot_id: str, before: bool) -> None:
    record = Record(reason, boot_id, before)
    assert record_of({"metadata": {"annotations": {ANNOTATION: record.annotation()}}}) == record


@given(st.text() | st.integers() | st.none())
def test_any_other_annotation_is_refused(value: t.Any) -> None:
    with pytest.raises(RecordUnreadable):
        record_of({"metadata": {"annotations": {ANNOTATION: value}}})


def test_a_node_that_is_not_ready_is_not_drained(cluster: Cluster) -> None:
    cluster.reboot(BOOT, ready="Unknown")
    plan = cluster.plan(request_of())
    assert codes_of(plan) == {"maintenance.not_ready"} and plan.changes == () and plan.wait is None
    cluster.reboot(BOOT)
    cluster.write(cluster.plan(request_of()).changes[0])
    cluster.reboot(BOOT, ready="Unknown")
    assert evicted(cluster.plan(request_of())) == ["web"], "a drain that has begun goes on"


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ({"state": "Working"}, "it is Working"),
        ({"state": "Done", "currentConfig": "rendered-a", "desiredConfig": "rendered-b"}, "is to get rendered-b"),
        ({"state": "Done", "currentConfig": "rendered-a", "desiredConfig": "rendered-a"}, ""),
    ],
)
def test_the_machine_config_operator_comes_first(cluster: Cluster, marks: dict[str, str], words: str) -> None:
    cluster.node("worker-1", **{f"machineconfiguration.openshift.io/{key}": value for key, value in marks.items()})
    plan = cluster.plan(request_of())
    assert ("maintenance.machine_config_busy" in codes_of(plan)) is bool(words) is not bool(plan.changes)
    assert words in " ".join(f.message for f in plan.findings)


def test_what_may_not_be_read(cluster: Cluster) -> None:
    cluster.forbidden = {BUDGETS}
    plan = cluster.plan(request_of())
    assert [(f.code, f.severity) for f in plan.findings] == [("maintenance.unreadable", "warning")] and evicted(plan) == ["web"]
    cluster.forbidden = {PODS}
    plan = cluster.plan(request_of())
    assert [(f.code, f.severity) for f in plan.findings] == [("maintenance.unreadable", "error")] and plan.changes == ()
    assert cluster.plan(request_of(drain=False)).changes, "pods do not matter then"
    cluster.forbidden = {NODES}
    plan = cluster.plan(request_of())
    assert codes_of(plan) == {"maintenance.unreadable"} and "may not list /api/v1/nodes" in plan.findings[0].message


def test_the_only_node(cluster: Cluster) -> None:
    del cluster.lists[NODES]["worker-2"]
    plan = cluster.plan(request_of())
    assert codes_of(plan) == {"maintenance.only_node"} and len(plan.changes) == 2


def test_options_of_the_drain(cluster: Cluster) -> None:
    plan = cluster.plan(request_of(drain=False))
    assert len(plan.changes) == 1 and plan.wait is None
    cluster.run(request_of(drain=False))
    assert cluster.plan(request_of(drain=False)).changes == ()
    plan = cluster.plan(request_of(reboot=False, grace_period=0))
    assert plan.changes[0].disruptive == {"restarts_pods"} and plan.wait is not None and plan.wait.estimate == 0
    assert plan.changes[0].write is not None and plan.changes[0].write.body["deleteOptions"]["gracePeriodSeconds"] == 0
    assert cluster.plan(request_of(reboot=False, drain=False)).disruptive == frozenset()


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"node": "Worker_1"}, 1),
        ({"node": "a" * 254}, 1),
        ({"node": "a.b-c.d"}, 0),
        ({"boot_id": "unknown"}, 1),
        ({"grace_period": -1, "wait_timeout": 0}, 2),
        ({"node": "", "boot_id": "", "grace_period": -5, "wait_timeout": -1}, 4),
    ],
)
def test_bad_input_is_told_at_once(params: dict[str, t.Any], count: int) -> None:
    if not count:
        assert request_of(**params)
        return
    with pytest.raises(InvalidRequest) as caught:
        request_of(**params)
    assert len(caught.value.problems) == count


@given(st.text(), st.text())
def test_parse_never_crashes(node: str, boot_id: str) -> None:
    try:
        request = parse({"node": node, "boot_id": boot_id, "wait_timeout": 5})
    except InvalidRequest as error:
        assert error.problems
    else:
        assert request.node == node.strip()


_KEYS = ["metadata", "spec", "status", "annotations", "labels", "conditions", "ownerReferences", "volumes", "emptyDir", "selector"]
_KEYS += ["matchLabels", "matchExpressions", "namespace", "phase", "type", "kind", "controller", ANNOTATION]
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5),
    max_leaves=20,
)


@given(_ANYTHING, _ANYTHING, _ANYTHING)
def test_odd_objects_do_not_break_a_plan(node: t.Any, pod: t.Any, budget: t.Any) -> None:
    cluster = Cluster()
    cluster.node("worker-1")
    request = request_of()
    snapshot = cluster.snapshot(request)
    bodies = {NODES: node, PODS: pod, BUDGETS: budget}
    for read, answer in snapshot.answers.items():
        answer.body["items"] += [bodies[read.path], {"metadata": {"name": "worker-2"}, "status": bodies[read.path]}]
    planning.plan(request, snapshot)
