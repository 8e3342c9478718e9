"""The way back, a pool of one's own there and back, clusters without pools, and looking only."""

from __future__ import annotations

import typing as t

import pytest
import yaml

from tests.unit.plugins.module_utils._selinux.selinux_cluster import (
    CONFIGS,
    DAEMONS,
    MCO,
    NAME,
    NODES,
    OURS,
    POOLS,
    Cluster,
    asked,
    codes_of,
    said,
)

pytestmark = pytest.mark.selinux
FORMER = "azureml.kubernetes/former-kernel-arguments"
MOVED = "azureml.kubernetes/machine-config-pool"
GPU = "99-gpu-azureml-selinux"


def absent(cluster: Cluster, **params: t.Any) -> t.Any:
    return cluster.plan(state="absent", **params)


def test_permissive_is_a_plain_way_back(cluster: Cluster) -> None:
    cluster.converge(selinux="permissive")
    first = cluster.apply(state="absent")
    (change,) = first.changes
    assert (change.verb, change.disruptive, change.before) == ("delete", {"reboots_nodes"}, {"kernelArguments": ["enforcing=0"]})
    assert codes_of(first) == {"still_configured", "rollout_planned"}
    pending = absent(cluster)
    assert pending.wait is not None and pending.changes == () and "being rendered" in pending.wait.text
    cluster.render("worker")
    assert "0 of 3 nodes done" in absent(cluster).wait.text
    cluster.finish("worker")
    last = absent(cluster)
    assert last.findings == () and last.facts["machine_config"]["done"] is True and asked(cluster) == (6, 3)
    assert {node["selinux"] for node in last.facts["machine_config"]["nodes"]} == {"enforcing"}


def test_absent_where_nothing_was_is_done(cluster: Cluster) -> None:
    planned = absent(cluster)
    assert planned.changes == () and planned.findings == () and planned.checks == {"selinux": "ok"}


def test_disabled_is_not_taken_back_silently(cluster: Cluster) -> None:
    cluster.converge()
    planned = absent(cluster)
    finding = said(planned, "unlabelled_files")
    assert planned.changes == () and finding.evidence == ["worker-0", "worker-1", "worker-2"]
    assert "worker_selinux_enforce_unlabelled: true" in finding.remedy
    asked_for = absent(cluster, enforce_unlabelled=True)
    (change,) = asked_for.changes
    assert change.disruptive == {"reboots_nodes", "irreversible"} and "replace_nodes" in codes_of(asked_for)


def test_going_through_permissive_does_not_forget_the_missing_labels(cluster: Cluster) -> None:
    cluster.converge()
    first = cluster.apply(selinux="permissive")
    assert "replace_nodes" in codes_of(first) and "irreversible" not in first.changes[0].disruptive
    cluster.settle()
    assert cluster.objects[OURS]["metadata"]["annotations"] == {FORMER: "selinux=0"}
    assert "replace_nodes" in codes_of(cluster.plan(selinux="permissive"))
    assert "unlabelled_files" in codes_of(absent(cluster))


def test_other_arguments_instead_of_selinux_off_are_the_same_danger(cluster: Cluster) -> None:
    params = {"kernel_arguments": ["selinux=0", "nosmt"], "name": "99-x"}
    cluster.converge(**params)
    planned = cluster.plan(**{**params, "kernel_arguments": ["nosmt"]})
    assert "unlabelled_files" in codes_of(planned) and planned.changes == ()


@pytest.mark.parametrize("arguments", [["enforcing=0"], ["selinux=0"], []])
def test_what_others_made_stays(cluster: Cluster, arguments: list[str]) -> None:
    cluster.config(NAME, "worker", arguments)
    cluster.settle()
    planned = absent(cluster)
    assert codes_of(planned) == {"not_ours"} and planned.changes == () and planned.wait is None


def test_what_others_still_set_is_said_at_the_end(cluster: Cluster) -> None:
    cluster.config("98-debug", "worker", ["enforcing=0"])
    cluster.ours("enforcing=0")
    cluster.settle()
    planned = cluster.converge(state="absent")
    finding = said(planned, "still_set")
    assert "enforcing=0" in finding.message and "98-debug" in finding.evidence


