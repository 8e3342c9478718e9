"""Methods rbac and rbac_cluster, and which method applies where."""

from __future__ import annotations

import copy
import itertools
import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import MANAGED_BY

from tests.unit.plugins.module_utils._scc.scc_cluster import (
    RBAC,
    ROLE,
    SHIPPED_USERS,
    Cluster,
    Json,
    Rejected,
    codes_of,
    request_of,
    states_of,
)

pytestmark = pytest.mark.scc

NAME = "azureml-scc-privileged"


def binding_path(namespace: str) -> str:
    return f"{RBAC}/namespaces/{namespace}/rolebindings/{NAME}"


CLUSTER_BINDING = f"{RBAC}/clusterrolebindings/{NAME}"
FOREIGN = {"roleRef": {"kind": "ClusterRole", "name": "view"}, "subjects": [{"kind": "User", "name": "somebody"}]}


@pytest.fixture
def ready(cluster: Cluster) -> Cluster:
    """All namespaces exist."""
    cluster.namespace("azureml", "azure-arc", "ml-team")
    return cluster


def test_one_binding_per_namespace_with_service_account_subjects(ready: Cluster) -> None:
    plan = ready.run(request_of(method="rbac"))
    assert [str(change.object) for change in plan.changes] == [
        f"RoleBinding/azure-arc/{NAME}",
        f"RoleBinding/azureml/{NAME}",
        f"RoleBinding/ml-team/{NAME}",
    ]
    binding = ready.objects[binding_path("azureml")]
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "system:openshift:scc:privileged",
    }
    assert len(binding["subjects"]) == 9
    assert {(s["kind"], s["namespace"]) for s in binding["subjects"]} == {("ServiceAccount", "azureml")}
    assert binding["metadata"]["labels"] == MANAGED_BY
    assert ready.users == SHIPPED_USERS
    assert set(states_of(plan).values()) == {"granted"}
    assert "system:openshift:scc:privileged" not in codes_of(ready.plan(request_of(method="rbac")))


def test_namespaces_are_created_but_never_azure_arc(cluster: Cluster) -> None:
    plan = cluster.run(request_of(method="rbac", extra_accounts=["tools:probe"]))
    created = [change for change in plan.changes if change.object.kind == "Namespace"]
    assert [change.object.name for change in created] == ["azureml", "ml-team"]
    assert cluster.objects["/api/v1/namespaces/azureml"]["metadata"]["labels"] == MANAGED_BY
    deferred = [f.subject for f in plan.findings if f.code == "scc.deferred"]
    assert deferred == ["Namespace/azure-arc", "Namespace/tools"]
    assert states_of(plan)["azure-arc:azure-arc-kube-aad-proxy-sa"] == "deferred"
    assert cluster.plan(request_of(method="rbac")).checks == {"scc": "ok"}
    cluster.namespace("azure-arc")
    later = cluster.run(request_of(method="rbac"))
    assert [str(change.object) for change in later.changes] == [f"RoleBinding/azure-arc/{NAME}"]


def test_a_terminating_namespace_is_an_error_and_the_others_are_written(ready: Cluster) -> None:
    ready.namespace("ml-team", deletionTimestamp="2026-09-01T00:00:00Z")
    plan = ready.run(request_of(method="rbac"))
    assert "scc.namespace_terminating" in codes_of(plan) and plan.checks == {"scc": "error"}
    assert [change.object.namespace for change in plan.changes] == ["azure-arc", "azureml"]


def test_a_second_namespace_gets_its_own_binding_only(ready: Cluster) -> None:
    ready.run(request_of(method="rbac"))
    ready.namespace("ml-two")
    plan = ready.run(request_of(method="rbac", compute_namespaces=["ml-team", "ml-two"]))
    assert [str(change.object) for change in plan.changes] == [f"RoleBinding/ml-two/{NAME}"]


def test_subjects_are_appended_to_our_binding_and_foreign_ones_kept(ready: Cluster) -> None:
    ready.run(request_of(method="rbac"))
    before = copy.deepcopy(ready.objects[binding_path("azureml")]["subjects"])
    foreign: Json = {"kind": "Group", "name": "operators", "apiGroup": "rbac.authorization.k8s.io"}
    ready.objects[binding_path("azureml")]["subjects"].insert(1, foreign)
    plan = ready.run(request_of(method="rbac", extra_accounts=["azureml:mine"]))
    expected = [before[0], foreign, *before[1:], {"kind": "ServiceAccount", "name": "mine", "namespace": "azureml"}]
    assert ready.objects[binding_path("azureml")]["subjects"] == expected
    assert [change.write.kind for change in plan.changes if change.write] == ["json_patch"]


