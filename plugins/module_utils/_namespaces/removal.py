"""State absent: namespaces that we made go when they are empty, adopted ones lose exactly what we added."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Disruption, Json, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import made_by_us
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import list_items, mapping, name_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.accounts import plan_account
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.changes import amend, namespace_ref
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.outcome import Outcome
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.pods import running_pods
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.policies import POLICY_NAME, delete_policy
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.reading import (
    CONTENTS,
    DEFAULT_ACCOUNTS,
    NETWORK_POLICIES,
    by_namespace,
    content_read,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.record import Record, mark, record_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.request import Space
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.spaces import (
    gitops_refusal,
    is_terminating,
    release,
    unreadable_record,
    who_holds,
)

# Kubernetes and OpenShift put these into every namespace.
_AUTOMATIC_MAPS = ("kube-root-ca.crt", "openshift-service-ca.crt")
_AUTOMATIC_ACCOUNTS = ("default", "builder", "deployer")
_ACCOUNT_OF_SECRET = ("kubernetes.io/service-account.name", "openshift.io/internal-registry-auth-token.service-account")
_SHOWN = 5


def to_delete(spaces: t.Sequence[Space], live: t.Mapping[str, Json]) -> list[str]:
    """The namespaces that we made and that are not on their way already."""
    return [s.name for s in spaces if s.name in live and made_by_us(live[s.name]) and not is_terminating(live[s.name])]


def content_reads(spaces: t.Sequence[Space], live: t.Mapping[str, Json]) -> list[Read]:
    """What is in the namespaces that are to be deleted."""
    return [content_read(name, version, plural) for name in to_delete(spaces, live) for _kind, version, plural in CONTENTS]


def plan_removal(spaces: t.Sequence[Space], live: t.Mapping[str, Json], snapshot: Snapshot) -> Outcome:
    """Every namespace deleted or given back."""
    out = Outcome()
    for space in spaces:
        item = live.get(space.name)
        if item is None:
            out.note(space.name, state="absent")
        elif is_terminating(item):
            out.findings.append(
                codes.NOT_GONE.finding(f"it is being deleted: {who_holds(item)}", namespace_ref(space.name), remedy=release(item))
            )
            out.waiting.append(f"namespace {space.name} is being deleted")
            out.note(space.name, state="terminating", made_by_us=made_by_us(item))
        elif made_by_us(item):
            out.add(_delete(space.name, item, snapshot))
        else:
            out.add(_give_back(space.name, item, snapshot))
    return out


def _delete(name: str, item: Json, snapshot: Snapshot) -> Outcome:
    out = Outcome()
    ref = namespace_ref(name)
    contents, unknown = _contents(name, snapshot)
    disruptive: set[Disruption] = {"deletes_data"} if contents or unknown else set()
    words = [f"{kind} {_some(names)}" for kind, names in contents.items()]
    words += [f"whether there are objects of kind {kind} cannot be read" for kind in unknown]
    if _jobs_run(name, snapshot):
        disruptive.add("disturbs_jobs")
    if words:
        found = codes.NOT_EMPTY.finding(f"in it: {'; '.join(words)}.", ref, evidence={"contents": contents, "unknown": unknown})
        out.findings.append(found)
    reason = "it was made for a compute and is no longer asked for" + (f"; with it goes {'; '.join(words)}" if words else "")
    write = Write("delete", ref.path, {"preconditions": {"uid": mapping(item, "metadata").get("uid")}})
    change = Change(
        "delete", ref, reason, {"metadata": {"labels": mapping(item, "metadata", "labels")}}, None, frozenset(disruptive), write
    )
    refused = gitops_refusal(item, change)
    out.findings += [refused] if refused else []
    out.changes += [] if refused else [change]
    out.note(name, state="refused" if refused else "absent", made_by_us=True)
    return out


def _some(names: t.Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _contents(name: str, snapshot: Snapshot) -> tuple[dict[str, list[str]], list[str]]:
    """Names by kind of what somebody put into the namespace, and the kinds that cannot be read."""
    contents: dict[str, list[str]] = {}
    unknown: list[str] = []
    for kind, version, plural in CONTENTS:
        items = list_items(snapshot.get(content_read(name, version, plural)))
        if items is None:
            unknown.append(kind)
            continue
        names = sorted(name_of(item) for item in items if not _automatic(kind, item))
        if names:
            contents[kind] = names
    return contents, unknown


def _automatic(kind: str, item: Json) -> bool:
    """Whether the platform makes the object in every namespace."""
    if kind == "ConfigMap":
        return name_of(item) in _AUTOMATIC_MAPS
    marks = mapping(item, "metadata", "annotations")
    return kind == "Secret" and any(marks.get(key) in _AUTOMATIC_ACCOUNTS for key in _ACCOUNT_OF_SECRET)


def _jobs_run(name: str, snapshot: Snapshot) -> bool:
    """Whether pods are there that have not finished."""
    return bool(running_pods(list_items(snapshot.get(content_read(name, "v1", "pods"))) or [], {name}))


def _give_back(name: str, item: Json, snapshot: Snapshot) -> Outcome:
    """An adopted namespace: what we added goes, in the order that leaves the record until last."""
    out = Outcome()
    out.findings.append(codes.KEPT.finding("it was there before, so it is not deleted.", namespace_ref(name)))
    for policy in (by_namespace(snapshot, NETWORK_POLICIES) or {}).get(name, ()):
        if name_of(policy) == POLICY_NAME and made_by_us(policy):
            out.changes.append(delete_policy(policy))
    for account in (by_namespace(snapshot, DEFAULT_ACCOUNTS) or {}).get(name, ()):
        out.add(_without_secrets(name, account))
    if not record_of(item).readable:
        out.findings.append(unreadable_record(namespace_ref(name)))
    labels, annotations = mark(item, "labels", {}), mark(item, "annotations", {})
    change = amend(
        item, namespace_ref(name), "what was added to it is taken back", Record(), labels=labels.set, annotations=annotations.set
    )
    refused = gitops_refusal(item, change) if change else None
    out.findings += [refused] if refused else []
    out.changes += [change] if change and not refused else []
    out.note(name, state="kept", made_by_us=False)
    return out


def _without_secrets(name: str, account: Json) -> Outcome:
    """The account as it was; that it differs from what was asked for is what state absent is about."""
    out = plan_account(name, (), account)
    out.findings = [found for found in out.findings if found.code != codes.DIFFERS.code]
    return out
