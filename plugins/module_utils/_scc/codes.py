"""Everything that topic scc can say."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code

DOCUMENT = "https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#privileged-setup-for-aro-and-ocp"
_SCC_DOCS = "https://docs.openshift.com/container-platform/latest/authentication/managing-security-context-constraints.html"

NOT_SERVED = Code(
    "scc.not_served", "info", "The cluster has no SecurityContextConstraints, so there is nothing to grant.", link=DOCUMENT
)
UNREADABLE = Code(
    "scc.unreadable",
    "warning",
    "The credentials may not read something that a decision depends on; the fact counts as unknown.",
    "Give the credentials the ClusterRole of role scc_grant.",
)
SCC_MISSING = Code(
    "scc.scc_missing",
    "error",
    "SecurityContextConstraints exist, but none has the requested name.",
    "Correct the option scc.",
    _SCC_DOCS,
)
EXTENSION_NAME_UNKNOWN = Code(
    "scc.extension_name_unknown",
    "error",
    "One account is named after the extension, whose name was neither given nor found in the cluster.",
    "Set azureml_extension_name to the --name of `az k8s-extension create`.",
    DOCUMENT,
)
EXTENSION_NAME_MISMATCH = Code(
    "scc.extension_name_mismatch",
    "error",
    "The extension that runs has another name than the one given, so the account named after it would get nothing.",
    "Set azureml_extension_name to the name of the extension that runs.",
    DOCUMENT,
)
DEFAULT_SKIPPED = Code(
    "scc.default_skipped",
    "info",
    "Compute namespace default is skipped, as the document says.",
    "Attach the compute to a namespace of its own.",
    DOCUMENT,
)
NO_COMPUTE_NAMESPACE = Code(
    "scc.no_compute_namespace",
    "info",
    "No compute namespace was named, so no account of jobs is granted.",
    "Set azureml_compute_namespaces to the namespaces given when the computes are attached.",
    DOCUMENT,
)
PLATFORM_NAMESPACE = Code(
    "scc.platform_namespace",
    "warning",
    "OpenShift does not apply SecurityContextConstraints in a namespace of the platform.",
    "Attach the compute to a namespace of its own.",
    _SCC_DOCS,
)
STALE_ACCOUNT = Code(
    "scc.stale_account",
    "warning",
    "The SCC lists an account that only an older edition of the document, or another extension name, asks for.",
    "Remove the entry with `oc edit scc` once nothing uses the account.",
    DOCUMENT,
)
LOOK_ALIKE = Code(
    "scc.look_alike",
    "warning",
    "The SCC lists an entry that looks like a misspelt account of AzureML; it allows nothing that AzureML runs.",
    "Remove the entry with `oc edit scc`.",
    DOCUMENT,
)
SHARED_NAMESPACE = Code(
    "scc.shared_namespace",
    "warning",
    "A compute namespace also runs pods that are not AzureML's; as they share account default, all may become privileged.",
    "Attach the compute to a namespace of its own, or give the other pods a service account of their own.",
    DOCUMENT,
)
METHOD_REFUSED = Code(
    "scc.method_refused",
    "error",
    "Method users was asked for, but the platform refuses every change of a default SCC.",
    "Set method to rbac, or leave it at auto.",
)
METHOD_CHOSEN = Code("scc.method_chosen", "info", "Method auto became rbac, because the platform refuses changes of a default SCC.")
METHOD_DIFFERS = Code(
    "scc.method_differs",
    "warning",
    "An earlier run granted accounts by another method than the one that applies now; these grants are kept.",
    "To move them, run scc_grant with state absent and the old method, then with state present and the new one.",
)
DEFERRED = Code(
    "scc.deferred",
    "info",
    "A RoleBinding has to wait for its namespace, which is not ours to create.",
    "Run scc_grant again once the namespace exists (azure-arc appears when the cluster is connected to Azure Arc).",
)
NAMESPACE_TERMINATING = Code(
    "scc.namespace_terminating",
    "error",
    "A namespace that needs a RoleBinding is being deleted.",
    "Wait until the namespace is gone, then run scc_grant again.",
)
BINDING_FOREIGN = Code(
    "scc.binding_foreign",
    "error",
    "A binding of the name that this collection uses exists, but was made by somebody else or for another role.",
    "Rename or delete that binding, or grant with another method.",
)
GITOPS_MANAGED = Code(
    "scc.gitops_managed",
    "error",
    "The object to change belongs to Argo CD or Flux, which would undo the change.",
    "Make the change in the repository that this object comes from, or grant with another method.",
)
RECORD_UNREADABLE = Code(
    "scc.record_unreadable",
    "warning",
    "The annotation that records what this collection added cannot be read, so every entry counts as somebody else's.",
    "Remove entries that are no longer wanted by hand, then the annotation.",
)
LEFTOVER_GRANT = Code(
    "scc.leftover_grant",
    "info",
    "An account granted by an earlier run is no longer asked for.",
    "Run scc_grant once with exclusive true to revoke it.",
)
REVOKED_IN_USE = Code(
    "scc.revoked_in_use",
    "warning",
    "Accounts lose SCC access while the extension is installed: admitted pods keep running, restarted ones are refused.",
    "Uninstall the extension first (`az k8s-extension delete`), or accept disturbs_jobs.",
)
MISSING_ACCOUNT = Code(
    "scc.missing_account",
    "error",
    "Accounts that AzureML runs as may not use the SCC, so their pods are refused.",
    "Run scc_grant with state present.",
    DOCUMENT,
    resolvable=True,
)
NOT_EFFECTIVE = Code(
    "scc.not_effective",
    "error",
    "The grant is written, but the account still may not use the SCC.",
    "Look for something that undoes the change: a policy controller, GitOps, or a second automation.",
    DOCUMENT,
    resolvable=True,
)
UNVERIFIED = Code(
    "scc.unverified",
    "warning",
    "The grant was written, but whether it takes effect could not be asked.",
    "Allow the credentials to create subjectaccessreviews.authorization.k8s.io.",
)

CODES = (
    NOT_SERVED,
    UNREADABLE,
    SCC_MISSING,
    EXTENSION_NAME_UNKNOWN,
    EXTENSION_NAME_MISMATCH,
    DEFAULT_SKIPPED,
    NO_COMPUTE_NAMESPACE,
    PLATFORM_NAMESPACE,
    STALE_ACCOUNT,
    LOOK_ALIKE,
    SHARED_NAMESPACE,
    METHOD_REFUSED,
    METHOD_CHOSEN,
    METHOD_DIFFERS,
    DEFERRED,
    NAMESPACE_TERMINATING,
    BINDING_FOREIGN,
    GITOPS_MANAGED,
    RECORD_UNREADABLE,
    LEFTOVER_GRANT,
    REVOKED_IN_USE,
    MISSING_ACCOUNT,
    NOT_EFFECTIVE,
    UNVERIFIED,
)
