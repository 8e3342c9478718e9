"""Installs the recorded extension into a running sandbox: `python -m tests.integration.components SANDBOX PURPOSE CONNECTION`."""

from __future__ import annotations

import sys

from tests.integration.components.install import install
from tests.integration.components.listing import installed
from tests.sandbox.lifecycle import attach

if __name__ == "__main__":
    name, purpose, connection = sys.argv[1:]
    install(attach(name), installed(purpose, connection))
