"""Checks of the user's own: an object, a JMESPath expression, and what it has to give."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._components import _imports as lib
from ansible_collections.azureml.kubernetes.plugins.module_utils._components import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json, ObjectRef, Severity
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    EXTENSION_NAMESPACE,
    known,
    name_of,
    objects,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot, object_path

# Other kinds are looked up in the API group of their api_version, which costs a request.
_KINDS: t.Mapping[str, tuple[str, str, bool]] = {
    "Pod": ("v1", "pods", True),
    "Service": ("v1", "services", True),
    "ConfigMap": ("v1", "configmaps", True),
    "ServiceAccount": ("v1", "serviceaccounts", True),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims", True),
    "ResourceQuota": ("v1", "resourcequotas", True),
    "Namespace": ("v1", "namespaces", False),
    "Node": ("v1", "nodes", False),
    "Deployment": ("apps/v1", "deployments", True),
    "DaemonSet": ("apps/v1", "daemonsets", True),
    "StatefulSet": ("apps/v1", "statefulsets", True),
    "Job": ("batch/v1", "jobs", True),
    "CronJob": ("batch/v1", "cronjobs", True),
    "Ingress": ("networking.k8s.io/v1", "ingresses", True),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies", True),
    "InstanceType": ("amlarc.azureml.com/v1alpha1", "instancetypes", False),
    "Prometheus": ("monitoring.coreos.com/v1", "prometheuses", True),
    "ServiceMonitor": ("monitoring.coreos.com/v1", "servicemonitors", True),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions", False),
}
_GROUP_VERSION = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[0-9a-z]+")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_LONGEST = 300
# What stands for "the result has to be true in the sense of JMESPath".
TRUTH = object()


@dataclass(frozen=True)
class Check:
    """One check.

    Args:
        name: the object's name, "" for the list of all objects of the kind, whose `items` the expression sees.
        expected: what the expression has to give; TRUTH for anything that is neither empty nor false.
    """

    kind: str
    name: str
    query: str
    expected: t.Any = TRUTH
    namespace: str = ""
    api_version: str = ""
    severity: Severity = "error"
    remedy: str = ""

    @property
    def ref(self) -> ObjectRef:
        """The object as findings name it."""
        return ObjectRef(self.kind, self.name, self.namespace)


def parse_checks(given: t.Sequence[t.Mapping[str, t.Any]], problems: list[str]) -> tuple[Check, ...]:
    """Checks as they are written; what is wrong with them is added to `problems`."""
    return tuple(_check(number, entry, problems) for number, entry in enumerate(given, 1))


def _check(number: int, entry: t.Mapping[str, t.Any], problems: list[str]) -> Check:
    where = f"custom_checks, entry {number}"
    kind, version = str(entry.get("kind") or ""), str(entry.get("api_version") or "")
    if not _KIND.fullmatch(kind):
        problems.append(f"{where}: {kind!r} is no kind, such as Deployment.")
    elif kind.lower() == "secret" and version in ("", "v1"):
        problems.append(f"{where}: Secrets are never read.")
    elif kind not in _KINDS and not version:
        problems.append(f"{where}: api_version is missing, such as apps/v1: kind {kind} is not one that is known without.")
    if version and not _GROUP_VERSION.fullmatch(version):
        problems.append(f"{where}: {version!r} is no api_version, such as v1 or apps/v1.")
    query = str(entry.get("query") or "")
    problem = _query_problem(query)
    if problem:
        problems.append(f"{where}: {problem}")
    expected = entry.get("expected")
    namespaced = _KINDS[kind][2] if kind in _KINDS else True
    return Check(
        kind,
        str(entry.get("name") or ""),
        query,
        TRUTH if expected is None else expected,
        str(entry.get("namespace") or "") or (EXTENSION_NAMESPACE if namespaced else ""),
        version,
        entry.get("severity") or "error",
        str(entry.get("remedy") or ""),
    )


def _query_problem(query: str) -> str:
    if not query.strip():
        return "query is empty."
    if lib.PROBLEM:
        return ""
    try:
        lib.jmespath.compile(query)
    except (lib.JMESPathError, RecursionError) as error:
        return f"{query!r} is no JMESPath expression: {str(error).splitlines()[0] if str(error) else type(error).__name__}."
    return ""


def check_reads(checks: t.Sequence[Check], snapshot: Snapshot, lists: t.Mapping[str, Read]) -> list[Read]:
    """What the checks look at; an object of a list that is read anyhow costs nothing.

    Args:
        lists: reads of whole lists of namespace azureml, by kind.
    """
    if lib.PROBLEM:
        return []
    wanted = [read for check in checks for read in (_discovery(check), object_read(check, snapshot, lists)) if read is not None]
    return list(dict.fromkeys(wanted))


def _discovery(check: Check) -> Read | None:
    """The list of resources of the check's API group, where the kind does not tell its path."""
    if _is_known(check):
        return None
    root = "/apis/" if "/" in check.api_version else "/api/"
    return Read(f"{root}{check.api_version}")


