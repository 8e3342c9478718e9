"""A cluster in memory: nodes, pods and PodDisruptionBudgets, and an eviction handler that only removes."""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Plan
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.record import ANNOTATION
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.request import OPTIONS, Request, parse

from tests.unit.plugins.module_utils._scc.scc_cluster import patched

Json = dict[str, t.Any]
BOOT = "11111111-1111-4111-8111-111111111111"
NEXT = "22222222-2222-4222-8222-222222222222"
OTHER = "33333333-3333-4333-8333-333333333333"
NODES, PODS, BUDGETS = "/api/v1/nodes", "/api/v1/pods", "/apis/policy/v1/poddisruptionbudgets"


class Cluster:
    """Objects by list path and name, and what may not be read."""

    def __init__(self) -> None:
        self.lists: dict[str, dict[str, Json]] = {NODES: {}, PODS: {}, BUDGETS: {}}
        self.forbidden: set[str] = set()
        self._version = 0

    def _put(self, path: str, key: str, item: Json) -> Json:
        self._version += 1
        item["metadata"]["resourceVersion"] = str(self._version)
        self.lists[path][key] = item
        return item

    def node(self, name: str, *, boot_id: str = BOOT, ready: str = "True", **annotations: str) -> Json:
        status = {"nodeInfo": {"bootID": boot_id}, "conditions": [{"type": "Ready", "status": ready}]}
        marks = {"metadata": {"name": name, "annotations": annotations}} if annotations else {"metadata": {"name": name}}
        return self._put(NODES, name, {**marks, "spec": {}, "status": status})

    def pod(self, name: str, *, owner: str = "", node: str = "worker-1", labels: Json | None = None, **parts: t.Any) -> Json:
        owners = [{"kind": owner, "name": "x", "controller": True}] if owner else []
        state = {"type": "Ready", "status": parts.pop("ready", "True")}
        item = {
            "metadata": {
                "name": name,
                "namespace": parts.pop("namespace", "team"),
                "uid": f"uid-{name}",
                "labels": labels or {},
                "ownerReferences": owners,
                **parts.pop("metadata", {}),
            },
            "spec": {"nodeName": node, **parts.pop("spec", {})},
            "status": {"phase": parts.pop("phase", "Running"), "conditions": [state]},
        }
        assert not parts
        return self._put(PODS, name, item)

    def budget(self, name: str, selector: Json | None, **status: t.Any) -> Json:
        numbers = {"disruptionsAllowed": 0, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 3, "observedGeneration": 1}
        spec = {"selector": selector, **status.pop("spec", {})}
        metadata = {"name": name, "namespace": "team", "generation": status.pop("generation", 1)}
        return self._put(BUDGETS, name, {"metadata": metadata, "spec": spec, "status": {**numbers, **status}})

    @property
    def worker(self) -> Json:
        return self.lists[NODES]["worker-1"]

    @property
    def mark(self) -> str:
        return str((self.worker["metadata"].get("annotations") or {}).get(ANNOTATION, ""))

    def reboot(self, boot_id: str = NEXT, ready: str = "True") -> None:
        """The kubelet registers after a reboot."""
        self.worker["status"] = {"nodeInfo": {"bootID": boot_id}, "conditions": [{"type": "Ready", "status": ready}]}

    def answer(self, read: Read) -> Answer:
        if read.path in self.forbidden:
            return Answer(403, {"message": f"may not list {read.path}"})
        wanted = dict(part.split("=") for key, part in read.query if key == "fieldSelector")
        items = []
        for item in self.lists[read.path].values():
            metadata = item["metadata"]
            on = item["spec"].get("nodeName")
            if metadata["name"] == wanted.get("metadata.name", metadata["name"]) and on == wanted.get("spec.nodeName", on):
                items.append(copy.deepcopy({"metadata": metadata} if read.metadata_only else item))
        return Answer(200, {"items": items})

    def snapshot(self, request: Request) -> Snapshot:
        return Snapshot({read: self.answer(read) for read in reads(request, Snapshot())})

    def plan(self, request: Request) -> Plan:
        return plan(request, self.snapshot(request))

    def run(self, request: Request) -> Plan:
        """Plan, and write until nothing is left to write."""
        first = now = self.plan(request)
        for _round in range(3):
            for change in now.changes:
                self.write(change)
            now = self.plan(request)
            if not now.changes:
                return first
        raise AssertionError("there is always something to write")

    def write(self, change: Change) -> None:
        write = change.write
        assert write is not None
        if write.kind == "evict":
            assert write.path.endswith(f"/pods/{change.object.name}/eviction")
            del self.lists[PODS][change.object.name]
            return
        assert write.kind == "json_patch"
        name = write.path.rsplit("/", 1)[-1]
        self._put(NODES, name, patched(self.lists[NODES][name], write.body))


def request_of(**params: t.Any) -> Request:
    """A request as the module makes it: defaults of the argument spec, then `params`."""
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    return parse({**defaults, "node": "worker-1", "boot_id": BOOT, "reason": "SELinux disabled", **params})


def codes_of(result: Plan) -> set[str]:
    return {finding.code for finding in result.findings}


def evicted(result: Plan) -> list[str]:
    return [change.object.name for change in result.changes if change.write and change.write.kind == "evict"]
