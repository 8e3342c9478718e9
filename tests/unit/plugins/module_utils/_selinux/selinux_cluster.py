"""OpenShift in memory: MachineConfigs, pools that are rendered and rolled one step at a time, and hosts that answer."""

from __future__ import annotations

import copy
import hashlib
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Plan
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import KUBE_SYSTEM, Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.request import OPTIONS, Request, parse

Json = t.Dict[str, t.Any]
MCO = "machineconfiguration.openshift.io"
CONFIGS = f"/apis/{MCO}/v1/machineconfigs"
POOLS = f"/apis/{MCO}/v1/machineconfigpools"
NODES = "/api/v1/nodes"
PODS = "/api/v1/pods"
BUDGETS = "/apis/policy/v1/poddisruptionbudgets"
DAEMONS = "/api/v1/namespaces/openshift-machine-config-operator/pods"
CONFIG = "/apis/config.openshift.io/v1"
NAME = "99-worker-azureml-selinux"
OURS = f"{CONFIGS}/{NAME}"
RHCOS = "Red Hat Enterprise Linux CoreOS 9.6.20251015-1 (Plow)"
RHEL = "Red Hat Enterprise Linux 8.10 (Ootpa)"
MODES = {"disabled": "Disabled", "permissive": "Permissive", "enforcing": "Enforcing"}


