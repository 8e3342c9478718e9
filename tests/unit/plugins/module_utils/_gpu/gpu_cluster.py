"""A small API server in memory, with a DaemonSet controller, a kubelet that counts GPUs, and a Job controller."""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import MANAGED_BY, Change, Plan, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.manifests import NAME
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.request import OPTIONS, Request, parse
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.scheduling import kept_away

from tests.unit.plugins.module_utils._scc.scc_cluster import patched

Json = dict[str, t.Any]
NODES = "/api/v1/nodes"
NS = "gpu-resources"
SETS = f"/apis/apps/v1/namespaces/{NS}/daemonsets"
OURS = f"{SETS}/{NAME}"
PODS = f"/api/v1/namespaces/{NS}/pods"
JOBS = f"/apis/batch/v1/namespaces/{NS}/jobs"
EVENTS = f"/api/v1/namespaces/{NS}/events"
CONFIG = f"/api/v1/namespaces/{NS}/configmaps/{NAME}"
POLICIES = "/apis/nvidia.com/v1/clusterpolicies"
CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
AKS = {"kubernetes.azure.com/accelerator": "nvidia", "node.kubernetes.io/instance-type": "Standard_NC4as_T4_v3"}
SKU = {"key": "sku", "value": "gpu", "effect": "NoSchedule"}
LISTS = ("nodes", "daemonsets", "pods", "jobs", "events", "clusterpolicies", "runtimeclasses")
LISTS += ("subscriptions", "operatorgroups", "nodefeaturediscoveries")
NO_NVML = "Failed to initialize NVML: could not load NVML library"


