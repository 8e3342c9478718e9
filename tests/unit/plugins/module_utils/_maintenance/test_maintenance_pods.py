"""Which pods leave, what their leaving means, and what PodDisruptionBudgets say to it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.budgets import selects

from tests.unit.plugins.module_utils._maintenance.maintenance_cluster import Cluster, codes_of, evicted, request_of

pytestmark = pytest.mark.selinux

ALL: dict[str, t.Any] = {}


def test_daemon_static_and_finished_pods_stay(cluster: Cluster) -> None:
    cluster.pod("daemon", owner="DaemonSet")
    cluster.pod("static", owner="Node", metadata={"annotations": {"kubernetes.io/config.mirror": "x"}})
    cluster.pod("done", phase="Succeeded")
    cluster.pod("failed", phase="Failed")
    cluster.pod("elsewhere", owner="ReplicaSet", node="worker-2")
    cluster.pod("set", owner="StatefulSet")
    plan = cluster.plan(request_of())
    assert evicted(plan) == ["set", "web"]
    assert plan.facts["node_maintenance"]["pods"] == ["team/set", "team/web"]


def test_pods_that_leave_already_are_only_waited_for(cluster: Cluster) -> None:
    cluster.lists["/api/v1/pods"]["web"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    plan = cluster.plan(request_of())
    assert evicted(plan) == [] and plan.wait is not None and len(plan.changes) == 1


def test_unmanaged_pods_need_consent(cluster: Cluster) -> None:
    cluster.pod("alone")
    cluster.pod("adopted", metadata={"ownerReferences": [{"kind": "X", "name": "x"}]})
    plan = cluster.plan(request_of())
    classes = {change.object.name: change.disruptive for change in plan.changes}
    assert classes["alone"] == classes["adopted"] == {"reboots_nodes", "deletes_data"} and classes["web"] == {"reboots_nodes"}
    (finding,) = plan.findings
    assert finding.code == "maintenance.unmanaged_pods" and finding.evidence == ["team/adopted", "team/alone"]


@pytest.mark.parametrize(
    ("labels", "namespace", "job"),
    [
        ({"ml.azure.com/compute": "k8s"}, "team", True),
        ({"ml.azure.com/compute": "k8s", "azuremlappname": "endpoint"}, "team", False),
        ({"ml.azure.com/amlarc-system": "true"}, "azureml", False),
        ({"ml.azure.com/infra-app": "azureml-fe"}, "azureml", False),
        ({"app": "web"}, "team", False),
    ],
)
def test_jobs_need_consent_and_are_named(cluster: Cluster, labels: dict[str, str], namespace: str, job: bool) -> None:
    cluster.pod("train", owner="Job", labels=labels, namespace=namespace)
    plan = cluster.plan(request_of())
    assert ("disturbs_jobs" in plan.disruptive) is job
    assert codes_of(plan) == ({"maintenance.jobs_running"} if job else set())
    assert not job or "team/train" in plan.findings[0].message


def test_data_that_goes_with_the_pod(cluster: Cluster) -> None:
    cluster.pod("memory", owner="ReplicaSet", spec={"volumes": [{"name": "a", "emptyDir": {"medium": "Memory"}}]})
    cluster.pod("disk", owner="ReplicaSet", spec={"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "configMap": {}}]})
    plan = cluster.plan(request_of())
    (finding,) = plan.findings
    assert finding.code == "maintenance.local_data" and finding.evidence == ["team/disk"] and plan.disruptive == {"reboots_nodes"}


def test_long_lists_are_cut(cluster: Cluster) -> None:
    for number in range(7):
        cluster.pod(f"alone-{number}")
    (finding,) = cluster.plan(request_of()).findings
    assert "team/alone-4 and 2 more" in finding.message and len(finding.evidence) == 7


def test_a_budget_that_blocks_is_named_and_tried_again(cluster: Cluster) -> None:
    cluster.budget("two-of-three", {"matchLabels": {"app": "web"}})
    cluster.pod("web-0", owner="ReplicaSet", labels={"app": "web"})
    plan = cluster.plan(request_of())
    (finding,) = plan.findings
    assert finding.code == "maintenance.budget_blocks" and finding.resolvable
    assert finding.subject == "PodDisruptionBudget/team/two-of-three" and "team/web-0" in finding.message
    assert "2 of 3 pods are healthy, 2 have to be" in finding.message
    assert evicted(plan) == ["web", "web-0"] and plan.wait is not None and "holds team/web-0" in plan.wait.text
    assert plan.wait.estimate == 0.0, "nobody can tell"


def test_a_budget_that_never_allows_it_stops_before_anything_is_written(cluster: Cluster) -> None:
    cluster.budget("always-one", ALL, currentHealthy=1, desiredHealthy=1, expectedPods=1)
    plan = cluster.plan(request_of())
    assert codes_of(plan) == {"maintenance.budget_forbids"} and plan.changes == () and plan.wait is None
    cluster.budget("always-one", ALL, currentHealthy=1, desiredHealthy=1, expectedPods=1, generation=2)
    assert codes_of(cluster.plan(request_of())) == {"maintenance.budget_blocks"}, "its status is old"


def test_two_budgets_for_one_pod(cluster: Cluster) -> None:
    cluster.budget("one", ALL, disruptionsAllowed=1)
    cluster.budget("two", {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, disruptionsAllowed=1)
    plan = cluster.plan(request_of())
    (finding,) = plan.findings
    assert finding.code == "maintenance.several_budgets" and finding.subject == "Pod/team/web" and plan.changes == ()
    assert "PodDisruptionBudget/team/one, PodDisruptionBudget/team/two" in finding.message


@pytest.mark.parametrize(
    ("pod", "budget"),
    [
        ({}, {"disruptionsAllowed": 1}),
        ({"phase": "Pending", "ready": "False"}, {"currentHealthy": 1}),
        ({"ready": "False"}, {}),
        ({"ready": "False"}, {"currentHealthy": 1, "spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}),
        ({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, {}),
        ({"namespace": "other"}, {}),
    ],
    ids=["allowed", "pending", "unhealthy and enough others", "unhealthy and always", "leaving", "other namespace"],
)
def test_pods_that_a_budget_lets_go(pod: dict[str, t.Any], budget: dict[str, t.Any]) -> None:
    cluster = Cluster()
    cluster.node("worker-1")
    cluster.node("worker-2")
    cluster.pod("web", owner="ReplicaSet", **pod)
    cluster.budget("budget", ALL, **budget)
    assert codes_of(cluster.plan(request_of())) == set()


def test_an_unhealthy_pod_is_held_when_too_few_others_are_healthy(cluster: Cluster) -> None:
    cluster.pod("web", owner="ReplicaSet", ready="False")
    cluster.budget("budget", ALL, currentHealthy=1)
    assert codes_of(cluster.plan(request_of())) == {"maintenance.budget_blocks"}


def test_a_null_selector_selects_nothing(cluster: Cluster) -> None:
    cluster.budget("budget", None)
    assert codes_of(cluster.plan(request_of())) == set()


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        ({}, {}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}, {"a": "1"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {"a": "1"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {}, True),
    ],
)
def test_label_selectors(selector: dict[str, t.Any], labels: dict[str, str], selected: bool) -> None:
    assert selects(selector, labels) is selected
