"""What a user may ask of `scc_grant`."""

from __future__ import annotations

import difflib
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import PLATFORMS
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.service_accounts import EDITIONS, NEWEST, Need
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.accounts import (
    NAME_RULE,
    NAMESPACE_RULE,
    Account,
    documented,
    is_label,
    is_name,
    parse_account,
)

Method = t.Literal["auto", "users", "rbac", "rbac_cluster"]
ALL_NEEDS: frozenset[Need] = frozenset(("always", "arc", "prom_op", "inference", "nginx_ingress", "jobs"))
# Helm's limit for the name of a release, which the extension's name becomes.
_RELEASE_NAME = 53

OPTIONS: Json = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "method": {"type": "str", "choices": ["auto", "users", "rbac", "rbac_cluster"], "default": "auto"},
    "scc": {"type": "str", "default": "privileged"},
    "platform": {"type": "str", "choices": [name for name in PLATFORMS if name != "unknown"]},
    "extension_name": {"type": "str"},
    "compute_namespaces": {"type": "list", "elements": "str", "default": []},
    "edition": {"type": "str", "default": NEWEST},
    "accounts": {"type": "str", "choices": ["documented", "needed"], "default": "documented"},
    "training": {"type": "bool", "default": False},
    "inference": {"type": "bool", "default": False},
    "install_prom_op": {"type": "bool", "default": True},
    "nginx_ingress": {"type": "bool", "default": False},
    "connection": {"type": "str", "choices": ["aks", "arc"], "default": "arc"},
    "extra_accounts": {"type": "list", "elements": "str", "default": []},
    "exclusive": {"type": "bool", "default": False},
}


@dataclass(frozen=True)
class Request:
    """A valid request.

    Args:
        extension_name: "" means: take the name of the extension that runs.
        compute_namespaces: as given, each once; may hold `default`, which is skipped.
        needs: which lines of the document apply.
        exclusive: revoke what an earlier run granted and this request does not name.
        platform: the user's word on the platform, "" to detect it.
    """

    state: t.Literal["present", "absent"] = "present"
    method: Method = "auto"
    scc: str = "privileged"
    extension_name: str = ""
    compute_namespaces: tuple[str, ...] = ()
    edition: str = NEWEST
    needs: frozenset[Need] = ALL_NEEDS
    extra_accounts: tuple[Account, ...] = ()
    exclusive: bool = False
    platform: str = ""

    @property
    def granted_namespaces(self) -> tuple[str, ...]:
        """The compute namespaces whose account is granted: all but `default`."""
        return tuple(namespace for namespace in self.compute_namespaces if namespace != "default")

    def wanted(self, extension: str) -> tuple[Account, ...]:
        """Every account to be granted, each once: the document's in its order, then the extra ones."""
        accounts = documented(self.edition, self.needs, extension, self.granted_namespaces)
        return tuple(dict.fromkeys(accounts + self.extra_accounts))


def parse(params: t.Mapping[str, t.Any]) -> Request:
    """Module parameters as a typed request.

    Raises:
        InvalidRequest: with every problem.
    """
    problems = [*_name_problems(params), *_edition_problems(params)]
    extra: list[Account] = []
    for text in params.get("extra_accounts") or ():
        try:
            extra.append(parse_account(str(text)))
        except ValueError as error:
            problems.append(f"extra_accounts: {error}")
    needed = params.get("accounts") == "needed"
    if needed and not params.get("training") and not params.get("inference"):
        problems.append(
            "accounts is 'needed', but neither training nor inference is set: the extension installs with at least one."
            " Set azureml_training, azureml_inference or both."
        )
    if problems:
        raise InvalidRequest(problems)
    return Request(
        state=params.get("state") or "present",
        method=params.get("method") or "auto",
        scc=params.get("scc") or "privileged",
        extension_name=params.get("extension_name") or "",
        compute_namespaces=tuple(dict.fromkeys(str(n) for n in params.get("compute_namespaces") or ())),
        edition=params.get("edition") or NEWEST,
        needs=_needs(params) if needed else ALL_NEEDS,
        extra_accounts=tuple(extra),
        exclusive=bool(params.get("exclusive")),
        platform=params.get("platform") or "",
    )


def _needs(params: t.Mapping[str, t.Any]) -> frozenset[Need]:
    """Which lines of the document the described installation uses (they all run on OpenShift)."""
    needs: dict[Need, bool] = {
        "always": True,
        "jobs": True,
        "arc": params.get("connection") != "aks",
        "prom_op": bool(params.get("install_prom_op", True)),
        "inference": bool(params.get("inference")),
        "nginx_ingress": bool(params.get("nginx_ingress")),
    }
    return frozenset(need for need, used in needs.items() if used)


def _name_problems(params: t.Mapping[str, t.Any]) -> list[str]:
    problems = []
    extension = params.get("extension_name") or ""
    if extension and not (is_label(extension) and len(extension) <= _RELEASE_NAME):
        problems.append(
            f"extension_name {extension!r} cannot be the name of the extension: it becomes the name of a Helm release, at most"
            f" {_RELEASE_NAME} lower-case letters, digits and '-', beginning and ending with a letter or digit."
        )
    for namespace in params.get("compute_namespaces") or ():
        if not is_label(str(namespace)):
            problems.append(f"compute_namespaces: {str(namespace)!r} is not {NAMESPACE_RULE}.")
    scc = params.get("scc") or "privileged"
    if not is_name(scc):
        problems.append(f"scc {scc!r} cannot be the name of SecurityContextConstraints: it is not {NAME_RULE}.")
    return problems


def _edition_problems(params: t.Mapping[str, t.Any]) -> list[str]:
    edition = params.get("edition") or NEWEST
    if edition in EDITIONS:
        return []
    near = difflib.get_close_matches(str(edition), sorted(EDITIONS), 1, 0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return [f"edition {edition!r} is unknown; known editions are {', '.join(sorted(EDITIONS))}.{hint}"]