class Cluster:
    """Objects by path, what may not be read, and how many requests were made.

    Attributes:
        physical: GPUs in the machine of each node.
        broken: what the plugin's container says on a node on which it fails.
        mute: nodes on which the plugin is up and offers nothing.
        smoke: how tests end: `Complete`, `Failed`, or "" while they run.
        policy: the words with which pods are refused.
    """

    def __init__(self, gpus: int = 2, *, labels: Json | None = None) -> None:
        self.objects: dict[str, Json] = {}
        self.forbidden: set[str] = set()
        self.requests: list[Read] = []
        self.physical: dict[str, int] = {}
        self.broken: dict[str, Json] = {}
        self.mute: set[str] = set()
        self.smoke = "Complete"
        self.smoke_words = ""
        self.policy = ""
        self._version = 0
        self.put("/api/v1/namespaces/kube-system", {})
        self.node("cpu-1", 0, {})
        for number in range(1, gpus + 1):
            self.node(f"gpu-{number}", 1, AKS if labels is None else labels, taints=[SKU])

    def put(self, path: str, body: Json) -> Json:
        """Store an object as the server would: with name, namespace, uid, generation and resourceVersion."""
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

    def node(
        self, name: str, gpus: int, labels: Json, *, taints: t.Sequence[Json] = (), ready: str = "True", **more: t.Any
    ) -> Json:
        self.physical[name] = gpus
        status = {
            "nodeInfo": {
                "operatingSystem": more.get("os", "linux"),
                "architecture": more.get("arch", "amd64"),
                "bootID": f"boot-{name}",
            },
            "conditions": [{"type": "Ready", "status": ready}, *more.get("conditions", ())],
            "capacity": dict(more.get("capacity", {})),
            "allocatable": dict(more.get("allocatable", more.get("capacity", {}))),
        }
        metadata = {"labels": {"kubernetes.io/os": "linux", "kubernetes.io/hostname": name, **labels}}
        return self.put(
            f"{NODES}/{name}", {"metadata": metadata, "spec": {"taints": list(taints), **more.get("spec", {})}, "status": status}
        )

    def daemon_set(self, namespace: str, name: str, image: str, **more: t.Any) -> Json:
        """A DaemonSet of somebody else; its pods tolerate everything unless said otherwise."""
        container: Json = {"name": "c", "image": image, **more.get("container", {})}
        spec = {"tolerations": [{"operator": "Exists"}], "containers": [container], **more.get("pod", {})}
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": spec}
        path = f"/apis/apps/v1/namespaces/{namespace}/daemonsets/{name}"
        body = {"metadata": more.get("metadata", {}), "spec": {"selector": {"matchLabels": labels}, "template": template}}
        return self.put(path, body)

    def event(self, item: Json, reason: str, message: str) -> None:
        namespace = item["metadata"]["namespace"]
        body = {"involvedObject": {"uid": item["metadata"]["uid"]}, "reason": reason, "message": message, "type": "Warning"}
        self.put(f"/api/v1/namespaces/{namespace}/events/e{self._version}", {**body, "lastTimestamp": "2026-11-24T10:00:00Z"})

    def answer(self, read: Read) -> Answer:
        self.requests.append(read)
        if any(read.path.startswith(prefix) for prefix in self.forbidden):
            return Answer(403, {"message": f"may not get {read.path}"})
        if read.path in self.objects:
            return Answer(200, copy.deepcopy(self.objects[read.path]))
        plural = read.path.rsplit("/", 1)[-1]
        if read.path.startswith(POLICIES) and not any(path.startswith(POLICIES) for path in self.objects):
            return Answer(404, {"message": "no such API"})
        if plural not in LISTS:
            return Answer(404, {"message": "not found"})
        everywhere = "/namespaces/" not in read.path
        found = [item for path, item in self.objects.items() if self._in_list(path, read.path, plural, everywhere=everywhere)]
        selector = dict(read.query).get("labelSelector", "")
        wanted = dict(part.split("=", 1) for part in selector.split(",") if part)
        found = [item for item in found if wanted.items() <= item["metadata"].get("labels", {}).items()]
        return Answer(200, {"metadata": {"resourceVersion": str(self._version)}, "items": copy.deepcopy(found)})

    @staticmethod
    def _in_list(path: str, folder: str, plural: str, *, everywhere: bool) -> bool:
        parent = path.rsplit("/", 1)[0]
        return parent == folder or (everywhere and parent.endswith(f"/{plural}") and "/namespaces/" in parent)

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
        for _round in range(10):
            for change in current.changes:
                self.write(change)
            before = copy.deepcopy(self.objects)
            self.control()
            current = self.plan(request)
            hopeless = any(f.severity == "error" and not f.resolvable for f in current.findings)
            if not current.changes and (current.wait is None or hopeless or before == self.objects):
                return first
        raise AssertionError(f"never done: {[change.line() for change in current.changes]}")

    def after(self, request: Request) -> Plan:
        """What is said once everything is written."""
        self.run(request)
        return self.plan(request)

    def write(self, change: Change) -> None:
        write = change.write
        assert write is not None
        if write.kind == "create":
            path = f"{write.path}/{write.body['metadata']['name']}"
            assert path not in self.objects
            self._store(path, write.body)
        elif write.kind == "apply":
            self._apply(write)
        elif write.kind == "json_patch":
            self.put(write.path, patched(self.objects[write.path], write.body))
        else:
            assert write.kind == "delete"
            uid = self.objects[write.path]["metadata"]["uid"]
            assert write.body["preconditions"] == {"uid": uid}
            del self.objects[write.path]
            self._collect(uid)

    def _collect(self, uid: str) -> None:
        """What belonged to an object goes with it."""
        for path, item in list(self.objects.items()):
            if any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences", ())):
                del self.objects[path]
                self._collect(item["metadata"]["uid"])

    def _apply(self, write: Write) -> None:
        live = self.objects.get(write.path)
        body = copy.deepcopy(write.body)
        if live is not None:
            assert live["spec"]["selector"] == body["spec"]["selector"] if "daemonsets" in write.path else True
            body["metadata"] = {**live["metadata"], **body["metadata"]}
            body["status"] = live.get("status", {})
        self._store(write.path, body)

    def _store(self, path: str, body: Json) -> None:
        parts = path.split("/")
        if "namespaces" in parts[:-2]:
            assert f"/api/v1/namespaces/{parts[parts.index('namespaces') + 1]}" in self.objects, "its namespace does not exist"
        stored = self.put(path, body)
        if "/daemonsets/" in path:
            stored["metadata"]["generation"] = stored["metadata"].get("generation", 0) + 1
            # What the server fills in by itself.
            pod = stored["spec"]["template"]["spec"]
            pod.setdefault("dnsPolicy", "ClusterFirst")
            for volume in pod.get("volumes", ()):
                volume.get("hostPath", {}).setdefault("type", "")

    def control(self) -> None:
        """What controllers and kubelets do, until all is at rest."""
        for path, item in list(self.objects.items()):
            if path == OURS:
                self._daemons(item)
            if path.startswith(f"{JOBS}/"):
                self._test(item)

    def _daemons(self, item: Json) -> None:
        spec = item["spec"]["template"]["spec"]
        nodes = [node for path, node in self.objects.items() if path.startswith(f"{NODES}/") and not kept_away(node, spec)]
        made = 0
        for node in nodes:
            name = node["metadata"]["name"]
            if self.policy:
                self.event(item, "FailedCreate", self.policy)
                continue
            made += 1
            self._pod(item, name)
        desired = len(nodes)
        item["status"] = {
            "observedGeneration": item["metadata"].get("generation", 0),
            "desiredNumberScheduled": desired,
            "currentNumberScheduled": made,
            "updatedNumberScheduled": made,
        }

    def _pod(self, item: Json, node: str) -> None:
        path = f"{PODS}/{NAME}-{node}"
        broken = self.broken.get(node)
        status: Json = {"phase": "Running", "conditions": [{"type": "Ready", "status": "False" if broken else "True"}]}
        if broken:
            status["containerStatuses"] = [broken]
        owner = {"uid": item["metadata"]["uid"], "kind": "DaemonSet", "controller": True}
        kept = self.objects.get(path, {}).get("metadata", {}).get("uid")
        metadata = {
            "labels": {**MANAGED_BY, "app.kubernetes.io/name": NAME},
            "ownerReferences": [owner],
            **({"uid": kept} if kept else {}),
        }
        if self.objects.get(path, {}).get("status") != status:
            self.put(path, {"metadata": metadata, "spec": {"nodeName": node}, "status": status})
        works = not broken and node not in self.mute
        if works:
            numbers = {"nvidia.com/gpu": str(self.physical[node])}
            self.objects[f"{NODES}/{node}"]["status"].update(capacity=numbers, allocatable=numbers)

    def _test(self, job: Json) -> None:
        name = job["metadata"]["name"]
        owner = {"uid": job["metadata"]["uid"], "kind": "Job", "name": name}
        path = f"{PODS}/{name}-x"
        if path not in self.objects:
            labels = job["spec"]["template"]["metadata"]["labels"]
            self.put(
                path,
                {"metadata": {"labels": labels, "ownerReferences": [owner]}, "spec": job["spec"]["template"]["spec"], "status": {}},
            )
        if self.smoke:
            job["status"] = {"conditions": [{"type": self.smoke, "status": "True", "reason": "Reason", "message": "message"}]}
            ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": self.smoke_words}}
            phase = "Failed" if self.smoke == "Failed" else "Succeeded"
            self.objects[path]["status"] = {"phase": phase, "containerStatuses": [{"state": ended}] if phase == "Failed" else []}


def crash(message: str, restarts: int = 3) -> Json:
    """A container that starts again and again."""
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": message}}
    return {
        "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": ended,
    }


def waiting(reason: str, message: str = "") -> Json:
    """A container that does not start."""
    return {"restartCount": 0, "state": {"waiting": {"reason": reason, "message": message}}}


def request_of(**params: t.Any) -> Request:
    """A request as the module makes it: defaults of the argument spec, then `params`."""
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    return parse({**defaults, **params})


def codes_of(result: Plan) -> dict[str, str]:
    """Severity by code."""
    return {finding.code: finding.severity for finding in result.findings}


def row(result: Plan, node: str) -> Json:
    """What is said of one node."""
    found: Json = next(entry for entry in result.facts["gpu"]["nodes"] if entry["node"] == node)
    return found


def said(result: Plan, code: str) -> str:
    """The message of a code."""
    return next(finding.message for finding in result.findings if finding.code == code)
