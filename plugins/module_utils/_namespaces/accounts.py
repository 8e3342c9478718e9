"""The service account `default`, as which jobs run, and the image pull secrets on it."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json, ObjectRef
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.changes import amend
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.outcome import Outcome
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.reading import DEFAULT_ACCOUNT
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.record import Record, record_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.spaces import gitops_refusal, unreadable_record


def account_ref(namespace: str) -> ObjectRef:
    """The account as findings and changes name it."""
    path = object_path("v1", "serviceaccounts", DEFAULT_ACCOUNT, namespace)
    return ObjectRef("ServiceAccount", DEFAULT_ACCOUNT, namespace, path)


def plan_account(namespace: str, wanted: t.Sequence[str], account: Json | None) -> Outcome:
    """The account of a namespace that exists: there, and with the wanted image pull secrets in its list."""
    out = Outcome()
    ref = account_ref(namespace)
    if account is None:
        out.findings.append(codes.ACCOUNT_MISSING.finding("it does not exist yet, so no pod of a job is admitted.", ref))
        out.waiting.append(f"{ref} does not exist yet")
        return out
    record = record_of(account)
    if not record.readable:
        out.findings.append(unreadable_record(ref))
    before = objects(account.get("imagePullSecrets"))
    present = [text(entry.get("name")) for entry in before]
    added = [name for name in wanted if name not in present]
    dropped = [name for name in record.pull_secrets if name not in wanted and name in present]
    after = [entry for entry in before if entry.get("name") not in dropped] + [{"name": name} for name in added]
    ours = [name for name in record.pull_secrets if name in present and name not in dropped]
    reason = "; ".join(
        [
            f"image pull secrets {', '.join(names)} {what}"
            for names, what in ((added, "are missing"), (dropped, "are not asked for"))
            if names
        ]
    )
    change = amend(
        account,
        ref,
        reason or "the record is out of date",
        Record(pull_secrets=(*ours, *added)),
        fields={"/imagePullSecrets": after},
    )
    if change:
        refused = gitops_refusal(account, change)
        out.findings.append(refused or codes.DIFFERS.finding(f"{change.reason}.", ref))
        out.changes += [] if refused else [change]
    return out
