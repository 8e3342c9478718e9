"""What the tests of tls_secret do again and again on a sandbox, and a router that serves a certificate."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Result
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.topic import TOPIC

from tests import pki
from tests.integration.faults import work
from tests.sandbox import Sandbox
from tests.sandbox.errors import SandboxError

HOST = "ml.example.org"
NAMESPACE = "/api/v1/namespaces/azureml"
SECRETS = f"{NAMESPACE}/secrets"
SECRET = f"{SECRETS}/azureml-tls"
Json = dict[str, Any]


def run(kubeconfig: Path, chain: pki.Chain | None = None, **options: Any) -> Result:
    """One task in this process; with a chain its certificate and key as texts."""
    texts = {"ssl_cert_pem": chain.pem, "ssl_key_pem": chain.key_pem} if chain else {}
    return work.run(TOPIC, kubeconfig, **{"ssl_secret": "azureml-tls", "ssl_cname": HOST, **texts, **options})


def codes(result: Result) -> set[str]:
    return {finding.code.removeprefix("tls.") for finding in result.findings}


def find(sandbox: Sandbox, path: str = SECRET) -> Json | None:
    """An object, None when it is not there."""
    try:
        found: Json = sandbox.request("GET", path)
    except SandboxError as error:
        assert error.status == 404, error
        return None
    return found


def get(sandbox: Sandbox, path: str = SECRET) -> Json:
    found = find(sandbox, path)
    assert found is not None, path
    return found


def make(sandbox: Sandbox, name: str, namespace: str, data: Mapping[str, str], kind: str = "Opaque", **metadata: Any) -> None:
    """A Secret that somebody else makes, as `kubectl create` does."""
    if find(sandbox, f"/api/v1/namespaces/{namespace}") is None:
        sandbox.request("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    body = {"apiVersion": "v1", "kind": "Secret", "type": kind, "data": dict(data), "metadata": {"name": name, **metadata}}
    sandbox.request("POST", f"/api/v1/namespaces/{namespace}/secrets?fieldManager=kubectl-create", body)


def install_router(sandbox: Sandbox, extension: str = "ml") -> None:
    """The Deployments by which an installed extension is known, with pods that kwok runs."""
    if find(sandbox, NAMESPACE) is None:
        sandbox.request("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "azureml"}})
    for name, labels in (
        ("azureml-fe-v2", {"ml.azure.com/infra-app": "azureml-fe"}),
        (f"{extension}-kube-state-metrics", {"app.kubernetes.io/name": "kube-state-metrics"}),
    ):
        both = {"ml.azure.com/amlarc-system": "true", **labels}
        template = {"metadata": {"labels": both}, "spec": {"containers": [{"name": "main", "image": "example.invalid/main"}]}}
        spec = {"replicas": 1, "selector": {"matchLabels": both}, "template": template}
        metadata = {"name": name, "namespace": "azureml", "labels": both}
        sandbox.apply([{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}])
    work.until("the router's pod is there", lambda: _pods(sandbox))


def _pods(sandbox: Sandbox) -> list[Json]:
    listed: list[Json] = sandbox.request("GET", f"{NAMESPACE}/pods?labelSelector=ml.azure.com/infra-app=azureml-fe")["items"]
    return listed


class Router:
    """A TLS server on this machine that speaks TLS 1.2 only, as the extension's router does; no TLS until it has a certificate.

    `names` are those it was asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str | None] = []
        self.handshakes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._context: ssl.SSLContext | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def serve(self, chain: pki.Chain) -> None:
        """From now on this certificate."""
        for name, text in (("cert.pem", chain.pem), ("key.pem", chain.key_pem)):
            (self.folder / name).write_text(text)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._context = context

    def _serve(self) -> None:
        while True:
            try:
                connection, _peer = self._listener.accept()
            except OSError:
                return
            self.handshakes += 1
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        try:
            if self._context is None:
                connection.sendall(b"no TLS here\n")
            else:
                self._context.wrap_socket(connection, server_side=True).close()
        except OSError:
            return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # Closing alone does not wake the thread that waits for a connection.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
