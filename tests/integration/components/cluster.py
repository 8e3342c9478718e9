"""A cluster of plain objects for the unit tests: it does what controllers do, and gives snapshots."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from ansible_collections.azureml.kubernetes.plugins.module_utils._components import reading
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.request import OPTIONS, parse
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Plan
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import ARC_CONFIG
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot

from tests.integration.components.listing import NAMESPACE, Json

KINDS = {
    "Deployment": reading.DEPLOYMENTS,
    "DaemonSet": reading.DAEMONSETS,
    "StatefulSet": reading.STATEFULSETS,
    "Pod": reading.ALL_PODS,
    "Event": reading.EVENTS,
    "PersistentVolumeClaim": reading.CLAIMS,
    "Service": reading.SERVICES,
    "CustomResourceDefinition": reading.DEFINITIONS,
    "ValidatingWebhookConfiguration": reading.VALIDATING,
    "MutatingWebhookConfiguration": reading.MUTATING,
}
MADE = "2026-11-01T10:00:00Z"
NODES = 3


class Cluster:
    """Objects by kind and name.

    Attributes:
        refused: reads that the credentials may not make.
        asked: what the last run has read.
    """

    def __init__(self, objects: list[Json], arc: Json | None = None) -> None:
        self.objects: dict[tuple[str, str], Json] = {}
        self.arc = arc
        self.namespace: Json | None = {"kind": "PartialObjectMetadata", "metadata": {"name": NAMESPACE}}
        self.refused: set[Read] = set()
        self.extra: dict[Read, Answer] = {}
        self.asked: list[Read] = []
        for item in objects:
            self.add(copy.deepcopy(item))

    def add(self, item: Json) -> Json:
        """An object, and what its controller makes of it."""
        item["metadata"].setdefault("creationTimestamp", MADE)
        self.objects[(item["kind"], item["metadata"]["name"])] = item
        if item["kind"] in ("Deployment", "StatefulSet", "DaemonSet"):
            count = NODES if item["kind"] == "DaemonSet" else item["spec"]["replicas"]
            self._run(item, count)
        if item["kind"] == "Pod" and "status" not in item:
            item["status"] = {"phase": "Succeeded"}
        return item

    def _run(self, item: Json, count: int) -> None:
        item["metadata"].update(generation=1)
        item["status"] = {"observedGeneration": 1}
        self.count(item, count, count)
        for number in range(count):
            self.add(pod_of(item, number))

    def count(self, item: Json, desired: int, ready: int) -> None:
        """The numbers in a workload's status."""
        if item["kind"] == "DaemonSet":
            item["status"].update(desiredNumberScheduled=desired, numberReady=ready, updatedNumberScheduled=desired)
        else:
            item["status"].update(replicas=desired, readyReplicas=ready, updatedReplicas=desired)

    def get(self, kind: str, name: str) -> Json:
        return self.objects[(kind, name)]

    def drop(self, kind: str, name: str) -> None:
        """Delete an object and its pods."""
        item = self.objects.pop((kind, name))
        if "template" in item.get("spec", {}):
            for pod in self.pods(name):
                self.objects.pop(("Pod", pod["metadata"]["name"]))

    def pods(self, owner: str) -> list[Json]:
        return [item for (kind, _name), item in self.objects.items() if kind == "Pod" and item["metadata"].get("owner") == owner]

    def break_pods(self, kind: str, name: str, change: Callable[[Json], None]) -> None:
        """Make all pods of a workload unready in the same way."""
        item = self.get(kind, name)
        pods = self.pods(name)
        for pod in pods:
            pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
            change(pod)
        self.count(item, len(pods), 0)

    def without_pods(self, kind: str, name: str, why: str) -> None:
        """The controller of a workload can make no pod."""
        item = self.get(kind, name)
        desired = len(self.pods(name))
        for pod in self.pods(name):
            self.objects.pop(("Pod", pod["metadata"]["name"]))
        self.count(item, desired, 0)
        maker = ("ReplicaSet", f"{name}-5d9c7b6f4") if kind == "Deployment" else (kind, name)
        self.event(*maker, "FailedCreate", f'Error creating: pods "{name}-" is forbidden: {why}' if "forbidden" not in why else why)

    def event(self, kind: str, name: str, reason: str, message: str, at: str = "2026-11-24T11:00:00Z") -> None:
        about = {"kind": kind, "name": name, "namespace": NAMESPACE}
        metadata = {"name": f"{name}.{len(self.objects)}", "namespace": NAMESPACE, "creationTimestamp": at}
        self.add(
            {
                "kind": "Event",
                "metadata": metadata,
                "involvedObject": about,
                "type": "Warning",
                "reason": reason,
                "message": message,
                "lastTimestamp": at,
            }
        )

    def answer(self, read: Read) -> Answer:
        """What the API server would answer."""
        if read in self.refused:
            return Answer(403, {"message": "forbidden by the test"})
        if read in self.extra:
            return self.extra[read]
        if read == reading.PODS:
            return Answer(200, {"items": [pod for pod in self.answer(reading.ALL_PODS).items if _is_labelled(pod)]})
        for kind, of_kind in KINDS.items():
            if read == of_kind:
                return Answer(200, {"items": [item for (known, _name), item in self.objects.items() if known == kind]})
        if read in (reading.HEALTH, reading.HEALTH_OLD):
            found = self.objects.get(("ConfigMap", read.path.rpartition("/")[2]))
            return Answer(200, found) if found else Answer(404)
        if read == reading.NAMESPACE:
            return Answer(200, self.namespace) if self.namespace else Answer(404)
        if read == ARC_CONFIG:
            return Answer(200, {"data": self.arc}) if self.arc is not None else Answer(404)
        return Answer(404)

    def judge(self, **options: Any) -> Plan:
        """What the module says, read as the engine reads."""
        defaults = {name: option.get("default") for name, option in OPTIONS.items()}
        request = parse({**defaults, **options})
        snapshot = Snapshot()
        for _stage in range(10):
            new = [read for read in dict.fromkeys(reads(request, snapshot)) if read not in snapshot]
            if not new:
                break
            snapshot = snapshot.with_answers({read: self.answer(read) for read in new})
        self.asked = list(snapshot.answers)
        return plan(request, snapshot)


