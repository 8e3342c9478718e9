"""Every type of volume against a real volume controller, on a cluster that looks like AKS."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Result

from tests.integration.faults.work import errors, until
from tests.integration.storage.work import (
    CLAIMS,
    NFS,
    SECRET_KEYS,
    VOLUMES,
    Json,
    claim,
    codes,
    get,
    pod,
    prepare,
    requests,
    secret,
    states,
    storage,
)
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.storage, pytest.mark.xdist_group("aks-gpu")]

SHARE: Json = {
    "name": "models",
    "type": "azure_files",
    "account": "mystorage",
    "share": "models",
    "secret_name": "azure-storage",
    "mount_path": "/mnt/models",
}
SCRATCH: Json = {
    "name": "scratch",
    "type": "azure_files",
    "storage_class": "azurefile-csi",
    "size": "100Gi",
    "mount_path": "/mnt/scratch",
}
DISK: Json = {
    "name": "disk",
    "type": "csi",
    "storage_class": "managed-csi",
    "size": "10Gi",
    "access_mode": "ReadWriteOnce",
    "mount_path": "/mnt/disk",
}
HOME: Json = {"name": "home", "type": "existing", "mount_path": "/mnt/home"}
ALL = (NFS, SHARE, SCRATCH, DISK, HOME)


def test_every_type_is_bound_kept_and_taken_back(aks_gpu: Sandbox) -> None:
    prepare(aks_gpu, secret("azure-storage", *SECRET_KEYS), claim("home", storageClassName="azurefile-csi"))
    before = get(aks_gpu, f"{CLAIMS}/home")
    checked = storage(aks_gpu.kubeconfig, *ALL, check_mode=True)
    made = storage(aks_gpu.kubeconfig, *ALL)
    assert errors(made) == []
    assert [change.line() for change in checked.changes] == [change.line() for change in made.changes]
    assert states(made) == {
        "data": "bound",
        "models": "bound",
        "scratch": "bound",
        "disk": "waits_for_consumer",
        "home": "bound",
    }
    assert codes(made) == {"storage.single_node_access": "warning", "storage.waits_for_consumer": "info"}
    for _run in range(2):
        assert storage(aks_gpu.kubeconfig, *ALL).changes == ()
    refused = storage(aks_gpu.kubeconfig, *ALL, state="absent")
    assert codes(refused)["engine.consent_missing"] == "error"
    assert refused.changes == ()
    gone = storage(aks_gpu.kubeconfig, *ALL, state="absent", accept=["deletes_data"])
    assert errors(gone) == []
    assert states(gone) == {"data": "missing", "models": "missing", "scratch": "missing", "disk": "missing", "home": "bound"}
    until("only the volume of the adopted claim is left", lambda: _names(aks_gpu) == {"home"})
    after = get(aks_gpu, f"{CLAIMS}/home")
    assert before is not None
    assert after is not None
    assert "ml.azure.com/pvc" not in after["metadata"].get("labels", {})
    assert not [key for key in after["metadata"].get("annotations", {}) if "azureml" in key or "ml.azure.com" in key]
    assert storage(aks_gpu.kubeconfig, *ALL, state="absent").changes == ()


def _names(sandbox: Sandbox) -> set[str]:
    return {item["spec"]["claimRef"]["name"] for item in sandbox.request("GET", VOLUMES)["items"]}


def test_a_static_claim_binds_nothing_else_and_nothing_else_binds_its_volume(aks_gpu: Sandbox) -> None:
    """The document's sample leaves both free: any volume of no class fits any claim of no class."""
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"], "nfs": {"server": "10.0.0.99", "path": "/other"}}
    free = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "a-free-volume"}, "spec": spec}
    waiting = claim("a-waiting-claim", storageClassName="")
    prepare(aks_gpu, {**waiting, "metadata": {"name": "first", "namespace": "ml"}})
    made = storage(aks_gpu.kubeconfig, NFS)
    assert states(made) == {"data": "bound"}
    aks_gpu.apply([free, waiting])
    until("the free volume is bound", lambda: aks_gpu.request("GET", f"{VOLUMES}/a-free-volume")["status"]["phase"] == "Bound")
    holder = aks_gpu.request("GET", f"{VOLUMES}/a-free-volume")["spec"]["claimRef"]["name"]
    assert holder in ("first", "a-waiting-claim")
    ours = aks_gpu.request("GET", f"{VOLUMES}/ml.data")
    assert (ours["spec"]["claimRef"]["name"], ours["status"]["phase"]) == ("data", "Bound")


