"""Names, leftovers, look-alikes and shared namespaces; what is verified after writing; what `absent` means for jobs."""

from __future__ import annotations

import pytest

from tests.unit.plugins.module_utils._scc.scc_cluster import PRIVILEGED, SHIPPED_USERS, Cluster, codes_of, request_of, states_of

pytestmark = pytest.mark.scc

WANTED = [account.user for account in request_of().wanted("azureml")]


def test_the_extension_name_is_detected(cluster: Cluster) -> None:
    cluster.extension("amlarc-1")
    plan = cluster.run(request_of(extension_name=None))
    assert "azureml:amlarc-1-kube-state-metrics" in states_of(plan)
    assert plan.facts["scc"]["extension_name"] == "amlarc-1"


def test_neither_given_nor_detected(cluster: Cluster) -> None:
    plan = cluster.run(request_of(extension_name=""))
    assert codes_of(plan) == {"scc.extension_name_unknown"} and plan.changes == () and plan.checks == {"scc": "error"}


def test_the_wrong_name_grants_nothing(cluster: Cluster) -> None:
    cluster.extension("right")
    plan = cluster.run(request_of(extension_name="wrong"))
    (finding,) = plan.findings
    assert finding.code == "scc.extension_name_mismatch" and plan.changes == ()
    assert finding.remedy == "Set azureml_extension_name: right"
    assert cluster.run(request_of(extension_name="right")).changes


def test_accounts_that_may_not_be_listed_leave_the_name_unchecked(cluster: Cluster) -> None:
    cluster.forbidden.add("/api/v1/namespaces/azureml/serviceaccounts")
    plan = cluster.run(request_of())
    assert "scc.unreadable" in codes_of(plan) and plan.changes and cluster.plan(request_of()).checks == {"scc": "warning"}
    assert codes_of(cluster.run(request_of(extension_name=None))) == {"scc.extension_name_unknown"}


def test_compute_namespaces(cluster: Cluster) -> None:
    plan = cluster.run(request_of(compute_namespaces=["default", "kube-system", "openshift-x", "fine"]))
    assert {"scc.default_skipped", "scc.platform_namespace"} <= codes_of(plan)
    assert [f.subject for f in plan.findings if f.code == "scc.platform_namespace"] == [
        "Namespace/kube-system",
        "Namespace/openshift-x",
    ]
    assert states_of(plan)["default:default"] == "skipped"
    assert "system:serviceaccount:default:default" not in cluster.users
    assert all("2022-06-06" in f.edition for f in plan.findings if f.code == "scc.default_skipped")
    assert "scc.no_compute_namespace" in codes_of(cluster.run(request_of(compute_namespaces=[])))


def test_leftovers_and_look_alikes_are_reported_and_left(cluster: Cluster) -> None:
    odd = [
        "system:serviceaccount:azureml:csi-blob-node-sa",
        "system:serviceaccount:azureml:other-kube-state-metrics",
        "system:serviceaccount:azureml:prom-promethues",
        "system:serviceaccount:customer:default",
    ]
    cluster.scc["users"] += odd
    plan = cluster.run(request_of())
    said = {f.code: f for f in plan.findings}
    assert [f.evidence for f in plan.findings if f.code == "scc.stale_account"] == odd[:2]
    assert said["scc.look_alike"].evidence == odd[2] and "prom-prometheus" in said["scc.look_alike"].message
    assert cluster.users == SHIPPED_USERS + odd + WANTED
    assert cluster.plan(request_of()).checks == {"scc": "warning"}


def test_a_shared_namespace_warns_before_it_is_granted(cluster: Cluster) -> None:
    for number in range(7):
        cluster.pod("ml-team", f"web-{number}")
    cluster.pod("ml-team", "job", {"ml.azure.com/compute": "c"})
    cluster.pod("ml-team", "endpoint", {"azuremlappname": "e"})
    cluster.pod("elsewhere", "web")
    plan = cluster.run(request_of())
    (finding,) = [f for f in plan.findings if f.code == "scc.shared_namespace"]
    assert finding.subject == "Namespace/ml-team" and "7 pods" in finding.message and "and 2 more" in finding.message
    assert finding.evidence == [f"web-{number}" for number in range(7)]
    assert len([read for read in cluster.requests if read.path == "/api/v1/pods"]) == 1
    assert "scc.shared_namespace" not in codes_of(cluster.run(request_of()))


def test_a_namespace_of_azureml_alone_is_not_shared(cluster: Cluster) -> None:
    cluster.pod("ml-team", "job", {"ml.azure.com/compute": "c"})
    assert "scc.shared_namespace" not in codes_of(cluster.run(request_of()))


def test_pods_that_may_not_be_listed_leave_sharing_unknown(cluster: Cluster) -> None:
    cluster.forbidden.add("/api/v1/pods")
    plan = cluster.run(request_of())
    assert any(f.code == "scc.unreadable" and f.subject == "Pod" for f in plan.findings) and plan.changes


