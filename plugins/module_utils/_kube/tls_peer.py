"""The certificate that somebody serves: looked at, never judged and never trusted."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer

TLS_SCHEME = "tls://"


def served_certificate(address: str, name: str, seconds: float) -> Answer:
    """Shake hands with `address` and hang up.

    Args:
        address: `host:port`, an IPv6 address in brackets.
        name: the name asked for (SNI), "" for none.
        seconds: how long connecting and each answer may take.

    Returns:
        200 with `certificate` as PEM, or 503 with why there is none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # a weak certificate is to be seen, too
    try:
        where = urlsplit(f"//{address}")
        with (
            socket.create_connection((where.hostname or "", where.port or 443), timeout=seconds) as plain,
            context.wrap_socket(plain, server_hostname=name or None) as peer,
        ):
            der = peer.getpeercert(binary_form=True)
    except (OSError, ValueError) as error:
        return Answer(503, {"message": f"{address} cannot be asked: {getattr(error, 'strerror', None) or error}"})
    return Answer(200, {"certificate": ssl.DER_cert_to_PEM_cert(der)}) if der else Answer(503, {"message": f"{address} has none"})
