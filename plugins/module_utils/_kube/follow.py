"""Following lists by watch: one thread per list, and one place where the caller waits for any of them to change."""

from __future__ import annotations

import queue
import threading
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import KubeError
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.session import Session, backoff

# What changes within this time is looked at together, so that a busy cluster costs one look a second.
GATHER_SECONDS = 1.0
_Key = t.Tuple[str, str]


class Expired(Exception):
    """The server no longer knows the version from which we want to go on."""


class _List:
    """One followed list: its objects in the server's order and the version up to which they are known."""

    def __init__(self, body: Json) -> None:
        self.kind: Json = {key: body[key] for key in ("kind", "apiVersion") if key in body}
        self.objects: dict[_Key, Json] = {_key(item): item for item in objects(body.get("items"))}
        self.version = text(mapping(body, "metadata").get("resourceVersion"))

    def take(self, event: Json) -> bool:
        """Apply a watch event; says whether anything but the version changed.

        Raises:
            Expired: the server wants us to read the list again.
        """
        item = mapping(event, "object")
        if event.get("type") == "ERROR":
            raise Expired(text(item.get("message")))
        self.version = text(mapping(item, "metadata").get("resourceVersion")) or self.version
        if event.get("type") == "DELETED":
            return self.objects.pop(_key(item), None) is not None
        if event.get("type") not in ("ADDED", "MODIFIED"):
            return False
        before = self.objects.get(_key(item))
        self.objects[_key(item)] = item
        return before != item

    def answer(self) -> Answer:
        """The list as a read would give it."""
        items = [self.objects[key] for key in sorted(self.objects)]
        return Answer(200, {**self.kind, "metadata": {"resourceVersion": self.version}, "items": items})


def _key(item: Json) -> _Key:
    metadata = mapping(item, "metadata")
    return text(metadata.get("namespace")), text(metadata.get("name"))


class Follower:
    """Keeps lists current until closed.

    Args:
        session: whose connections and credentials are used.
        reads: the lists.
        known: holds their answers, from which the watches go on.
    """

    def __init__(self, session: Session, reads: t.Sequence[Read], known: Snapshot) -> None:
        self._session = session
        self._lists = {read: _List(known[read].body) for read in reads}
        self._lock = threading.Lock()
        self._news: queue.Queue[str] = queue.Queue()
        self._ended = threading.Event()
        for read in reads:
            threading.Thread(target=self._keep, args=(read,), name=f"watch {read.path}", daemon=True).start()

    def close(self) -> None:
        """End the watches; a thread that still reads ends with the process at the latest."""
        self._ended.set()

    def wait(self, seconds: float) -> tuple[bool, str]:
        """Wait for a change.

        Returns:
            Whether anything changed within `seconds`, and the trouble that a watch has, "" when all go well.
        """
        try:
            trouble = self._news.get(timeout=seconds)
        except queue.Empty:
            return False, ""
        changed = not trouble
        self._ended.wait(min(GATHER_SECONDS, seconds))
        while not self._news.empty():
            more = self._news.get()
            changed, trouble = changed or not more, more or trouble
        return changed, trouble

    def answers(self) -> dict[Read, Answer]:
        """The lists as they are now."""
        with self._lock:
            return {read: kept.answer() for read, kept in self._lists.items()}

    def _keep(self, read: Read) -> None:
        failures = 0
        while not self._ended.is_set():
            alive, trouble = self._watch(read)
            failures = 0 if alive else failures
            if trouble:
                self._news.put(trouble)
                self._ended.wait(backoff(failures, None, self._session.clock.jitter()))
                failures = min(failures + 1, 10)

    def _watch(self, read: Read) -> tuple[bool, str]:
        """One watch until it ends; whether anything came, and why it broke, "" when it did not."""
        alive = False
        try:
            for event in self._session.watch(read, self._lists[read].version, self._ended):
                alive = True
                with self._lock:
                    changed = self._lists[read].take(event)
                if changed:
                    self._news.put("")
        except Expired:
            return alive, self._read_again(read)
        except KubeError as error:
            return alive, str(error)
        except Exception as error:  # a thread's exception reaches nobody else
            return alive, f"{type(error).__name__}: {error}"
        return alive, ""

    def _read_again(self, read: Read) -> str:
        try:
            answer = self._session.read([read])[read]
        except KubeError as error:
            return str(error)
        if not answer.found:
            return answer.message
        with self._lock:
            self._lists[read] = _List(answer.body)
        self._news.put("")
        return ""
