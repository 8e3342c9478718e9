"""What the tests of nvidia_device_plugin do again and again: run it in this process, and be the kubelet that counts GPUs."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Result
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.topic import TOPIC

from tests.integration.faults.work import run
from tests.sandbox import Sandbox
from tests.sandbox.errors import SandboxError

Json = dict[str, Any]
NS = "gpu-resources"
NAME = "azureml-nvidia-device-plugin"
DAEMON_SET = f"/apis/apps/v1/namespaces/{NS}/daemonsets/{NAME}"
GPU_NODES = tuple(f"aks-gpupool-12345678-vmss00000{number}" for number in (0, 1))


def plugin(kubeconfig: Path, **options: Any) -> Result:
    """nvidia_device_plugin, which waits for half a minute at most."""
    return run(TOPIC, kubeconfig, **{"wait_timeout": 30, **options})


def get(sandbox: Sandbox, path: str) -> Json | None:
    try:
        found: Json = sandbox.request("GET", path)
    except SandboxError as error:
        assert error.status == 404, error
        return None
    return found


def offer(sandbox: Sandbox, node: str, gpus: int, *, healthy: int | None = None) -> None:
    """What the kubelet writes once a plugin has registered."""
    numbers = {
        "capacity": {"nvidia.com/gpu": str(gpus)},
        "allocatable": {"nvidia.com/gpu": str(gpus if healthy is None else healthy)},
    }
    path = f"/api/v1/nodes/{node}/status"
    sandbox.request("PATCH", path, {"status": numbers}, content_type="application/merge-patch+json")


def plugin_nodes(sandbox: Sandbox, namespace: str = NS) -> set[str]:
    """Nodes on which a pod of a DaemonSet is ready."""
    pods = sandbox.request("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
    ready = [
        pod for pod in pods if any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
    ]
    return {pod["spec"]["nodeName"] for pod in ready if pod["metadata"]["ownerReferences"][0]["kind"] == "DaemonSet"}


@contextmanager
def kubelets(sandbox: Sandbox, namespace: str = NS, *, gpus: int = 1) -> Iterator[None]:
    """Count GPUs on every node as soon as a plugin's pod is ready there."""
    ended = threading.Event()
    failed: list[BaseException] = []

    def count() -> None:
        served: set[str] = set()
        while not ended.is_set():
            try:
                for node in plugin_nodes(sandbox, namespace) - served:
                    offer(sandbox, node, gpus)
                    served.add(node)
            except SandboxError as error:
                failed.append(error)
                return
            time.sleep(0.1)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        assert failed == []


def codes(result: Result) -> dict[str, str]:
    """Severity by code."""
    return {finding.code: finding.severity for finding in result.findings}


def rows(result: Result, key: str = "verdict") -> dict[str, Any]:
    """What is said of each node."""
    return {entry["node"]: entry[key] for entry in result.facts["gpu"]["nodes"]}


def requests(sandbox: Sandbox) -> Counter[str]:
    """How many requests of each kind the front door saw since it was last asked."""
    door = sandbox.front_door.door("main")
    kinds = Counter("watch" if "watch=1" in entry.query else "read" if entry.method == "GET" else "write" for entry in door.log())
    door.clear_log()
    return kinds


def job_pod(name: str, node: str) -> list[Json]:
    """A pod of somebody that holds a GPU."""
    container = {"name": "c", "image": "train:v1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    spec = {"containers": [container], "nodeSelector": {"kubernetes.io/hostname": node}, "tolerations": [{"operator": "Exists"}]}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ml"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "ml"}, "spec": spec},
    ]


def how_to_of_aks(namespace: str = "kube-system") -> Json:
    """The DaemonSet of the AKS documentation."""
    labels = {"name": "nvidia-device-plugin-ds"}
    container = {"name": "nvidia-device-plugin-ctr", "image": "nvcr.io/nvidia/k8s-device-plugin:v0.18.0"}
    spec = {
        "tolerations": [{"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}],
        "nodeSelector": {"accelerator": "nvidia"},
        "containers": [container],
    }
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "nvidia-device-plugin-daemonset", "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