def test_absent_waits_until_the_hosts_have_booted_without_it(cluster: Cluster) -> None:
    cluster.converge(selinux="permissive")
    cluster.apply(state="absent")
    cluster.settle()
    cluster.booted["worker-1"] = ("enforcing=0",)
    finding = said(absent(cluster), "os_disobeys")
    assert finding.subject == "Node/worker-1" and "without enforcing=0" in finding.message


@pytest.mark.parametrize("arrange", ["paused", "budget"])
def test_the_way_back_is_refused_like_the_way_there(cluster: Cluster, arrange: str) -> None:
    cluster.converge(selinux="permissive")
    if arrange == "paused":
        cluster.of_pool("worker")["spec"]["paused"] = True
    else:
        cluster.pod("web", "worker-0", {"app": "web"})
        cluster.budget("web", {"app": "web"})
    planned = absent(cluster)
    assert planned.changes == () and codes_of(planned) == {
        "still_configured",
        "pool_paused" if arrange == "paused" else "eviction_forbidden",
    }


# A pool of one's own

OWN = {"pool": "gpu", "create_pool": True, "pool_nodes": ["worker-1"]}


def test_a_pool_is_made_with_its_configuration_so_that_nodes_reboot_once(cluster: Cluster) -> None:
    first = cluster.apply(**OWN)
    assert [str(change.object) for change in first.changes] == [f"MachineConfig/{GPU}", "MachineConfigPool/gpu", "Node/worker-1"]
    assert all("reboots_nodes" in change.disruptive for change in first.changes)
    assert first.changes[1].after == {
        "apiVersion": f"{MCO}/v1",
        "kind": "MachineConfigPool",
        "metadata": {"name": "gpu", "labels": {"app.kubernetes.io/managed-by": "azureml.kubernetes"}},
        "spec": {
            "machineConfigSelector": {"matchExpressions": [{"key": f"{MCO}/role", "operator": "In", "values": ["worker", "gpu"]}]},
            "nodeSelector": {"matchLabels": {"node-role.kubernetes.io/gpu": ""}},
        },
    }
    assert cluster.of_node("worker-1")["metadata"]["labels"]["node-role.kubernetes.io/gpu"] == ""
    assert cluster.of_node("worker-1")["metadata"]["annotations"][MOVED] == "gpu"
    assert said(first, "argument_missing").message.startswith("1 nodes of gpu")
    pending = cluster.plan(**OWN)
    assert pending.changes == () and pending.wait is not None
    cluster.settle()
    last = cluster.plan(**OWN)
    assert last.findings == () and [node["name"] for node in last.facts["machine_config"]["nodes"]] == ["worker-1"]
    assert cluster.booted == {**dict.fromkeys(cluster.booted, ()), "worker-1": ("selinux=0",)}, "only that node rebooted"


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_killed_between_its_writes_the_next_run_finishes(cluster: Cluster, kept: int) -> None:
    for change in cluster.plan(**OWN).changes[:kept]:
        cluster.write(change)
    assert len(cluster.plan(**OWN).changes) == 3 - kept
    assert cluster.converge(**OWN).findings == ()


def test_nodes_that_a_user_labelled_need_no_moving(cluster: Cluster) -> None:
    cluster.of_node("worker-1")["metadata"]["labels"]["node-role.kubernetes.io/gpu"] = ""
    first = cluster.apply(pool="gpu", create_pool=True)
    assert [change.object.kind for change in first.changes] == ["MachineConfig", "MachineConfigPool"]
    cluster.settle()
    assert cluster.plan(pool="gpu", create_pool=True).findings == ()
    cluster.converge(pool="gpu", create_pool=True, selinux="permissive")
    planned = cluster.converge(state="absent", pool="gpu", enforce_unlabelled=True)
    assert said(planned, "not_ours").evidence == ["worker-1"] and f"{POOLS}/gpu" in cluster.objects


def test_a_pool_of_ones_own_goes_back_step_by_step(cluster: Cluster) -> None:
    cluster.converge(**OWN, selinux="permissive")
    params = {"state": "absent", "pool": "gpu"}
    assert [str(c.object) for c in cluster.apply(**params).changes] == [f"MachineConfig/{GPU}"]
    assert cluster.plan(**params).changes == (), "the node first loses the argument"
    cluster.settle()
    assert [str(c.object) for c in cluster.apply(**params).changes] == ["Node/worker-1"]
    node = cluster.of_node("worker-1")["metadata"]
    assert "node-role.kubernetes.io/gpu" not in node["labels"] and MOVED not in node["annotations"]
    waiting = cluster.plan(**params)
    assert waiting.changes == () and waiting.wait is not None and "worker-1 still have what was rendered" in waiting.wait.text
    cluster.settle()
    assert [str(c.object) for c in cluster.apply(**params).changes] == ["MachineConfigPool/gpu"]
    last = cluster.plan(**params)
    assert last.changes == () and last.findings == () and last.wait is None


