"""A certificate text and a key text, read: what would be stored, and what is wrong with the texts themselves."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.certificates import Certificate, read_certificate
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.keys import KeyProblem, PrivateKey, read_key
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.pem import Block, Pem, PemError, read_pem

# "X509 CERTIFICATE" is what old tools wrote, and OpenSSL still reads.
_CERTIFICATE_LABELS = ("CERTIFICATE", "X509 CERTIFICATE")
_HINTS = (
    ("CERTIFICATE REQUEST", "It is a request: give the certificate that the authority issued for it."),
    ("PRIVATE KEY", "It is a private key: certificate and key seem to have changed places."),
    ("PUBLIC KEY", "It is a public key, not a certificate."),
    ("TRUSTED CERTIFICATE", "Convert it: `openssl x509 -in FILE` writes an ordinary certificate."),
    ("PKCS7", "Convert it: `openssl pkcs7 -in FILE -print_certs`."),
)


@dataclass(frozen=True)
class Pair:
    """The texts as they were given, and from where, as a person would say it."""

    cert: str
    key: str = field(repr=False)
    passphrase: str = field(repr=False, default="")
    cert_from: str = "certificate"
    key_from: str = "key"


@dataclass(frozen=True)
class Material:
    """What the texts hold.

    Args:
        certificates: in the order of the text; empty when it cannot be read.
        key: None when it cannot be read.
        cert_pem: the certificates as they are stored, without anything else.
        findings: what is wrong with, or was changed in, the texts.
    """

    certificates: tuple[Certificate, ...] = ()
    key: PrivateKey | None = None
    cert_pem: str = ""
    cert_from: str = "certificate"
    key_from: str = "key"
    findings: tuple[Finding, ...] = ()

    @property
    def key_pem(self) -> str:
        """The unencrypted key as it is stored."""
        return self.key.pem if self.key else ""

    @property
    def complete(self) -> bool:
        """Both could be read."""
        return bool(self.certificates) and self.key is not None


def read_material(pair: Pair) -> Material:
    """Read both texts; problems become findings."""
    certificates, cert_pem, cert_findings = _read_certificates(pair)
    key, key_findings = _read_private_key(pair)
    return Material(certificates, key, cert_pem, pair.cert_from, pair.key_from, (*cert_findings, *key_findings))


def certificates_of(text: str) -> tuple[Certificate, ...]:
    """The certificates of a text that others wrote; empty where it cannot be read."""
    return _read_certificates(Pair(text, ""))[0]


def _read_certificates(pair: Pair) -> tuple[tuple[Certificate, ...], str, list[Finding]]:
    try:
        pem = read_pem(pair.cert)
    except PemError as error:
        return (), "", [_unreadable(error, pair.cert_from)]
    blocks = [block for block in pem.blocks if block.label in _CERTIFICATE_LABELS]
    strange = [block.label for block in pem.blocks if block.label.endswith("CERTIFICATE") and block not in blocks]
    if not blocks or strange:
        return (), "", [_no_certificate(pem, pair.cert_from)]
    certificates = []
    for number, block in enumerate(blocks, 1):
        try:
            certificates.append(read_certificate(block.der))
        except ValueError as error:
            return (), "", [codes.PEM_UNREADABLE.finding(f"certificate {number}: {error}", pair.cert_from)]
    others = tuple(f"a block {block.label}" for block in pem.blocks if block not in blocks)
    text = "".join(Block("CERTIFICATE", (), block.der).text() for block in blocks)
    return tuple(certificates), text, _notes((*pem.cleaned, *others), pair.cert, pair.cert_from)


def _read_private_key(pair: Pair) -> tuple[PrivateKey | None, list[Finding]]:
    try:
        pem = read_pem(pair.key)
        key = read_key(pem, pair.passphrase)
    except PemError as error:
        return None, [_unreadable(error, pair.key_from)]
    except KeyProblem as error:
        return None, [error.code.finding(str(error), pair.key_from, remedy=error.remedy)]
    return key, _notes(pem.cleaned, pair.key, pair.key_from)


def _unreadable(error: PemError, where: str) -> Finding:
    return codes.PEM_UNREADABLE.finding(str(error), where, remedy=error.remedy or None)


def _no_certificate(pem: Pem, where: str) -> Finding:
    """A text without certificates, with what it is instead."""
    labels = [block.label for block in pem.blocks]
    hints = [hint for label in labels for mark, hint in _HINTS if mark in label]
    message = f"it holds no certificate, but {', '.join(dict.fromkeys(labels))}."
    return codes.PEM_UNREADABLE.finding(message, where, remedy=hints[0] if hints else None)


def _notes(cleaned: tuple[str, ...], text: str, where: str) -> list[Finding]:
    found = []
    if cleaned:
        found.append(codes.NORMALISED.finding(f"left out: {', '.join(dict.fromkeys(cleaned))}.", where))
    if not text.isascii():
        found.append(codes.CLI_NEEDS_ASCII.finding("it holds characters beyond ASCII.", where))
    return found
