"""The order of a chain, and whether each certificate of it may issue the one before it (RFC 5280 section 6, as OpenSSL does it)."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._tls import _imports as lib
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.certificates import Certificate, Key
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.names import constrained, within


@dataclass(frozen=True)
class Chain:
    """Certificates of a file and how they belong together.

    Args:
        given: as they are in the file.
        path: the server's certificate and its issuers, one after the other, as far as the file has them.
        others: those that do not belong to that path (a second copy, an unrelated certificate).
    """

    given: tuple[Certificate, ...]
    path: tuple[Certificate, ...]
    others: tuple[Certificate, ...]

    @property
    def server(self) -> Certificate:
        """The server's own certificate."""
        return self.path[0]

    @property
    def in_order(self) -> bool:
        """The file is the path and nothing else."""
        return self.given == self.path

    @property
    def self_signed(self) -> bool:
        """The server's certificate has no issuer but itself."""
        return self.server.self_issued and issued(self.server, self.server)

    @property
    def ends_in_root(self) -> bool:
        """The last certificate is its own issuer."""
        return self.path[-1].self_issued


def arrange(certificates: t.Sequence[Certificate], key: Key | None) -> Chain:
    """Find the server's certificate, by its key where several could be it, and follow its issuers.

    Args:
        certificates: at least one, as in the file.
        key: the public half of the private key.
    """
    left = list(certificates)
    current = left.pop(_server_index(left, key))
    path = [current]
    while not current.self_issued:
        issuer = next((candidate for candidate in left if issued(current, candidate)), None)
        if issuer is None:
            break
        left.remove(issuer)
        path.append(issuer)
        current = issuer
    return Chain(tuple(certificates), tuple(path), tuple(left))


def _server_index(certificates: t.Sequence[Certificate], key: Key | None) -> int:
    """The first certificate that is named as issuer by no other; among several the one of the key."""
    issuers = [certificate.issuer for certificate in certificates if not certificate.self_issued]
    leaves = [index for index, certificate in enumerate(certificates) if certificate.subject not in issuers]
    of_key = [index for index in leaves if key is not None and certificates[index].key.spki == key.spki]
    return (of_key or leaves or [0])[0]


def named_issuer(child: Certificate, parent: Certificate) -> bool:
    """Whether `parent` bears the name, and where it is told the key identifier, that `child` names as its issuer's."""
    if child.certificate.issuer != parent.certificate.subject:
        return False
    wanted = _extension(child, lib.x509.AuthorityKeyIdentifier)
    own = _extension(parent, lib.x509.SubjectKeyIdentifier)
    if wanted is None:
        return True
    if wanted.key_identifier is not None and own is not None and wanted.key_identifier != own.digest:
        return False
    serial = wanted.authority_cert_serial_number
    return serial is None or serial == parent.certificate.serial_number


def issued(child: Certificate, parent: Certificate) -> bool:
    """Whether `parent` signed `child`."""
    if not named_issuer(child, parent):
        return False
    try:
        if child.weakly_signed:
            _verify_weak(child, parent)
        else:
            child.certificate.verify_directly_issued_by(parent.certificate)
    except (ValueError, TypeError, lib.InvalidSignature, lib.UnsupportedAlgorithm):
        return False
    return True


def _verify_weak(child: Certificate, parent: Certificate) -> None:
    """Check a signature of a broken hash, which the library refuses: an old root is a root, and weakness is another finding.

    Raises:
        InvalidSignature, UnsupportedAlgorithm, TypeError: it is not the parent's, or cannot be checked.
    """
    certificate, key = child.certificate, parent.certificate.public_key()
    algorithm = certificate.signature_hash_algorithm
    if isinstance(key, lib.rsa.RSAPublicKey) and algorithm:
        key.verify(certificate.signature, certificate.tbs_certificate_bytes, lib.padding.PKCS1v15(), algorithm)
    elif isinstance(key, lib.ec.EllipticCurvePublicKey) and algorithm:
        key.verify(certificate.signature, certificate.tbs_certificate_bytes, lib.ec.ECDSA(algorithm))
    else:
        raise TypeError("neither RSA nor EC")


def _extension(certificate: Certificate, kind: t.Any) -> t.Any:
    try:
        return certificate.certificate.extensions.get_extension_for_class(kind).value
    except lib.x509.ExtensionNotFound:
        return None


def unfit(path: t.Sequence[Certificate]) -> list[tuple[Certificate, str]]:
    """Why certificates of a path, although linked by signatures, are refused by TLS clients: each with one reason."""
    found = [(certificate, why) for certificate in path for why in _own_faults(certificate)]
    below = 0
    for index, issuer in enumerate(path[1:], 1):
        faults = _issuer_faults(issuer, below if index > 1 else None, last=index == len(path) - 1)
        faults += _outside(issuer, path[:index])
        found += [(issuer, why) for why in faults]
        below += not issuer.self_issued
    return found


def _own_faults(certificate: Certificate) -> list[str]:
    return [f"has a critical extension that clients do not understand ({oid})" for oid in certificate.unknown_critical]


def _issuer_faults(issuer: Certificate, below: int | None, *, last: bool) -> list[str]:
    """What keeps a certificate from issuing; `below` counts the issuers between it and the server, where that is limited."""
    authority = issuer.authority
    faults = []
    if not (_is_authority(issuer) or (last and _is_old_authority(issuer))):
        faults.append("is not allowed to issue certificates (basic constraints or key usage)")
    if below is not None and authority.path_length is not None and below > authority.path_length:
        faults.append(f"allows {authority.path_length} issuers below it, and there are {below}")
    if not issuer.allows_server_use:
        faults.append("may issue for other purposes than TLS servers only (extended key usage)")
    return faults


def _is_authority(issuer: Certificate) -> bool:
    return issuer.authority.ca is True and (issuer.key_usage is None or "key_cert_sign" in issuer.key_usage)


def _is_old_authority(issuer: Certificate) -> bool:
    """Whether a certificate without basic constraints is taken for an authority where it is trusted by itself, at the end."""
    if issuer.authority.ca is not None:
        return False
    old_root = issuer.version == 1 and issuer.self_issued
    return old_root if issuer.key_usage is None else "key_cert_sign" in issuer.key_usage


def _outside(issuer: Certificate, below: t.Sequence[Certificate]) -> list[str]:
    """Names below an issuer that its name constraints do not allow. Self-issued certificates in between are exempt."""
    allowed, denied = issuer.authority.permitted, issuer.authority.excluded
    judged = [below[0], *(certificate for certificate in below[1:] if not certificate.self_issued)]
    names = [name for certificate in judged for name in constrained(certificate)]
    bad = [
        name
        for name in names
        if (allowed is not None and not any(within(name, tree) for tree in allowed)) or any(within(name, tree) for tree in denied)
    ]
    return [f"may not issue for {name} (name constraints)" for name in dict.fromkeys(bad)]
