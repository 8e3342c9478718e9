"""What is wrong with a pod of the device plugin, from what its status and events say."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import condition, mapping, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu import codes

IMAGE_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_FAILING = ("CrashLoopBackOff", "RunContainerError", "CreateContainerError", "CreateContainerConfigError")
# A plugin that starts before its driver fails once or twice and then works.
_ENOUGH_RESTARTS = 2
_SIGNS: tuple[tuple[str, Code], ...] = (
    (r"driver/library version mismatch", codes.DRIVER_MISMATCH),
    (r"unresolvable CDI devices|failed to inject CDI", codes.CDI_BROKEN),
    (r"Incompatible (strategy|platform) detected|no runtime for \"?nvidia|unknown runtime handler", codes.RUNTIME_MISSING),
    (r"NVML: Unknown Error|Unknown Error.*NVML", codes.DEVICE_LOST),
    (r"XidCriticalError|\bXid=\d+", codes.UNHEALTHY),
    (
        (
            r"could not load NVML library|Failed to initialize NVML|failed to initialize NVML|Driver Not Loaded|libnvidia-ml\.so"
            r"|No devices found|CUDA driver version is insufficient|no CUDA-capable device"
        ),
        codes.DRIVER_MISSING,
    ),
)


def is_ready(pod: Json) -> bool:
    """Whether the pod is ready and stays."""
    return condition(mapping(pod, "status"), "Ready") == "True" and not mapping(pod, "metadata").get("deletionTimestamp")


def sign_of(words: str) -> Code | None:
    """The cause that a log line, message or event names."""
    return next((code for pattern, code in _SIGNS if re.search(pattern, words)), None)


def last_words(pod: Json) -> str:
    """What the containers of a pod said at last: why they wait, and how they ended."""
    parts = []
    for status in _statuses(pod):
        for state in (mapping(status, "state"), mapping(status, "lastState")):
            waiting, ended = mapping(state, "waiting"), mapping(state, "terminated")
            parts += [_joined(waiting), _joined(ended)]
    own = mapping(pod, "status")
    parts.append(_joined(own) if own.get("phase") == "Failed" else "")
    return "; ".join(dict.fromkeys(part for part in parts if part))


def diagnosis(pod: Json, event: str) -> Code | None:
    """Why a pod that is not ready will not become so; None while it may just be starting."""
    statuses = _statuses(pod)
    reasons = [text(mapping(status, "state", "waiting").get("reason")) for status in statuses]
    if any(reason in IMAGE_REASONS for reason in reasons):
        return codes.IMAGE
    restarts = max((_count(status) for status in statuses), default=0)
    failing = any(reason in _FAILING for reason in reasons)
    # A sandbox without its runtime never gets as far as a restart.
    hopeless = (failing and restarts >= _ENOUGH_RESTARTS) or any(reason in _FAILING[1:] for reason in reasons)
    sign = sign_of(f"{last_words(pod)} {event}")
    if sign is codes.RUNTIME_MISSING and "FailedCreatePodSandBox" in event:
        return sign
    return (sign or codes.PLUGIN_FAILING) if hopeless else None


def _statuses(pod: Json) -> list[Json]:
    status = mapping(pod, "status")
    return objects(status.get("initContainerStatuses")) + objects(status.get("containerStatuses"))


def _joined(state: Json) -> str:
    words = [text(state.get("reason")), text(state.get("message")).strip()]
    return ": ".join(word for word in words if word)


def _count(status: Json) -> int:
    count: t.Any = status.get("restartCount")
    return count if isinstance(count, int) else 0
