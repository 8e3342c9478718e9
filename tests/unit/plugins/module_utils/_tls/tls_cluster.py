"""A small API server in memory: Secrets with field managers, namespaces, the extension's router, and what it serves."""

from __future__ import annotations

import base64
import copy
import typing as t
from datetime import timedelta

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import FIELD_MANAGER, Change, Plan, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import KUBE_SYSTEM, Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.request import OPTIONS, Request, parse

from tests import pki

Json = dict[str, t.Any]
CORE = "/api/v1/namespaces"
SECRET = f"{CORE}/azureml/secrets/tls"
SOURCE = f"{CORE}/ingress/secrets/web"
DEPLOYMENTS = "/apis/apps/v1/namespaces/azureml/deployments"
PODS = f"{CORE}/azureml/pods"
SERVICE = f"{CORE}/azureml/services/azureml-fe"
ARC = f"{CORE}/azure-arc/configmaps/azure-clusterconfig"
NAME = "ml.example.org"
ADDRESS = f"{NAME}:443"


def encoded(**texts: str) -> dict[str, str]:
    """Data of a Secret; `_` stands for `.` in a key."""
    return {key.replace("_", "."): base64.b64encode(text.encode()).decode() for key, text in texts.items()}


def entry(manager: str, operation: str, time: str, *keys: str) -> Json:
    """One entry of managedFields that owns keys of a Secret's data."""
    return {"manager": manager, "operation": operation, "time": time, "fieldsV1": {"f:data": {f"f:{key}": {} for key in keys}}}


