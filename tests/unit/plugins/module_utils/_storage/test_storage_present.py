"""State present: what is made, patched, made anew and adopted."""

from __future__ import annotations

import json

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read

from tests.unit.plugins.module_utils._storage.storage_cluster import (
    NFS,
    SCRATCH,
    SHARE,
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

DATA = claim_path("data")
DATA_VOLUME = f"{VOLUMES}/ml.data"
EXISTING: Json = {"name": "home", "type": "existing", "mount_path": "/mnt/home"}
OTHER_SERVER = {**NFS, "server": "10.0.0.9"}


def test_a_static_volume_is_made_as_in_the_document_and_for_its_claim_alone() -> None:
    cluster = Cluster()
    first = cluster.run(request_of(NFS))
    assert [change.line() for change in first.changes] == [
        "create PersistentVolume/ml.data: storage for PersistentVolumeClaim/ml/data",
        "create PersistentVolumeClaim/ml/data: jobs are to find it at /mnt/data",
    ]
    assert first.changes[0].after == {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "ml.data", "labels": {"app.kubernetes.io/managed-by": "azureml.kubernetes"}},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "ml", "name": "data"},
            "nfs": {"server": "10.0.0.4", "path": "/export"},
        },
    }
    assert first.changes[1].after == {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "data",
            "namespace": "ml",
            "labels": {"app.kubernetes.io/managed-by": "azureml.kubernetes", "ml.azure.com/pvc": "true"},
            "annotations": {"ml.azure.com/mountpath": "/mnt/data"},
        },
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "",
            "volumeName": "ml.data",
        },
    }
    assert codes_of(first) == {"storage.volume_missing": "error"}
    last = cluster.plan(request_of(NFS))
    assert (last.findings, dict(last.checks), last.wait) == ((), {"storage": "ok"}, None)
    assert states_of(last) == {"ml/data": "bound"}


def test_one_claim_per_compute_namespace_and_volume_names_never_meet() -> None:
    cluster = Cluster("a", "a-b", "c")
    volumes = [{**NFS, "name": "b-x", "mount_path": "/mnt/1"}, {**NFS, "name": "x", "namespaces": ["c"], "mount_path": "/mnt/2"}]
    request = request_of(*volumes, {**NFS, "name": "x2"}, compute_namespaces=["a", "a-b"])
    cluster.run(request)
    made = sorted(path.rsplit("/", 1)[1] for path in cluster.objects if path.startswith(VOLUMES))
    assert made == ["a-b.b-x", "a-b.x2", "a.b-x", "a.x2", "c.x"]
    assert set(states_of(cluster.plan(request)).values()) == {"bound"}


def test_a_share_needs_a_handle_of_its_own_per_namespace() -> None:
    cluster = Cluster("a", "b")
    for name in ("a", "b"):
        cluster.secret("azure-storage", "azurestorageaccountname", "azurestorageaccountkey", namespace=name)
    request = request_of({**SHARE, "resource_group": "rg"}, compute_namespaces=["a", "b"])
    cluster.run(request)
    csi = cluster.objects[f"{VOLUMES}/a.models"]["spec"]["csi"]
    assert csi["volumeHandle"] == "rg#mystorage#models##a.models"
    assert cluster.objects[f"{VOLUMES}/b.models"]["spec"]["csi"]["volumeHandle"] == "rg#mystorage#models##b.models"
    assert csi["nodeStageSecretRef"] == {"name": "azure-storage", "namespace": "a"}
    assert csi["volumeAttributes"] == {
        "storageAccount": "mystorage",
        "shareName": "models",
        "resourceGroup": "rg",
        "protocol": "smb",
    }
    assert "nobrl" in cluster.objects[f"{VOLUMES}/a.models"]["spec"]["mountOptions"]
    assert cluster.plan(request).findings == ()


def test_storage_of_a_class_names_no_volume() -> None:
    cluster = Cluster()
    request = request_of(SCRATCH)
    first = cluster.run(request)
    assert [change.object.kind for change in first.changes] == ["PersistentVolumeClaim"]
    assert first.changes[0].after["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "100Gi"}},
        "storageClassName": "azurefile-csi",
    }
    last = cluster.plan(request)
    assert (last.changes, last.findings, states_of(last)) == ((), (), {"ml/scratch": "bound"})