class Cluster:
    """Objects by path, what may not be read, how each host booted, and what was asked and written.

    Three workers in pool worker and three masters, each on what was rendered last. Nothing moves by itself: `render` and
    `finish` are what the Machine Config Operator would do.
    """

    def __init__(self, *, workers: int = 3, masters: int = 3, served: bool = True) -> None:
        self.objects: dict[str, Json] = {}
        self.forbidden: set[str] = set()
        self.requests: list[Read] = []
        self.broken_exec: dict[str, Answer] = {}
        self.booted: dict[str, tuple[str, ...]] = {}
        self.disobedient: set[str] = set()
        self.served = served
        self.groups = ["apps", "config.openshift.io", "operator.openshift.io", *([MCO] if served else [])]
        self._count = 0
        self.put("/api/v1/namespaces/kube-system", {"kind": "Namespace"})
        self.put(f"{CONFIG}/clusterversions/version", {"status": {"history": [{"state": "Completed", "version": "4.19.24"}]}})
        self.infrastructure()
        self.put("/apis/operator.openshift.io/v1/consoles/cluster", {})
        if not served:
            return
        for role in ("master", "worker"):
            self.config(f"00-{role}", role)
            self.pool(role, {"matchLabels": {f"{MCO}/role": role}})
        for index in range(masters):
            self.node(f"master-{index}", ["master"])
        for index in range(workers):
            self.node(f"worker-{index}", ["worker"])
        self.settle()

    # What is there

    def put(self, path: str, body: Json) -> Json:
        """Store an object as the server would: with name, uid and resourceVersion."""
        stored = copy.deepcopy(body)
        metadata = stored.setdefault("metadata", {})
        metadata.setdefault("name", path.rsplit("/", 1)[1])
        metadata.setdefault("uid", f"uid-{path}")
        self._count += 1
        metadata["resourceVersion"] = str(self._count)
        self.objects[path] = stored
        return stored

    def infrastructure(self, cloud: str = "None", topology: str = "HighlyAvailable", **status: t.Any) -> None:
        body = {"status": {"platformStatus": {"type": cloud, **status}, "controlPlaneTopology": topology}}
        self.put(f"{CONFIG}/infrastructures/cluster", body)

    def config(self, name: str, role: str = "worker", arguments: t.Sequence[str] = (), **spec: t.Any) -> Json:
        body = {"metadata": {"labels": {f"{MCO}/role": role}}, "spec": {"kernelArguments": list(arguments), **spec}}
        return self.put(f"{CONFIGS}/{name}", body)

    def ours(self, *arguments: str, role: str = "worker", name: str = NAME, annotations: t.Mapping[str, str] | None = None) -> Json:
        """Our MachineConfig as an earlier run left it."""
        stored = self.config(name, role, arguments)
        stored["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "azureml.kubernetes"
        stored["metadata"]["annotations"] = dict(annotations or {})
        return stored

    def pool(self, name: str, selector: Json | None = None, **spec: t.Any) -> Json:
        custom = {"matchExpressions": [{"key": f"{MCO}/role", "operator": "In", "values": ["worker", name]}]}
        wanted = {"matchLabels": {f"node-role.kubernetes.io/{name}": ""}}
        body = {
            "metadata": {"generation": 1},
            "spec": {"machineConfigSelector": custom if selector is None else selector, "nodeSelector": wanted, **spec},
            "status": {"observedGeneration": 1},
        }
        return self.put(f"{POOLS}/{name}", body)

    def node(self, name: str, roles: t.Sequence[str], image: str = RHCOS, **labels: str) -> Json:
        """A Node that runs what its pool renders, and the pod of the machine config daemon on it."""
        body = {
            "metadata": {"labels": {**{f"node-role.kubernetes.io/{role}": "" for role in roles}, **labels}, "annotations": {}},
            "spec": {},
            "status": {
                "nodeInfo": {"osImage": image, "bootID": f"boot-{name}-0"},
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }
        stored = self.put(f"{NODES}/{name}", body)
        owner = {"ownerReferences": [{"kind": "DaemonSet", "controller": True}]}
        self.put(f"{DAEMONS}/mcd-{name}", {"metadata": owner, "spec": {"nodeName": name}, "status": {"phase": "Running"}})
        self.booted[name] = ()
        return stored

    def pod(
        self, name: str, node: str, labels: t.Mapping[str, str] | None = None, namespace: str = "team", ready: bool = True
    ) -> Json:
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        body = {
            "metadata": {
                "namespace": namespace,
                "labels": dict(labels or {}),
                "ownerReferences": [{"kind": "ReplicaSet", "controller": True}],
            },
            "spec": {"nodeName": node},
            "status": {"phase": "Running", "conditions": conditions},
        }
        return self.put(f"/api/v1/namespaces/{namespace}/pods/{name}", body)

    def budget(
        self, name: str, labels: t.Mapping[str, str], *, allowed: int = 0, healthy: int = 1, desired: int = 1, expected: int = 1
    ) -> Json:
        body = {
            "metadata": {"namespace": "team", "generation": 1},
            "spec": {"selector": {"matchLabels": dict(labels)}},
            "status": {
                "observedGeneration": 1,
                "disruptionsAllowed": allowed,
                "currentHealthy": healthy,
                "desiredHealthy": desired,
                "expectedPods": expected,
            },
        }
        return self.put(f"/apis/policy/v1/namespaces/team/poddisruptionbudgets/{name}", body)

    def of_pool(self, name: str) -> Json:
        return self.objects[f"{POOLS}/{name}"]

    def of_node(self, name: str) -> Json:
        return self.objects[f"{NODES}/{name}"]

    def condition(self, pool: str, kind: str, status: str = "True", **more: str) -> None:
        conditions = self.of_pool(pool)["status"].setdefault("conditions", [])
        conditions[:] = [entry for entry in conditions if entry["type"] != kind]
        conditions.append({"type": kind, "status": status, **more})

    # What the Machine Config Operator does

    def members(self, pool: str) -> list[str]:
        """Written apart from the plugin's rule: master first, then a pool of one's own, then worker."""
        names = [path.rsplit("/", 1)[1] for path in self.objects if path.startswith(f"{POOLS}/")]
        found = []
        for path, item in self.objects.items():
            if not path.startswith(f"{NODES}/"):
                continue
            roles = {key.rsplit("/", 1)[1] for key in item["metadata"]["labels"] if key.startswith("node-role.kubernetes.io/")}
            own = [name for name in names if name in roles and name not in ("master", "worker")]
            winner = "master" if "master" in roles else own[0] if own else "worker" if "worker" in roles else ""
            if winner == pool:
                found.append(path.rsplit("/", 1)[1])
        return found

    def sources(self, pool: str) -> list[str]:
        """MachineConfigs of role worker by name, then those of the pool's own role by name."""
        roles = [pool] if pool in ("master", "worker") else ["worker", pool]
        found = []
        for role in roles:
            paths = [
                path for path in self.objects if path.startswith(f"{CONFIGS}/") and not path.split("/")[-1].startswith("rendered-")
            ]
            found += sorted(
                p.rsplit("/", 1)[1] for p in paths if self.objects[p]["metadata"].get("labels", {}).get(f"{MCO}/role") == role
            )
        return found

    def render(self, *pools: str) -> None:
        """New targets; no node moves."""
        for name in pools or [path.rsplit("/", 1)[1] for path in list(self.objects) if path.startswith(f"{POOLS}/")]:
            sources = self.sources(name)
            specs = [self.objects[f"{CONFIGS}/{source}"]["spec"] for source in sources]
            spec = {
                "kernelArguments": [argument for one in specs for argument in one.get("kernelArguments") or ()],
                "extensions": [extension for one in specs for extension in one.get("extensions") or ()],
                "kernelType": next((one["kernelType"] for one in specs if one.get("kernelType")), "default"),
            }
            digest = hashlib.md5(repr((sources, sorted(spec.items()))).encode(), usedforsecurity=False).hexdigest()
            rendered = f"rendered-{name}-{digest}"
            self.put(f"{CONFIGS}/{rendered}", {"spec": spec})
            configuration = {"name": rendered, "source": [{"name": source} for source in sources]}
            self.of_pool(name)["spec"]["configuration"] = configuration

    def target(self, pool: str) -> str:
        return str(self.of_pool(pool)["spec"]["configuration"]["name"])

    def mark(self, node: str, **annotations: str) -> None:
        """Annotations of the machine config daemon on a Node."""
        self.of_node(node)["metadata"]["annotations"].update({f"{MCO}/{key}": value for key, value in annotations.items()})

    def boot(self, node: str, pool: str) -> None:
        """The node is done: rebooted where the arguments differ, and on the pool's target."""
        target = self.target(pool)
        arguments = tuple(self.objects[f"{CONFIGS}/{target}"]["spec"]["kernelArguments"])
        packaged = "CoreOS" not in self.of_node(node)["status"]["nodeInfo"]["osImage"]
        if not packaged and arguments != self.booted[node]:
            self._count += 1
            self.booted[node] = () if node in self.disobedient else arguments
            self.of_node(node)["status"]["nodeInfo"]["bootID"] = f"boot-{node}-{self._count}"
        self.mark(node, currentConfig=target, desiredConfig=target, state="Done", reason="")

    def count(self, pool: str) -> None:
        """The pool's status as the operator would write it now."""
        item, members, target = self.of_pool(pool), self.members(pool), self.target(pool)
        updated = [n for n in members if self.of_node(n)["metadata"]["annotations"].get(f"{MCO}/currentConfig") == target]
        everything = len(updated) == len(members)
        item["status"].update(
            machineCount=len(members), updatedMachineCount=len(updated), readyMachineCount=len(updated), degradedMachineCount=0
        )
        if everything:
            item["status"]["configuration"] = copy.deepcopy(item["spec"]["configuration"])
        self.condition(pool, "Updated", str(everything))
        self.condition(pool, "Updating", str(not everything))

    def finish(self, *pools: str) -> None:
        """Every node of the pools has the target."""
        for pool in pools or [path.rsplit("/", 1)[1] for path in list(self.objects) if path.startswith(f"{POOLS}/")]:
            for node in self.members(pool):
                self.boot(node, pool)
            self.count(pool)

    def settle(self) -> None:
        """Everything is rendered and rolled out."""
        self.render()
        self.finish()

    # What the API server answers

    def answer(self, read: Read) -> Answer:
        self.requests.append(read)
        if any(read.path.startswith(prefix) for prefix in self.forbidden):
            return Answer(403, {"message": f"forbidden: {read.path}"})
        if read.command:
            return self._exec(read)
        if read.path in self.objects:
            return Answer(200, copy.deepcopy(self.objects[read.path]))
        if read.path == "/apis":
            return Answer(200, {"groups": [{"name": group} for group in self.groups]})
        if not self.served and MCO in read.path:
            return Answer(404, {"message": "404 page not found"})
        if read.path in (CONFIGS, POOLS, NODES, PODS, BUDGETS, DAEMONS, "/apis/apps/v1/namespaces/azureml/deployments"):
            return Answer(200, {"items": self._list(read)})
        return Answer(404, {"message": "not found"})

    def _list(self, read: Read) -> list[Json]:
        base, plural = read.path.rsplit("/", 1)
        wanted = next((part.split("=")[1] for _key, part in read.query if part.startswith("spec.nodeName=")), "")
        found = []
        for path, item in self.objects.items():
            below = path.startswith(f"{base}/") and path.split("/")[-2] == plural
            if below and (not wanted or item["spec"]["nodeName"] == wanted):
                found.append(copy.deepcopy(item))
        return found

    def _exec(self, read: Read) -> Answer:
        node = read.path.split("/")[-2][len("mcd-") :]
        if node in self.broken_exec:
            return self.broken_exec[node]
        assert read.command[:2] == ("chroot", "/rootfs") and read.query == (("container", "machine-config-daemon"),)
        arguments = self.booted[node]
        mode = "disabled" if "selinux=0" in arguments else "permissive" if "enforcing=0" in arguments else "enforcing"
        return Answer(
            200,
            {"stdout": f"{MODES[mode]}\nBOOT_IMAGE=(hd0,gpt3)/vmlinuz rw {' '.join(arguments)}\n", "stderr": "", "exit_code": 0},
        )

    # What a run does

    def snapshot(self, request: Request) -> Snapshot:
        """Read as the engine does: stage after stage until nothing new is wanted."""
        self.requests = []
        snapshot = Snapshot({KUBE_SYSTEM: self.answer(KUBE_SYSTEM)})
        for _stage in range(10):
            new = [read for read in dict.fromkeys(reads(request, snapshot)) if read not in snapshot]
            if not new:
                return snapshot
            snapshot = snapshot.with_answers({read: self.answer(read) for read in new})
        raise AssertionError("reading never ends")

    def plan(self, **params: t.Any) -> Plan:
        request = request_of(**params)
        return plan(request, self.snapshot(request))

    def write(self, change: Change) -> None:
        """Make a change as the server would."""
        write = change.write
        assert write is not None
        if write.kind == "create":
            path = f"{write.path}/{write.body['metadata']['name']}"
            assert path not in self.objects, f"409: {path} exists"
            self.put(path, {"status": {}, **write.body} if write.path == POOLS else write.body)
        elif write.kind == "delete":
            assert write.body == {"preconditions": {"uid": self.objects[write.path]["metadata"]["uid"]}}
            del self.objects[write.path]
        else:
            assert write.kind == "json_patch"
            item = self.objects[write.path]
            for operation in write.body:
                _patch(item, operation)
            self.put(write.path, item)

    def apply(self, **params: t.Any) -> Plan:
        """Plan and write."""
        planned = self.plan(**params)
        for change in planned.changes:
            self.write(change)
        return planned

    def converge(self, **params: t.Any) -> Plan:
        """Write, let the operator work, and plan again until there is nothing to write or to wait for; the last plan."""
        for _round in range(8):
            planned = self.apply(**params)
            if not planned.changes and planned.wait is None:
                return planned
            self.settle()
        raise AssertionError("never done")


def _patch(item: Json, operation: Json) -> None:
    *parents, key = [token.replace("~1", "/").replace("~0", "~") for token in operation["path"].split("/")[1:]]
    place = item
    for parent in parents:
        place = place[parent]
    if operation["op"] == "test":
        assert place[key] == operation["value"], f"422: {operation}"
    elif operation["op"] == "remove":
        del place[key]
    else:
        place[key] = operation["value"]


def request_of(**params: t.Any) -> Request:
    """A request as the module makes it: defaults of the argument spec, SELinux disabled unless told otherwise, then `params`."""
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    chosen = {} if {"selinux", "kernel_arguments"} & set(params) or params.get("state") == "absent" else {"selinux": "disabled"}
    return parse({**defaults, **chosen, **params})


def codes_of(planned: Plan) -> set[str]:
    """Codes without their topic."""
    return {finding.code.split(".")[1] for finding in planned.findings}


def said(planned: Plan, code: str) -> t.Any:
    """The one finding with this code."""
    (found,) = [finding for finding in planned.findings if finding.code == f"selinux.{code}"]
    return found


def asked(cluster: Cluster) -> tuple[int, int]:
    """Requests and questions of the last snapshot."""
    questions = sum(bool(read.command) for read in cluster.requests)
    return len(cluster.requests) - questions, questions
