"""X.509 certificates as the facts that a judgement needs and that may be shown."""

from __future__ import annotations

import hashlib
import ssl
import typing as t
import warnings
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls import _imports as lib

# 112 bits of security, as OpenSSL's security level 2 (the default of current distributions) and NIST SP 800-57 want them.
LEAST_HASH = 224
_SERVER_USAGES = ("digital_signature", "key_encipherment", "key_agreement")
# What a plan understands, so that a critical one needs no refusal (RFC 5280 section 4.2; OpenSSL's X509_supported_extension).
_UNDERSTOOD = (
    "2.5.29.15",  # key usage
    "2.5.29.17",  # subject alternative name
    "2.5.29.19",  # basic constraints
    "2.5.29.30",  # name constraints
    "2.5.29.31",  # CRL distribution points
    "2.5.29.32",  # certificate policies
    "2.5.29.33",  # policy mappings
    "2.5.29.36",  # policy constraints
    "2.5.29.37",  # extended key usage
    "2.5.29.54",  # inhibit any policy
)


@dataclass(frozen=True)
class Key:
    """A public key: `kind` as a person names it, `bits` of its size, and the bytes of its SubjectPublicKeyInfo to compare."""

    kind: t.Literal["RSA", "EC", "Ed25519", "Ed448", "DSA", "other"]
    bits: int
    spki: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.bits}" if self.kind in ("RSA", "EC", "DSA") else self.kind


@dataclass(frozen=True)
class Authority:
    """What a certificate may do as an issuer.

    Args:
        ca: what basic constraints say, None without them.
        path_length: how many issuers may follow, None for any number.
        permitted, excluded: DNS subtrees of its name constraints; `permitted` is None where none is named.
    """

    ca: bool | None = None
    path_length: int | None = None
    permitted: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True)
class Certificate:
    """One certificate.

    Args:
        certificate: the library's object, for signatures.
        version: 1 or 3.
        names: DNS names of the subject alternative name.
        addresses: its IP addresses.
        common_names: CN of the subject.
        key_usage: the usages that are allowed, None where the certificate does not restrict them.
        extended_usage: object identifiers of what the key may be used for, None where it is not restricted.
        unknown_critical: critical extensions that this collection, like OpenSSL, does not understand.
        signature_hash: bits of the hash that was signed, 0 where the signature names none (Ed25519).
    """

    certificate: lib.x509.Certificate = field(repr=False)
    subject: str
    issuer: str
    version: int
    sha256: str
    not_before: datetime
    not_after: datetime
    key: Key
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    common_names: tuple[str, ...]
    authority: Authority
    key_usage: frozenset[str] | None
    extended_usage: frozenset[str] | None
    unknown_critical: tuple[str, ...]
    signature: str
    signature_hash: int

    @property
    def weakly_signed(self) -> bool:
        """The signature is of a broken hash (MD5, SHA-1)."""
        return 0 < self.signature_hash < LEAST_HASH

    @property
    def self_issued(self) -> bool:
        """Subject and issuer are the same name."""
        return self.certificate.subject == self.certificate.issuer

    @property
    def for_servers(self) -> bool:
        """The key may authenticate a TLS server."""
        usable = self.key_usage is None or bool(self.key_usage & set(_SERVER_USAGES))
        return usable and self.allows_server_use

    @property
    def allows_server_use(self) -> bool:
        """No extended key usage forbids TLS servers (in an issuer's certificate it speaks of everything below)."""
        return self.extended_usage is None or lib.ExtendedKeyUsageOID.SERVER_AUTH.dotted_string in self.extended_usage

    def public(self) -> Json:
        """What may be printed and recorded."""
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "names": [*self.names, *self.addresses],
            "sha256": self.sha256,
            "not_before": stamp(self.not_before),
            "not_after": stamp(self.not_after),
            "key": str(self.key),
        }


