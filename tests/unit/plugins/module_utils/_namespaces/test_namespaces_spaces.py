"""Namespaces, their marks and the account of jobs: created, adopted, completed, and nothing of others touched."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.unit.plugins.module_utils._namespaces.space_cluster import (
    ANNOTATION,
    MANAGED_BY,
    NAMESPACES,
    Cluster,
    codes_of,
    request_of,
    space_of,
    the,
)

pytestmark = pytest.mark.namespaces

ML = f"{NAMESPACES}/ml"
ACCOUNT = Cluster.account_path("ml")
ENFORCE = "pod-security.kubernetes.io/enforce"
SYNC = "security.openshift.io/scc.podSecurityLabelSync"


def record(cluster: Cluster, path: str = ML) -> t.Any:
    value = (cluster[path]["metadata"].get("annotations") or {}).get(ANNOTATION)
    return None if value is None else json.loads(value)


def test_a_missing_namespace_is_an_error_that_its_creation_resolves(cluster: Cluster) -> None:
    plan = cluster.plan(request_of())
    assert the(plan, "missing").resolvable and plan.checks == {"namespaces": "error"}
    (change,) = plan.changes
    assert (change.verb, str(change.object), change.disruptive) == ("create", "Namespace/ml", frozenset())
    after = cluster.after(request_of())
    assert codes_of(after) == set() and after.checks == {"namespaces": "ok"}
    assert cluster.labels(ML) == MANAGED_BY and record(cluster) is None
    assert space_of(after) == {"name": "ml", "state": "present", "made_by_us": True}


def test_a_namespace_is_created_with_all_that_is_asked_for_in_one_write(cluster: Cluster) -> None:
    cluster.run(request_of(namespace_labels={"team": "ml"}, namespace_annotations={"a": "b"}, pod_security="privileged"))
    assert len(cluster.writes) == 1
    assert cluster.labels(ML) == {**MANAGED_BY, "team": "ml", ENFORCE: "privileged"}
    assert record(cluster)["labels"]["team"] == {"value": "ml", "was": None}
    assert cluster[ML]["metadata"]["annotations"]["a"] == "b"


def test_twenty_namespaces_that_are_fine_cost_five_requests(cluster: Cluster) -> None:
    names = [f"ml-{number}" for number in range(20)]
    cluster.namespace(*names)
    cluster.requests.clear()
    assert cluster.plan(request_of(compute_namespaces=names)).changes == ()
    assert len(cluster.requests) == 5


def test_an_adopted_namespace_keeps_what_it_has(cluster: Cluster) -> None:
    cluster.namespace("ml", labels={"owner": "them", "team": "ml", ENFORCE: "baseline"}, annotations={"note": "x"})
    plan = cluster.run(request_of(namespace_labels={"team": "ml", "tier": "gpu"}, pod_security="privileged"))
    assert the(plan, "differs").severity == "warning"
    assert len(cluster.writes) == 1, "marks and record in one patch"
    assert cluster.labels(ML) == {"owner": "them", "team": "ml", "tier": "gpu", ENFORCE: "privileged"}
    assert cluster[ML]["metadata"]["annotations"]["note"] == "x"
    assert record(cluster) == {
        "labels": {"tier": {"value": "gpu", "was": None}, ENFORCE: {"value": "privileged", "was": "baseline"}}
    }
    assert space_of(cluster.plan(request_of(namespace_labels={"team": "ml"})))["made_by_us"] is False


def test_nothing_asked_for_writes_nothing_into_an_adopted_namespace(cluster: Cluster) -> None:
    cluster.namespace("ml")
    assert cluster.plan(request_of()).changes == ()


def test_a_mark_that_is_no_longer_asked_for_gets_its_old_value_back(cluster: Cluster) -> None:
    cluster.namespace("ml", labels={"tier": "old", "kept": "x"})
    before = cluster.without_records()
    cluster.run(request_of(namespace_labels={"tier": "gpu", "new": "1", "kept": "x"}))
    cluster.run(request_of(namespace_labels={"tier": "cpu", "kept": "x"}))
    assert cluster.labels(ML) == {"tier": "cpu", "kept": "x"}
    cluster.run(request_of())
    assert cluster.without_records() == before


def test_a_mark_that_somebody_changed_is_theirs(cluster: Cluster) -> None:
    cluster.namespace("ml")
    cluster.run(request_of(namespace_labels={"tier": "gpu"}))
    cluster[ML]["metadata"]["labels"]["tier"] = "theirs"
    cluster.run(request_of())
    assert cluster.labels(ML) == {"tier": "theirs"} and record(cluster) is None


@pytest.mark.parametrize("value", ["{", "[]", '{"labels": {"a": 1}}', '{"labels": {"a": {"value": 1, "was": null}}}', "null"])
def test_a_broken_record_is_said_and_kept(cluster: Cluster, value: str) -> None:
    cluster.namespace("ml", labels={"a": "1"}, annotations={ANNOTATION: value})
    plan = cluster.plan(request_of())
    assert the(plan, "record_unreadable").severity == "warning" and plan.changes == ()


@pytest.mark.parametrize(
    "mark", [{"labels": {"argocd.argoproj.io/instance": "x"}}, {"annotations": {"argocd.argoproj.io/tracking-id": "x"}}]
)
def test_a_namespace_of_gitops_is_not_fought_over(cluster: Cluster, mark: dict[str, t.Any]) -> None:
    cluster.namespace("ml", **mark)
    assert codes_of(cluster.plan(request_of())) == set(), "nothing to change, nothing to say"
    plan = cluster.plan(request_of(namespace_labels={"tier": "gpu"}))
    assert plan.changes == () and "tier" in str(the(plan, "gitops_managed").evidence)
    assert space_of(plan)["state"] == "refused"


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_a_level_that_refuses_jobs_is_said(cluster: Cluster, level: str) -> None:
    cluster.namespace("ml", labels={ENFORCE: level})
    assert level in the(cluster.plan(request_of()), "pod_security_strict").message
    assert "pod_security_strict" not in codes_of(cluster.after(request_of(pod_security="privileged")))
    assert "pod_security_strict" not in codes_of(cluster.plan(request_of(pod_security=level))), "asked for"


@pytest.mark.parametrize(("sync", "said"), [("true", True), ("false", False)])
def test_forced_label_synchronization_overwrites_a_level(cluster: Cluster, sync: str, said: bool) -> None:
    cluster.namespace("ml", labels={SYNC: sync})
    plan = cluster.after(request_of(pod_security="privileged"))
    assert ("label_sync_forced" in codes_of(plan)) is said
    assert "label_sync_forced" not in codes_of(cluster.plan(request_of()))


CONDITIONS = [
    {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "not this"},
    {"type": "NamespaceContentRemaining", "status": "True", "message": "Some resources are remaining: amljobs."},
    {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "Some content has finalizers remaining: x/y in 1"},
]


def test_a_terminating_namespace_says_who_holds_it(cluster: Cluster) -> None:
    cluster.namespace("ml", deletionTimestamp="now", finalizers=["z/w"], account=False)
    cluster[ML]["status"] = {"phase": "Terminating", "conditions": CONDITIONS}
    plan = cluster.plan(request_of(namespace_labels={"a": "b"}))
    finding = the(plan, "terminating")
    for words in ("amljobs", "x/y in 1", "z/w"):
        assert words in finding.message
    assert "not this" not in finding.message and "finalizers" in finding.remedy and not finding.resolvable
    assert plan.changes == () and plan.wait is None and codes_of(plan) == {"terminating"}


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([{"type": "NamespaceDeletionDiscoveryFailure", "status": "True", "message": "metrics"}], "apiservices"),
        ([], "kubectl get namespace ml"),
    ],
)
def test_the_remedy_for_a_terminating_namespace_fits(cluster: Cluster, conditions: list[t.Any], words: str) -> None:
    cluster.namespace("ml")
    cluster[ML]["status"] = {"phase": "Terminating", "conditions": conditions}
    assert words in the(cluster.plan(request_of()), "terminating").remedy


def test_default_is_left_alone(cluster: Cluster) -> None:
    cluster.namespace("default")
    plan = cluster.plan(request_of(compute_namespaces=["default"], namespace_labels={"a": "b"}))
    assert codes_of(plan) == {"default_namespace"} and plan.changes == ()
    assert len(cluster.requests) == 1


def test_nothing_named_is_not_applicable(cluster: Cluster) -> None:
    plan = cluster.plan(request_of(compute_namespaces=[]))
    assert codes_of(plan) == {"nothing_named"} and plan.checks == {"namespaces": "not_applicable"}


def test_the_account_of_a_new_namespace_is_waited_for(cluster: Cluster) -> None:
    cluster.namespace("ml", account=False)
    plan = cluster.plan(request_of(image_pull_secrets=["registry"], wait_timeout=7))
    assert the(plan, "account_missing").resolvable and plan.changes == ()
    assert plan.wait is not None and plan.wait.seconds == 7 and "ServiceAccount/ml/default" in plan.wait.text
    assert [read.path for read in plan.wait.follow] == [NAMESPACES, "/api/v1/serviceaccounts"]
    assert cluster.plan(request_of(wait_timeout=0)).wait is None


@pytest.mark.parametrize("before", [None, [], [{"name": "dockercfg"}], [{"name": "b"}, {"name": "dockercfg"}]])
def test_pull_secrets_are_added_and_recorded(cluster: Cluster, before: t.Any) -> None:
    cluster.namespace("ml")
    cluster.account("ml", **({} if before is None else {"imagePullSecrets": before}))
    state = cluster.without_records()
    cluster.run(request_of(image_pull_secrets=["a", "b"]))
    names = [entry["name"] for entry in cluster[ACCOUNT]["imagePullSecrets"]]
    theirs = [entry["name"] for entry in before or []]
    assert names == theirs + [name for name in ("a", "b") if name not in theirs]
    assert record(cluster, ACCOUNT) == {"pull_secrets": [name for name in ("a", "b") if name not in theirs]}
    cluster.run(request_of(image_pull_secrets=["b"]))
    assert "a" not in [entry["name"] for entry in cluster[ACCOUNT]["imagePullSecrets"]]
    cluster.run(request_of())
    assert cluster.without_records() == state


def test_an_account_of_gitops_is_not_fought_over(cluster: Cluster) -> None:
    cluster.namespace("ml")
    cluster.account("ml", metadata={"labels": {"kustomize.toolkit.fluxcd.io/name": "x"}})
    plan = cluster.plan(request_of(image_pull_secrets=["a"]))
    assert codes_of(plan) == {"gitops_managed"} and plan.changes == ()


def test_a_broken_record_of_an_account_is_said(cluster: Cluster) -> None:
    cluster.namespace("ml")
    cluster.account("ml", metadata={"annotations": {ANNOTATION: "{"}})
    assert "ServiceAccount" in the(cluster.plan(request_of()), "record_unreadable").subject


@pytest.mark.parametrize(
    ("path", "severity", "changes"),
    [
        (NAMESPACES, "error", 0),
        ("/api/v1/serviceaccounts", "warning", 1),
        ("/api/v1/resourcequotas", "warning", 1),
        ("/api/v1/limitranges", "warning", 1),
        ("/apis/networking.k8s.io/v1/networkpolicies", "error", 1),
    ],
)
def test_what_may_not_be_read_is_unknown_and_not_absent(cluster: Cluster, path: str, severity: str, changes: int) -> None:
    cluster.namespace("ml")
    cluster.forbidden.add(path)
    plan = cluster.plan(request_of(namespace_labels={"a": "b"}, network_policy="ingress"))
    finding = the(plan, "unreadable")
    assert finding.severity == severity and f"forbidden: {path}" in finding.message
    policies = [change for change in plan.changes if change.object.kind == "NetworkPolicy"]
    assert len(plan.changes) - len(policies) == changes
    assert len(policies) == (0 if severity == "error" else 1)
    if path == NAMESPACES:
        assert plan.checks == {"namespaces": "unknown"}


@pytest.mark.parametrize(
    "body", [{}, {"metadata": None}, {"metadata": {"labels": None, "annotations": []}, "status": "x", "spec": []}]
)
def test_odd_objects_are_no_crash(cluster: Cluster, body: t.Any) -> None:
    cluster.objects[ML] = {**body, "metadata": {**(body.get("metadata") or {}), "name": "ml", "resourceVersion": "1"}}
    cluster.account("ml", imagePullSecrets="x")
    cluster.plan(request_of(namespace_labels={"a": "b"}, image_pull_secrets=["c"], network_policy="judge"))
    cluster.plan(request_of(state="absent"))