def _is_labelled(pod: Json) -> bool:
    metadata = pod.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return isinstance(labels, dict) and labels.get("ml.azure.com/amlarc-system") == "true"


def pod_of(item: Json, number: int) -> Json:
    """A pod of a workload that runs."""
    template = item["spec"]["template"]
    name = f"{item['metadata']['name']}-5d9c7b6f4-{number}"
    statuses = [
        {"name": one["name"], "image": one["image"], "ready": True, "restartCount": 0, "state": {"running": {"startedAt": MADE}}}
        for one in template["spec"]["containers"]
    ]
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": dict(template["metadata"]["labels"]),
            "owner": item["metadata"]["name"],
            "creationTimestamp": MADE,
        },
        "spec": copy.deepcopy(template["spec"]),
        "status": {
            "phase": "Running",
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
            "containerStatuses": statuses,
        },
    }


def waiting(reason: str, message: str = "", container: int = 0, **more: Any) -> Callable[[Json], None]:
    """A container of a pod that waits."""

    def change(pod: Json) -> None:
        status = pod["status"]["containerStatuses"][container]
        status.update(ready=False, state={"waiting": {"reason": reason, "message": message}}, **more)
        pod["status"]["phase"] = "Pending" if reason != "CrashLoopBackOff" else "Running"

    return change


def unscheduled(message: str) -> Callable[[Json], None]:
    """A pod that no node takes."""

    def change(pod: Json) -> None:
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        pod["status"] = {"phase": "Pending", "conditions": [condition]}

    return change


def creating(pod: Json) -> None:
    """A pod whose containers are not there yet."""
    for status in pod["status"]["containerStatuses"]:
        status.update(ready=False, state={"waiting": {"reason": "ContainerCreating"}})
    pod["status"]["phase"] = "Pending"


def silent(pod: Json) -> None:
    """A pod that runs and is not ready."""
    pod["status"]["containerStatuses"][0]["ready"] = False
