"""Whether a claim of ours is bound, still waits, or cannot be bound as it is."""

from __future__ import annotations

import re

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import text
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.differences import is_short
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.live import Live, event_words
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.outcome import Outcome, state_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.reading import CLASSES
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.volumes import Target

# gRPC codes with which a CSI driver says that the same request will never succeed (CSI specification, "CreateVolume Errors"),
# and Azure's words for refusals that drivers wrap in code Internal.
_FINAL_CODES = re.compile(
    r"code = (?:InvalidArgument|NotFound|PermissionDenied|Unauthenticated|FailedPrecondition|OutOfRange|ResourceExhausted"
    r"|Unimplemented)\b"
)
_FINAL_WORDS = re.compile(
    r"AuthorizationFailed|KeyBasedAuthenticationNotPermitted|SkuNotAvailable|QuotaExceeded|RequestDisallowedByPolicy"
)
_FINAL_REASONS = ("VolumeMismatch",)


def binding(target: Target, claim: Json, live: Live) -> Outcome:
    """What is to be said, and waited for, when nothing is left to write."""
    state = state_of(target, live)
    if state == "bound":
        if not target.static and is_short(claim):
            message = f"{target.volume.size} is asked for, its volume has less."
            return Outcome(findings=(codes.RESIZE_PENDING.finding(message, target.claim),))
        return Outcome()
    # A static claim whose volume was made again is lost only until the controller has seen it.
    if state == "lost" and not target.static:
        message = "its PersistentVolume is gone, and the data with it as far as this cluster knows."
        remedy = "Run job_storage with state absent for this volume, then with state present: it is made anew, and empty."
        return Outcome(findings=(codes.CLAIM_LOST.finding(message, target.claim, remedy=remedy),))
    if state == "waits_for_consumer":
        message = "it is bound when the first job mounts it (volumeBindingMode WaitForFirstConsumer)."
        return Outcome(findings=(codes.WAITS_FOR_CONSUMER.finding(message, target.claim),))
    # Events only once the class is known not to wait for a pod.
    event = live.last_event(claim) if not target.static and live.knows(CLASSES) else None
    if event is not None and is_final(event):
        message = f"the provisioner says {event_words(event)}"
        return Outcome(findings=(codes.CLAIM_FAILED.finding(message, target.claim, evidence=event_words(event)),))
    told = f" Its last event: {event_words(event)}" if event is not None else ""
    finding = codes.NOT_BOUND.finding(f"it is not bound yet.{told}", target.claim)
    return Outcome(findings=(finding,), waits=f"{target.claim} to be bound")


def is_final(event: Json) -> bool:
    """Whether the event says that trying again does not help; a passing trouble of the provisioner does not."""
    if event.get("type") != "Warning":
        return False
    message = text(event.get("message"))
    if event.get("reason") == "ProvisioningFailed":
        return bool(_FINAL_CODES.search(message) or _FINAL_WORDS.search(message))
    return event.get("reason") in _FINAL_REASONS
