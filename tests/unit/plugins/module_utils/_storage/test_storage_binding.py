"""Claims on their way: which are waited for, which are fine as they are, and which will never be bound."""

from __future__ import annotations

import pytest

from tests.unit.plugins.module_utils._storage.storage_cluster import (
    NFS,
    SCRATCH,
    SHARE,
    VOLUMES,
    Cluster,
    claim_path,
    codes_of,
    message_of,
    request_of,
    states_of,
)

pytestmark = pytest.mark.storage


def pending() -> Cluster:
    cluster = Cluster()
    cluster.provisions = False
    cluster.run(request_of(SCRATCH))
    return cluster


def test_a_pending_claim_is_waited_for_with_its_last_event() -> None:
    cluster = pending()
    cluster.event("scratch", "Old", "x", at="2026-11-23T09:00:00Z")
    cluster.event("scratch", "ExternalProvisioning", "waiting for file.csi.azure.com", kind="Normal")
    cluster.event("scratch", "Older", "x", at="2026-11-23T08:00:00Z")
    found = cluster.plan(request_of(SCRATCH))
    assert codes_of(found) == {"storage.not_bound": "error"}
    assert "Its last event: ExternalProvisioning (3 times)" in message_of(found, "storage.not_bound")
    assert found.wait is not None
    assert (found.wait.text, found.wait.seconds) == ("waiting for PersistentVolumeClaim/ml/scratch to be bound", 120)
    assert [read.path.rsplit("/", 1)[1] for read in found.wait.follow] == ["persistentvolumeclaims", "persistentvolumes", "events"]
    cluster.provisions = True
    cluster.control()
    assert cluster.plan(request_of(SCRATCH)).findings == ()


def test_several_claims_are_waited_for_together() -> None:
    cluster = Cluster()
    cluster.provisions = False
    request = request_of(SCRATCH, {**SCRATCH, "name": "s2", "mount_path": "/mnt/s2"}, wait_timeout=7)
    found = cluster.after(request)
    assert found.wait is not None
    assert (found.wait.text, found.wait.seconds) == ("waiting for PersistentVolumeClaim/ml/scratch to be bound and 1 more", 7)


def test_a_static_claim_is_waited_for_without_events() -> None:
    cluster = Cluster()
    for change in cluster.plan(request_of(NFS)).changes:
        cluster.write(change)
    cluster.requests.clear()
    found = cluster.plan(request_of(NFS))
    assert codes_of(found) == {"storage.not_bound": "error"}
    assert [read.path for read in cluster.requests] == ["/api/v1/namespaces/ml/persistentvolumeclaims", VOLUMES]


def test_a_class_that_waits_for_the_first_job_is_not_waited_for() -> None:
    cluster = Cluster()
    disk = {**SCRATCH, "name": "disk", "storage_class": "managed-csi"}
    found = cluster.after(request_of(disk))
    assert (found.changes, found.wait, codes_of(found)) == ((), None, {"storage.waits_for_consumer": "info"})
    assert states_of(found) == {"ml/disk": "waits_for_consumer"}
    assert dict(found.checks) == {"storage": "ok"}
    assert not any("events" in read.path for read in cluster.requests)


def test_without_a_wait_a_pending_claim_is_no_error() -> None:
    found = pending().plan(request_of(SCRATCH, wait=False))
    assert (found.wait, codes_of(found)) == (None, {"storage.not_bound": "info"})


FINAL = [
    ("ProvisioningFailed", "rpc error: code = InvalidArgument desc = invalid parameter", True),
    ("ProvisioningFailed", "rpc error: code = PermissionDenied desc = x", True),
    ("ProvisioningFailed", "rpc error: code = ResourceExhausted desc = quota", True),
    ("ProvisioningFailed", "rpc error: code = Internal desc = 403: AuthorizationFailed: no role", True),
    ("ProvisioningFailed", "rpc error: code = Internal desc = KeyBasedAuthenticationNotPermitted", True),
    ("ProvisioningFailed", "rpc error: code = DeadlineExceeded desc = context deadline exceeded", False),
    ("ProvisioningFailed", "rpc error: code = Internal desc = connection reset", False),
    ("ProvisioningFailed", "rpc error: code = Aborted desc = operation already exists", False),
    ("VolumeMismatch", "cannot bind: size too small", True),
    ("FailedBinding", "code = InvalidArgument", False),
]


@pytest.mark.parametrize(("reason", "words", "final"), FINAL)
def test_the_provisioners_words_end_the_wait_only_when_they_are_final(reason: str, words: str, final: bool) -> None:
    cluster = pending()
    cluster.event("scratch", reason, words)
    found = cluster.plan(request_of(SCRATCH))
    assert codes_of(found) == {"storage.claim_failed" if final else "storage.not_bound": "error"}
    assert words in found.findings[0].message
    assert (found.wait is None) == final


def test_a_normal_event_never_ends_the_wait() -> None:
    cluster = pending()
    cluster.event("scratch", "ProvisioningFailed", "code = NotFound", kind="Normal")
    assert codes_of(cluster.plan(request_of(SCRATCH))) == {"storage.not_bound": "error"}


def test_events_of_an_earlier_claim_of_the_name_do_not_count() -> None:
    cluster = pending()
    cluster.event("scratch", "ProvisioningFailed", "code = NotFound")
    cluster.objects[claim_path("scratch")]["metadata"]["uid"] = "new"
    assert codes_of(cluster.plan(request_of(SCRATCH))) == {"storage.not_bound": "error"}


def test_what_is_wrong_beside_does_not_end_the_wait() -> None:
    """The engine stops at an error that is not resolvable; a secret that is missing keeps no claim from being bound."""
    cluster = Cluster()
    request = request_of(SHARE)
    for change in cluster.plan(request).changes:
        cluster.write(change)
    waiting = cluster.plan(request)
    assert codes_of(waiting) == {"storage.not_bound": "error", "storage.secret_missing": "error"}
    assert waiting.wait is not None
    assert all(finding.resolvable for finding in waiting.findings)
    cluster.control()
    bound = cluster.plan(request)
    assert (bound.wait, codes_of(bound)) == (None, {"storage.secret_missing": "error"})
    assert not any(finding.resolvable for finding in bound.findings)


def test_one_claim_that_failed_ends_the_wait_for_all() -> None:
    cluster = Cluster()
    cluster.provisions = False
    request = request_of(SCRATCH, {**SCRATCH, "name": "s2", "mount_path": "/mnt/s2"})
    cluster.run(request)
    cluster.event("s2", "ProvisioningFailed", "code = NotFound")
    found = cluster.plan(request)
    assert {finding.code: finding.resolvable for finding in found.findings} == {
        "storage.claim_failed": False,
        "storage.not_bound": True,
    }
