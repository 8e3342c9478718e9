"""What a test says to the emulated MachineConfig operator, and how it adds, breaks and asks nodes."""

from __future__ import annotations

import copy
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.sandbox.client import Client, in_parallel, until
from tests.sandbox.errors import SandboxError
from tests.sandbox.kubelet import AWAY, KUBELET, away_status, is_ready

from .daemon import initial_annotations
from .hosts import Host, Hosts, Mode
from .names import (
    CURRENT,
    DAEMON_CONTAINER,
    DAEMON_NAMESPACE,
    EXECS,
    MACHINE_CONFIGS,
    NODES,
    POOLS,
    SETTINGS,
    SETTINGS_NAME,
    Object,
    annotations_of,
    name_of,
)
from .settings import FAIL_NODE, FAIL_RENDER

_MERGE = "application/merge-patch+json"
_DAEMONS = f"/api/v1/namespaces/{DAEMON_NAMESPACE}/pods?labelSelector=k8s-app%3Dmachine-config-daemon"
_READY_SECONDS = 60.0
_EXEC_SECONDS = 30.0


@dataclass(frozen=True)
class MachineConfigOperator:
    """The emulator of one sandbox. Every call that talks to the API server raises SandboxError."""

    client: Client
    directory: Path
    kubectl: Path
    kubeconfig: Path

    # --- settings and faults -------------------------------------------------------------------

    def configure(self, **seconds: float) -> None:
        """Set ``render_delay``, ``drain_seconds``, ``drain_retry`` or ``reboot_seconds`` until the next reset."""
        self._write_settings({name: str(value) for name, value in seconds.items()})

    def fail_node(self, node: str, reason: str) -> None:
        """From now on let every update of ``node`` fail for ``reason``; "" heals it."""
        self._write_settings({f"{FAIL_NODE}{node}": reason or None})

    def fail_render(self, pool: str, reason: str) -> None:
        """From now on let ``pool`` fail to render for ``reason``; "" heals it."""
        self._write_settings({f"{FAIL_RENDER}{pool}": reason or None})

    def _write_settings(self, data: Mapping[str, str | None]) -> None:
        self.client.request("PATCH", f"{SETTINGS}/{SETTINGS_NAME}", {"data": data}, content_type=_MERGE)

    # --- nodes ---------------------------------------------------------------------------------

    def add_nodes(
        self, count: int, *, like: str, name: str = "added-{index}", labels: Mapping[str, str] | None = None
    ) -> list[str]:
        """Add ``count`` nodes like node ``like``, with more ``labels``; returns their names when one can exec into all."""
        model = self._node(like)
        names = [name.format(index=index) for index in range(count)]
        in_parallel(lambda item: self.client.request("POST", NODES, _copy(model, item, labels or {})), names)
        until("added nodes Ready", lambda: all(is_ready(node) for node in self._nodes() if name_of(node) in names))
        self.wait_ready()
        return names

    def stop_kubelet(self, node: str) -> None:
        """Make ``node`` NotReady, for the API server unreachable, until ``start_kubelet``."""
        self._patch(node, {"metadata": {"annotations": {KUBELET: AWAY}}})
        self._patch(f"{node}/status", {"status": away_status(self._node(node))})

    def start_kubelet(self, node: str) -> None:
        """Let ``node`` become Ready again, and wait for it."""
        self._patch(node, {"metadata": {"annotations": {KUBELET: None}}})
        until(f"node {node} Ready", lambda: is_ready(self._node(node)))

    def host(self, node: str) -> Host:
        """Return the operating system of ``node`` as it runs now."""
        host = Hosts.of(self.directory).read(node)
        if host is None:
            raise SandboxError(f"node {node} has no emulated operating system")
        return host

    def change_host(self, node: str, *, arguments: Sequence[str] | None = None, mode: Mode | None = None) -> None:
        """Change kernel arguments or ``/etc/selinux/config`` on ``node`` as an administrator would; acts at the next boot."""
        Hosts.of(self.directory).write(node, self.host(node).changed(arguments, mode))

    def reboot_host(self, node: str, *, seconds: float = 0.2) -> str:
        """Reboot ``node`` from outside the cluster and return its new boot id once it is Ready."""
        self.stop_kubelet(node)
        time.sleep(seconds)
        host = self.host(node).booted(str(uuid.uuid4()))
        Hosts.of(self.directory).write(node, host)
        info = {**self._node(node)["status"]["nodeInfo"], "bootID": host.boot_id}
        self._patch(f"{node}/status", {"status": {"nodeInfo": info}})
        self.start_kubelet(node)
        return host.boot_id

    def exec(self, node: str, *command: str) -> str:
        """Run ``command`` in the machine config daemon of ``node`` through the API server and return standard output.

        Raises SandboxError with what kubectl said when it fails.
        """
        pods = [pod for pod in self.client.request("GET", _DAEMONS)["items"] if pod["spec"].get("nodeName") == node]
        if not pods:
            raise SandboxError(f"no machine config daemon runs on node {node}")
        call = [str(self.kubectl), f"--kubeconfig={self.kubeconfig}", "exec", "-n", DAEMON_NAMESPACE, name_of(pods[0])]
        call += ["-c", DAEMON_CONTAINER, "--", *command]
        done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=_EXEC_SECONDS)
        if done.returncode:
            raise SandboxError(f"exec on node {node} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    # --- pools ---------------------------------------------------------------------------------

    def pool(self, name: str) -> Object:
        """Return a MachineConfigPool."""
        found: Object = self.client.request("GET", f"{POOLS}/{name}")
        return found

    def wait_updated(self, pool: str, *, source: str = "", seconds: float = 30.0) -> Object:
        """Wait until every node of ``pool`` has the configuration it targets, made of MachineConfig ``source`` if given."""
        until(f"pool {pool} updated", lambda: _is_updated(self.pool(pool), source), seconds=seconds)
        return self.pool(pool)

    # --- reset ---------------------------------------------------------------------------------

    def wait_ready(self) -> None:
        """Wait until one can exec into every daemon's pod and the emulator has nothing to put straight."""
        until("machine config daemons can exec", self._is_ready, seconds=_READY_SECONDS)

    def _is_ready(self) -> bool:
        daemons = {(name_of(pod), pod["spec"].get("nodeName")) for pod in self.client.request("GET", _DAEMONS)["items"]}
        targets = {name_of(item) for item in self.client.request("GET", EXECS)["items"]}
        nodes = {name_of(node) for node in self._nodes() if annotations_of(node).get(CURRENT)}
        configs = self.client.request("GET", MACHINE_CONFIGS)["items"]
        rendered = [item for item in configs if name_of(item).startswith("rendered-")]
        return (
            {name for name, _node in daemons} == targets
            and nodes <= {node for _name, node in daemons}
            and all(item["metadata"].get("ownerReferences") for item in rendered)
        )

    def remember(self) -> None:
        """Remember the operating systems as they are now."""
        self.wait_ready()
        self._pristine_hosts.restore(Hosts.of(self.directory))

    def restore(self) -> None:
        """Bring back the operating systems as they were remembered."""
        Hosts.of(self.directory).restore(self._pristine_hosts)

    @property
    def _pristine_hosts(self) -> Hosts:
        return Hosts(self.directory / "pristine-hosts")

    def _nodes(self) -> list[Object]:
        found: list[Object] = self.client.request("GET", NODES)["items"]
        return found

    def _node(self, name: str) -> Object:
        found: Object = self.client.request("GET", f"{NODES}/{name}")
        return found

    def _patch(self, path: str, change: Object) -> None:
        self.client.request("PATCH", f"{NODES}/{path}", change, content_type=_MERGE)


def _copy(model: Object, name: str, labels: Mapping[str, str]) -> Object:
    """Return a new Node like ``model``, as it is before its kubelet has said anything."""
    old = model["metadata"]
    own = {**old["labels"], "kubernetes.io/hostname": name, **labels}
    kept = {key: value for key, value in annotations_of(model).items() if key not in initial_annotations("")}
    status = copy.deepcopy({key: model["status"][key] for key in ("capacity", "allocatable", "nodeInfo")})
    status["nodeInfo"]["bootID"] = str(uuid.uuid4())
    status["addresses"] = [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}]
    metadata = {"name": name, "labels": own, "annotations": kept}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}, "status": status}


def _is_updated(pool: Object, source: str) -> bool:
    target, status = pool["spec"]["configuration"], pool["status"]
    has_source = not source or source in {item["name"] for item in target["source"]}
    updated = {item["type"]: item["status"] for item in status["conditions"]}.get("Updated") == "True"
    current = status["observedGeneration"] >= pool["metadata"]["generation"]
    return has_source and updated and current and status["configuration"]["name"] == target["name"]
