"""Everything that topic maintenance can say."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code

_DRAIN = "https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/"
_BUDGETS = "https://kubernetes.io/docs/tasks/run-application/configure-pdb/"

NOT_THIS_NODE = Code(
    "maintenance.not_this_node",
    "error",
    "The host that is worked on is not the machine behind the Node: their boot IDs differ. Nothing is written.",
    "Correct which inventory host belongs to which Node (worker_selinux_hosts), or the address of that host.",
)
NODE_MISSING = Code(
    "maintenance.node_missing",
    "error",
    "The cluster has no Node of that name.",
    "Correct the name; `kubectl get nodes` lists them.",
)
UNREADABLE = Code(
    "maintenance.unreadable",
    "error",
    "The credentials may not read something that a decision depends on; the fact counts as unknown.",
    "Give the credentials the ClusterRole in playbooks/files/clusterroles/node_maintenance.yml.",
)
RECORD_UNREADABLE = Code(
    "maintenance.record_unreadable",
    "error",
    "The annotation that records a maintenance cannot be read, so nobody knows who cordoned the Node.",
    "Look at the Node, and remove the annotation azureml.kubernetes/maintenance by hand.",
)
NOT_READY = Code(
    "maintenance.not_ready",
    "error",
    "The Node is not Ready before its maintenance begins, so a drain would never end: its kubelet does not stop pods.",
    "Bring the Node back first; `kubectl describe node` shows its conditions.",
)
MACHINE_CONFIG_BUSY = Code(
    "maintenance.machine_config_busy",
    "error",
    "OpenShift's Machine Config Operator works on the Node; it cordons and uncordons it, too.",
    "Wait until its MachineConfigPool is Updated, then run again.",
)
BUDGET_FORBIDS = Code(
    "maintenance.budget_forbids",
    "error",
    "A PodDisruptionBudget never allows the eviction of a pod of the Node, so a drain would wait for ever.",
    "Scale the workload up, or loosen the PodDisruptionBudget, while the maintenance lasts.",
    _BUDGETS,
)
SEVERAL_BUDGETS = Code(
    "maintenance.several_budgets",
    "error",
    "Several PodDisruptionBudgets select one pod; Kubernetes refuses to evict it.",
    "Change the selectors so that each pod is selected by one PodDisruptionBudget.",
    _BUDGETS,
)
BUDGET_BLOCKS = Code(
    "maintenance.budget_blocks",
    "error",
    "A PodDisruptionBudget allows no eviction of a pod of the Node now. It is tried again until the time is over.",
    "Bring the workload's other pods to Ready, or loosen the PodDisruptionBudget, then run again.",
    _BUDGETS,
    resolvable=True,
)
PODS_LEFT = Code(
    "maintenance.pods_left",
    "error",
    "Pods that have to leave are still on the Node, which stays cordoned.",
    "Look why they do not end, then run again: it continues where it stopped.",
    _DRAIN,
    resolvable=True,
)
NOT_BACK = Code(
    "maintenance.not_back",
    "error",
    "The host has started again, but its Node does not say so yet, or is not Ready. It stays cordoned until it is.",
    "Look at the kubelet (or k3s, rke2) service of the host, then run again.",
    resolvable=True,
)
LEFT_CORDONED = Code(
    "maintenance.left_cordoned",
    "warning",
    "Another Node carries our mark of a maintenance: it is being worked on now, or an interrupted run left it cordoned.",
    "If no other run is at work, run playbooks/worker_selinux.yml for that Node again: it finishes the work and uncordons.",
)
CORDONED_BY_OTHERS = Code(
    "maintenance.cordoned_by_others",
    "info",
    "Somebody else cordoned the Node, so it stays cordoned when the maintenance ends.",
    "Uncordon it with `kubectl uncordon` when it may take pods again.",
)
JOBS_RUNNING = Code(
    "maintenance.jobs_running",
    "info",
    "Jobs of AzureML run on the Node; they lose their pods there.",
    "Wait for the jobs, or accept disturbs_jobs.",
)
UNMANAGED_PODS = Code(
    "maintenance.unmanaged_pods",
    "info",
    "Pods of the Node belong to no controller: once evicted, nothing makes them again.",
    "Delete or move them yourself, or accept deletes_data.",
    _DRAIN,
)
LOCAL_DATA = Code(
    "maintenance.local_data",
    "info",
    "Pods of the Node keep data in emptyDir volumes, which goes with them, as in any restart on another node.",
    link=_DRAIN,
)
ONLY_NODE = Code(
    "maintenance.only_node",
    "info",
    "The cluster has no other Node: evicted pods stay Pending until the end, and the API server may be away meanwhile.",
)

CODES = (
    NOT_THIS_NODE,
    NODE_MISSING,
    UNREADABLE,
    RECORD_UNREADABLE,
    NOT_READY,
    MACHINE_CONFIG_BUSY,
    BUDGET_FORBIDS,
    SEVERAL_BUDGETS,
    BUDGET_BLOCKS,
    PODS_LEFT,
    NOT_BACK,
    LEFT_CORDONED,
    CORDONED_BY_OTHERS,
    JOBS_RUNNING,
    UNMANAGED_PODS,
    LOCAL_DATA,
    ONLY_NODE,
)
