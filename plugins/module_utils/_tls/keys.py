"""Private keys: read, decrypted in memory only, and described by their public half."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls import _imports as lib
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.certificates import Key, key_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.pem import Block, Pem

_KEY_LABELS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY")


class KeyProblem(Exception):
    """The key cannot be used; `code`, message and remedy say why, without a word of the key."""

    def __init__(self, code: Code, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.remedy = remedy


@dataclass(frozen=True)
class PrivateKey:
    """A key that can be used: its unencrypted PEM text, its public half, and whether it came encrypted."""

    public: Key
    pem: str = field(repr=False)
    was_encrypted: bool = False


def read_key(pem: Pem, passphrase: str) -> PrivateKey:
    """The one private key of a text.

    Raises:
        KeyProblem: there is none, more than one, it is encrypted, or damaged.
    """
    blocks = [block for block in pem.blocks if block.label in _KEY_LABELS]
    if len(blocks) != 1:
        raise _not_one(pem, len(blocks))
    block = blocks[0]
    encrypted = block.label == "ENCRYPTED PRIVATE KEY" or any("ENCRYPTED" in header for header in block.headers)
    if encrypted and not passphrase:
        raise KeyProblem(codes.KEY_ENCRYPTED, "it is encrypted and no passphrase was given; the router cannot use such a key.")
    private = _load(block, passphrase if encrypted else "")
    return PrivateKey(key_of(private.public_key()), _plain(private) if encrypted else block.text(), encrypted)


def _load(block: Block, passphrase: str) -> t.Any:
    damaged = KeyProblem(codes.KEY_UNREADABLE, f"it is no well-formed {block.label.lower()}, or its parts contradict each other.")
    secret = passphrase.encode() if passphrase else None
    try:
        # The library's own validation of RSA keys tests primes, which takes up to a third of a second; see _consistent.
        private = lib.serialization.load_pem_private_key(block.text().encode("ascii"), secret, unsafe_skip_rsa_key_validation=True)
    except lib.UnsupportedAlgorithm:
        raise KeyProblem(codes.KEY_UNREADABLE, "it uses an algorithm or curve that is not supported.") from None
    except Exception:  # of several classes, by version of the library; what they say might quote the key
        if passphrase:
            message = "it cannot be decrypted with the passphrase given, or it is damaged."
            raise KeyProblem(codes.KEY_ENCRYPTED, message, "Correct ssl_key_passphrase.") from None
        raise damaged from None
    if not _consistent(private):
        raise damaged
    return private


def _consistent(private: t.Any) -> bool:
    """Whether the parts of a key belong together, so that damage to any of them shows."""
    if isinstance(private, lib.rsa.RSAPrivateKey):
        return _consistent_rsa(private.private_numbers())
    if isinstance(private, lib.ec.EllipticCurvePrivateKey):
        return _consistent_ec(private)
    return True


def _consistent_rsa(numbers: t.Any) -> bool:
    """The equations of RFC 8017 section 3.2."""
    n, e = numbers.public_numbers.n, numbers.public_numbers.e
    p, q, d = numbers.p, numbers.q, numbers.d
    return (
        p > 1
        and q > 1
        and p * q == n
        and all(d * e % (prime - 1) == 1 % (prime - 1) for prime in (p, q))
        and (numbers.dmp1, numbers.dmq1) == (d % (p - 1), d % (q - 1))
        and numbers.iqmp * q % p == 1
    )


def _consistent_ec(private: t.Any) -> bool:
    """The point is the one of the number; older libraries load a key whose halves contradict each other."""
    numbers = private.private_numbers()
    try:
        derived = lib.ec.derive_private_key(numbers.private_value, private.curve)
    except ValueError:
        return False
    return bool(derived.public_key().public_numbers() == numbers.public_numbers)


def _plain(private: t.Any) -> str:
    """The decrypted key as unencrypted PKCS #8, always the same text for the same key."""
    form = lib.serialization
    data: bytes = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return data.decode("ascii")


def _not_one(pem: Pem, count: int) -> KeyProblem:
    if count:
        return KeyProblem(codes.KEY_UNREADABLE, f"it holds {count} private keys; which one is meant cannot be told.")
    labels = {block.label for block in pem.blocks}
    if "OPENSSH PRIVATE KEY" in labels:
        remedy = "Convert a copy of it: `ssh-keygen -p -m pem -f FILE`."
        return KeyProblem(codes.KEY_UNREADABLE, "it is a key in OpenSSH's own format.", remedy)
    found = ", ".join(sorted(labels))
    return KeyProblem(codes.KEY_UNREADABLE, f"it holds no private key, but {found}.")
