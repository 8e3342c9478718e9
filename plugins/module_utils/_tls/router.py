"""The extension's router: whether it is there, what it serves, and the command that makes it read the Secret anew."""

from __future__ import annotations

import shlex
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json, ObjectRef
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    ARC_CONFIG,
    EXTENSION_DEPLOYMENTS,
    EXTENSION_NAMESPACE,
    body_of,
    extension_name,
    list_items,
    mapping,
    name_of,
    objects,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.certificates import Certificate
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.material import certificates_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.request import AUTO, Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.secret import Live, moment

_ROUTERS = ("azureml-fe-v2", "azureml-fe")
_SERVICE = "azureml-fe"
ROUTER_SERVICE = Read(object_path("v1", "services", _SERVICE, EXTENSION_NAMESPACE))
ROUTER_PODS = Read(
    object_path("v1", "pods", namespace=EXTENSION_NAMESPACE),
    (("labelSelector", "ml.azure.com/infra-app=azureml-fe"),),
    metadata_only=True,
)
# Older ones ignore sslSecret in an update (azure-cli-extensions, src/k8s-extension/HISTORY.rst).
_EXTENSION_SINCE = "1.4.1"


@dataclass(frozen=True)
class Served:
    """What was seen of the router. `certificate` is None when it was not looked at, or could not be."""

    address: str = ""
    certificate: Certificate | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Rotation:
    """Where the way of a certificate from the Secret to the router stands.

    Args:
        state: `none` (no router, or nothing was changed), `pending`, `unproven` or `done`.
        mark: the fingerprint to be recorded as pending, "" for none.
    """

    state: t.Literal["none", "pending", "unproven", "done"]
    mark: str = ""
    findings: tuple[Finding, ...] = ()
    command: str = ""


def served_reads(request: Request, snapshot: Snapshot) -> list[Read]:
    """What has to be asked to see the certificate that is served."""
    if not request.served_address:
        return []
    reads = [ROUTER_SERVICE] if request.served_address == AUTO else []
    address = _address(request, snapshot)
    return [*reads, _handshake(address, request)] if address else reads


def router_reads(request: Request) -> list[Read]:
    """What tells whether a router is installed, and the names that the update's command line needs."""
    named = request.connection and request.cluster_name and request.resource_group
    return [EXTENSION_DEPLOYMENTS] if named else [EXTENSION_DEPLOYMENTS, ARC_CONFIG]


def _handshake(address: str, request: Request) -> Read:
    return Read(f"tls://{address}", (("sni", request.terms.server_name),))


def _address(request: Request, snapshot: Snapshot) -> str:
    """Where the router is asked; with `auto` the external address of its Service, "" as long as there is none."""
    if request.served_address != AUTO:
        return request.served_address
    service = body_of(snapshot, ROUTER_SERVICE)
    for entry in objects(mapping(service, "status", "loadBalancer").get("ingress")):
        host = text(entry.get("ip")) or text(entry.get("hostname"))
        if host:
            return f"[{host}]:443" if ":" in host else f"{host}:443"
    return ""


def look(request: Request, snapshot: Snapshot) -> Served:
    """The certificate that is served, as far as it was asked for."""
    if not request.served_address:
        return Served()
    address = _address(request, snapshot)
    subject = address or str(ObjectRef("Service", _SERVICE, EXTENSION_NAMESPACE))
    if not address:
        return Served("", None, (codes.SERVED_UNKNOWN.finding(_no_address(snapshot), subject),))
    answer = snapshot[_handshake(address, request)]
    found = certificates_of(text(answer.body.get("certificate"))) if answer.found else ()
    if not found:
        why = answer.message if not answer.found else "what it serves is no well-formed certificate."
        return Served(address, None, (codes.SERVED_UNKNOWN.finding(why, subject),))
    return Served(address, found[0])


def _no_address(snapshot: Snapshot) -> str:
    answer = snapshot[ROUTER_SERVICE]
    if answer.absent:
        return "the Service does not exist: no router is installed."
    return "it has no external address." if answer.found else f"it cannot be read ({answer.message})."


def router_installed(snapshot: Snapshot) -> bool | None:
    """Whether the extension's router is there; None when that may not be known, or was not asked."""
    deployments = list_items(snapshot.get(EXTENSION_DEPLOYMENTS))
    return None if deployments is None else any(name_of(item) in _ROUTERS for item in deployments)


def rotation(request: Request, snapshot: Snapshot, live: Live, wanted: Certificate, *, changes: bool, served: Served) -> Rotation:
    """Whether the router still has to be told of `wanted`; `changes` says that the Secret is about to get it.

    Only the certificate that is served proves the end: the router does not watch the Secret, and when it was started says little.
    """
    if served.certificate is not None and served.certificate.sha256 == wanted.sha256:
        return Rotation("done")
    begun = changes or bool(live.pending)
    if router_installed(snapshot) is False or (served.certificate is None and not begun):
        return Rotation("none")
    mark = wanted.sha256 if begun else ""
    command = update_command(request, snapshot)
    if served.certificate is not None:
        message = f"{served.address} serves {_brief(served.certificate)} instead of {_brief(wanted)}."
    elif not changes and _restarted(snapshot, live):
        message = f"the router was started after the Secret got {_brief(wanted)}, but what it serves was not looked at."
        return Rotation("unproven", mark, (codes.ROTATION_UNPROVEN.finding(message, live.ref),), command)
    else:
        message = f"nothing shows yet that the router serves {_brief(wanted)}; it reads the Secret when the extension is updated."
    remedy = (
        f"Run `{command}` with k8s-extension {_EXTENSION_SINCE} or newer (`az extension add --upgrade --name k8s-extension`; older"
        " ones ignore sslSecret), then this task with served_address to see it served."
    )
    return Rotation("pending", mark, (codes.ROTATION_PENDING.finding(message, live.ref, remedy=remedy),), command)


def _brief(certificate: Certificate) -> str:
    return f"{certificate.subject} (SHA-256 {certificate.sha256})"


def _restarted(snapshot: Snapshot, live: Live) -> bool:
    """Whether every pod of the router is younger than the Secret's content."""
    since = live.changed_at
    pods = list_items(snapshot.get(ROUTER_PODS)) or []
    starts = [moment(mapping(pod, "metadata").get("creationTimestamp")) for pod in pods]
    return since is not None and bool(starts) and all(start is not None and start > since for start in starts)


def update_command(request: Request, snapshot: Snapshot) -> str:
    """The line that makes the router read the Secret; names nobody knows are in capitals."""
    arc = snapshot.get(ARC_CONFIG)
    data: Json = mapping(body_of(snapshot, ARC_CONFIG), "data")
    connection = request.connection or ("arc" if arc and arc.found else "aks" if arc and arc.absent else "")
    kinds = {"aks": "managedClusters", "arc": "connectedClusters", "": "CLUSTER_TYPE"}
    own = data if connection == "arc" else {}
    words = {
        "--name": request.extension_name
        or extension_name(list_items(snapshot.get(EXTENSION_DEPLOYMENTS)) or [])
        or "EXTENSION_NAME",
        "--cluster-type": kinds[connection],
        "--cluster-name": request.cluster_name or text(own.get("AZURE_RESOURCE_NAME")) or "CLUSTER_NAME",
        "--resource-group": request.resource_group or text(own.get("AZURE_RESOURCE_GROUP")) or "RESOURCE_GROUP",
    }
    options = " ".join(f"{option} {shlex.quote(word)}" for option, word in words.items())
    cname = request.terms.server_name or "SSL_CNAME"
    return f"az k8s-extension update {options} --config sslSecret={request.name} sslCname={cname}"
