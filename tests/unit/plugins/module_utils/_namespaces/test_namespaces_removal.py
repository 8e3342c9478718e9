"""State absent: ours deleted when empty, what is in it named, adopted namespaces given back."""

from __future__ import annotations

import typing as t

import pytest

from tests.unit.plugins.module_utils._namespaces.space_cluster import (
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


@pytest.fixture
def made(cluster: Cluster) -> Cluster:
    """A cluster with a namespace that we made, as Kubernetes and OpenShift furnish it."""
    cluster.namespace("ml", labels=dict(MANAGED_BY))
    for name in ("kube-root-ca.crt", "openshift-service-ca.crt"):
        cluster.put(f"{ML}/configmaps/{name}", {})
    note = {"openshift.io/internal-registry-auth-token.service-account": "builder"}
    cluster.put(f"{ML}/secrets/builder-dockercfg-x", {"metadata": {"annotations": note}})
    cluster.put(f"{ML}/secrets/token", {"metadata": {"annotations": {"kubernetes.io/service-account.name": "default"}}})
    return cluster


def absent(**params: t.Any) -> t.Any:
    return request_of(state="absent", **params)


def test_an_empty_namespace_of_ours_is_deleted_without_consent(made: Cluster) -> None:
    plan = made.plan(absent())
    (change,) = plan.changes
    assert (change.verb, change.disruptive) == ("delete", frozenset()) and space_of(plan)["state"] == "absent"
    made.run(absent())
    assert ML not in made.objects
    assert codes_of(made.plan(absent())) == set() and made.plan(absent()).changes == ()


CONTENTS: list[tuple[str, str, set[str]]] = [
    ("pods", "Pod", {"deletes_data", "disturbs_jobs"}),
    ("persistentvolumeclaims", "PersistentVolumeClaim", {"deletes_data"}),
    ("configmaps", "ConfigMap", {"deletes_data"}),
    ("secrets", "Secret", {"deletes_data"}),
    ("services", "Service", {"deletes_data"}),
]


@pytest.mark.parametrize(("plural", "kind", "disruption"), CONTENTS)
def test_what_is_in_it_is_named_and_needs_consent(made: Cluster, plural: str, kind: str, disruption: set[str]) -> None:
    made.put(f"{ML}/{plural}/data", {"metadata": {"labels": dict(MANAGED_BY)}})
    plan = made.plan(absent())
    assert plan.disruptive == disruption
    finding = the(plan, "not_empty")
    assert f"{kind} data" in finding.message and finding.evidence["contents"] == {kind: ["data"]}
    assert f"{kind} data" in plan.changes[0].reason, "the refusal tells, too"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/apis/apps/v1/namespaces/ml/deployments/x", "Deployment"),
        ("/apis/apps/v1/namespaces/ml/statefulsets/x", "StatefulSet"),
        ("/apis/apps/v1/namespaces/ml/daemonsets/x", "DaemonSet"),
        ("/apis/batch/v1/namespaces/ml/jobs/x", "Job"),
        ("/apis/batch/v1/namespaces/ml/cronjobs/x", "CronJob"),
        ("/apis/amlarc.azureml.com/v1alpha1/namespaces/ml/amljobs/x", "AmlJob"),
    ],
)
def test_workloads_count_as_contents(made: Cluster, path: str, kind: str) -> None:
    made.groups.append("amlarc.azureml.com")
    made.put(path, {})
    assert the(made.plan(absent()), "not_empty").evidence["contents"] == {kind: ["x"]}


def test_finished_pods_disturb_no_job(made: Cluster) -> None:
    made.pod("ml/x", phase="Succeeded")
    assert made.plan(absent()).disruptive == {"deletes_data"}


def test_what_may_not_be_read_is_not_empty(made: Cluster) -> None:
    made.forbidden.add(f"{ML}/secrets")
    plan = made.plan(absent())
    assert plan.disruptive == {"deletes_data"} and the(plan, "not_empty").evidence == {"contents": {}, "unknown": ["Secret"]}


def test_a_deleted_namespace_is_waited_for(made: Cluster) -> None:
    made[ML]["metadata"]["deletionTimestamp"] = "now"
    plan = made.plan(absent(wait_timeout=9))
    assert plan.wait is not None and plan.wait.seconds == 9 and [read.path for read in plan.wait.follow] == [NAMESPACES]
    assert the(plan, "not_gone").resolvable and plan.changes == () and space_of(plan)["state"] == "terminating"


def test_an_adopted_namespace_is_given_back(cluster: Cluster) -> None:
    cluster.namespace("ml", labels={"tier": "old"}, annotations={"n": "old"})
    cluster.put(f"{ML}/persistentvolumeclaims/data", {})
    before = cluster.without_records()
    cluster.run(
        request_of(
            namespace_labels={"tier": "gpu", "x": "y"},
            namespace_annotations={"n": "new", "m": "1"},
            image_pull_secrets=["a"],
            network_policy="ingress_and_egress",
        )
    )
    plan = cluster.run(absent())
    assert cluster.without_records() == before
    assert plan.disruptive == frozenset() and the(plan, "kept").severity == "info" and space_of(plan)["state"] == "kept"
    assert [change.object.kind for change in plan.changes][-1] == "Namespace", "the record goes last"
    assert not any(read.path.startswith(f"{ML}/") for read in cluster.requests), "what is in it is nobody's business"


def test_an_adopted_namespace_with_a_broken_record(cluster: Cluster) -> None:
    cluster.namespace("ml", labels={"a": "b"}, annotations={"azureml.kubernetes/added": "{"})
    plan = cluster.plan(absent())
    assert codes_of(plan) == {"kept", "record_unreadable"} and plan.changes == ()


def test_namespaces_of_gitops_are_not_deleted(cluster: Cluster) -> None:
    gitops = {"argocd.argoproj.io/instance": "x"}
    cluster.namespace("ml", labels={**MANAGED_BY, **gitops})
    cluster.namespace("theirs")
    cluster.run(request_of(compute_namespaces=["theirs"], namespace_labels={"a": "b"}))
    cluster[f"{NAMESPACES}/theirs"]["metadata"]["labels"].update(gitops)
    plan = cluster.plan(absent(compute_namespaces=["ml", "theirs"]))
    assert plan.changes == () and codes_of(plan) == {"kept", "gitops_managed"}


def test_default_is_never_deleted(cluster: Cluster) -> None:
    cluster.namespace("default", labels=dict(MANAGED_BY))
    assert cluster.plan(absent(compute_namespaces=["default"])).changes == ()


def test_namespaces_that_may_not_be_read_are_not_gone(cluster: Cluster) -> None:
    cluster.forbidden.add(NAMESPACES)
    plan = cluster.plan(absent())
    assert the(plan, "unreadable").severity == "error" and plan.checks == {"namespaces": "unknown"}