@pytest.mark.parametrize("written", ["1024Mi", "1073741824", "1Gi", "0.5Gi"])
def test_the_same_size_in_other_words_is_the_same(written: str) -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    cluster.objects[DATA]["spec"]["resources"]["requests"]["storage"] = written
    cluster.objects[DATA_VOLUME]["spec"]["capacity"]["storage"] = written
    assert bool(cluster.plan(request_of(NFS)).changes) == (written == "0.5Gi")


DRIFT = [
    ("a label with a capital", DATA, ("metadata", "labels", "ml.azure.com/pvc"), "True"),
    ("no label", DATA, ("metadata", "labels", "ml.azure.com/pvc"), None),
    ("another mount path", DATA, ("metadata", "annotations", "ml.azure.com/mountpath"), "/mnt/x"),
    ("no annotations", DATA, ("metadata", "annotations"), None),
    ("a policy that deletes", DATA_VOLUME, ("spec", "persistentVolumeReclaimPolicy"), "Delete"),
    ("mount options", DATA_VOLUME, ("spec", "mountOptions"), ["nfsvers=3"]),
    ("access modes", DATA_VOLUME, ("spec", "accessModes"), ["ReadWriteOnce"]),
    ("capacity", DATA_VOLUME, ("spec", "capacity", "storage"), "5Gi"),
    ("no claim", DATA_VOLUME, ("spec", "claimRef"), None),
]


@pytest.mark.parametrize(("path", "place", "value"), [case[1:] for case in DRIFT], ids=[case[0] for case in DRIFT])
def test_what_can_change_in_place_is_put_back(path: str, place: tuple[str, ...], value: object) -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    wanted = cluster.objects[path]
    for key in place[:-1]:
        wanted = wanted[key]
    before = json.dumps(wanted.get(place[-1]))
    wanted[place[-1]] = value
    if value is None:
        del wanted[place[-1]]
    first = cluster.run(request_of(NFS))
    assert [(change.verb, change.object.path, change.disruptive) for change in first.changes] == [("update", path, frozenset())]
    after = cluster.objects[path]
    for key in place[:-1]:
        after = after[key]
    if place[-1] not in ("annotations", "claimRef"):
        assert json.dumps(after.get(place[-1])) == before
    assert cluster.plan(request_of(NFS)).findings == ()


def test_a_lost_label_or_path_is_an_error_until_it_is_mended() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    cluster.objects[DATA]["metadata"]["labels"]["ml.azure.com/pvc"] = "True"
    found = cluster.plan(request_of(NFS))
    assert codes_of(found) == {"storage.volume_missing": "error"}
    assert "its label is not as AzureML needs it" in message_of(found, "storage.volume_missing")
    assert all(finding.resolvable for finding in found.findings)


def test_a_class_that_grows_grows_and_says_that_it_is_not_done() -> None:
    cluster = Cluster()
    cluster.run(request_of(SCRATCH))
    request = request_of({**SCRATCH, "size": "200Gi"})
    first = cluster.run(request)
    assert [(change.verb, change.disruptive) for change in first.changes] == [("update", frozenset())]
    assert cluster.objects[claim_path("scratch")]["spec"]["resources"]["requests"]["storage"] == "200Gi"
    assert codes_of(cluster.plan(request)) == {"storage.resize_pending": "info"}
    cluster.objects[claim_path("scratch")]["status"]["capacity"]["storage"] = "200Gi"
    assert cluster.plan(request).findings == ()


REMADE = [
    ("server", NFS, OTHER_SERVER, "nfs.server is '10.0.0.4', asked for is '10.0.0.9'", {"restarts_pods"}),
    ("path", NFS, {**NFS, "path": "/other"}, "nfs.path is '/export', asked for is '/other'", {"restarts_pods"}),
    ("read only", NFS, {**NFS, "access_mode": "ReadOnlyMany"}, "accessModes is ['ReadWriteMany']", {"restarts_pods"}),
    ("nominal size", NFS, {**NFS, "size": "2Gi"}, "the size of a static claim is nominal", {"restarts_pods"}),
    ("shrink", SCRATCH, {**SCRATCH, "size": "50Gi"}, "a claim never shrinks", {"restarts_pods", "deletes_data"}),
    ("class", SCRATCH, {**SCRATCH, "storage_class": "azurefile-2"}, "storageClassName is", {"restarts_pods", "deletes_data"}),
    ("type", NFS, {**SCRATCH, "name": "data"}, "storageClassName is ''", {"restarts_pods"}),
]


