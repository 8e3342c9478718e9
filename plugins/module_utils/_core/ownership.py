"""Whose an object is, and patches that leave alone what others wrote in it."""

from __future__ import annotations

import typing as t

from .model import FIELD_MANAGER, MANAGED_BY, Change, Json, ObjectRef, Write
from .platform import mapping, text
from .snapshot import object_path

_GITOPS_LABELS = ("argocd.argoproj.io/instance", "kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
_GITOPS_ANNOTATIONS = ("argocd.argoproj.io/tracking-id",)


def made_by_us(item: Json) -> bool:
    """Whether this collection created the object: it carries our label `app.kubernetes.io/managed-by`."""
    labels = mapping(item, "metadata", "labels")
    return all(labels.get(key) == FIELD_MANAGER for key in MANAGED_BY)


def gitops_owner(item: Json) -> str:
    """The label or annotation by which Argo CD or Flux owns `item`, as `key=value`; "" when neither does."""
    for kind, keys in (("labels", _GITOPS_LABELS), ("annotations", _GITOPS_ANNOTATIONS)):
        marks = mapping(item, "metadata", kind)
        for key in keys:
            if key in marks:
                return f"{key}={text(marks[key])}"
    return ""


def create_namespace(name: str, reason: str) -> Change:
    """A namespace with our label. Only compute_namespace deletes one, where it is empty or that is agreed to."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(MANAGED_BY)}}
    ref = ObjectRef("Namespace", name, path=object_path("v1", "namespaces", name))
    return Change("create", ref, reason, after=body, write=Write("create", object_path("v1", "namespaces"), body))


def version_test(item: Json) -> list[Json]:
    """The operation that makes a patch fail (422) when the object is not the one that was read."""
    return [{"op": "test", "path": "/metadata/resourceVersion", "value": mapping(item, "metadata").get("resourceVersion")}]


def mark_operations(item: Json, kind: t.Literal["labels", "annotations"], marks: t.Mapping[str, str | None]) -> list[Json]:
    """JSON patch operations that set labels or annotations of `item`, and remove those given as None; none if nothing differs."""
    present = mapping(item, "metadata").get(kind)
    live = present if isinstance(present, dict) else {}
    operations: list[Json] = []
    for key, value in marks.items():
        path = f"/metadata/{kind}/{pointer_token(key)}"
        if value is None and key in live:
            operations.append({"op": "remove", "path": path})
        elif value is not None and live.get(key) != value:
            operations.append({"op": "add", "path": path, "value": value})
    adds = any(operation["op"] == "add" for operation in operations)
    start = [{"op": "add", "path": f"/metadata/{kind}", "value": {}}] if adds and not isinstance(present, dict) else []
    return [*start, *operations]


def pointer_token(key: str) -> str:
    """A key as one token of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
