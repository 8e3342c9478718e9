"""Method users: one patch on a list that others edit too."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.unit.plugins.module_utils._scc.scc_cluster import (
    PRIVILEGED,
    SCCS,
    SHIPPED_GROUPS,
    SHIPPED_USERS,
    Cluster,
    Rejected,
    codes_of,
    request_of,
    states_of,
)

pytestmark = pytest.mark.scc

ANNOTATION = "azureml.kubernetes/scc-users"


def user(short: str) -> str:
    return f"system:serviceaccount:{short}"


WANTED = [account.user for account in request_of().wanted("azureml")]


@pytest.mark.parametrize("users", [[], SHIPPED_USERS, ["z", user("azureml:default"), "a", "z"]])
@pytest.mark.parametrize("annotations", ["absent", None, {}, {"a/b": "c"}])
def test_entries_are_appended_and_recorded_in_one_write(cluster: Cluster, users: list[str], annotations: t.Any) -> None:
    cluster.scc["users"] = list(users)
    if annotations != "absent":
        cluster.scc["metadata"]["annotations"] = annotations
    plan = cluster.run(request_of())
    added = [name for name in WANTED if name not in users]
    assert cluster.users == users + added
    assert cluster.scc["groups"] == SHIPPED_GROUPS
    assert len(cluster.writes) == 1 and cluster.writes[0].kind == "json_patch"
    assert cluster.writes[0].body[0]["op"] == "test"
    marks = cluster.scc["metadata"]["annotations"]
    assert json.loads(marks[ANNOTATION]) == added
    assert {key: value for key, value in marks.items() if key != ANNOTATION} == (
        annotations if isinstance(annotations, dict) else {}
    )
    assert cluster.plan(request_of()).checks == {"scc": "ok"} and not plan.disruptive
    assert plan.facts["scc"]["method"] == "users"
    assert set(states_of(plan).values()) <= {"granted", "already"}


@pytest.mark.parametrize("users", ["absent", None])
def test_users_null_or_absent(cluster: Cluster, users: t.Any) -> None:
    del cluster.scc["users"]
    if users is None:
        cluster.scc["users"] = None
    cluster.run(request_of())
    assert cluster.users == WANTED


def test_missing_accounts_are_an_error_that_the_change_resolves(cluster: Cluster) -> None:
    plan = cluster.plan(request_of())
    (finding,) = [f for f in plan.findings if f.code == "scc.missing_account"]
    assert finding.severity == "error" and finding.resolvable and finding.evidence == WANTED
    assert plan.checks == {"scc": "error"}
    assert codes_of(cluster.after(request_of())) == set()


def test_a_change_shows_the_lists(cluster: Cluster) -> None:
    (change,) = cluster.plan(request_of()).changes
    assert change.before == {"users": SHIPPED_USERS, "metadata": {"annotations": {ANNOTATION: None}}}
    assert change.after["users"] == SHIPPED_USERS + WANTED
    assert str(change.object) == "SecurityContextConstraints/privileged"
    assert "11 accounts" in change.reason


def test_eleven_accounts_and_twenty_namespaces_are_one_write(cluster: Cluster) -> None:
    cluster.run(request_of(compute_namespaces=[f"team-{number}" for number in range(20)]))
    assert len(cluster.writes) == 1 and len(cluster.users) == len(SHIPPED_USERS) + 30


@pytest.mark.parametrize("method", ["auto", "users"])
def test_a_run_with_nothing_to_do_makes_three_requests(cluster: Cluster, method: str) -> None:
    cluster.run(request_of(method=method))
    cluster.requests.clear()
    plan = cluster.plan(request_of(method=method))
    assert plan.changes == () and set(states_of(plan).values()) == {"already"}
    assert len(cluster.requests) == 3
    assert [read.metadata_only for read in cluster.requests] == [True, False, True]


def test_a_write_between_read_and_patch_is_noticed(cluster: Cluster) -> None:
    (change,) = cluster.plan(request_of()).changes
    cluster.put(PRIVILEGED, {**cluster.scc, "users": ["newcomer"]})
    with pytest.raises(Rejected) as caught:
        cluster.write(change)
    assert caught.value.status == 422 and cluster.users == ["newcomer"]
    cluster.run(request_of())
    assert cluster.users == ["newcomer", *WANTED]


@pytest.mark.parametrize("group", ["system:serviceaccounts:azureml", "system:serviceaccounts", "system:authenticated"])
def test_an_account_allowed_by_a_group_is_not_granted_again(cluster: Cluster, group: str) -> None:
    cluster.scc["groups"].append(group)
    plan = cluster.run(request_of())
    entry = next(e for e in plan.facts["scc"]["accounts"] if e["account"] == user("azureml:default"))
    assert entry == {"account": user("azureml:default"), "allowed_by": f"group {group}", "state": "already"}
    assert user("azureml:default") not in cluster.users


def test_an_account_allowed_by_somebody_elses_binding_is_not_granted_again(cluster: Cluster) -> None:
    binding = {
        "roleRef": {"kind": "ClusterRole", "name": "system:openshift:scc:privileged"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "azureml", "name": "default"}],
    }
    base = "/apis/rbac.authorization.k8s.io/v1"
    cluster.put(f"{base}/namespaces/azureml/rolebindings/system:openshift:scc:privileged", binding)
    other = {"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}, "subjects": [{"name": "default", "namespace": "ml-team"}]}
    cluster.put(f"{base}/clusterrolebindings/somebody", other)
    plan = cluster.run(request_of())
    by = {entry["account"]: entry["allowed_by"] for entry in plan.facts["scc"]["accounts"]}
    assert "RBAC: allowed by" in by[user("azureml:default")] and "somebody" in by[user("ml-team:default")]
    assert len(cluster.users) == len(SHIPPED_USERS) + 9


def test_reviews_that_may_not_be_asked_are_said_and_do_not_stop_the_grant(cluster: Cluster) -> None:
    cluster.forbidden.add("/apis/authorization.k8s.io")
    plan = cluster.run(request_of())
    (finding,) = [f for f in plan.findings if f.code == "scc.unreadable"]
    assert finding.severity == "warning" and "forbidden" in finding.message
    assert set(WANTED) <= set(cluster.users)


def test_an_adopted_entry_is_never_recorded(cluster: Cluster) -> None:
    cluster.scc["users"].insert(0, WANTED[3])
    cluster.run(request_of())
    assert cluster.users[0] == WANTED[3]
    assert WANTED[3] not in json.loads(cluster.scc["metadata"]["annotations"][ANNOTATION])


def test_a_recorded_entry_that_was_removed_by_hand_comes_back_once(cluster: Cluster) -> None:
    cluster.run(request_of())
    cluster.scc["users"].remove(WANTED[0])
    cluster.run(request_of())
    assert cluster.users.count(WANTED[0]) == 1
    assert sorted(json.loads(cluster.scc["metadata"]["annotations"][ANNOTATION])) == sorted(WANTED)


@pytest.mark.parametrize("record", ["{", "{}", "[1]", '"x"', "null"])
def test_a_broken_record_is_said(cluster: Cluster, record: str) -> None:
    cluster.scc["users"] += WANTED
    cluster.scc["metadata"]["annotations"] = {ANNOTATION: record}
    plan = cluster.plan(request_of())
    assert codes_of(plan) == {"scc.record_unreadable"} and plan.changes == ()
    absent = cluster.plan(request_of(state="absent"))
    assert absent.changes == () and "scc.record_unreadable" in codes_of(absent)


@pytest.mark.parametrize(
    "marks",
    [
        {"labels": {"argocd.argoproj.io/instance": "platform"}},
        {"annotations": {"argocd.argoproj.io/tracking-id": "platform:x"}},
        {"labels": {"kustomize.toolkit.fluxcd.io/name": "platform"}},
        {"labels": {"helm.toolkit.fluxcd.io/name": "platform"}},
    ],
)
def test_gitops_is_not_fought(cluster: Cluster, marks: dict[str, t.Any]) -> None:
    cluster.scc["metadata"].update(marks)
    plan = cluster.run(request_of())
    (finding,) = [f for f in plan.findings if f.code == "scc.gitops_managed"]
    assert plan.changes == () and finding.severity == "error" and finding.evidence == WANTED and "platform" in finding.message
    assert set(states_of(plan).values()) == {"missing"}
    cluster.scc["users"] += WANTED
    assert "scc.gitops_managed" not in codes_of(cluster.plan(request_of()))


@pytest.mark.parametrize("method", ["auto", "users", "rbac", "rbac_cluster"])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_cluster_without_sccs_is_not_applicable(method: str, state: str) -> None:
    cluster = Cluster(openshift=False)
    plan = cluster.run(request_of(method=method, state=state))
    assert plan.checks == {"scc": "not_applicable"} and codes_of(plan) == {"scc.not_served"}
    assert plan.changes == () and plan.findings[0].severity == "info"


def test_a_missing_scc_names_the_nearest(cluster: Cluster) -> None:
    plan = cluster.run(request_of(scc="privilegd"))
    (finding,) = plan.findings
    assert finding.code == "scc.scc_missing" and "Did you mean 'privileged'?" in finding.message
    assert plan.checks == {"scc": "error"} and plan.changes == ()


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_forbidden_scc_is_unknown(cluster: Cluster, state: str) -> None:
    cluster.forbidden.add(SCCS)
    plan = cluster.run(request_of(state=state))
    assert plan.checks == {"scc": "unknown"} and plan.changes == ()
    assert [(f.code, f.severity) for f in plan.findings] == [("scc.unreadable", "error")]


def test_another_scc_by_name(cluster: Cluster) -> None:
    cluster.put(f"{SCCS}/azureml-privileged", {"users": None})
    cluster.run(request_of(scc="azureml-privileged"))
    assert cluster.users == SHIPPED_USERS
    assert cluster.objects[f"{SCCS}/azureml-privileged"]["users"] == WANTED


@pytest.mark.parametrize("garbage", [{"users": "text"}, {"users": {}}, {"metadata": None}, {"groups": 7}, {"users": [1, None]}])
def test_odd_data_never_raises(cluster: Cluster, garbage: dict[str, t.Any]) -> None:
    cluster.objects[PRIVILEGED].update(garbage)
    for state in ("present", "absent"):
        for method in ("auto", "rbac", "rbac_cluster"):
            cluster.plan(request_of(state=state, method=method))


def test_exclusive_revokes_only_what_we_granted(cluster: Cluster) -> None:
    cluster.scc["users"].append(user("adopted:default"))
    cluster.run(request_of(compute_namespaces=["old", "new"]))
    plan = cluster.run(request_of(compute_namespaces=["new"]))
    (finding,) = [f for f in plan.findings if f.code == "scc.leftover_grant"]
    assert user("old:default") in finding.message and plan.changes == ()
    plan = cluster.run(request_of(compute_namespaces=["new"], exclusive=True))
    assert user("old:default") not in cluster.users
    assert user("adopted:default") in cluster.users and user("new:default") in cluster.users
    assert states_of(plan)["old:default"] == "removed" and "scc.leftover_grant" not in codes_of(plan)
    assert not plan.disruptive


def test_exclusive_while_the_extension_runs_needs_consent(cluster: Cluster) -> None:
    cluster.extension("azureml")
    cluster.run(request_of(compute_namespaces=["old"]))
    assert cluster.plan(request_of(exclusive=True)).disruptive == {"disturbs_jobs"}


def test_of_an_entry_that_is_there_twice_the_last_one_is_ours(cluster: Cluster) -> None:
    cluster.run(request_of())
    cluster.scc["users"].insert(0, WANTED[0])
    plan = cluster.run(request_of(state="absent"))
    assert cluster.users == [WANTED[0], *SHIPPED_USERS] == plan.changes[0].after["users"]
