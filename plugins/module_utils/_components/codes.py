"""Everything that topic components can say."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code

DOCUMENT = "https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#azureml-extension-components"
_TROUBLE = "https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-kubernetes-extension"
_HEALTH = f"{_TROUBLE}#error-code-of-healthcheck"
_SCC = "https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#privileged-setup-for-aro-and-ocp"

NOT_INSTALLED = Code(
    "components.not_installed",
    "error",
    "No component of the extension is in namespace azureml; an error where somebody says that it is installed, or waits for it.",
    "Install the extension, or look at the health check's report where an installation was rolled back.",
    DOCUMENT,
)
UNINSTALLING = Code(
    "components.uninstalling",
    "error",
    "The extension is being removed, or its removal is stuck.",
    "Wait until namespace azureml is gone (about 10 minutes) before it is installed again; `kubectl get namespace azureml"
    " -o yaml` says what holds it.",
    _TROUBLE,
)
SCENARIO_UNKNOWN = Code(
    "components.scenario_unknown",
    "error",
    "Components are there, but none that tells whether the extension is for training or for inference.",
    "Set azureml_training and azureml_inference as it was installed; one of them always is true.",
    DOCUMENT,
)
SCENARIO_SEEN = Code(
    "components.scenario_seen",
    "info",
    "What was not said was taken from what is there, so that a part that is missing altogether is not missed.",
    "Set azureml_connection, azureml_training and azureml_inference, and what else was configured.",
)
MISSING = Code(
    "components.missing",
    "error",
    "A component that the scenario needs does not exist.",
    "Update the extension with the same settings: `az k8s-extension update` puts back what is missing.",
    DOCUMENT,
)
OPTIONAL_ABSENT = Code(
    "components.optional_absent",
    "info",
    "A component that is there by default does not exist, as it should be where its setting is off.",
    "Say how it was installed, and it is judged.",
    DOCUMENT,
)
UNEXPECTED = Code(
    "components.unexpected",
    "warning",
    "A component exists that the settings given do not install.",
    "Correct the variables, or update the extension where the cluster is not as it should be.",
    DOCUMENT,
)
OLD_NAME = Code(
    "components.old_name",
    "info",
    "A component has the name of an old version of the extension, or is of a kind that newer versions no longer have.",
    "Upgrade the extension when it suits.",
    DOCUMENT,
)
SCALED_DOWN = Code(
    "components.scaled_down",
    "error",
    "A component is scaled to nothing.",
    "Scale it up again with the command of the message.",
    DOCUMENT,
)
NOT_READY = Code(
    "components.not_ready",
    "error",
    "A component is not ready.",
    "Look at its pods and events with `kubectl describe`.",
    _TROUBLE,
)
ROLLOUT = Code(
    "components.rollout",
    "warning",
    "A component runs, but pods of its newest version do not.",
    "Look at the newest pods; the old ones serve until then.",
    _TROUBLE,
)
UNSCHEDULABLE = Code(
    "components.unschedulable",
    "error",
    "No node takes a component's pod.",
    "Add nodes or make room; correct node selectors and taints where the message names them.",
    _TROUBLE,
)
IMAGE = Code(
    "components.image",
    "error",
    "An image cannot be pulled.",
    "Check that nodes reach mcr.microsoft.com and *.data.mcr.microsoft.com on port 443, and that the image exists there.",
    _TROUBLE,
)
REGISTRY_DENIED = Code(
    "components.registry_denied",
    "error",
    "A registry does not let the nodes pull an image, or the secret for it is missing.",
    "Check the image pull secret that the message names, or what stands between the nodes and the registry.",
    _TROUBLE,
)
CRASH = Code(
    "components.crash",
    "error",
    "A container ends again and again.",
    "Read its last words with the command of the message.",
    _TROUBLE,
)
OUT_OF_MEMORY = Code(
    "components.out_of_memory",
    "error",
    "A container needs more memory than its limit.",
    "Raise the limit in the extension's settings where it has one; nodes with many cores make nginx large, so set"
    " nginxIngress.controllerConfig.worker-processes for it.",
    _TROUBLE,
)
NOT_ANSWERING = Code(
    "components.not_answering",
    "error",
    "A container runs, but does not become ready.",
    "Read its log with the command of the message; mostly something that it needs cannot be reached.",
    _TROUBLE,
)
CONFIG_MISSING = Code(
    "components.config_missing",
    "error",
    "A Secret or ConfigMap that a pod mounts or reads does not exist.",
    "Make it; for the router's certificate run tls_secret. Kubernetes goes on by itself then.",
    _TROUBLE,
)
VOLUME = Code(
    "components.volume",
    "error",
    "A pod waits for a volume.",
    "Look at the claim and at its storage class.",
    _TROUBLE,
)
SCC_DENIED = Code(
    "components.scc_denied",
    "error",
    "OpenShift lets no pod of a component start: its service account may not use SCC privileged.",
    "Run scc_grant for the extension's service accounts; pods are then made by themselves.",
    _SCC,
)
QUOTA = Code(
    "components.quota",
    "error",
    "A ResourceQuota or LimitRange of namespace azureml lets no pod of a component start.",
    "Raise it or delete it: the extension's requests and limits cannot be changed.",
    _TROUBLE,
)
ADMISSION_DENIED = Code(
    "components.admission_denied",
    "error",
    "An admission policy or webhook lets no pod of a component start.",
    "Exempt namespace azureml from the policy; put right or remove a webhook that does not answer.",
    _TROUBLE,
)
ACCOUNT_MISSING = Code(
    "components.account_missing",
    "error",
    "The service account of a component does not exist.",
    "Update the extension with the same settings, which puts it back.",
    _TROUBLE,
)
EVICTED = Code(
    "components.evicted",
    "error",
    "A node has thrown out a component's pod, or is gone with it.",
    "Look at the node: memory, disk, whether it answers.",
    _TROUBLE,
)
RESTARTS = Code(
    "components.restarts",
    "warning",
    "A component runs, but has been restarted often and not long ago.",
    "Read why with `kubectl logs --previous`.",
    _TROUBLE,
)
ROUTER_ALONE = Code(
    "components.router_alone",
    "warning",
    "The router has fewer replicas than high availability makes.",
    "Update the extension with inferenceRouterHA=True, or say inference_router_ha: false.",
    DOCUMENT,
)
EXTRA_NOT_READY = Code(
    "components.extra_not_ready",
    "warning",
    "Something in namespace azureml that no table names is not ready.",
    "Look at it with `kubectl describe`; the extension itself is judged without it.",
)
SERVICE_MISSING = Code(
    "components.service_missing",
    "error",
    "A Service of the extension does not exist.",
    "Update the extension with the same settings, which puts it back.",
    DOCUMENT,
)
SERVICE_UNBACKED = Code(
    "components.service_unbacked",
    "error",
    "No ready pod is behind a Service, although its component is ready: the selector fits none.",
    "Update the extension with the same settings, which puts the Service back.",
    DOCUMENT,
)
SERVICE_TYPE = Code(
    "components.service_type",
    "warning",
    "The router's Service is not of the type that was configured.",
    "Update the extension with inferenceRouterServiceType, or correct the variable.",
    DOCUMENT,
)
NO_ADDRESS = Code(
    "components.no_address",
    "error",
    "The router's Service has no external address, so that nobody outside reaches endpoints (the health check's E40001).",
    "Install a load balancer controller, look at the Service's events, or set inferenceRouterServiceType=nodePort or clusterIP.",
    _HEALTH,
)
DEFINITION_MISSING = Code(
    "components.definition_missing",
    "error",
    "A CustomResourceDefinition that the extension works with does not exist or is being deleted.",
    "Update the extension with the same settings; where installPromOp or installVolcano is off, install what was to be reused.",
    DOCUMENT,
)
WEBHOOK_DEAD = Code(
    "components.webhook_dead",
    "error",
    "A webhook calls a Service of namespace azureml behind which nobody answers: what it watches can no longer be written.",
    "Bring its component back; where the extension is gone, delete the webhook configuration with the command of the message.",
    _TROUBLE,
)
HEALTH_FAILED = Code(
    "components.health_failed",
    "error",
    "The extension's health check reports a failure.",
    "Look the code up in the document.",
    _HEALTH,
)
HEALTH_UNREADABLE = Code(
    "components.health_unreadable",
    "warning",
    "A report of the health check cannot be understood.",
    "Run it again with `helm test -n azureml EXTENSION_NAME --logs`.",
    _HEALTH,
)
HEALTH_POD_FAILED = Code(
    "components.health_pod_failed",
    "warning",
    "The health check's pod failed.",
    "Read `kubectl logs healthcheck -n azureml`.",
    _HEALTH,
)
CHECK_FAILED = Code(
    "components.check_failed",
    "error",
    "A check of the user's own did not find what it expects.",
    "Look at the object; the check's own remedy is what its author gave.",
)
CHECK_UNKNOWN = Code(
    "components.check_unknown",
    "warning",
    "A check of the user's own could not be made.",
    "Correct the check, or let the credentials read what it looks at.",
)
LIBRARY_MISSING = Code(
    "components.library_missing",
    "error",
    "The Python package jmespath is missing where the task runs, so checks of the user's own cannot be made.",
    "Install it there: `pip install 'jmespath>=1.0.1'`.",
)
UNREADABLE = Code(
    "components.unreadable",
    "warning",
    "The credentials may not read something that the judgement needs.",
    "Bind ClusterRole azureml-kubernetes-audit-components.",
)

CODES = (
    NOT_INSTALLED,
    UNINSTALLING,
    SCENARIO_UNKNOWN,
    SCENARIO_SEEN,
    MISSING,
    OPTIONAL_ABSENT,
    UNEXPECTED,
    OLD_NAME,
    SCALED_DOWN,
    NOT_READY,
    ROLLOUT,
    UNSCHEDULABLE,
    IMAGE,
    REGISTRY_DENIED,
    CRASH,
    OUT_OF_MEMORY,
    NOT_ANSWERING,
    CONFIG_MISSING,
    VOLUME,
    SCC_DENIED,
    QUOTA,
    ADMISSION_DENIED,
    ACCOUNT_MISSING,
    EVICTED,
    RESTARTS,
    ROUTER_ALONE,
    EXTRA_NOT_READY,
    SERVICE_MISSING,
    SERVICE_UNBACKED,
    SERVICE_TYPE,
    NO_ADDRESS,
    DEFINITION_MISSING,
    WEBHOOK_DEAD,
    HEALTH_FAILED,
    HEALTH_UNREADABLE,
    HEALTH_POD_FAILED,
    CHECK_FAILED,
    CHECK_UNKNOWN,
    LIBRARY_MISSING,
    UNREADABLE,
)
