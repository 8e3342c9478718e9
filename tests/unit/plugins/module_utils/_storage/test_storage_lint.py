"""What makes jobs fail silently, over all claims that the jobs of a namespace mount."""

from __future__ import annotations

import pytest

from tests.unit.plugins.module_utils._storage.storage_cluster import (
    DRIVERS,
    NFS,
    SCRATCH,
    SHARE,
    VOLUMES,
    Cluster,
    claim_path,
    codes_of,
    message_of,
    request_of,
)

pytestmark = pytest.mark.storage

DISK = {
    "name": "disk",
    "type": "csi",
    "storage_class": "managed-csi",
    "size": "10Gi",
    "access_mode": "ReadWriteOnce",
    "mount_path": "/mnt/disk",
}


def linted(cluster: Cluster) -> dict[str, str]:
    found = cluster.plan(request_of())
    assert found.changes == ()
    return codes_of(found)


def test_a_claim_that_is_as_it_should_be_is_no_finding() -> None:
    cluster = Cluster()
    cluster.claim("a", path="/mnt/a")
    cluster.claim("b", path="/data/b")
    cluster.claim("no-claim-of-jobs", label=None, path=None, phase="Pending")
    found = cluster.plan(request_of())
    assert (found.findings, dict(found.checks)) == ((), {"storage": "ok"})


@pytest.mark.parametrize("label", ["True", "TRUE", "yes", "", "1", "false"])
def test_only_the_text_true_counts(label: str) -> None:
    cluster = Cluster()
    cluster.claim("a", label=label, path="/etc")
    assert linted(cluster) == {"storage.label_ignored": "warning"}


def test_a_mount_path_without_a_label_and_a_label_without_a_path() -> None:
    cluster = Cluster()
    cluster.claim("a", label=None)
    cluster.claim("b", path=None)
    cluster.claim("c", path="")
    assert linted(cluster) == {"storage.label_missing": "warning", "storage.mount_path_missing": "error"}


PATHS = [
    ("/mnt/data", {}),
    ("data", {"storage.mount_path_invalid": "error"}),
    ("/", {"storage.mount_path_invalid": "error"}),
    ("//", {"storage.mount_path_invalid": "error"}),
    ("/mnt/..", {"storage.mount_path_invalid": "error"}),
    ("/etc", {"storage.mount_path_invalid": "error"}),
    ("/mnt/../etc/x", {"storage.mount_path_invalid": "error"}),
    ("/etc-data", {}),
    ("/var/run/x", {"storage.mount_path_invalid": "error"}),
    ("/var/data", {}),
    ("/mnt/azureml/x", {"storage.mount_path_invalid": "error"}),
    ("/a:b", {"storage.mount_path_invalid": "error"}),
    ("/a\nb", {"storage.mount_path_invalid": "error"}),
    ("/mnt/data/", {"storage.mount_path_untidy": "warning"}),
    ("//mnt/data", {"storage.mount_path_untidy": "warning"}),
    ("/mnt/./data", {"storage.mount_path_untidy": "warning"}),
    ("/mnt", {"storage.mount_path_hides": "warning"}),
    ("/home/", {"storage.mount_path_hides": "warning", "storage.mount_path_untidy": "warning"}),
]


@pytest.mark.parametrize(("path", "expected"), PATHS, ids=[repr(case[0]) for case in PATHS])
def test_mount_paths(path: str, expected: dict[str, str]) -> None:
    cluster = Cluster()
    cluster.claim("a", path=path)
    assert linted(cluster) == expected


def test_paths_that_meet_are_found_whoever_made_the_claims() -> None:
    cluster = Cluster()
    cluster.claim("theirs", path="/mnt/data/")
    cluster.claim("inner", path="/mnt/data/deep/er")
    found = cluster.plan(request_of(NFS))
    assert message_of(found, "storage.mount_path_duplicate").startswith(
        "error storage.mount_path_duplicate PersistentVolumeClaim/ml/theirs: PersistentVolumeClaim/ml/data has mount path /mnt/data"
    )
    assert "lies inside that of PersistentVolumeClaim/ml/data" in message_of(found, "storage.mount_path_nested")


