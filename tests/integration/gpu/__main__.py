"""Counts the GPUs of a running sandbox, as kubelets do once a plugin has registered: `python -m tests.integration.gpu SANDBOX`."""

from __future__ import annotations

import sys

from tests.integration.gpu.work import offer
from tests.sandbox import attach

if __name__ == "__main__":
    sandbox = attach(sys.argv[1])
    for node in sandbox.request("GET", "/api/v1/nodes?labelSelector=accelerator=nvidia")["items"]:
        offer(sandbox, node["metadata"]["name"], 1)
