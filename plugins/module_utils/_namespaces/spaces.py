"""The Namespace objects: they exist, and carry the labels and annotations asked for."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Finding, Json, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import create_namespace, gitops_owner, made_by_us
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, name_of, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.changes import amend, namespace_ref
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.outcome import Outcome
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.record import ANNOTATION, Record, mark, record_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.request import ENFORCE, Space

LABEL_SYNC = "security.openshift.io/scc.podSecurityLabelSync"
_LEVELS_TOO_STRICT = ("baseline", "restricted")
# Conditions of a namespace that say why its deletion does not end (k8s.io/api/core/v1, NamespaceConditionType).
_HOLDING = (
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceContentRemaining",
    "NamespaceFinalizersRemaining",
)


def plan_spaces(spaces: t.Sequence[Space], live: t.Mapping[str, Json]) -> Outcome:
    """Namespaces created and amended; one that is being deleted is an error."""
    out = Outcome()
    for space in spaces:
        item = live.get(space.name)
        if item is None:
            out.add(_missing(space))
        elif is_terminating(item):
            message = f"it is being deleted: {who_holds(item)}"
            out.findings.append(codes.TERMINATING.finding(message, namespace_ref(space.name), remedy=release(item)))
            out.note(space.name, state="terminating", made_by_us=made_by_us(item))
        else:
            out.add(_existing(space, item))
    return out


def is_terminating(item: Json) -> bool:
    """Whether the namespace is being deleted."""
    return bool(mapping(item, "metadata").get("deletionTimestamp")) or mapping(item, "status").get("phase") == "Terminating"


def who_holds(item: Json) -> str:
    """What keeps a namespace from going: the API server's own words, finalizers included."""
    conditions = {text(entry.get("type")): entry for entry in objects(mapping(item, "status").get("conditions"))}
    words = [text(conditions[kind].get("message")) for kind in _HOLDING if conditions.get(kind, {}).get("status") == "True"]
    own = [str(name) for name in mapping(item, "metadata").get("finalizers") or ()]
    words += [f"the namespace itself has finalizers {', '.join(own)}"] if own else []
    return "; ".join(words) or "the API server does not say yet what holds it."


def release(item: Json) -> str:
    """What to do about a namespace that does not go."""
    conditions = {
        text(entry.get("type")) for entry in objects(mapping(item, "status").get("conditions")) if entry.get("status") == "True"
    }
    if "NamespaceDeletionDiscoveryFailure" in conditions:
        return "Find the API that does not answer with `kubectl get apiservices`, and repair or delete its APIService."
    if "NamespaceFinalizersRemaining" in conditions:
        return "Start the controller that owns the finalizers named, or remove them from the objects once nothing depends on them."
    return f"Watch it with `kubectl get namespace {name_of(item)} -o yaml`, and run compute_namespace again once it is gone."


def _missing(space: Space) -> Outcome:
    out = Outcome()
    base = create_namespace(space.name, "attaching a compute does not create its namespace")
    body: Json = dict(base.after)
    record = _record({}, space)
    annotations = {**space.annotations, **({ANNOTATION: record.dump()} if not record.empty else {})}
    metadata = {**body["metadata"], "labels": {**body["metadata"]["labels"], **space.labels}}
    body["metadata"] = {**metadata, **({"annotations": annotations} if annotations else {})}
    out.changes.append(replace(base, after=body, write=Write("create", base.write.path if base.write else "", body)))
    out.findings.append(codes.MISSING.finding("it does not exist.", namespace_ref(space.name)))
    out.note(space.name, state="present", made_by_us=True)
    return out


def _record(item: Json, space: Space) -> Record:
    """What is ours in the namespace once it is as wanted."""
    labels, annotations = mark(item, "labels", space.labels), mark(item, "annotations", space.annotations)
    return Record(labels.record, annotations.record, network_policy=space.network_policy in ("ingress", "ingress_and_egress"))


def _existing(space: Space, item: Json) -> Outcome:
    out = Outcome()
    ref = namespace_ref(space.name)
    out.findings += _record_findings(item, space.name) + _security_findings(space, item)
    labels, annotations = mark(item, "labels", space.labels), mark(item, "annotations", space.annotations)
    reason = (
        f"its labels and annotations are not those asked for ({', '.join(sorted({**labels.set, **annotations.set})) or 'record'})"
    )
    change = amend(item, ref, reason, _record(item, space), labels=labels.set, annotations=annotations.set)
    out.note(space.name, state="present", made_by_us=made_by_us(item))
    if change:
        refused = gitops_refusal(item, change)
        out.findings.append(refused or codes.DIFFERS.finding(f"{change.reason}.", ref))
        out.changes += [] if refused else [change]
        out.note(space.name, state="refused" if refused else "present")
    return out


def gitops_refusal(item: Json, change: Change) -> Finding | None:
    """Why an object of Argo CD or Flux is not changed; None for any other object."""
    owner = gitops_owner(item)
    if not owner:
        return None
    message = f"it is kept by GitOps ({owner}), which would undo the change."
    return codes.GITOPS_MANAGED.finding(message, change.object, evidence=change.after)


def _record_findings(item: Json, name: str) -> list[Finding]:
    return [] if record_of(item).readable else [unreadable_record(namespace_ref(name))]


def unreadable_record(ref: t.Any) -> Finding:
    """The record of ours that somebody broke."""
    return codes.RECORD_UNREADABLE.finding(f"its annotation {ANNOTATION} is not what this collection writes.", ref)


def _security_findings(space: Space, item: Json) -> list[Finding]:
    """Pod Security levels that keep jobs out, or that OpenShift is told to overwrite."""
    labels = {**mapping(item, "metadata", "labels"), **mark(item, "labels", space.labels).set}
    level = text(labels.get(ENFORCE))
    found = []
    if not space.pod_security and level in _LEVELS_TOO_STRICT:
        message = f"{ENFORCE} is {level}: pods of jobs that mount data, which ask for more, are refused."
        found.append(codes.POD_SECURITY_STRICT.finding(message, namespace_ref(space.name), evidence=level))
    if space.pod_security and labels.get(LABEL_SYNC) == "true":
        message = f"{LABEL_SYNC} is true, so OpenShift overwrites {ENFORCE}={space.pod_security} with a level of its own."
        found.append(codes.LABEL_SYNC_FORCED.finding(message, namespace_ref(space.name)))
    return found