class Cluster:
    """Objects by path, what may not be read, what the router serves, and which requests were made."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.forbidden: set[str] = set()
        self.served: dict[str, str | None] = {}
        self.requests: list[Read] = []
        self.writes: list[Write] = []
        self._minute = 0
        self.namespace("kube-system", "azureml")

    def put(self, path: str, body: Json) -> Json:
        """Store an object as the server would: with name, namespace, uid and resourceVersion."""
        stored = copy.deepcopy(body)
        parts = path.split("/")
        metadata = stored.setdefault("metadata", {})
        metadata.setdefault("name", parts[-1])
        if "namespaces" in parts[:-2]:
            metadata.setdefault("namespace", parts[parts.index("namespaces") + 1])
        metadata.setdefault("uid", f"uid-{path}")
        metadata["resourceVersion"] = str(int(metadata.get("resourceVersion", 0)) + 1)
        self.objects[path] = stored
        return stored

    def namespace(self, *names: str, **metadata: t.Any) -> None:
        for name in names:
            self.put(f"{CORE}/{name}", {"metadata": {"name": name, **metadata}})

    def now(self) -> str:
        """A time of the server, a minute after the last."""
        self._minute += 1
        return (pki.NOW + timedelta(minutes=self._minute)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def secret(self, path: str = SECRET, kind: str = "Opaque", manager: str = "kubectl-create", **content: t.Any) -> Json:
        """A Secret that somebody made; `data` holds texts as in `encoded`, other keywords go into metadata."""
        data = content.pop("data", {})
        fields = [entry(manager, "Update", self.now(), *data)]
        return self.put(path, {"kind": "Secret", "type": kind, "data": data, "metadata": {"managedFields": fields, **content}})

    def source(self, chain: pki.Chain) -> Json:
        """The Secret that cert-manager keeps."""
        return self.secret(SOURCE, "kubernetes.io/tls", "cert-manager", data=chain.tls_secret_data)

    def router(self, extension: str = "ml") -> None:
        """An installed extension with its router's pods, which start now."""
        labels = {"ml.azure.com/amlarc-system": "true"}
        self.put(f"{DEPLOYMENTS}/azureml-fe-v2", {"metadata": {"labels": labels}})
        self.put(f"{DEPLOYMENTS}/{extension}-kube-state-metrics", {"metadata": {"labels": labels}})
        self.restart_router()

    def restart_router(self) -> None:
        """Its pods start anew."""
        for number in range(2):
            stamp = {"creationTimestamp": self.now(), "labels": {"ml.azure.com/infra-app": "azureml-fe"}}
            self.objects.pop(f"{PODS}/fe-{number}", None)
            self.put(f"{PODS}/fe-{number}", {"metadata": stamp})

    def arc(self) -> None:
        """Azure Arc's own record of the cluster."""
        self.put(ARC, {"data": {"AZURE_RESOURCE_NAME": "edge-1", "AZURE_RESOURCE_GROUP": "factory"}})

    def serve(self, certificate: str | None, address: str = ADDRESS) -> None:
        """What a TLS handshake shows; None: nobody answers."""
        self.served[f"tls://{address}"] = certificate

    def answer(self, read: Read) -> Answer:
        self.requests.append(read)
        if read.path.startswith("tls://"):
            certificate = self.served.get(read.path)
            return Answer(200, {"certificate": certificate}) if certificate else Answer(503, {"message": "Connection refused"})
        if any(read.path.startswith(prefix) for prefix in self.forbidden):
            return Answer(403, {"message": f"forbidden: {read.path}"})
        if read.path in self.objects:
            return Answer(200, copy.deepcopy(self.objects[read.path]))
        if read.path in (DEPLOYMENTS, PODS):
            return Answer(200, {"items": [item for path, item in self.objects.items() if path.startswith(f"{read.path}/")]})
        return Answer(404, {"message": "not found"})

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
        """Plan, write, and insist that a second plan has nothing left to do; what the first one said."""
        first = self.plan(request)
        for change in first.changes:
            self.write(change)
        assert self.plan(request).changes == ()
        return first

    def write(self, change: Change) -> None:
        """Make a change as the server would."""
        write = change.write
        assert write is not None
        self.writes.append(write)
        if write.kind == "create":
            self.put(f"{write.path}/{write.body['metadata']['name']}", write.body)
        elif write.kind == "apply":
            self._apply(write)
        elif write.kind == "json_patch":
            self._patch(write)
        else:
            assert write.body == {"preconditions": {"uid": self.objects[write.path]["metadata"]["uid"]}}
            del self.objects[write.path]

    def _apply(self, write: Write) -> None:
        """Server-side apply of a Secret: our earlier annotations go, data of others conflicts unless it is forced."""
        body = write.body
        assert f"{CORE}/{body['metadata']['namespace']}" in self.objects, "the namespace has to be there first"
        live = copy.deepcopy(self.objects.get(write.path, {"metadata": {}}))
        assert live.get("type", body["type"]) == body["type"], "a type cannot be changed"
        metadata = live["metadata"]
        fields = [f for f in metadata.get("managedFields", []) if (f["manager"], f["operation"]) != (FIELD_MANAGER, "Apply")]
        owned = {key for f in fields for key in f["fieldsV1"]["f:data"]}
        differing = [key for key, value in body["data"].items() if live.get("data", {}).get(key) != value and f"f:{key}" in owned]
        assert not differing or write.force, f"conflict: {differing}"
        for field in fields:
            field["fieldsV1"]["f:data"] = {k: v for k, v in field["fieldsV1"]["f:data"].items() if k[2:] not in differing}
        annotations = {k: v for k, v in metadata.get("annotations", {}).items() if not k.startswith("azureml.kubernetes/")}
        metadata["annotations"] = {**annotations, **body["metadata"]["annotations"]}
        metadata["labels"] = {**metadata.get("labels", {}), **body["metadata"].get("labels", {})}
        metadata["managedFields"] = [*fields, entry(FIELD_MANAGER, "Apply", self.now(), *body["data"])]
        stored = {**live, "kind": "Secret", "type": body["type"], "data": {**live.get("data", {}), **body["data"]}}
        self.put(write.path, stored)

    def _patch(self, write: Write) -> None:
        """The operations that the topic uses: a test of the version, and removal of annotations."""
        item = copy.deepcopy(self.objects[write.path])
        for operation in write.body:
            if operation["op"] == "test":
                assert item["metadata"]["resourceVersion"] == operation["value"]
            else:
                assert operation["op"] == "remove"
                key = operation["path"].removeprefix("/metadata/annotations/").replace("~1", "/").replace("~0", "~")
                del item["metadata"]["annotations"][key]
        self.put(write.path, item)


def request_of(chain: pki.Chain | None = None, **params: t.Any) -> Request:
    """A request as the module makes it: defaults of the argument spec, a chain's texts, then `params`."""
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    texts = {"ssl_cert_pem": chain.pem, "ssl_key_pem": chain.key_pem} if chain else {}
    return parse({**defaults, "ssl_secret": "tls", "ssl_cname": NAME, **texts, **params})


def copy_of_source(**params: t.Any) -> Request:
    """A request that copies the Secret of cert-manager."""
    return request_of(source_secret={"namespace": "ingress", "name": "web"}, **params)


def codes_of(result: Plan) -> set[str]:
    return {finding.code for finding in result.findings}


def finding_of(result: Plan, code: str) -> t.Any:
    """The one finding of a code."""
    (found,) = [finding for finding in result.findings if finding.code == code]
    return found


def state_of(result: Plan) -> str:
    return str(result.facts["tls"]["state"])
