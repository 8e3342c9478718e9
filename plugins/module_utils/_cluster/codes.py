"""Everything the topic `cluster` can say."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code

_EXTENSION_DOCS = "https://learn.microsoft.com/azure/machine-learning/how-to-deploy-kubernetes-extension"
_IMDS_DOCS = "https://learn.microsoft.com/azure/aks/imds-restriction"

AUDIT_ROLE = "azureml-kubernetes-audit"

UNREADABLE = Code(
    "cluster.unreadable",
    "warning",
    "Something that describes the cluster could not be read, so the facts that depend on it stay unknown.",
    f"Bind the ClusterRole {AUDIT_ROLE} to the account that runs the task.",
)
PLATFORM_UNKNOWN = Code(
    "cluster.platform_unknown",
    "warning",
    "What could be read does not tell which kind of cluster this is.",
    "Allow the reads named by cluster.unreadable, or set azureml_platform for this host.",
)
PLATFORM_OVERRIDDEN = Code(
    "cluster.platform_overridden",
    "warning",
    "The platform set by the user is not the one that the cluster shows.",
    "Remove azureml_platform from this host unless it is known to be right.",
)
NO_NODES = Code(
    "cluster.no_nodes",
    "warning",
    "The cluster has no node now, so nothing can be said about where AzureML's pods would run.",
    "Start the cluster or scale a Linux amd64 pool to at least one node, then run the task again.",
    _EXTENSION_DOCS,
)
NO_LINUX_AMD64 = Code(
    "cluster.no_linux_amd64",
    "error",
    "The AzureML extension runs on Linux amd64 nodes only, and the cluster has none.",
    "Add a node pool with Linux on amd64; Windows and Arm64 nodes cannot run the extension or its jobs.",
    _EXTENSION_DOCS,
)
UNSUPPORTED_POOL = Code(
    "cluster.unsupported_pool",
    "warning",
    "Pods of the AzureML extension may be scheduled on nodes where they cannot run.",
    "Give the extension a setting nodeSelector.<key>=<value> that only Linux amd64 nodes match, as the label kubernetes.io/os=linux"
    " against Windows nodes, or taint these nodes.",
    "https://github.com/Azure/AML-Kubernetes/issues/137",
)
AKS_AUTOMATIC = Code(
    "cluster.aks_automatic",
    "error",
    "The AzureML extension is not supported on AKS Automatic.",
    "Use an AKS cluster of SKU Base: az aks create --sku base.",
    _EXTENSION_DOCS,
)
NETWORK_ISOLATED = Code(
    "cluster.network_isolated",
    "error",
    "The AzureML extension is not supported on a network-isolated AKS cluster.",
    "Use a cluster with another outbound type, as userDefinedRouting through a firewall that allows AzureML's addresses.",
    _EXTENSION_DOCS,
)
IMDS_RESTRICTION = Code(
    "cluster.imds_restriction",
    "error",
    "The cluster blocks pods from the Azure Instance Metadata Service, which AzureML needs for its identities.",
    "Disable it with az aks update --disable-imds-restriction, then reimage the nodes with az aks upgrade --node-image-only.",
    _IMDS_DOCS,
)
POD_IDENTITY = Code(
    "cluster.pod_identity",
    "error",
    "Entra pod identity intercepts the token requests of AzureML's pods.",
    "Remove pod identity (az aks update --disable-pod-identity for the AKS add-on), or exempt namespace azureml with an"
    " AzurePodIdentityException.",
    "https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-kubernetes-compute",
)
AKS_SERVICE_PRINCIPAL = Code(
    "cluster.aks_service_principal",
    "error",
    "The AKS cluster uses a service principal; AzureML needs a managed identity.",
    "Run az aks update --enable-managed-identity and recreate the node pools afterwards.",
    _EXTENSION_DOCS,
)
AKS_LOCAL_ACCOUNTS = Code(
    "cluster.aks_local_accounts",
    "warning",
    "Local accounts of the AKS cluster are disabled, so AzureML reaches it only through Trusted Access.",
    "Bind the role for each workspace: az aks trustedaccess rolebinding create --roles"
    " Microsoft.MachineLearningServices/workspaces/mlworkload --source-resource-id <workspace id> …, then attach again.",
    "https://learn.microsoft.com/azure/aks/trusted-access-feature",
)
AKS_UNSEEN = Code(
    "cluster.aks_unseen",
    "info",
    "IMDS restriction and network isolation leave no trace in the Kubernetes API, so this run says nothing about them.",
    "Hand over what `az aks show -o json` prints as azureml_aks_cluster.",
    _IMDS_DOCS,
)
ARC_DISTRIBUTION = Code(
    "cluster.arc_distribution",
    "warning",
    "Azure Arc has recorded this OpenShift cluster as another distribution; the CLI will not set the extension's openshift flag.",
    "Install the extension with --config openshift=true; when connecting the cluster anew, give az connectedk8s connect"
    " --distribution openshift.",
    "https://github.com/microsoft/azure_arc/issues/1716",
)
EXTENSION_UNNAMED = Code(
    "cluster.extension_unnamed",
    "warning",
    "The AzureML extension is installed, but the labels of its Deployments do not tell its name.",
    "Set azureml_extension_name; az k8s-extension list shows the name.",
    _EXTENSION_DOCS,
)
GPU_CONTRADICTION = Code(
    "cluster.gpu_contradiction",
    "warning",
    "A node is labelled as having NVIDIA GPUs, while the size of its machine or another label says that it has something else.",
    "Remove the wrong label from the node pool; jobs that ask for nvidia.com/gpu cannot run there.",
    "https://learn.microsoft.com/azure/virtual-machines/sizes/overview#gpu-accelerated",
)
GPU_ARM64 = Code(
    "cluster.gpu_arm64",
    "warning",
    "A node has NVIDIA GPUs but Arm64 processors, on which neither the AzureML extension nor its jobs run.",
    "Use a size with x86-64 processors for AzureML, and keep its pods off this node with a node selector.",
    _EXTENSION_DOCS,
)

CODES = (
    UNREADABLE,
    PLATFORM_UNKNOWN,
    PLATFORM_OVERRIDDEN,
    NO_NODES,
    NO_LINUX_AMD64,
    UNSUPPORTED_POOL,
    AKS_AUTOMATIC,
    NETWORK_ISOLATED,
    IMDS_RESTRICTION,
    POD_IDENTITY,
    AKS_SERVICE_PRINCIPAL,
    AKS_LOCAL_ACCOUNTS,
    AKS_UNSEEN,
    ARC_DISTRIBUTION,
    EXTENSION_UNNAMED,
    GPU_CONTRADICTION,
    GPU_ARM64,
)
