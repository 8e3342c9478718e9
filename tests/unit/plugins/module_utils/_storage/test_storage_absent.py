"""State absent: what is ours goes, what is adopted is released, and data stays without consent."""

from __future__ import annotations

import copy
import json

import pytest

from tests.unit.plugins.module_utils._storage.storage_cluster import (
    NFS,
    SCRATCH,
    VOLUMES,
    Cluster,
    Json,
    claim_path,
    codes_of,
    message_of,
    request_of,
    states_of,
)

pytestmark = pytest.mark.storage

HOME: Json = {"name": "home", "type": "existing", "mount_path": "/mnt/home"}


def test_what_we_made_is_gone_and_a_second_run_has_nothing_to_do() -> None:
    cluster = Cluster()
    before = set(cluster.objects)
    cluster.run(request_of(NFS, SCRATCH))
    first = cluster.run(request_of(NFS, SCRATCH, state="absent"))
    assert [(str(change.object), sorted(change.disruptive)) for change in first.changes] == [
        ("PersistentVolumeClaim/ml/data", []),
        ("PersistentVolume/ml.data", []),
        ("PersistentVolumeClaim/ml/scratch", ["deletes_data"]),
    ]
    assert codes_of(first) == {"storage.data_kept": "info"}
    assert "PersistentVolumeClaim/ml/data" in message_of(first, "storage.data_kept")
    assert set(cluster.objects) == before
    last = cluster.plan(request_of(NFS, SCRATCH, state="absent"))
    assert (last.changes, last.findings, last.wait) == ((), (), None)
    assert set(states_of(last).values()) == {"missing"}


def test_name_and_type_are_enough() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    cluster.run(request_of({"name": "data", "type": "nfs"}, state="absent"))
    assert claim_path("data") not in cluster.objects
    assert f"{VOLUMES}/ml.data" not in cluster.objects


def test_a_volume_without_its_claim_goes_too() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    del cluster.objects[claim_path("data")]
    cluster.control()
    cluster.run(request_of(NFS, state="absent"))
    assert f"{VOLUMES}/ml.data" not in cluster.objects


def test_it_is_refused_while_a_pod_uses_it() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS, SCRATCH))
    for number in range(7):
        cluster.pod(f"job-{number}", "data")
    cluster.pod("done", "scratch", phase="Failed")
    found = cluster.plan(request_of(NFS, SCRATCH, state="absent"))
    assert [str(change.object) for change in found.changes] == ["PersistentVolumeClaim/ml/scratch"]
    assert "used by pods job-0, job-1, job-2, job-3, job-4 and 2 more." in message_of(found, "storage.in_use")
    cluster.forbidden.add("/api/v1/namespaces/ml/pods")
    found = cluster.plan(request_of(NFS, state="absent"))
    assert (found.changes, codes_of(found)) == ((), {"storage.unreadable": "error"})


def test_data_is_only_safe_where_the_volume_is_known_to_be_kept() -> None:
    cluster = Cluster()
    cluster.run(request_of(SCRATCH))
    name = cluster.objects[claim_path("scratch")]["spec"]["volumeName"]
    cluster.objects[f"{VOLUMES}/{name}"]["spec"]["persistentVolumeReclaimPolicy"] = "Retain"
    found = cluster.plan(request_of(SCRATCH, state="absent"))
    assert found.disruptive == frozenset()
    assert f"PersistentVolume/{name} and its data stays" in message_of(found, "storage.data_kept")
    cluster.forbidden.add(VOLUMES)
    assert cluster.plan(request_of(SCRATCH, state="absent")).disruptive == {"deletes_data"}


def test_data_of_our_own_volume_is_at_stake_once_somebody_changed_its_policy() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    cluster.objects[f"{VOLUMES}/ml.data"]["spec"]["persistentVolumeReclaimPolicy"] = "Delete"
    assert cluster.plan(request_of(NFS, state="absent")).disruptive == {"deletes_data"}


def test_a_claim_that_was_never_bound_holds_no_data() -> None:
    cluster = Cluster()
    cluster.provisions = False
    cluster.run(request_of(SCRATCH))
    assert cluster.plan(request_of(SCRATCH, state="absent")).disruptive == frozenset()


