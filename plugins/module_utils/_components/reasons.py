"""Why a component is not ready: from the workload itself, its pods, their containers, and events."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._components import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.reading import is_going
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.workloads import (
    Workload,
    container_statuses,
    moment,
    number,
    phase,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, name_of, objects, text

_PULL = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError")
_CRASH = ("CrashLoopBackOff", "RunContainerError", "StartError", "CreateContainerError", "PostStartHookError")
_DENIED = re.compile(
    r"\b(?:401|403)\b|unauthori[sz]ed|authentication required|access denied|denied:|forbidden|no basic auth", re.IGNORECASE
)
_NO_IMAGE = re.compile(r"not found|manifest unknown|InvalidImageName|invalid reference format", re.IGNORECASE)
_ABSENT = re.compile(
    r"(?:secret|configmap|references non-existent \w+ key)[^\n]{0,200}not found|couldn't find key|non-existent", re.IGNORECASE
)
_CLAIM = re.compile(r"persistentvolumeclaim|unbound immediate", re.IGNORECASE)
# A container that ends this often will not run by being started once more.
_HOPELESS_RESTARTS = 6
_LONGEST = 400
_MOUNT = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")


@dataclass(frozen=True)
class Cause:
    """One reason.

    Args:
        final: waiting does not help.
        rank: which of several is told first; the lowest.
    """

    code: Code
    message: str
    remedy: str = ""
    final: bool = False
    rank: int = 5


class Events:
    """The events of the namespace by what they are about; None as long as they were not read, or may not be."""

    def __init__(self, items: t.Sequence[Json] | None) -> None:
        self.known = items is not None
        self._by_name: dict[tuple[str, str], list[Json]] = {}
        for item in sorted(items or (), key=_when, reverse=True):
            about = mapping(item, "involvedObject") or mapping(item, "regarding")
            self._by_name.setdefault((text(about.get("kind")), text(about.get("name"))), []).append(item)
        self._owners: dict[str, list[Json]] = {}
        for (kind, name), events in self._by_name.items():
            if kind == "ReplicaSet":
                self._owners.setdefault(name.rpartition("-")[0], []).extend(events)

    def of(self, kind: str, name: str, *reasons: str) -> Json | None:
        """The newest event of an object with one of these reasons."""
        return next((event for event in self._by_name.get((kind, name), ()) if event.get("reason") in reasons), None)

    def of_creation(self, workload: Workload) -> Json | None:
        """The newest event that says why a workload's controller could make no pod."""
        own = self._by_name.get((workload.kind, workload.name), [])
        found = own if workload.kind != "Deployment" else self._owners.get(workload.name, [])
        failed = [event for event in found if event.get("reason") == "FailedCreate"]
        return max(failed, key=_when, default=None)


def _when(event: Json) -> str:
    last = text(mapping(event, "series").get("lastObservedTime")) or text(event.get("lastTimestamp"))
    return last or text(event.get("eventTime")) or text(mapping(event, "metadata").get("creationTimestamp"))


def said_by(event: Json) -> str:
    """An event's text, cut to what fits a message."""
    return cut(text(event.get("message")) or text(event.get("note")))


def cut(words: str) -> str:
    """A text on one line, not longer than fits a message."""
    line = " ".join(words.split()).rstrip(".")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def causes(workload: Workload, pods: t.Sequence[Json] | None, events: Events) -> list[Cause]:
    """Everything that can be seen, the most telling first.

    Args:
        pods: the workload's pods, newest first; None where they may not be read.
    """
    found: list[Cause] = []
    alive = [pod for pod in pods or () if phase(pod) != "Succeeded"]
    event = events.of_creation(workload) if len([pod for pod in alive if not is_going(pod)]) < workload.desired else None
    creation = workload.failure or (said_by(event) if event else "")
    if creation:
        found.append(_of_creation(creation, workload))
    for pod in alive:
        found += _of_pod(pod, events)
    unique = list({cause.message: cause for cause in found}.values())
    return sorted(unique, key=lambda cause: cause.rank)