def test_claims_of_another_namespace_are_not_in_the_way() -> None:
    cluster = Cluster("ml", "other")
    cluster.claim("a", path="/mnt/x")
    cluster.claim("a", path="/mnt/x", namespace="other")
    assert cluster.plan(request_of(compute_namespaces=["ml", "other"])).findings == ()


def test_what_this_run_puts_right_is_judged_as_it_will_be() -> None:
    cluster = Cluster()
    cluster.claim("home", label="True", path="/etc")
    found = cluster.plan(request_of({"name": "home", "type": "existing", "mount_path": "/mnt/home"}))
    assert codes_of(found) == {"storage.volume_missing": "error"}


def test_what_is_refused_is_judged_as_it_is() -> None:
    cluster = Cluster()
    cluster.claim("data", path="/etc")
    found = cluster.plan(request_of(NFS))
    assert codes_of(found) == {"storage.foreign_claim": "error", "storage.mount_path_invalid": "error"}


def test_one_node_at_a_time_is_a_problem_on_several() -> None:
    cluster = Cluster()
    cluster.claim("a", accessModes=["ReadWriteOnce"])
    cluster.claim("b", path="/mnt/b", accessModes=["ReadWriteOnce", "ReadOnlyMany"])
    assert "jobs run on 2" in message_of(cluster.plan(request_of()), "storage.single_node_access")
    cluster.objects["/api/v1/nodes/node-2"]["metadata"]["labels"] = {"node-role.kubernetes.io/control-plane": ""}
    assert linted(cluster) == {}
    cluster.objects["/api/v1/nodes/node-2"]["metadata"]["labels"]["node-role.kubernetes.io/worker"] = ""
    assert linted(cluster) == {"storage.single_node_access": "warning"}
    cluster.forbidden.add("/api/v1/nodes")
    assert "how many nodes run jobs" in message_of(cluster.plan(request_of()), "storage.unreadable")


def test_one_node_at_a_time_counts_for_claims_that_are_asked_for() -> None:
    assert codes_of(Cluster().plan(request_of(DISK)))["storage.single_node_access"] == "warning"


INSTALLS = [
    ("aks", "file.csi.azure.com", "az aks update -g RESOURCE_GROUP -n CLUSTER --enable-file-driver"),
    ("aks", "blob.csi.azure.com", "--enable-blob-driver"),
    ("aro", "file.csi.azure.com", "oc describe clustercsidriver file.csi.azure.com"),
    ("aro", "blob.csi.azure.com", "Helm chart blob-csi-driver"),
    ("k3s", "file.csi.azure.com", "Helm chart azurefile-csi-driver"),
]


@pytest.mark.parametrize(("platform", "driver", "remedy"), INSTALLS)
def test_a_missing_driver_says_how_it_comes_on_this_platform(platform: str, driver: str, remedy: str) -> None:
    cluster = Cluster()
    cluster.claim("a")
    cluster.objects[f"{VOLUMES}/pv-ml-a"]["spec"]["csi"]["driver"] = driver
    cluster.objects.pop(f"{DRIVERS}/{driver}", None)
    found = cluster.plan(request_of(platform=platform))
    assert remedy in message_of(found, "storage.driver_missing")
    assert codes_of(found) == {"storage.driver_missing": "error"}


def test_the_platform_is_detected_only_for_a_driver_that_is_missing() -> None:
    cluster = Cluster()
    cluster.claim("a")
    cluster.plan(request_of())
    assert "/apis" not in {read.path for read in cluster.requests}
    del cluster.objects[f"{DRIVERS}/file.csi.azure.com"]
    cluster.objects["/api/v1/nodes/node-1"]["metadata"]["labels"] = {"kubernetes.azure.com/cluster": "x"}
    assert "az aks update" in message_of(cluster.plan(request_of()), "storage.driver_missing")


