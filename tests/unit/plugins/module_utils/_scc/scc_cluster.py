"""A small API server in memory: enough of OpenShift to read, patch and bind, and to let RBAC decide."""

from __future__ import annotations

import copy
import json
import typing as t
from urllib.parse import unquote

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Plan, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import KUBE_SYSTEM, Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.request import OPTIONS, Request, parse
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.verify import verify, verify_reads

Json = dict[str, t.Any]
SCCS = "/apis/security.openshift.io/v1/securitycontextconstraints"
PRIVILEGED = f"{SCCS}/privileged"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLE = f"{RBAC}/clusterroles/system:openshift:scc:privileged"
SHIPPED_USERS = ["system:admin", "system:serviceaccount:openshift-infra:build-controller"]
SHIPPED_GROUPS = ["system:cluster-admins", "system:nodes", "system:masters"]
SHARED_LISTS = {
    SCCS,
    "/api/v1/namespaces",
    "/api/v1/pods",
    "/api/v1/nodes",
    f"{RBAC}/rolebindings",
    "/api/v1/namespaces/azureml/serviceaccounts",
}


class Rejected(Exception):
    """A write that the server refuses with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


def patched(item: Json, operations: t.Sequence[Json]) -> Json:
    """RFC 6902 with the operations add, remove, replace and test; a failed test is 422, as in Kubernetes."""
    result = copy.deepcopy(item)
    for operation in operations:
        tokens = [token.replace("~1", "/").replace("~0", "~") for token in operation["path"].split("/")[1:]]
        parent: t.Any = result
        for token in tokens[:-1]:
            parent = parent[int(token)] if isinstance(parent, list) else parent[token]
        _apply_operation(parent, tokens[-1], operation)
    return result


def _apply_operation(parent: t.Any, key: str, operation: Json) -> None:
    name = operation["op"]
    if isinstance(parent, list):
        assert name in ("add", "remove")
        if name == "remove":
            del parent[int(key)]
        elif key == "-":
            parent.append(operation["value"])
        else:
            parent.insert(int(key), operation["value"])
        return
    assert isinstance(parent, dict), f"no object at the parent of {operation['path']}"
    if name == "test":
        if key not in parent or parent[key] != operation["value"]:
            raise Rejected(422)
    elif name == "remove":
        del parent[key]
    else:
        assert name == "add" or key in parent
        parent[key] = operation["value"]


class Cluster:
    """Objects by path, what may not be read, and how many requests were made."""

    def __init__(self, *, openshift: bool = True, reviews: bool = False) -> None:
        self.objects: dict[str, Json] = {}
        self.forbidden: set[str] = set()
        self.requests: list[Read] = []
        self.writes: list[Write] = []
        self.openshift = openshift
        self.reviews = reviews
        self.blind_reviews = False
        self._version = 1
        self.namespace("kube-system")
        if openshift:
            self.put(PRIVILEGED, {"allowPrivilegedContainer": True, "users": list(SHIPPED_USERS), "groups": list(SHIPPED_GROUPS)})
            self.put(ROLE, {"kind": "ClusterRole"})

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

    def namespace(self, *names: str, **metadata: t.Any) -> None:
        for name in names:
            self.put(f"/api/v1/namespaces/{name}", {"metadata": {"name": name, **metadata}})

    def service_account(self, name: str, **metadata: t.Any) -> None:
        self.put(f"/api/v1/namespaces/azureml/serviceaccounts/{name}", {"metadata": metadata})

    def extension(self, name: str) -> None:
        """Enough of an installed extension to see it and its name."""
        labels = {"ml.azure.com/amlarc-system": "true"}
        self.service_account(f"{name}-kube-state-metrics", labels=labels)
        self.service_account("prom-prometheus", labels=labels)
        self.service_account("default")

    def pod(self, namespace: str, name: str, labels: t.Mapping[str, str] | None = None) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        self.put(path, {"metadata": {"labels": dict(labels or {})}, "spec": {"serviceAccountName": "default"}})

    def rosa(self) -> None:
        self.put("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sre-scc-validation", {})

    @property
    def scc(self) -> Json:
        return self.objects[PRIVILEGED]

    @property
    def users(self) -> list[str]:
        return list(self.scc.get("users") or [])

    def answer(self, read: Read) -> Answer:
        self.requests.append(read)
        if any(read.path.startswith(prefix) for prefix in self.forbidden):
            return Answer(403, {"message": f"forbidden: {read.path}"})
        if read.body:
            return self._review(read)
        if unquote(read.path) in self.objects:
            return Answer(200, copy.deepcopy(self.objects[unquote(read.path)]))
        if read.path == "/apis":
            groups = ["rbac.authorization.k8s.io", *(["security.openshift.io"] if self.openshift else [])]
            return Answer(200, {"groups": [{"name": group} for group in groups]})
        if read.path == "/apis/security.openshift.io/v1" and self.openshift:
            names = ["securitycontextconstraints", *(["podsecuritypolicysubjectreviews"] if self.reviews else [])]
            return Answer(200, {"resources": [{"name": name} for name in names]})
        if read.path in SHARED_LISTS and (self.openshift or "openshift" not in read.path):
            return Answer(200, {"items": self._list(read)})
        return Answer(404, {"message": "not found"})

    def _list(self, read: Read) -> list[Json]:
        wanted = dict(part.split("=") for key, part in read.query if key == "fieldSelector")
        base, plural = read.path.rsplit("/", 1)
        items = []
        for path, item in self.objects.items():
            below = path.startswith(f"{base}/") and path.split("/")[-2] == plural
            name, account = (item["metadata"] or {}).get("name"), item.get("spec", {}).get("serviceAccountName")
            if below and name == wanted.get("metadata.name", name) and account == wanted.get("spec.serviceAccountName", account):
                items.append(copy.deepcopy(item))
        return items

    def _review(self, read: Read) -> Answer:
        review = json.loads(read.body)
        spec = review["spec"]
        if review["kind"] == "PodSecurityPolicySubjectReview":
            if not self.reviews:
                return Answer(404)
            namespace = read.path.split("/")[-2]
            user = f"system:serviceaccount:{namespace}:{spec['template']['spec']['serviceAccountName']}"
            allowed = not self.blind_reviews and (user in self.users or bool(self._bound(user, namespace)))
            return Answer(201, {"status": {"allowedBy": {"name": "privileged"}} if allowed else {"reason": "refused"}})
        attributes = spec["resourceAttributes"]
        binding = "" if self.blind_reviews else self._bound(spec["user"], attributes["namespace"])
        return Answer(201, {"status": {"allowed": bool(binding), "reason": binding and f"RBAC: allowed by {binding}"}})

    def _bound(self, user: str, namespace: str) -> str:
        for path, item in self.objects.items():
            spaces = (f"{RBAC}/namespaces/{namespace}/rolebindings/", f"{RBAC}/clusterrolebindings/")
            if path.startswith(spaces) and item["roleRef"]["name"] in ("system:openshift:scc:privileged", "cluster-admin"):
                subjects = {f"system:serviceaccount:{s.get('namespace')}:{s['name']}" for s in item.get("subjects") or ()}
                if user in subjects:
                    return path
        return ""

    def snapshot(self, request: Request, wanted: t.Callable[[Request, Snapshot], t.Sequence[Read]] = reads) -> Snapshot:
        """Read as the engine does: round after round until nothing new is wanted."""
        snapshot = Snapshot({KUBE_SYSTEM: self.answer(KUBE_SYSTEM)})
        for _stage in range(8):
            new = [read for read in dict.fromkeys(wanted(request, snapshot)) if read not in snapshot]
            if not new:
                return snapshot
            snapshot = snapshot.with_answers({read: self.answer(read) for read in new})
        raise AssertionError("reading never ends")

    def plan(self, request: Request) -> Plan:
        return plan(request, self.snapshot(request))

    def after(self, request: Request) -> Plan:
        """Plan and write; what a plan says then."""
        self.run(request)
        return self.plan(request)

    def verify(self, request: Request) -> Plan:
        return verify(request, self.snapshot(request, verify_reads))

    def run(self, request: Request) -> Plan:
        """Plan, write, and insist that a second plan has nothing left to do."""
        first = self.plan(request)
        for change in first.changes:
            self.write(change)
        assert self.plan(request).changes == ()
        return first

    def write(self, change: Change) -> None:
        """Make a change as the server would.

        Raises:
            Rejected: 409 or 422, after which a plan is to be made again.
        """
        write = change.write
        assert write is not None
        self.writes.append(write)
        if write.kind == "create":
            self._create(write)
        elif write.kind == "json_patch":
            self.put(write.path, patched(self.objects[write.path], write.body))
        elif write.kind == "delete":
            assert write.body == {"preconditions": {"uid": self.objects[write.path]["metadata"]["uid"]}}
            del self.objects[write.path]
        else:
            raise AssertionError(f"unexpected write {write.kind}")

    def _create(self, write: Write) -> None:
        path = f"{write.path}/{write.body['metadata']['name']}"
        parts = write.path.split("/")
        if "namespaces" in parts[:-1] and f"/api/v1/namespaces/{parts[parts.index('namespaces') + 1]}" not in self.objects:
            raise Rejected(404)
        if path in self.objects:
            raise Rejected(409)
        self.put(path, write.body)


def request_of(**params: t.Any) -> Request:
    """A request as the module makes it: defaults of the argument spec, then `params`."""
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    return parse({**defaults, "extension_name": "azureml", "compute_namespaces": ["ml-team"], **params})


def codes_of(result: Plan) -> set[str]:
    return {finding.code for finding in result.findings}


def states_of(result: Plan) -> dict[str, str]:
    """State by account, without the common prefix."""
    return {entry["account"].split(":", 2)[2]: entry["state"] for entry in result.facts["scc"]["accounts"]}
