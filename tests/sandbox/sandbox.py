"""One running sandbox, seen from a test or from the command line."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from . import pristine
from .certs import Authority, Pair
from .client import Client, Object, until, write_in_order
from .errors import SandboxError
from .front_door import FrontDoor
from .kubeconfig import write_kubeconfig
from .mco.handle import MachineConfigOperator
from .mco.held import held
from .paths import read_json
from .processes import is_same_process, wait_gone
from .profile import MACHINE_CONFIG_OPERATOR, load

_MASTERS = ("system:masters",)
_TOKEN_NAMESPACE = "kube-system"
_TOKEN_ACCOUNT = "sandbox-admin"
_DOWN_SECONDS = 10.0


class Sandbox:
    """A running control plane with one profile.

    Made by ``up`` or ``attach``. Every call that talks to the API server raises SandboxError, with the HTTP status
    where there is one.
    """

    def __init__(self, directory: Path) -> None:
        state: dict[str, Any] = read_json(directory / "state.json")
        self.directory = directory
        self.name: str = state["name"]
        self.profile: str = state["profile"]
        self.direct_url: str = state["direct_url"]
        self.url: str = state["front_door"]["doors"]["main"]
        self.kubectl = Path(state["programs"]["kubectl"])
        self.crd_directory = Path(state["crds"])
        self.front_door = FrontDoor(state["front_door"]["admin"])
        self.ca_file = directory / "pki" / "ca.crt"
        self._supervisor: tuple[int, str] = (state["supervisor"]["pid"], state["supervisor"]["started"])

    def __repr__(self) -> str:
        return f"<Sandbox {self.name} ({self.profile}) at {self.url}>"

    @property
    def kubeconfig(self) -> Path:
        """Kubeconfig of user ``admin`` (group system:masters) through door ``main``."""
        return self.kubeconfig_for("admin", _MASTERS)

    @property
    def direct_kubeconfig(self) -> Path:
        """Kubeconfig of the same user straight to the API server."""
        return self.kubeconfig_for("admin", _MASTERS, direct=True)

    @cached_property
    def client(self) -> Client:
        """A pooled client, as user ``admin``, straight to the API server."""
        return Client(self.direct_url, self.ca_file, self._pair("admin", _MASTERS))

    @cached_property
    def _keeper(self) -> Client:
        # The one user whom emulated denials let through, as on a managed OpenShift.
        return Client(self.direct_url, self.ca_file, self._pair("system:admin", _MASTERS))

    @property
    def _pristine(self) -> Path:
        return self.directory / "pristine.json"

    def _pair(self, user: str, groups: Sequence[str]) -> Pair:
        """Return the client certificate of ``user``, issued on first use."""
        digest = hashlib.sha256("\0".join([user, *groups]).encode()).hexdigest()[:12]
        stem = f"{''.join(char if char.isalnum() else '-' for char in user)}-{digest}"
        folder = self.directory / "users"
        pair = Pair(folder / f"{stem}.crt", folder / f"{stem}.key")
        # The certificate is written last, so its presence means both are there.
        if not pair.cert.exists():
            Authority(self.directory / "pki", "ca").issue(stem, user, organizations=groups, directory=folder)
        return pair

    def _kubeconfig(self, server: str, label: str, user: str, groups: Sequence[str]) -> Path:
        pair = self._pair(user, groups)
        digest = hashlib.sha256(server.encode()).hexdigest()[:8]
        path = pair.cert.with_name(f"{pair.cert.stem}-{label}-{digest}.kubeconfig")
        if path.exists():
            return path
        return write_kubeconfig(path, server=server, ca=self.ca_file, client=pair, user=user, context=self.name)

    def kubeconfig_for(self, user: str, groups: Sequence[str] = (), *, door: str = "main", direct: bool = False) -> Path:
        """Return a kubeconfig for ``user`` in ``groups``, through ``door`` or straight to the API server."""
        if direct:
            return self._kubeconfig(self.direct_url, "direct", user, groups)
        url = self.url if door == "main" else self.front_door.door(door).url
        return self._kubeconfig(url, f"door-{door}", user, groups)

    def door_kubeconfig(self, door_name: str, *, user: str = "admin", groups: Sequence[str] = _MASTERS) -> Path:
        """Return a kubeconfig through door ``door_name``."""
        return self.kubeconfig_for(user, groups, door=door_name)

    def token_for(self, namespace: str, service_account: str, *, seconds: int = 3600) -> str:
        """Return a bearer token of a ServiceAccount, valid ``seconds`` (at least 600, the server's minimum)."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        return str(self.request("POST", path, body)["status"]["token"])

    def admin_token(self) -> str:
        """Return a bearer token of a ServiceAccount that is cluster-admin."""
        return self.token_for(_TOKEN_NAMESPACE, _TOKEN_ACCOUNT)

    def request(self, method: str, path: str, body: object | None = None, *, content_type: str = "application/json") -> Any:
        """Send one request as ``admin`` straight to the API server and return the decoded answer."""
        return self.client.request(method, path, body, content_type=content_type)

    def apply(self, objects: Sequence[Object]) -> None:
        """Server-side apply ``objects``, their status too, as ``system:admin``; waits for CRDs to be served."""
        write_in_order(self._keeper, objects, self._keeper.server_side_apply)

    def add_training_pod(self, name: str, *, node: str, namespace: str = "azureml-jobs") -> None:
        """Run a pod as AzureML's training jobs have them on ``node``; returns when it runs.

        No controller makes it anew. The labels are the documented keys, not a recording.
        """
        keys = {"amlarc-workload": "true", "workspace": "sandbox-workspace", "compute": "sandbox-compute", "job": name}
        labels = {f"ml.azure.com/{key}": value for key, value in keys.items()}
        pod = {
            "containers": [{"name": "execution-wrapper", "image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04"}],
            "nodeSelector": {"kubernetes.io/hostname": node},
            "tolerations": [{"key": f"ml.azure.com/{key}", "operator": "Exists"} for key in ("amlarc", "amlarc-workload")],
            "restartPolicy": "Never",
        }
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        self.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}])
        self.apply([{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod}])
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        until(f"pod {namespace}/{name} running", lambda: self.request("GET", path).get("status", {}).get("phase") == "Running")

    def client_through(self, door: str = "main") -> Client:
        """Return a new pooled client, as user ``admin``, through ``door``."""
        return Client(self.front_door.door(door).url, self.ca_file, self._pair("admin", _MASTERS))

    def restore_main_door(self) -> None:
        """Make door ``main`` report the profile's version and pass everything else through."""
        version = load(self.profile).version
        major, minor = version.removeprefix("v").split(".")[:2]
        # An emulated version would contradict the rewritten one.
        own = {"gitVersion": version, "major": major, "minor": minor, "emulationMajor": major, "emulationMinor": minor}
        main = self.front_door.door("main")
        main.set_rules(())
        main.set(rewrite={"version": own}, oauth=None, latency_ms=0)

    def remember(self) -> None:
        """Remember how everything is now: what ``reset`` will bring back."""
        if self.is_emulated(MACHINE_CONFIG_OPERATOR):
            self.mco.remember()
        pristine.remember(self._keeper, self._pristine)

    def reset(self) -> None:
        """Bring the cluster and door ``main`` back to how the profile came up; other doors stay open."""
        self.restore_main_door()
        with held(self.directory):
            pristine.Reset(self._keeper, self._pristine).run()
            if self.is_emulated(MACHINE_CONFIG_OPERATOR):
                self.mco.restore()
        if self.is_emulated(MACHINE_CONFIG_OPERATOR):
            self.mco.wait_ready()

    def is_emulated(self, controller: str) -> bool:
        """Whether the profile has the emulated ``controller``."""
        return controller in load(self.profile).emulate

    @cached_property
    def mco(self) -> MachineConfigOperator:
        """The emulated MachineConfig operator. Raises SandboxError when the profile has none."""
        if not self.is_emulated(MACHINE_CONFIG_OPERATOR):
            raise SandboxError(f"profile {self.profile} has no MachineConfig operator")
        return MachineConfigOperator(self._keeper, self.directory, self.kubectl, self.direct_kubeconfig)

    def is_running(self) -> bool:
        """Whether the supervisor, and with it every process, is alive."""
        return is_same_process(*self._supervisor)

    def down(self) -> None:
        """End every process and remove the directory; does nothing when that has happened already."""
        stop(self.directory, *self._supervisor)


def admin_account() -> list[Object]:
    """Return the objects behind ``Sandbox.admin_token``."""
    metadata = {"name": _TOKEN_ACCOUNT, "namespace": _TOKEN_NAMESPACE}
    subject = {"kind": "ServiceAccount", "name": _TOKEN_ACCOUNT, "namespace": _TOKEN_NAMESPACE}
    rbac = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": _TOKEN_ACCOUNT},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [subject],
        },
    ]


def stop(directory: Path, pid: int, started: str) -> None:
    """End the supervisor ``pid`` that started at ``started`` and remove ``directory``.

    Raises SandboxError when it does not end.
    """
    if is_same_process(pid, started):
        os.kill(pid, signal.SIGTERM)
        if not wait_gone(pid, _DOWN_SECONDS):
            # Its children die with it.
            os.kill(pid, signal.SIGKILL)
            if not wait_gone(pid, _DOWN_SECONDS):
                raise SandboxError(f"supervisor {pid} does not end")
    shutil.rmtree(directory, ignore_errors=True)
