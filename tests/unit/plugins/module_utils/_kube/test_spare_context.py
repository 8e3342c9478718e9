"""The SSL context made before the fork: a second endpoint of the same worker must not inherit the trust of the first."""

from __future__ import annotations

import ssl
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import auth

pytestmark = pytest.mark.engine


def context_for(**settings: Any) -> ssl.SSLContext:
    configuration = SimpleNamespace(
        **{"host": "https://one:6443", "ssl_ca_cert": None, "cert_file": None, "key_file": None, "verify_ssl": True, **settings}
    )
    context = auth._ssl_context(configuration, "/nowhere")
    assert context is not None
    return context


def test_the_spare_serves_the_first_endpoint_only(monkeypatch: pytest.MonkeyPatch) -> None:
    spare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    monkeypatch.setattr(auth, "_spare_contexts", [spare])
    assert context_for(verify_ssl=False) is spare
    second = context_for()
    assert second is not spare
    assert second.verify_mode is ssl.CERT_REQUIRED
