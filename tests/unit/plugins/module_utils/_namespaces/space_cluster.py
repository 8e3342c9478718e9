"""A small API server in memory: lists, patches, and the controllers that make accounts and end namespaces."""

from __future__ import annotations

import copy
import typing as t
from urllib.parse import unquote

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Finding, Plan, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import KUBE_SYSTEM, Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.record import ANNOTATION
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.request import OPTIONS, Request, parse

from tests.unit.plugins.module_utils._scc.scc_cluster import Rejected, patched

Json = dict[str, t.Any]
NAMESPACES = "/api/v1/namespaces"
NODES = "/api/v1/nodes"
AMLARC = "/apis/amlarc.azureml.com/v1alpha1/instancetypes"
NETWORKING = "/apis/networking.k8s.io/v1"
MANAGED_BY = {"app.kubernetes.io/managed-by": "azureml.kubernetes"}


def _meaning(item: Json) -> Json:
    """The object without empty fields, status and version."""
    parts = {key: value for key, value in item.items() if key != "status"}
    kept = {
        key: {name: field for name, field in value.items() if field and name != "resourceVersion"}
        if isinstance(value, dict)
        else value
        for key, value in parts.items()
    }
    return {key: value for key, value in kept.items() if value}


class Cluster:
    """Objects by path, what may not be read, and which requests were made."""

    def __init__(self, groups: t.Sequence[str] = ("apps",)) -> None:
        self.objects: dict[str, Json] = {}
        self.forbidden: set[str] = set()
        self.requests: list[Read] = []
        self.writes: list[Write] = []
        self.groups = list(groups)
        self._version = 1
        self.namespace("kube-system")

    def put(self, path: str, body: Json) -> Json:
        """Store an object as the server would: with name, namespace, uid and resourceVersion."""
        stored = copy.deepcopy(body)
        parts = path.split("/")
        metadata = stored.setdefault("metadata", {})
        metadata.setdefault("name", parts[-1])
        if "namespaces" in parts[:-2]:
            metadata.setdefault("namespace", parts[parts.index("namespaces") + 1])
        metadata.setdefault("uid", f"uid-{path}")
        self._version += 1
        metadata["resourceVersion"] = str(self._version)
        self.objects[path] = stored
        return stored

    def namespace(self, *names: str, account: bool = True, **metadata: t.Any) -> None:
        """Namespaces as they are a second after their creation."""
        for name in names:
            self.put(f"{NAMESPACES}/{name}", {"metadata": {"name": name, **metadata}, "status": {"phase": "Active"}})
            if account:
                self.account(name)

    def account(self, namespace: str, **fields: t.Any) -> None:
        self.put(self.account_path(namespace), fields)

    @staticmethod
    def account_path(namespace: str) -> str:
        return f"{NAMESPACES}/{namespace}/serviceaccounts/default"

    def node(self, name: str, *taints: str, labels: t.Mapping[str, str] | None = None, **spec: t.Any) -> None:
        """A node; each taint as `key=value:effect`."""
        entries = []
        for taint in taints:
            pair, effect = taint.rsplit(":", 1)
            key, _equal, value = pair.partition("=")
            entries.append({"key": key, "effect": effect, **({"value": value} if value else {})})
        self.put(
            f"{NODES}/{name}",
            {"metadata": {"labels": dict(labels or {})}, "spec": {**({"taints": entries} if entries else {}), **spec}},
        )

    def pod(self, name: str, node: str = "", *, phase: str = "Running", tolerations: t.Any = None, **metadata: t.Any) -> None:
        """A pod; `name` is `namespace/name`."""
        namespace, _slash, short = name.partition("/")
        spec = {"nodeName": node, **({"tolerations": tolerations} if tolerations else {})}
        self.put(f"{NAMESPACES}/{namespace}/pods/{short}", {"metadata": metadata, "spec": spec, "status": {"phase": phase}})

    def quota(self, namespace: str, hard: Json, **spec: t.Any) -> None:
        self.put(f"{NAMESPACES}/{namespace}/resourcequotas/quota", {"spec": {"hard": hard, **spec}})

    def limits(self, namespace: str, *items: Json) -> None:
        self.put(f"{NAMESPACES}/{namespace}/limitranges/limits", {"spec": {"limits": list(items)}})

    def instance_type(self, name: str, requests: Json, limits: Json) -> None:
        self.groups.append("amlarc.azureml.com")
        self.put(f"{AMLARC}/{name}", {"spec": {"resources": {"requests": requests, "limits": limits}}})

    def policy(self, namespace: str, name: str, spec: Json, **metadata: t.Any) -> None:
        self.put(f"{NETWORKING}/namespaces/{namespace}/networkpolicies/{name}", {"metadata": metadata, "spec": spec})

    def aro(self) -> None:
        self.groups += ["config.openshift.io", "aro.openshift.io"]

    def __getitem__(self, path: str) -> Json:
        return self.objects[path]

    def labels(self, path: str) -> dict[str, str]:
        return dict(self.objects[path]["metadata"].get("labels") or {})

    def taints(self, node: str) -> list[str]:
        entries = self.objects[f"{NODES}/{node}"]["spec"].get("taints") or []
        return [f"{entry['key']}={entry.get('value', '')}:{entry['effect']}" for entry in entries]

    def without_records(self) -> dict[str, Json]:
        """All objects, but for what the server counts and empty fields, to compare before with after."""
        return {path: _meaning(item) for path, item in self.objects.items()}

    def answer(self, read: Read) -> Answer:
        self.requests.append(read)
        path = unquote(read.path)
        if any(path.startswith(prefix) for prefix in self.forbidden):
            return Answer(403, {"message": f"forbidden: {path}"})
        if path in self.objects:
            return Answer(200, copy.deepcopy(self.objects[path]))
        if path == "/apis":
            return Answer(200, {"groups": [{"name": group} for group in self.groups]})
        base, plural = path.rsplit("/", 1)
        group = base.split("/")[2] if base.startswith("/apis/") else ""
        if "." in group and group not in (*self.groups, "networking.k8s.io"):
            return Answer(404, {"message": "not found"})
        one = plural == "cluster" or base.endswith(("/configmaps", "/clusterversions", "/deployments"))
        return Answer(404, {"message": "not found"}) if one else Answer(200, {"items": self._list(read, path, plural)})

    def _list(self, read: Read, path: str, plural: str) -> list[Json]:
        wanted = dict(part.split("=") for key, part in read.query if key == "fieldSelector")
        prefix = path.rsplit("/", 1)[0]
        items = []
        for other, item in self.objects.items():
            place, kind, name = other.rsplit("/", 2)
            inside = kind == plural and (
                place == prefix or (place.startswith(f"{prefix}/namespaces/") and "/namespaces/" not in prefix)
            )
            node = mapping(item, "spec").get("nodeName")
            if inside and name == wanted.get("metadata.name", name) and node == wanted.get("spec.nodeName", node):
                items.append(copy.deepcopy({"metadata": item["metadata"]} if read.metadata_only else item))
        return items

    def snapshot(self, request: Request) -> Snapshot:
        """Read as the engine does: round after round until nothing new is wanted."""
        snapshot = Snapshot({KUBE_SYSTEM: self.answer(KUBE_SYSTEM)})
        for _stage in range(10):
            new = [read for read in dict.fromkeys(reads(request, snapshot)) if read not in snapshot]
            if not new:
                return snapshot
            snapshot = snapshot.with_answers({read: self.answer(read) for read in new})
        raise AssertionError("reading never ends")

    def plan(self, request: Request) -> Plan:
        return plan(request, self.snapshot(request))

    def run(self, request: Request) -> Plan:
        """Plan, write and wait until there is nothing left to do, and give the first plan."""
        first = self.plan(request)
        current = first
        for _round in range(4):
            for change in current.changes:
                self.write(change)
            self.controllers()
            current = self.plan(request)
            if not current.changes:
                assert current.wait is None, current.wait
                return first
        raise AssertionError(f"never done: {[change.line() for change in current.changes]}")

    def after(self, request: Request) -> Plan:
        """What a plan says once everything is done."""
        self.run(request)
        return self.plan(request)

    def controllers(self) -> None:
        """Accounts of new namespaces; the end of deleted ones with all that is in them."""
        for path in [p for p in self.objects if p.startswith(f"{NAMESPACES}/") and p.count("/") == 4]:
            name = path.rsplit("/", 1)[1]
            if self.objects[path]["metadata"].get("deletionTimestamp"):
                inside = f"/namespaces/{name}/"
                self.objects = {p: item for p, item in self.objects.items() if inside not in p and p != path}
            elif self.account_path(name) not in self.objects:
                self.account(name)

    def write(self, change: Change) -> None:
        """Make a change as the server would."""
        write = change.write
        assert write is not None
        self.writes.append(write)
        if write.kind == "create":
            path = f"{write.path}/{write.body['metadata']['name']}"
            if path in self.objects:
                raise Rejected(409)
            self.put(path, write.body)
        elif write.kind == "json_patch":
            assert write.body[0]["op"] == "test"
            self.put(write.path, patched(self.objects[write.path], write.body))
        else:
            assert write.kind == "delete"
            assert write.body == {"preconditions": {"uid": self.objects[write.path]["metadata"]["uid"]}}
            if write.path.startswith(f"{NAMESPACES}/") and write.path.count("/") == 4:
                self.objects[write.path]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            else:
                del self.objects[write.path]


def request_of(**params: t.Any) -> Request:
    """A request as the module makes it: defaults of the argument spec, then `params`."""
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    return parse({**defaults, "compute_namespaces": ["ml"], **params})


def dedicate(*nodes: str, **entry: t.Any) -> list[Json]:
    """Option dedicated_nodes with one entry."""
    return [{"nodes": list(nodes), **entry}]


def codes_of(result: Plan) -> set[str]:
    return {finding.code.split(".")[1] for finding in result.findings}


def the(result: Plan, code: str) -> Finding:
    """The one finding of a code."""
    (found,) = [finding for finding in result.findings if finding.code == f"namespaces.{code}"]
    return found


def space_of(result: Plan, name: str = "ml") -> Json:
    """Facts about a namespace."""
    (found,) = [entry for entry in result.facts["compute_namespaces"]["namespaces"] if entry["name"] == name]
    return dict(found)


def node_of(result: Plan, name: str) -> Json:
    """Facts about a node."""
    (found,) = [entry for entry in result.facts["compute_namespaces"]["nodes"] if entry["name"] == name]
    return dict(found)


__all__ = ["ANNOTATION", "Cluster", "codes_of", "dedicate", "node_of", "request_of", "space_of", "the"]
