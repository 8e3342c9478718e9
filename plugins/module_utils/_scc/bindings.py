"""Methods rbac and rbac_cluster: bindings of our own to the ClusterRole that allows the use of the SCC."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    MANAGED_BY,
    Change,
    Disruption,
    Json,
    ObjectRef,
    Write,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import made_by_us, version_test
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.accounts import USER_PREFIX, Account
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.ledger import (
    ANNOTATION,
    amend,
    annotation_operations,
    record_of,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.reading import RBAC, binding_name, role_name


def binding_ref(scc: str, namespace: str = "") -> ObjectRef:
    """Our binding in a namespace, or with "" the ClusterRoleBinding."""
    kind, plural = ("RoleBinding", "rolebindings") if namespace else ("ClusterRoleBinding", "clusterrolebindings")
    return ObjectRef(kind, binding_name(scc), namespace, object_path(RBAC, plural, binding_name(scc), namespace))


def namespace_of(binding: Json) -> str:
    """The namespace of a binding, "" for a ClusterRoleBinding."""
    return text(mapping(binding, "metadata").get("namespace"))


def is_ours(binding: Json, scc: str) -> bool:
    """Whether this collection made the binding, for the role of this SCC."""
    role = mapping(binding, "roleRef")
    return made_by_us(binding) and role.get("kind") == "ClusterRole" and role.get("name") == role_name(scc)


def bound_users(binding: Json) -> tuple[str, ...]:
    """The subjects as user names; a group keeps its place as `group:name`."""
    return tuple(_user(subject) for subject in objects(binding.get("subjects")))


def create_binding(scc: str, namespace: str, accounts: t.Sequence[Account], reason: str) -> Change:
    """A new binding. It is created, not applied, so that of two runs at once the second is told and plans again."""
    ref = binding_ref(scc, namespace)
    metadata: Json = {
        "name": ref.name,
        "labels": dict(MANAGED_BY),
        "annotations": {ANNOTATION: json.dumps([account.user for account in accounts])},
    }
    if namespace:
        metadata["namespace"] = namespace
    body = {
        "apiVersion": RBAC,
        "kind": ref.kind,
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role_name(scc)},
        "subjects": [account.subject for account in accounts],
    }
    return Change("create", ref, reason, after=body, write=Write("create", ref.path.rsplit("/", 1)[0], body))


def amend_binding(
    binding: Json,
    scc: str,
    reason: str,
    add: t.Sequence[Account] = (),
    remove: t.Collection[str] = (),
    disruptive: frozenset[Disruption] = frozenset(),
) -> Change | None:
    """The binding with accounts added and user names removed; deleted when no subject is left."""
    ref = binding_ref(scc, namespace_of(binding))
    before = objects(binding.get("subjects"))
    users = bound_users(binding)
    after = amend(users, record_of(binding).users, [account.user for account in add], remove)
    dropped = {len(users) - 1 - users[::-1].index(user) for user in remove if user in users}
    subjects = [s for index, s in enumerate(before) if index not in dropped] + [account.subject for account in add]
    if dropped and not subjects:
        uid = mapping(binding, "metadata").get("uid")
        return Change(
            "delete",
            ref,
            reason,
            {"subjects": before},
            None,
            disruptive,
            Write("delete", ref.path, {"preconditions": {"uid": uid}}),
        )
    operations = annotation_operations(binding, after.record)
    if subjects != before:
        operations.append({"op": "add", "path": "/subjects", "value": subjects})
    if not operations:
        return None
    patch = Write("json_patch", ref.path, [*version_test(binding), *operations])
    return Change("update", ref, reason, {"subjects": before}, {"subjects": subjects}, disruptive, patch)


def create_cluster_role(scc: str, reason: str) -> Change:
    """The ClusterRole as `oc adm policy add-scc-to-user` makes it; OpenShift ships it for its own SCCs."""
    path = object_path(RBAC, "clusterroles")
    body = {
        "apiVersion": RBAC,
        "kind": "ClusterRole",
        "metadata": {"name": role_name(scc), "labels": dict(MANAGED_BY)},
        "rules": [
            {
                "apiGroups": ["security.openshift.io"],
                "resources": ["securitycontextconstraints"],
                "resourceNames": [scc],
                "verbs": ["use"],
            }
        ],
    }
    ref = ObjectRef("ClusterRole", role_name(scc), path=object_path(RBAC, "clusterroles", role_name(scc)))
    return Change("create", ref, reason, after=body, write=Write("create", path, body))


def _user(subject: Json) -> str:
    kind, name = text(subject.get("kind")), text(subject.get("name"))
    if kind == "ServiceAccount":
        return f"{USER_PREFIX}{text(subject.get('namespace'))}:{name}"
    return name if kind == "User" else f"{kind.lower()}:{name}"
