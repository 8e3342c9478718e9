"""When a namespace may be seen out by hand: never while the namespace controller may be emptying one of that name.

The controller looks at a name five seconds after any change to a terminating namespace of that name, goes through the
content by that name, and does not notice that another namespace has taken the name meanwhile.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable

from .client import Client, Object

# Five seconds after the change it begins; two more are ample for what a test leaves behind.
_BEGINS_SECONDS = 4.0
_ENDS_SECONDS = 7.0
_known: dict[tuple[str, str], list[float]] = {}


def may_finish(deleted: float, earlier: Iterable[float], now: float) -> bool:
    """Whether the controller is far from a namespace ``deleted`` then, of a name that it last heard of at ``earlier`` times."""
    return now - deleted < _BEGINS_SECONDS and not any(_BEGINS_SECONDS <= now - then <= _ENDS_SECONDS for then in earlier)


def deleted_at(namespace: Object) -> float:
    """Return when a terminating namespace was deleted, in seconds since the epoch, rounded down."""
    stamp = str(namespace["metadata"]["deletionTimestamp"])
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def note(client: Client, name: str, moment: float | None = None) -> None:
    """Remember that the controller hears of namespace ``name`` now, or heard of it at ``moment``."""
    moments = _known.setdefault((client.url, name), [])
    now = time.time()
    moments[:] = [then for then in (*moments, now if moment is None else moment) if now - then <= _ENDS_SECONDS]


def known(client: Client, name: str) -> tuple[float, ...]:
    """Return when the controller heard of namespace ``name``, as far as that still matters."""
    return tuple(_known.get((client.url, name), ()))
