"""Certificates FOR TESTS ONLY: made on the spot, trusted by nobody, every subject says so.

`python -m tests.pki FOLDER NAME [--key rsa]` writes a server's chain and key for NAME as cert.pem and key.pem.
"""

from __future__ import annotations

import argparse
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TEST_ONLY = "test only"
NOW = datetime.now(timezone.utc).replace(microsecond=0)
Key = CertificateIssuerPrivateKeyTypes


def ec_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """A new EC key, P-256 where nothing else is said."""
    return ec.generate_private_key(curve or ec.SECP256R1())


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A new RSA key."""
    return rsa.generate_private_key(65537, bits)


def key_pem(key: Key, form: str = "pkcs8", passphrase: str = "") -> str:
    """A key as PEM: `pkcs8`, or `traditional` (PKCS #1 and SEC 1); encrypted with a passphrase."""
    forms = {"pkcs8": serialization.PrivateFormat.PKCS8, "traditional": serialization.PrivateFormat.TraditionalOpenSSL}
    secret: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        secret = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, forms[form], secret).decode()


def name_of(common_name: str) -> x509.Name:
    """A subject; "" has no CN."""
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, TEST_ONLY)]
    return x509.Name([*parts, *([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])])


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> str:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The key as PKCS #8."""
        return key_pem(self.key)

    @property
    def sha256(self) -> str:
        """Its fingerprint as the collection shows it."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()


@dataclass(frozen=True)
class Profile:
    """What is unusual about a certificate; the defaults are those of an ordinary one.

    Args:
        begins, ends: days from now.
        ca: basic constraints, None to leave them out.
        identifiers: subject and authority key identifiers.
        usage: key usages that are set, None to leave the extension out.
        extended: extended key usages, None to leave them out.
        unknown_critical: add a critical extension nobody knows.
    """

    begins: float = -1
    ends: float = 365
    ca: bool | None = False
    path_length: int | None = None
    identifiers: bool = True
    usage: Sequence[str] | None = None
    extended: Sequence[x509.ObjectIdentifier] | None = None
    permitted: Sequence[str] = ()
    excluded: Sequence[str] = ()
    unknown_critical: bool = False
    algorithm: hashes.HashAlgorithm | None = None


SERVER = Profile(usage=("digital_signature", "key_encipherment"), extended=(ExtendedKeyUsageOID.SERVER_AUTH,))
AUTHORITY = Profile(ca=True, usage=("key_cert_sign", "crl_sign"), ends=3650)


def make(
    common_name: str, names: Sequence[str] = (), *, issuer: Made | None = None, key: Key | None = None, profile: Profile = SERVER
) -> Made:
    """A certificate, self-signed without an issuer."""
    own = key or ec_key()
    signer = issuer.key if issuer else own
    subject = name_of(common_name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=profile.begins))
        .not_valid_after(NOW + timedelta(days=profile.ends))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    builder = _extensions(builder, own, signer, profile)
    unhashed = isinstance(signer, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
    return Made(builder.sign(signer, None if unhashed else profile.algorithm or hashes.SHA256()), own)  # type: ignore[arg-type]


def _extensions(builder: x509.CertificateBuilder, own: Key, signer: Key, profile: Profile) -> x509.CertificateBuilder:
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    if profile.ca is not None:
        extensions.append((x509.BasicConstraints(profile.ca, profile.path_length), True))
    if profile.identifiers:
        extensions.append((x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False))
        extensions.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False))
    if profile.usage is not None:
        extensions.append((_usage(profile.usage), True))
    if profile.extended is not None:
        extensions.append((x509.ExtendedKeyUsage(list(profile.extended)), False))
    if profile.permitted or profile.excluded:
        trees = [[x509.DNSName(tree) for tree in trees] or None for trees in (profile.permitted, profile.excluded)]
        extensions.append((x509.NameConstraints(*trees), True))
    if profile.unknown_critical:
        extensions.append((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00"), True))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder


def _usage(wanted: Sequence[str]) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
        "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in wanted for name in names})


@dataclass(frozen=True)
class Chain:
    """A server's certificate with its issuers up to the root."""

    server: Made
    intermediate: Made
    root: Made

    @property
    def pem(self) -> str:
        """All three, in the right order."""
        return self.server.pem + self.intermediate.pem + self.root.pem

    @property
    def key_pem(self) -> str:
        """The server's key."""
        return self.server.key_pem

    @property
    def tls_secret_data(self) -> dict[str, str]:
        """As cert-manager stores them: without the root, in a Secret of type kubernetes.io/tls."""
        texts = {"tls.crt": self.server.pem + self.intermediate.pem, "tls.key": self.key_pem}
        return {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}

    def renewed(self, names: Sequence[str], profile: Profile = SERVER) -> Chain:
        """A new certificate and key of the server by the same issuers."""
        return Chain(make(names[0], names, issuer=self.intermediate, profile=profile), self.intermediate, self.root)


def chain(names: Sequence[str], *, key: Key | None = None, profile: Profile = SERVER) -> Chain:
    """A new root, a new intermediate and a server's certificate for `names`."""
    root = make("Root", profile=AUTHORITY)
    intermediate = make("Intermediate", issuer=root, profile=AUTHORITY)
    return Chain(make(names[0], names, issuer=intermediate, key=key, profile=profile), intermediate, root)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.pki", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("name")
    parser.add_argument("--key", choices=("ec", "rsa"), default="ec")
    options = parser.parse_args()
    made = chain([options.name], key=rsa_key() if options.key == "rsa" else ec_key())
    options.folder.mkdir(parents=True, exist_ok=True)
    for file, content in (("cert.pem", made.pem), ("key.pem", made.key_pem)):
        path = options.folder / file
        path.touch(mode=0o600)
        path.write_text(content)


if __name__ == "__main__":
    main()
