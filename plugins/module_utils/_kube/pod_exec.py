"""One command in one container, through the API server: the channel protocol of `pods/exec` over a WebSocket.

The client's own `stream` takes key material from files only; ours never lies in one (see `_kube.auth`).
"""

from __future__ import annotations

import json
import typing as t
from urllib.parse import urlsplit

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, objects
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import _imports as lib
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.auth import Endpoint

_PROTOCOL = "v4.channel.k8s.io"
_STDOUT, _STDERR, _STATUS = 1, 2, 3
_LONGEST = 1024 * 1024


def run_in_pod(endpoint: Endpoint, headers: t.Sequence[tuple[str, str]], url: str, seconds: float) -> Answer:
    """Run a command to its end.

    Args:
        endpoint: where and with which TLS context.
        headers: those of any request, with the credential.
        url: path and query of the exec, with its commands.
        seconds: how long the connection and each frame may take.

    Returns:
        200 with `stdout`, `stderr` and `exit_code`; else the status with which the server refused, 503 where the pod, its node
        or the server itself could not be reached.
    """
    websocket = lib.websocket()
    try:
        socket = websocket.create_connection(
            "ws" + endpoint.server[len("http") :] + url,
            header=[f"{name}: {value}" for name, value in headers],
            subprotocols=[_PROTOCOL],
            timeout=seconds,
            sslopt=_tls(endpoint),
            suppress_origin=True,
            **_proxy(endpoint),
        )
    except websocket.WebSocketBadStatusException as error:
        return Answer(error.status_code, {"message": _said(error)})
    except (websocket.WebSocketException, OSError) as error:
        return Answer(503, {"message": f"{type(error).__name__}: {error}"})
    try:
        return _ended(_received(websocket, socket))
    except (websocket.WebSocketException, OSError) as error:
        return Answer(503, {"message": f"{type(error).__name__}: {error}"})
    finally:
        socket.close(timeout=0)


def _tls(endpoint: Endpoint) -> Json:
    options: Json = {"context": endpoint.ssl_context} if endpoint.ssl_context else {}
    if endpoint.tls_server_name:
        options["server_hostname"] = endpoint.tls_server_name
    return options


def _proxy(endpoint: Endpoint) -> Json:
    if not endpoint.proxy:
        # Without it the library would take a proxy of the environment, whatever the kubeconfig says.
        return {"http_no_proxy": ["*"]}
    proxy = urlsplit(endpoint.proxy)
    login = (proxy.username, proxy.password) if proxy.username else None
    return {"http_proxy_host": proxy.hostname, "http_proxy_port": proxy.port, "http_proxy_auth": login, "proxy_type": "http"}


def _said(error: t.Any) -> str:
    """The server's own words out of a refused handshake."""
    try:
        return str(json.loads(error.resp_body)["message"])
    except (AttributeError, TypeError, ValueError, KeyError):
        return f"HTTP status {error.status_code}"


def _received(websocket: t.Any, socket: t.Any) -> dict[int, bytes]:
    """What came on each channel until the server closed the connection."""
    channels = {_STDOUT: b"", _STDERR: b"", _STATUS: b""}
    while True:
        try:
            opcode, data = socket.recv_data()
        except websocket.WebSocketConnectionClosedException:
            return channels
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return channels
        if data and data[0] in channels and len(channels[data[0]]) < _LONGEST:
            channels[data[0]] += data[1:]


def _ended(channels: t.Mapping[int, bytes]) -> Answer:
    """The Status object that ends every exec says how the command ended."""
    try:
        status: t.Any = json.loads(channels[_STATUS])
    except ValueError:
        return Answer(503, {"message": "the connection ended before the command did"})
    code = _exit_code(status if isinstance(status, dict) else {})
    if code is None:
        return Answer(500, {"message": str(mapping({"status": status}, "status").get("message") or "the command could not be run")})
    output = {name: channels[channel].decode("utf-8", "replace") for name, channel in (("stdout", _STDOUT), ("stderr", _STDERR))}
    return Answer(200, {**output, "exit_code": code})


def _exit_code(status: Json) -> int | None:
    if status.get("status") == "Success":
        return 0
    causes = objects(mapping(status, "details").get("causes"))
    told = [str(cause.get("message")) for cause in causes if cause.get("reason") == "ExitCode"]
    return int(told[0]) if told and told[0].isdigit() else None