def _is_known(check: Check) -> bool:
    return check.kind in _KINDS and check.api_version in ("", _KINDS[check.kind][0])


def object_read(check: Check, snapshot: Snapshot, lists: t.Mapping[str, Read]) -> Read | None:
    """The read that holds the check's object; None as long as its path is not known."""
    if _is_known(check):
        version, plural, namespaced = _KINDS[check.kind]
        if check.kind in lists and check.namespace == EXTENSION_NAMESPACE:
            return lists[check.kind]
        return Read(object_path(version, plural, check.name, check.namespace if namespaced else ""))
    discovery = _discovery(check)
    answer = snapshot.get(discovery) if discovery else None
    body = answer.body if answer is not None and isinstance(answer.body, dict) else {}
    for resource in objects(body.get("resources")):
        plural = text(resource.get("name"))
        if resource.get("kind") == check.kind and plural and "/" not in plural:
            namespace = check.namespace if resource.get("namespaced") else ""
            return Read(object_path(check.api_version, plural, check.name, namespace))
    return None


@dataclass(frozen=True)
class Outcome:
    """What became of one check; `state` is ok, failed or unknown."""

    check: Check
    state: t.Literal["ok", "failed", "unknown"]
    actual: t.Any = None
    message: str = ""

    def finding(self) -> Finding | None:
        """What is to be said of it."""
        if self.state == "ok":
            return None
        code = codes.CHECK_FAILED if self.state == "failed" else codes.CHECK_UNKNOWN
        severity: Severity | None = self.check.severity if self.state == "failed" or self.check.severity == "info" else None
        remedy = self.check.remedy or None
        return code.finding(self.message, self.check.ref, severity=severity, remedy=remedy, evidence=self._evidence())

    def _evidence(self) -> Json:
        return {"query": self.check.query, "actual": _short(self.actual)}

    def public(self) -> Json:
        """The check as later tasks see it."""
        expected = None if self.check.expected is TRUTH else self.check.expected
        return {"subject": str(self.check.ref), "expected": expected, "state": self.state, **self._evidence()}


def judge_check(check: Check, snapshot: Snapshot, lists: t.Mapping[str, Read]) -> Outcome:
    """Whether the object is as it has to be."""
    found, message = _subject(check, snapshot, lists)
    if found is None:
        return Outcome(check, "unknown" if message else "failed", message=message or "it does not exist.")
    try:
        actual = lib.jmespath.search(check.query, found)
    except (lib.JMESPathError, RecursionError, TypeError, ValueError, ArithmeticError) as error:
        words = str(error) or type(error).__name__
        return Outcome(check, "unknown", message=f"{check.query!r} cannot be evaluated: {words}.")
    if matches(actual, check.expected):
        return Outcome(check, "ok", actual)
    wanted = "something that is neither empty nor false" if check.expected is TRUTH else repr(check.expected)
    return Outcome(check, "failed", actual, f"{check.query!r} gives {_short(actual)!r}, expected is {wanted}.")


def _subject(check: Check, snapshot: Snapshot, lists: t.Mapping[str, Read]) -> tuple[Json | None, str]:
    """The object, and why it cannot be known."""
    read = object_read(check, snapshot, lists)
    if read is None:
        answer = snapshot.get(_discovery(check) or Read(""))
        if answer is not None and not known(answer):
            return None, f"API group {check.api_version} may not be read ({answer.message})."
        return None, f"the cluster serves no kind {check.kind} in {check.api_version}."
    answer = snapshot[read]
    if not known(answer):
        return None, f"it may not be read ({answer.message})."
    if read not in lists.values():
        return (answer.body if answer.found else None), ""
    items = objects(answer.body.get("items"))
    if not check.name:
        return {"items": items}, ""
    return next((item for item in items if name_of(item) == check.name), None), ""


def matches(actual: t.Any, expected: t.Any) -> bool:
    """Whether a result is what is expected; templates make text of numbers and switches, so 3 and "3" are the same."""
    if expected is TRUTH:
        return actual not in (None, False, "", [], {})
    if isinstance(expected, (dict, list)) or isinstance(actual, (dict, list)):
        return bool(actual == expected)
    if isinstance(actual, bool) or isinstance(expected, bool):
        return str(actual).lower() == str(expected).lower()
    return bool(actual == expected) or (actual is not None and str(actual) == str(expected))


def _short(value: t.Any) -> t.Any:
    words = repr(value)
    return value if len(words) <= _LONGEST else f"{words[:_LONGEST]}..."