def test_two_creations_at_once_lose_nothing(ready: Cluster) -> None:
    first = ready.plan(request_of(method="rbac", extra_accounts=["azureml:one"]))
    second = ready.plan(request_of(method="rbac", extra_accounts=["azureml:two"]))
    for change in first.changes:
        ready.write(change)
    with pytest.raises(Rejected) as caught:
        ready.write(second.changes[0])
    assert caught.value.status == 409
    ready.run(request_of(method="rbac", extra_accounts=["azureml:two"]))
    names = [s["name"] for s in ready.objects[binding_path("azureml")]["subjects"]]
    assert names[-2:] == ["one", "two"] and len(names) == 11


@pytest.mark.parametrize("method, path", [("rbac", binding_path("azureml")), ("rbac_cluster", CLUSTER_BINDING)])
@pytest.mark.parametrize(
    "marks, code", [({}, "scc.binding_foreign"), ({"labels": {"argocd.argoproj.io/instance": "x"}}, "scc.gitops_managed")]
)
def test_a_foreign_binding_of_our_name_is_left_alone(ready: Cluster, method: str, path: str, marks: Json, code: str) -> None:
    stored = ready.put(path, {**FOREIGN, "metadata": marks})
    plan = ready.run(request_of(method=method))
    assert code in codes_of(plan) and plan.checks == {"scc": "error"}
    assert ready.objects[path] == stored
    assert states_of(plan)["azureml:default"] == "missing"
    ready.run(request_of(method=method, state="absent"))
    assert ready.objects[path] == stored


def test_one_cluster_role_binding(cluster: Cluster) -> None:
    plan = cluster.run(request_of(method="rbac_cluster"))
    assert [str(change.object) for change in plan.changes] == [f"ClusterRoleBinding/{NAME}"]
    assert len(cluster.objects[CLUSTER_BINDING]["subjects"]) == 11
    assert not [path for path in cluster.objects if path == "/api/v1/namespaces/azureml"]
    plan = cluster.run(request_of(method="rbac_cluster", compute_namespaces=["ml-team", "ml-two"]))
    assert [change.verb for change in plan.changes] == ["update"]
    assert len(cluster.objects[CLUSTER_BINDING]["subjects"]) == 12


@pytest.mark.parametrize("method", ["rbac", "rbac_cluster"])
def test_a_missing_cluster_role_is_made_as_oc_makes_it(ready: Cluster, method: str) -> None:
    del ready.objects[ROLE]
    plan = ready.run(request_of(method=method))
    assert plan.changes[0].object.kind == "ClusterRole"
    (rule,) = ready.objects[ROLE]["rules"]
    assert rule["resourceNames"] == ["privileged"] and rule["verbs"] == ["use"]


@pytest.mark.parametrize("method", ["rbac", "rbac_cluster"])
def test_bindings_that_may_not_be_read_stop_the_grant(ready: Cluster, method: str) -> None:
    ready.forbidden |= {f"{RBAC}/rolebindings", f"{RBAC}/clusterrolebindings"}
    plan = ready.run(request_of(method=method))
    assert plan.changes == () and plan.checks == {"scc": "error"} and "scc.unreadable" in codes_of(plan)
    absent = ready.run(request_of(method=method, state="absent"))
    assert absent.checks == {"scc": "error"} and "scc.unreadable" in codes_of(absent)


def test_an_unreadable_namespace_counts_as_there(ready: Cluster) -> None:
    ready.forbidden.add("/api/v1/namespaces/ml-team")
    plan = ready.plan(request_of(method="rbac"))
    assert f"RoleBinding/ml-team/{NAME}" in [str(change.object) for change in plan.changes]


