"""What can go wrong between us and a cluster, each as the finding that a person reads."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code, Finding, Json

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_RESOURCE = re.compile(
    r"^/(?:api/[^/]+|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]))?/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?"
)


class KubeError(Exception):
    """Ends the task with one finding."""

    def __init__(self, code: Code, message: str, subject: str = "", *, remedy: str | None = None, evidence: t.Any = None) -> None:
        super().__init__(message)
        self.finding: Finding = code.finding(message, subject, remedy=remedy, evidence=evidence)


class ConflictError(Exception):
    """The object is no longer what the plan saw (409, or 422 of a failed patch test): read and plan again."""


class Blocked(Exception):
    """An eviction was refused by a PodDisruptionBudget, for now."""


class LostAnswer(Exception):
    """A write was sent and nobody knows whether it arrived: read and plan again before repeating it."""


def describe(method: str, path: str) -> str:
    """A request in the words of RBAC: `patch securitycontextconstraints.security.openshift.io "privileged"`."""
    path = path.partition("?")[0]
    found = _RESOURCE.match(path)
    if not found:
        return f"{method.lower()} {path}"
    verb = "list" if method == "GET" and not found["name"] else _VERBS.get(method, method.lower())
    resource = found["plural"] + (f".{found['group']}" if found["group"] else "")
    name = f' "{found["name"]}"' if found["name"] else ""
    where = f" in namespace {found['namespace']}" if found["namespace"] else ""
    return f"{verb} {resource}{name}{where}"


def names_one(path: str) -> bool:
    """Whether the path is of one object rather than of a list."""
    found = _RESOURCE.match(path)
    return bool(found and found["name"])


def status_message(body: t.Any) -> str:
    """The server's own words out of a Status object, "" when there are none."""
    return str(body.get("message") or "") if isinstance(body, dict) else ""


def refusal(method: str, path: str, status: int, body: t.Any, server: str) -> KubeError:
    """The error for a status that no retry can mend."""
    what, said = describe(method, path), status_message(body)
    words = f": {said}" if said else ""
    if status == 401:
        return KubeError(codes.UNAUTHORIZED, f"{server} answered 401 to {what}{words}", server)
    if status == 403:
        code = codes.REJECTED if _is_admission(said) else codes.FORBIDDEN
        return KubeError(code, f"{server} does not allow to {what}{words}", server)
    if status in (400, 409, 413, 415, 422):
        return KubeError(codes.REJECTED, f"{server} refused to {what}{words}", server)
    if 300 <= status < 400:
        message = f"{server} answered {status} to {what}: it sends the request elsewhere, as a login page does."
        return KubeError(codes.NOT_KUBERNETES, message, server)
    if status == 404:
        return KubeError(codes.REJECTED, f"{server} does not know what to {what}{words}", server)
    return KubeError(codes.SERVER_ERROR, f"{server} answered {status} to {what}{words}", server)


def _is_admission(said: str) -> bool:
    # Admission plugins answer 403 too, but no ClusterRole would help.
    return "cannot " not in said and ("ValidatingAdmissionPolicy" in said or "admission webhook" in said or "violates" in said)


def blocked_by_budget(body: Json) -> bool:
    """Whether an eviction was refused because of a PodDisruptionBudget, rather than because the server is busy."""
    details = body.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return any(isinstance(c, dict) and c.get("reason") == "DisruptionBudget" for c in causes or ())


def field_managers(body: Json) -> list[str]:
    """The managers named by a server-side apply conflict; empty for any other 409."""
    details = body.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    told = [c for c in causes if isinstance(c, dict)] if isinstance(causes, list) else []
    said = [str(c.get("message", "")) for c in told if c.get("reason") == "FieldManagerConflict"]
    return sorted({found[1] for found in (re.search(r'conflict with "([^"]+)"', m) for m in said) if found})