def _of_creation(message: str, workload: Workload) -> Cause:
    """What keeps pods from being made, by the words of the API server."""
    lower, words = message.lower(), cut(message)
    account = text(workload.template.get("serviceAccountName")) or "default"
    if "security context constraint" in lower:
        remedy = (
            f"Run scc_grant: service account {account} of namespace azureml needs SCC privileged. Pods are then made by themselves."
        )
        return Cause(codes.SCC_DENIED, words, remedy, final=True, rank=0)
    if "serviceaccount" in lower.replace(" ", "") and "not found" in lower:
        return Cause(codes.ACCOUNT_MISSING, words, rank=0)
    if "exceeded quota" in lower or "failed quota" in lower or " usage per " in lower or "limitranger" in lower:
        return Cause(codes.QUOTA, words, final=True, rank=0)
    if "podsecurity" in lower or "webhook" in lower or "validatingadmissionpolicy" in lower or "denied" in lower:
        return Cause(codes.ADMISSION_DENIED, words, final="failed calling webhook" not in lower, rank=0)
    return Cause(codes.NOT_READY, f"no pod can be made: {words}", rank=1)


def _of_pod(pod: Json, events: Events) -> list[Cause]:
    """What keeps one pod from being ready."""
    name, status = name_of(pod), mapping(pod, "status")
    if is_going(pod):
        return [
            Cause(codes.NOT_READY, f"pod {name} is being deleted since {mapping(pod, 'metadata').get('deletionTimestamp')}", rank=8)
        ]
    if phase(pod) == "Failed":
        why = cut(f"{text(status.get('reason'))} {text(status.get('message'))}") or "no reason given"
        return [Cause(codes.EVICTED, f"pod {name} failed: {why}", rank=7)]
    unscheduled = next((entry for entry in objects(status.get("conditions")) if entry.get("type") == "PodScheduled"), {})
    if unscheduled.get("status") == "False":
        return [_of_scheduling(name, text(unscheduled.get("message")), events)]
    found = [cause for entry in container_statuses(pod) for cause in _of_container(pod, entry, events)]
    if found:
        return found
    mount = events.of("Pod", name, *_MOUNT)
    if mount is not None and phase(pod) == "Pending":
        return [_of_mount(name, said_by(mount))]
    other = events.of("Pod", name, "FailedCreatePodSandBox", "FailedSync", "NetworkNotReady")
    if other is not None and phase(pod) == "Pending":
        return [Cause(codes.NOT_READY, f"pod {name}: {said_by(other)}", rank=3)]
    return _of_silence(pod, events)


def _of_scheduling(name: str, message: str, events: Events) -> Cause:
    event = events.of("Pod", name, "FailedScheduling") if not message else None
    words = cut(message) or (said_by(event) if event else "no node takes it")
    if _CLAIM.search(words):
        return Cause(codes.VOLUME, f"pod {name} waits for its claim: {words}", rank=1)
    return Cause(codes.UNSCHEDULABLE, f"pod {name} is not scheduled: {words}", _scheduling_remedy(words), rank=2)


def _scheduling_remedy(told: str) -> str:
    """What to do, by the scheduler's own words."""
    lower, advice = told.lower(), []
    if "insufficient" in lower:
        advice.append("add nodes, or make room on those that are there")
    if "untolerated taint" in lower:
        advice.append("use a taint that AzureML tolerates (ml.azure.com/amlarc-system), or set toleration[0].key and its like")
    if "node affinity/selector" in lower or "node selector" in lower:
        advice.append("label a node as nodeSelector of the extension says")
    if "anti-affinity" in lower:
        advice.append("add nodes (the router's replicas run on three), or set inferenceRouterHA=False")
    words = "; ".join(advice)
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _of_mount(name: str, words: str) -> Cause:
    if _ABSENT.search(words):
        return Cause(codes.CONFIG_MISSING, f"pod {name} cannot start: {words}", rank=1)
    return Cause(codes.VOLUME, f"pod {name} cannot start: {words}", rank=1)


