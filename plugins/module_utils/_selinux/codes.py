"""Everything that topic selinux can say."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code

DOCUMENT = "https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#disable-security-enhanced-linux-selinux"
_KERNEL_ARGUMENTS = "https://docs.openshift.com/container-platform/latest/nodes/nodes/nodes-nodes-managing.html"
_POOLS = "https://github.com/openshift/machine-config-operator/blob/master/docs/custom-pools.md"
_MACHINE_CONFIG = "https://github.com/openshift/machine-config-operator/blob/master/docs/MachineConfig.md"
_HOSTED = "https://hypershift.pages.dev/how-to/automated-machine-management/configure-machines/"
_BUDGETS = "https://kubernetes.io/docs/tasks/run-application/configure-pdb/"
_ARO_POLICY = "https://learn.microsoft.com/azure/openshift/support-policies-v4"

# What the cluster is

NOT_SERVED = Code(
    "selinux.not_served",
    "info",
    "The cluster has no MachineConfigs, so none can be set.",
    "Where SELinux is on and training uses datasets of SDK v1, name the nodes in worker_selinux_hosts to change them over SSH.",
    DOCUMENT,
)
UNREADABLE = Code(
    "selinux.unreadable",
    "warning",
    "The credentials may not read something that a decision depends on; the fact counts as unknown.",
    "Give the credentials the ClusterRole in playbooks/files/clusterroles/worker_selinux.yml.",
)
HOSTED_CONTROL_PLANE = Code(
    "selinux.hosted_control_plane",
    "error",
    "With a hosted control plane, MachineConfigs are given to NodePools in the management cluster, not in this one.",
    "Hand the ConfigMap of the finding to whoever owns the management cluster.",
    _HOSTED,
)
PLATFORM_REFUSES = Code(
    "selinux.platform_refuses",
    "error",
    "Red Hat manages the nodes of this platform and refuses every MachineConfig of a customer.",
    "Use ARO or self-managed OpenShift for training with datasets of SDK v1, or move the jobs to SDK v2.",
)

# What was asked for

UNKNOWN_POOL = Code(
    "selinux.unknown_pool",
    "error",
    "The cluster has no MachineConfigPool of that name, so a MachineConfig for it would silently do nothing.",
    "Correct worker_selinux_pool, or set worker_selinux_create_pool to true.",
    _POOLS,
)
EMPTY_POOL = Code(
    "selinux.empty_pool",
    "error",
    "No Node belongs to the pool, so a MachineConfig for it would do nothing.",
    "Name Nodes in worker_selinux_pool_nodes, or label them with node-role.kubernetes.io/POOL.",
    _POOLS,
)
WORKERS_IN_MASTER_POOL = Code(
    "selinux.workers_in_master_pool",
    "error",
    "The workers are masters too and get their configuration from pool master, so a MachineConfig for workers would do nothing.",
    "Set worker_selinux_pool: master where rebooting the control plane, one node after the other, is meant.",
    _POOLS,
)
MASTERS_WORK = Code(
    "selinux.masters_work",
    "warning",
    "Some workers are masters too and get their configuration from pool master; they keep their SELinux mode.",
    "Keep AzureML's pods off them, or run the role for worker_selinux_pool: master, too.",
    _POOLS,
)
DISPUTED_NODE = Code(
    "selinux.disputed_node",
    "error",
    "Two MachineConfigPools of users' own select one Node, which therefore gets no configuration at all.",
    "Remove one of the two labels node-role.kubernetes.io/POOL from the Node.",
    _POOLS,
)
UNKNOWN_NODE = Code(
    "selinux.unknown_node",
    "error",
    "A Node that the request names does not exist.",
    "Correct the name; `kubectl get nodes` lists them.",
)
NODE_STAYS = Code(
    "selinux.node_stays",
    "error",
    "A Node that shall move into the pool cannot: a master stays in pool master.",
    "Take it out of worker_selinux_pool_nodes.",
    _POOLS,
)
NAME_TAKEN = Code(
    "selinux.name_taken",
    "error",
    "A MachineConfig or MachineConfigPool of that name exists, but this collection did not make it.",
    "Choose another name (worker_selinux_name), or delete the object where nobody needs it.",
)
OTHER_ROLE = Code(
    "selinux.other_role",
    "error",
    "The MachineConfig exists, but for another pool; moving it would take its arguments away from the nodes of that pool.",
    "Choose another name (worker_selinux_name), or remove the MachineConfig with state absent first.",
)
GITOPS_MANAGED = Code(
    "selinux.gitops_managed",
    "error",
    "The object to change belongs to Argo CD or Flux, which would undo the change.",
    "Make the change in the repository that this object comes from.",
)

# What speaks against a roll now

CLUSTER_UPDATING = Code(
    "selinux.cluster_updating",
    "error",
    "OpenShift is being updated, which rolls through the same nodes.",
    "Wait until `oc get clusterversion` says that nothing is progressing, then run again.",
)
POOL_UPDATING = Code(
    "selinux.pool_updating",
    "error",
    "The pool is rolling out something else; another MachineConfig would start a second roll through the same nodes.",
    "Wait until `oc get mcp` says UPDATED, then run again.",
)
POOL_DEGRADED = Code(
    "selinux.pool_degraded",
    "error",
    "The pool is Degraded, so it takes no new configuration.",
    "Look at `oc describe mcp POOL` and mend what it names, then run again.",
)
POOL_PAUSED = Code(
    "selinux.pool_paused",
    "error",
    "The pool is paused: its nodes keep the configuration they have until somebody unpauses it.",
    'Unpause it: `oc patch mcp POOL --type merge --patch \'{"spec":{"paused":false}}\'`, then run again.',
)
EXTENSIONS = Code(
    "selinux.extensions",
    "error",
    "With SELinux disabled, nodes with package extensions or another kernel may not survive their next OS update.",
    "Remove the extensions or kernelType from the pool's MachineConfigs, or use another pool (worker_selinux_pool).",
    "https://github.com/coreos/rpm-ostree/issues/5483",
)
CONFLICTING_ARGUMENT = Code(
    "selinux.conflicting_argument",
    "error",
    "Another MachineConfig of the pool asks for the opposite; which of the two wins depends on their names.",
    "Settle with its owner which of the two holds, and remove the argument from the other.",
    _KERNEL_ARGUMENTS,
)
EVICTION_FORBIDDEN = Code(
    "selinux.eviction_forbidden",
    "error",
    "A PodDisruptionBudget allows no eviction of pods on nodes that have to be drained, so the roll would stop there.",
    "Bring the workload's other pods to Ready, scale it up, or loosen the PodDisruptionBudget, then run again.",
    _BUDGETS,
)
NO_ROOM = Code(
    "selinux.no_room",
    "error",
    "Nodes that are cordoned or not Ready already use up the pool's maxUnavailable, so the roll would not begin.",
    "Bring the nodes back (`oc adm uncordon NODE`), or remove them from the cluster, then run again.",
)
PACKAGE_MODE_NODE = Code(
    "selinux.package_mode_node",
    "error",
    "Nodes with a package based OS (RHEL workers) reboot with their pool and report success, but ignore kernel arguments.",
    "Name them in worker_selinux_hosts to change them over SSH.",
    "https://github.com/openshift/machine-config-operator/blob/master/docs/FAQ.md",
)
UNLABELLED_FILES = Code(
    "selinux.unlabelled_files",
    "error",
    "Files that were written while SELinux was disabled carry no labels; a node that boots enforcing on them may not come up.",
    "Set worker_selinux_state: permissive and replace the nodes one by one (delete their Machines). Where all of them are going"
    " to be replaced anyway, set worker_selinux_enforce_unlabelled: true.",
    _KERNEL_ARGUMENTS,
)

# What is, and how far it is

ARGUMENT_MISSING = Code(
    "selinux.argument_missing",
    "error",
    "Nodes do not boot with the arguments wanted.",
    "Run the role worker_selinux (module machine_config, state present). Where that was done, mend first what else is said here.",
    DOCUMENT,
    resolvable=True,
)
STILL_CONFIGURED = Code(
    "selinux.still_configured",
    "error",
    "A MachineConfig, label or pool of ours that shall go is still there.",
    "Run it with state absent. Where that was done, mend first what else is said here.",
    resolvable=True,
)
NOT_ROLLED_OUT = Code(
    "selinux.not_rolled_out",
    "error",
    "The Machine Config Operator has not brought all nodes to the new configuration yet.",
    "Run it again to go on waiting, or look at `oc get mcp` and `oc get nodes`.",
    _MACHINE_CONFIG,
    resolvable=True,
)
ROLLOUT_PENDING = Code(
    "selinux.rollout_pending",
    "warning",
    "The Machine Config Operator is still at work, and this run does not wait for it.",
    "Run playbooks/verify.yml later: it tells whether all nodes have finished and their operating systems obey.",
    _MACHINE_CONFIG,
)
ROLLOUT_PLANNED = Code("selinux.rollout_planned", "info", "What the roll is going to cost: nodes, reboots, time, jobs of AzureML.")
RENDER_DEGRADED = Code(
    "selinux.render_degraded",
    "error",
    "The pool's MachineConfigs cannot be put together, so no node gets the new configuration.",
    "Mend the MachineConfig that the message names; `oc describe mcp POOL` says more.",
)
NODE_DEGRADED = Code(
    "selinux.node_degraded",
    "error",
    "A node could not take its configuration, which stops the roll.",
    "Look at `oc logs -n openshift-machine-config-operator -c machine-config-daemon` of its pod, mend the cause, then run again.",
    _MACHINE_CONFIG,
)
DRAIN_BLOCKED = Code(
    "selinux.drain_blocked",
    "warning",
    "A PodDisruptionBudget never allows the eviction of a pod, so the drain of its node does not end.",
    "Scale the workload up or loosen the PodDisruptionBudget; the roll then goes on by itself.",
    _BUDGETS,
)
OS_DISOBEYS = Code(
    "selinux.os_disobeys",
    "error",
    "The pool says that the node is done, but its operating system says otherwise.",
    "Look at /proc/cmdline and `getenforce` on the node with `oc debug node/NODE -- chroot /host getenforce`.",
    _KERNEL_ARGUMENTS,
)
UNVERIFIED = Code(
    "selinux.unverified",
    "warning",
    "The operating system of a node could not be asked, so whether SELinux obeys is unknown.",
    "Bind ClusterRole azureml-kubernetes-worker-selinux-hosts in namespace openshift-machine-config-operator.",
)
ALREADY_SET = Code("selinux.already_set", "info", "Other MachineConfigs give the nodes these arguments already; nothing is added.")
STILL_SET = Code(
    "selinux.still_set",
    "warning",
    "Our MachineConfig is gone, but others still change the SELinux mode of its nodes.",
    "Remove the argument from the MachineConfigs named, where that is meant.",
)
NOT_OURS = Code(
    "selinux.not_ours",
    "warning",
    "Something that shall go stays, because somebody else made it or still uses it.",
    "Delete it by hand where that is meant.",
)
SSH_NODE = Code(
    "selinux.ssh_node",
    "info",
    "The SELinux mode of these nodes is set over SSH by another play.",
    "Run playbooks/worker_selinux.yml.",
)
PERMISSIVE = Code(
    "selinux.permissive_undocumented",
    "warning",
    "Permissive mode is not what the document asks for: files are still relabelled, which is what fails for datasets of SDK v1.",
    "Set worker_selinux_state: disabled where jobs still fail to start their containers.",
    DOCUMENT,
)
REPLACE_NODES = Code(
    "selinux.replace_nodes",
    "warning",
    "Nodes ran with SELinux disabled; Red Hat asks to replace them before they are used in production with SELinux on.",
    "Delete their Machines one after the other, so that new nodes take their place.",
    _KERNEL_ARGUMENTS,
)
DATASETS_FAIL = Code(
    "selinux.datasets_fail",
    "warning",
    "SELinux is on, and training with datasets of SDK v1 fails to start containers then.",
    "Set worker_selinux_state: disabled and read docs/selinux.md first; or use data of SDK v2, which does not need it.",
    DOCUMENT,
)

CODES = (
    NOT_SERVED,
    UNREADABLE,
    HOSTED_CONTROL_PLANE,
    PLATFORM_REFUSES,
    UNKNOWN_POOL,
    EMPTY_POOL,
    WORKERS_IN_MASTER_POOL,
    MASTERS_WORK,
    DISPUTED_NODE,
    UNKNOWN_NODE,
    NODE_STAYS,
    NAME_TAKEN,
    OTHER_ROLE,
    GITOPS_MANAGED,
    CLUSTER_UPDATING,
    POOL_UPDATING,
    POOL_DEGRADED,
    POOL_PAUSED,
    EXTENSIONS,
    CONFLICTING_ARGUMENT,
    EVICTION_FORBIDDEN,
    NO_ROOM,
    PACKAGE_MODE_NODE,
    UNLABELLED_FILES,
    ARGUMENT_MISSING,
    STILL_CONFIGURED,
    NOT_ROLLED_OUT,
    ROLLOUT_PENDING,
    ROLLOUT_PLANNED,
    RENDER_DEGRADED,
    NODE_DEGRADED,
    DRAIN_BLOCKED,
    OS_DISOBEYS,
    UNVERIFIED,
    ALREADY_SET,
    STILL_SET,
    NOT_OURS,
    SSH_NODE,
    PERMISSIVE,
    REPLACE_NODES,
    DATASETS_FAIL,
)