def test_a_volume_whose_claim_was_deleted_is_bound_again(aks_gpu: Sandbox) -> None:
    prepare(aks_gpu)
    storage(aks_gpu.kubeconfig, NFS)
    aks_gpu.request("DELETE", f"{CLAIMS}/data")
    until("released", lambda: aks_gpu.request("GET", f"{VOLUMES}/ml.data")["status"]["phase"] == "Released")
    mended = storage(aks_gpu.kubeconfig, NFS)
    assert (errors(mended), states(mended)) == ([], {"data": "bound"})
    assert {change.verb for change in mended.changes} == {"update", "create"}


def test_a_claim_whose_volume_was_lost_gets_it_back(aks_gpu: Sandbox) -> None:
    prepare(aks_gpu)
    storage(aks_gpu.kubeconfig, NFS)
    aks_gpu.request("DELETE", f"{VOLUMES}/ml.data")
    going = storage(aks_gpu.kubeconfig, NFS, wait_timeout=1)
    assert "PersistentVolume/ml.data" in errors(going)[0] + errors(going)[1]
    aks_gpu.request("PATCH", f"{VOLUMES}/ml.data", {"metadata": {"finalizers": None}}, content_type="application/merge-patch+json")
    until("lost", lambda: aks_gpu.request("GET", f"{CLAIMS}/data")["status"]["phase"] == "Lost")
    mended = storage(aks_gpu.kubeconfig, NFS)
    assert (errors(mended), states(mended)) == ([], {"data": "bound"})


def test_another_server_needs_consent_and_no_pod(aks_gpu: Sandbox) -> None:
    prepare(aks_gpu)
    storage(aks_gpu.kubeconfig, NFS)
    moved = {**NFS, "server": "10.0.0.9"}
    aks_gpu.apply([pod("job", "data")])
    in_use = storage(aks_gpu.kubeconfig, moved, accept=["restarts_pods"])
    assert codes(in_use) == {"storage.in_use": "error", "storage.immutable_change": "error"}
    assert in_use.changes == ()
    aks_gpu.request("DELETE", "/api/v1/namespaces/ml/pods/job?gracePeriodSeconds=0")
    until("the pod is gone", lambda: get(aks_gpu, "/api/v1/namespaces/ml/pods/job") is None)
    refused = storage(aks_gpu.kubeconfig, moved)
    assert {"engine.consent_missing", "storage.immutable_change"} <= set(codes(refused))
    assert aks_gpu.request("GET", f"{VOLUMES}/ml.data")["spec"]["nfs"]["server"] == "10.0.0.4"
    done = storage(aks_gpu.kubeconfig, moved, accept=["restarts_pods"])
    assert (errors(done), states(done)) == ([], {"data": "bound"})
    assert {change.verb for change in done.changes} == {"update"}
    assert aks_gpu.request("GET", f"{VOLUMES}/ml.data")["spec"]["nfs"]["server"] == "10.0.0.9"


def test_a_remake_finishes_although_something_else_is_wrong(aks_gpu: Sandbox) -> None:
    """A secret that is missing is an error, but none that leaves a volume half made."""
    prepare(aks_gpu)
    storage(aks_gpu.kubeconfig, NFS, SHARE)
    done = storage(aks_gpu.kubeconfig, {**NFS, "path": "/new"}, SHARE, accept=["restarts_pods"])
    assert codes(done) == {"storage.secret_missing": "error"}
    assert states(done) == {"data": "bound", "models": "bound"}


