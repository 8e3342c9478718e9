"""What was read of a cluster, as plain data, and the words with which a topic asks for it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from .model import Json


@dataclass(frozen=True)
class Read:
    """One request for knowledge: a GET, with `body` a POST that stores nothing (an access review), with `command` an exec.

    With `trial` it is a Job that is made, followed to its end and deleted again: nothing else tells whether pods can do something.

    Args:
        path: API path without query, as `/api/v1/nodes`; or `tls://HOST:PORT`, whose answer is the `certificate` (PEM) that is
            served there, for the name `sni` of the query, without any judgement of it; or `file://PATH`, a local file, whose
            answer is its `text` and `mode` (permission bits).
        query: query parameters as pairs.
        metadata_only: ask for PartialObjectMetadata, which is enough for names, labels and annotations.
        body: JSON text of a review object.
        command: what to run in the container of the pod whose `.../exec` is `path` (the container is named in `query`). The
            answer's body then holds `stdout`, `stderr` and `exit_code`; a pod that cannot be reached is an answer, too.
        trial: `body` is a Job for the folder `path`. The answer's body then holds its `pod` as it was last (empty when there never
            was one), the `events` of both, and `ended`; status 0 says that it was not tried, since this is check mode.
        epoch: what the answer depends on beyond the path (a node's bootID); with another one it is asked anew.
    """

    path: str
    query: tuple[tuple[str, str], ...] = ()
    metadata_only: bool = False
    body: str = ""
    command: tuple[str, ...] = ()
    trial: bool = False
    epoch: str = ""

    @property
    def url(self) -> str:
        """Path and query as sent."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


@dataclass(frozen=True)
class Answer:
    """What came back. 403 is "may not know", 404 is "is not there": the two are never the same."""

    status: int
    body: Json = field(default_factory=dict)

    @property
    def found(self) -> bool:
        """The object or list exists and was read."""
        return 200 <= self.status < 300

    @property
    def forbidden(self) -> bool:
        """Nothing is known: the credentials may not read it."""
        return self.status in (401, 403)

    @property
    def absent(self) -> bool:
        """It is known not to exist (neither the object nor, for a list, its API)."""
        return self.status == 404

    @property
    def items(self) -> list[Json]:
        """Items of a list; empty for anything else."""
        return list(self.body.get("items") or [])

    @property
    def message(self) -> str:
        """The server's own words."""
        return str(self.body.get("message", "")) or f"HTTP status {self.status}"


@dataclass(frozen=True)
class Snapshot:
    """The answers by the reads that asked for them."""

    answers: t.Mapping[Read, Answer] = field(default_factory=dict)

    def __getitem__(self, read: Read) -> Answer:
        """The answer to `read`.

        Raises:
            KeyError: a plan looked at something that its `reads` did not ask for.
        """
        return self.answers[read]

    def get(self, read: Read) -> Answer | None:
        """The answer, or None as long as nobody asked."""
        return self.answers.get(read)

    def __contains__(self, read: Read) -> bool:
        return read in self.answers

    def with_answers(self, answers: t.Mapping[Read, Answer]) -> Snapshot:
        """This snapshot and more."""
        return Snapshot({**self.answers, **answers})


def object_path(group_version: str, plural: str, name: str = "", namespace: str = "") -> str:
    """The API path of a resource: `object_path("v1", "pods", "a", "ns")` is `/api/v1/namespaces/ns/pods/a`."""
    root = f"/api/{group_version}" if "/" not in group_version else f"/apis/{group_version}"
    scope = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{root}{scope}/{plural}" + (f"/{quote(name, safe='')}" if name else "")


KUBE_SYSTEM = Read(object_path("v1", "namespaces", "kube-system"), metadata_only=True)
