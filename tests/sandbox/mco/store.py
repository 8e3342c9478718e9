"""A cache of one kind of object, kept current by a watch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tests.sandbox.client import Client
from tests.sandbox.errors import SandboxError

from .names import Object

_RETRY_SECONDS = 0.1


def _version(item: Object) -> int:
    return int(item["metadata"]["resourceVersion"])


class Store:
    """The objects listed at ``path``; ``changed`` is called from the watching thread after every change."""

    def __init__(self, client: Client, path: str, changed: Callable[[], None]) -> None:
        self._client = client
        self._path = path
        self._changed = changed
        self._lock = threading.Lock()
        self._items: dict[tuple[str, str], Object] = {}
        # The cluster as it was then, or later, is what is known: news from before, by list, watch or write, is no news.
        self._known_until = 0
        self.synced = threading.Event()
        threading.Thread(target=self._follow, name=path, daemon=True).start()

    def items(self) -> list[Object]:
        """Return the objects as they are now; they must not be changed."""
        with self._lock:
            return list(self._items.values())

    def put(self, item: Object) -> None:
        """Take over ``item``, the server's answer to a write, unless something newer is known."""
        with self._lock:
            if self._is_news(item):
                self._items[_key(item)] = item

    def relist(self) -> int:
        """Ask for everything anew; returns the list's resourceVersion."""
        while True:
            answer = self._client.request("GET", self._path)
            version = int(answer["metadata"]["resourceVersion"])
            with self._lock:
                # While the answer was on its way, the watch may have been faster: then the list is old already.
                if version >= self._known_until:
                    self._items = {_key(item): item for item in answer["items"]}
                    self._known_until = version
                    self.synced.set()
                    return version

    def _follow(self) -> None:
        while True:
            try:
                version = self.relist()
                self._changed()
                self._watch(version)
            except SandboxError:
                # The API is not served yet, or the server went away or forgot that version.
                time.sleep(_RETRY_SECONDS)

    def _watch(self, version: int) -> None:
        for event in self._client.watch(self._path, version):
            if event["type"] == "ERROR":
                raise SandboxError(str(event["object"].get("message")))
            if event["type"] != "BOOKMARK":
                self._take(event["type"], event["object"])
                self._changed()

    def _take(self, kind: str, item: Object) -> None:
        with self._lock:
            if self._is_news(item):
                if kind == "DELETED":
                    self._items.pop(_key(item), None)
                else:
                    self._items[_key(item)] = item
            self._known_until = max(self._known_until, _version(item))

    def _is_news(self, item: Object) -> bool:
        known = self._items.get(_key(item))
        return _version(item) > max(self._known_until, _version(known) if known else 0)


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]
