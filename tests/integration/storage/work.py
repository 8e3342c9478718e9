"""What the tests of job_storage do again and again: run it in this process, and look at what it left."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Result
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.topic import TOPIC

from tests.integration.faults.work import run
from tests.sandbox import Sandbox
from tests.sandbox.errors import SandboxError

Json = dict[str, Any]
VOLUMES = "/api/v1/persistentvolumes"
CLAIMS = "/api/v1/namespaces/ml/persistentvolumeclaims"
SECRET_KEYS = ("azurestorageaccountname", "azurestorageaccountkey")

NFS: Json = {"name": "data", "type": "nfs", "server": "10.0.0.4", "path": "/export", "mount_path": "/mnt/data"}


def storage(kubeconfig: Path, *volumes: Json, **options: Any) -> Result:
    """job_storage for namespace ml unless said otherwise."""
    return run(TOPIC, kubeconfig, **{"compute_namespaces": ["ml"], "volumes": list(volumes), **options})


def namespace(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def secret(name: str, *keys: str, value: str = "not-a-secret") -> Json:
    metadata = {"name": name, "namespace": "ml"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict.fromkeys(keys, value)}


def claim(name: str, **spec: Any) -> Json:
    """A claim that somebody else makes."""
    full = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    metadata = {"name": name, "namespace": "ml"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": full}


def pod(name: str, claim_name: str) -> Json:
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}
    container = {"name": "job", "image": "job", "volumeMounts": [{"name": "data", "mountPath": "/mnt/data"}]}
    spec = {"containers": [container], "volumes": [volume]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "ml"}, "spec": spec}


def prepare(sandbox: Sandbox, *objects: Json) -> None:
    """Namespace ml, its default account, and more."""
    sandbox.apply([namespace("ml"), *objects])


def get(sandbox: Sandbox, path: str) -> Json | None:
    try:
        found: Json = sandbox.request("GET", path)
    except SandboxError as error:
        assert error.status == 404, error
        return None
    return found


def states(result: Result) -> dict[str, str]:
    """State by name of the volume."""
    return {entry["name"]: entry["state"] for entry in result.facts["storage"]["volumes"]}


def codes(result: Result) -> dict[str, str]:
    """Severity by code."""
    return {finding.code: finding.severity for finding in result.findings}


def requests(sandbox: Sandbox) -> Counter[str]:
    """How many requests of each kind the front door saw since it was last asked."""
    door = sandbox.front_door.door("main")
    kinds = Counter("watch" if "watch=1" in entry.query else "read" if entry.method == "GET" else "write" for entry in door.log())
    door.clear_log()
    return kinds