def test_a_label_that_is_gone_already_does_not_break_the_way_back(cluster: Cluster) -> None:
    cluster.converge(**OWN, selinux="permissive")
    del cluster.of_node("worker-1")["metadata"]["labels"]["node-role.kubernetes.io/gpu"]
    cluster.settle()
    planned = cluster.converge(state="absent", pool="gpu")
    assert planned.findings == () and MOVED not in cluster.of_node("worker-1")["metadata"]["annotations"]
    assert f"{POOLS}/gpu" not in cluster.objects


@pytest.mark.parametrize("ours", [True, False])
def test_a_pool_stays_as_long_as_another_machine_config_is_for_it(cluster: Cluster, ours: bool) -> None:
    """Its nodes would go back to the workers, and lose what that one gives them."""
    cluster.converge(**OWN)
    if ours:
        gone = {"name": "99-gpu-hpc"}
        cluster.converge(**OWN, selinux=None, kernel_arguments=["nosmt"], **gone)
    else:
        gone = {"enforce_unlabelled": True}
        cluster.config("50-gpu-tuning", "gpu", ["nosmt"])
    cluster.config("99-gpu-generated-registries", "gpu")
    cluster.settle()
    planned = cluster.converge(state="absent", pool="gpu", **gone)
    assert said(planned, "not_ours").evidence == [GPU if ours else "50-gpu-tuning"]
    assert cluster.members("gpu") == ["worker-1"] and f"{POOLS}/gpu" in cluster.objects


def test_a_pool_of_others_is_used_but_never_deleted(cluster: Cluster) -> None:
    cluster.pool("gpu")
    cluster.settle()
    cluster.converge(pool="gpu", pool_nodes=["worker-1"], selinux="permissive")
    cluster.converge(state="absent", pool="gpu")
    assert f"{POOLS}/gpu" in cluster.objects and f"{CONFIGS}/{GPU}" not in cluster.objects
    assert cluster.members("gpu") == [] and cluster.members("worker") == ["worker-0", "worker-1", "worker-2"]


# Clusters without pools


def without_pools(*, openshift: bool = True, topology: str = "HighlyAvailable") -> Cluster:
    cluster = Cluster(served=False)
    cluster.infrastructure("AWS", topology)
    if not openshift:
        cluster.groups = ["apps"]
    return cluster


@pytest.mark.parametrize("params", [{}, {"selinux": "permissive"}, {"state": "absent"}, {"selinux": "unmanaged"}])
def test_other_kubernetes_has_no_machine_configs(params: dict[str, t.Any]) -> None:
    cluster = without_pools(openshift=False)
    planned = cluster.plan(**params)
    assert codes_of(planned) == {"not_served"} and planned.checks == {"selinux": "not_applicable"}
    assert planned.findings[0].severity == "info" and len(cluster.requests) == 3


def test_a_hosted_control_plane_gets_the_config_map_as_yaml() -> None:
    planned = without_pools(topology="External").plan(platform=None)
    finding = said(planned, "hosted_control_plane")
    assert planned.changes == () and finding.severity == "error" and finding.evidence["config_map"] in finding.remedy
    outer = yaml.safe_load(finding.evidence["config_map"])
    assert (outer["kind"], outer["metadata"]) == ("ConfigMap", {"name": NAME})
    assert yaml.safe_load(outer["data"]["config"]) == {
        "apiVersion": f"{MCO}/v1",
        "kind": "MachineConfig",
        "metadata": {"name": NAME, "labels": {f"{MCO}/role": "worker", "app.kubernetes.io/managed-by": "azureml.kubernetes"}},
        "spec": {"kernelArguments": ["selinux=0"]},
    }


