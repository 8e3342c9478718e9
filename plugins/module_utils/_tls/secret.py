"""The Secret: as it is in the cluster, as it should be, and the change between the two. Values leave this file in writes only."""

from __future__ import annotations

import base64
import binascii
import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    FIELD_MANAGER,
    MANAGED_BY,
    Change,
    Disruption,
    Finding,
    Json,
    ObjectRef,
    Write,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import (
    gitops_owner,
    made_by_us,
    mark_operations,
    version_test,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import EXTENSION_NAMESPACE, mapping, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.certificates import Certificate
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.material import Material, Pair, certificates_of, read_material

CERT_KEY = "cert.pem"
PRIVATE_KEY = "key.pem"
# Recorded on the Secret, where every later run, of whoever, finds them.
SOURCE = "azureml.kubernetes/tls-source"
ROTATION = "azureml.kubernetes/tls-rotation"
ADOPTED = "azureml.kubernetes/tls-adopted"
_OURS = (SOURCE, ROTATION, ADOPTED)


def secret_ref(name: str) -> ObjectRef:
    """The Secret that the extension reads."""
    return ObjectRef("Secret", name, EXTENSION_NAMESPACE, object_path("v1", "secrets", name, EXTENSION_NAMESPACE))


def secret_read(name: str, namespace: str = EXTENSION_NAMESPACE) -> Read:
    """A Secret with its values."""
    return Read(object_path("v1", "secrets", name, namespace))


def value(item: Json, key: str) -> str:
    """One value of a Secret as text, "" when it is not there or is no base64."""
    try:
        data = base64.b64decode(text(mapping(item, "data").get(key)), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return data.decode("utf-8", "replace")


@dataclass(frozen=True)
class Live:
    """The Secret as it was read; `item` is empty when it is not there, or may not be read."""

    ref: ObjectRef
    answer: Answer = field(repr=False)
    item: Json = field(repr=False)

    @property
    def adopted(self) -> bool:
        """Somebody else made it, and this collection was told to keep it."""
        return ADOPTED in self._annotations

    @property
    def ours(self) -> bool:
        """This collection keeps it."""
        return made_by_us(self.item) or self.adopted

    @property
    def source(self) -> str:
        """`namespace/name` of the Secret that it was copied from."""
        return text(self._annotations.get(SOURCE))

    @property
    def pending(self) -> str:
        """Fingerprint of the certificate that the router is still to be told of."""
        return text(self._annotations.get(ROTATION))

    @property
    def _annotations(self) -> Json:
        return mapping(self.item, "metadata", "annotations")

    @property
    def own_annotations(self) -> dict[str, str]:
        """What this collection recorded."""
        return {key: text(self._annotations[key]) for key in _OURS if key in self._annotations}

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """The certificates in it, none where they cannot be read."""
        content = value(self.item, CERT_KEY)
        return certificates_of(content) if content else ()

    @property
    def extra_keys(self) -> list[str]:
        """Keys beside the two."""
        return sorted(set(mapping(self.item, "data")) - {CERT_KEY, PRIVATE_KEY})

    def material(self) -> Material:
        """Everything in it, read as if somebody had given it."""
        return read_material(
            Pair(
                value(self.item, CERT_KEY), value(self.item, PRIVATE_KEY), "", f"{self.ref} {CERT_KEY}", f"{self.ref} {PRIVATE_KEY}"
            )
        )

    def holds(self, wanted: Material) -> bool:
        """Whether its values are, to the byte, those that would be written."""
        data = mapping(self.item, "data")
        return all(data.get(key) == encoded for key, encoded in data_of(wanted).items())

    def means(self, wanted: Material) -> bool:
        """Whether it holds the same certificates and key, however written."""
        own = self.material()
        same = [c.sha256 for c in own.certificates] == [c.sha256 for c in wanted.certificates]
        return same and own.key is not None and wanted.key is not None and own.key.public.spki == wanted.key.public.spki

    def written_by_others(self, keys: t.Iterable[str]) -> list[str]:
        """Field managers beside our own applies that own one of these values."""
        return sorted(
            {
                text(entry.get("manager"))
                for entry in objects(mapping(self.item, "metadata").get("managedFields"))
                if (entry.get("manager"), entry.get("operation")) != (FIELD_MANAGER, "Apply")
                and any(f"f:{key}" in mapping(entry, "fieldsV1", "f:data") for key in keys)
            }
        )

    @property
    def changed_at(self) -> datetime | None:
        """When one of its values was last written; None when the server does not tell."""
        times = [
            moment(entry.get("time"))
            for entry in objects(mapping(self.item, "metadata").get("managedFields"))
            if mapping(entry, "fieldsV1", "f:data")
        ]
        return max((time for time in times if time), default=None)


def moment(stamp: t.Any) -> datetime | None:
    """A time of the API server (RFC 3339, in UTC and whole seconds); None for anything else."""
    try:
        return datetime.strptime(text(stamp), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def data_of(wanted: Material) -> dict[str, str]:
    """The Secret's data for a certificate and a key."""
    return {
        CERT_KEY: base64.b64encode(wanted.cert_pem.encode()).decode("ascii"),
        PRIVATE_KEY: base64.b64encode(wanted.key_pem.encode()).decode("ascii"),
    }


def shown(certificates: t.Sequence[Certificate], key: str, annotations: t.Mapping[str, str]) -> Json:
    """What a diff shows of the Secret: certificates in full, the key as a word."""
    return {"certificates": [certificate.public() for certificate in certificates], "key": key, "annotations": dict(annotations)}


def write_change(live: Live, wanted: Material, annotations: t.Mapping[str, str], reason: str, *, force: bool) -> Change:
    """Apply the Secret with exactly the two keys. An adopted one gets no label of ours: it is not ours to delete."""
    adopted = ADOPTED in annotations
    metadata: Json = {"name": live.ref.name, "namespace": live.ref.namespace, "annotations": dict(annotations)}
    if not adopted:
        metadata["labels"] = dict(MANAGED_BY)
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data_of(wanted)}
    same_key = bool(live.item) and mapping(live.item, "data").get(PRIVATE_KEY) == data_of(wanted)[PRIVATE_KEY]
    before = shown(live.certificates, "as it was", live.own_annotations) if live.item else None
    after = shown(wanted.certificates, "as it was" if same_key else "changed" if live.item else "new", annotations)
    verb: t.Literal["create", "update"] = "update" if live.item else "create"
    return Change(verb, live.ref, reason, before, after, write=Write("apply", live.ref.path, body, force=force))


def delete_change(live: Live, reason: str, disruptive: frozenset[Disruption]) -> Change:
    """Delete the Secret, if it is still the one that was read."""
    uid = mapping(live.item, "metadata").get("uid")
    before = shown(live.certificates, "as it was", live.own_annotations)
    return Change(
        "delete", live.ref, reason, before, None, disruptive, Write("delete", live.ref.path, {"preconditions": {"uid": uid}})
    )


def release_change(live: Live, reason: str) -> Change | None:
    """Take our records from a Secret that was adopted; None when there are none."""
    operations = mark_operations(live.item, "annotations", dict.fromkeys(_OURS))
    if not operations:
        return None
    patch = Write("json_patch", live.ref.path, [*version_test(live.item), *operations])
    return Change("update", live.ref, reason, {"annotations": live.own_annotations}, {"annotations": {}}, write=patch)


def refusals(live: Live, wanted: Material, *, adopt: bool) -> list[Finding]:
    """What speaks against writing the Secret that is there; all of it at once."""
    found = []
    owner = controller_of(live.item)
    if owner:
        found.append(codes.CONTROLLED.finding(f"it is kept by {owner}, so it is left alone.", live.ref))
    elif not live.ours and not adopt:
        found.append(codes.SECRET_FOREIGN.finding("it exists, but this collection did not make it; it is left alone.", live.ref))
    kind = text(live.item.get("type"))
    if kind != "Opaque":
        found.append(codes.MALFORMED.finding(f"its type is {kind}, which cannot be changed.", live.ref))
    stale = [key for key, encoded in data_of(wanted).items() if mapping(live.item, "data").get(key) != encoded]
    if stale and live.item.get("immutable") is True:
        found.append(codes.IMMUTABLE.finding("it is immutable.", live.ref))
    others = live.written_by_others(stale) if live.ours else []
    if others and not adopt:
        message = f"{' and '.join(stale)} was changed by {', '.join(others)} after this collection wrote it; it is left alone."
        found.append(codes.CHANGED_BY_OTHERS.finding(message, live.ref, evidence=others))
    return found


def controller_of(item: Json) -> str:
    """What keeps the object in its state: a GitOps tool by its mark, or the controller among its owners; "" when nothing does."""
    for owner in objects(mapping(item, "metadata").get("ownerReferences")):
        if owner.get("controller") is True:
            return f"{text(owner.get('kind'))}/{text(owner.get('name'))}"
    return gitops_owner(item)