def test_an_unknown_driver_may_work_without_its_object() -> None:
    volume = {"name": "smb", "type": "csi", "driver": "smb.csi.k8s.io", "volume_handle": "x", "mount_path": "/mnt/smb"}
    assert codes_of(Cluster().plan(request_of(volume)))["storage.driver_missing"] == "warning"


def test_the_driver_of_a_class_is_looked_for_before_its_volume_is_there() -> None:
    cluster = Cluster()
    cluster.provisions = False
    del cluster.objects[f"{DRIVERS}/file.csi.azure.com"]
    before = message_of(cluster.plan(request_of(SCRATCH)), "storage.driver_missing")
    assert message_of(cluster.after(request_of(SCRATCH)), "storage.driver_missing") == before
    cluster.claim("theirs", phase="Pending")
    assert "PersistentVolumeClaim/ml/theirs" in message_of(cluster.plan(request_of()), "storage.driver_missing")


def test_drivers_that_may_not_be_read_are_unknown() -> None:
    cluster = Cluster()
    cluster.claim("a")
    cluster.forbidden.add(DRIVERS)
    assert linted(cluster) == {"storage.unreadable": "warning"}


def with_secret(*keys: str) -> Cluster:
    cluster = Cluster()
    if keys:
        cluster.secret("azure-storage", *[key for key in keys if key != "-"])
    cluster.run(request_of(SHARE))
    return cluster


SECRETS = [
    (("azurestorageaccountname", "azurestorageaccountkey"), {}),
    (("AzureStorageAccountName", "azurestorageaccountkey", "more"), {}),
    ((), {"storage.secret_missing": "error"}),
    (("-",), {}),
    (("other",), {"storage.secret_keys": "error"}),
    (("azurestorageaccountname",), {"storage.secret_keys": "error"}),
    (("accountname", "accountkey"), {"storage.secret_old_keys": "warning"}),
    (("accountname",), {"storage.secret_keys": "error"}),
]


@pytest.mark.parametrize(("keys", "expected"), SECRETS, ids=str)
def test_secrets_are_judged_by_the_names_of_their_keys(keys: tuple[str, ...], expected: dict[str, str]) -> None:
    found = with_secret(*keys).plan(request_of(SHARE))
    assert codes_of(found) == expected
    for code in expected:
        assert "kubectl create secret generic azure-storage -n ml --from-literal=azurestorageaccountname=..." in message_of(
            found, code
        )


def test_secrets_are_read_without_their_values_and_once() -> None:
    cluster = with_secret("azurestorageaccountname", "azurestorageaccountkey")
    cluster.requests.clear()
    cluster.plan(request_of(SHARE, {**SHARE, "name": "more", "mount_path": "/mnt/more"}))
    asked = [read for read in cluster.requests if "secrets" in read.path]
    assert [(read.path, read.metadata_only) for read in asked] == [("/api/v1/namespaces/ml/secrets/azure-storage", True)]


def test_a_secret_that_may_not_be_read_is_unknown_and_one_without_a_record_no_finding() -> None:
    cluster = with_secret("azurestorageaccountname")
    cluster.objects["/api/v1/namespaces/ml/secrets/azure-storage"]["metadata"].pop("managedFields")
    assert cluster.plan(request_of(SHARE)).findings == ()
    cluster.forbidden.add("/api/v1/namespaces/ml/secrets")
    found = cluster.plan(request_of(SHARE))
    assert codes_of(found) == {"storage.unreadable": "warning"}
    assert "may not get /api/v1/namespaces/ml/secrets/azure-storage" in message_of(found, "storage.unreadable")