def test_arguments_survive_the_yaml() -> None:
    argument = "dyndbg=\"file a.c: +p # 'x'\""
    planned = without_pools(topology="External").plan(kernel_arguments=[argument], name="99-x")
    outer = yaml.safe_load(said(planned, "hosted_control_plane").evidence["config_map"])
    assert yaml.safe_load(outer["data"]["config"])["spec"]["kernelArguments"] == [argument]


def test_a_hosted_control_plane_on_the_way_back_and_when_only_looking() -> None:
    cluster = without_pools(topology="External")
    assert "Remove ConfigMap" in said(cluster.plan(state="absent"), "hosted_control_plane").remedy
    quiet = cluster.plan(selinux="unmanaged")
    assert said(quiet, "hosted_control_plane").severity == "info" and quiet.checks == {"selinux": "unknown"}
    hurts = cluster.plan(selinux="unmanaged", training=True, sdk_v1_datasets=True)
    assert said(hurts, "hosted_control_plane").severity == "warning"


def test_openshift_whose_provider_keeps_the_nodes() -> None:
    planned = without_pools().plan()
    assert said(planned, "not_served").severity == "error" and planned.checks == {"selinux": "error"}


def test_why_there_are_no_pools_may_be_unreadable() -> None:
    cluster = without_pools()
    cluster.forbidden.add("/apis/config.openshift.io/v1/infrastructures")
    planned = cluster.plan()
    assert said(planned, "unreadable").severity == "error" and planned.checks == {"selinux": "unknown"}
    assert cluster.plan(platform="aro_hcp").findings[0].code == "selinux.hosted_control_plane"
    assert cluster.plan(platform="eks").checks == {"selinux": "not_applicable"}


# Looking only

HURTS = {"selinux": "unmanaged", "training": True, "sdk_v1_datasets": True}


@pytest.mark.parametrize("params", [{}, {"training": True}, {"sdk_v1_datasets": True}])
def test_without_training_on_datasets_of_v1_nobody_is_asked(cluster: Cluster, params: dict[str, t.Any]) -> None:
    planned = cluster.plan(selinux="unmanaged", **params)
    assert planned.findings == () and planned.checks == {"selinux": "ok"} and asked(cluster) == (2, 0)


def test_enforcing_hurts_training_on_datasets_of_v1(cluster: Cluster) -> None:
    planned = cluster.plan(**HURTS)
    finding = said(planned, "datasets_fail")
    assert planned.changes == () and finding.evidence == ["worker-0", "worker-1", "worker-2"] and asked(cluster) == (4, 3)
    assert planned.checks == {"selinux": "warning"} and planned.facts["machine_config"]["done"] is None


def test_every_worker_is_looked_at_whatever_its_pool(cluster: Cluster) -> None:
    cluster.node("both", ["master", "worker"])
    cluster.converge()
    cluster.finish()
    planned = cluster.plan(**HURTS)
    assert said(planned, "datasets_fail").evidence == ["both"]
    shown = {node["name"]: (node["pool"], node["selinux"]) for node in planned.facts["machine_config"]["nodes"]}
    assert shown["both"] == ("master", "enforcing") and shown["worker-0"] == ("worker", "disabled") and len(shown) == 4


def test_permissive_may_not_be_enough(cluster: Cluster) -> None:
    cluster.converge(selinux="permissive")
    assert codes_of(cluster.plan(**HURTS)) == {"permissive_undocumented"}


def test_disabled_hurts_nobody(cluster: Cluster) -> None:
    cluster.converge()
    planned = cluster.plan(**HURTS)
    assert planned.findings == () and planned.checks == {"selinux": "ok"}


@pytest.mark.parametrize(
    ("path", "code"), [(f"{DAEMONS}", "unverified"), (NODES, "unreadable"), (f"{DAEMONS}/mcd-worker-0/exec", "unverified")]
)
def test_who_may_not_ask_does_not_know(cluster: Cluster, path: str, code: str) -> None:
    cluster.converge()
    cluster.forbidden.add(path)
    planned = cluster.plan(**HURTS)
    assert codes_of(planned) == {code} and planned.checks == {"selinux": "unknown"}


def test_who_may_not_list_pools_does_not_know(cluster: Cluster) -> None:
    cluster.forbidden.add(POOLS)
    planned = cluster.plan(**HURTS)
    assert said(planned, "unreadable").severity == "warning" and planned.checks == {"selinux": "unknown"}
