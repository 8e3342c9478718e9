"""Everything the engine itself can say, whatever the topic."""

from __future__ import annotations

from .model import Code

AUTH_MISSING = Code(
    "engine.auth_missing",
    "error",
    "Nothing says which cluster this host is.",
    "Set azureml_kubeconfig and azureml_context (or azureml_host and azureml_api_key) for this host, or pass kubeconfig and"
    " context to the task.",
)
AUTH_INCOMPLETE = Code(
    "engine.auth_incomplete",
    "error",
    "The authentication options do not name a cluster and a way to log in.",
    "Give kubeconfig (and context), or host with api_key, client_cert and client_key, or username and password.",
)
SHARED_CREDENTIAL = Code(
    "engine.shared_credential",
    "error",
    "One credential of the environment would be used for several hosts, which would all be the same cluster.",
    "Give each host its own authentication, or set azureml_allow_shared_credential to true where that is meant.",
)
KUBECONFIG_UNREADABLE = Code(
    "engine.kubeconfig_unreadable",
    "error",
    "The kubeconfig file is missing, unreadable or no kubeconfig.",
    "Check the path as seen from the machine that runs the task, and its contents with `kubectl config view`.",
)
CONTEXT_UNKNOWN = Code(
    "engine.context_unknown",
    "error",
    "The kubeconfig has no such context, or several and none was named.",
    "Name one of the contexts listed; a file's current context is never used, since `kubectl config use-context` changes it.",
)
EXEC_PLUGIN_FAILED = Code(
    "engine.exec_plugin_failed",
    "error",
    "The credential plugin of the kubeconfig did not give a credential.",
    "Run the plugin by hand on the machine that runs the task. Its output is not shown here, since it may hold a secret.",
)
LOGIN_FAILED = Code(
    "engine.login_failed",
    "error",
    "OpenShift did not accept the user name and password.",
    "Check them with `oc login`; identity providers that need a browser cannot be used, give api_key instead.",
)
UNREACHABLE = Code(
    "engine.unreachable",
    "error",
    "The API server did not answer.",
    "Check address, network, proxy and whether the cluster is started.",
)
UNTRUSTED = Code(
    "engine.untrusted_certificate",
    "error",
    "The API server's certificate is not trusted.",
    "Give the cluster's CA with ca_cert or in the kubeconfig; only for a test cluster set validate_certs to false.",
)
UNAUTHORIZED = Code(
    "engine.unauthorized",
    "error",
    "The API server does not accept the credential.",
    "The token is expired, revoked or of another cluster: log in again or renew it.",
)
FORBIDDEN = Code(
    "engine.forbidden",
    "error",
    "The credential may not do what the task needs.",
    "Bind the ClusterRole that docs/permissions.md names for this module.",
)
NOT_KUBERNETES = Code(
    "engine.not_kubernetes",
    "error",
    "What answers at this address does not speak the Kubernetes API.",
    "Check the host and port, and that no proxy or login page answers instead.",
)
SERVER_ERROR = Code(
    "engine.server_error",
    "error",
    "The API server failed again and again.",
    "Look at the API server's own state; running the task again continues where it stopped.",
)
REJECTED = Code(
    "engine.rejected",
    "error",
    "The API server or an admission policy refused the object.",
    "The server's own words are in the message; an admission policy has to be satisfied or exempted by who owns it.",
)
INVALID_INPUT = Code(
    "engine.invalid_input", "error", "The parameters make no sense.", "Correct the values named; nothing was changed."
)
WRONG_CLUSTER = Code(
    "engine.wrong_cluster",
    "error",
    "The credential leads to another cluster than expected.",
    "Correct the authentication of this host, or azureml_expected_cluster_uid where the cluster was made anew.",
)
IDENTITY_UNKNOWN = Code(
    "engine.identity_unknown",
    "warning",
    "The cluster's identity may not be read.",
    "Allow `get` on the namespace kube-system, so that a wrong credential cannot change the wrong cluster.",
)
DUPLICATE_CLUSTER = Code(
    "engine.duplicate_cluster",
    "error",
    "Two hosts of this run are the same cluster.",
    "Remove one of the hosts or correct its authentication; nothing is written to this cluster as long as both are there.",
)
CONSENT_MISSING = Code(
    "engine.consent_missing",
    "error",
    "The change would disturb the cluster and nobody agreed to it.",
    "Read what would happen, then set azureml_accept for this host to the classes named, or to the plan's digest.",
)
FIELD_CONFLICT = Code(
    "engine.field_conflict",
    "error",
    "Another field manager owns what would be changed.",
    "Let one of the two own the field: remove it from the other tool's manifest, or leave this topic to that tool.",
)
NOT_CONVERGED = Code(
    "engine.not_converged",
    "error",
    "What was written did not stay, or others changed the object all the time.",
    "Look for a controller that resets the object, then run the task again.",
)
DEADLINE = Code(
    "engine.deadline",
    "error",
    "The task's deadline passed.",
    "Run the task again to continue, with a longer deadline where the cluster is slow.",
)
WAIT_TIMEOUT = Code(
    "engine.wait_timeout",
    "error",
    "The cluster was still at work when the time to wait was over.",
    "Run the task again to go on waiting, with a longer wait_timeout where the cluster is slow; nothing is done twice.",
)
BUG = Code(
    "engine.bug",
    "error",
    "The collection itself failed.",
    "Please report it with the output of -vvv, which shows where; nothing more is changed until then.",
)
FILE_UNWRITABLE = Code(
    "engine.file_unwritable",
    "error",
    "A local file that the task was asked to write cannot be written.",
    "Give a path in a folder that exists and may be written where the task runs.",
)

CODES = (
    AUTH_MISSING,
    AUTH_INCOMPLETE,
    SHARED_CREDENTIAL,
    KUBECONFIG_UNREADABLE,
    CONTEXT_UNKNOWN,
    EXEC_PLUGIN_FAILED,
    LOGIN_FAILED,
    UNREACHABLE,
    UNTRUSTED,
    UNAUTHORIZED,
    FORBIDDEN,
    NOT_KUBERNETES,
    SERVER_ERROR,
    REJECTED,
    INVALID_INPUT,
    WRONG_CLUSTER,
    IDENTITY_UNKNOWN,
    DUPLICATE_CLUSTER,
    CONSENT_MISSING,
    FIELD_CONFLICT,
    NOT_CONVERGED,
    DEADLINE,
    WAIT_TIMEOUT,
    BUG,
    FILE_UNWRITABLE,
)
