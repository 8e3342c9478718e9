"""Everything that topic storage can say."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code

DOCUMENT = "https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#azureml-jobs-connect-with-custom-data-storage"
_PERSISTENT_VOLUMES = "https://kubernetes.io/docs/concepts/storage/persistent-volumes/"
_STORAGE_CLASSES = "https://kubernetes.io/docs/concepts/storage/storage-classes/"

UNREADABLE = Code(
    "storage.unreadable",
    "warning",
    "The credentials may not read something that a decision depends on; the fact counts as unknown.",
    "Give the credentials the ClusterRole of role job_storage, and `get` on the secrets that volumes name.",
)
NO_NAMESPACE = Code(
    "storage.no_namespace",
    "info",
    "No compute namespace was named, so there is nowhere to look for claims of jobs.",
    "Set azureml_compute_namespaces to the namespaces given when the computes are attached.",
    DOCUMENT,
)
NAMESPACE_MISSING = Code(
    "storage.namespace_missing",
    "error",
    "The namespace in which a claim is wanted does not exist.",
    "Create it, as with role compute_namespaces, then run job_storage again.",
)
NAMESPACE_TERMINATING = Code(
    "storage.namespace_terminating",
    "error",
    "The namespace in which a claim is wanted is being deleted.",
    "Wait until the namespace is gone and made anew, then run job_storage again.",
)
VOLUME_MISSING = Code(
    "storage.volume_missing",
    "error",
    "Jobs do not get a volume that is asked for: its claim or its volume is missing, or lacks the label or the mount path.",
    "Run job_storage with state present.",
    DOCUMENT,
    resolvable=True,
)
IMMUTABLE_CHANGE = Code(
    "storage.immutable_change",
    "error",
    "What is asked for differs in something that Kubernetes never changes in place: the claim or volume has to be made anew.",
    "Ask for what is there, or agree to the disruption named by the refusal.",
    _PERSISTENT_VOLUMES,
    resolvable=True,
)
FOREIGN_CLAIM = Code(
    "storage.foreign_claim",
    "error",
    "A claim of the wanted name exists, but this collection did not make it.",
    "Give the volume another name, or adopt the claim with type existing.",
)
FOREIGN_VOLUME = Code(
    "storage.foreign_volume",
    "error",
    "A PersistentVolume of the wanted name exists, but this collection did not make it.",
    "Give the volume another name, or delete that PersistentVolume.",
)
CLAIM_MISSING = Code(
    "storage.claim_missing",
    "error",
    "A claim that is to be adopted does not exist.",
    "Correct the name or the namespaces of the volume, or give it another type so that it is made.",
)
GITOPS_MANAGED = Code(
    "storage.gitops_managed",
    "error",
    "The object to change belongs to Argo CD or Flux, which would undo the change.",
    "Make the change in the repository that this object comes from.",
)
RECORD_UNREADABLE = Code(
    "storage.record_unreadable",
    "warning",
    "The annotation that records what this collection added to a claim cannot be read, so nothing of it counts as ours.",
    "Remove the label and the annotation that are no longer wanted by hand, then the record.",
)
CLASS_MISSING = Code(
    "storage.class_missing",
    "error",
    "A storage class that is asked for does not exist, so no volume will be made.",
    "Correct storage_class, or create the class.",
    _STORAGE_CLASSES,
)
DRIVER_MISSING = Code(
    "storage.driver_missing",
    "error",
    "A CSI driver that a volume needs is not installed, so job pods stay in ContainerCreating.",
    "Install the driver.",
)
SECRET_MISSING = Code(
    "storage.secret_missing",
    "error",
    "The secret with which a volume is mounted does not exist, so job pods stay in ContainerCreating.",
    "Create the secret.",
)
SECRET_KEYS = Code(
    "storage.secret_keys",
    "error",
    "The secret with which a volume is mounted lacks keys that its driver needs.",
    "Create the secret anew with the keys named.",
)
SECRET_OLD_KEYS = Code(
    "storage.secret_old_keys",
    "warning",
    "The secret with which a volume is mounted has the keys of the FlexVolume driver; CSI drivers still accept them.",
    "Create the secret anew with the keys that the driver documents.",
)
NOT_BOUND = Code(
    "storage.not_bound",
    "error",
    "A claim that was asked for is not bound (yet).",
    "Look at its events with `kubectl describe pvc`; running job_storage again goes on waiting.",
    _PERSISTENT_VOLUMES,
    resolvable=True,
)
CLAIM_FAILED = Code(
    "storage.claim_failed",
    "error",
    "The provisioner says that a claim cannot be bound as it is.",
    "Mend what the event names; the provisioner tries again by itself.",
)
WAITS_FOR_CONSUMER = Code(
    "storage.waits_for_consumer",
    "info",
    "A claim is bound when the first job mounts it, as its storage class says.",
    link=_STORAGE_CLASSES,
)
CLAIM_PENDING = Code(
    "storage.claim_pending",
    "error",
    "A claim of somebody else that all jobs of the namespace mount is not bound, so every job waits for it.",
    "Mend or delete the claim, or remove its label ml.azure.com/pvc.",
    DOCUMENT,
)
CLAIM_LOST = Code(
    "storage.claim_lost",
    "error",
    "The volume behind a claim that jobs mount is gone.",
    "Delete the claim, or remove its label ml.azure.com/pvc.",
    _PERSISTENT_VOLUMES,
)
VOLUME_RELEASED = Code(
    "storage.volume_released",
    "warning",
    "A PersistentVolume was released by a claim that is gone: its data is kept, and no claim can be bound to it.",
    "Delete the PersistentVolume, or remove `uid` from its spec.claimRef so that a claim of the same name is bound again.",
    _PERSISTENT_VOLUMES,
)
BOUND_ELSEWHERE = Code(
    "storage.bound_elsewhere",
    "error",
    "A claim and a PersistentVolume that belong together are bound to others.",
    "Find out by `kubectl get pv,pvc -A` who holds what, and delete what is wrong.",
    _PERSISTENT_VOLUMES,
)
LABEL_IGNORED = Code(
    "storage.label_ignored",
    "warning",
    'A claim has label ml.azure.com/pvc with another value than the text "true", so jobs do not get it.',
    'Set the label to "true", exactly so, or remove it.',
    DOCUMENT,
)
LABEL_MISSING = Code(
    "storage.label_missing",
    "warning",
    "A claim has the mount path for jobs but not the label ml.azure.com/pvc, so jobs do not get it.",
    "Adopt the claim with type existing, or remove the annotation.",
    DOCUMENT,
)
MOUNT_PATH_MISSING = Code(
    "storage.mount_path_missing",
    "error",
    "A claim has the label ml.azure.com/pvc but no annotation ml.azure.com/mountpath.",
    "Adopt the claim with type existing, or remove the label.",
    DOCUMENT,
)
MOUNT_PATH_INVALID = Code(
    "storage.mount_path_invalid",
    "error",
    "The mount path of a claim is none at which jobs can or should find a volume.",
    "Correct the annotation ml.azure.com/mountpath of the claim.",
    DOCUMENT,
)
MOUNT_PATH_UNTIDY = Code(
    "storage.mount_path_untidy",
    "warning",
    "The mount path of a claim is not written in its shortest form.",
    "Correct the annotation ml.azure.com/mountpath of the claim.",
    DOCUMENT,
)
MOUNT_PATH_HIDES = Code(
    "storage.mount_path_hides",
    "warning",
    "The mount path of a claim is a folder that nearly every image has; jobs no longer see what the image put there.",
    "Mount the volume below that folder.",
    DOCUMENT,
)
MOUNT_PATH_DUPLICATE = Code(
    "storage.mount_path_duplicate",
    "error",
    "Two claims that jobs mount have the same mount path; no pod can be made with that, so no job of the namespace starts.",
    "Give one of them another mount path, or remove its label ml.azure.com/pvc.",
    DOCUMENT,
)
MOUNT_PATH_NESTED = Code(
    "storage.mount_path_nested",
    "warning",
    "The mount path of a claim lies inside that of another: it hides what the outer volume has in that folder.",
    "Mount the volumes beside each other.",
    DOCUMENT,
)
SINGLE_NODE_ACCESS = Code(
    "storage.single_node_access",
    "warning",
    "All jobs of the namespace mount a claim that only one node at a time may mount: jobs on other nodes wait for it.",
    "Use storage with access mode ReadWriteMany, as NFS, Azure Files or Azure Blob.",
    DOCUMENT,
)
NOT_FOR_INFERENCE = Code(
    "storage.not_for_inference",
    "info",
    "Claims are mounted by command jobs, sweeps and batch deployments, not by online endpoints, AutoML or parallel steps.",
    link=DOCUMENT,
)
IN_USE = Code(
    "storage.in_use",
    "error",
    "Pods use a claim that is to be deleted or made anew.",
    "Wait for the pods named or cancel their jobs, then run job_storage again.",
)
TERMINATING = Code(
    "storage.terminating",
    "error",
    "A claim or volume is being deleted and is not gone yet.",
    "Look what holds it: `kubectl describe pvc` names the pods that use it and the finalizers.",
    resolvable=True,
)
LEFTOVER_VOLUME = Code(
    "storage.leftover_volume",
    "info",
    "A claim made by an earlier run is no longer asked for; jobs still mount it.",
    "Run job_storage once with state absent for the volume.",
)
NOT_OURS = Code(
    "storage.not_ours",
    "info",
    "A claim that is to go was neither made nor adopted by this collection, and stays as it is.",
)
DATA_KEPT = Code(
    "storage.data_kept",
    "info",
    "A claim goes, but the storage behind it and its data stay.",
    "Delete the data by the means of the storage where it is no longer wanted.",
)
RESIZE_PENDING = Code(
    "storage.resize_pending",
    "info",
    "A claim asks for more than its volume has yet; some drivers grow a volume only when it is mounted.",
    link=_PERSISTENT_VOLUMES,
)
PROBE_FAILED = Code(
    "storage.probe_failed",
    "error",
    "A pod could not mount a claim, or not write, read and delete a file there; jobs are going to fail alike.",
    "Look at what it says: network rules, export or key of the storage when mounting fails; owner, permissions or the mount "
    "options uid, gid and file_mode when writing does. Then run job_storage again.",
    DOCUMENT,
)
PROBE_PROVED = Code(
    "storage.probe_proved",
    "info",
    "A pod mounted a claim and wrote, read and deleted a file there, or listed a folder that is read-only.",
)
PROBE_UNKNOWN = Code(
    "storage.probe_unknown",
    "warning",
    "The pod that should have tried a claim was refused or did not run, which says nothing of the storage.",
    "Mend what it says: rights on Jobs (ClusterRole of role job_storage), a quota, the image (job_storage_probe_image), room on "
    "nodes; or give it more time (job_storage_probe_timeout).",
)

CODES = (
    UNREADABLE,
    NO_NAMESPACE,
    NAMESPACE_MISSING,
    NAMESPACE_TERMINATING,
    VOLUME_MISSING,
    IMMUTABLE_CHANGE,
    FOREIGN_CLAIM,
    FOREIGN_VOLUME,
    CLAIM_MISSING,
    GITOPS_MANAGED,
    RECORD_UNREADABLE,
    CLASS_MISSING,
    DRIVER_MISSING,
    SECRET_MISSING,
    SECRET_KEYS,
    SECRET_OLD_KEYS,
    NOT_BOUND,
    CLAIM_FAILED,
    WAITS_FOR_CONSUMER,
    CLAIM_PENDING,
    CLAIM_LOST,
    VOLUME_RELEASED,
    BOUND_ELSEWHERE,
    LABEL_IGNORED,
    LABEL_MISSING,
    MOUNT_PATH_MISSING,
    MOUNT_PATH_INVALID,
    MOUNT_PATH_UNTIDY,
    MOUNT_PATH_HIDES,
    MOUNT_PATH_DUPLICATE,
    MOUNT_PATH_NESTED,
    SINGLE_NODE_ACCESS,
    NOT_FOR_INFERENCE,
    IN_USE,
    TERMINATING,
    LEFTOVER_VOLUME,
    NOT_OURS,
    DATA_KEPT,
    RESIZE_PENDING,
    PROBE_FAILED,
    PROBE_PROVED,
    PROBE_UNKNOWN,
)
