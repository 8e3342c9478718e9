"""Everything that topic instances can say."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code

HOW_TO = "https://learn.microsoft.com/azure/machine-learning/how-to-manage-kubernetes-instance-types"
TOLERATIONS = "https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#azureml-supported-taints-and-tolerations"

NOTHING_NAMED = Code(
    "instances.nothing_named",
    "info",
    "No instance type was named; those of the cluster were looked at.",
    "Set azureml_instance_types to the instance types that jobs and endpoints are to ask for.",
    HOW_TO,
)
UNREADABLE = Code(
    "instances.unreadable",
    "warning",
    "The credentials may not read something that a decision depends on; the fact counts as unknown.",
    "Give the credentials the ClusterRole of role instance_types.",
)
NO_DEFINITION = Code(
    "instances.no_definition",
    "error",
    "The cluster does not serve InstanceType objects, which come with the extension; none can be written.",
    "Install the extension first, or set wait where its installation is under way.",
    HOW_TO,
    resolvable=True,
)
OTHER_VERSION = Code(
    "instances.other_version",
    "error",
    "The cluster serves InstanceType objects in other versions than this collection writes.",
    "Use a newer release of this collection, or write the objects with the version that the message names.",
    HOW_TO,
)
FOREIGN = Code(
    "instances.foreign",
    "error",
    "An InstanceType of this name is of somebody else and differs from what is wanted; it is left alone.",
    "Set adopt to true to change it, or leave it out of azureml_instance_types.",
)
CONTROLLED = Code(
    "instances.controlled",
    "error",
    "A GitOps tool or a controller keeps an InstanceType of this name, and would undo every change.",
    "Change it where that tool reads it, or leave it out of azureml_instance_types.",
)
KEPT = Code(
    "instances.kept",
    "info",
    "An InstanceType that is to be absent was not made by this collection; it stays.",
    "Delete it by hand if nobody needs it: kubectl delete instancetype NAME",
)
FITS_NO_NODE = Code(
    "instances.fits_no_node",
    "error",
    "No node can run the pods of an instance type, so every job that asks for it fails; it is not written.",
    "Correct the amounts or the node selector. Where a pool grows such nodes on demand, set autoscaled for this type.",
    HOW_TO,
)
NODES_CLOSED = Code(
    "instances.nodes_closed",
    "warning",
    "The nodes that could run the pods of an instance type are not ready, or are cordoned.",
    "Look at the nodes that the message names: kubectl describe node NAME",
    HOW_TO,
)
FROM_ZERO = Code(
    "instances.from_zero",
    "info",
    "An instance type counts on a pool that grows: right now no node can run its pods.",
    "Install the extension with amloperator.skipResourceValidation=true, or jobs for it are refused while the pool is empty.",
    HOW_TO,
)
DEFAULT_FITS_NO_NODE = Code(
    "instances.default_fits_no_node",
    "warning",
    "No node can run the pods of jobs that name no instance type.",
    "Add a node without taints that AzureML does not tolerate, or define an instance type named defaultinstancetype.",
    HOW_TO,
)
MALFORMED = Code(
    "instances.malformed",
    "warning",
    "An InstanceType of the cluster breaks a rule of AzureML, so jobs that ask for it fail or run with other amounts.",
    "Correct what the message names: kubectl edit instancetype NAME",
    HOW_TO,
)
LEFT_OVER = Code(
    "instances.left_over",
    "info",
    "An InstanceType that this collection made is no longer among those that are wanted.",
    "Run instance_types with state absent and this name, once no job asks for it.",
)
IN_USE = Code(
    "instances.in_use",
    "warning",
    "Work under way may ask for an instance type that is to be deleted; what of it starts later fails.",
    "Wait until the jobs named are done, or add disturbs_jobs to azureml_accept.",
)

CODES = (
    NOTHING_NAMED,
    UNREADABLE,
    NO_DEFINITION,
    OTHER_VERSION,
    FOREIGN,
    CONTROLLED,
    KEPT,
    FITS_NO_NODE,
    NODES_CLOSED,
    FROM_ZERO,
    DEFAULT_FITS_NO_NODE,
    MALFORMED,
    LEFT_OVER,
    IN_USE,
)
