"""The emulator's process: ``python -m tests.sandbox.mco DIRECTORY URL``, started by the supervisor."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.sandbox.certs import Pair
from tests.sandbox.client import Client

from .controller import Controller

_CONNECTIONS = 16


def main() -> None:
    """Run until killed."""
    directory, url = Path(sys.argv[1]), sys.argv[2]
    pki = directory / "pki"
    pair = Pair(pki / "machine-config-operator.crt", pki / "machine-config-operator.key")
    Controller(Client(url, pki / "ca.crt", pair, connections=_CONNECTIONS), directory).run()


if __name__ == "__main__":
    main()
