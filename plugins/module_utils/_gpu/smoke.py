"""A pod per node that asks for one GPU and uses it: the only proof that driver, runtime and plugin work together.

Each is a Job, so that Kubernetes ends and sweeps it even where whoever started it is gone.
"""

from __future__ import annotations

import hashlib
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.gpu_nodes import GPU, GpuNode
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    MANAGED_BY,
    Change,
    Finding,
    Json,
    ObjectRef,
    Write,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import condition, mapping, name_of, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.reading import Live, is_going, our_jobs, our_pods
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.symptoms import IMAGE_REASONS, last_words, sign_of

LABEL = "azureml.kubernetes/gpu-smoke-test"
_BOOT = "azureml.kubernetes/boot-id"
_SWEEP_SECONDS = 600
Verdict = t.Literal["", "proved", "busy", "image", "broken", "running"]


@dataclass(frozen=True)
class Outcome:
    """What is known of one node's test."""

    verdict: Verdict
    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()


def chosen(request: Request, served: t.Sequence[GpuNode]) -> list[GpuNode]:
    """The nodes to test: all, or one of each size."""
    if request.smoke_test == "all":
        return list(served)
    first: dict[str, GpuNode] = {}
    for node in served if request.smoke_test == "sample" else ():
        first.setdefault(node.instance_type, node)
    return list(first.values())


def try_node(request: Request, node: GpuNode, raw: Json, live: Live) -> Outcome:
    """Start the test of a node, or say how it went."""
    jobs = live.items(our_jobs(request.namespace))
    if jobs is None:
        return Outcome("")
    body = job(request, node, raw)
    ref = job_ref(request.namespace, name_of(body))
    found = next((item for item in jobs if name_of(item) == ref.name), None)
    if found is None:
        write = Write("create", object_path("batch/v1", "jobs", namespace=request.namespace), body)
        return Outcome("running", (Change("create", ref, f"try one GPU of {node.name}", after=body["spec"], write=write),))
    if is_going(found):
        return Outcome("running", findings=(codes.SMOKE_RUNNING.finding("the test of an earlier time is not gone yet.", ref),))
    if _fingerprint(found) != _fingerprint(body):
        return Outcome("running", (remove(found, f"{node.name} was restarted since, or another image is asked for"),))
    return _judge(request, node, found, ref, live)


def _judge(request: Request, node: GpuNode, found: Json, ref: ObjectRef, live: Live) -> Outcome:
    subject = f"Node/{node.name}"
    if condition(mapping(found, "status"), "Complete") == "True":
        return Outcome("proved")
    pods = [pod for pod in live.items(our_pods(request.namespace)) or () if _is_of(pod, ref.name)]
    words = "; ".join(filter(None, (last_words(pod) for pod in pods)))
    waiting = " ".join(_scheduling(pod) for pod in pods)
    if any(reason in words for reason in IMAGE_REASONS):
        return Outcome("image", findings=(codes.SMOKE_IMAGE.finding(f"{ref}: {words}", subject, evidence=words),))
    if "Insufficient nvidia.com/" in waiting:
        return Outcome("busy", findings=(codes.SMOKE_BUSY.finding(f"{ref} waits: {waiting}", subject, evidence=waiting),))
    failed = condition(mapping(found, "status"), "Failed") == "True"
    ended = any(mapping(pod, "status").get("phase") == "Failed" for pod in pods)
    events = "; ".join(filter(None, (live.last_event(request.namespace, pod) for pod in pods))) if pods else ""
    stuck = sign_of(f"{words} {events}")
    if failed or ended or (stuck and "RunContainerError" in words):
        said = "; ".join(filter(None, (words, events))) or _reason(found)
        remedy = stuck.remedy if stuck else None
        evidence = {"job": str(ref), "words": words, "events": events}
        return Outcome(
            "broken", findings=(codes.SMOKE_BROKEN.finding(f"{ref}: {said}", subject, remedy=remedy, evidence=evidence),)
        )
    return Outcome("running", findings=(codes.SMOKE_RUNNING.finding(f"{ref} is not done.", subject),))


def job(request: Request, node: GpuNode, raw: Json) -> Json:
    """The test of a node: one GPU, through the scheduler, with an end."""
    name = f"gpu-smoke-{hashlib.sha256(node.name.encode()).hexdigest()[:12]}"
    labels = {**MANAGED_BY, LABEL: "true"}
    metadata = {
        "name": name,
        "namespace": request.namespace,
        "labels": labels,
        "annotations": {_BOOT: node.boot_id or "unknown", "azureml.kubernetes/node": node.name},
    }
    # Through service meshes and batch schedulers a pod that should take seconds may never start.
    pod_labels = {**labels, "sidecar.istio.io/inject": "false"}
    spec = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": request.smoke_timeout,
        "ttlSecondsAfterFinished": _SWEEP_SECONDS,
        "template": {"metadata": {"labels": pod_labels}, "spec": _pod_spec(request, node, raw)},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def _pod_spec(request: Request, node: GpuNode, raw: Json) -> Json:
    resource = next((name for name, count in sorted(node.allocatable.items()) if count), GPU)
    here = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node.name]}]}
    taints = objects(mapping(raw, "spec").get("taints"))
    container = {
        "name": "gpu",
        "image": request.smoke_image,
        # Without a limit a pod may see all GPUs of the node, whatever the plugin does.
        "resources": {"limits": {resource: "1"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    spec: Json = {
        "restartPolicy": "Never",
        "schedulerName": "default-scheduler",
        "automountServiceAccountToken": False,
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [here]}}},
        "tolerations": [
            {"key": text(taint.get("key")), "operator": "Exists", "effect": text(taint.get("effect"))} for taint in taints
        ],
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    if request.runtime_class:
        spec["runtimeClassName"] = request.runtime_class
    if request.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in request.pull_secrets]
    return spec


def remove(found: Json, reason: str) -> Change:
    """A test deleted, with its pod."""
    metadata = mapping(found, "metadata")
    ref = job_ref(text(metadata.get("namespace")), name_of(found))
    body = {"preconditions": {"uid": text(metadata.get("uid"))}, "propagationPolicy": "Background"}
    return Change("delete", ref, reason, before=mapping(found, "spec"), write=Write("delete", ref.path, body))


def job_ref(namespace: str, name: str) -> ObjectRef:
    """A test as findings and changes name it."""
    return ObjectRef("Job", name, namespace, object_path("batch/v1", "jobs", name, namespace))


def is_test(item: Json) -> bool:
    """Whether a Job or pod is a test of a GPU."""
    return LABEL in mapping(item, "metadata", "labels")


def _fingerprint(item: Json) -> tuple[str, str]:
    containers = objects(mapping(item, "spec", "template", "spec").get("containers"))
    return text(mapping(item, "metadata", "annotations").get(_BOOT)), text(containers[0].get("image")) if containers else ""


def _is_of(pod: Json, name: str) -> bool:
    return any(owner.get("name") == name for owner in objects(mapping(pod, "metadata").get("ownerReferences")))


def _scheduling(pod: Json) -> str:
    entries = objects(mapping(pod, "status").get("conditions"))
    return next((text(c.get("message")) for c in entries if c.get("type") == "PodScheduled" and c.get("status") == "False"), "")


def _reason(found: Json) -> str:
    entries = objects(mapping(found, "status").get("conditions"))
    failed = next((entry for entry in entries if entry.get("type") == "Failed"), {})
    return f"{text(failed.get('reason'))}: {text(failed.get('message'))}"