def stamp(moment: datetime) -> str:
    """A UTC time as `2026-12-01T00:00:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def fingerprint(der: bytes) -> str:
    """SHA-256 as `openssl x509 -fingerprint -sha256` and browsers show it."""
    digest = hashlib.sha256(der).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def read_certificate(der: bytes) -> Certificate:
    """A certificate from its bytes.

    Raises:
        ValueError: they are no certificate, one that is not well-formed DER, or one that OpenSSL, and so a router, does not read.
    """
    try:
        with warnings.catch_warnings():
            # Of what the library will refuse one day: nobody would read it on the standard error of a worker.
            warnings.simplefilter("ignore")
            # The library reads some that OpenSSL refuses, as a common name that is no string.
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
            return _read(lib.x509.load_der_x509_certificate(der), der)
    except Exception as error:  # of many classes, by version of the library and part of the certificate
        why = (str(error).splitlines() or [""])[0][:200]
        raise ValueError(f"it is no well-formed X.509 certificate ({type(error).__name__}: {why}).") from None


def _read(certificate: lib.x509.Certificate, der: bytes) -> Certificate:
    extensions = {extension.oid.dotted_string: extension.value for extension in certificate.extensions}
    critical = [extension.oid.dotted_string for extension in certificate.extensions if extension.critical]
    alternative = extensions.get(lib.ExtensionOID.SUBJECT_ALTERNATIVE_NAME.dotted_string)
    extended = extensions.get(lib.ExtensionOID.EXTENDED_KEY_USAGE.dotted_string)
    return Certificate(
        certificate=certificate,
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        version=3 if certificate.version is lib.x509.Version.v3 else 1,
        sha256=fingerprint(der),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        key=key_of(certificate.public_key()),
        names=tuple(alternative.get_values_for_type(lib.x509.DNSName)) if alternative else (),
        addresses=tuple(str(a) for a in alternative.get_values_for_type(lib.x509.IPAddress)) if alternative else (),
        common_names=tuple(str(a.value) for a in certificate.subject.get_attributes_for_oid(lib.NameOID.COMMON_NAME)),
        authority=_authority(extensions),
        key_usage=_usages(extensions.get(lib.ExtensionOID.KEY_USAGE.dotted_string)),
        extended_usage=None if extended is None else frozenset(usage.dotted_string for usage in extended),
        unknown_critical=tuple(oid for oid in critical if oid not in _UNDERSTOOD),
        signature=certificate.signature_algorithm_oid._name,
        signature_hash=_hash_bits(certificate),
    )


def key_of(public: t.Any) -> Key:
    """A public key of the library, described."""
    kinds: tuple[tuple[t.Any, t.Literal["RSA", "EC", "Ed25519", "Ed448", "DSA"]], ...] = (
        (lib.rsa.RSAPublicKey, "RSA"),
        (lib.ec.EllipticCurvePublicKey, "EC"),
        (lib.ed25519.Ed25519PublicKey, "Ed25519"),
        (lib.ed448.Ed448PublicKey, "Ed448"),
        (lib.dsa.DSAPublicKey, "DSA"),
    )
    spki = public.public_bytes(lib.serialization.Encoding.DER, lib.serialization.PublicFormat.SubjectPublicKeyInfo)
    for kind, name in kinds:
        if isinstance(public, kind):
            return Key(name, getattr(public, "key_size", 256), spki)
    return Key("other", 0, spki)


def _authority(extensions: t.Mapping[str, t.Any]) -> Authority:
    basic = extensions.get(lib.ExtensionOID.BASIC_CONSTRAINTS.dotted_string)
    constraints = extensions.get(lib.ExtensionOID.NAME_CONSTRAINTS.dotted_string)
    permitted = _dns(constraints.permitted_subtrees) if constraints else ()
    return Authority(
        ca=basic.ca if basic else None,
        path_length=basic.path_length if basic else None,
        permitted=permitted or None,
        excluded=_dns(constraints.excluded_subtrees) if constraints else (),
    )


def _dns(subtrees: t.Iterable[t.Any] | None) -> tuple[str, ...]:
    return tuple(tree.value for tree in subtrees or () if isinstance(tree, lib.x509.DNSName))


def _usages(usage: t.Any) -> frozenset[str] | None:
    if usage is None:
        return None
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign")
    return frozenset(name for name in names if getattr(usage, name))


def _hash_bits(certificate: lib.x509.Certificate) -> int:
    try:
        algorithm = certificate.signature_hash_algorithm
    except lib.UnsupportedAlgorithm:
        return 0
    return algorithm.digest_size * 8 if algorithm else 0
