"""What the extension was installed for, with which options and on which kind of cluster: as said, else as it can be seen."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._components.reading import DEPLOYMENTS, listed, unread
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.request import SWITCHES, Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.workloads import Namespace
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    ARC_CONFIG,
    body_of,
    extension_name,
    mapping,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.extension_components import (
    EDITIONS,
    EXTENSION,
    NEWEST,
    SIDECARS_SINCE,
    WITH_FLUENT_BIT,
    Component,
)

Expectation = t.Literal["required", "usual", "optional", "off", "unknown"]
_CHART = re.compile(r"amlarc-extension-([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})")
_VERSION = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})")


@dataclass(frozen=True)
class Scenario:
    """What the components are judged by; None is unknown.

    Args:
        extension: the extension's name, "" where it is not known.
        options: training, inference and the switches, by option.
        seen: what was not said, each with what it was taken from.
        doubtful: what was seen and may be otherwise: it decides about no error.
    """

    extension: str = ""
    version: str = ""
    edition: str = NEWEST
    connection: str = ""
    options: t.Mapping[str, bool | None] = field(default_factory=dict)
    seen: t.Mapping[str, str] = field(default_factory=dict)
    doubtful: frozenset[str] = frozenset()

    @property
    def rows(self) -> tuple[Component, ...]:
        """The rows of the edition."""
        return EDITIONS[self.edition].rows

    def expects(self, row: Component) -> Expectation:
        """Whether a component has to be there.

        Returns:
            `usual` where it is there unless a setting that nobody told says otherwise, `unknown` where the scenario is.
        """
        if row.connection and self.connection and row.connection != self.connection:
            return "off"
        purpose = True if row.need == "always" else self.options.get(row.need)
        switch = self.options.get(row.switch) if row.switch else True
        if purpose is False or switch is False:
            return "off"
        if purpose is None or (row.connection and not self.connection):
            return "unknown"
        if row.absence == "fine":
            return "optional"
        if switch is True or (row.connection and row.connection == self.connection):
            return "required"
        return "usual" if row.default else "optional"


def wants_connection(request: Request, here: Namespace) -> bool:
    """Whether only the Arc agents can tell how the cluster is connected."""
    return not request.connection and not _seen_connection(here)[0] and bool(here.workloads.get("Deployment"))


def _seen_connection(here: Namespace) -> tuple[str, str]:
    """The kind of cluster by the components themselves: relayserver is on Arc only, nginx as a rule on AKS only."""
    if here.find("Deployment", "relayserver"):
        return "arc", "Deployment relayserver is there"
    return "", ""


def understand(request: Request, here: Namespace, snapshot: Snapshot) -> Scenario:
    """The scenario: what was said, completed by what can be seen."""
    extension = request.extension_name or extension_name(listed(snapshot, DEPLOYMENTS) or []) or ""
    version = request.version or _version(here)
    edition = request.edition or _edition(version)
    options: dict[str, bool | None] = {name: request.told.get(name) for name in ("training", "inference", *SWITCHES)}
    seen: dict[str, str] = {}
    doubtful: set[str] = set()
    rows = EDITIONS[edition].rows
    connection = request.connection
    if not connection:
        connection, why, sure = _connection(here, snapshot)
        seen.update({"connection": why} if connection else {})
        doubtful |= set() if sure else {"connection"}
    for switch in SWITCHES:
        family = [row.name for row in rows if row.switch == switch and _is_there(row, here, extension)]
        if options[switch] is None and family:
            options[switch], seen[switch] = True, f"{family[0].replace(EXTENSION, extension)} is there"
    _see_purposes(options, seen, rows, here, extension)
    return Scenario(extension, version, edition, connection, options, seen, frozenset(doubtful))


def _see_purposes(
    options: dict[str, bool | None], seen: dict[str, str], rows: t.Sequence[Component], here: Namespace, extension: str
) -> None:
    """Training and inference: a purpose is there when one of its components is, and is not when only the other's are."""
    there: dict[str, list[str]] = {"training": [], "inference": []}
    for row in rows:
        if row.need != "always" and _is_there(row, here, extension):
            there[row.need].append(row.name)
    for need, other in (("training", "inference"), ("inference", "training")):
        if options[need] is not None:
            continue
        if there[need]:
            options[need], seen[need] = True, f"{there[need][0]} is there"
        elif options[other] is False:
            options[need], seen[need] = True, f"{other} is off, and one of the two is always on"
        elif there[other] or options[other]:
            options[need], seen[need] = False, f"no component of {need} is there"


def _is_there(row: Component, here: Namespace, extension: str) -> bool:
    return here.find(row.kind, row.named(extension), *row.formerly) is not None


def _connection(here: Namespace, snapshot: Snapshot) -> tuple[str, str, bool]:
    """How the cluster is connected, from what that is known, and whether that is sure."""
    connection, why = _seen_connection(here)
    if connection:
        return connection, why, True
    answer = snapshot.get(ARC_CONFIG)
    if answer is None or unread(answer):
        return "", "", False
    if answer.absent:
        return "aks", "no agents of Azure Arc are installed", True
    distribution = text(mapping(body_of(snapshot, ARC_CONFIG), "data").get("KUBERNETES_DISTRO")).lower()
    # On an AKS cluster that is connected to Arc, too, the extension may be of either.
    return "arc", "agents of Azure Arc are installed", distribution != "aks"


def _version(here: Namespace) -> str:
    """The chart's version by the labels that it puts on everything."""
    for workload in here.everything():
        labels: Json = mapping(workload.item, "metadata", "labels")
        found = next((match for match in (_CHART.search(text(value)) for value in labels.values()) if match), None)
        if found:
            return ".".join(found.groups())
    return ""


def _edition(version: str) -> str:
    """The edition of the table that is for a version of the extension."""
    found = _VERSION.match(version)
    numbers = tuple(int(part) for part in found.groups()) if found else SIDECARS_SINCE
    return WITH_FLUENT_BIT if numbers < SIDECARS_SINCE else NEWEST
