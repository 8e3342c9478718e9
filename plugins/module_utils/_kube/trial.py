"""A Job that is made to learn something, followed to its end, and deleted.

Kubernetes ends and sweeps it even where we are killed: a trial has `activeDeadlineSeconds` and `ttlSecondsAfterFinished`.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, name_of, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import KubeError, LostAnswer
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.follow import Follower
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.session import Session

# A pod that is not there after so long was probably refused, which only events of the Job tell.
LOOK_SECONDS = 3.0
# What the kubelet says only of a container that is not going to start by itself.
HOPELESS = (
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
)
_REFUSALS = (codes.FORBIDDEN.code, codes.REJECTED.code)


def run_trial(session: Session, read: Read, progress: t.Callable[[str], None]) -> Answer:
    """Make the Job, follow it to its end, and delete it.

    Returns:
        200 with `pod`, `events` and `ended`; 403 where it is refused, 503 where it is not known whether it was made.

    Raises:
        KubeError: the API server is away, or the Job cannot be deleted.
    """
    job: Json = json.loads(read.body)
    namespace = text(mapping(job, "metadata").get("namespace"))
    seconds = float(mapping(job, "spec").get("activeDeadlineSeconds") or 0)
    session.extend(seconds)
    try:
        made = session.write(Write("create", read.path, job))
    except LostAnswer as error:
        return Answer(503, {"message": str(error)})
    except KubeError as error:
        if error.finding.code in _REFUSALS:
            return Answer(403, {"message": error.finding.message})
        raise
    name = name_of(made)
    progress(f"trying with Job/{namespace}/{name}, for {round(seconds)} s at most")
    try:
        return _followed(session, namespace, name, seconds)
    finally:
        session.write(Write("delete", f"{read.path}/{name}", {"propagationPolicy": "Background"}))


def _followed(session: Session, namespace: str, name: str, seconds: float) -> Answer:
    pods = Read(object_path("v1", "pods", namespace=namespace), (("labelSelector", f"job-name={name}"),))
    first = session.read([pods])[pods]
    if not first.found:
        return first
    follower = Follower(session, (pods,), Snapshot({pods: first}))
    until = session.clock.now() + seconds
    pod: Json = next(iter(first.items), {})
    try:
        while True:
            # The Job's deadline takes the pod away: what it was last is what counts.
            pod = next(iter(follower.answers()[pods].items), pod)
            left = until - session.clock.now()
            if _ended(pod) or left <= 0:
                return Answer(200, {"pod": pod, "events": _events(session, namespace, name_of(pod), name), "ended": _ended(pod)})
            if not pod:
                events = _events(session, namespace, name)
                if any(event.get("reason") == "FailedCreate" for event in events):
                    return Answer(200, {"pod": {}, "events": events, "ended": False})
            follower.wait(min(left, LOOK_SECONDS))
    finally:
        follower.close()


def _ended(pod: Json) -> bool:
    """Whether more time would change nothing."""
    status = mapping(pod, "status")
    waiting = {text(mapping(entry, "state", "waiting").get("reason")) for entry in objects(status.get("containerStatuses"))}
    return status.get("phase") in ("Succeeded", "Failed") or not waiting.isdisjoint(HOPELESS)


def _events(session: Session, namespace: str, *names: str) -> list[Json]:
    """Events of the pod and its Job; none where they may not be read."""
    path = object_path("v1", "events", namespace=namespace)
    reads = [Read(path, (("fieldSelector", f"involvedObject.name={name}"),)) for name in names if name]
    return [event for answer in session.read(reads).values() for event in answer.items]
