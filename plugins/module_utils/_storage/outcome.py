"""What is to become of one volume in one namespace."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    Change,
    Disruption,
    Finding,
    Json,
    ObjectRef,
    Write,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import gitops_owner, version_test
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.live import Live, is_going, phase_of, uid_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.volumes import Target

State = t.Literal["bound", "waits_for_consumer", "pending", "lost", "going", "missing", "unknown"]


@dataclass(frozen=True)
class Outcome:
    """Changes and findings of one target.

    Args:
        refused: nothing is done about it, and a finding says why.
        waits: what the cluster has to do before more can be done or the target is as wanted, "" for nothing.
    """

    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    refused: bool = False
    waits: str = ""


def refused(finding: Finding) -> Outcome:
    """Nothing is done, because of this."""
    return Outcome(findings=(finding,), refused=True)


def state_of(target: Target, live: Live, *, consumer: bool = True) -> State:
    """How the claim is now; `consumer`: look whether its class waits for the first pod that uses it."""
    if target.namespace in live.unread:
        return "unknown"
    claim = live.claims.get(target.key)
    if claim is None:
        return "missing"
    if is_going(claim):
        return "going"
    phase = phase_of(claim)
    if phase in ("Bound", "Lost"):
        return "bound" if phase == "Bound" else "lost"
    return "waits_for_consumer" if consumer and not target.static and live.waits_for_consumer(claim) else "pending"


def going(target: Target, live: Live, *items: tuple[ObjectRef, Json | None]) -> Outcome | None:
    """The wait for the first of the objects that is being deleted; None when none is."""
    ref = next((ref for ref, item in items if item is not None and is_going(item)), None)
    if ref is None:
        return None
    users = live.users(target.key)
    held = f"; its claim is still used by {_pods(users)}" if users else ""
    finding = codes.TERMINATING.finding(f"it is being deleted and not gone yet{held}.", ref, evidence=users or None)
    return Outcome(findings=(finding,), waits=f"{ref} to be gone")


def in_use(target: Target, live: Live) -> Outcome | None:
    """The refusal to delete a claim that pods use, or whose users may not be known; None when nobody does."""
    users = live.users(target.key)
    if users is None:
        message = "whether pods use it may not be read, so it is not deleted."
        return refused(codes.UNREADABLE.finding(message, target.claim, severity="error"))
    if not users:
        return None
    return refused(codes.IN_USE.finding(f"it is used by {_pods(users)}.", target.claim, evidence=users))


def kept_by_gitops(ref: ObjectRef, item: Json, wanted: str) -> Outcome | None:
    """The refusal to change what Argo CD or Flux would change back."""
    owner = gitops_owner(item)
    if not owner:
        return None
    return refused(codes.GITOPS_MANAGED.finding(f"it is managed by GitOps ({owner}), so it was not changed: {wanted}.", ref))


def delete(
    ref: ObjectRef,
    item: Json,
    reason: str,
    disruptive: t.Collection[Disruption] = (),
    *,
    then: Json | None = None,
) -> Change:
    """The object deleted, if it is still the one that was read.

    Args:
        then: the object that is made in its place once it is gone.
    """
    write = Write("delete", ref.path, {"preconditions": {"uid": uid_of(item)}})
    verb: t.Literal["update", "delete"] = "delete" if then is None else "update"
    return Change(verb, ref, reason, mapping(item, "spec"), then and then["spec"], frozenset(disruptive), write)


def patch(ref: ObjectRef, item: Json, operations: t.Sequence[Json], reason: str) -> Change:
    """The object patched, if it is still the one that was read."""
    before = {operation["path"]: _at(item, operation["path"]) for operation in operations}
    after = {operation["path"]: operation.get("value") for operation in operations}
    return Change("update", ref, reason, before, after, write=Write("json_patch", ref.path, [*version_test(item), *operations]))


def create(ref: ObjectRef, body: Json, reason: str) -> Change:
    """A new object. It is created, not applied, so that of two runs at once the second is told and plans again."""
    return Change("create", ref, reason, after=body, write=Write("create", ref.path.rsplit("/", 1)[0], body))


def loses_data(claim: Json, live: Live) -> bool:
    """Whether storage is deleted with the claim: its volume is not known to be kept."""
    if phase_of(claim) == "Pending":
        return False
    volume = live.behind(claim)
    return live.volumes is None or (volume is not None and not is_retained(volume))


def is_retained(volume: Json) -> bool:
    """Whether the volume and its data stay when its claim goes."""
    return mapping(volume, "spec").get("persistentVolumeReclaimPolicy") == "Retain"


def _pods(names: t.Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"pod{'s' if len(names) > 1 else ''} {shown}{more}"


def _at(item: Json, pointer: str) -> t.Any:
    value: t.Any = item
    for token in pointer.split("/")[1:]:
        value = value.get(token.replace("~1", "/").replace("~0", "~")) if isinstance(value, dict) else None
    return value
