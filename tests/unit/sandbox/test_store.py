"""The emulator's cache never falls behind what it has been told, in whatever order list, watch and own writes arrive."""

from __future__ import annotations

import queue
from collections.abc import Iterator

import pytest

from tests.sandbox import Object
from tests.sandbox.mco.names import name_of
from tests.sandbox.mco.store import Store

pytestmark = pytest.mark.sandbox

SECONDS = 10.0


def pool(name: str, version: int) -> Object:
    """An object as a list or a watch brings it."""
    return {"metadata": {"name": name, "resourceVersion": str(version)}}


def listed(version: int, *items: Object) -> Object:
    """A list's answer."""
    return {"metadata": {"resourceVersion": str(version)}, "items": list(items)}


class Server:
    """Answers lists in the order given; the last answer again and again. What a test says of changes, the watch brings."""

    def __init__(self, *answers: Object) -> None:
        self.answers = list(answers)
        self.events: queue.Queue[Object] = queue.Queue()
        self.seen: queue.Queue[None] = queue.Queue()
        self.on_the_way: list[Object] = []

    def request(self, _method: str, _path: str) -> Object:
        """One list; events that happen while its answer is on the way are with the store before it."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        while self.on_the_way:
            self.tell("ADDED", self.on_the_way.pop(0))
        return answer

    def watch(self, _path: str, _version: int) -> Iterator[Object]:
        """Events, for ever."""
        while True:
            yield self.events.get()

    def tell(self, kind: str, item: Object) -> None:
        """Let the watch bring an event; returns when the store has taken it."""
        self.events.put({"type": kind, "object": item})
        self.seen.get(timeout=SECONDS)


def following(server: Server) -> Store:
    """A store that has listed once and watches."""
    store = Store(server, "/pools", changed=lambda: server.seen.put(None))  # type: ignore[arg-type]
    server.seen.get(timeout=SECONDS)
    return store


def names(store: Store) -> set[str]:
    """What the store knows."""
    return set(map(name_of, store.items()))


def test_a_list_that_the_watch_has_overtaken_is_asked_again() -> None:
    """A pool made while a list of before was on its way stayed unknown for ever."""
    server = Server(listed(5), listed(6), listed(8, pool("azureml", 7)))
    store = following(server)
    server.on_the_way = [pool("azureml", 7)]
    assert store.relist() == 8
    assert names(store) == {"azureml"}


def test_an_own_write_that_is_deleted_meanwhile_does_not_come_back() -> None:
    """The answer to a write can be read after the watch has said that the object is gone."""
    server = Server(listed(5))
    store = following(server)
    server.tell("ADDED", pool("worker", 6))
    server.tell("DELETED", pool("worker", 7))
    store.put(pool("worker", 6))
    assert names(store) == set()


def test_an_own_write_counts_before_the_watch_brings_it_and_old_news_does_not_undo_it() -> None:
    server = Server(listed(5, pool("worker", 4)))
    store = following(server)
    store.put(pool("worker", 8))
    server.tell("MODIFIED", pool("worker", 7))
    server.tell("DELETED", pool("infra", 9))
    assert store.items() == [pool("worker", 8)]
    server.tell("DELETED", pool("worker", 10))
    assert names(store) == set()
