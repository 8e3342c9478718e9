"""A pooled HTTPS client of one API server: plain JSON in, plain JSON out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import urllib3

from .certs import Pair
from .errors import SandboxError

Object = dict[str, Any]
FIELD_MANAGER = "sandbox"
WORKERS = 8
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_POLL_SECONDS = 0.03
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Resource:
    """One resource type as discovery describes it."""

    group_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]
    has_status: bool

    def path(self, namespace: str | None = None, name: str | None = None, *, subresource: str = "") -> str:
        """Return the URL path of the list, or of one object."""
        parts = ["/apis" if "/" in self.group_version else "/api", self.group_version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        return "/".join([*parts, self.plural, *filter(None, (name, subresource))])


class Client:
    """Talks to the API server at ``url`` as the user of client certificate ``pair``, over at most ``connections``."""

    def __init__(self, url: str, ca: Path, pair: Pair, *, connections: int = WORKERS) -> None:
        self.url = url
        self._pool = urllib3.PoolManager(
            maxsize=connections, block=True, retries=False, timeout=urllib3.Timeout(connect=5.0, read=60.0),
            ca_certs=str(ca), cert_file=str(pair.cert), key_file=str(pair.key),
        )  # fmt: skip
        self._resources: dict[tuple[str, str], Resource] = {}

    def request(
        self,
        method: str,
        path: str,
        body: object | None = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        raw: bool = False,
    ) -> Any:
        """Send one request and return the decoded answer, or its text when ``raw`` or not JSON.

        Raises SandboxError with the HTTP status and the server's message; status None when nobody answered.
        """
        headers = {"Accept": accept, "Content-Type": content_type}
        payload = None if body is None else json.dumps(body).encode()
        try:
            answer = self._pool.request(method, self.url + path, body=payload, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise SandboxError(f"{method} {path}: {error}") from error
        if answer.status >= 300:
            raise SandboxError(f"{method} {path}: {_message(answer.data)}", status=answer.status)
        text = answer.data.decode()
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        return json.loads(text) if is_json and not raw else text

    def watch(self, path: str, version: int) -> Iterator[Object]:
        """Yield the events of list ``path`` after resourceVersion ``version`` until the server ends the watch.

        Raises SandboxError as ``request`` does, also when the connection breaks.
        """
        url = f"{self.url}{path}?watch=true&allowWatchBookmarks=true&resourceVersion={version}"
        timeout = urllib3.Timeout(connect=5.0, read=None)
        try:
            answer = self._pool.request("GET", url, preload_content=False, timeout=timeout)
            try:
                if answer.status >= 300:
                    raise SandboxError(f"watch of {path}: {_message(answer.read())}", status=answer.status)
                yield from map(json.loads, _lines(answer.stream()))
            finally:
                answer.close()
        except urllib3.exceptions.HTTPError as error:
            raise SandboxError(f"watch of {path}: {error}") from error

    def discover(self) -> list[Resource]:
        """Ask for every resource type of every group, and remember them."""
        found = [
            *_parse_discovery(self.request("GET", "/api", accept=_DISCOVERY)),
            *_parse_discovery(self.request("GET", "/apis", accept=_DISCOVERY)),
        ]
        self._resources = {(item.group_version, item.kind): item for item in found}
        return found

    def resource(self, item: Object) -> Resource:
        """Return the resource type of ``item``; raises SandboxError when the server does not serve it."""
        key = (str(item["apiVersion"]), str(item["kind"]))
        if key not in self._resources:
            self.discover()
        if key not in self._resources:
            raise SandboxError(f"the server does not serve {key[1]} of {key[0]}")
        return self._resources[key]

    def path(self, item: Object, *, subresource: str = "") -> str:
        """Return the URL path of object ``item``."""
        metadata = item["metadata"]
        return self.resource(item).path(metadata.get("namespace"), metadata["name"], subresource=subresource)

    def create(self, item: Object) -> None:
        """Create ``item`` with its status; raises SandboxError with status 409 when it exists."""
        resource = self.resource(item)
        path = resource.path(item["metadata"].get("namespace"))
        created: Object = self.request("POST", f"{path}?fieldManager={FIELD_MANAGER}", item)
        if resource.has_status and "status" in item and created.get("status") != item["status"]:
            # Not a merge patch: that would drop the nulls some status must have.
            created["status"] = item["status"]
            self.request("PUT", f"{self.path(item, subresource='status')}?fieldManager={FIELD_MANAGER}", created)

    def server_side_apply(self, item: Object) -> None:
        """Apply ``item`` and its status, taking over fields of other managers."""
        query = f"fieldManager={FIELD_MANAGER}&force=true"
        kind = "application/apply-patch+yaml"
        self.request("PATCH", f"{self.path(item)}?{query}", item, content_type=kind)
        if "status" in item and self.resource(item).has_status:
            self.request("PATCH", f"{self.path(item, subresource='status')}?{query}", item, content_type=kind)

    def exists(self, path: str) -> bool:
        """Whether GET ``path`` finds something."""
        try:
            self.request("GET", path)
        except SandboxError as error:
            if error.status == 404:
                return False
            raise
        return True


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _message(data: bytes) -> str:
    try:
        answer = json.loads(data)
        return str(answer["message"])
    except (ValueError, KeyError, TypeError):
        return data.decode(errors="replace")[:500]


def _parse_discovery(answer: Object) -> list[Resource]:
    found = []
    for group in answer["items"]:
        name = group.get("metadata", {}).get("name", "")
        for version in group["versions"]:
            group_version = f"{name}/{version['version']}" if name else version["version"]
            for item in version.get("resources", []):
                subresources = {sub["subresource"] for sub in item.get("subresources", [])}
                found.append(
                    Resource(
                        group_version, item.get("responseKind", {}).get("kind", ""), item["resource"],
                        item["scope"] == "Namespaced", frozenset(item["verbs"]), "status" in subresources,
                    )
                )  # fmt: skip
    return found


def in_parallel(work: Callable[[_Item], _Answer], items: Iterable[_Item]) -> list[_Answer]:
    """Run ``work`` on every item with a few threads; the first exception is raised."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(work, items))


