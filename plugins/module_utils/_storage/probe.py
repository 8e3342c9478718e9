"""A pod that mounts a claim, writes, reads and deletes one file: the only proof that jobs can use it.

What can keep a job from its data lies outside the cluster's API: the export of an NFS server, the network rules and the key of a
storage account, and which user may write.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import MANAGED_BY, Finding, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.volumes import Target

Verdict = t.Literal["proved", "failed", "unknown", "not_run"]
LABEL = "azureml.kubernetes/storage-probe"
# Keys of the taints that dedicate nodes to AzureML.
TOLERATED = (
    "ml.azure.com/amlarc",
    "ml.azure.com/amlarc-workload",
    "ml.azure.com/resource-group",
    "ml.azure.com/workspace",
    "ml.azure.com/compute",
)
_SWEEP_SECONDS = 600
# What the script ends with where a step fails; anything else was not the storage.
_STEPS = {11: "writing a file", 12: "reading it again", 13: "deleting it", 14: "listing the folder"}
_WRITES = """f="$1/.azureml-probe-$(hostname)"
printf %s azureml > "$f" || exit 11
[ "$(cat "$f")" = azureml ] || exit 12
rm "$f" || exit 13"""
_READS = 'ls "$1" > /dev/null || exit 14'
_MOUNT_EVENTS = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")


@dataclass(frozen=True)
class Probe:
    """How to try.

    Args:
        image: any with a shell.
        uid: user to try as; None for that of the image, or on OpenShift of the namespace.
        seconds: how long one trial may take.
    """

    image: str
    uid: int | None = None
    seconds: int = 120


def trial(probe: Probe, target: Target) -> Read:
    """The Job that tries one claim."""
    return Read(object_path("batch/v1", "jobs", namespace=target.namespace), body=json.dumps(_job(probe, target)), trial=True)


def verdict(probe: Probe, target: Target, answer: Answer) -> tuple[Verdict, tuple[Finding, ...]]:
    """What the trial showed."""
    if not answer.status:
        return "not_run", ()
    if not answer.found:
        return _unknown(target, f"the probe was not made: {answer.message}")
    pod, events = mapping(answer.body, "pod"), objects(answer.body.get("events"))
    if mapping(pod, "status").get("phase") == "Succeeded":
        done = "listed" if target.volume.access_mode == "ReadOnlyMany" else "wrote, read and deleted a file in"
        message = f"a pod on {_place(pod)}{_user(probe)} {done} {target.volume.mount_path}."
        return "proved", (codes.PROBE_PROVED.finding(message, target.claim),)
    ended = next((mapping(entry, "state", "terminated") for entry in _containers(pod)), {})
    code = ended.get("exitCode")
    if isinstance(code, int) and code in _STEPS:
        words = text(ended.get("message")).strip() or "without a message"
        return _failed(target, f"{_STEPS[code]} in {target.volume.mount_path}{_user(probe)} failed: {words}", words)
    mounts = [event for event in events if event.get("reason") in _MOUNT_EVENTS]
    if mounts and not ended:
        words = text(mounts[-1].get("message"))
        return _failed(target, f"a pod on {_place(pod)} cannot mount it: {words}", words)
    return _unknown(target, f"the probe did not run to its end: {_why(pod, ended, events, probe)}")


def _user(probe: Probe) -> str:
    return "" if probe.uid is None else f" as user {probe.uid}"


def _failed(target: Target, message: str, words: str) -> tuple[Verdict, tuple[Finding, ...]]:
    return "failed", (codes.PROBE_FAILED.finding(_sentence(message), target.claim, evidence=words),)


def _unknown(target: Target, message: str) -> tuple[Verdict, tuple[Finding, ...]]:
    return "unknown", (codes.PROBE_UNKNOWN.finding(_sentence(message), target.claim),)


def _sentence(message: str) -> str:
    return message if message.endswith(".") else f"{message}."


def _why(pod: Json, ended: Json, events: t.Sequence[Json], probe: Probe) -> str:
    """The nearest thing to a reason that there is."""
    if ended:
        return " ".join(filter(None, (f"exit code {ended.get('exitCode')}", text(ended.get("reason")), text(ended.get("message")))))
    waiting = next((mapping(entry, "state", "waiting") for entry in _containers(pod)), {})
    conditions = objects(mapping(pod, "status").get("conditions"))
    unscheduled = next((c for c in conditions if c.get("type") == "PodScheduled" and c.get("status") == "False"), {})
    refused = next((event for event in events if event.get("reason") == "FailedCreate"), {})
    for told in (waiting, unscheduled, refused):
        if text(told.get("message")) or text(told.get("reason")):
            return ": ".join(filter(None, (text(told.get("reason")), text(told.get("message")))))
    return f"nothing is said of it within {probe.seconds} s"


def _containers(pod: Json) -> list[Json]:
    return objects(mapping(pod, "status").get("containerStatuses"))


def _place(pod: Json) -> str:
    return f"node {text(mapping(pod, 'spec').get('nodeName')) or 'unknown'}"


def _job(probe: Probe, target: Target) -> Json:
    labels = {**MANAGED_BY, LABEL: "true"}
    # A sidecar would keep the pod from ending.
    pod_labels = {**labels, "sidecar.istio.io/inject": "false"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": "azureml-storage-probe-", "namespace": target.namespace, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": probe.seconds,
            "ttlSecondsAfterFinished": _SWEEP_SECONDS,
            "template": {"metadata": {"labels": pod_labels}, "spec": _pod_spec(probe, target)},
        },
    }


def _pod_spec(probe: Probe, target: Target) -> Json:
    path, script = target.volume.mount_path, _READS if target.volume.access_mode == "ReadOnlyMany" else _WRITES
    security: Json = {"seccompProfile": {"type": "RuntimeDefault"}}
    if probe.uid is not None:
        security["runAsUser"] = probe.uid
    container = {
        "name": "probe",
        "image": probe.image,
        "command": ["sh", "-c", script, "sh", path],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}},
        "volumeMounts": [{"name": "probed", "mountPath": path}],
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": security,
        # Jobs of AzureML run on nodes that are dedicated to it, too.
        "tolerations": [{"key": key, "operator": "Exists"} for key in TOLERATED],
        "containers": [container],
        "volumes": [{"name": "probed", "persistentVolumeClaim": {"claimName": target.volume.name}}],
    }
