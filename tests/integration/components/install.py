"""The recorded extension in a sandbox, whose controllers and kwok run it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.integration.components.listing import NAMESPACE, Json
from tests.integration.faults.work import until
from tests.sandbox import Sandbox
from tests.sandbox.errors import SandboxError

BASE = f"/api/v1/namespaces/{NAMESPACE}"
APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_LISTS = {
    "Deployment": f"{APPS}/deployments",
    "DaemonSet": f"{APPS}/daemonsets",
    "StatefulSet": f"{APPS}/statefulsets",
    "Service": f"{BASE}/services",
    "CustomResourceDefinition": _DEFINITIONS,
}
_LATER = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")


def install(sandbox: Sandbox, objects: Sequence[Json], *, wait: bool = True) -> None:
    """Make everything, and wait until it runs. The health check's pod is then completed, as nobody runs containers here."""
    namespace: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    if exists(sandbox, f"{BASE}") is None:
        sandbox.request("POST", "/api/v1/namespaces", namespace)
    # Pods need the account that the controller makes for a new namespace.
    until("the account is there", lambda: exists(sandbox, f"{BASE}/serviceaccounts/default"))
    # A reset deletes definitions, and what is still going takes with it what is applied to it.
    until("no definition is going any more", lambda: not any(map(_is_going, sandbox.request("GET", _DEFINITIONS)["items"])))
    sandbox.apply([item for item in objects if item["kind"] not in _LATER])
    if any(item["kind"] == "Pod" for item in objects):
        until("the health check runs", lambda: phase(sandbox, "healthcheck") == "Running")
        done = {"status": {"phase": "Succeeded", "conditions": [], "containerStatuses": []}}
        sandbox.request("PATCH", f"{BASE}/pods/healthcheck/status", done, content_type="application/merge-patch+json")
    if wait:
        until("everything is there and ready", lambda: _complete(sandbox, objects) and not unready(sandbox), 60)
    sandbox.apply([item for item in objects if item["kind"] in _LATER])


def _complete(sandbox: Sandbox, objects: Sequence[Json]) -> bool:
    """Whether nothing was taken away again, as by a namespace of the same name that is still being emptied; else it is put back."""
    gone = [item for item in objects if item["kind"] in _LISTS and item["metadata"]["name"] not in _names(sandbox, item["kind"])]
    if gone:
        sandbox.apply(gone)
    return not gone


def _names(sandbox: Sandbox, kind: str) -> set[str]:
    return {item["metadata"]["name"] for item in sandbox.request("GET", _LISTS[kind])["items"]}


def _is_going(item: Json) -> bool:
    return "deletionTimestamp" in item["metadata"]


def exists(sandbox: Sandbox, path: str) -> Json | None:
    """An object, None when it is not there."""
    try:
        found: Json = sandbox.request("GET", path)
    except SandboxError as error:
        if error.status != 404:
            raise
        return None
    return found


def phase(sandbox: Sandbox, pod: str) -> str:
    return str((exists(sandbox, f"{BASE}/pods/{pod}") or {}).get("status", {}).get("phase", ""))


def unready(sandbox: Sandbox) -> list[str]:
    """Names of workloads that are not ready yet."""
    late = []
    for plural in ("deployments", "statefulsets", "daemonsets"):
        for item in sandbox.request("GET", f"{APPS}/{plural}")["items"]:
            if not _is_ready(plural, item):
                late.append(item["metadata"]["name"])
    return late


def _is_ready(plural: str, item: Any) -> bool:
    status = item.get("status", {})
    if status.get("observedGeneration", 0) < item["metadata"]["generation"]:
        return False
    if plural == "daemonsets":
        return bool(status.get("numberReady", 0) == status.get("desiredNumberScheduled") > 0)
    return bool(status.get("readyReplicas", 0) == status.get("updatedReplicas", 0) == item["spec"]["replicas"])