@pytest.mark.parametrize(("before", "after", "said", "disruptive"), [case[1:] for case in REMADE], ids=[case[0] for case in REMADE])
def test_what_never_changes_is_explained_and_made_anew_with_consent(
    before: Json, after: Json, said: str, disruptive: set[str]
) -> None:
    cluster = Cluster()
    cluster.put("/apis/storage.k8s.io/v1/storageclasses/azurefile-2", {"provisioner": "file.csi.azure.com"})
    cluster.run(request_of(before))
    found = cluster.plan(request_of(after))
    assert found.disruptive == disruptive
    assert said in message_of(found, "storage.immutable_change")
    assert {change.verb for change in found.changes} == {"update"}
    assert found.changes[0].after == dict(found.changes[0].after)
    assert found.wait is not None
    uid = cluster.objects[claim_path(before["name"])]["metadata"]["uid"]
    cluster.run(request_of(after))
    assert cluster.objects[claim_path(before["name"])]["metadata"]["uid"] != uid
    last = cluster.plan(request_of(after))
    assert last.changes == ()
    assert "storage.immutable_change" not in codes_of(last)


def test_a_class_that_cannot_grow_is_explained() -> None:
    cluster = Cluster()
    cluster.run(request_of(SCRATCH))
    cluster.objects["/apis/storage.k8s.io/v1/storageclasses/azurefile-csi"]["allowVolumeExpansion"] = False
    found = cluster.plan(request_of({**SCRATCH, "size": "200Gi"}))
    assert "a class whose volumes cannot grow" in message_of(found, "storage.immutable_change")
    assert found.disruptive == {"restarts_pods", "deletes_data"}


def test_data_of_a_class_that_keeps_it_is_not_at_stake() -> None:
    cluster = Cluster()
    cluster.run(request_of(SCRATCH))
    name = cluster.objects[claim_path("scratch")]["spec"]["volumeName"]
    cluster.objects[f"{VOLUMES}/{name}"]["spec"]["persistentVolumeReclaimPolicy"] = "Retain"
    assert cluster.plan(request_of({**SCRATCH, "size": "50Gi"})).disruptive == {"restarts_pods"}
    cluster.forbidden.add(VOLUMES)
    assert cluster.plan(request_of({**SCRATCH, "size": "50Gi"})).disruptive == {"restarts_pods", "deletes_data"}


def test_a_claim_that_was_never_bound_disturbs_nobody() -> None:
    cluster = Cluster()
    cluster.provisions = False
    cluster.run(request_of(SCRATCH))
    found = cluster.plan(request_of({**SCRATCH, "size": "50Gi"}))
    assert found.disruptive == frozenset()
    assert [change.verb for change in found.changes] == ["update"]


def test_the_storage_is_kept_before_the_claim_goes() -> None:
    """A policy that somebody set to Delete would take the share with the claim."""
    cluster = Cluster()
    cluster.run(request_of(NFS))
    cluster.objects[DATA_VOLUME]["spec"]["persistentVolumeReclaimPolicy"] = "Delete"
    kinds = [(change.object.kind, change.write.kind) for change in cluster.plan(request_of(OTHER_SERVER)).changes if change.write]
    assert kinds == [
        ("PersistentVolume", "json_patch"),
        ("PersistentVolumeClaim", "delete"),
        ("PersistentVolume", "delete"),
    ]
    cluster.run(request_of(OTHER_SERVER))
    assert states_of(cluster.plan(request_of(OTHER_SERVER))) == {"ml/data": "bound"}


def test_nothing_is_made_anew_while_a_pod_uses_it() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    cluster.pod("job-1", "data")
    cluster.pod("job-2", "data", phase="Succeeded")
    found = cluster.plan(request_of(OTHER_SERVER))
    assert found.changes == ()
    assert codes_of(found) == {"storage.in_use": "error", "storage.immutable_change": "error"}
    assert "used by pod job-1." in message_of(found, "storage.in_use")
    cluster.forbidden.add("/api/v1/namespaces/ml/pods")
    assert "whether pods use it may not be read" in message_of(cluster.plan(request_of(OTHER_SERVER)), "storage.unreadable")


