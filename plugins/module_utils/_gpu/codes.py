"""Everything that topic gpu can say."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code

PLUGIN = "https://github.com/NVIDIA/k8s-device-plugin"
AKS_GPU = "https://learn.microsoft.com/azure/aks/use-nvidia-gpu"
AKS_MANAGED = "https://learn.microsoft.com/azure/aks/aks-managed-gpu-nodes"
EXTENSION = "https://learn.microsoft.com/azure/machine-learning/how-to-deploy-kubernetes-extension"
TYPES = "https://learn.microsoft.com/azure/machine-learning/how-to-manage-kubernetes-instance-types"
OPERATOR = "https://docs.nvidia.com/datacenter/cloud-native/openshift/latest/index.html"
SIZES = "https://learn.microsoft.com/azure/virtual-machines/sizes/overview#gpu-accelerated"
SECURITY = "https://kubernetes.io/docs/concepts/security/pod-security-admission/"

UNREADABLE = Code(
    "gpu.unreadable",
    "warning",
    "The credentials may not read something that a decision depends on; the fact counts as unknown.",
    "Give the credentials the ClusterRole of role nvidia_device_plugin.",
)
NO_GPU_NODES = Code(
    "gpu.no_gpu_nodes",
    "info",
    "No node with NVIDIA GPUs is there now, as when a pool is scaled to zero. The plugin serves such nodes as soon as they come.",
    "",
)
APART = Code(
    "gpu.apart",
    "info",
    "GPU nodes that cannot be judged or served now: not ready, cordoned, Windows or virtual.",
    "Run nvidia_device_plugin again once they are ready; nothing has to be installed for them.",
)
CONTRADICTION = Code(
    "gpu.contradiction",
    "warning",
    "A node is labelled as having NVIDIA GPUs, while the size of its machine or another label says that it has something else.",
    "Remove the wrong label from the node pool. The plugin is kept off the node.",
    SIZES,
)
ARM64 = Code(
    "gpu.arm64",
    "warning",
    "A node has NVIDIA GPUs but Arm64 processors, on which neither the AzureML extension nor its jobs run.",
    "Use a size with x86-64 processors for AzureML, and keep its pods off this node with a node selector.",
    EXTENSION,
)
RENAMED = Code(
    "gpu.renamed_resources",
    "warning",
    "GPUs are offered under another name than nvidia.com/gpu, which instance types of AzureML cannot ask for.",
    "Use MIG strategy single or none, and time-slicing without a new name.",
    TYPES,
)
SHARED_MEMORY = Code(
    "gpu.shared_without_limits",
    "info",
    "GPUs are shared by time-slicing: jobs on one GPU see each other's memory use, and one can take all of it.",
    "Use MIG where jobs have to be kept apart.",
    f"{PLUGIN}#shared-access-to-gpus",
)
OWNED_BY_DAEMONSET = Code(
    "gpu.owned_by_daemonset",
    "info",
    "Nodes are served by a device plugin that somebody else installed; it is verified and nothing is installed beside it.",
    "Leave nvidia_device_plugin_state unset, or delete that DaemonSet and run nvidia_device_plugin again to take its nodes over.",
    PLUGIN,
)
OWNED_BY_OPERATOR = Code(
    "gpu.owned_by_operator",
    "info",
    "NVIDIA's GPU Operator serves the GPU nodes; it is verified and nothing is installed beside it.",
    "Keep installNvidiaDevicePlugin of the extension False. Settings of the plugin belong into spec.devicePlugin of"
    " the ClusterPolicy.",
    OPERATOR,
)
OWNED_BY_AKS = Code(
    "gpu.owned_by_aks",
    "info",
    "AKS runs the device plugin of a managed GPU pool as a service of the machine; nothing is installed on its nodes.",
    "Keep installNvidiaDevicePlugin of the extension False, or give the extension a nodeSelector that leaves the pool out.",
    AKS_MANAGED,
)
OWNED_BY_EXTENSION = Code(
    "gpu.owned_by_extension",
    "info",
    "The AzureML extension installs the device plugin itself (installNvidiaDevicePlugin); nothing is installed beside it.",
    "Leave azureml_install_nvidia_device_plugin true, or set it to false, update the extension and run nvidia_device_plugin again.",
    EXTENSION,
)
TWO_PLUGINS = Code(
    "gpu.two_plugins",
    "error",
    "Two device plugins serve one node: they take each other's socket, and the node's GPUs come and go.",
    "Remove one of the two named.",
    f"{PLUGIN}/issues/255",
)
WOULD_MEET = Code(
    "gpu.would_meet_owner",
    "error",
    "The plugin would also run on nodes that another plugin serves, so nothing is installed.",
    "Set nvidia_device_plugin_exclude_labels to a label that the nodes named have and the others have not.",
)
ELSEWHERE = Code(
    "gpu.elsewhere",
    "error",
    "The plugin of this collection is installed in another namespace.",
    "Run nvidia_device_plugin with state absent for that namespace first.",
)
NAME_TAKEN = Code(
    "gpu.name_taken",
    "error",
    "An object with the name that is needed exists and was made by somebody else.",
    "Delete it, or choose another namespace.",
)
GITOPS_MANAGED = Code(
    "gpu.gitops_managed",
    "error",
    "The object to change belongs to Argo CD or Flux, which would undo the change.",
    "Make the change that the evidence shows in the repository that this object comes from.",
)
MISSING = Code(
    "gpu.missing",
    "error",
    "The device plugin is not installed, so GPU nodes without another owner offer no GPU.",
    "Run nvidia_device_plugin with state present.",
    AKS_GPU,
    resolvable=True,
)
DIFFERS = Code(
    "gpu.differs",
    "warning",
    "An object of the device plugin is not as asked for.",
    "Run nvidia_device_plugin with state present.",
    resolvable=True,
)
OPENSHIFT_REFUSED = Code(
    "gpu.openshift_refused",
    "error",
    "OpenShift's machines have no NVIDIA driver and container runtime, so the plugin alone can do nothing there.",
    "Set nvidia_device_plugin_operator to install, or install Node Feature Discovery and the NVIDIA GPU Operator and make a"
    " ClusterPolicy. Only where driver and runtime are on the machines already, set nvidia_device_plugin_force_openshift.",
    OPERATOR,
)
OPERATOR_NOT_READY = Code(
    "gpu.operator_not_ready",
    "error",
    "The ClusterPolicy of the GPU Operator is not ready.",
    "Look at `kubectl get pods -n nvidia-gpu-operator` and at the conditions of the ClusterPolicy.",
    OPERATOR,
    resolvable=True,
)
OPERATOR_MISSING = Code(
    "gpu.operator_missing",
    "error",
    "Something of the operators that make GPUs of OpenShift work does not exist.",
    "Run nvidia_device_plugin with operator install.",
    OPERATOR,
    resolvable=True,
)
OPERATOR_NOT_OFFERED = Code(
    "gpu.operator_not_offered",
    "error",
    "No catalogue of the cluster offers the operator, or not in the channel asked for.",
    "Enable the catalogue sources redhat-operators and certified-operators, or mirror them; look at `oc get packagemanifests`.",
    OPERATOR,
)
OPERATOR_UNRESOLVED = Code(
    "gpu.operator_unresolved",
    "error",
    "The Operator Lifecycle Manager cannot find versions that fit together.",
    "Resolve what the message names; another Subscription in the namespace is the usual cause.",
    OPERATOR,
)
OPERATOR_UNAPPROVED = Code(
    "gpu.operator_unapproved",
    "error",
    "An operator of somebody else waits for its installation to be approved.",
    "Approve the InstallPlan named.",
    OPERATOR,
)
OPERATOR_INSTALLING = Code(
    "gpu.operator_installing",
    "error",
    "An operator is being installed.",
    "Look at `oc get subscriptions,installplans,csv` in its namespace.",
    OPERATOR,
    resolvable=True,
)
OPERATOR_NO_EXAMPLE = Code(
    "gpu.operator_no_example",
    "error",
    "The installed version of an operator brings no example of the resource that makes it work.",
    "Make the resource by hand, as the operator's documentation shows it.",
    OPERATOR,
)
RUNTIME_CLASS_MISSING = Code(
    "gpu.runtime_class_missing",
    "error",
    "The RuntimeClass that the plugin is to run with does not exist, so no pod of it would be admitted.",
    "Make the RuntimeClass, or unset nvidia_device_plugin_runtime_class where nvidia is the default runtime of the machines.",
    f"{PLUGIN}#prerequisites",
)
POD_SECURITY = Code(
    "gpu.pod_security",
    "error",
    "The namespace enforces a Pod Security level that refuses the plugin, which mounts a folder of the machine.",
    "Label the namespace: kubectl label namespace NAME pod-security.kubernetes.io/enforce=privileged --overwrite",
    SECURITY,
)
NOT_SCHEDULED = Code(
    "gpu.not_scheduled",
    "error",
    "The device plugin does not run on a GPU node, since its labels or taints keep it away.",
    "Add the taint to nvidia_device_plugin_tolerations, or the label to nvidia_device_plugin_node_labels.",
    PLUGIN,
)
NO_POD = Code(
    "gpu.no_pod",
    "error",
    "A GPU node has no pod of the device plugin yet.",
    "Look at the events of the DaemonSet with `kubectl describe daemonset`.",
    resolvable=True,
)
POD_STARTING = Code(
    "gpu.pod_starting",
    "error",
    "The pod of the device plugin on a GPU node is not ready yet.",
    "Look at the pod's events with `kubectl describe pod`.",
    resolvable=True,
)
PLUGIN_FAILING = Code(
    "gpu.plugin_failing",
    "error",
    "The pod of the device plugin fails on a GPU node.",
    "Read its log with `kubectl logs --previous`.",
    PLUGIN,
)
IMAGE = Code(
    "gpu.image",
    "error",
    "The image of the device plugin cannot be pulled.",
    "Set nvidia_device_plugin_image or nvidia_device_plugin_image_registry to where the nodes can pull it from, and"
    " nvidia_device_plugin_pull_secrets where that needs a login.",
)
REFUSED = Code(
    "gpu.pods_refused",
    "error",
    "The API server or a policy refuses the pods of the device plugin.",
    "Exempt the plugin's namespace from the policy that the message names, or label it for Pod Security as privileged.",
    SECURITY,
)
DRIVER_MISSING = Code(
    "gpu.driver_missing",
    "error",
    "The device plugin finds no NVIDIA driver on a node.",
    "Install the driver: on AKS use a pool without --gpu-driver none and a size with a driver for its image,"
    " elsewhere install driver and nvidia-container-toolkit on the machine, or the GPU Operator.",
    AKS_GPU,
)
RUNTIME_MISSING = Code(
    "gpu.runtime_missing",
    "error",
    "The NVIDIA container runtime is not what containers of a node are started with.",
    "Install nvidia-container-toolkit and make nvidia the default runtime, or set"
    " nvidia_device_plugin_runtime_class to a RuntimeClass with handler nvidia.",
    f"{PLUGIN}#prerequisites",
)
DRIVER_MISMATCH = Code(
    "gpu.driver_mismatch",
    "error",
    "The driver that a node has loaded is not the one whose libraries it has, as after an upgrade without a restart.",
    "Restart or reimage the node: az aks nodepool upgrade --node-image-only.",
    "https://github.com/Azure/AKS/issues/5860",
)
CDI_BROKEN = Code(
    "gpu.cdi_broken",
    "error",
    "The container runtime of a node cannot inject CDI devices.",
    "Set nvidia_device_plugin_device_list_strategy to envvar, or enable CDI in the node's container runtime.",
    "https://github.com/NVIDIA/nvidia-container-toolkit/issues/1239",
)
DEVICE_LOST = Code(
    "gpu.device_lost",
    "error",
    "Containers of a node lost their GPU, as after a reload of systemd.",
    "Restart the pods on the node, and set nvidia_device_plugin_pass_device_specs to true so that it does not happen again.",
    "https://github.com/NVIDIA/nvidia-container-toolkit/issues/48",
)
NO_GPUS = Code(
    "gpu.no_gpus",
    "error",
    "The device plugin runs on a node that offers no GPU all the same.",
    "Read the plugin's log with `kubectl logs`. Where the driver came after the plugin, delete the plugin's pod on"
    " the node. Where it says NVML, driver or container runtime are missing.",
    PLUGIN,
    resolvable=True,
)
STALE = Code(
    "gpu.stale",
    "error",
    "A node still shows GPUs of an earlier time, but no device plugin is ready there: pods that ask for one fail.",
    "Bring the plugin's pod on the node up; the message says why it is not.",
    "https://github.com/NVIDIA/k8s-device-plugin/issues/240",
    resolvable=True,
)
UNHEALTHY = Code(
    "gpu.unhealthy",
    "warning",
    "A node offers fewer GPUs than it has: some are marked unhealthy, which lasts until the plugin is restarted.",
    "Look for Xid errors in the plugin's log and in the kernel's log of the node, then restart the node or the plugin's pod on it.",
    "https://docs.nvidia.com/deploy/xid-errors/",
)
NODE_CONDITION = Code(
    "gpu.node_condition",
    "error",
    "A condition of the node says that its GPUs are not well.",
    "Follow the condition's own message; draining and reimaging the node helps where the GPU itself is not broken.",
    "https://learn.microsoft.com/azure/aks/gpu-health-monitoring",
)
COUNTS = Code(
    "gpu.counts",
    "error",
    "The DaemonSet of the device plugin is not on as many nodes as it should, or not up to date everywhere.",
    "Look at `kubectl rollout status` and at the events of the DaemonSet.",
    resolvable=True,
)
SMOKE_BROKEN = Code(
    "gpu.smoke_broken",
    "error",
    "A pod that asked for one GPU failed on a node.",
    "The pod's last words are in the message; they name driver, runtime or image. Its Job stays for ten minutes.",
)
SMOKE_BUSY = Code(
    "gpu.smoke_busy",
    "info",
    "Whether GPUs of a node work could not be tried, since other pods hold all of them.",
    "Run nvidia_device_plugin again when the jobs on the node are done.",
)
SMOKE_IMAGE = Code(
    "gpu.smoke_image",
    "warning",
    "Whether GPUs of a node work could not be tried, since the image of the test cannot be pulled.",
    "Set nvidia_device_plugin_smoke_image to one that the nodes can pull.",
)
SMOKE_RUNNING = Code(
    "gpu.smoke_running",
    "warning",
    "The test of a node's GPU is not done yet.",
    "Run nvidia_device_plugin again.",
    resolvable=True,
)
IN_USE = Code(
    "gpu.in_use",
    "warning",
    "Pods hold GPUs on nodes from which the device plugin is to be taken.",
    "Wait until the jobs are done, or accept disturbs_jobs.",
    resolvable=True,
)
GOING = Code(
    "gpu.going",
    "error",
    "An object of the device plugin is being deleted and not gone yet.",
    "Run nvidia_device_plugin again.",
    resolvable=True,
)

CODES = tuple(value for value in list(globals().values()) if isinstance(value, Code))