@pytest.mark.parametrize(
    ("label", "path"), [(None, None), ("True", None), (None, "/old"), ("true", None), ("true", "/old")], ids=str
)
def test_adoption_is_undone_exactly(label: str | None, path: str | None) -> None:
    cluster = Cluster()
    cluster.claim("home", label=label, path=path)
    before = copy.deepcopy(cluster.objects[claim_path("home")])
    cluster.run(request_of(HOME))
    assert cluster.objects[claim_path("home")]["metadata"]["labels"]["ml.azure.com/pvc"] == "true"
    cluster.run(request_of(HOME, state="absent"))
    after = cluster.objects[claim_path("home")]
    after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
    assert after == before


def test_a_second_adoption_remembers_what_was_there_first() -> None:
    cluster = Cluster()
    cluster.claim("home", label=None, path="/first")
    for path in ("/mnt/second", "/mnt/third"):
        cluster.run(request_of({**HOME, "mount_path": path}))
    cluster.run(request_of(HOME, state="absent"))
    assert cluster.objects[claim_path("home")]["metadata"]["annotations"] == {"ml.azure.com/mountpath": "/first"}


def test_a_mark_that_somebody_changed_meanwhile_is_theirs() -> None:
    cluster = Cluster()
    cluster.claim("home", label=None, path=None)
    cluster.run(request_of(HOME))
    cluster.objects[claim_path("home")]["metadata"]["annotations"]["ml.azure.com/mountpath"] = "/theirs"
    cluster.run(request_of(HOME, state="absent"))
    metadata = cluster.objects[claim_path("home")]["metadata"]
    assert (metadata["labels"], metadata["annotations"]) == ({}, {"ml.azure.com/mountpath": "/theirs"})


def test_a_claim_of_somebody_else_stays() -> None:
    cluster = Cluster()
    cluster.claim("data")
    cluster.claim("home")
    found = cluster.plan(request_of(NFS, HOME, state="absent"))
    assert (found.changes, codes_of(found)) == ((), {"storage.not_ours": "info"})


def test_an_adopted_claim_is_not_deleted_under_another_type() -> None:
    cluster = Cluster()
    cluster.claim("data", label=None, path=None)
    cluster.run(request_of({**HOME, "name": "data"}))
    cluster.run(request_of(NFS, state="absent"))
    assert "ml.azure.com/pvc" not in cluster.objects[claim_path("data")]["metadata"]["labels"]


@pytest.mark.parametrize("name", ["data", "home"])
def test_gitops_is_not_fought(name: str) -> None:
    cluster = Cluster()
    cluster.claim("home", label=None, path=None)
    cluster.run(request_of(NFS, HOME))
    cluster.objects[claim_path(name)]["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] = "x"
    found = cluster.plan(request_of(NFS if name == "data" else HOME, state="absent"))
    assert found.changes == ()
    assert "kustomize.toolkit.fluxcd.io/name=x" in message_of(found, "storage.gitops_managed")


def test_a_volume_of_gitops_holds_the_claim_back() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    cluster.objects[f"{VOLUMES}/ml.data"]["metadata"]["labels"]["argocd.argoproj.io/instance"] = "x"
    assert cluster.plan(request_of(NFS, state="absent")).changes == ()


def test_what_is_going_is_waited_for() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    for change in cluster.plan(request_of(NFS, state="absent")).changes:
        cluster.write(change)
    found = cluster.plan(request_of(NFS, state="absent"))
    assert found.changes == ()
    assert found.wait is not None
    assert [read.path for read in found.wait.follow] == ["/api/v1/namespaces/ml/persistentvolumeclaims", VOLUMES]
    assert cluster.plan(request_of(NFS, state="absent", wait=False)).wait is None


def test_what_may_not_be_read_is_not_deleted() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    cluster.forbidden.add("/api/v1/namespaces/ml/persistentvolumeclaims")
    found = cluster.plan(request_of(NFS, state="absent"))
    assert (found.changes, dict(found.checks)) == ((), {"storage": "error"})


def test_a_label_that_we_put_right_is_put_back_as_it_was() -> None:
    cluster = Cluster()
    cluster.claim("home", label="True", path="/mnt/home")
    cluster.run(request_of(HOME))
    record = json.loads(cluster.objects[claim_path("home")]["metadata"]["annotations"]["azureml.kubernetes/adopted-marks"])
    assert record == {"ml.azure.com/pvc": ["true", "True"]}