def until(what: str, done: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Poll ``done`` until it is true; raises SandboxError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise SandboxError(f"{what}: not within {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)


def _is_established(crd: Object) -> bool:
    conditions = crd.get("status", {}).get("conditions") or []
    return any(item["type"] == "Established" and item["status"] == "True" for item in conditions)


def wait_listed(client: Client, crd: Object) -> None:
    """Wait until objects of ``crd`` can be listed: its storage takes a moment longer than the condition says."""
    spec = crd["spec"]
    served = next(item["name"] for item in spec["versions"] if item["served"])
    path = f"/apis/{spec['group']}/{served}/{spec['names']['plural']}?limit=1"

    def listed() -> bool:
        try:
            client.request("GET", path)
        except SandboxError as error:
            if error.status in {404, 429, 503}:
                return False
            raise
        return True

    until(f"{spec['names']['plural']} listed", listed)


def wait_established(client: Client, crds: Sequence[Object]) -> None:
    """Wait until the server serves every one of ``crds``."""
    if not crds:
        return
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    wanted = {crd["metadata"]["name"] for crd in crds}

    def established() -> bool:
        found = client.request("GET", path)["items"]
        return wanted <= {item["metadata"]["name"] for item in found if _is_established(item)}

    until("CustomResourceDefinitions established", established)
    in_parallel(partial(wait_listed, client), crds)
    served = {(crd["spec"]["group"], crd["spec"]["names"]["kind"]) for crd in crds}
    until(
        "custom resources in discovery",
        lambda: served <= {(item.group_version.partition("/")[0], item.kind) for item in client.discover()},
    )


def write_in_order(client: Client, objects: Sequence[Object], write: Callable[[Object], None]) -> None:
    """Write CustomResourceDefinitions, then Namespaces, then the rest; each group concurrently."""
    crds = [item for item in objects if item["kind"] == "CustomResourceDefinition"]
    namespaces = [item for item in objects if item["kind"] == "Namespace"]
    rest = [item for item in objects if item["kind"] not in {"CustomResourceDefinition", "Namespace"}]
    in_parallel(write, crds)
    in_parallel(write, namespaces)
    wait_established(client, crds)
    _wait_default_accounts(client, rest)
    in_parallel(write, rest)


def _wait_default_accounts(client: Client, objects: Sequence[Object]) -> None:
    """Wait for the ServiceAccount that every bare Pod among ``objects`` needs at its creation."""
    for namespace in {item["metadata"].get("namespace", "default") for item in objects if item["kind"] == "Pod"}:
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
        until(f"default account of namespace {namespace}", partial(client.exists, path))
