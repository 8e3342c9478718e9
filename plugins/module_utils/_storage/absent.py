"""State absent: what this collection made is deleted, what it adopted is released, and no data goes without consent."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Disruption, Finding, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import made_by_us
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.live import Live, held_for
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.marks import RECORD, record_of, release
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.outcome import (
    Outcome,
    delete,
    going,
    in_use,
    is_retained,
    kept_by_gitops,
    loses_data,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.present import unreadable_record
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.volumes import Target


def absent(target: Target, live: Live) -> Outcome:
    """What one volume in one namespace leaves to be done until nothing of ours is there."""
    if target.namespace in live.unread:
        return Outcome(refused=True)
    claim = live.claims.get(target.key)
    if claim is not None and (target.adopted or not made_by_us(claim)):
        return _released(target, claim)
    volume = None if target.adopted else _our_volume(target, live)
    leaving = going(target, live, (target.claim, claim), (target.persistent_volume, volume if claim is None else None))
    if leaving is not None:
        return leaving
    return _deleted(target, claim, volume, live)


def _released(target: Target, claim: Json) -> Outcome:
    record = record_of(claim)
    if not record.readable:
        return Outcome(findings=(unreadable_record(target),))
    change = release(claim)
    if change is None:
        marked = RECORD in mapping(claim, "metadata", "annotations")
        message = f"it was {'adopted without any mark' if marked else 'neither made nor adopted here'}, so it stays as it is."
        return Outcome(findings=(codes.NOT_OURS.finding(message, target.claim),))
    stopped = kept_by_gitops(target.claim, claim, "take back label and mount path")
    return Outcome((change,)) if stopped is None else stopped


def _our_volume(target: Target, live: Live) -> Json | None:
    """The PersistentVolume that we made for the claim."""
    volume = live.volume(target.persistent_volume.name)
    ours = volume is not None and made_by_us(volume) and held_for(volume) in (None, target.key)
    return volume if ours else None


def _deleted(target: Target, claim: Json | None, volume: Json | None, live: Live) -> Outcome:
    changes: list[Change] = []
    findings: list[Finding] = []
    if live.volumes is None and claim is None and not target.adopted:
        return Outcome(refused=True)
    if claim is not None:
        used = in_use(target, live)
        if used is not None:
            return used
        stopped = kept_by_gitops(target.claim, claim, "delete it")
        if stopped is not None:
            return stopped
        disruptive: set[Disruption] = {"deletes_data"} if loses_data(claim, live) else set()
        changes.append(delete(target.claim, claim, "it is no longer wanted", disruptive))
        findings += _kept(target, claim, live)
    if volume is not None:
        stopped = kept_by_gitops(target.persistent_volume, volume, "delete it")
        if stopped is not None:
            return stopped
        changes.append(delete(target.persistent_volume, volume, f"{target.claim} is no longer wanted"))
    return Outcome(tuple(changes), tuple(findings))


def _kept(target: Target, claim: Json, live: Live) -> list[Finding]:
    volume = live.behind(claim)
    if volume is None or not is_retained(volume):
        return []
    ours = made_by_us(volume)
    stays = "what it has mounted" if ours else f"PersistentVolume/{mapping(volume, 'metadata').get('name')} and its data"
    return [codes.DATA_KEPT.finding(f"the claim goes, {stays} stays.", target.claim)]
