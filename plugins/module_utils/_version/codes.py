"""Everything the version window can say."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code

AZUREML_RULE = "https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#supported-kubernetes-version-and-region"
AKS_POLICY = "https://learn.microsoft.com/azure/aks/supported-kubernetes-versions"
ARC_POLICY = "https://learn.microsoft.com/azure/azure-arc/kubernetes/agent-upgrade#version-support-policy"
SKEW_POLICY = "https://kubernetes.io/releases/version-skew-policy/"
REGIONS = "https://azure.microsoft.com/global-infrastructure/services/?products=azure-arc&regions=all"

SUPPORTED_GRACE = Code(
    "version.supported_grace",
    "warning",
    "The minor has left the window, but AKS has not ended its support yet.",
    "Plan the upgrade now; support for the minor ends soon.",
    AKS_POLICY,
)
PLATFORM_ONLY = Code(
    "version.platform_only",
    "warning",
    "The minor is N-3, for which AKS gives platform support only and AzureML none.",
    "Upgrade Kubernetes before asking for support.",
    AKS_POLICY,
)
LTS_ONLY = Code(
    "version.lts_only",
    "warning",
    "AKS supports the minor by long-term support only, to which AzureML's window does not extend.",
    "Upgrade Kubernetes before asking for support.",
    AKS_POLICY,
)
TOO_OLD = Code(
    "version.too_old",
    "error",
    "The minor is older than anything that is supported. An error before a new installation, else a warning.",
    "Upgrade Kubernetes before installing the extension.",
    AZUREML_RULE,
)
NEWER_THAN_N = Code(
    "version.newer_than_n",
    "warning",
    "The minor is newer than N, so AzureML does not cover it yet; Kubernetes 1.22 once broke the extension.",
    "Wait with this minor until AKS has made it generally available.",
    AZUREML_RULE,
)
PREVIEW = Code(
    "version.preview",
    "warning",
    "The version is a preview or a pre-release, which no support covers.",
    "Run a generally available version.",
    AKS_POLICY,
)
SERVER_UNREADABLE = Code(
    "version.server_unreadable",
    "warning",
    "The server's version could not be read, so nothing is known about the window.",
    "Allow get on the non-resource URL /version, as the ClusterRole system:public-info-viewer does.",
    AZUREML_RULE,
)
SERVER_UNPARSABLE = Code(
    "version.server_unparsable",
    "warning",
    "The server reports a version that cannot be understood.",
    "Look at `kubectl get --raw /version`, and for a proxy that answers in the API server's place.",
    AZUREML_RULE,
)
EXTENSION_UNKNOWN = Code(
    "version.extension_unknown",
    "info",
    "Whether the extension runs, or whether this is OpenShift, could not be read, so an old minor is only a warning.",
    "Set new_install and platform, or allow what the message names.",
)
N_FROM_TABLE = Code(
    "version.n_from_table",
    "info",
    "N was taken from a dated table.",
    "To decide by today's data, hand over the output of `az aks get-versions --location LOCATION --output json` as arm_versions.",
    AKS_POLICY,
)
N_DIFFERS = Code(
    "version.n_differs",
    "info",
    "The N that was given and the AKS versions handed over disagree; what was given wins.",
    "Drop latest_ga_minor to follow the AKS versions handed over.",
)
TABLE_STALE = Code(
    "version.table_stale",
    "warning",
    "The dated table that decided is old.",
    "Update the collection, or hand over arm_versions, latest_ga_minor or a table of your own.",
    AKS_POLICY,
)
TABLE_BEHIND_PLAN = Code(
    "version.table_behind_plan",
    "info",
    "By the calendar's plan a newer minor should be generally available by now, which the table cannot know.",
    "Look with `az aks get-versions --location LOCATION --output table`, and set latest_ga_minor when the minor is there.",
    AKS_POLICY,
)
OUTSIDE_ARC_WINDOW = Code(
    "version.outside_arc_window",
    "warning",
    "The minor is outside the window of Azure Arc, which is N-2 by the newest upstream minor.",
    "Upgrade Kubernetes before asking for support of Azure Arc.",
    ARC_POLICY,
)
ARC_UNKNOWN = Code(
    "version.arc_unknown",
    "info",
    "Whether the cluster is Arc-connected could not be read, so Arc's window was not judged.",
    "Allow get on ConfigMap azure-clusterconfig in namespace azure-arc.",
    ARC_POLICY,
)
NODES_UNREADABLE = Code(
    "version.nodes_unreadable",
    "warning",
    "The nodes could not be read, so the kubelets' versions are not known.",
    "Allow list on nodes, or set check_nodes to false.",
    SKEW_POLICY,
)
NODE_NEWER_THAN_SERVER = Code(
    "version.node_newer_than_server",
    "error",
    "A kubelet is newer than the API server, which Kubernetes never supports. A warning where the extension runs.",
    "Upgrade the control plane, or replace the nodes.",
    SKEW_POLICY,
)
NODE_TOO_OLD = Code(
    "version.node_too_old",
    "error",
    "A kubelet is more minors older than the API server than Kubernetes supports. A warning where the extension runs.",
    "Upgrade the node pool.",
    SKEW_POLICY,
)
NODE_OUTSIDE_WINDOW = Code(
    "version.node_outside_window",
    "warning",
    "A kubelet is older than the window although the API server is inside.",
    "Upgrade the node pool.",
    AZUREML_RULE,
)
NODE_UNPARSABLE = Code(
    "version.node_unparsable",
    "warning",
    "A kubelet reports no version that can be understood.",
    "Look at `kubectl get node NODE -o jsonpath={.status.nodeInfo.kubeletVersion}`.",
    SKEW_POLICY,
)
REGION_NOT_LISTED = Code(
    "version.region_not_listed",
    "warning",
    "The region is not in the list of regions handed over.",
    "Choose a region of the list for the Arc resource, or hand over a newer list.",
    REGIONS,
)
REGION_NOT_IN_HINT = Code(
    "version.region_not_in_hint",
    "info",
    "The region is not among those in which the extension was seen to be offered; the hint may be out of date.",
    "Hand over the output of `az provider show --namespace Microsoft.KubernetesConfiguration --output json` as regions.",
    REGIONS,
)

CODES = (
    SUPPORTED_GRACE,
    PLATFORM_ONLY,
    LTS_ONLY,
    TOO_OLD,
    NEWER_THAN_N,
    PREVIEW,
    SERVER_UNREADABLE,
    SERVER_UNPARSABLE,
    EXTENSION_UNKNOWN,
    N_FROM_TABLE,
    N_DIFFERS,
    TABLE_STALE,
    TABLE_BEHIND_PLAN,
    OUTSIDE_ARC_WINDOW,
    ARC_UNKNOWN,
    NODES_UNREADABLE,
    NODE_NEWER_THAN_SERVER,
    NODE_TOO_OLD,
    NODE_OUTSIDE_WINDOW,
    NODE_UNPARSABLE,
    REGION_NOT_LISTED,
    REGION_NOT_IN_HINT,
)
