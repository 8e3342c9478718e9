"""The requests of topic scc."""

from __future__ import annotations

import json

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import EXTENSION_NAMESPACE
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.accounts import Account

SECURITY = "security.openshift.io/v1"
RBAC = "rbac.authorization.k8s.io/v1"

# Answers whether the API exists at all, and which names it has, when the SCC itself was not found.
SCC_NAMES = Read(object_path(SECURITY, "securitycontextconstraints"), metadata_only=True)
# Tells the name of the extension that runs, and whether one runs.
EXTENSION_ACCOUNTS = Read(object_path("v1", "serviceaccounts", namespace=EXTENSION_NAMESPACE), metadata_only=True)
# Present on ROSA and OSD only: refuses every change of a default SCC.
SCC_WEBHOOK = Read(
    object_path("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", "sre-scc-validation"), metadata_only=True
)
DEFAULT_ACCOUNT_PODS = Read("/api/v1/pods", (("fieldSelector", "spec.serviceAccountName=default"),), metadata_only=True)
SECURITY_RESOURCES = Read(f"/apis/{SECURITY}")


def binding_name(scc: str) -> str:
    """The name of our own bindings: not that of `oc adm policy`, whose bindings are shared by everybody."""
    return f"azureml-scc-{scc}"


def role_name(scc: str) -> str:
    """The ClusterRole that the platform ships (and `oc adm policy` makes) for the use of an SCC."""
    return f"system:openshift:scc:{scc}"


def scc_path(scc: str) -> str:
    """Where the SCC is."""
    return object_path(SECURITY, "securitycontextconstraints", scc)


def scc_read(scc: str) -> Read:
    """The SCC itself."""
    return Read(scc_path(scc))


def role_bindings(scc: str) -> Read:
    """The RoleBindings of our name in every namespace, in one request."""
    return Read(object_path(RBAC, "rolebindings"), (("fieldSelector", f"metadata.name={binding_name(scc)}"),))


def cluster_role_binding(scc: str) -> Read:
    """The ClusterRoleBinding of our name."""
    return Read(object_path(RBAC, "clusterrolebindings", binding_name(scc)))


def cluster_role(scc: str) -> Read:
    """The ClusterRole that bindings refer to."""
    return Read(object_path(RBAC, "clusterroles", role_name(scc)), metadata_only=True)


def namespace_read(name: str) -> Read:
    """A namespace: there, terminating or not there."""
    return Read(object_path("v1", "namespaces", name), metadata_only=True)


def access_review(scc: str, account: Account) -> Read:
    """Whether RBAC lets the account use the SCC, by whatever role and binding. It does not see the SCC's own lists."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": account.user,
            "groups": list(account.groups),
            "resourceAttributes": {
                "group": "security.openshift.io",
                "resource": "securitycontextconstraints",
                "name": scc,
                "verb": "use",
                "namespace": account.namespace,
            },
        },
    }
    return Read(object_path("authorization.k8s.io/v1", "subjectaccessreviews"), body=json.dumps(review, sort_keys=True))


def pod_review(account: Account, privileged: bool) -> Read:
    """Whether OpenShift would admit a pod of the account; it stores nothing and sees lists and RBAC alike."""
    container = {"name": "review", "image": "review", "securityContext": {"privileged": privileged}}
    review = {
        "apiVersion": SECURITY,
        "kind": "PodSecurityPolicySubjectReview",
        "spec": {"template": {"spec": {"serviceAccountName": account.name, "containers": [container]}}},
    }
    path = object_path(SECURITY, "podsecuritypolicysubjectreviews", namespace=account.namespace)
    return Read(path, body=json.dumps(review, sort_keys=True))
