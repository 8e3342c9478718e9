"""What a snapshot says about claims, their volumes and who uses them."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    list_items,
    mapping,
    name_of,
    objects,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.reading import (
    CLASSES,
    VOLUMES,
    claims_of,
    events_of,
    pods_of,
)

Key = t.Tuple[str, str]


class Live:
    """Storage as a snapshot shows it.

    It notes every read that is looked at, so that the reads of a plan are those that its judgement asks for: what is needed
    only in a rare case is read only then. What was not read yet counts as unknown, and is known in the next round.

    Attributes:
        wanted: every read that was looked at, in order.
        claims: claims by namespace and name, of the namespaces that could be read.
        unread: namespaces whose claims may not be read.
        volumes: PersistentVolumes by name; None when they may not be read.
    """

    def __init__(self, namespaces: t.Sequence[str], snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.wanted: dict[Read, None] = {}
        self.claims: dict[Key, Json] = {}
        self.unread: list[str] = []
        for namespace in namespaces:
            items = self.items(claims_of(namespace))
            if items is None:
                self.unread.append(namespace)
            self.claims.update({(namespace, name_of(item)): item for item in items or ()})
        self.volumes = self._by_name(VOLUMES)

    def answer(self, read: Read) -> Answer | None:
        """The answer, None as long as nobody asked."""
        self.wanted[read] = None
        return self._snapshot.get(read)

    @property
    def complete(self) -> bool:
        """Whether everything that was looked at is known."""
        return all(read in self._snapshot for read in self.wanted)

    def knows(self, read: Read) -> bool:
        """Whether the read was made, whatever the answer."""
        return self.answer(read) is not None

    def items(self, read: Read) -> list[Json] | None:
        """The objects of a list; None when they are not known."""
        return list_items(self.answer(read))

    def snapshot(self, *reads: Read) -> Snapshot:
        """The snapshot, for a judgement that needs these reads of it."""
        self.wanted.update(dict.fromkeys(reads))
        return self._snapshot

    def volume(self, name: str) -> Json | None:
        """A PersistentVolume; None when it is not there or not known."""
        return (self.volumes or {}).get(name)

    def behind(self, claim: Json) -> Json | None:
        """The PersistentVolume that a claim names."""
        return self.volume(text(mapping(claim, "spec").get("volumeName")))

    def classes(self) -> dict[str, Json] | None:
        """Storage classes by name; None when they are not known."""
        return self._by_name(CLASSES)

    def waits_for_consumer(self, claim: Json) -> bool | None:
        """Whether the claim's class binds it only when a pod uses it; None when that is not known."""
        classes = self.classes()
        name = text(mapping(claim, "spec").get("storageClassName"))
        return None if classes is None else classes.get(name, {}).get("volumeBindingMode") == "WaitForFirstConsumer"

    def users(self, key: Key) -> list[str] | None:
        """Names of the pods that use the claim and have not ended; None when pods are not known."""
        namespace, name = key
        pods = self.items(pods_of(namespace))
        if pods is None:
            return None
        return sorted(name_of(pod) for pod in pods if phase_of(pod) not in ("Succeeded", "Failed") and name in _claims_of_pod(pod))

    def last_event(self, claim: Json) -> Json | None:
        """The newest event of the claim."""
        events = self.items(events_of(text(mapping(claim, "metadata").get("namespace")))) or []
        mine = [event for event in events if mapping(event, "involvedObject").get("uid") == uid_of(claim)]
        return max(mine, key=_when, default=None)

    def _by_name(self, read: Read) -> dict[str, Json] | None:
        items = self.items(read)
        return None if items is None else {name_of(item): item for item in items}


def uid_of(item: Json) -> str:
    """`metadata.uid`."""
    return text(mapping(item, "metadata").get("uid"))


def phase_of(item: Json) -> str:
    """`status.phase`: Pending, Bound or Lost of a claim; Available, Bound, Released or Failed of a volume."""
    return text(mapping(item, "status").get("phase"))


def is_going(item: Json) -> bool:
    """Whether the object is being deleted."""
    return mapping(item, "metadata").get("deletionTimestamp") is not None


def held_for(volume: Json) -> Key | None:
    """Namespace and name of the claim that a volume is bound to or kept for; None when it is free."""
    reference = mapping(volume, "spec", "claimRef")
    return (text(reference.get("namespace")), text(reference.get("name"))) if reference else None


def held_for_another(volume: Json, claim: Json | None) -> bool:
    """Whether the volume is kept for a claim of another UID than `claim` has, so that it can never be bound to this one."""
    uid = text(mapping(volume, "spec", "claimRef").get("uid"))
    return bool(uid) and (claim is None or uid != uid_of(claim))


def event_words(event: Json) -> str:
    """An event as people read it: what, how often, when, in whose words."""
    count = mapping(event, "series").get("count") or event.get("count")
    often = f" ({count} times)" if isinstance(count, int) and count > 1 else ""
    return f"{text(event.get('reason'))}{often} at {_when(event)}: {text(event.get('message'))}"


def _claims_of_pod(pod: Json) -> list[str]:
    volumes = objects(mapping(pod, "spec").get("volumes"))
    return [text(mapping(volume, "persistentVolumeClaim").get("claimName")) for volume in volumes]


def _when(event: Json) -> str:
    """RFC 3339 times in UTC sort as text; newer clients fill eventTime or series instead of lastTimestamp."""
    last = text(mapping(event, "series").get("lastObservedTime")) or text(event.get("lastTimestamp"))
    return last or text(event.get("eventTime")) or text(mapping(event, "metadata").get("creationTimestamp"))
