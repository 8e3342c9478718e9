"""The cluster around the virtual machine: a sandbox in which one Node, with one pod, stands for it.

`Kubelet` stands in for the machine's kubelet: it keeps the Node's bootID and condition Ready in step with what the machine
itself says over SSH; kwok plays the Node's pods and its Lease. It does not prove anything about a real kubelet: no
container runs, a pod ends at once, NotReady comes as soon as the connection breaks and not after a grace period.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading

from tests.sandbox import Object, Sandbox, SandboxError
from tests.sandbox.kubelet import AWAY, KUBELET, is_ready, now

from .machine import Machine

NODE = "virtual-machine"
OTHER_NODE = "k3s-server"
NAMESPACE = "jobs"
_TICK_SECONDS = 0.5
_BEATS = "while cat /proc/sys/kernel/random/boot_id; do sleep 1; done"
_STRATEGIC = "application/strategic-merge-patch+json"


def ready(is_ready: bool) -> Object:
    """The Node's condition Ready."""
    reason = "KubeletReady" if is_ready else "KubeletNotReady"
    return {"type": "Ready", "status": str(is_ready), "reason": reason, "message": "", "lastTransitionTime": now()}


def node(boot_id: str) -> Object:
    """The Node that stands for the machine."""
    size = {"cpu": "1", "memory": "1Gi", "pods": "10"}
    info = {
        "architecture": "amd64", "operatingSystem": "linux", "kubeletVersion": "v1.34.2+k3s1", "kubeProxyVersion": "",
        "osImage": "Debian GNU/Linux", "kernelVersion": "6.1.0", "containerRuntimeVersion": "containerd://2.1.5-k3s1",
        "bootID": boot_id, "systemUUID": "", "machineID": "",
    }  # fmt: skip
    labels = {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    # kwok leaves the status of a Node with this annotation to us.
    metadata = {"name": NODE, "labels": labels, "annotations": {KUBELET: AWAY}}
    addresses = [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": NODE}]
    status = {"capacity": size, "allocatable": size, "nodeInfo": info, "addresses": addresses, "conditions": [ready(True)]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}, "status": status}


def workload() -> list[Object]:
    """A Deployment whose pod has to be on the machine's Node, so that there is something to drain."""
    labels = {"app": "training"}
    spec = {"nodeSelector": {"kubernetes.io/hostname": NODE}, "containers": [{"name": "main", "image": "training:1"}]}
    template = {"metadata": {"labels": labels}, "spec": spec}
    metadata = {"name": "training", "namespace": NAMESPACE}
    deployment = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": deployment},
    ]


class Kubelet:
    """The stand-in for the machine's kubelet; see the module's docstring."""

    def __init__(self, sandbox: Sandbox, machine: Machine) -> None:
        self._sandbox = sandbox
        self._machine = machine
        self._boot_id = machine.boot_id()
        self._alive = True
        self._stop = threading.Event()
        self._pipe: subprocess.Popen[str] | None = None
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._listen, self._tell)]

    def start(self) -> None:
        """Create the Node and its workload, and keep the Node in step until `stop`."""
        self._sandbox.apply([node(self._boot_id), *workload()])
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads."""
        self._stop.set()
        if self._pipe is not None:
            self._pipe.kill()
        for thread in self._threads:
            thread.join(timeout=30)

    def _listen(self) -> None:
        """Follow what the machine says its boot is; silence is a machine that is down."""
        while not self._stop.is_set():
            with subprocess.Popen(
                self._machine.ssh(_BEATS), env=self._machine.environment(), text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            ) as self._pipe:  # fmt: skip
                for line in self._pipe.stdout or ():
                    self._boot_id, self._alive = line.strip(), True
                self._alive = False
            self._stop.wait(1.0)

    def _tell(self) -> None:
        """Write the Node's status whenever it is not what was told last."""
        told: tuple[str, bool] | None = None
        while not self._stop.wait(_TICK_SECONDS):
            seen = (self._boot_id, self._alive)
            if seen == told:
                continue
            status = {"nodeInfo": {"bootID": seen[0]}, "conditions": [ready(seen[1])]}
            # A write that is lost is done again at the next tick.
            with contextlib.suppress(SandboxError):
                self._sandbox.request("PATCH", f"/api/v1/nodes/{NODE}/status", {"status": status}, content_type=_STRATEGIC)
                told = seen


class Cluster:
    """What the cluster says about the machine's Node."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def node(self, name: str = NODE) -> Object:
        """A Node."""
        answer: Object = self.sandbox.request("GET", f"/api/v1/nodes/{name}")
        return answer

    def is_ready(self) -> bool:
        """Whether the machine's Node is Ready."""
        return is_ready(self.node())

    def is_cordoned(self) -> bool:
        """Whether no new pod may come to the machine's Node."""
        return bool(self.node()["spec"].get("unschedulable"))

    def running_pods(self) -> list[str]:
        """The names of the workload's pods that run on the machine's Node."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods?fieldSelector=spec.nodeName={NODE}"
        listed = self.sandbox.request("GET", path)["items"]
        return sorted(pod["metadata"]["name"] for pod in listed if pod["status"].get("phase") == "Running")