def test_a_claim_in_use_is_not_taken_away(aks_gpu: Sandbox) -> None:
    prepare(aks_gpu)
    storage(aks_gpu.kubeconfig, NFS)
    aks_gpu.apply([pod("job", "data")])
    refused = storage(aks_gpu.kubeconfig, NFS, state="absent")
    assert "pod job" in errors(refused)[0]
    found = get(aks_gpu, f"{CLAIMS}/data")
    assert found is not None
    assert "deletionTimestamp" not in found["metadata"]


def test_a_claim_that_somebody_else_deletes_is_waited_for(aks_gpu: Sandbox) -> None:
    prepare(aks_gpu)
    storage(aks_gpu.kubeconfig, NFS)
    aks_gpu.apply([pod("job", "data")])
    # Kubernetes protects a claim for pods that have a node.
    until("the pod has a node", lambda: "nodeName" in aks_gpu.request("GET", "/api/v1/namespaces/ml/pods/job")["spec"])
    aks_gpu.request("DELETE", f"{CLAIMS}/data")
    soon = storage(aks_gpu.kubeconfig, NFS, wait_timeout=1)
    assert "used by pod job" in "".join(errors(soon))
    assert {"storage.terminating", "engine.wait_timeout"} <= set(codes(soon))
    ended = threading.Timer(1, lambda: aks_gpu.request("DELETE", "/api/v1/namespaces/ml/pods/job?gracePeriodSeconds=0"))
    ended.start()
    made = storage(aks_gpu.kubeconfig, NFS, wait_timeout=60)
    ended.join()
    assert (errors(made), states(made)) == ([], {"data": "bound"})


def test_the_wait_ends_at_once_with_the_provisioners_words(aks_gpu: Sandbox) -> None:
    body = {"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "Immediate"}
    never = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "never"}, **body}
    prepare(aks_gpu, never)
    failed = threading.Event()

    def fail() -> None:
        until("the claim", lambda: get(aks_gpu, f"{CLAIMS}/scratch") is not None)
        uid = aks_gpu.request("GET", f"{CLAIMS}/scratch")["metadata"]["uid"]
        involved = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": "scratch", "namespace": "ml", "uid": uid}
        message = "failed to provision: rpc error: code = InvalidArgument desc = skuName Gold is not supported"
        event = {"reason": "ProvisioningFailed", "type": "Warning", "message": message, "lastTimestamp": "2036-01-01T00:00:00Z"}
        metadata = {"name": "scratch.1", "namespace": "ml"}
        aks_gpu.request("POST", "/api/v1/namespaces/ml/events", {"metadata": metadata, "involvedObject": involved, **event})
        failed.set()

    thread = threading.Thread(target=fail)
    thread.start()
    started = time.monotonic()
    result = storage(aks_gpu.kubeconfig, {**SCRATCH, "storage_class": "never"}, wait_timeout=60)
    thread.join()
    assert failed.is_set()
    assert time.monotonic() - started < 20
    assert "storage.claim_failed" in codes(result)
    assert "skuName Gold is not supported" in errors(result)[0]


def test_a_secret_is_judged_by_its_keys_and_its_value_is_nowhere(aks_gpu: Sandbox) -> None:
    prepare(aks_gpu, secret("azure-storage", "accountname", "accountkey", value="8ecret-value"))
    door = aks_gpu.front_door.door("main")
    door.clear_log()
    result = storage(aks_gpu.kubeconfig, SHARE)
    assert codes(result) == {"storage.secret_old_keys": "warning"}
    asked = [entry for entry in door.log() if "/secrets/" in entry.path]
    assert asked
    assert "8ecret-value" not in repr(result)
    aks_gpu.apply([secret("azure-storage", "accountname", "accountkey", *SECRET_KEYS)])
    assert storage(aks_gpu.kubeconfig, SHARE).findings == ()


