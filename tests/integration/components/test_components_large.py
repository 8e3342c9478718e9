"""A namespace full of jobs: the numbers of a judgement with 2,000 pods and 5,000 events, on a real API server."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.integration.components.install import APPS, BASE, install
from tests.integration.components.listing import NAMESPACE, installed
from tests.integration.faults.work import until
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.extension, pytest.mark.slow, pytest.mark.xdist_group("aks-gpu")]

ROOT = Path(__file__).parents[3]
PODS, EVENTS = 2000, 5000
SECONDS, MEBIBYTES, REQUESTS = 1.5, 150, 6


def pod(number: int) -> dict[str, Any]:
    """A pod of a job; nobody schedules it, so that nothing runs beside the measurement."""
    labels = {f"ml.azure.com/{key}": f"value-{number}" for key in ("workspace", "compute", "job", "resource-group", "experiment")}
    mounts = [{"name": f"v{one}", "mountPath": f"/mnt/{one}"} for one in range(3)]
    container = {
        "name": "execution-wrapper",
        "image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04",
        "env": [{"name": f"AZUREML_{one}", "value": f"value {one}"} for one in range(20)],
        "volumeMounts": mounts,
        "resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}},
    }
    volumes = [{"name": mount["name"], "emptyDir": {}} for mount in mounts]
    spec = {"schedulerName": "nobody", "containers": [container], "volumes": volumes}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"job-{number:04}", "labels": labels}, "spec": spec}


def event(number: int) -> dict[str, Any]:
    name = f"job-{number % PODS:04}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{number:x}", "namespace": NAMESPACE},
        "involvedObject": {"kind": "Pod", "namespace": NAMESPACE, "name": name, "uid": f"{number:036}", "apiVersion": "v1"},
        "reason": "Unschedulable",
        "message": f"0/5 nodes are available, as event number {number} says in words that are as long as those of a scheduler.",
        "type": "Warning",
        "count": 3,
        "firstTimestamp": "2026-11-24T10:00:00Z",
        "lastTimestamp": "2026-11-24T11:00:00Z",
        "source": {"component": "volcano"},
    }


def fill(sandbox: Sandbox) -> None:
    """All pods and events."""
    wanted = [(f"{BASE}/pods", pod(number)) for number in range(PODS)]
    wanted += [(f"{BASE}/events", event(number)) for number in range(EVENTS)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: sandbox.request("POST", *one), wanted))


def test_a_full_namespace_is_judged_quickly_and_in_little_space(aks_gpu: Sandbox) -> None:
    install(aks_gpu, installed("training", "aks"))
    body = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}, "template": {"spec": {"nodeSelector": {"a": "b"}}}}}
    aks_gpu.request("PATCH", f"{APPS}/deployments/gateway", body, content_type="application/merge-patch+json")
    fill(aks_gpu)
    until("the gateway is down", lambda: not aks_gpu.request("GET", f"{APPS}/deployments/gateway")["status"].get("readyReplicas"))
    command = [sys.executable, "-m", "tests.integration.components.measured", str(aks_gpu.kubeconfig)]
    numbers = []
    for _round in range(3):
        aks_gpu.front_door.door("main").clear_log()
        told = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60).stdout)
        assert [code for code, _subject, _message in told["errors"]] == ["components.unschedulable"], told
        # One more tells which cluster it is, as with every module.
        assert len(aks_gpu.front_door.door("main").log()) <= REQUESTS + 1
        numbers.append(told)
    print([(round(one["seconds"], 2), round(one["mebibytes"])) for one in numbers])
    assert min(one["seconds"] for one in numbers) <= SECONDS, numbers
    assert max(one["mebibytes"] for one in numbers) <= MEBIBYTES, numbers
