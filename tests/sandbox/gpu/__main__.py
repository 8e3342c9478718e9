"""The emulator's process: ``python -m tests.sandbox.gpu DIRECTORY URL``, started by the supervisor."""

from __future__ import annotations

import sys
import threading
from functools import partial
from pathlib import Path

from tests.sandbox.certs import Pair
from tests.sandbox.client import Client
from tests.sandbox.errors import SandboxError
from tests.sandbox.kubelet import now
from tests.sandbox.mco.held import passing
from tests.sandbox.mco.store import Store

from .offers import offer

_MERGE = "application/merge-patch+json"
_PAUSE_SECONDS = 0.1


class Kubelets:
    """Keeps what nodes offer as it has to be; everything it knows is in the cluster."""

    def __init__(self, client: Client, directory: Path) -> None:
        self._client = client
        self._directory = directory
        self._changed = threading.Event()
        self._epoch: int | None = None
        store = partial(Store, client, changed=self._changed.set)
        self._nodes, self._pods = store("/api/v1/nodes"), store("/api/v1/pods")
        self._sets = store("/apis/apps/v1/daemonsets")

    def run(self) -> None:
        """Run until the process is killed."""
        stores = (self._nodes, self._pods, self._sets)
        for store in stores:
            store.synced.wait()
        while True:
            self._changed.wait()
            self._changed.clear()
            with passing(self._directory) as epoch:
                try:
                    if epoch != self._epoch:
                        for store in stores:
                            store.relist()
                        self._epoch = epoch
                    self._offer()
                except SandboxError as error:
                    # Somebody wrote the node meanwhile, or it went away: the next look knows better.
                    print(f"{now()} again in a moment: {error}", flush=True)
                    threading.Timer(_PAUSE_SECONDS, self._changed.set).start()

    def _offer(self) -> None:
        pods, sets = self._pods.items(), frozenset(item["metadata"]["uid"] for item in self._sets.items())
        for node in self._nodes.items():
            status = offer(node, pods, sets)
            if status is not None:
                name, version = node["metadata"]["name"], node["metadata"]["resourceVersion"]
                body = {"metadata": {"resourceVersion": version}, "status": status}
                self._nodes.put(self._client.request("PATCH", f"/api/v1/nodes/{name}/status", body, content_type=_MERGE))
                print(f"{now()} {name} offers {status['allocatable']} of {status['capacity']}", flush=True)


def main() -> None:
    """Run until killed."""
    directory, url = Path(sys.argv[1]), sys.argv[2]
    pki = directory / "pki"
    pair = Pair(pki / "device-plugins.crt", pki / "device-plugins.key")
    Kubelets(Client(url, pki / "ca.crt", pair), directory).run()


if __name__ == "__main__":
    main()