def test_forty_volumes_in_one_namespace(aks_gpu: Sandbox) -> None:
    """Reads are those of lists, however many volumes; what was written needs not be read again."""
    prepare(aks_gpu)
    wanted = [{**NFS, "name": f"v{n}", "path": f"/export/{n}", "mount_path": f"/mnt/v{n}"} for n in range(40)]
    requests(aks_gpu)
    made = storage(aks_gpu.kubeconfig, *wanted)
    asked = requests(aks_gpu)
    assert errors(made) == []
    assert set(states(made).values()) == {"bound"}
    assert asked["write"] == len(made.changes) == 80
    assert asked["read"] == 4
    assert storage(aks_gpu.kubeconfig, *wanted).changes == ()
    idle = requests(aks_gpu)
    assert sum(idle.values()) == 3
    moved = [{**volume, "mount_path": f"{volume['mount_path']}-new"} for volume in wanted[:3]] + wanted[3:]
    changed = storage(aks_gpu.kubeconfig, *moved)
    some = requests(aks_gpu)
    assert some["write"] == len(changed.changes) == 3
    assert some["read"] == 3 + 1


def test_forty_volumes_of_all_types(aks_gpu: Sandbox) -> None:
    """The drivers' list is one read more, and each secret, which all shares of an account have in common."""
    prepare(aks_gpu, secret("azure-storage", *SECRET_KEYS))
    kinds = (NFS, SHARE, SCRATCH)
    wanted = [{**kinds[n % 3], "name": f"v{n}", "mount_path": f"/mnt/v{n}"} for n in range(40)]
    made = storage(aks_gpu.kubeconfig, *wanted)
    assert (errors(made), set(states(made).values())) == ([], {"bound"})
    requests(aks_gpu)
    assert storage(aks_gpu.kubeconfig, *wanted).changes == ()
    assert sum(requests(aks_gpu).values()) == 3 + 2
    without = [volume for volume in wanted if "secret_name" not in volume]
    storage(aks_gpu.kubeconfig, *[volume for volume in wanted if "secret_name" in volume], state="absent")
    requests(aks_gpu)
    assert storage(aks_gpu.kubeconfig, *without).changes == ()
    assert sum(requests(aks_gpu).values()) == 3 + 1


JOBS = "/apis/batch/v1/namespaces/ml/jobs"


def _probes(result: Result) -> set[str]:
    return {entry["probe"] for entry in result.facts["storage"]["volumes"]}


def test_a_claim_is_tried_with_a_pod_that_leaves_nothing(aks_gpu: Sandbox) -> None:
    prepare(aks_gpu)
    second = {**NFS, "name": "more", "mount_path": "/mnt/more"}
    made = storage(aks_gpu.kubeconfig, NFS, second, probe=True, probe_uid=1000)
    assert (errors(made), _probes(made), len(made.changes)) == ([], {"proved"}, 4)
    until("the jobs of the probes are gone", lambda: not (get(aks_gpu, JOBS) or {}).get("items"))
    again = storage(aks_gpu.kubeconfig, NFS, second, probe=True)
    assert (_probes(again), again.changes) == ({"proved"}, ())
    requests(aks_gpu)
    checked = storage(aks_gpu.kubeconfig, NFS, second, probe=True, check_mode=True)
    assert (_probes(checked), requests(aks_gpu)["write"]) == ({"not_run"}, 0)


def test_a_probe_that_a_quota_refuses_says_so_before_its_time_is_over(aks_gpu: Sandbox) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": "ml"}}
    prepare(aks_gpu, {**quota, "spec": {"hard": {"pods": "0"}}})
    path = "/api/v1/namespaces/ml/resourcequotas/none"
    until("the quota is known", lambda: "hard" in (get(aks_gpu, path) or {}).get("status", {}))
    started = time.monotonic()
    result = storage(aks_gpu.kubeconfig, NFS, probe=True, probe_timeout=100)
    assert time.monotonic() - started < 60
    assert (_probes(result), codes(result)) == ({"unknown"}, {"storage.probe_unknown": "warning"})
    assert "exceeded quota" in " ".join(finding.message for finding in result.findings)