def _of_container(pod: Json, entry: Json, events: Events) -> list[Cause]:
    """What is wrong with one container, nothing where it runs or just starts."""
    pod_name, container = name_of(pod), text(entry.get("name"))
    waiting = mapping(entry, "state", "waiting")
    reason, message = text(waiting.get("reason")), cut(text(waiting.get("message")))
    where = f"container {container} of pod {pod_name}"
    if reason in _PULL:
        return [_of_pull(pod, entry, f"{reason}: {message}" if message else reason, events)]
    if reason == "CreateContainerConfigError":
        return [Cause(codes.CONFIG_MISSING, f"{where} cannot start: {message}", rank=1)]
    ended = mapping(entry, "lastState", "terminated") or mapping(entry, "state", "terminated")
    bad = bool(ended) and ended.get("exitCode") != 0
    if reason in _CRASH or (bad and entry.get("ready") is not True):
        return [_of_end(pod_name, container, entry, ended, reason, message)]
    return []


def _of_end(pod: str, container: str, entry: Json, ended: Json, reason: str, message: str) -> Cause:
    restarts = number(entry.get("restartCount"))
    log = f"Read `kubectl logs -n azureml {pod} -c {container} --previous`."
    often = f", restarted {restarts} times" if restarts else ""
    final = restarts >= _HOPELESS_RESTARTS
    if ended.get("reason") == "OOMKilled":
        return Cause(
            codes.OUT_OF_MEMORY, f"container {container} of pod {pod} was killed for its memory{often}", final=final, rank=1
        )
    code = f"exit code {ended['exitCode']}" if "exitCode" in ended else ""
    words = ", ".join(part for part in (text(ended.get("reason")), code, cut(text(ended.get("message"))) or message) if part)
    return Cause(
        codes.CRASH,
        f"container {container} of pod {pod} ends ({reason or 'Error'}: {words or 'no reason given'}){often}",
        log,
        final,
        1,
    )


def _of_pull(pod: Json, entry: Json, words: str, events: Events) -> Cause:
    """Why an image does not come; the back-off's own words do not say, the event before it does."""
    name, image = name_of(pod), text(entry.get("image"))
    event = events.of("Pod", name, "Failed", "FailedToRetrieveImagePullSecret")
    both = cut(f"{words} {said_by(event)}") if event else words
    secret = events.of("Pod", name, "FailedToRetrieveImagePullSecret")
    named = ", ".join(text(one.get("name")) for one in objects(mapping(pod, "spec").get("imagePullSecrets"))) or "none"
    message = f"image {image} of pod {name} cannot be pulled: {both}"
    if secret is not None or _DENIED.search(both):
        remedy = f"Check the image pull secrets of the pod ({named}), and what stands between the nodes and the registry."
        return Cause(codes.REGISTRY_DENIED, message, remedy, final=True, rank=1)
    return Cause(codes.IMAGE, message, final=bool(_NO_IMAGE.search(both)), rank=1)


def _of_silence(pod: Json, events: Events) -> list[Cause]:
    """A pod whose containers neither failed nor are ready."""
    name = name_of(pod)
    late = [
        text(entry.get("name"))
        for entry in container_statuses(pod)
        if entry.get("ready") is False and mapping(entry, "state", "running")
    ]
    if late:
        probe = events.of("Pod", name, "Unhealthy")
        words = f": {said_by(probe)}" if probe else ""
        log = f"Read `kubectl logs -n azureml {name} -c {late[0]}`."
        return [Cause(codes.NOT_ANSWERING, f"container {late[0]} of pod {name} runs and is not ready{words}", log, rank=3)]
    if phase(pod) == "Running" and not mapping(pod, "status", "containerStatuses") and _unready(pod):
        return [Cause(codes.NOT_READY, f"pod {name} is not ready{_unready(pod)}", rank=6)]
    return [Cause(codes.NOT_READY, f"pod {name} is starting", rank=6)] if phase(pod) == "Pending" else []


def _unready(pod: Json) -> str:
    """The words of the pod's condition Ready, where it is False."""
    found = next((entry for entry in objects(mapping(pod, "status").get("conditions")) if entry.get("type") == "Ready"), {})
    words = " ".join(part for part in (text(found.get("reason")), cut(text(found.get("message")))) if part)
    if found.get("status") not in ("False", "Unknown"):
        return ""
    return f" ({words})" if words else " (its node says no more)"


def recently(pods: t.Iterable[Json], since: t.Any) -> bool:
    """Whether a container of the pods ended after a moment."""
    ends = (
        moment(mapping(entry, "lastState", "terminated").get("finishedAt")) for pod in pods for entry in container_statuses(pod)
    )
    return any(end is not None and end > since for end in ends)
