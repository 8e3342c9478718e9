"""What a snapshot says about nodes, device plugins and their pods, and which reads that takes."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import FIELD_MANAGER, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import NODES, list_items, mapping, name_of, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.request import Request

DAEMON_SETS = Read(object_path("apps/v1", "daemonsets"))
CLUSTER_POLICIES = Read(object_path("nvidia.com/v1", "clusterpolicies"))
RUNTIME_CLASSES = Read(object_path("node.k8s.io/v1", "runtimeclasses"))
RUNNING_PODS = Read(object_path("v1", "pods"), (("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed"),))


def our_pods(namespace: str) -> Read:
    """Pods of the plugin and of its tests."""
    selector = f"app.kubernetes.io/managed-by={FIELD_MANAGER}"
    return Read(object_path("v1", "pods", namespace=namespace), (("labelSelector", selector),))


def our_jobs(namespace: str) -> Read:
    """Jobs that test GPUs."""
    selector = f"app.kubernetes.io/managed-by={FIELD_MANAGER}"
    return Read(object_path("batch/v1", "jobs", namespace=namespace), (("labelSelector", selector),))


def pods_labelled(namespace: str, labels: t.Mapping[str, str]) -> Read:
    """Pods of somebody else's DaemonSet."""
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return Read(object_path("v1", "pods", namespace=namespace), (("labelSelector", selector),) if selector else ())


def events_of(namespace: str) -> Read:
    """Events of a namespace."""
    return Read(object_path("v1", "events", namespace=namespace))


def always(request: Request) -> list[Read]:
    """What every decision starts from."""
    return [NODES, DAEMON_SETS, CLUSTER_POLICIES, our_pods(request.namespace)]


class Live:
    """The cluster as a snapshot shows it.

    It notes every read that is looked at, so that the reads of a plan are those that its judgement asks for. What was not read
    yet counts as unknown, and is known in the next round.

    Attributes:
        wanted: every read that was looked at, in order.
        forbidden: those that the credentials may not make.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.wanted: dict[Read, None] = {}
        self.forbidden: dict[Read, Answer] = {}

    def answer(self, read: Read) -> Answer | None:
        """The answer, None as long as nobody asked."""
        self.wanted[read] = None
        answer = self._snapshot.get(read)
        if answer is not None and not answer.found and not answer.absent:
            self.forbidden[read] = answer
        return answer

    def knows(self, read: Read) -> bool:
        """Whether the read was made, whatever the answer."""
        return self.answer(read) is not None

    def items(self, read: Read) -> list[Json] | None:
        """The objects of a list; None when they are not known."""
        return list_items(self.answer(read))

    def object(self, path: str) -> Json | None:
        """An object by its path; None when it is not there or not known."""
        answer = self.answer(Read(path))
        return answer.body if answer is not None and answer.found else None

    def last_event(self, namespace: str, item: Json) -> str:
        """The newest warning about an object, in the cluster's own words; "" for none."""
        uid = text(mapping(item, "metadata").get("uid"))
        events = self.items(events_of(namespace)) or []
        mine = [event for event in events if uid and mapping(event, "involvedObject").get("uid") == uid]
        warnings = [event for event in mine if event.get("type") == "Warning"]
        newest = max(warnings, key=_when, default={})
        return f"{text(newest.get('reason'))}: {text(newest.get('message'))}" if newest else ""


def _when(event: Json) -> str:
    """RFC 3339 times in UTC sort as text; newer clients fill eventTime or series instead of lastTimestamp."""
    last = text(mapping(event, "series").get("lastObservedTime")) or text(event.get("lastTimestamp"))
    return last or text(event.get("eventTime")) or text(mapping(event, "metadata").get("creationTimestamp"))


def node_of(pod: Json) -> str:
    """The node on which a pod runs."""
    return text(mapping(pod, "spec").get("nodeName"))


def is_going(item: Json) -> bool:
    """Whether the object is being deleted."""
    return mapping(item, "metadata").get("deletionTimestamp") is not None


def place(item: Json) -> str:
    """Namespace and name, as `kube-system/nvidia`."""
    return f"{text(mapping(item, 'metadata').get('namespace'))}/{name_of(item)}"