@pytest.mark.parametrize(
    ("keys", "fine"), [(("azurestorageaccountname", "azurestorageaccountsastoken"), True), (("msisecret",), True), (("x",), False)]
)
def test_blob_knows_more_ways_to_log_in(keys: tuple[str, ...], fine: bool) -> None:
    cluster = Cluster()
    cluster.put(f"{DRIVERS}/blob.csi.azure.com", {})
    cluster.secret("s", *keys, namespace="vault")
    volume = {"name": "b", "type": "azure_blob", "account": "mystorage", "container": "c", "mount_path": "/mnt/b"}
    request = request_of({**volume, "secret_name": "s", "secret_namespace": "vault"})
    cluster.run(request)
    assert codes_of(cluster.plan(request)) == ({} if fine else {"storage.secret_keys": "error"})


def test_claims_of_others_that_keep_jobs_waiting() -> None:
    cluster = Cluster()
    cluster.claim("lost", path="/mnt/1", phase="Lost")
    cluster.claim("pending", path="/mnt/2", phase="Pending")
    cluster.event("pending", "ProvisioningFailed", "no more shares")
    cluster.claim("later", path="/mnt/3", phase="Pending", storageClassName="managed-csi")
    found = cluster.plan(request_of())
    assert codes_of(found) == {
        "storage.claim_lost": "error",
        "storage.claim_pending": "error",
        "storage.waits_for_consumer": "info",
    }
    assert "Its last event is ProvisioningFailed: no more shares" in message_of(found, "storage.claim_pending")
    assert "ProvisioningFailed (3 times) at 2026-11-23T10:00:00Z: no more shares" in [
        finding.evidence for finding in found.findings
    ]
    cluster.forbidden.add("/apis/storage.k8s.io/v1/storageclasses")
    assert "storage.unreadable" in linted(cluster)
    assert "storage.claim_pending" not in linted(cluster)


@pytest.mark.parametrize("reference", [{"namespace": "ml", "name": "a", "uid": "x"}, {"namespace": "x", "name": "a"}, None])
def test_a_claim_whose_volume_is_held_by_another(reference: dict[str, str] | None) -> None:
    cluster = Cluster()
    cluster.volume("pv-ml-a", **({"claimRef": reference} if reference else {}))
    cluster.claim("a")
    assert linted(cluster) == {"storage.bound_elsewhere": "error"}


def test_volumes_released_by_claims_that_are_gone() -> None:
    cluster = Cluster()
    cluster.volume("kept", phase="Released", claimRef={"namespace": "ml", "name": "gone", "uid": "1"})
    cluster.volume("elsewhere", phase="Released", claimRef={"namespace": "x", "name": "gone", "uid": "1"})
    found = cluster.plan(request_of())
    assert codes_of(found) == {"storage.volume_released": "warning"}
    assert "its claim ml/gone was deleted" in message_of(found, "storage.volume_released")


def test_what_an_earlier_run_made_and_nobody_asks_for() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    assert linted(cluster) == {"storage.leftover_volume": "info"}


def test_endpoints_do_not_get_claims_which_is_said_once() -> None:
    cluster = Cluster()
    assert cluster.plan(request_of(inference=True)).findings == ()
    cluster.claim("a", path="/mnt/a")
    cluster.claim("b", path="/mnt/b")
    assert "2 claims are for jobs" in message_of(cluster.plan(request_of(inference=True)), "storage.not_for_inference")
    assert linted(cluster) == {}


def test_a_claim_that_is_going_is_not_judged() -> None:
    cluster = Cluster()
    cluster.claim("a", path="/etc")
    cluster.objects[claim_path("a")]["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z"
    assert linted(cluster) == {}


def test_a_plan_reads_only_what_its_judgement_needs() -> None:
    cluster = Cluster()
    cluster.claim("a", path="/mnt/a")
    cluster.plan(request_of())
    assert [read.path for read in cluster.requests] == ["/api/v1/namespaces/ml/persistentvolumeclaims", VOLUMES, DRIVERS]
