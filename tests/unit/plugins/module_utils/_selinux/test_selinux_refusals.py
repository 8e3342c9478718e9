"""What speaks against writing: each is said with its remedy, and nothing is written."""

from __future__ import annotations

import typing as t

import pytest

from tests.unit.plugins.module_utils._selinux.selinux_cluster import (
    BUDGETS,
    CONFIG,
    CONFIGS,
    MCO,
    NAME,
    NODES,
    OURS,
    PODS,
    POOLS,
    RHCOS,
    Cluster,
    codes_of,
    said,
)

pytestmark = pytest.mark.selinux
VERSION = f"{CONFIG}/clusterversions/version"
Arrange = t.Callable[[Cluster], t.Any]


def updating_cluster(cluster: Cluster) -> None:
    conditions = [{"type": "Progressing", "status": "True", "message": "Working towards 4.19.25: 12% complete"}]
    cluster.objects[VERSION]["status"]["conditions"] = conditions


def updating_pool(cluster: Cluster) -> None:
    cluster.config("50-other", "worker", ["nosmt"])
    cluster.render("worker")
    cluster.count("worker")


def degraded_pool(cluster: Cluster) -> None:
    cluster.condition("worker", "Degraded")
    cluster.condition("worker", "NodeDegraded", reason="1 nodes are reporting degraded", message="unexpected on-disk state")


def undrainable(cluster: Cluster) -> None:
    cluster.pod("web-1", "worker-1", {"app": "web"})
    cluster.budget("web", {"app": "web"})


