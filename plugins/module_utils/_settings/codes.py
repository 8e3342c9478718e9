"""Everything that topic settings can say."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code

DOCUMENT = "https://learn.microsoft.com/azure/machine-learning/how-to-deploy-kubernetes-extension"
_TLS = "https://learn.microsoft.com/azure/machine-learning/how-to-secure-kubernetes-online-endpoint"
_HEALTH = "https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-kubernetes-extension#error-code-of-healthcheck"
_CLI = "https://github.com/Azure/azure-cli-extensions/tree/main/src/k8s-extension"
_TERRAFORM = "https://github.com/hashicorp/terraform-provider-azurerm/issues/24547"

REFUSED = Code("settings.refused", "error", "az refuses these settings, so nothing is rendered.", "Correct the setting.", DOCUMENT)
UNKNOWN_KEY = Code(
    "settings.unknown_key",
    "error",
    "Nobody knows a setting of this name. az passes it on unseen, and it has no effect.",
    "Correct its name; a key that is right although this collection does not know it goes into known_keys.",
    DOCUMENT,
)
REPLACED_KEY = Code(
    "settings.replaced_key", "error", "The setting was removed or renamed and has no effect.", "Write its replacement.", DOCUMENT
)
MISPLACED = Code(
    "settings.misplaced",
    "error",
    "The setting is in the wrong one of the two maps: az does not look for it there, or shows a secret to everyone who may read the"
    " extension.",
    "Move it to the other map.",
    DOCUMENT,
)
BAD_VALUE = Code(
    "settings.bad_value",
    "error",
    "The value is none that the setting takes, so it has no or another effect.",
    "Correct it.",
    DOCUMENT,
)
PEM_AS_PATH = Code(
    "settings.pem_as_path",
    "error",
    "PEM text is given where az reads the path of a file.",
    "Give the path; ARM, Bicep and Terraform need the base64 of the text as scoringFe.sslCert and scoringFe.sslKey, as the rendered"
    " template has it.",
    _TERRAFORM,
)
UNTRANSLATED = Code(
    "settings.untranslated",
    "error",
    "The block is for ARM, Bicep or Terraform, which do not translate: the chart reads another key, or one that is missing.",
    "Send the rendered arm.configurationSettings and arm.configurationProtectedSettings instead.",
    _TERRAFORM,
)
OPENSHIFT_BY_HAND = Code(
    "settings.openshift_by_hand",
    "error",
    "The key openshift is set by hand. az sets it from the cluster's distribution; a template gets it from here.",
    "Leave it out, and set the option openshift to what the cluster is.",
    _CLI,
)
OPENSHIFT_UNKNOWN = Code(
    "settings.openshift_unknown",
    "warning",
    "Whether the cluster is OpenShift is unknown. A template without openshift=true installs no SELinux policy there.",
    "Set the option openshift, or read_cluster: true.",
    DOCUMENT,
)
HA_NEEDS_NODES = Code(
    "settings.ha_needs_nodes",
    "error",
    "High availability of the router needs three nodes that its pods may run on; the health check ends with E40002 otherwise.",
    "Add nodes, or set inference_router_ha: false.",
    _HEALTH,
)
HA_SWITCHED_OFF = Code(
    "settings.ha_switched_off",
    "info",
    "The cluster has fewer than three nodes, so az switches high availability off and sets clusterPurpose to DevTest; the template"
    " does so, too.",
    link=DOCUMENT,
)
NODES_UNKNOWN = Code(
    "settings.nodes_unknown",
    "warning",
    "How many nodes there are is unknown, so whether high availability fits is, too, and what az makes of it.",
    "Set node_count, or read_cluster: true.",
    DOCUMENT,
)
SECRET_IGNORED = Code(
    "settings.secret_ignored",
    "warning",
    "A PEM pair and sslSecret are both given: the pair is uploaded and the Secret is ignored.",
    "Leave one of them out.",
    _TLS,
)
PLAIN_HTTP = Code(
    "settings.plain_http",
    "warning",
    "Endpoints are served by plain HTTP: keys and data of clients travel unencrypted.",
    "Set ssl_secret and ssl_cname and leave allow_insecure_connections out, unless this is a test or another ingress does TLS.",
    _TLS,
)
CERTIFICATE_UNUSED = Code(
    "settings.certificate_unused",
    "warning",
    "allowInsecureConnections is on, so the certificate that is given is not used.",
    "Leave allow_insecure_connections out, or the certificate.",
    _TLS,
)
INTERNAL_UNFIT = Code(
    "settings.internal_unfit",
    "warning",
    "An internal load balancer of Azure is asked for where there is none.",
    "Leave internal_load_balancer_provider out: it is for a Service of type loadBalancer on AKS.",
    DOCUMENT,
)
PROTECTED_INCOMPLETE = Code(
    "settings.protected_incomplete",
    "error",
    "The update sends protected settings, which replaces all of them, but not those that the extension still needs.",
    "Send all protected settings again: certificate and key together, and every one that you gave before.",
    DOCUMENT,
)
DISTURBS = Code(
    "settings.disturbs",
    "warning",
    "The update disturbs running jobs or online endpoints.",
    "Make it when nothing runs; az asks before it goes on.",
    DOCUMENT,
)
SELECTOR_STAYS = Code(
    "settings.selector_stays",
    "warning",
    "The extension has a node selector that is not asked for any more; an update cannot remove one.",
    "Delete and create the extension, or keep the selector.",
    DOCUMENT,
)
AUTO_UPGRADE = Code(
    "settings.auto_upgrade",
    "error",
    "A version is pinned and automatic upgrades are on, which az and Azure refuse.",
    "Set auto_upgrade: false with extension_version, or leave the version out.",
    DOCUMENT,
)
FILE_MISSING = Code(
    "settings.file_missing",
    "warning",
    "There are protected settings, which are never put on a command line, and no file to write them to, so no command is rendered.",
    "Set protected_settings_file.",
    DOCUMENT,
)
FILE_UNREADABLE = Code(
    "settings.file_unreadable",
    "error",
    "The file for the protected settings exists and cannot be read.",
    "Give another path, or make it readable for whom the task runs as.",
)
FILE_OUTDATED = Code(
    "settings.file_outdated",
    "info",
    "The file for protected settings is missing, holds something else, or may be read by others.",
    resolvable=True,
)
NODES_UNREADABLE = Code(
    "settings.nodes_unreadable",
    "warning",
    "The cluster's nodes or its distribution could not be read.",
    "Give the credentials the ClusterRole of role cluster_preflight, or set node_count and openshift.",
)
DOMAIN_KEPT = Code(
    "settings.domain_kept",
    "warning",
    "A domain is given. az overwrites it, since it looks for it under a misspelt key; the maps rendered here keep it.",
    "Install with the template, or leave extension_domain out.",
    _CLI,
)
SWITCHED_OFF = Code(
    "settings.switched_off",
    "warning",
    "relayserver.enabled or servicebus.enabled is a word for no that az takes for yes. It is sent as false.",
    "Write false.",
    _CLI,
)
OPENSHIFT_KEPT = Code(
    "settings.openshift_kept",
    "warning",
    "The number of nodes is unknown; az then loses the setting openshift, too. The maps rendered here hold it.",
    "Wait until `az connectedk8s show --query totalNodeCount` answers with a number before using az.",
    _CLI,
)
STORED_KEY_MISSING = Code(
    "settings.stored_key_missing",
    "warning",
    "The installed extension lacks a setting that az reads on an update, and fails without.",
    "Update with the template, which sends it; az works from then on.",
    _CLI,
)
NODE_PORT_INTERNAL = Code(
    "settings.node_port_internal",
    "error",
    "After the update the router would be both a NodePort and an internal load balancer.",
    "Leave internal_load_balancer_provider out with nodePort, or choose loadBalancer.",
    _CLI,
)

CODES = (
    REFUSED,
    UNKNOWN_KEY,
    REPLACED_KEY,
    MISPLACED,
    BAD_VALUE,
    PEM_AS_PATH,
    UNTRANSLATED,
    OPENSHIFT_BY_HAND,
    OPENSHIFT_UNKNOWN,
    HA_NEEDS_NODES,
    HA_SWITCHED_OFF,
    NODES_UNKNOWN,
    SECRET_IGNORED,
    PLAIN_HTTP,
    CERTIFICATE_UNUSED,
    INTERNAL_UNFIT,
    PROTECTED_INCOMPLETE,
    DISTURBS,
    SELECTOR_STAYS,
    AUTO_UPGRADE,
    FILE_MISSING,
    FILE_UNREADABLE,
    FILE_OUTDATED,
    NODES_UNREADABLE,
    DOMAIN_KEPT,
    SWITCHED_OFF,
    OPENSHIFT_KEPT,
    STORED_KEY_MISSING,
    NODE_PORT_INTERNAL,
)
