"""A block of settings as az takes it: the two maps, and how az reads a value."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json

Connection = t.Literal["aks", "arc"]
CLUSTER_TYPES: t.Mapping[str, str] = {"aks": "managedClusters", "arc": "connectedClusters"}
PROVIDERS: t.Mapping[str, str] = {"aks": "Microsoft.ContainerService", "arc": "Microsoft.Kubernetes"}
PEM_KEYS = ("sslCertPemFile", "sslKeyPemFile")
# What people write for no; Helm and az take the word false alone.
_NO = ("false", "no", "off", "0", "n", "f", "", "none", "null")


@dataclass(frozen=True)
class Block:
    """The settings and the protected settings, with the user's own types."""

    settings: Json = field(default_factory=dict)
    protected: Json = field(default_factory=dict)

    def value(self, key: str) -> t.Any:
        """The value of a key that may be in either map, as az finds it; None where it is in none."""
        return self.settings[key] if key in self.settings else self.protected.get(key)

    def on(self, key: str) -> bool:
        """Whether az takes the key as switched on: `true` in any case, and nothing else."""
        return is_true(self.value(key))

    @property
    def keys(self) -> t.List[str]:
        """All keys, each once."""
        return sorted({*self.settings, *self.protected}, key=str)

    @property
    def tls_files(self) -> bool:
        """Whether az would read a certificate and its key from files."""
        return all(self.protected.get(key) for key in PEM_KEYS)


@dataclass(frozen=True)
class Pem:
    """A file that az would read: its text, or why it cannot be sent."""

    text: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Cluster:
    """What az asks Azure about the cluster before it compiles the settings.

    Args:
        cluster_type: `managedClusters` or `connectedClusters`.
        resource_id: ARM id of the cluster's resource.
        nodes: how many nodes Azure counts, None where nobody knows.
        openshift: the Arc resource's distribution is openshift; None where nobody knows.
    """

    cluster_type: str
    name: str
    resource_group: str
    subscription: str
    resource_id: str
    location: str = ""
    nodes: t.Optional[int] = None
    openshift: t.Optional[bool] = None

    @property
    def aks(self) -> bool:
        """Whether it is AKS; az compares the type letter by letter."""
        return self.cluster_type == CLUSTER_TYPES["aks"]

    @property
    def small(self) -> bool:
        """Fewer than the three nodes that high availability needs."""
        return self.nodes is not None and self.nodes < 3


def resource_id(connection: str, subscription: str, group: str, name: str) -> str:
    """The ARM id of a cluster."""
    cluster_type = CLUSTER_TYPES[connection]
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{PROVIDERS[connection]}/{cluster_type}/{name}"


def is_true(value: t.Any) -> bool:
    """As az reads a switch."""
    return str(value).lower() == "true"


def is_false(value: t.Any) -> bool:
    """As az reads a switch that is on by default."""
    return str(value).lower() == "false"


def means_no(value: t.Any) -> bool:
    """Whether a person who wrote this meant no."""
    return str(value).strip().lower() in _NO


def as_text(value: t.Any) -> str:
    """A value as `--config` and ARM's map of strings carry it."""
    return ("true" if value else "false") if isinstance(value, bool) else "" if value is None else str(value)
