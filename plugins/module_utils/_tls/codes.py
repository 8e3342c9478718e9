"""Everything that topic tls can say."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code

DOCUMENT = "https://learn.microsoft.com/azure/machine-learning/how-to-secure-kubernetes-online-endpoint"
_HEALTH = "https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-kubernetes-extension#error-code-of-healthcheck"
_TLS = "https://www.rfc-editor.org/rfc/rfc5246#section-7.4.2"
_NAMES = "https://www.rfc-editor.org/rfc/rfc6125#section-6.4"
_PATHS = "https://www.rfc-editor.org/rfc/rfc5280#section-6"

LIBRARY_MISSING = Code(
    "tls.library_missing",
    "error",
    "The Python package cryptography is missing where the task runs, so no certificate can be read.",
    "Install it there: `pip install 'cryptography>=42.0.0'`.",
)
PEM_UNREADABLE = Code(
    "tls.pem_unreadable",
    "error",
    "A text that should be PEM is damaged, cut off, empty or something else.",
    "Give the PEM file as the certificate authority delivered it; nothing was written.",
    DOCUMENT,
)
KEY_UNREADABLE = Code(
    "tls.key_unreadable",
    "error",
    "There is no usable private key.",
    "Give exactly one private key in PEM (PKCS #8, PKCS #1 or SEC 1), RSA or EC.",
    DOCUMENT,
)
KEY_ENCRYPTED = Code(
    "tls.key_encrypted",
    "error",
    "The private key is encrypted, which the router cannot use, and could not be decrypted.",
    "Set ssl_key_passphrase: the key is then decrypted in memory, and stored unencrypted in the Secret.",
    DOCUMENT,
)
KEY_MISMATCH = Code(
    "tls.key_mismatch",
    "error",
    "The private key does not belong to the server's certificate.",
    "Give the key that the certificate was requested with; compare `openssl pkey -in KEY -pubout` with `openssl x509 -in CERT"
    " -noout -pubkey`.",
    _HEALTH,
)
CHAIN_ORDER = Code(
    "tls.chain_order",
    "error",
    "The certificates are not in the order server, intermediates, root.",
    "Put them into the order that the message gives.",
    _TLS,
)
CHAIN_BROKEN = Code(
    "tls.chain_broken",
    "error",
    "A certificate of the file was not issued by the one after it, or does not belong to the chain at all.",
    "Give the server's certificate followed by exactly its issuers, each once.",
    _TLS,
)
CHAIN_INCOMPLETE = Code(
    "tls.chain_incomplete",
    "warning",
    "The file holds the server's certificate alone, although another one issued it.",
    "Append the intermediate certificates: clients that know only the root refuse the connection without them.",
    DOCUMENT,
)
ROOT_MISSING = Code(
    "tls.root_missing",
    "info",
    "The chain ends before its root. Clients need no root from the server, but the document asks for the full chain.",
    link=DOCUMENT,
)
UNFIT = Code(
    "tls.unfit",
    "error",
    "A certificate of the chain may not do what it is used for, so clients refuse the chain.",
    "Have the certificate issued by an authority that may, for TLS servers.",
    _PATHS,
)
NAME_MISMATCH = Code(
    "tls.name_mismatch",
    "error",
    "The certificate does not cover the name that clients connect to.",
    "Correct ssl_cname, or have a certificate issued for that name.",
    _HEALTH,
)
NAME_BY_CN = Code(
    "tls.name_by_cn",
    "warning",
    "Only the certificate's common name covers the name, which current clients ignore.",
    "Have a certificate issued with the name as subject alternative name.",
    _NAMES,
)
NAME_UNCHECKED = Code(
    "tls.name_unchecked",
    "warning",
    "No name was given, so whether the certificate covers it is unknown.",
    "Set azureml_ssl_cname to the sslCname of the extension.",
    _HEALTH,
)
EXPIRED = Code(
    "tls.expired",
    "error",
    "A certificate has expired, or has fewer days left than is tolerated.",
    "Have it renewed.",
    _PATHS,
)
EXPIRES_SOON = Code(
    "tls.expires_soon",
    "warning",
    "A certificate expires soon.",
    "Have it renewed, run tls_secret with the new one, then update the extension.",
    _PATHS,
)
NOT_YET_VALID = Code(
    "tls.not_yet_valid",
    "error",
    "A certificate is not valid yet.",
    "Wait until it is, or check the clock of the machine that runs the task.",
    _PATHS,
)
WEAK_KEY = Code(
    "tls.weak_key",
    "error",
    "A key is too short: OpenSSL and browsers refuse it.",
    "Make a new key of at least RSA 2048 or EC P-256, and have the certificate issued for it.",
)
KEY_KIND = Code(
    "tls.key_kind",
    "warning",
    "The key is neither RSA nor EC; many clients cannot use it with TLS 1.2, the only version that the router speaks.",
    "Make an RSA or EC key, and have the certificate issued for it.",
    DOCUMENT,
)
WEAK_SIGNATURE = Code(
    "tls.weak_signature",
    "error",
    "A certificate is signed with a broken hash: OpenSSL and browsers refuse it.",
    "Have it issued again with SHA-256 or better.",
)
SELF_SIGNED = Code(
    "tls.self_signed",
    "warning",
    "The certificate is self-signed, which is for tests only: every client has to be told to trust it.",
    "Have a certificate issued by an authority that the clients trust.",
    DOCUMENT,
)
NORMALISED = Code(
    "tls.normalised", "info", "The PEM text was cleaned: the Secret holds the same certificates and key without what is named."
)
CLI_NEEDS_ASCII = Code(
    "tls.cli_needs_ascii",
    "info",
    "The text holds characters beyond ASCII. The Secret does not, but az fails on them when it is given the file as sslCertPemFile"
    " or sslKeyPemFile.",
    link="https://github.com/Azure/azure-cli-extensions/tree/main/src/k8s-extension",
)
TLS_12_ONLY = Code(
    "tls.tls12_only", "info", "The router speaks TLS 1.2 only: a client that insists on TLS 1.3 fails.", link=DOCUMENT
)

UNREADABLE = Code(
    "tls.unreadable",
    "error",
    "The credentials may not read a Secret that the task is about, so nothing is known and nothing is done.",
    "Give the credentials the ClusterRole of role tls_secret in the Secret's namespace.",
)
MISSING = Code(
    "tls.missing",
    "error",
    "The Secret does not exist, so the extension cannot be installed with it.",
    "Run tls_secret with state present.",
    DOCUMENT,
    resolvable=True,
)
MALFORMED = Code(
    "tls.malformed",
    "error",
    "The Secret is not of type Opaque with the keys cert.pem and key.pem, which is the only form the extension reads.",
    "Delete it or choose another ssl_secret, then run tls_secret; source_secret copies one of type kubernetes.io/tls.",
    DOCUMENT,
)
OUTDATED = Code(
    "tls.outdated",
    "warning",
    "The Secret holds something else than what was given.",
    "Run tls_secret with state present.",
    resolvable=True,
)
COPY_STALE = Code(
    "tls.copy_stale",
    "warning",
    "The Secret is a copy of another one that has changed since, as after a renewal by cert-manager.",
    "Run tls_secret with state present, then update the extension.",
    resolvable=True,
)
EXTRA_KEYS = Code("tls.extra_keys", "info", "The Secret holds more than cert.pem and key.pem; what others put there is left alone.")
SECRET_FOREIGN = Code(
    "tls.secret_foreign",
    "error",
    "A Secret of this name exists, but this collection did not make it.",
    "Choose another ssl_secret, or set adopt to true to take it over.",
)
CHANGED_BY_OTHERS = Code(
    "tls.changed_by_others",
    "error",
    "Somebody else has changed the certificate or key that this collection wrote.",
    "Find out why; then set adopt to true to write over it, or leave the Secret to the other tool.",
)
CONTROLLED = Code(
    "tls.controlled",
    "error",
    "The Secret is kept by Argo CD, Flux or a controller, which would undo the change.",
    "Change what it is made from, or choose another ssl_secret; source_secret copies what a controller keeps.",
)
IMMUTABLE = Code(
    "tls.immutable",
    "error",
    "The Secret is immutable, so it cannot take another certificate.",
    "Delete it first, or choose another ssl_secret and update the extension to it.",
)
ADOPTED_KEPT = Code(
    "tls.adopted_kept",
    "info",
    "The Secret was adopted, so it is not deleted: it stays as it is and counts as somebody else's again.",
)
REMOVED_IN_USE = Code(
    "tls.removed_in_use",
    "warning",
    "The Secret goes while the extension's router is installed: router pods that start later have no certificate.",
    "Update the extension to another sslSecret first, or accept disturbs_jobs.",
    DOCUMENT,
)
NAMESPACE_TERMINATING = Code(
    "tls.namespace_terminating",
    "error",
    "Namespace azureml is being deleted.",
    "Wait until it is gone, then run tls_secret again.",
)
SOURCE_MISSING = Code(
    "tls.source_missing",
    "error",
    "The Secret to copy does not exist.",
    "Correct source_secret; with cert-manager look at `kubectl describe certificate -n NAMESPACE`.",
)
SOURCE_MALFORMED = Code(
    "tls.source_malformed",
    "error",
    "The Secret to copy has no tls.crt and tls.key with content.",
    "Give a Secret of type kubernetes.io/tls; cert-manager fills it once the certificate is issued.",
)
ROTATION_PENDING = Code(
    "tls.rotation_pending",
    "warning",
    "The router is not known to serve the certificate of the Secret: it reads it only when the extension is updated.",
    "Run `az k8s-extension update` with sslSecret and sslCname.",
    DOCUMENT,
)
ROTATION_UNPROVEN = Code(
    "tls.rotation_unproven",
    "info",
    "The router was started after the Secret changed, but which certificate it serves was not looked at.",
    "Set served_address once, to see that the rotation is finished.",
    DOCUMENT,
)
SERVED_UNKNOWN = Code(
    "tls.served_unknown",
    "warning",
    "The certificate that is served could not be looked at.",
    "Give a served_address that can be reached from where the task runs: `kubectl port-forward -n azureml service/azureml-fe"
    " 8443:443` makes localhost:8443 one.",
)

CODES = (
    LIBRARY_MISSING,
    PEM_UNREADABLE,
    KEY_UNREADABLE,
    KEY_ENCRYPTED,
    KEY_MISMATCH,
    CHAIN_ORDER,
    CHAIN_BROKEN,
    CHAIN_INCOMPLETE,
    ROOT_MISSING,
    UNFIT,
    NAME_MISMATCH,
    NAME_BY_CN,
    NAME_UNCHECKED,
    EXPIRED,
    EXPIRES_SOON,
    NOT_YET_VALID,
    WEAK_KEY,
    KEY_KIND,
    WEAK_SIGNATURE,
    SELF_SIGNED,
    NORMALISED,
    CLI_NEEDS_ASCII,
    TLS_12_ONLY,
    UNREADABLE,
    MISSING,
    MALFORMED,
    OUTDATED,
    COPY_STALE,
    EXTRA_KEYS,
    SECRET_FOREIGN,
    CHANGED_BY_OTHERS,
    CONTROLLED,
    IMMUTABLE,
    ADOPTED_KEPT,
    REMOVED_IN_USE,
    NAMESPACE_TERMINATING,
    SOURCE_MISSING,
    SOURCE_MALFORMED,
    ROTATION_PENDING,
    ROTATION_UNPROVEN,
    SERVED_UNKNOWN,
)