def test_a_released_volume_is_bound_again() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    del cluster.objects[DATA]
    cluster.control()
    assert cluster.objects[DATA_VOLUME]["status"]["phase"] == "Released"
    first = cluster.run(request_of(NFS))
    assert [change.line().split(":")[0] for change in first.changes] == [
        "update PersistentVolume/ml.data",
        "create PersistentVolumeClaim/ml/data",
    ]
    assert states_of(cluster.plan(request_of(NFS))) == {"ml/data": "bound"}


def test_a_lost_volume_is_made_again_for_the_claim_that_was_bound_to_it() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    del cluster.objects[DATA_VOLUME]
    cluster.objects[DATA]["status"]["phase"] = "Lost"
    assert states_of(cluster.plan(request_of(NFS))) == {"ml/data": "lost"}
    first = cluster.run(request_of(NFS))
    assert [change.verb for change in first.changes] == ["create"]
    assert first.changes[0].after["spec"]["claimRef"]["uid"] == cluster.objects[DATA]["metadata"]["uid"]
    assert states_of(cluster.plan(request_of(NFS))) == {"ml/data": "bound"}


def test_a_lost_claim_of_a_class_is_not_made_anew_silently() -> None:
    cluster = Cluster()
    cluster.run(request_of(SCRATCH))
    cluster.objects[claim_path("scratch")]["status"]["phase"] = "Lost"
    found = cluster.plan(request_of(SCRATCH))
    assert (found.changes, codes_of(found)) == ((), {"storage.claim_lost": "error"})


def test_names_of_others_are_left_alone() -> None:
    cluster = Cluster()
    cluster.claim("data")
    found = cluster.plan(request_of(NFS))
    assert (found.changes, codes_of(found)) == ((), {"storage.foreign_claim": "error"})
    assert "type: existing" in message_of(found, "storage.foreign_claim")
    cluster = Cluster()
    cluster.volume("ml.data", phase="Available")
    found = cluster.plan(request_of(NFS))
    assert (found.changes, codes_of(found)) == ((), {"storage.foreign_volume": "error"})
    cluster = Cluster()
    cluster.volume("ml.data", ours=True, claimRef={"namespace": "x", "name": "y"}, nfs={"server": "10.0.0.4", "path": "/export"})
    found = cluster.plan(request_of(NFS))
    assert (found.changes, codes_of(found)) == ((), {"storage.bound_elsewhere": "error"})


@pytest.mark.parametrize("path", [DATA, DATA_VOLUME])
@pytest.mark.parametrize("volume", [{**NFS, "mount_path": "/mnt/new", "mount_options": ["soft"]}, OTHER_SERVER])
def test_gitops_is_not_fought(path: str, volume: Json) -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    cluster.objects[path]["metadata"]["labels"]["argocd.argoproj.io/instance"] = "storage"
    found = cluster.plan(request_of(volume))
    assert found.changes == ()
    assert "argocd.argoproj.io/instance=storage" in message_of(found, "storage.gitops_managed")


