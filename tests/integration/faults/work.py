"""What the fault tests do again and again: a run of scc_grant, the objects it leaves, and the way back."""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Result
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import engine
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.module import argument_spec
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.topic import TOPIC

from tests.sandbox import Sandbox
from tests.sandbox.errors import SandboxError

SCC = "/apis/security.openshift.io/v1/securitycontextconstraints/privileged"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
BINDING = "azureml-scc-privileged"
_SERVER_FIELDS = ("resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")


def run(topic: Topic, kubeconfig: Path, *, check_mode: bool = False, **options: Any) -> Result:
    """One task, in this process, as the action plugin would run it."""
    validation = ArgumentSpecValidator(argument_spec(topic), **topic.rules).validate({"kubeconfig": str(kubeconfig), **options})
    assert not validation.error_messages, validation.error_messages
    return engine.run(topic, validation.validated_parameters, engine.Context(check_mode=check_mode, environ=dict(os.environ)))


def grant(kubeconfig: Path, **options: Any) -> Result:
    """scc_grant with an extension name and, unless said otherwise, one compute namespace."""
    return run(TOPIC, kubeconfig, **{"extension_name": "ml", "compute_namespaces": ["team"], **options})


def errors(result: Result) -> list[str]:
    """Every finding that is an error, as one line each."""
    return [finding.line() for finding in result.findings if finding.severity == "error"]


@dataclass
class Bench:
    """The objects that scc_grant touches, on a sandbox: how they are, and the way back to how they were."""

    sandbox: Sandbox
    scc: dict[str, Any]

    @classmethod
    def of(cls, sandbox: Sandbox) -> Bench:
        bench = cls(sandbox, sandbox.request("GET", SCC))
        bench.undo()
        return bench

    def bindings(self) -> list[dict[str, Any]]:
        listed = self.sandbox.request("GET", f"{RBAC}/rolebindings?fieldSelector=metadata.name={BINDING}")["items"]
        return sorted(listed, key=lambda item: str(item["metadata"]["namespace"]))

    def objects(self, namespaces: Mapping[str, str] | None = None) -> str:
        """Everything that was or could be written, but for what the server sets. `namespaces` renames for comparison."""
        found = [self.sandbox.request("GET", SCC), *self.bindings()]
        for name in ("azureml", *(namespaces or {"team": "team"})):
            try:
                found.append(self.sandbox.request("GET", f"/api/v1/namespaces/{name}"))
            except SandboxError as error:
                assert error.status == 404, error
        text = json.dumps([_meaning(item) for item in found], indent=1, sort_keys=True)
        for name, common in (namespaces or {}).items():
            text = text.replace(name, common)
        return text

    def undo(self) -> None:
        """The SCC as it was, no binding. Namespaces stay: they take long to go."""
        now = self.sandbox.request("GET", SCC)
        then = copy.deepcopy(self.scc)
        then["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"]
        self.sandbox.request("PUT", f"{SCC}?fieldManager=sandbox", then)
        for binding in self.bindings():
            self.sandbox.request("DELETE", f"{RBAC}/namespaces/{binding['metadata']['namespace']}/rolebindings/{BINDING}")

    def users(self) -> list[str]:
        return list(self.sandbox.request("GET", SCC).get("users") or [])


def _meaning(item: dict[str, Any]) -> dict[str, Any]:
    kept = copy.deepcopy(item)
    metadata = kept["metadata"]
    for name in _SERVER_FIELDS:
        metadata.pop(name, None)
    managers = [{k: v for k, v in entry.items() if k != "time"} for entry in metadata.get("managedFields") or []]
    metadata["managedFields"] = sorted(managers, key=lambda entry: json.dumps(entry, sort_keys=True))
    if kept.get("kind") == "Namespace":
        kept.pop("status", None)
    return kept


def until(what: str, check: Any, seconds: float = 20) -> None:
    """Wait for a condition of another process."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.005)
