"""Dedicated nodes: the document's taints, never on the control plane, consent for what they do, and exactly ours taken back."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.unit.plugins.module_utils._namespaces.space_cluster import (
    ANNOTATION,
    NODES,
    Cluster,
    codes_of,
    dedicate,
    node_of,
    request_of,
    the,
)

pytestmark = pytest.mark.namespaces

AMLARC = "ml.azure.com/amlarc=true:NoSchedule"
EVICT = "ml.azure.com/amlarc=true:NoExecute"
ALL = [{"operator": "Exists"}]
CONTROL_PLANE = {"node-role.kubernetes.io/control-plane": ""}


def nodes_request(*names: str, state: str = "present", **entry: t.Any) -> t.Any:
    return request_of(compute_namespaces=[], state=state, dedicated_nodes=dedicate(*names, **entry))


@pytest.fixture
def pool(cluster: Cluster) -> Cluster:
    """Three workers more, one of which has a taint of somebody else."""
    for name in ("a", "b"):
        cluster.node(name, labels={"pool": "gpu"})
    cluster.node("c", "sku=gpu:NoSchedule", labels={"pool": "gpu"})
    return cluster


def test_a_node_gets_taints_labels_and_record_in_one_patch(pool: Cluster) -> None:
    plan = pool.run(nodes_request("c", purpose="workload", labels={"tier": "x"}))
    assert len(pool.writes) == 1 and plan.disruptive == frozenset()
    assert pool.taints("c") == ["sku=gpu:NoSchedule", AMLARC, "ml.azure.com/amlarc-workload=true:NoSchedule"]
    assert pool.labels(f"{NODES}/c") == {
        "pool": "gpu",
        "tier": "x",
        "ml.azure.com/amlarc": "true",
        "ml.azure.com/amlarc-workload": "true",
    }
    record = json.loads(pool[f"{NODES}/c"]["metadata"]["annotations"][ANNOTATION])
    assert [entry["key"] for entry in record["taints"]] == ["ml.azure.com/amlarc", "ml.azure.com/amlarc-workload"]
    assert the(plan, "differs").subject == "Node/c"
    assert node_of(plan, "c")["state"] == "dedicated"
    assert codes_of(pool.plan(nodes_request("c", purpose="workload", labels={"tier": "x"}))) == set()


def test_a_selector_means_every_node_that_has_the_labels(pool: Cluster) -> None:
    pool.run(nodes_request(node_selector={"pool": "gpu"}))
    assert [name for name in ("one", "a", "b", "c") if AMLARC in pool.taints(name)] == ["a", "b", "c"]


def test_nothing_to_do_reads_neither_pods_nor_platform(pool: Cluster) -> None:
    pool.run(nodes_request("a", "b"))
    pool.requests.clear()
    assert pool.plan(nodes_request("a", "b")).changes == ()
    assert [read.path for read in pool.requests] == ["/api/v1/namespaces/kube-system", NODES]


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute", "PreferNoSchedule"])
def test_present_then_absent_leaves_every_node_as_it_was(pool: Cluster, effect: str) -> None:
    pool.node("d", f"ml.azure.com/amlarc=true:{effect}", "x=y:NoExecute", labels={"ml.azure.com/amlarc": "true"})
    before = pool.without_records()
    wanted = {"effect": effect, "resource_group": "r", "workspace": "w"}
    pool.run(nodes_request("a", "c", "d", **wanted))
    assert len(pool.taints("d")) == 4, "one was there and is adopted"
    plan = pool.run(nodes_request("a", "c", "d", state="absent", **wanted))
    assert plan.disruptive == frozenset() and node_of(plan, "a")["state"] == "released"
    assert pool.without_records() == before
    assert pool.plan(nodes_request("a", "c", "d", state="absent")).changes == ()


def test_a_changed_wish_replaces_exactly_ours(pool: Cluster) -> None:
    pool.run(nodes_request("c", purpose="workload"))
    pool.run(nodes_request("c", resource_group="r"))
    assert pool.taints("c") == ["sku=gpu:NoSchedule", AMLARC, "ml.azure.com/resource-group=r:NoSchedule"]
    pool.run(nodes_request("c", resource_group="other"))
    assert pool.taints("c") == ["sku=gpu:NoSchedule", AMLARC, "ml.azure.com/resource-group=other:NoSchedule"]
    assert pool.labels(f"{NODES}/c")["ml.azure.com/resource-group"] == "other"


def test_two_entries_for_one_node_come_together(pool: Cluster) -> None:
    entries = [*dedicate("a", resource_group="r"), *dedicate("a", purpose="workload")]
    pool.run(request_of(compute_namespaces=[], dedicated_nodes=entries))
    keys = [taint.split("=")[0].rsplit("/", 1)[1] for taint in pool.taints("a")]
    assert keys == ["amlarc", "resource-group", "amlarc-workload"]


@pytest.mark.parametrize("more", [{"resource_group": "q"}, {"resource_group": "r", "labels": {"tier": "y"}}])
def test_two_entries_that_contradict_each_other(pool: Cluster, more: dict[str, t.Any]) -> None:
    entries = [*dedicate("a", "b", resource_group="r", labels={"tier": "x"}), *dedicate("a", **more)]
    plan = pool.plan(request_of(compute_namespaces=[], dedicated_nodes=entries))
    assert the(plan, "taint_conflict").subject == "Node/a"
    assert [change.object.name for change in plan.changes] == ["b"], "the other node is not held up"


def test_a_taint_of_somebody_else_with_another_value(pool: Cluster) -> None:
    pool.node("d", "ml.azure.com/resource-group=theirs:NoSchedule")
    plan = pool.plan(nodes_request("d", resource_group="ours"))
    assert "theirs" in the(plan, "taint_conflict").message and plan.changes == ()
    assert node_of(plan, "d")["state"] == "refused"


@pytest.mark.parametrize("role", ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"])
def test_nodes_of_the_control_plane_are_never_touched(pool: Cluster, role: str) -> None:
    pool.node("m", labels={role: "", "pool": "gpu"})
    plan = pool.plan(nodes_request("m"))
    assert the(plan, "control_plane_node").severity == "error" and plan.changes == ()
    plan = pool.plan(nodes_request(node_selector={"pool": "gpu"}))
    assert the(plan, "control_plane_node").severity == "info", "a selector may pass over them"
    assert [change.object.name for change in plan.changes] == ["a", "b", "c"]


def test_a_node_that_does_not_exist(pool: Cluster) -> None:
    pool.node("worker-1")
    plan = pool.plan(nodes_request("worker-2", "a"))
    assert "worker-1" in the(plan, "node_missing").message and len(plan.changes) == 1
    assert codes_of(pool.plan(nodes_request("worker-2", state="absent"))) == {"node_missing"}


@pytest.mark.parametrize("selector", [{"pool": "cpu"}, {"pool": "gpu", "zone": "1"}])
def test_a_selector_that_matches_nothing(pool: Cluster, selector: dict[str, str]) -> None:
    plan = pool.plan(nodes_request(node_selector=selector))
    assert codes_of(plan) == {"no_node_selected"} and plan.checks == {"namespaces": "warning"}


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
def test_one_node_has_to_stay_open(pool: Cluster, effect: str) -> None:
    plan = pool.plan(nodes_request("one", "a", "b", effect=effect))
    assert "a, b, one" in the(plan, "all_nodes_tainted").message and plan.changes == ()
    assert node_of(plan, "a")["state"] == "refused"
    assert pool.plan(nodes_request("a", "b", effect=effect)).changes
    pool[f"{NODES}/one"]["spec"]["unschedulable"] = True
    assert pool.plan(nodes_request("a", "b", effect=effect)).changes == (), "a cordoned node is not open"
    pool.node("m", labels=CONTROL_PLANE)
    assert pool.plan(nodes_request("a", "b", effect=effect)).changes, "a control plane that takes pods is"


def test_a_preference_keeps_nothing_out(pool: Cluster) -> None:
    plan = pool.run(nodes_request("one", "a", "b", "c", effect="PreferNoSchedule"))
    assert codes_of(plan) == {"differs"} and len(plan.changes) == 4


def test_no_schedule_lets_pods_end_and_needs_no_consent(pool: Cluster) -> None:
    pool.pod("web/x", "a")
    pool.pod("web/tolerant", "a", tolerations=ALL)
    pool.pod("web/elsewhere", "b")
    plan = pool.plan(nodes_request("a"))
    assert the(plan, "strangers_stay").evidence == ["web/x"] and plan.disruptive == frozenset()


PODS: list[tuple[str, dict[str, t.Any], set[str]]] = [
    ("web/x", {}, {"restarts_pods"}),
    ("kube-system/x", {}, {"restarts_pods"}),
    ("ml/x", {}, {"restarts_pods", "disturbs_jobs"}),
    ("any/x", {"labels": {"ml.azure.com/compute": "c"}}, {"restarts_pods", "disturbs_jobs"}),
    ("azureml/x", {"labels": {"ml.azure.com/amlarc-system": "true"}}, {"restarts_pods"}),
    ("web/x", {"phase": "Succeeded"}, set()),
    ("kube-system/static", {"annotations": {"kubernetes.io/config.mirror": "1"}}, set()),
    ("web/x", {"tolerations": ALL}, set()),
    ("web/x", {"tolerations": [{"key": "ml.azure.com/amlarc", "operator": "Exists"}]}, set()),
    ("web/x", {"tolerations": [{"key": "ml.azure.com/amlarc", "value": "true", "effect": "NoExecute"}]}, set()),
    ("web/x", {"tolerations": [{"key": "ml.azure.com/amlarc", "value": "false"}]}, {"restarts_pods"}),
    ("web/x", {"tolerations": [{"key": "ml.azure.com/amlarc", "operator": "Exists", "effect": "NoSchedule"}]}, {"restarts_pods"}),
    ("web/x", {"tolerations": [{"operator": "Exists", "tolerationSeconds": 60}]}, {"restarts_pods"}),
    ("web/x", {"tolerations": [{"key": "ml.azure.com/amlarc", "operator": "Gt", "value": "true"}]}, {"restarts_pods"}),
]


@pytest.mark.parametrize(("name", "pod", "disruption"), PODS)
def test_no_execute_ends_pods_and_needs_consent(pool: Cluster, name: str, pod: dict[str, t.Any], disruption: set[str]) -> None:
    pool.pod(name, "a", **pod)
    plan = pool.plan(
        request_of(compute_namespaces=["ml"], dedicated_nodes=dedicate("a", effect="NoExecute")),
    )
    assert plan.disruptive == disruption
    if disruption:
        (change,) = [change for change in plan.changes if change.object.kind == "Node"]
        assert the(plan, "pods_evicted").evidence == [name] and name in change.reason
    else:
        assert "pods_evicted" not in codes_of(plan)


def test_many_pods_are_counted(pool: Cluster) -> None:
    for number in range(8):
        pool.pod(f"web/x{number}", "a")
    message = the(pool.plan(nodes_request("a", effect="NoExecute")), "pods_evicted").message
    assert "8 pods" in message and "and 3 more" in message


@pytest.mark.parametrize(("effect", "disruption"), [("NoExecute", {"restarts_pods", "disturbs_jobs"}), ("NoSchedule", set())])
def test_pods_that_may_not_be_read_count_as_disturbed(pool: Cluster, effect: str, disruption: set[str]) -> None:
    pool.forbidden.add("/api/v1/pods")
    plan = pool.plan(nodes_request("a", effect=effect))
    assert plan.disruptive == disruption and "unknown" in the(plan, "unreadable").message


@pytest.mark.parametrize("state", ["present", "absent"])
def test_nodes_that_may_not_be_read(pool: Cluster, state: str) -> None:
    pool.forbidden.add(NODES)
    plan = pool.plan(nodes_request("a", state=state))
    assert the(plan, "unreadable").severity == "error" and plan.changes == ()


def aro_pool(workers: int) -> Cluster:
    cluster = Cluster()
    cluster.aro()
    cluster.node("gpu")
    for number in range(workers):
        cluster.node(f"worker-{number}")
    for number in range(3):
        cluster.node(f"master-{number}", labels=CONTROL_PLANE)
    return cluster


@pytest.mark.parametrize(("workers", "objects"), [(3, False), (2, True)])
def test_aro_needs_three_open_workers(workers: int, objects: bool) -> None:
    cluster = aro_pool(workers)
    plan = cluster.plan(nodes_request("gpu"))
    assert ("aro_taints" in codes_of(plan)) is objects
    assert plan.disruptive == ({"aro_support_policy"} if objects else set())
    if objects:
        assert "2 workers" in the(plan, "aro_taints").message


@pytest.mark.parametrize(
    ("name", "effect", "owner", "objects"),
    [
        ("openshift-ingress/router", "NoSchedule", "ReplicaSet", False),
        ("openshift-ingress/router", "NoExecute", "ReplicaSet", True),
        ("openshift-dns/dns", "NoSchedule", "DaemonSet", True),
        ("web/agent", "NoSchedule", "DaemonSet", False),
    ],
)
def test_aro_platform_pods_must_not_be_stopped(name: str, effect: str, owner: str, objects: bool) -> None:
    cluster = aro_pool(3)
    cluster.pod(name, "gpu", ownerReferences=[{"kind": owner}])
    plan = cluster.plan(nodes_request("gpu", effect=effect))
    assert ("aro_support_policy" in plan.disruptive) is objects
    if objects:
        assert name in the(plan, "aro_taints").message


def test_the_rule_of_aro_holds_nowhere_else_and_where_the_user_says_so() -> None:
    cluster = aro_pool(2)
    cluster.groups = ["apps"]
    assert "aro_taints" not in codes_of(cluster.plan(nodes_request("gpu")))
    params = {"compute_namespaces": [], "dedicated_nodes": dedicate("gpu")}
    assert "aro_taints" in codes_of(cluster.plan(request_of(platform="aro", **params)))


def test_an_unknown_platform_is_said(pool: Cluster) -> None:
    pool.forbidden |= {"/apis", "/version"}
    assert "platform" in the(pool.plan(nodes_request("a")), "unreadable").message


def test_pools_make_new_nodes_without_marks(pool: Cluster) -> None:
    for name in ("d", "e"):
        pool.node(name, "sku=gpu:NoSchedule", labels={"kubernetes.azure.com/agentpool": "gpupool"})
    finding = the(pool.plan(nodes_request("d", "e")), "not_lasting")
    assert finding.subject == "pool gpupool"
    assert f"--name gpupool --node-taints sku=gpu:NoSchedule,{AMLARC} --labels ml.azure.com/amlarc=true" in finding.remedy
    assert "MachineSet" in the(aro_pool(3).plan(nodes_request("gpu")), "not_lasting").message
    assert "not_lasting" not in codes_of(pool.plan(nodes_request("a")))


def test_a_node_of_an_earlier_run_is_said_and_kept(pool: Cluster) -> None:
    pool.run(nodes_request("a", "b"))
    for state in ("present", "absent"):
        plan = pool.plan(nodes_request("a", state=state))
        assert the(plan, "node_leftover").subject == "Node/b"
        assert [change.object.name for change in plan.changes] == ([] if state == "present" else ["a"])


def test_a_broken_record_of_a_node(pool: Cluster) -> None:
    pool.node("d", AMLARC)
    pool[f"{NODES}/d"]["metadata"]["annotations"] = {ANNOTATION: "{"}
    plan = pool.plan(nodes_request("d", state="absent"))
    assert "record_unreadable" in codes_of(plan) and plan.changes == ()
    assert "record_unreadable" in codes_of(pool.plan(nodes_request("d")))


def test_a_node_of_gitops_is_not_fought_over(pool: Cluster) -> None:
    pool.node("d", labels={"argocd.argoproj.io/instance": "x"})
    plan = pool.plan(nodes_request("d"))
    assert "gitops_managed" in codes_of(plan) and plan.changes == () and node_of(plan, "d")["state"] == "refused"


def test_odd_nodes_are_no_crash(pool: Cluster) -> None:
    pool.objects[f"{NODES}/odd"] = {
        "metadata": {"name": "odd", "resourceVersion": "1", "labels": None},
        "spec": {"taints": ["x", {}]},
    }
    pool.pod("web/x", "odd", tolerations="x", ownerReferences=["x"])
    for state in ("present", "absent"):
        pool.plan(nodes_request("odd", "a", state=state))