def test_a_claim_is_only_made_where_there_is_a_namespace() -> None:
    cluster = Cluster("other")
    found = cluster.plan(request_of(NFS))
    assert (found.changes, codes_of(found)) == ((), {"storage.namespace_missing": "error"})
    cluster = Cluster()
    cluster.objects["/api/v1/namespaces/ml"]["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z"
    found = cluster.plan(request_of(NFS))
    assert (found.changes, codes_of(found)) == ((), {"storage.namespace_terminating": "error"})


def test_a_class_that_is_not_there_is_named_with_the_nearest() -> None:
    found = Cluster().plan(request_of({**SCRATCH, "storage_class": "azurefile-cis"}))
    assert (found.changes, codes_of(found)) == ((), {"storage.class_missing": "error"})
    assert "Did you mean 'azurefile-csi'?" in message_of(found, "storage.class_missing")


def test_a_claim_that_is_going_is_waited_for_and_its_pods_are_named() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    cluster.pod("job-1", "data")
    cluster.objects[DATA]["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z"
    found = cluster.plan(request_of(NFS))
    assert (found.changes, codes_of(found)) == ((), {"storage.terminating": "error"})
    assert "job-1" in message_of(found, "storage.terminating")
    assert found.wait is not None
    assert found.wait.text == "waiting for PersistentVolumeClaim/ml/data to be gone"
    del cluster.objects["/api/v1/namespaces/ml/pods/job-1"]
    cluster.run(request_of(NFS))
    assert states_of(cluster.plan(request_of(NFS))) == {"ml/data": "bound"}


def test_adoption_is_recorded_in_the_same_patch() -> None:
    cluster = Cluster()
    cluster.claim("home", label=None, path="/old")
    first = cluster.run(request_of(EXISTING))
    assert [change.line() for change in first.changes] == ["update PersistentVolumeClaim/ml/home: jobs are to find it at /mnt/home"]
    metadata = cluster.objects[claim_path("home")]["metadata"]
    assert metadata["labels"] == {"ml.azure.com/pvc": "true"}
    assert metadata["annotations"]["ml.azure.com/mountpath"] == "/mnt/home"
    assert json.loads(metadata["annotations"]["azureml.kubernetes/adopted-marks"]) == {
        "ml.azure.com/mountpath": ["/mnt/home", "/old"],
        "ml.azure.com/pvc": ["true", None],
    }
    assert cluster.plan(request_of(EXISTING)).findings == ()


def test_marks_that_were_there_are_not_recorded_as_ours() -> None:
    cluster = Cluster()
    cluster.claim("home", path="/mnt/home")
    assert cluster.plan(request_of(EXISTING)).changes == ()


def test_a_claim_to_adopt_has_to_be_there_and_ours_to_change() -> None:
    cluster = Cluster()
    found = cluster.plan(request_of(EXISTING))
    assert (found.changes, codes_of(found)) == ((), {"storage.claim_missing": "error"})
    cluster.claim("home", label=None, metadata={"annotations": {"argocd.argoproj.io/tracking-id": "x"}})
    found = cluster.plan(request_of(EXISTING))
    assert (found.changes, codes_of(found)) == ((), {"storage.gitops_managed": "error"})


@pytest.mark.parametrize(
    "record", ["{", "[]", '{"ml.azure.com/pvc": 1}', '{"x": ["a", null]}', '{"ml.azure.com/pvc": ["true", 3]}']
)
def test_a_record_that_makes_no_sense_is_said(record: str) -> None:
    cluster = Cluster()
    metadata = {"annotations": {"ml.azure.com/mountpath": "/mnt/home", "azureml.kubernetes/adopted-marks": record}}
    cluster.claim("home", metadata=metadata)
    assert codes_of(cluster.plan(request_of(EXISTING))) == {"storage.record_unreadable": "warning"}
    found = cluster.plan(request_of({"name": "home", "type": "existing"}, state="absent"))
    assert (found.changes, codes_of(found)) == ((), {"storage.record_unreadable": "warning"})


@pytest.mark.parametrize(
    ("forbidden", "subject"), [(claim_path("")[:-1], "Namespace/ml"), (VOLUMES, "PersistentVolume")], ids=["claims", "volumes"]
)
def test_what_may_not_be_read_is_unknown(forbidden: str, subject: str) -> None:
    cluster = Cluster()
    cluster.forbidden.add(forbidden)
    found = cluster.plan(request_of(NFS))
    assert found.changes == ()
    assert dict(found.checks) == {"storage": "error"}
    assert f"{subject}: " in message_of(found, "storage.unreadable")
    assert states_of(found) == {"ml/data": "unknown" if subject == "Namespace/ml" else "missing"}


def test_without_a_namespace_nothing_is_read() -> None:
    cluster = Cluster()
    found = cluster.plan(request_of(compute_namespaces=[]))
    assert (dict(found.checks), codes_of(found)) == ({"storage": "not_applicable"}, {"storage.no_namespace": "info"})
    assert cluster.requests == []


def test_forty_volumes_cost_two_reads_when_all_is_well() -> None:
    cluster = Cluster()
    request = request_of(*[{**NFS, "name": f"v{n}", "mount_path": f"/mnt/v{n}"} for n in range(40)])
    assert len(cluster.run(request).changes) == 80
    cluster.requests.clear()
    assert cluster.plan(request).changes == ()
    assert cluster.requests == [Read("/api/v1/namespaces/ml/persistentvolumeclaims"), Read(VOLUMES)]


def test_nothing_is_deleted_for_a_class_that_is_not_there() -> None:
    cluster = Cluster()
    cluster.run(request_of(SCRATCH))
    found = cluster.plan(request_of({**SCRATCH, "storage_class": "azurefile-cis"}))
    assert (found.changes, codes_of(found)) == ((), {"storage.class_missing": "error"})
