"""The command lines of one control plane, and the files they read."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from . import gpu, mco
from .binaries import Toolbox
from .certs import Authority, create_signing_key
from .kubeconfig import write_kubeconfig
from .kubelet import KUBELET
from .mco.hosts import write_stubs
from .mco.names import CONTROLLER_USER
from .processes import free_port
from .profile import DEVICE_PLUGINS, MACHINE_CONFIG_OPERATOR

SERVICE_RANGE = ipaddress.ip_network("10.96.0.0/16")
POD_RANGE = "10.244.0.0/16"
_SERVING_HOSTS = (
    "127.0.0.1", "localhost", "*.sandbox.internal", "sandbox.internal", str(SERVICE_RANGE[1]),
    "kubernetes", "kubernetes.default", "kubernetes.default.svc",
)  # fmt: skip
# Loops over cloud or kubelet state that does not exist here; each costs CPU and helps nothing.
_IDLE_CONTROLLERS = (
    "persistentvolume-attach-detach-controller", "node-ipam-controller", "node-route-controller",
    "service-lb-controller", "horizontal-pod-autoscaler-controller", "resourceclaim-controller",
)  # fmt: skip


@dataclass(frozen=True)
class Ports:
    """TCP ports of 127.0.0.1."""

    etcd: int
    api: int
    kubelet: int

    @classmethod
    def pick(cls) -> Ports:
        """Choose ports that are free now."""
        return cls(free_port(), free_port(), free_port())


@dataclass(frozen=True)
class ControlPlane:
    """One sandbox's directory, programs and ports."""

    directory: Path
    tools: Toolbox
    ports: Ports
    emulate: frozenset[str] = frozenset()

    @property
    def pki(self) -> Path:
        """The directory of certificates and keys."""
        return self.directory / "pki"

    @property
    def direct_url(self) -> str:
        """The API server's own address."""
        return f"https://127.0.0.1:{self.ports.api}"

    @property
    def stubs(self) -> Path:
        """The directory of programs that commands in emulated containers find first."""
        return self.directory / "stubs"

    @property
    def front_door_state(self) -> Path:
        """The file in which the front door says where it listens."""
        return self.directory / "frontdoor.json"

    def prepare(self) -> None:
        """Make certificates, kubeconfigs and kwok's configuration."""
        for folder in (self.pki, self.directory / "logs", self.directory / "users"):
            folder.mkdir(mode=0o700, exist_ok=True)
        self._issue_certificates()
        for user in ("kube-controller-manager", "kube-scheduler", "kwok"):
            self._component_kubeconfig(user)
        if MACHINE_CONFIG_OPERATOR in self.emulate:
            authority = Authority(self.pki, "ca")
            authority.issue("machine-config-operator", CONTROLLER_USER, organizations=("system:masters",))
            write_stubs(self.stubs)
        if DEVICE_PLUGINS in self.emulate:
            Authority(self.pki, "ca").issue("device-plugins", "sandbox:kubelets", organizations=("system:masters",))
        (self.directory / "kwok.yml").write_text(_kwok_configuration(self.tools.stages, self.directory))

    def _issue_certificates(self) -> None:
        authority = Authority.create(self.pki, "ca")
        authority.issue("serving", "kube-apiserver", hosts=_SERVING_HOSTS)
        proxy = Authority.create(self.pki, "front-proxy-ca")
        proxy.issue("front-proxy", "front-proxy")
        # Its own authority: a user's client certificate must not open etcd.
        etcd = Authority.create(self.pki, "etcd-ca")
        etcd.issue("etcd", "etcd", hosts=("127.0.0.1", "localhost"))
        create_signing_key(self.pki / "service-account.key")

    def _component_kubeconfig(self, user: str) -> None:
        authority = Authority(self.pki, "ca")
        # system:masters: controllers run here without an account each, which saves a connection per controller.
        pair = authority.issue(user, f"system:{user}", organizations=("system:masters",))
        path = self.directory / f"{user}.kubeconfig"
        write_kubeconfig(path, server=self.direct_url, ca=authority.pair.cert, client=pair, user=user, context="sandbox")

    def etcd(self) -> list[str | Path]:
        """The command line of etcd."""
        url = f"https://127.0.0.1:{self.ports.etcd}"
        return [
            self.tools["etcd"], "--data-dir", self.directory / "etcd", "--unsafe-no-fsync", "--log-level=warn",
            f"--listen-client-urls={url}", f"--advertise-client-urls={url}", "--listen-peer-urls=http://127.0.0.1:0",
            f"--cert-file={self.pki}/etcd.crt", f"--key-file={self.pki}/etcd.key",
            f"--trusted-ca-file={self.pki}/etcd-ca.crt", "--client-cert-auth", "--snapshot-count=10000",
        ]  # fmt: skip

    def api_server(self) -> list[str | Path]:
        """The command line of kube-apiserver."""
        pki = self.pki
        return [
            self.tools["kube-apiserver"], f"--etcd-servers=https://127.0.0.1:{self.ports.etcd}",
            f"--etcd-cafile={pki}/etcd-ca.crt", f"--etcd-certfile={pki}/etcd.crt", f"--etcd-keyfile={pki}/etcd.key",
            "--bind-address=127.0.0.1", f"--secure-port={self.ports.api}", "--advertise-address=127.0.0.1",
            # A loopback address is no valid endpoint of the service `kubernetes`.
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={pki}/serving.crt", f"--tls-private-key-file={pki}/serving.key",
            f"--client-ca-file={pki}/ca.crt", "--authorization-mode=Node,RBAC", "--allow-privileged=true",
            f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt", "--requestheader-allowed-names=front-proxy",
            "--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki}/service-account.key",
            f"--service-account-signing-key-file={pki}/service-account.key",
            f"--service-cluster-ip-range={SERVICE_RANGE}", "--kubelet-preferred-address-types=InternalIP",
            "--enable-admission-plugins=NodeRestriction", "--profiling=false", "--event-ttl=1h",
        ]  # fmt: skip

    def controller_manager(self) -> list[str | Path]:
        """The command line of kube-controller-manager."""
        controllers = ",".join(["*", *(f"-{name}" for name in _IDLE_CONTROLLERS)])
        return [
            self.tools["kube-controller-manager"], f"--kubeconfig={self.directory}/kube-controller-manager.kubeconfig",
            "--leader-elect=false", "--secure-port=0", "--profiling=false", f"--controllers={controllers}",
            f"--root-ca-file={self.pki}/ca.crt", "--kube-api-qps=200", "--kube-api-burst=400",
            f"--service-account-private-key-file={self.pki}/service-account.key",
        ]  # fmt: skip

    def scheduler(self) -> list[str | Path]:
        """The command line of kube-scheduler."""
        return [
            self.tools["kube-scheduler"], f"--kubeconfig={self.directory}/kube-scheduler.kubeconfig",
            "--leader-elect=false", "--secure-port=0", "--profiling=false", "--kube-api-qps=200", "--kube-api-burst=400",
        ]  # fmt: skip

    def kwok(self) -> list[str | Path]:
        """The command line of kwok, which plays every node's kubelet."""
        return [
            self.tools["kwok"], f"--kubeconfig={self.directory}/kwok.kubeconfig", f"--config={self.directory}/kwok.yml",
            "--manage-all-nodes=true", "--node-ip=127.0.0.1", f"--node-port={self.ports.kubelet}",
            f"--server-address=127.0.0.1:{self.ports.kubelet}", f"--cidr={POD_RANGE}",
            f"--tls-cert-file={self.pki}/serving.crt", f"--tls-private-key-file={self.pki}/serving.key",
            "--node-lease-duration-seconds=40",
            *(["--enable-crds=Exec"] if MACHINE_CONFIG_OPERATOR in self.emulate else []),
        ]  # fmt: skip

    def kwok_environment(self) -> Mapping[str, str] | None:
        """The environment of kwok, and of the commands that it runs in place of containers."""
        if MACHINE_CONFIG_OPERATOR not in self.emulate:
            return None
        return {**os.environ, "PATH": f"{self.stubs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}

    def machine_config_operator(self) -> list[str | Path]:
        """The command line of the emulated MachineConfig operator."""
        return [sys.executable, "-m", mco.__name__, self.directory, self.direct_url]

    def device_plugins(self) -> list[str | Path]:
        """The command line of the part of kubelets that counts GPUs."""
        return [sys.executable, "-m", gpu.__name__, self.directory, self.direct_url]

    def front_door(self) -> list[str | Path]:
        """The command line of the front door."""
        pki = self.pki
        return [
            self.tools["frontdoor"], "--upstream", self.direct_url, "--upstream-ca", pki / "ca.crt",
            "--proxy-cert", pki / "front-proxy.crt", "--proxy-key", pki / "front-proxy.key",
            "--client-ca", pki / "ca.crt", "--serving-cert", pki / "serving.crt", "--serving-key", pki / "serving.key",
            "--admin-address", "127.0.0.1:0", "--state", self.front_door_state,
        ]  # fmt: skip


_LOG_LINES = "2026-01-01T00:00:00.000000000Z stdout F sandbox: this container is emulated\n"


def _kwok_configuration(stages: Path, directory: Path) -> str:
    """Return kwok's configuration: its own stages, volumes, and every container's exec and logs."""
    logs = directory / "container.log"
    logs.write_text(_LOG_LINES)
    kwok = "kwok.x-k8s.io/v1alpha1"
    documents: list[object] = [
        {
            "apiVersion": kwok,
            "kind": "ClusterExec",
            "metadata": {"name": "every-container"},
            "spec": {"execs": [{"local": {"workDir": str(directory), "envs": [{"name": "SANDBOX", "value": "1"}]}}]},
        },
        {
            "apiVersion": kwok,
            "kind": "ClusterLogs",
            "metadata": {"name": "every-container"},
            "spec": {"logs": [{"logsFile": str(logs)}]},
        },
    ]
    parts = [_respecting_stopped_kubelets(path.read_text()) for path in sorted(stages.glob("*.yaml"))]
    parts += [path.read_text() for path in sorted((Path(__file__).parent / "stages").glob("*.yml"))]
    return "\n---\n".join([*parts, *(yaml.safe_dump(document) for document in documents)])


def _respecting_stopped_kubelets(stage: str) -> str:
    """Return kwok's ``stage`` such that it leaves Nodes alone whose kubelet is away."""
    document = yaml.safe_load(stage)
    if document["spec"]["resourceRef"]["kind"] != "Node":
        return stage
    key = f'.metadata.annotations["{KUBELET}"]'
    document["spec"]["selector"]["matchExpressions"].append({"key": key, "operator": "DoesNotExist"})
    return yaml.safe_dump(document)