def unready(cluster: Cluster) -> None:
    cluster.of_node("worker-2")["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]


def cordoned(cluster: Cluster) -> None:
    cluster.of_node("worker-2")["spec"]["unschedulable"] = True
    cluster.condition("worker", "Updated", "False")
    cluster.condition("worker", "Updating", "True")


def taken(cluster: Cluster) -> None:
    cluster.config(NAME, "worker", ["nosmt"])
    cluster.settle()


def gitops(cluster: Cluster) -> None:
    cluster.ours("enforcing=0")["metadata"]["labels"]["argocd.argoproj.io/instance"] = "nodes"
    cluster.settle()


def other_role(cluster: Cluster) -> None:
    cluster.ours("selinux=0", role="infra")
    cluster.settle()


def conflict(argument: str) -> Arrange:
    def arrange(cluster: Cluster) -> None:
        cluster.config("98-hardening", "worker", ["audit=1", argument])
        cluster.settle()

    return arrange


def kernel(**spec: t.Any) -> Arrange:
    def arrange(cluster: Cluster) -> None:
        cluster.config("98-kernel", "worker", **spec)
        cluster.settle()

    return arrange


def disputed(cluster: Cluster) -> None:
    cluster.pool("gpu")
    cluster.pool("infra")
    cluster.node("x", ["worker", "gpu", "infra"])
    cluster.settle()


def rosa(cluster: Cluster) -> None:
    cluster.infrastructure("AWS", aws={"resourceTags": [{"key": "red-hat-clustertype", "value": "rosa"}]})


def osd(cluster: Cluster) -> None:
    cluster.infrastructure("GCP")
    cluster.objects["/apis/operator.openshift.io/v1/consoles/cluster"]["spec"] = {"customization": {"brand": "dedicated"}}


REFUSALS: list[tuple[Arrange, str, str, list[str]]] = [
    (updating_cluster, "cluster_updating", "ClusterVersion/version", ["Working towards 4.19.25"]),
    (updating_pool, "pool_updating", "MachineConfigPool/worker", ["0 of 3 nodes have it"]),
    (degraded_pool, "pool_degraded", "MachineConfigPool/worker", ["unexpected on-disk state"]),
    (lambda c: c.condition("worker", "RenderDegraded", message="bad"), "pool_degraded", "MachineConfigPool/worker", ["bad"]),
    (
        lambda c: c.of_pool("worker")["spec"].update(paused=True),
        "pool_paused",
        "MachineConfigPool/worker",
        ["nothing would happen"],
    ),
    (undrainable, "eviction_forbidden", "PodDisruptionBudget/team/web", ["team/web-1 on worker-1", "1 of 1 pods are healthy"]),
    (unready, "no_room", "MachineConfigPool/worker", ["worker-2 is not Ready", "where 1 may be"]),
    (cordoned, "no_room", "MachineConfigPool/worker", ["worker-2 is cordoned"]),
    (taken, "name_taken", f"MachineConfig/{NAME}", ["did not make it", "nosmt"]),
    (gitops, "gitops_managed", f"MachineConfig/{NAME}", ["argocd.argoproj.io/instance=nodes"]),
    (other_role, "other_role", f"MachineConfig/{NAME}", ["for pool infra, not for worker"]),
    (conflict("selinux=1"), "conflicting_argument", "MachineConfigPool/worker", ["MachineConfig 98-hardening sets selinux=1"]),
    (conflict("enforcing=1"), "conflicting_argument", "MachineConfigPool/worker", ["MachineConfig 98-hardening sets enforcing=1"]),
    (kernel(extensions=["usbguard"]), "extensions", "MachineConfigPool/worker", ["extensions usbguard"]),
    (kernel(kernelType="realtime"), "extensions", "MachineConfigPool/worker", ["kernelType realtime"]),
    (disputed, "disputed_node", "Node/x", ["gpu and infra both select it"]),
    (rosa, "platform_refuses", "", ["this is ROSA", "no other way"]),
    (osd, "platform_refuses", "", ["this is OSD"]),
]


@pytest.mark.parametrize(("arrange", "code", "subject", "words"), REFUSALS)
def test_refused(cluster: Cluster, arrange: Arrange, code: str, subject: str, words: list[str]) -> None:
    arrange(cluster)
    planned = cluster.plan()
    finding = said(planned, code)
    assert planned.changes == () and planned.wait is None and planned.checks == {"selinux": "error"}
    assert finding.subject == subject and finding.severity == "error" and finding.remedy and not finding.resolvable
    assert [word for word in words if word not in finding.message] == []
    assert [f.code for f in planned.findings if f.severity == "error"] in (
        [f"selinux.{code}"],
        sorted(["selinux.argument_missing", f"selinux.{code}"]),
    )


def test_all_that_speaks_against_it_is_said_at_once(cluster: Cluster) -> None:
    for arrange in (updating_cluster, degraded_pool, undrainable, kernel(extensions=["a"])):
        arrange(cluster)
    degraded_pool(cluster)
    assert codes_of(cluster.plan()) == {"cluster_updating", "pool_degraded", "eviction_forbidden", "extensions", "argument_missing"}


@pytest.mark.parametrize(
    ("arrange", "selinux"),
    [
        (kernel(extensions=["usbguard"], kernelType="realtime"), "permissive"),
        (conflict("selinux=1"), "permissive"),
        (conflict("enforcing=0"), "disabled"),
        (lambda c: c.condition("master", "Degraded"), "disabled"),
        (lambda c: c.of_pool("master")["spec"].update(paused=True), "disabled"),
        (lambda c: c.of_pool("worker")["spec"].update(maxUnavailable=2) or cordoned(c), "disabled"),
        (lambda c: c.pod("web-1", "master-1", {"app": "web"}) and c.budget("web", {"app": "web"}), "disabled"),
        (lambda c: undrainable(c) or c.budget("web", {"app": "web"}, allowed=1), "disabled"),
        (lambda c: c.pod("done", "worker-1", {"app": "web"}), "disabled"),
        (lambda c: c.pool("empty", paused=True), "disabled"),
    ],
)
def test_not_refused(cluster: Cluster, arrange: Arrange, selinux: str) -> None:
    arrange(cluster)
    cluster.settle()
    arrange(cluster)
    planned = cluster.plan(selinux=selinux)
    assert [change.verb for change in planned.changes] == ["create"], planned.findings


def test_selinux_off_elsewhere_contradicts_permissive(cluster: Cluster) -> None:
    conflict("selinux=0")(cluster)
    planned = cluster.plan(selinux="permissive")
    assert "98-hardening sets selinux=0" in said(planned, "conflicting_argument").message and planned.changes == ()


def test_a_culprit_that_may_not_be_read_is_left_unnamed(cluster: Cluster) -> None:
    conflict("selinux=1")(cluster)
    cluster.forbidden.add(f"{CONFIGS}/98-hardening")
    assert "a MachineConfig of rendered-worker-" in said(cluster.plan(), "conflicting_argument").message


def test_only_a_conflict_costs_a_request_per_source(cluster: Cluster) -> None:
    cluster.plan()
    plain = len([read for read in cluster.requests if read.path.startswith(CONFIGS)])
    conflict("selinux=1")(cluster)
    cluster.plan()
    assert (plain, len([read for read in cluster.requests if read.path.startswith(CONFIGS)])) == (2, 4)


# Consent and cost


@pytest.mark.parametrize(
    ("arrange", "params", "classes"),
    [
        (lambda c: None, {}, {"reboots_nodes", "irreversible", "redhat_support"}),
        (lambda c: None, {"selinux": "permissive"}, {"reboots_nodes", "redhat_support"}),
        (lambda c: None, {"kernel_arguments": ["nosmt"], "name": "99-x"}, {"reboots_nodes"}),
        (lambda c: None, {"kernel_arguments": ["selinux=0"], "name": "99-x"}, {"reboots_nodes", "irreversible", "redhat_support"}),
        (
            lambda c: c.groups.append("aro.openshift.io"),
            {},
            {"reboots_nodes", "irreversible", "redhat_support", "aro_support_policy"},
        ),
        (
            lambda c: c.groups.append("aro.openshift.io"),
            {"kernel_arguments": ["nosmt"], "name": "99-x"},
            {"reboots_nodes", "aro_support_policy"},
        ),
        (lambda c: c.forbidden.add("/apis/config"), {}, {"reboots_nodes", "irreversible", "redhat_support", "aro_support_policy"}),
        (lambda c: None, {"platform": "aro"}, {"reboots_nodes", "irreversible", "redhat_support", "aro_support_policy"}),
    ],
)
def test_consent(cluster: Cluster, arrange: Arrange, params: dict[str, t.Any], classes: set[str]) -> None:
    arrange(cluster)
    (change,) = cluster.plan(**params).changes
    assert change.disruptive == classes


def test_what_it_will_cost_is_said_before(cluster: Cluster) -> None:
    cluster.pod("job-a", "worker-1", {"ml.azure.com/compute": "c"})
    cluster.pod("job-b", "worker-1", {"ml.azure.com/compute": "c"})
    cluster.pod("web", "worker-0")
    cluster.pod("elsewhere", "master-0", {"ml.azure.com/compute": "c"})
    planned = cluster.plan()
    finding = said(planned, "rollout_planned")
    assert "3 nodes are drained and rebooted, in pools worker (3 nodes, 1 at a time), about 39 min" in finding.message
    assert "pods of AzureML jobs run on worker-1: 2" in finding.message
    assert finding.evidence["nodes"] == {
        "worker-0": {"jobs": [], "pods": 1},
        "worker-1": {"jobs": ["team/job-a", "team/job-b"], "pods": 2},
        "worker-2": {"jobs": [], "pods": 0},
    }
    assert finding.evidence["pools"] == [
        {"name": "worker", "nodes": ["worker-0", "worker-1", "worker-2"], "at_once": 1, "minutes": 39}
    ]
    assert "about 39 min" in planned.changes[0].reason


def test_the_digest_does_not_depend_on_what_runs(cluster: Cluster) -> None:
    before = cluster.plan().changes[0].fingerprint()
    cluster.pod("job-a", "worker-1", {"ml.azure.com/compute": "c"})
    assert cluster.plan().changes[0].fingerprint() == before


# What was asked for


@pytest.mark.parametrize(
    ("params", "code", "subject", "words"),
    [
        ({"pool": "wroker"}, "unknown_pool", "MachineConfigPool/wroker", "Did you mean 'worker'?"),
        ({"pool": "gpu"}, "unknown_pool", "MachineConfigPool/gpu", "the cluster has empty, master, worker"),
        ({"pool": "empty"}, "empty_pool", "MachineConfigPool/empty", "no Node belongs to it"),
        ({"pool": "new", "create_pool": True}, "empty_pool", "MachineConfigPool/new", "no Node belongs to it"),
        ({"ssh_nodes": ["worker-00"]}, "unknown_node", "Node/worker-00", "Did you mean 'worker-0'?"),
        ({"pool": "new", "create_pool": True, "pool_nodes": ["zzz", "worker-0"]}, "unknown_node", "Node/zzz", "no such Node"),
        ({"pool": "new", "create_pool": True, "pool_nodes": ["master-0", "worker-0"]}, "node_stays", "Node/master-0", "a master"),
        ({"pool": "odd"}, "unknown_pool", "MachineConfigPool/odd", "not rendered from MachineConfigs with the label"),
    ],
)
def test_bad_input(cluster: Cluster, params: dict[str, t.Any], code: str, subject: str, words: str) -> None:
    cluster.pool("empty")
    if params["pool"] == "odd" if "pool" in params else False:
        cluster.pool("odd", {"matchLabels": {f"{MCO}/role": "worker"}})
        cluster.node("o", ["odd", "worker"])
    cluster.settle()
    planned = cluster.plan(**params)
    finding = said(planned, code)
    assert finding.subject == subject and words in finding.message and planned.changes == () and planned.wait is None
    assert PODS not in [read.path for read in cluster.requests], "what is wrong is seen before costly reads"


def test_compact_clusters_need_the_target_named() -> None:
    cluster = Cluster(workers=0, masters=0)
    for index in range(3):
        cluster.node(f"node-{index}", ["master", "worker"])
    cluster.settle()
    assert cluster.of_pool("worker")["status"]["machineCount"] == 0
    planned = cluster.plan()
    finding = said(planned, "workers_in_master_pool")
    assert planned.changes == () and finding.evidence == ["node-0", "node-1", "node-2"]
    assert "worker_selinux_pool: master" in finding.remedy
    last = cluster.converge(pool="master")
    assert last.findings == () and last.facts["machine_config"]["done"] is True
    assert last.facts["machine_config"]["name"] == "99-master-azureml-selinux"
    assert cluster.plan(pool="master", wait_timeout=None).wait is None


def test_schedulable_masters_are_told_apart(cluster: Cluster) -> None:
    cluster.node("both", ["master", "worker"])
    cluster.settle()
    assert said(cluster.apply(), "masters_work").evidence == ["both"]
    cluster.settle()
    planned = cluster.plan()
    assert codes_of(planned) == {"masters_work"} and planned.checks == {"selinux": "warning"}


def test_windows_nodes_are_left_out(cluster: Cluster) -> None:
    cluster.node("win", ["worker"], "Windows Server 2022", **{"kubernetes.io/os": "windows"})
    planned = cluster.plan()
    assert "win" not in said(planned, "rollout_planned").evidence["nodes"]


# What may not be read


@pytest.mark.parametrize("path", [NODES, OURS, POOLS])
def test_without_the_deciding_reads_nothing_is_known(cluster: Cluster, path: str) -> None:
    cluster.forbidden.add(path)
    planned = cluster.plan()
    assert codes_of(planned) == {"unreadable"} and planned.checks == {"selinux": "unknown"} and planned.changes == ()
    assert planned.findings[0].severity == "error" and "forbidden" in planned.findings[0].message


def test_a_rendering_that_may_not_be_read(cluster: Cluster) -> None:
    cluster.forbidden.add(f"{CONFIGS}/rendered-worker")
    planned = cluster.plan()
    assert said(planned, "unreadable").subject == "MachineConfigPool/worker" and planned.changes == ()


@pytest.mark.parametrize(
    ("path", "subject"), [(BUDGETS, "PodDisruptionBudget"), (PODS, "Pod"), (VERSION, "ClusterVersion/version")]
)
def test_what_only_makes_it_safer_may_be_unknown(cluster: Cluster, path: str, subject: str) -> None:
    cluster.forbidden.add(path)
    planned = cluster.plan()
    assert subject in [f.subject for f in planned.findings if f.code == "selinux.unreadable"] and planned.changes
    assert ("what runs there could not be read" in said(planned, "rollout_planned").message) is (path == PODS)


def test_odd_objects_do_not_break_the_plan(cluster: Cluster) -> None:
    cluster.of_pool("worker")["spec"]["configuration"] = []
    cluster.of_pool("master")["spec"] = None
    cluster.of_node("worker-0")["metadata"]["annotations"] = None
    cluster.of_node("worker-1").pop("status")
    cluster.put(f"{NODES}/odd", {"spec": [], "status": {"nodeInfo": RHCOS}})
    assert cluster.plan().checks == {"selinux": "error"}
