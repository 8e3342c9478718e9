"""The one place of topic tls that imports `cryptography`, guarded: a missing one must not end a play whose task is skipped."""

from __future__ import annotations

import traceback

PROBLEM = ""

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
except ImportError:
    PROBLEM = traceback.format_exc(limit=0).strip().splitlines()[-1]

__all__ = [
    "PROBLEM",
    "ExtendedKeyUsageOID",
    "ExtensionOID",
    "InvalidSignature",
    "NameOID",
    "UnsupportedAlgorithm",
    "dsa",
    "ec",
    "ed448",
    "ed25519",
    "padding",
    "rsa",
    "serialization",
    "x509",
]
