"""Client of the front door, the fault-injecting TLS proxy in front of the sandbox's API server.

The proxy is the Go program in ``go/frontdoor``; its package comment says what it does not prove.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self
from urllib.parse import parse_qs, quote

import urllib3

WRITE_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# POST to these groups' reviews asks a question and stores nothing.
REVIEW_PATH: Final = re.compile(
    r"^/apis/((authentication|authorization)(\.k8s|\.openshift)\.io|security\.openshift\.io)"
    r"/[^/]+/(namespaces/[^/]+/)?[a-z]*reviews$"
)
DISCOVERY_PATH: Final = re.compile(r"^/(api(/v1)?|apis(/[^/]+(/[^/]+)?)?|openapi(/.*)?|version)/?$")


class FrontDoorError(Exception):
    """The admin API refused a call."""


@dataclass(frozen=True)
class Fault:
    """What happens to a request; made by the functions below."""

    spec: Mapping[str, Any]

    def weighing(self, weight: int) -> Fault:
        """Return the same fault, this many times as likely within a choice."""
        return Fault({**self.spec, "weight": weight})


def status(
    code: int,
    *,
    retry_after: int | None = None,
    body: Mapping[str, Any] | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Fault:
    """Answer with this code and a Kubernetes Status, or the given body; forward nothing."""
    return Fault(
        {
            "status": code,
            "retry_after": retry_after,
            "body": body,
            "headers": dict(headers or {}),
        }
    )


def reset() -> Fault:
    """Reset the connection before forwarding."""
    return Fault({"reset": True})


def answer_lost() -> Fault:
    """Forward, wait for the whole answer, then reset the connection."""
    return Fault({"answer_lost": True})


def latency(ms: float) -> Fault:
    """Delay, then forward."""
    return Fault({"latency_ms": ms})


def slow_watch(ms: float) -> Fault:
    """Delay every chunk of a watch; other requests do not match the rule."""
    return Fault({"slow_watch_ms": ms})


def garbage(text: str, *, code: int = 200, content_type: str = "application/json") -> Fault:
    """Answer with this text; forward nothing."""
    return Fault({"garbage": text, "status": code, "content_type": content_type})


def hang() -> Fault:
    """Never answer."""
    return Fault({"hang": True})


def cut_after(count: int) -> Fault:
    """Forward, and cut the answer's body after so many bytes."""
    return Fault({"cut_after_bytes": count})


def choice(*faults: Fault) -> Fault:
    """Draw one of the faults per request, from the door's seed."""
    return Fault({"choice": [dict(fault.spec) for fault in faults]})


def unharmed() -> Fault:
    """Forward as it is, which exempts a request from the rules after this one."""
    return Fault({})


@dataclass(frozen=True)
class Rule:
    """A fault and the requests it applies to; the first rule that applies wins."""

    fault: Fault
    name: str = ""
    methods: Sequence[str] | None = None
    path: str | None = None
    user_agent: str | None = None
    skip: int = 0
    times: int | None = None
    probability: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the rule as the admin API reads it."""
        return {
            "name": self.name,
            "methods": None if self.methods is None else list(self.methods),
            "path": self.path,
            "user_agent": self.user_agent,
            "skip": self.skip,
            "times": self.times,
            "probability": self.probability,
            "fault": dict(self.fault.spec),
        }


@dataclass(frozen=True)
class LogEntry:
    """One request as the client made it and what became of it."""

    n: int
    time: float
    end: float | None
    open: bool
    method: str
    path: str
    query: str
    user: str
    user_agent: str
    status: int
    upstream_status: int
    fault: str
    content_type: str
    body: str
    connection: int

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LogEntry:
        """Build an entry from the admin API's JSON."""
        return cls(**{field.name: data[field.name] for field in fields(cls)})

    @property
    def parameters(self) -> dict[str, list[str]]:
        """Return the query, parsed."""
        return parse_qs(self.query, keep_blank_values=True)

    @property
    def is_write(self) -> bool:
        """Whether the request asks to change something: no review, no dry run."""
        if self.method not in WRITE_METHODS or "All" in self.parameters.get("dryRun", []):
            return False
        return not (self.method == "POST" and REVIEW_PATH.match(self.path))

    @property
    def is_discovery(self) -> bool:
        """Whether it asks what the server serves: groups, resources, OpenAPI, version."""
        return self.method == "GET" and DISCOVERY_PATH.match(self.path) is not None

    @property
    def is_watch(self) -> bool:
        """Whether the request is a watch."""
        return self.parameters.get("watch", [""])[0] in ("true", "1")


