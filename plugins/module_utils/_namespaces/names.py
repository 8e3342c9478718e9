"""Namespaces that are not for computes."""

from __future__ import annotations

# Of Kubernetes, its distributions, Azure's agents and the extension itself; a compute there shares accounts with the platform.
_SYSTEM = ("azureml", "azure-arc", "azure-arc-release", "gatekeeper-system", "aks-command", "volcano-system", "openshift")
_SYSTEM_PREFIXES = ("kube-", "openshift-")


def is_system(namespace: str) -> bool:
    """Whether the namespace belongs to the platform, to Azure's agents or to the extension."""
    return namespace in _SYSTEM or namespace.startswith(_SYSTEM_PREFIXES)
