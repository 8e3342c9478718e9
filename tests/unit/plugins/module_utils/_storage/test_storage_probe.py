"""Trying claims with a pod: what is asked for, and what each way in which it can end says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Plan
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest

from tests.unit.plugins.module_utils._storage.storage_cluster import NFS, SCRATCH, Cluster, codes_of, message_of, request_of

pytestmark = pytest.mark.storage
Json = dict[str, Any]


def probed(cluster: Cluster, *volumes: Json, **options: Any) -> Plan:
    """What is said once the volumes are there."""
    return cluster.after(request_of(*(volumes or (NFS,)), probe=True, **options))


def verdicts(result: Plan) -> list[str]:
    return [entry["probe"] for entry in result.facts["storage"]["volumes"]]


def pod(**status: Any) -> Json:
    return {"spec": {"nodeName": "node-1"}, "status": status}


def terminated(code: int, **more: str) -> Json:
    return pod(phase="Failed", containerStatuses=[{"state": {"terminated": {"exitCode": code, **more}}}])


def after(found: Json, *events: Json) -> Plan:
    cluster = Cluster()
    cluster.trial = Answer(200, {"pod": found, "events": list(events), "ended": True})
    return probed(cluster, probe_uid=1000)


def trials(cluster: Cluster) -> list[Json]:
    return [json.loads(read.body) for read in cluster.requests if read.trial]


def test_a_bound_claim_is_tried_once_everything_is_written() -> None:
    cluster = Cluster()
    result = probed(cluster, probe_uid=1000)
    assert verdicts(result) == ["proved"]
    assert (codes_of(result), result.changes) == ({"storage.probe_proved": "info"}, ())
    assert "as user 1000 wrote, read and deleted a file in /mnt/data." in message_of(result, "storage.probe_proved")
    [job] = {json.dumps(job): job for job in trials(cluster)}.values()
    spec = job["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsUser"] == 1000
    assert spec["containers"][0]["command"][-1] == "/mnt/data"
    assert spec["volumes"][0]["persistentVolumeClaim"] == {"claimName": "data"}
    assert (job["metadata"]["namespace"], job["spec"]["activeDeadlineSeconds"]) == ("ml", 120)


def test_nothing_is_tried_while_something_is_to_be_written() -> None:
    cluster = Cluster()
    planned = cluster.plan(request_of(NFS, probe=True))
    assert planned.changes
    assert (verdicts(planned), trials(cluster)) == (["not_run"], [])


def test_nothing_is_tried_unless_it_is_asked_for() -> None:
    cluster = Cluster()
    assert verdicts(cluster.after(request_of(NFS))) == ["not_run"]
    assert trials(cluster) == []


def test_a_claim_that_waits_for_its_first_consumer_is_not_bound_by_the_probe() -> None:
    cluster = Cluster()
    disk = {**SCRATCH, "name": "disk", "type": "csi", "storage_class": "managed-csi", "mount_path": "/mnt/disk"}
    assert verdicts(probed(cluster, NFS, disk)) == ["proved", "not_run"]
    volumes = [job["spec"]["template"]["spec"]["volumes"][0] for job in trials(cluster)]
    assert {volume["persistentVolumeClaim"]["claimName"] for volume in volumes} == {"data"}


def test_a_read_only_volume_is_only_listed() -> None:
    cluster = Cluster()
    probed(cluster, {**NFS, "access_mode": "ReadOnlyMany"})
    script = trials(cluster)[0]["spec"]["template"]["spec"]["containers"][0]["command"][2]
    assert script.startswith("ls ")
    again = cluster.plan(request_of({**NFS, "access_mode": "ReadOnlyMany"}, probe=True))
    assert "listed /mnt/data." in message_of(again, "storage.probe_proved")


@pytest.mark.parametrize(
    ("code", "step"), [(11, "writing a file"), (12, "reading it again"), (13, "deleting it"), (14, "listing the folder")]
)
def test_each_step_that_fails_is_named_with_the_systems_words(code: int, step: str) -> None:
    result = after(terminated(code, message="sh: can't create: Permission denied\n"))
    assert verdicts(result) == ["failed"]
    expected = f"{step} in /mnt/data as user 1000 failed: sh: can't create: Permission denied."
    assert expected in message_of(result, "storage.probe_failed")


def test_what_cannot_be_mounted_is_said_in_the_kubelets_words() -> None:
    event = {"reason": "FailedMount", "message": "mount.nfs: access denied by server"}
    waiting = pod(phase="Pending", containerStatuses=[{"state": {"waiting": {"reason": "ContainerCreating"}}}])
    result = after(waiting, {"reason": "Scheduled", "message": "x"}, event)
    assert verdicts(result) == ["failed"]
    assert "a pod on node node-1 cannot mount it: mount.nfs: access denied by server." in message_of(result, "storage.probe_failed")


@pytest.mark.parametrize(
    ("found", "events", "words"),
    [
        (terminated(137, reason="OOMKilled"), [], "exit code 137 OOMKilled"),
        (
            pod(
                phase="Pending",
                containerStatuses=[{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}],
            ),
            [],
            "ImagePullBackOff: no such image",
        ),
        (
            pod(
                phase="Pending",
                conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}],
            ),
            [],
            "Unschedulable: 0/3 nodes",
        ),
        ({}, [{"reason": "FailedCreate", "message": "exceeded quota"}], "FailedCreate: exceeded quota"),
        ({}, [], "nothing is said of it within 120 s"),
        ({"status": {"containerStatuses": ["rubbish"]}}, [], "nothing is said of it within 120 s"),
    ],
)
def test_what_says_nothing_of_the_storage_is_unknown(found: Json, events: list[Json], words: str) -> None:
    result = after(found, *events)
    assert verdicts(result) == ["unknown"]
    assert codes_of(result) == {"storage.probe_unknown": "warning"}
    assert words in message_of(result, "storage.probe_unknown")


def test_a_refused_probe_says_who_refused() -> None:
    cluster = Cluster()
    cluster.trial = Answer(403, {"message": "jobs.batch is forbidden"})
    assert "was not made: jobs.batch is forbidden." in message_of(probed(cluster), "storage.probe_unknown")


def test_check_mode_tries_nothing_and_says_so_in_the_facts() -> None:
    cluster = Cluster()
    cluster.trial = Answer(0, {"message": "check mode tries nothing"})
    result = probed(cluster)
    assert (verdicts(result), result.findings) == (["not_run"], ())


def test_absent_tries_nothing() -> None:
    cluster = Cluster()
    cluster.run(request_of(NFS))
    assert cluster.plan(request_of(NFS, state="absent", probe=True)).changes
    assert trials(cluster) == []


def test_senseless_options_are_named_together() -> None:
    with pytest.raises(InvalidRequest) as caught:
        request_of(NFS, probe=True, probe_uid=-1, probe_timeout=0)
    assert [problem.split(" is ")[0] for problem in caught.value.problems] == ["probe_uid -1", "probe_timeout 0"]