@dataclass(frozen=True)
class OAuthState:
    """Tokens ever issued, tokens that still count, and logins."""

    issued: int
    active: int
    logins: int


class _Unset(Enum):
    """Tells "leave as it is" from None, which restores the default."""

    UNSET = "unset"


UNSET: Final = _Unset.UNSET
MaybeMapping = Mapping[str, Any] | None | Literal[_Unset.UNSET]


class _Admin:
    """JSON over HTTP to the admin API."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=30))

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the decoded answer, None if it has no body."""
        data = None if body is None else json.dumps(body).encode()
        response = self.pool.request(method, self.url + path, body=data)
        if response.status >= 300:
            text = response.data.decode(errors="replace").strip()
            raise FrontDoorError(f"{method} {path}: {response.status} {text}")
        return json.loads(response.data) if response.data else None


class Door:
    """One listener of the front door, closed at the end of a with block."""

    def __init__(self, admin: _Admin, name: str, url: str) -> None:
        self._admin = admin
        self._path = f"/doors/{quote(name, safe='')}"
        self.name = name
        self.url = url

    def __repr__(self) -> str:
        return f"Door({self.name!r}, {self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def log(self) -> list[LogEntry]:
        """Return the requests in order of arrival."""
        entries = self._admin.call("GET", f"{self._path}/log")
        return [LogEntry.from_json(entry) for entry in entries]

    def writes(self) -> list[LogEntry]:
        """Return the requests that ask to change something, answered or not."""
        return [entry for entry in self.log() if entry.is_write]

    def clear_log(self) -> None:
        """Forget the requests so far; numbers go on."""
        self._admin.call("DELETE", f"{self._path}/log")

    def set_rules(self, rules: Iterable[Rule]) -> None:
        """Replace the rules; counters and the random sequence start anew."""
        self._patch({"rules": [rule.to_json() for rule in rules]})

    def set(
        self,
        *,
        rewrite: MaybeMapping = UNSET,
        oauth: MaybeMapping = UNSET,
        latency_ms: float | Literal[_Unset.UNSET] = UNSET,
        seed: int | Literal[_Unset.UNSET] = UNSET,
    ) -> None:
        """Change what is given; None restores the default, a new oauth forgets every token."""
        given = {"rewrite": rewrite, "oauth": oauth, "latency_ms": latency_ms, "seed": seed}
        self._patch({name: value for name, value in given.items() if value is not UNSET})

    def applied(self) -> dict[str, int]:
        """Return how often each rule was applied, by its name."""
        rules = self._admin.call("GET", self._path)["rules"]
        return {rule["name"]: rule["applied"] for rule in rules}

    def oauth_state(self) -> OAuthState:
        """Return what the OAuth emulation has done; zeros without one."""
        return OAuthState(**self._admin.call("GET", f"{self._path}/oauth"))

    def close(self) -> None:
        """Close the listener and every connection; closing twice is fine."""
        try:
            self._admin.call("DELETE", self._path)
        except FrontDoorError as error:
            if ": 404 " not in str(error):
                raise

    def _patch(self, body: Mapping[str, Any]) -> None:
        self._admin.call("PATCH", self._path, body)


class FrontDoor:
    """A running front door."""

    def __init__(self, admin_url: str) -> None:
        self._admin = _Admin(admin_url)

    @classmethod
    def from_state(cls, path: Path) -> FrontDoor:
        """Read the admin URL from the file the program was started with (--state)."""
        return cls(json.loads(path.read_text(encoding="utf-8"))["admin"])

    def open(
        self,
        name: str,
        *,
        rules: Iterable[Rule] = (),
        rewrite: Mapping[str, Any] | None = None,
        oauth: Mapping[str, Any] | None = None,
        latency_ms: float = 0,
        port: int = 0,
        seed: int = 0,
    ) -> Door:
        """Open another door; port 0 takes any."""
        body = {
            "name": name,
            "port": port,
            "rules": [rule.to_json() for rule in rules],
            "rewrite": rewrite,
            "oauth": oauth,
            "latency_ms": latency_ms,
            "seed": seed,
        }
        opened = self._admin.call("POST", "/doors", body)
        return Door(self._admin, opened["name"], opened["url"])

    def door(self, name: str) -> Door:
        """Return an open door."""
        found = self._admin.call("GET", f"/doors/{quote(name, safe='')}")
        return Door(self._admin, found["name"], found["url"])

    def doors(self) -> list[Door]:
        """Return the open doors by name."""
        return [Door(self._admin, d["name"], d["url"]) for d in self._admin.call("GET", "/doors")]
