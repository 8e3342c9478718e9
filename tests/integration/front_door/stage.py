"""Certificates and a tiny HTTPS upstream for the tests of the front door."""

from __future__ import annotations

import datetime as dt
import http.server
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DEADLINE = 30.0


def wait_for(what: str, met: Callable[[], bool]) -> None:
    """Poll until the condition is met, or fail."""
    limit = time.monotonic() + DEADLINE
    pause = threading.Event()
    while not met():
        if time.monotonic() > limit:
            pytest.fail(f"{what}: not within {DEADLINE:.0f} seconds")
        pause.wait(0.01)


class Certificates:
    """One CA and what it signs, as files in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = self._name("front-door-test-ca", ())
        self.ca = directory / "ca.crt"
        authority = x509.BasicConstraints(ca=True, path_length=None)
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = self._builder(self.name, self.key.public_key())
        builder = builder.add_extension(authority, critical=True).add_extension(usage, critical=True)
        self.ca.write_bytes(self._sign(builder))

    def issue(self, name: str, *groups: str) -> tuple[Path, Path]:
        """Return the certificate and key of a client and server of 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(self._name(name, groups), key.public_key())
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        for extension in (usages, address, signer):
            builder = builder.add_extension(extension, critical=False)
        certificate, key_file = self.directory / f"{name}.crt", self.directory / f"{name}.key"
        certificate.write_bytes(self._sign(builder))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, key_file

    @staticmethod
    def _name(common: str, groups: tuple[str, ...]) -> x509.Name:
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common)])

    def _builder(self, subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )

    def _sign(self, builder: x509.CertificateBuilder) -> bytes:
        signed = builder.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)


@dataclass
class Upstream:
    """A stand-in for an API server: it answers what it saw, and keeps the writes."""

    url: str = ""
    writes: list[tuple[str, str, str]] = field(default_factory=list)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: Upstream

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.command != "GET":
            self.upstream.writes.append((self.command, self.path, body))
        if self.path == "/version":
            self.reply({"major": "1", "minor": "36", "gitVersion": "v1.36.3"})
        elif self.path == "/api/v1/namespaces/kube-system":
            self.reply({"metadata": {"name": "kube-system", "uid": "real"}})
        elif "watch=true" in self.path:
            self.watch()
        else:
            groups = self.headers.get_all("X-Remote-Group") or []
            self.reply({"user": self.headers.get("X-Remote-User"), "groups": groups})

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def reply(self, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def watch(self) -> None:
        """Send one event, then nothing until the client leaves."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b'{"type":"ADDED"}\n')
        self.rfile.read(1)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep test output quiet."""


@contextmanager
def serve_upstream(certificate: Path, key: Path) -> Iterator[Upstream]:
    """Serve on a free port until the end of the block."""
    state = Upstream()
    handler = type("Handler", (_Handler,), {"upstream": state})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    state.url = f"https://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
