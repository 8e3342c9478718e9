"""Remembering how a profile looked when it came up, and bringing it back."""

from __future__ import annotations

import copy
import time
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import departures
from .client import FIELD_MANAGER, Client, Object, Resource, in_parallel, until, wait_established
from .errors import SandboxError
from .paths import read_json, write_json

# Written all the time by controllers, or only a view of something else.
_IGNORED = {
    "events", "leases", "endpointslices", "endpoints", "componentstatuses", "apiservices", "csistoragecapacities",
    "servicecidrs", "ipaddresses", "flowschemas", "prioritylevelconfigurations", "volumeattachments", "execs",
}  # fmt: skip
# Left behind by other objects; removed with them, never put back.
_DERIVED = {"pods", "replicasets", "controllerrevisions"}
# Objects of a controller that does not remove them again.
_RENDERED = "machineconfigs"
_SERVER_FIELDS = ("uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "managedFields")
# Their status is a controller's work, not the profile's.
_STATUS_OF_CONTROLLERS = {
    "apps/v1", "batch/v1", "apiextensions.k8s.io/v1", "policy/v1", "admissionregistration.k8s.io/v1",
}  # fmt: skip
_MERGE = "application/merge-patch+json"
_ROUNDS = 3
_GONE_SECONDS = 60.0

Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Listed:
    """One live object with its resource type."""

    resource: Resource
    content: Object

    @property
    def key(self) -> Key:
        """Group and version, plural, namespace, name."""
        metadata = self.content["metadata"]
        return self.resource.group_version, self.resource.plural, metadata.get("namespace", ""), metadata["name"]

    @property
    def path(self) -> str:
        """The object's URL path."""
        return self.resource.path(self.key[2], urllib.parse.quote(self.key[3]))


def _tracked(resources: Iterable[Resource]) -> list[Resource]:
    """Keep one version of every type that can be listed, created and deleted."""
    found: dict[tuple[str, str], Resource] = {}
    for item in resources:
        if {"list", "create", "delete"} <= item.verbs and item.plural not in _IGNORED:
            found.setdefault((item.group_version.rpartition("/")[0], item.plural), item)
    return list(found.values())


def list_everything(client: Client) -> dict[Key, Listed]:
    """List every tracked object of the cluster, concurrently."""

    def one(resource: Resource) -> list[Listed]:
        try:
            answer = client.request("GET", resource.path())
        except SandboxError as error:
            # A custom resource whose definition is just being deleted.
            if error.status in {404, 405}:
                return []
            raise
        kind = {"apiVersion": resource.group_version, "kind": resource.kind}
        return [Listed(resource, {**kind, **item}) for item in answer["items"]]

    lists = in_parallel(one, _tracked(client.discover()))
    return {item.key: item for items in lists for item in items}


def remember(client: Client, path: Path) -> None:
    """Write the pristine state of the cluster to ``path``."""
    objects = [item.content for item in list_everything(client).values() if item.key[1] not in _DERIVED]
    write_json(path, objects)


def _key_of(content: Object, resource: Resource) -> Key:
    return Listed(resource, content).key


def _controlled(item: Listed) -> bool:
    """Whether a controller sees to it that ``item`` goes when it has to."""
    owners = item.content["metadata"].get("ownerReferences", [])
    return item.key[1] != _RENDERED and any(owner.get("controller") for owner in owners)


def _meaning(content: Object) -> Object:
    """Return what makes ``content`` equal to another: all but what servers and controllers write."""
    kept = copy.deepcopy(content)
    metadata = kept["metadata"]
    managers = [
        (item.get("manager"), item.get("operation"), item.get("fieldsV1"))
        for item in metadata.get("managedFields", [])
        if item.get("subresource") != "status"
    ]
    for name in _SERVER_FIELDS:
        metadata.pop(name, None)
    metadata["managers"] = sorted(managers, key=repr)
    if content["apiVersion"] in _STATUS_OF_CONTROLLERS:
        kept.pop("status", None)
    # Counts with the generation, which putting something back raises.
    kept.get("status", {}).pop("observedGeneration", None)
    for condition in kept.get("status", {}).get("conditions") or [] if kept["kind"] == "Node" else []:
        condition.pop("lastHeartbeatTime", None)
    return kept


class Reset:
    """One run of bringing ``client``'s cluster back to what ``path`` remembers."""

    def __init__(self, client: Client, path: Path) -> None:
        self.client = client
        self.path = path
        self.pristine: list[Object] = read_json(path)

    def run(self) -> None:
        """Delete what is new, restore what changed or went away. Raises SandboxError when it cannot."""
        before = self._index()
        live = list_everything(self.client)
        doomed = self._delete_namespaces(live, before)
        if doomed:
            live = list_everything(self.client)
        for _round in range(_ROUNDS):
            changed = self._delete_new(live, before, doomed) | self._restore(live, before)
            if not changed:
                break
            live = list_everything(self.client)
        for name in doomed:
            self._finish(name)
        self._wait_workloads()
        remember(self.client, self.path)

    def _index(self) -> dict[Key, Object]:
        missing = [item for item in self.pristine if item["kind"] == "CustomResourceDefinition"]
        live = {item["metadata"]["name"] for item in self._crds()}
        lost = [item for item in missing if item["metadata"]["name"] not in live]
        # Without its definition a custom resource could not even be listed.
        in_parallel(lambda item: self.client.create(_fresh(item)), lost)
        wait_established(self.client, lost)
        return {_key_of(item, self.client.resource(item)): item for item in self.pristine}

    def _crds(self) -> list[Object]:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        found: list[Object] = self.client.request("GET", path)["items"]
        return found

    def _delete_namespaces(self, live: dict[Key, Listed], before: dict[Key, Object]) -> set[str]:
        new = [item for key, item in live.items() if key[1] == "namespaces" and key not in before]
        for item in new:
            gone = item.content["metadata"].get("deletionTimestamp")
            departures.note(self.client, item.key[3], departures.deleted_at(item.content) if gone else None)
        in_parallel(self._delete, new)
        return {item.key[3] for item in new}

    def _delete_new(self, live: dict[Key, Listed], before: dict[Key, Object], doomed: set[str]) -> bool:
        """Delete objects tests made; in a doomed namespace everything. Return whether there was any."""
        new = [
            item
            for key, item in live.items()
            if key not in before
            and key[1] != "namespaces"
            and (key[2] in doomed or _is_lost(item, live) or (not _controlled(item) and not _left_alone(key)))
        ]
        in_parallel(self._delete, [item for item in new if item.key[1] not in _DERIVED])
        in_parallel(self._delete, [item for item in new if item.key[1] in _DERIVED])
        return bool(new)

    def _delete(self, item: Listed) -> None:
        """Delete one object at once, without regard to grace or finalizers."""
        options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
        try:
            # Objects of one's own have no finalizer worth waiting for but the volume ones, which a pod may hold.
            if item.content["metadata"].get("finalizers") and item.key[1] != "customresourcedefinitions":
                self.client.request("PATCH", item.path, {"metadata": {"finalizers": None}}, content_type=_MERGE)
            self.client.request("DELETE", item.path, options)
        except SandboxError as error:
            if error.status not in {404, 409}:
                raise

    def _restore(self, live: dict[Key, Listed], before: dict[Key, Object]) -> bool:
        """Re-create what is gone and put back what differs. Return whether there was any."""
        missing = [item for key, item in before.items() if key not in live]
        pairs = [(live[key], item) for key, item in before.items() if key in live]
        changed = [(now, then) for now, then in pairs if _differs(now.content, then)]
        missing.sort(key=lambda item: item["kind"] != "Namespace")
        for item in missing:
            self._create(item)
        in_parallel(lambda pair: self._put_back(*pair), changed)
        return bool(missing or changed)

    def _create(self, item: Object) -> None:
        try:
            self.client.create(_fresh(item))
        except SandboxError as error:
            # A controller was faster, or the old one is still going away: the next round sees.
            if error.status not in {403, 409}:
                raise

    def _put_back(self, now: Listed, then: Object) -> None:
        content = copy.deepcopy(then)
        content["metadata"]["resourceVersion"] = now.content["metadata"]["resourceVersion"]
        content["metadata"]["uid"] = now.content["metadata"]["uid"]
        try:
            self.client.request("PUT", f"{now.path}?fieldManager={FIELD_MANAGER}", content)
            if now.resource.has_status and "status" in then and then["apiVersion"] not in _STATUS_OF_CONTROLLERS:
                self._put_status(now, then)
        except SandboxError as error:
            if error.status not in {404, 409}:
                raise

    def _put_status(self, now: Listed, then: Object) -> None:
        content: Object = self.client.request("GET", now.path)
        content["status"] = dict(then["status"])
        if "observedGeneration" in then["status"]:
            content["status"]["observedGeneration"] = content["metadata"]["generation"]
        self.client.request("PUT", f"{now.path}/status?fieldManager={FIELD_MANAGER}", content)

    def _finish(self, name: str) -> None:
        """See namespace ``name`` out; the controller's delay is waited for only when it may have begun already."""
        path = f"/api/v1/namespaces/{name}"
        try:
            self.client.request("DELETE", f"{path}/events")
            namespace: Object = self.client.request("GET", path)
            moments = departures.known(self.client, name)
            by_hand = departures.may_finish(departures.deleted_at(namespace), moments, time.time())
            if by_hand:
                namespace["spec"]["finalizers"] = []
                self.client.request("PUT", f"{path}/finalize", namespace)
        except SandboxError as error:
            if error.status not in {404, 409}:
                raise
            by_hand = False
        until(f"namespace {name} gone", lambda: not self.client.exists(path), seconds=_GONE_SECONDS)
        if not by_hand:
            # The controller hears of its own work, too.
            departures.note(self.client, name)

    def _wait_workloads(self) -> None:
        wait_workloads(self.client)


def _is_lost(item: Listed, live: dict[Key, Listed]) -> bool:
    """Whether ``item`` is a pod of a node that is gone; the garbage collector would take a minute."""
    node = item.content.get("spec", {}).get("nodeName") if item.key[1] == "pods" else None
    return node is not None and ("v1", "nodes", "", node) not in live


def _left_alone(key: Key) -> bool:
    """Whether a controller puts the object into every namespace."""
    return (key[1], key[3]) in {("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default")}


def _fresh(item: Object) -> Object:
    """Return ``item`` as it can be created."""
    content = copy.deepcopy(item)
    for name in _SERVER_FIELDS:
        content["metadata"].pop(name, None)
    if content["apiVersion"] in _STATUS_OF_CONTROLLERS:
        content.pop("status", None)
    if item["kind"] == "MachineConfig":
        # An owner that was made anew has another uid, and the garbage collector would miss the old one.
        content["metadata"].pop("ownerReferences", None)
    return content


def _differs(now: Object, then: Object) -> bool:
    if now["metadata"].get("deletionTimestamp"):
        return False
    if now["metadata"]["resourceVersion"] == then["metadata"]["resourceVersion"]:
        return False
    return _meaning(now) != _meaning(then)


def _settled(item: Object) -> bool:
    status: dict[str, Any] = item.get("status", {})
    if status.get("observedGeneration", 0) < item["metadata"]["generation"]:
        return False
    if item["kind"] == "DaemonSet":
        return bool(status.get("numberAvailable", 0) == status.get("desiredNumberScheduled", -1))
    return bool(status.get("availableReplicas", 0) == item["spec"].get("replicas", 1))


def wait_workloads(client: Client, *, seconds: float = 30.0) -> None:
    """Wait until every Deployment and DaemonSet is available and every Node is Ready."""

    def settled() -> bool:
        for plural, kind in (("deployments", "Deployment"), ("daemonsets", "DaemonSet")):
            items = client.request("GET", f"/apis/apps/v1/{plural}")["items"]
            if not all(_settled({"kind": kind, **item}) for item in items):
                return False
        return all(_ready(node) for node in client.request("GET", "/api/v1/nodes")["items"])

    until("workloads of the profile available", settled, seconds=seconds)


def _ready(node: Object) -> bool:
    conditions = node.get("status", {}).get("conditions") or []
    tainted = any(item["key"] == "node.kubernetes.io/not-ready" for item in node["spec"].get("taints", []))
    return not tainted and any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
