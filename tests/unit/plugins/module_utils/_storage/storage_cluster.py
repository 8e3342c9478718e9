"""A small API server in memory, with as much of a volume controller as claims and volumes need to find each other."""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import MANAGED_BY, Change, Plan, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.request import OPTIONS, Request, parse

from tests.unit.plugins.module_utils._scc.scc_cluster import Rejected, patched

Json = dict[str, t.Any]
VOLUMES = "/api/v1/persistentvolumes"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
DRIVERS = "/apis/storage.k8s.io/v1/csidrivers"
NFS: Json = {"name": "data", "type": "nfs", "server": "10.0.0.4", "path": "/export", "mount_path": "/mnt/data"}
SHARE: Json = {
    "name": "models",
    "type": "azure_files",
    "account": "mystorage",
    "share": "models",
    "secret_name": "azure-storage",
    "mount_path": "/mnt/models",
}
SCRATCH: Json = {
    "name": "scratch",
    "type": "azure_files",
    "storage_class": "azurefile-csi",
    "size": "100Gi",
    "mount_path": "/mnt/scratch",
}


def claim_path(name: str, namespace: str = "ml") -> str:
    return f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}"


class Cluster:
    """Objects by path, what may not be read, and how many requests were made."""

    def __init__(self, *namespaces: str) -> None:
        self.objects: dict[str, Json] = {}
        self.forbidden: set[str] = set()
        self.requests: list[Read] = []
        self.provisions = True
        self.trial = Answer(200, {"pod": {"status": {"phase": "Succeeded"}}, "events": [], "ended": True})
        self._version = 0
        for name in ("kube-system", *(namespaces or ("ml",))):
            self.put(f"/api/v1/namespaces/{name}", {})
        for name, driver, mode in (
            ("azurefile-csi", "file.csi.azure.com", "Immediate"),
            ("managed-csi", "disk.csi.azure.com", "WaitForFirstConsumer"),
        ):
            self.put(f"{CLASSES}/{name}", {"provisioner": driver, "volumeBindingMode": mode, "allowVolumeExpansion": True})
        self.put(f"{DRIVERS}/file.csi.azure.com", {})
        self.put(f"{DRIVERS}/disk.csi.azure.com", {})
        for number in (1, 2):
            self.put(f"/api/v1/nodes/node-{number}", {})

    def put(self, path: str, body: Json) -> Json:
        """Store an object as the server would: with name, namespace, uid and resourceVersion."""
        stored = copy.deepcopy(body)
        parts = path.split("/")
        metadata = stored.setdefault("metadata", {})
        metadata["name"] = parts[-1]
        if "namespaces" in parts[:-2]:
            metadata["namespace"] = parts[parts.index("namespaces") + 1]
        self._version += 1
        metadata.setdefault("uid", f"uid-{self._version}")
        metadata["resourceVersion"] = str(self._version)
        self.objects[path] = stored
        return stored

    def claim(
        self,
        name: str,
        *,
        namespace: str = "ml",
        label: str | None = "true",
        path: str | None = "/mnt/other",
        phase: str = "Bound",
        ours: bool = False,
        metadata: Json | None = None,
        **spec: t.Any,
    ) -> Json:
        """A claim of somebody else, bound to a volume of its own unless said otherwise."""
        labels = {**({"ml.azure.com/pvc": label} if label is not None else {}), **(MANAGED_BY if ours else {})}
        annotations = {"ml.azure.com/mountpath": path} if path is not None else {}
        full = {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "azurefile-csi",
            "volumeName": f"pv-{namespace}-{name}",
            **spec,
        }
        full.setdefault("resources", {"requests": {"storage": "1Gi"}})
        body = {"metadata": {"labels": labels, "annotations": annotations, **(metadata or {})}, "spec": full}
        if phase == "Pending":
            full.pop("volumeName")
        stored = self.put(claim_path(name, namespace), {**body, "status": {"phase": phase}})
        if phase == "Bound" and f"{VOLUMES}/{full['volumeName']}" not in self.objects:
            reference = {"namespace": namespace, "name": name, "uid": stored["metadata"]["uid"]}
            self.volume(full["volumeName"], claimRef=reference, csi={"driver": "file.csi.azure.com", "volumeHandle": name})
        return stored

    def volume(self, name: str, *, phase: str = "Bound", ours: bool = False, **spec: t.Any) -> Json:
        full = {"persistentVolumeReclaimPolicy": "Delete", "capacity": {"storage": "1Gi"}, **spec}
        labels = dict(MANAGED_BY) if ours else {}
        return self.put(f"{VOLUMES}/{name}", {"metadata": {"labels": labels}, "spec": full, "status": {"phase": phase}})

    def pod(self, name: str, claim: str, *, phase: str = "Running", namespace: str = "ml") -> None:
        volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}, {"name": "e", "emptyDir": {}}]
        self.put(f"/api/v1/namespaces/{namespace}/pods/{name}", {"spec": {"volumes": volumes}, "status": {"phase": phase}})

    def event(self, claim: str, reason: str, message: str, *, kind: str = "Warning", at: str = "2026-11-23T10:00:00Z") -> None:
        uid = self.objects[claim_path(claim)]["metadata"]["uid"]
        body = {"involvedObject": {"kind": "PersistentVolumeClaim", "uid": uid}, "reason": reason, "message": message}
        path = f"/api/v1/namespaces/ml/events/{claim}.{self._version}"
        self.put(path, {**body, "type": kind, "lastTimestamp": at, "count": 3})

    def secret(self, name: str, *keys: str, namespace: str = "ml") -> None:
        """As PartialObjectMetadata shows it: no values."""
        managers = [{"fieldsV1": {"f:data": {".": {}, **{f"f:{key}": {} for key in keys}}}}]
        self.put(f"/api/v1/namespaces/{namespace}/secrets/{name}", {"metadata": {"managedFields": managers}})

    def answer(self, read: Read) -> Answer:
        self.requests.append(read)
        if any(read.path.startswith(prefix) for prefix in self.forbidden):
            return Answer(403, {"message": f"may not get {read.path}"})
        if read.trial:
            return self.trial
        if read.path == "/apis":
            return Answer(200, {"groups": [{"name": "storage.k8s.io"}]})
        if read.path in self.objects:
            return Answer(200, copy.deepcopy(self.objects[read.path]))
        if "/secrets/" in read.path or read.path.rsplit("/", 1)[0] == "/api/v1/namespaces":
            return Answer(404, {"message": "not found"})
        items = [copy.deepcopy(item) for path, item in self.objects.items() if path.rsplit("/", 1)[0] == read.path]
        return Answer(200, {"items": items})

    def snapshot(self, request: Request) -> Snapshot:
        """Everything that the topic asks for, asked as the engine does."""
        known = Snapshot()
        for _stage in range(10):
            new = [read for read in reads(request, known) if read not in known]
            if not new:
                return known
            known = known.with_answers({read: self.answer(read) for read in new})
        raise AssertionError("reads did not settle within 10 stages")

    def plan(self, request: Request) -> Plan:
        return plan(request, self.snapshot(request))

    def run(self, request: Request) -> Plan:
        """Plan, write and let the cluster work until nothing is left to write, or to wait for; the first plan."""
        first = current = self.plan(request)
        for _round in range(8):
            for change in current.changes:
                self.write(change)
            before = copy.deepcopy(self.objects)
            self.control()
            current = self.plan(request)
            if not current.changes and (current.wait is None or before == self.objects):
                return first
        raise AssertionError(f"never done: {[change.line() for change in current.changes]}")

    def after(self, request: Request) -> Plan:
        """What is said once everything is written."""
        self.run(request)
        return self.plan(request)

    def write(self, change: Change) -> None:
        """Make a change as the server would.

        Raises:
            Rejected: 409 or 422, after which a plan is to be made again.
        """
        write = change.write
        assert write is not None
        if write.kind == "create":
            self._create(write)
        elif write.kind == "json_patch":
            self._patch(write)
        else:
            assert write.kind == "delete"
            assert write.body == {"preconditions": {"uid": self.objects[write.path]["metadata"]["uid"]}}
            self.objects[write.path]["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z"

    def _create(self, write: Write) -> None:
        path = f"{write.path}/{write.body['metadata']['name']}"
        if path in self.objects:
            raise Rejected(409)
        self.put(path, {**write.body, "status": {"phase": "Pending" if "claims/" in path else "Available"}})

    def _patch(self, write: Write) -> None:
        before = self.objects[write.path]
        after = patched(before, write.body)
        fixed = ("accessModes", "storageClassName", "volumeName") if "claims/" in write.path else ("nfs", "csi")
        for name in fixed:
            assert after["spec"].get(name) == before["spec"].get(name), f"the server refuses to change {name}"
        self.put(write.path, after)

    def control(self) -> None:
        """What the volume controller, a provisioner and the protection finalizers do, until all is at rest."""
        for path, item in list(self.objects.items()):
            if item["metadata"].get("deletionTimestamp") and not self._held(path, item):
                del self.objects[path]
        for path, claim in list(self.objects.items()):
            if "/persistentvolumeclaims/" in path and claim["status"]["phase"] != "Bound":
                self._bind(claim)
        for path, item in list(self.objects.items()):
            if path.startswith(VOLUMES):
                self._release(path, item)

    def _held(self, path: str, item: Json) -> bool:
        parts = path.split("/")
        if "/persistentvolumeclaims/" in path:
            pods = [pod for name, pod in self.objects.items() if name.startswith(f"/api/v1/namespaces/{parts[4]}/pods/")]
            running = [pod for pod in pods if pod["status"]["phase"] == "Running"]
            return any(
                v.get("persistentVolumeClaim", {}).get("claimName") == parts[-1] for p in running for v in p["spec"]["volumes"]
            )
        return path.startswith(VOLUMES) and self._claimed_by(item) is not None

    def _claimed_by(self, volume: Json) -> Json | None:
        reference = volume["spec"].get("claimRef") or {}
        claim = self.objects.get(claim_path(reference.get("name", ""), reference.get("namespace", "")))
        return claim if claim and reference.get("uid") == claim["metadata"]["uid"] else None

    def _bind(self, claim: Json) -> None:
        name, spec, metadata = claim["spec"].get("volumeName"), claim["spec"], claim["metadata"]
        if not name and self.provisions and spec.get("storageClassName") == "azurefile-csi":
            name = spec["volumeName"] = f"pvc-{metadata['uid']}"
            source = {"driver": "file.csi.azure.com", "volumeHandle": name}
            reference = {"namespace": metadata["namespace"], "name": metadata["name"]}
            self.volume(name, claimRef=reference, capacity=spec["resources"]["requests"], csi=source)
        volume = self.objects.get(f"{VOLUMES}/{name}")
        if volume is None:
            return
        reference = volume["spec"]["claimRef"]
        if claim["status"]["phase"] == "Lost" and reference.get("uid") != metadata["uid"]:
            return
        if reference.get("uid", metadata["uid"]) == metadata["uid"]:
            assert (reference["namespace"], reference["name"]) == (metadata["namespace"], metadata["name"])
            reference["uid"], volume["status"]["phase"] = metadata["uid"], "Bound"
            claim["status"] = {"phase": "Bound", "capacity": dict(volume["spec"]["capacity"])}

    def _release(self, path: str, volume: Json) -> None:
        if volume["status"]["phase"] == "Bound" and self._claimed_by(volume) is None:
            volume["status"]["phase"] = "Released"
            if volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
                del self.objects[path]


def request_of(*volumes: Json, **params: t.Any) -> Request:
    """A request as the module makes it: defaults of the argument spec, then `params`."""
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    return parse({**defaults, "compute_namespaces": ["ml"], "volumes": list(volumes), **params})


def codes_of(result: Plan) -> dict[str, str]:
    """Severity by code."""
    return {finding.code: finding.severity for finding in result.findings}


def message_of(result: Plan, code: str) -> str:
    """The one finding of a code, as a line."""
    lines = [finding.line() for finding in result.findings if finding.code == code]
    assert len(lines) == 1, lines
    return lines[0]


def states_of(result: Plan) -> dict[str, str]:
    """State by namespace and name."""
    return {f"{entry['namespace']}/{entry['name']}": entry["state"] for entry in result.facts["storage"]["volumes"]}
