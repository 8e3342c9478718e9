"""Which Node is in which pool, how many go at once, and what a node is doing."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.nodes import host, is_windows, node
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.pools import Pool, assign, at_once, takes
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._selinux.selinux_cluster import MCO, RHCOS, RHEL, Cluster

pytestmark = pytest.mark.selinux
NEW, OLD = "rendered-worker-new", "rendered-worker-old"


@pytest.mark.parametrize(
    ("value", "nodes", "expected"),
    [
        (None, 10, 1),
        (3, 10, 3),
        (0, 10, 1),
        (-1, 10, 1),
        ("25%", 10, 2),
        ("1%", 10, 1),
        ("0%", 10, 1),
        ("100%", 10, 10),
        ("50%", 0, 1),
        ("3", 10, 1),
        ("many", 10, 1),
        (True, 10, 1),
        ([], 10, 1),
        ("33%", 3, 1),
        ("34%", 3, 1),
        ("67%", 3, 2),
    ],
)
def test_max_unavailable(value: t.Any, nodes: int, expected: int) -> None:
    assert at_once(value, nodes) == expected


@given(st.integers(0, 100), st.integers(1, 500))
def test_a_percentage_is_rounded_down_but_never_to_nothing(percent: int, nodes: int) -> None:
    taken = at_once(f"{percent}%", nodes)
    assert 1 <= taken <= nodes
    assert taken == 1 or taken * 100 <= percent * nodes < (taken + 1) * 100


@given(st.one_of(st.none(), st.text(), st.integers(), st.booleans(), st.floats(), st.lists(st.integers())))
def test_whatever_stands_there_is_a_number_of_nodes(value: t.Any) -> None:
    assert at_once(value, 7) >= 1


@pytest.mark.parametrize(
    ("nodes", "value", "name", "rounds", "factor"),
    [
        (10, 1, "worker", 10, 1),
        (10, 3, "worker", 4, 1),
        (10, "50%", "worker", 2, 1),
        (1, 1, "worker", 1, 1),
        (3, 1, "master", 3, 1.3),
    ],
)
def test_time_grows_with_the_rounds(nodes: int, value: t.Any, name: str, rounds: int, factor: float) -> None:
    members = tuple(node({"metadata": {"name": f"n{i}"}}) for i in range(nodes))
    pool = Pool(name, {"spec": {"maxUnavailable": value}}, members)
    assert pool.timeout == pytest.approx(rounds * 900 * factor + 300)
    assert pool.seconds == pytest.approx(rounds * 780 * factor)


def members(cluster: Cluster) -> dict[str, list[str]]:
    pools = [item for path, item in cluster.objects.items() if "/machineconfigpools/" in path]
    nodes = [node(item) for path, item in cluster.objects.items() if path.startswith("/api/v1/nodes/")]
    return {pool.name: [one.name for one in pool.nodes] for pool in assign(pools, nodes).pools}


def test_master_beats_a_pool_of_ones_own_beats_worker(cluster: Cluster) -> None:
    cluster.pool("gpu")
    cluster.pool("arbiter", {"matchLabels": {f"{MCO}/role": "arbiter"}})
    cluster.node("both", ["master", "worker", "gpu"])
    cluster.node("g", ["worker", "gpu"])
    cluster.node("only", ["gpu"])
    cluster.node("a", ["arbiter", "worker"])
    cluster.node("none", ["infra"])
    assert members(cluster) == {
        "master": ["master-0", "master-1", "master-2", "both"],
        "worker": ["worker-0", "worker-1", "worker-2"],
        "gpu": ["g", "only"],
        "arbiter": ["a"],
    }


def test_two_pools_of_ones_own_leave_a_node_without_any(cluster: Cluster) -> None:
    cluster.pool("gpu")
    cluster.pool("infra")
    nodes = [node(cluster.node("x", ["worker", "gpu", "infra"])), node(cluster.node("m", ["master", "gpu", "infra"]))]
    assigned = assign([cluster.of_pool(name) for name in ("master", "worker", "gpu", "infra")], nodes)
    assert assigned.disputed == {"x": ("gpu", "infra")}
    assert [(pool.name, len(pool.nodes)) for pool in assigned.pools] == [("master", 1), ("worker", 0), ("gpu", 0), ("infra", 0)]


@pytest.mark.parametrize(
    ("selector", "role", "taken"),
    [
        ({"matchLabels": {f"{MCO}/role": "worker"}}, "worker", True),
        ({"matchLabels": {f"{MCO}/role": "worker"}}, "gpu", False),
        ({"matchExpressions": [{"key": f"{MCO}/role", "operator": "In", "values": ["worker", "gpu"]}]}, "worker", True),
        ({"matchExpressions": [{"key": f"{MCO}/role", "operator": "NotIn", "values": ["worker"]}]}, "worker", False),
        ({}, "worker", False),
        (None, "worker", False),
    ],
)
def test_which_pools_take_a_machine_config(selector: t.Any, role: str, taken: bool) -> None:
    assert takes({"spec": {"machineConfigSelector": selector}}, {f"{MCO}/role": role}) is taken


@pytest.mark.parametrize(
    ("image", "os_id", "expected"),
    [
        (RHCOS, "rhel", True),
        ("Red Hat Enterprise Linux CoreOS 412.86 (Ootpa)", "rhcos", True),
        ("Fedora CoreOS 39.20231119.3.0", "fedora", True),
        ("CentOS Stream CoreOS 9.0", "centos", True),
        ("", "rhcos", True),
        (RHEL, "rhel", False),
        ("", "rhel", False),
        ("", "", False),
    ],
)
def test_image_based(image: str, os_id: str, expected: bool) -> None:
    """Since 4.19 RHCOS calls itself rhel, so the label alone decides nothing."""
    labels = {"node.openshift.io/os_id": os_id}
    item = {"metadata": {"name": "n", "labels": labels}, "status": {"nodeInfo": {"osImage": image}}}
    assert node(item).image_based is expected


@pytest.mark.parametrize(
    ("marks", "ready", "cordoned", "phase"),
    [
        ({"currentConfig": OLD, "desiredConfig": OLD, "state": "Done"}, True, False, ""),
        ({"currentConfig": OLD, "desiredConfig": NEW, "state": "Done"}, True, False, "gets its configuration"),
        (
            {"currentConfig": OLD, "desiredConfig": NEW, "state": "Working", "desiredDrain": "drain-x"},
            True,
            False,
            "is to be drained",
        ),
        ({"currentConfig": OLD, "desiredConfig": NEW, "state": "Working", "desiredDrain": "drain-x"}, True, True, "is drained"),
        (
            {
                "currentConfig": OLD,
                "desiredConfig": NEW,
                "state": "Working",
                "desiredDrain": "drain-x",
                "lastAppliedDrain": "drain-x",
            },
            True,
            True,
            "gets its configuration",
        ),
        ({"currentConfig": OLD, "desiredConfig": NEW, "state": "Rebooting"}, True, True, "reboots"),
        ({"currentConfig": OLD, "desiredConfig": NEW, "state": "Working"}, False, True, "reboots"),
        ({"currentConfig": OLD, "desiredConfig": NEW, "state": "Degraded"}, True, True, "is stuck"),
        ({"currentConfig": OLD, "desiredConfig": NEW, "state": "Unreconcilable"}, True, False, "is stuck"),
        ({"currentConfig": NEW, "desiredConfig": NEW, "state": "Done"}, True, True, "comes back"),
        ({"currentConfig": NEW, "desiredConfig": NEW, "state": "Done"}, False, False, "comes back"),
        ({"currentConfig": NEW, "desiredConfig": NEW, "state": "Done"}, True, False, ""),
        ({}, True, False, ""),
    ],
)
def test_phases(marks: dict[str, str], ready: bool, cordoned: bool, phase: str) -> None:
    item = {
        "metadata": {"name": "n", "annotations": {f"{MCO}/{key}": value for key, value in marks.items()}},
        "spec": {"unschedulable": cordoned},
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }
    assert node(item).phase(NEW) == phase


@pytest.mark.parametrize(
    ("stdout", "mode", "words"),
    [
        ("Disabled\nroot=x selinux=0\n", "disabled", "getenforce says Disabled; /proc/cmdline has selinux=0"),
        ("Enforcing\nroot=x\n", "enforcing", "neither selinux= nor enforcing="),
        ("Permissive\n\nenforcing=0 a", "permissive", "enforcing=0"),
        ("root=x selinux=0\n", None, "getenforce gave no mode: 'sh: getenforce: not found'"),
        ("Disabled\n", "disabled", "no kernel command line"),
        ("", None, "no kernel command line: 'sh: getenforce: not found'"),
    ],
)
def test_hosts(stdout: str, mode: str | None, words: str) -> None:
    answer = host(stdout, "sh: getenforce: not found")
    assert answer.mode == mode and words in answer.evidence
    assert bool(answer.trouble) is ("/proc/cmdline" not in answer.evidence)


def test_windows_nodes_are_no_business_of_the_machine_config_operator() -> None:
    assert is_windows({"metadata": {"labels": {"kubernetes.io/os": "windows"}}})
    assert is_windows({"status": {"nodeInfo": {"operatingSystem": "windows"}}})
    assert not is_windows({"metadata": {"labels": {"kubernetes.io/os": "linux"}}})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda c: st.lists(c) | st.dictionaries(st.text(max_size=9), c),
    )
)
def test_odd_nodes_and_pools_do_not_break_anything(odd: t.Any) -> None:
    for item in (
        {"metadata": odd, "spec": odd, "status": odd},
        {"status": {"nodeInfo": odd, "conditions": odd}},
        {"metadata": {"annotations": odd, "labels": odd}},
    ):
        one = node(item)
        assert one.phase("x") in ("", "reboots")
        pool = Pool("p", {**item, "spec": {"configuration": odd, "maxUnavailable": odd, "nodeSelector": odd}}, (one,))
        assert pool.at_once >= 1 and pool.settled in (True, False) and pool.words("Degraded") == ""
        assign([item], [one])
