"""Credential plugins of a kubeconfig (`users[].user.exec`), as client.authentication.k8s.io describes them.

The Kubernetes client has a runner of its own: it waits for ever, hands the terminal to the plugin and quotes in its errors
what the plugin printed, which may be a credential.
"""

from __future__ import annotations

import json
import os
import subprocess
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import KubeError

# A plugin that waits for a person to log in with a browser never ends by itself.
SECONDS = 60
_Node = t.Mapping[str, t.Any]
_CLUSTER_KEYS = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")


def credential(spec: _Node, cluster: _Node, folder: str, *, seconds: float = SECONDS) -> Json:
    """Run the plugin.

    Args:
        spec: the `exec` of a kubeconfig's user.
        cluster: the `cluster` that it is for.
        folder: where the kubeconfig lies; a relative command starts there.
        seconds: how long the plugin may take.

    Returns:
        The `status` of its ExecCredential, with a token or a client certificate and key.

    Raises:
        KubeError: it gave none. Nothing that it printed is in the message.
    """
    command = str(spec.get("command") or "")
    status = _status(command, _output(command, spec, cluster, folder, seconds), spec.get("apiVersion"))
    if status.get("token") or (status.get("clientCertificateData") and status.get("clientKeyData")):
        return status
    raise _failed(command, "gave neither a token nor a client certificate with its key")


def _failed(command: str, why: str, *, remedy: str | None = None) -> KubeError:
    return KubeError(codes.EXEC_PLUGIN_FAILED, f"The credential plugin {command} {why}.", remedy=remedy)


def _output(command: str, spec: _Node, cluster: _Node, folder: str, seconds: float) -> bytes:
    try:
        arguments = [command, *(str(a) for a in spec.get("args") or [])]
        own = {str(e["name"]): str(e["value"]) for e in spec.get("env") or []}
        environment = {**os.environ, **own, "KUBERNETES_EXEC_INFO": json.dumps(_info(spec, cluster), default=str)}
        done = subprocess.run(
            arguments,
            cwd=folder or None,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        hint = spec.get("installHint")
        raise _failed(command, "is not installed", remedy=str(hint).strip() if hint else None) from None
    except subprocess.TimeoutExpired:
        raise _failed(command, f"did not end within {seconds:g} s; it may wait for a person to log in") from None
    except OSError as error:
        raise _failed(command, f"cannot be started ({error.strerror})") from None
    except (KeyError, TypeError, ValueError):
        raise _failed(command, "is badly described in the kubeconfig: command, args or env") from None
    if done.returncode != 0:
        raise _failed(command, f"failed with exit status {done.returncode}")
    return done.stdout


def _info(spec: _Node, cluster: _Node) -> Json:
    """What the plugin is told through its environment."""
    told: Json = {"interactive": False}
    if spec.get("provideClusterInfo"):
        told["cluster"] = {key: cluster[key] for key in _CLUSTER_KEYS if key in cluster}
        for extension in cluster.get("extensions") or []:
            if extension["name"] == "client.authentication.k8s.io/exec":
                told["cluster"]["config"] = extension["extension"]
    return {"apiVersion": spec.get("apiVersion"), "kind": "ExecCredential", "spec": told}


def _status(command: str, output: bytes, version: t.Any) -> Json:
    try:
        answer = json.loads(output)
    except (ValueError, RecursionError):
        raise _failed(command, "answered with something that is no ExecCredential") from None
    status = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(status, dict):
        raise _failed(command, "answered with something that is no ExecCredential")
    if answer.get("apiVersion") != version:
        raise _failed(command, "answered in another API version than the kubeconfig names")
    return status
