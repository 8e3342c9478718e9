"""A namespace is seen out by hand only while the namespace controller is far from its name."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

import pytest

from tests.sandbox import Object, departures
from tests.sandbox.client import Client
from tests.sandbox.paths import write_json
from tests.sandbox.pristine import Reset

pytestmark = pytest.mark.sandbox

NOW = 1000.0


@pytest.mark.parametrize(
    ("deleted", "earlier", "answer"),
    [
        (0.0, (), True),
        (3.9, (3.9,), True),
        (4.0, (4.0,), False),
        (60.0, (), False),
        (0.5, (0.5, 3.0), True),
        (0.5, (0.5, 4.1), False),
        (0.5, (0.5, 6.9), False),
        (0.5, (0.5, 7.1), True),
    ],
)
def test_the_controller_is_given_room(deleted: float, earlier: tuple[float, ...], answer: bool) -> None:
    """Neither this namespace's deletion nor an earlier one of its name may be about five seconds old."""
    assert departures.may_finish(NOW - deleted, [NOW - age for age in earlier], NOW) is answer


def test_a_stamp_is_read() -> None:
    """The server's time is UTC."""
    assert departures.deleted_at({"metadata": {"deletionTimestamp": "1970-01-01T00:16:40Z"}}) == NOW


class Server:
    """A cluster with one terminating namespace, which goes when it is finished by hand or looked at twice."""

    def __init__(self, url: str, *, age: float) -> None:
        self.url = url
        self.finished = False
        self._looks = 0
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - age))
        self._namespace: Object = {"metadata": {"name": "jobs", "deletionTimestamp": stamp}, "spec": {}}

    def request(self, method: str, path: str, body: object = None, **_: Any) -> Object:
        """Answer as the server would."""
        if method == "PUT":
            assert path.endswith("/jobs/finalize") and cast(Object, body)["spec"]["finalizers"] == []
            self.finished = True
        return self._namespace

    def exists(self, _path: str) -> bool:
        """Whether the namespace is there still."""
        self._looks += 1
        return not self.finished and self._looks < 3


def finish(server: Server, folder: Path) -> bool:
    """See the namespace out; whether by hand."""
    write_json(folder / "pristine.json", [])
    Reset(cast(Client, server), folder / "pristine.json")._finish("jobs")
    return server.finished


def test_a_fresh_deletion_is_finished_by_hand(tmp_path: Path) -> None:
    """The usual case costs no wait."""
    assert finish(Server("https://fresh", age=0), tmp_path)


def test_an_old_deletion_is_left_to_the_controller(tmp_path: Path) -> None:
    """It may be at work; what it does to the namespace makes it look again later, which is remembered."""
    server = Server("https://old", age=30)
    assert not finish(server, tmp_path)
    assert len(departures.known(cast(Client, server), "jobs")) == 1


def test_an_earlier_one_of_that_name_counts(tmp_path: Path) -> None:
    """Five seconds ago a namespace of this name was deleted, by hand: the controller is looking for it now."""
    server = Server("https://again", age=0)
    departures.note(cast(Client, server), "jobs", time.time() - 5)
    assert not finish(server, tmp_path)


def test_another_cluster_does_not_count(tmp_path: Path) -> None:
    """What happened elsewhere says nothing."""
    departures.note(cast(Client, Server("https://there", age=0)), "jobs", time.time() - 5)
    assert finish(Server("https://here", age=0), tmp_path)
