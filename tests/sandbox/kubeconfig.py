"""Writing kubeconfig files that carry everything inline."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from .certs import Pair
from .paths import write_private


def _inline(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def write_kubeconfig(path: Path, *, server: str, ca: Path, client: Pair, user: str, context: str) -> Path:
    """Write a kubeconfig (JSON is YAML) for ``user`` at ``server`` to ``path`` and return the path."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": {"server": server, "certificate-authority-data": _inline(ca)}}],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _inline(client.cert),
                    "client-key-data": _inline(client.key),
                },
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": context, "user": user, "namespace": "default"}}],
    }
    write_private(path, json.dumps(config, indent=1).encode() + b"\n")
    return path
