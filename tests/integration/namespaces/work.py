"""What the tests of compute_namespace do again and again on a sandbox."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Result
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.topic import TOPIC

from tests.integration.faults import work
from tests.sandbox import Sandbox
from tests.sandbox.errors import SandboxError

NAMESPACES = "/api/v1/namespaces"
NODES = "/api/v1/nodes"
ANNOTATION = "azureml.kubernetes/added"
Json = dict[str, Any]


def run(kubeconfig: Path, **options: Any) -> Result:
    """One task with one compute namespace, unless said otherwise."""
    return work.run(TOPIC, kubeconfig, **{"compute_namespaces": ["ml"], "wait_timeout": 30, **options})


def codes(result: Result) -> set[str]:
    return {finding.code.split(".")[1] for finding in result.findings}


def find(sandbox: Sandbox, path: str) -> Json | None:
    """An object, None when it is not there."""
    try:
        found: Json = sandbox.request("GET", path)
    except SandboxError as error:
        assert error.status == 404, error
        return None
    return found


def get(sandbox: Sandbox, path: str) -> Json:
    found = find(sandbox, path)
    assert found is not None, path
    return found


def meaning(sandbox: Sandbox, path: str) -> Json:
    """An object without what the server counts and who wrote it; empty lists and maps are none."""
    item = copy.deepcopy(get(sandbox, path))
    for name in ("resourceVersion", "managedFields", "generation"):
        item["metadata"].pop(name, None)
    item.pop("status", None)
    parts = {key: {k: v for k, v in value.items() if v} if isinstance(value, dict) else value for key, value in item.items()}
    return {key: value for key, value in parts.items() if value}


def taints(sandbox: Sandbox, node: str) -> list[str]:
    entries = get(sandbox, f"{NODES}/{node}")["spec"].get("taints") or []
    return [f"{entry['key']}={entry.get('value', '')}:{entry['effect']}" for entry in entries]


def workers(sandbox: Sandbox, selector: str) -> list[str]:
    """Names of the nodes with a label."""
    listed = sandbox.request("GET", f"{NODES}?labelSelector={selector}")["items"]
    return sorted(str(item["metadata"]["name"]) for item in listed)


def pod(name: str, node: str, namespace: str = "default", **spec: Any) -> Json:
    """A pod that is on a node."""
    container = {"name": "main", "image": "example.invalid/main"}
    body = {"nodeName": node, "containers": [container], "terminationGracePeriodSeconds": 0, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": body}


def quota(name: str, **hard: str) -> Json:
    """A ResourceQuota in namespace ml; `_` in a key stands for `.`."""
    amounts = {key.replace("_", "."): value for key, value in hard.items()}
    metadata = {"name": name, "namespace": "ml"}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": amounts}}