@pytest.mark.parametrize("method", ["users", "rbac", "rbac_cluster"])
def test_absent_while_the_extension_is_installed_needs_consent(cluster: Cluster, method: str) -> None:
    cluster.extension("azureml")
    cluster.namespace("azureml", "azure-arc", "ml-team")
    cluster.run(request_of(method=method))
    plan = cluster.plan(request_of(state="absent"))
    (finding,) = [f for f in plan.findings if f.code == "scc.revoked_in_use"]
    assert plan.disruptive == {"disturbs_jobs"} and all(change.disruptive for change in plan.changes)
    assert "admitted pods keep running" in finding.message and len(finding.evidence) == 11
    assert set(states_of(plan).values()) == {"removed"}


def test_absent_without_the_extension_disturbs_nobody(cluster: Cluster) -> None:
    cluster.run(request_of())
    plan = cluster.run(request_of(state="absent"))
    assert not plan.disruptive and codes_of(plan) == set() and cluster.users == SHIPPED_USERS


def test_absent_when_the_extension_cannot_be_seen_needs_consent(cluster: Cluster) -> None:
    cluster.run(request_of())
    cluster.forbidden.add("/api/v1/namespaces/azureml/serviceaccounts")
    plan = cluster.plan(request_of(state="absent"))
    assert plan.disruptive == {"disturbs_jobs"} and "could not be read" in next(f.message for f in plan.findings)


def test_absent_leaves_adopted_entries_and_namespaces(cluster: Cluster) -> None:
    cluster.scc["users"].append(WANTED[0])
    cluster.run(request_of())
    plan = cluster.run(request_of(state="absent"))
    assert cluster.users == [*SHIPPED_USERS, WANTED[0]]
    assert states_of(plan)[WANTED[0].split(":", 2)[2]] == "skipped"
    cluster.run(request_of(method="rbac"))
    cluster.run(request_of(state="absent"))
    assert "/api/v1/namespaces/ml-team" in cluster.objects
    assert not [path for path in cluster.objects if "rolebindings" in path]


def test_absent_keeps_subjects_that_others_added_to_our_binding(cluster: Cluster) -> None:
    cluster.run(request_of(method="rbac_cluster"))
    path = next(path for path in cluster.objects if "clusterrolebindings" in path)
    foreign = {"kind": "User", "name": "somebody"}
    cluster.objects[path]["subjects"].insert(3, foreign)
    cluster.run(request_of(state="absent"))
    assert cluster.objects[path]["subjects"] == [foreign]


def test_absent_respects_gitops(cluster: Cluster) -> None:
    cluster.namespace("azureml", "azure-arc", "ml-team")
    cluster.run(request_of(method="rbac"))
    cluster.run(request_of(method="users", extra_accounts=["ml-team:extra"]))
    for path, item in cluster.objects.items():
        if path == PRIVILEGED or "rolebindings" in path:
            item["metadata"].setdefault("labels", {})["argocd.argoproj.io/instance"] = "x"
    plan = cluster.run(request_of(state="absent"))
    assert [f.code for f in plan.findings] == ["scc.gitops_managed"] * 4 and plan.changes == ()


def test_absent_without_the_scc_still_removes_bindings(cluster: Cluster) -> None:
    cluster.run(request_of(method="rbac_cluster"))
    del cluster.objects[PRIVILEGED]
    assert [change.verb for change in cluster.run(request_of(state="absent")).changes] == ["delete"]


@pytest.mark.parametrize("method", ["users", "rbac", "rbac_cluster"])
@pytest.mark.parametrize("reviews", [True, False])
def test_verified_after_writing(method: str, reviews: bool) -> None:
    cluster = Cluster(reviews=reviews)
    cluster.namespace("azureml", "azure-arc", "ml-team")
    cluster.run(request_of(method=method))
    assert cluster.verify(request_of(method=method)).findings == ()
    posts = [read.path for read in cluster.requests if read.body and ("podsecurity" in read.path) is (method == "users")]
    assert len(posts) >= 11 or (method == "users" and not reviews)
    cluster.blind_reviews = True
    found = cluster.verify(request_of(method=method)).findings
    expected = 0 if method == "users" and not reviews else 11
    assert [f.code for f in found] == ["scc.not_effective"] * expected


def test_a_review_that_may_not_be_asked_is_said(cluster: Cluster) -> None:
    cluster.run(request_of(method="rbac_cluster"))
    cluster.forbidden.add("/apis/authorization.k8s.io")
    verified = cluster.verify(request_of(method="rbac_cluster"))
    assert codes_of(verified) == {"scc.unverified"} and verified.checks == {"scc": "warning"}


def test_nothing_to_verify_after_absent_or_without_sccs(cluster: Cluster) -> None:
    assert cluster.verify(request_of(state="absent")).findings == ()
    assert Cluster(openshift=False).verify(request_of()).findings == ()
