"""State present: what is to be done so that jobs of a namespace find a volume."""

from __future__ import annotations

import difflib

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Disruption, Finding, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import made_by_us
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.binding import binding
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.differences import (
    bound_before,
    claim_operations,
    fixed_in_claim,
    fixed_in_volume,
    volume_operations,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.live import Live, held_for
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.marks import adopt, record_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.outcome import (
    Outcome,
    create,
    delete,
    going,
    in_use,
    is_retained,
    kept_by_gitops,
    loses_data,
    patch,
    refused,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.reading import namespace_read
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.volumes import (
    Dynamic,
    Target,
    claim_body,
    claim_ref,
    volume_body,
)


def present(target: Target, live: Live) -> Outcome:
    """What one volume in one namespace needs."""
    if target.namespace in live.unread or (target.static and live.volumes is None):
        return Outcome(refused=True)
    claim = live.claims.get(target.key)
    volume = live.volume(target.persistent_volume.name) if target.static else None
    leaving = going(target, live, (target.claim, claim), (target.persistent_volume, volume))
    if leaving is not None:
        return leaving
    if target.adopted:
        return _adopted(target, claim)
    taken = _taken(target, claim, volume)
    if taken is not None:
        return taken
    fixed = fixed_in_claim(target, claim, live) if claim is not None else []
    fixed_below = fixed_in_volume(target, volume) if volume is not None else []
    if fixed or fixed_below:
        return _remake(target, claim, volume if fixed_below else None, [*fixed, *fixed_below], live)
    return _make(target, claim, volume, live)


def _adopted(target: Target, claim: Json | None) -> Outcome:
    if claim is None:
        message = f"it is to be adopted but does not exist in namespace {target.namespace}."
        return refused(codes.CLAIM_MISSING.finding(message, target.claim))
    findings = [] if record_of(claim).readable else [unreadable_record(target)]
    change = adopt(claim, target.volume.mount_path)
    if change is None:
        return Outcome(findings=tuple(findings))
    stopped = kept_by_gitops(target.claim, claim, f"set {change.after}")
    if stopped is not None:
        return stopped
    return Outcome((change,), (*findings, _missing(target, "it has not both the label and the mount path")))


def unreadable_record(target: Target) -> Finding:
    """The record of an adopted claim makes no sense."""
    return codes.RECORD_UNREADABLE.finding("its record of what was added cannot be read.", target.claim)


def _taken(target: Target, claim: Json | None, volume: Json | None) -> Outcome | None:
    """The refusal when a name is somebody else's, or the volume is kept for another claim."""
    if claim is not None and not made_by_us(claim):
        path = target.volume.mount_path
        remedy = f"Give the volume another name, or adopt it: {{name: {target.volume.name}, type: existing, mount_path: {path}}}."
        return refused(codes.FOREIGN_CLAIM.finding("it exists and was made by somebody else.", target.claim, remedy=remedy))
    if volume is None:
        return None
    if not made_by_us(volume):
        return refused(codes.FOREIGN_VOLUME.finding("it exists and was made by somebody else.", target.persistent_volume))
    holder = held_for(volume)
    if holder is not None and holder != target.key:
        message = f"it is kept for {claim_ref(*holder)}, not for {target.claim}."
        return refused(codes.BOUND_ELSEWHERE.finding(message, target.persistent_volume))
    return None


def _remake(target: Target, claim: Json | None, volume: Json | None, fixed: list[str], live: Live) -> Outcome:
    """Claim, volume or both deleted; once they are gone, the next plan makes them anew.

    Args:
        volume: given when it has to go, too.
    """
    what = "; ".join(fixed)
    unmakable = _no_class(target, live)
    if unmakable is not None:
        return unmakable
    used = in_use(target, live) if claim is not None else None
    finding = codes.IMMUTABLE_CHANGE.finding(f"{what}.", target.claim, evidence=fixed)
    if used is not None:
        return Outcome(findings=(*used.findings, finding), refused=True)
    changes: list[Change] = []
    kept = live.volume(target.persistent_volume.name) if target.static else None
    for ref, item in ((target.claim, claim), (target.persistent_volume, volume)):
        stopped = kept_by_gitops(ref, item, f"make it anew, since {what}") if item is not None else None
        if stopped is not None:
            return stopped
    if claim is not None:
        if kept is not None and not is_retained(kept):
            # With any other policy the storage itself would go with the claim.
            changes.append(_patch_volume(target, kept, claim, "its data is to be kept"))
        reason = f"made anew, since {what}"
        changes.append(delete(target.claim, claim, reason, _disruption(target, claim, live), then=claim_body(target)))
    if volume is not None:
        changes.append(delete(target.persistent_volume, volume, f"made anew, since {what}", then=volume_body(target)))
    return Outcome(tuple(changes), (finding,), waits=f"{target.claim} to be gone")


def _disruption(target: Target, claim: Json, live: Live) -> set[Disruption]:
    """What making a claim anew disturbs. One that was never bound held nothing and served nobody."""
    if bound_before(claim) is None:
        return set()
    found: set[Disruption] = {"restarts_pods"}
    if not target.static and loses_data(claim, live):
        found.add("deletes_data")
    return found


def _make(target: Target, claim: Json | None, volume: Json | None, live: Live) -> Outcome:
    """What is missing made, what can change in place patched; else whether the claim is bound."""
    changes: list[Change] = []
    missing = []
    if target.static and volume is None:
        body = volume_body(target, bound_before(claim))
        changes.append(create(target.persistent_volume, body, f"storage for {target.claim}"))
        missing.append("it has no PersistentVolume")
    elif volume is not None and volume_operations(target, volume, claim):
        stopped = kept_by_gitops(target.persistent_volume, volume, "make it as asked for")
        if stopped is not None:
            return stopped
        changes.append(_patch_volume(target, volume, claim, f"storage for {target.claim}"))
    if claim is None:
        stopped = _no_class(target, live) or _no_namespace(target, live)
        if stopped is not None:
            return stopped
        changes.append(create(target.claim, claim_body(target), f"jobs are to find it at {target.volume.mount_path}"))
        missing.insert(0, "it does not exist")
    else:
        operations = claim_operations(target, claim, live)
        if operations:
            stopped = kept_by_gitops(target.claim, claim, "make it as asked for")
            if stopped is not None:
                return stopped
            unmarked = _unmarked(operations)
            reason = f"jobs are to find it at {target.volume.mount_path}" if unmarked else "more space is asked for"
            changes.append(patch(target.claim, claim, operations, reason))
            missing += unmarked
    if changes or claim is None:
        return Outcome(tuple(changes), (_missing(target, " and ".join(missing)),) if missing else ())
    return binding(target, claim, live)


def _unmarked(operations: list[Json]) -> list[str]:
    """Whether jobs do not find the claim for want of label or mount path."""
    paths = [operation["path"] for operation in operations]
    marks = {"/metadata/labels": "its label is not as AzureML needs it", "/metadata/annotations": "its mount path differs"}
    return [words for prefix, words in marks.items() if any(path.startswith(prefix) for path in paths)]


def _patch_volume(target: Target, volume: Json, claim: Json | None, reason: str) -> Change:
    return patch(target.persistent_volume, volume, volume_operations(target, volume, claim), reason)


def _missing(target: Target, what: str) -> Finding:
    message = f"jobs of namespace {target.namespace} do not find volume {target.volume.name}, since {what}."
    return codes.VOLUME_MISSING.finding(message, target.claim)


def _no_class(target: Target, live: Live) -> Outcome | None:
    """The refusal to make a claim whose class is not there."""
    source = target.volume.source
    if not isinstance(source, Dynamic):
        return None
    classes = live.classes()
    if classes is None or source.storage_class in classes:
        return None
    near = difflib.get_close_matches(source.storage_class, classes, 1, 0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    message = f"class {source.storage_class!r} does not exist; the cluster has {', '.join(sorted(classes)) or 'none'}.{hint}"
    return refused(codes.CLASS_MISSING.finding(message, target.claim, evidence=sorted(classes)))


def _no_namespace(target: Target, live: Live) -> Outcome | None:
    """The refusal to make a claim whose namespace is not there."""
    if any(namespace == target.namespace for namespace, _name in live.claims):
        return None
    answer = live.answer(namespace_read(target.namespace))
    subject = f"Namespace/{target.namespace}"
    if answer is not None and answer.absent:
        message = f"it does not exist, so no claim can be made in it for volume {target.volume.name}."
        return refused(codes.NAMESPACE_MISSING.finding(message, subject))
    if answer is not None and text(mapping(answer.body, "metadata").get("deletionTimestamp")):
        message = f"it is being deleted, so no claim can be made in it for volume {target.volume.name}."
        return refused(codes.NAMESPACE_TERMINATING.finding(message, subject))
    return None
