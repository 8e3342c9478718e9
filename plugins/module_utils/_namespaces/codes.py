"""Everything that topic namespaces can say."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code

ATTACH = "https://learn.microsoft.com/azure/machine-learning/how-to-attach-kubernetes-to-workspace"
REFERENCE = "https://learn.microsoft.com/azure/machine-learning/reference-kubernetes"
TAINTS = f"{REFERENCE}#azureml-supported-taints-and-tolerations"
INSTANCE_TYPES = "https://learn.microsoft.com/azure/machine-learning/how-to-manage-kubernetes-instance-types"
INFERENCING = "https://learn.microsoft.com/azure/machine-learning/how-to-secure-kubernetes-inferencing-environment"
ARO_POLICY = "https://learn.microsoft.com/azure/openshift/support-policies-v4"
SYNC = "https://docs.openshift.com/container-platform/latest/authentication/understanding-and-managing-pod-security-admission.html"
DEFAULT_PROJECTS = (
    "https://docs.openshift.com/container-platform/latest/authentication/using-rbac.html#rbac-default-projects_using-rbac"
)
DELETION = "https://kubernetes.io/docs/tasks/administer-cluster/namespaces/#deleting-a-namespace"

NOTHING_NAMED = Code(
    "namespaces.nothing_named",
    "info",
    "Neither a compute namespace nor a node to dedicate was named, so there is nothing to do.",
    "Set azureml_compute_namespaces to the namespaces given when the computes are attached.",
    ATTACH,
)
UNREADABLE = Code(
    "namespaces.unreadable",
    "warning",
    "The credentials may not read something that a decision depends on; the fact counts as unknown.",
    "Give the credentials the ClusterRole of role compute_namespaces.",
)
DEFAULT_NAMESPACE = Code(
    "namespaces.default_namespace",
    "warning",
    "A compute is to be attached to namespace default, which every tool of the cluster shares and to which OpenShift applies no"
    " SecurityContextConstraints; it is left alone.",
    "Attach the compute to a namespace of its own and name that instead.",
    DEFAULT_PROJECTS,
)
MISSING = Code(
    "namespaces.missing",
    "error",
    "A compute namespace does not exist. Attaching a compute neither creates it nor checks it, and jobs stay queued without a log.",
    "Run compute_namespace with state present.",
    ATTACH,
    resolvable=True,
)
TERMINATING = Code(
    "namespaces.terminating",
    "error",
    "A compute namespace is being deleted, so nothing can be created in it.",
    "Resolve what the message names, wait until the namespace is gone, then run compute_namespace again.",
    DELETION,
)
NOT_GONE = Code(
    "namespaces.not_gone",
    "error",
    "A namespace whose deletion was asked for still exists.",
    "Resolve what the message names; the API server then finishes by itself.",
    DELETION,
    resolvable=True,
)
GITOPS_MANAGED = Code(
    "namespaces.gitops_managed",
    "error",
    "The object to change belongs to Argo CD or Flux, which would undo the change.",
    "Make the change that the evidence shows in the repository that this object comes from.",
)
RECORD_UNREADABLE = Code(
    "namespaces.record_unreadable",
    "warning",
    "The annotation that records what this collection added cannot be read, so everything on the object counts as somebody else's.",
    "Remove what is no longer wanted by hand, then the annotation.",
)
DIFFERS = Code(
    "namespaces.differs",
    "warning",
    "An object has not what was asked for.",
    "Run compute_namespace with state present.",
    resolvable=True,
)
ACCOUNT_MISSING = Code(
    "namespaces.account_missing",
    "error",
    "The namespace has no service account default, as which jobs run; Kubernetes makes it, usually within a second.",
    "Look at the log of kube-controller-manager (controller serviceaccount), and for an admission policy that refuses it.",
    resolvable=True,
)
POD_SECURITY_STRICT = Code(
    "namespaces.pod_security_strict",
    "warning",
    "Pod Security admission enforces a level in the namespace that refuses the privileged pods of jobs that mount data.",
    "Set compute_namespaces_pod_security: privileged, or relax the level that your policy sets.",
    "https://kubernetes.io/docs/concepts/security/pod-security-admission/",
)
LABEL_SYNC_FORCED = Code(
    "namespaces.label_sync_forced",
    "warning",
    "The namespace asks OpenShift to overwrite Pod Security labels with what it derives from SecurityContextConstraints, so the"
    " level asked for here does not last.",
    "Remove the label security.openshift.io/scc.podSecurityLabelSync=true from the namespace, or set no level here.",
    SYNC,
)
NO_TYPE_FITS = Code(
    "namespaces.no_type_fits",
    "error",
    "A ResourceQuota or LimitRange refuses the pods of every instance type, so no job can run in the namespace.",
    "Raise what the message names, or define an instance type that fits.",
    INSTANCE_TYPES,
)
TYPE_EXCLUDED = Code(
    "namespaces.type_excluded",
    "warning",
    "A ResourceQuota or LimitRange refuses the pods of an instance type: jobs that ask for it stay queued.",
    "Raise what the message names, or do not offer the instance type in this namespace.",
    INSTANCE_TYPES,
)
POLICY_FOREIGN = Code(
    "namespaces.policy_foreign",
    "error",
    "A NetworkPolicy of the name that this collection uses exists, but was made by somebody else.",
    "Rename or delete that NetworkPolicy, or set compute_namespaces_network_policy: judge.",
)
POLICY_BLOCKS = Code(
    "namespaces.policy_blocks",
    "warning",
    "NetworkPolicies of the namespace do not let through what AzureML needs inside the cluster.",
    "Set compute_namespaces_network_policy: ingress_and_egress, or allow what the message names in a policy of your own.",
    INFERENCING,
)
NODE_MISSING = Code(
    "namespaces.node_missing",
    "error",
    "A node to dedicate does not exist.",
    "Correct azureml_dedicated_nodes; `kubectl get nodes` lists the names.",
)
NO_NODE_SELECTED = Code(
    "namespaces.no_node_selected",
    "warning",
    "A node selector of dedicated_nodes matches no node, so nothing is dedicated by it.",
    "Correct the selector; `kubectl get nodes --show-labels` shows what there is. A pool that is scaled to zero has no nodes.",
)
CONTROL_PLANE_NODE = Code(
    "namespaces.control_plane_node",
    "error",
    "A node of the control plane was to be dedicated, which would keep the cluster's own components away; it is left alone.",
    "Name worker nodes only.",
    TAINTS,
)
TAINT_CONFLICT = Code(
    "namespaces.taint_conflict",
    "error",
    "A node cannot have two taints of one key and effect, and has or is to have one with another value; it is left alone.",
    "Dedicate the node to one purpose, or remove the taint that the message names with `kubectl taint nodes`.",
    TAINTS,
)
ALL_NODES_TAINTED = Code(
    "namespaces.all_nodes_tainted",
    "error",
    "No node without taints would be left, so components that tolerate none (on AKS even the extension manager) stay pending.",
    "Leave at least one schedulable node out of azureml_dedicated_nodes, or add a pool.",
    TAINTS,
)
ARO_TAINTS = Code(
    "namespaces.aro_taints",
    "warning",
    "The taints would keep components of Azure Red Hat OpenShift from running, which its support policy rules out.",
    "Add worker nodes first, or dedicate fewer; accepting aro_support_policy does it all the same.",
    ARO_POLICY,
)
PODS_EVICTED = Code(
    "namespaces.pods_evicted",
    "warning",
    "Pods run on the node that do not tolerate a new taint of effect NoExecute: they end at once.",
    "Use effect NoSchedule, which lets them finish, or drain the node first with `kubectl drain`.",
    TAINTS,
)
STRANGERS_STAY = Code(
    "namespaces.strangers_stay",
    "info",
    "Pods run on the node that do not tolerate a new taint of effect NoSchedule: they stay until they end.",
    "To have the node free at once, drain it with `kubectl drain`, or use effect NoExecute.",
    TAINTS,
)
NOT_LASTING = Code(
    "namespaces.not_lasting",
    "info",
    "Taints and labels are put on nodes that exist; a node that the pool adds or replaces later has none until the next run.",
    "Set them on the pool as well.",
    TAINTS,
)
NODE_LEFTOVER = Code(
    "namespaces.node_leftover",
    "info",
    "A node carries marks of an earlier run and is not asked for now.",
    "Run compute_namespace with state absent for that node.",
)
NOT_EMPTY = Code(
    "namespaces.not_empty",
    "warning",
    "A namespace that is to be deleted is not empty, or may not be.",
    "Detach the compute and delete what is in it first, or accept deletes_data.",
    DELETION,
)
KEPT = Code(
    "namespaces.kept",
    "info",
    "The namespace was not made by this collection, so it is not deleted; only what was added to it is taken back.",
    "Delete it with `kubectl delete namespace` if nobody needs it.",
)

CODES = (
    NOTHING_NAMED,
    UNREADABLE,
    DEFAULT_NAMESPACE,
    MISSING,
    TERMINATING,
    NOT_GONE,
    GITOPS_MANAGED,
    RECORD_UNREADABLE,
    DIFFERS,
    ACCOUNT_MISSING,
    POD_SECURITY_STRICT,
    LABEL_SYNC_FORCED,
    NO_TYPE_FITS,
    TYPE_EXCLUDED,
    POLICY_FOREIGN,
    POLICY_BLOCKS,
    NODE_MISSING,
    NO_NODE_SELECTED,
    CONTROL_PLANE_NODE,
    TAINT_CONFLICT,
    ALL_NODES_TAINTED,
    ARO_TAINTS,
    PODS_EVICTED,
    STRANGERS_STAY,
    NOT_LASTING,
    NODE_LEFTOVER,
    NOT_EMPTY,
    KEPT,
)