def test_auto_becomes_rbac_where_the_platform_refuses(ready: Cluster) -> None:
    ready.rosa()
    plan = ready.run(request_of())
    (finding,) = [f for f in plan.findings if f.code == "scc.method_chosen"]
    assert "sre-scc-validation" in finding.message and plan.facts["scc"]["method"] == "rbac"
    assert ready.users == SHIPPED_USERS and len(ready.writes) == 3
    assert set(states_of(ready.plan(request_of())).values()) == {"already"}


def test_users_on_a_platform_that_refuses_it_writes_nothing(ready: Cluster) -> None:
    ready.rosa()
    plan = ready.run(request_of(method="users"))
    (finding,) = [f for f in plan.findings if f.code == "scc.method_refused"]
    assert finding.severity == "error" and "rbac" in finding.remedy
    assert plan.changes == () and set(states_of(plan).values()) == {"missing"}


def test_an_scc_of_ones_own_is_not_refused(ready: Cluster) -> None:
    ready.rosa()
    ready.put("/apis/security.openshift.io/v1/securitycontextconstraints/own", {})
    plan = ready.run(request_of(method="users", scc="own"))
    assert "scc.method_refused" not in codes_of(plan) and len(plan.changes) == 1


@pytest.mark.parametrize("platform, method", [("rosa", "rbac"), ("osd", "rbac"), ("aro", "users"), ("ocp", "users")])
def test_the_users_word_on_the_platform_wins(ready: Cluster, platform: str, method: str) -> None:
    assert ready.run(request_of(platform=platform)).facts["scc"]["method"] == method


def test_brand_rosa_without_the_webhook(ready: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import Platform
    from ansible_collections.azureml.kubernetes.plugins.module_utils._scc import live

    monkeypatch.setattr(live, "detect", lambda _snapshot: Platform("rosa", ("brand ROSA",), managed_openshift=True))
    plan = ready.run(request_of())
    assert plan.facts["scc"]["method"] == "rbac" and "brand ROSA" in next(
        f.message for f in plan.findings if f.code == "scc.method_chosen"
    )


def test_an_unknown_platform_is_said_and_users_is_tried(ready: Cluster) -> None:
    ready.forbidden |= {"/apis/admissionregistration.k8s.io", "/apis/config.openshift.io"}
    ready.answer, answer = (lambda read: ready_forbids(read, answer)), ready.answer  # type: ignore[method-assign]
    plan = ready.run(request_of())
    assert plan.facts["scc"]["method"] == "users"
    assert any(f.code == "scc.unreadable" and "refuses" in f.message for f in plan.findings)


def ready_forbids(read: t.Any, answer: t.Callable[[t.Any], t.Any]) -> t.Any:
    """Discovery itself is forbidden, too."""
    from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer

    return Answer(403) if read.path == "/apis" else answer(read)


@pytest.mark.parametrize("first, second", list(itertools.permutations(["users", "rbac", "rbac_cluster"], 2)))
def test_switching_the_method_neither_duplicates_nor_leaves_silently(ready: Cluster, first: str, second: str) -> None:
    ready.run(request_of(method=first))
    plan = ready.run(request_of(method=second))
    (finding,) = [f for f in plan.findings if f.code == "scc.method_differs"]
    assert plan.changes == () and len(finding.evidence) == 11
    assert f"state absent and method {first}" in finding.remedy and f"method {second}" in finding.remedy
    ready.run(request_of(method=first, state="absent"))
    moved = ready.run(request_of(method=second))
    assert "scc.method_differs" not in codes_of(moved) and set(states_of(moved).values()) == {"granted"}


@pytest.mark.parametrize("method", ["rbac", "rbac_cluster"])
def test_exclusive_drops_subjects_and_empty_bindings(ready: Cluster, method: str) -> None:
    ready.namespace("old")
    ready.run(request_of(method=method, compute_namespaces=["old", "ml-team"], extra_accounts=["azureml:extra"]))
    assert "scc.leftover_grant" in codes_of(ready.run(request_of(method=method)))
    plan = ready.run(request_of(method=method, exclusive=True))
    assert {"old:default": "removed", "azureml:extra": "removed"}.items() <= states_of(plan).items()
    left = [s for path, item in ready.objects.items() if path.endswith(NAME) for s in item["subjects"]]
    assert len(left) == 11 and not [s for s in left if s["name"] == "extra" or s["namespace"] == "old"]
    assert binding_path("old") not in ready.objects
