"""Pods on a node that is about to get taints: which of them tolerate those, and whose they are."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    is_extension_object,
    mapping,
    name_of,
    objects,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.reading import namespace_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.record import Taint

_PLATFORM_PREFIXES = ("openshift-", "kube-")
_SHOWN = 5


@dataclass(frozen=True)
class Pod:
    """A running pod.

    Args:
        job: it belongs to a job or an endpoint of AzureML.
        platform: it belongs to the cluster itself.
        daemon: a DaemonSet made it, so it cannot go to another node.
    """

    name: str
    tolerations: tuple[Json, ...]
    job: bool
    platform: bool
    daemon: bool

    def tolerates(self, taint: Taint) -> bool:
        """Whether the pod may stay for ever on a node with the taint."""
        return any(_tolerates(toleration, taint) for toleration in self.tolerations)


def running_pods(items: t.Sequence[Json], compute_namespaces: t.Collection[str]) -> list[Pod]:
    """The pods that a taint can concern: not finished, and not static pods, which the kubelet runs whatever the taints."""
    return [
        _pod(item, compute_namespaces)
        for item in items
        if mapping(item, "status").get("phase") not in ("Succeeded", "Failed")
        and "kubernetes.io/config.mirror" not in mapping(item, "metadata", "annotations")
    ]


def _pod(item: Json, compute_namespaces: t.Collection[str]) -> Pod:
    namespace = namespace_of(item)
    of_azureml = any(key.startswith("ml.azure.com/") for key in mapping(item, "metadata", "labels"))
    return Pod(
        name=f"{namespace}/{name_of(item)}",
        tolerations=tuple(objects(mapping(item, "spec").get("tolerations"))),
        job=(of_azureml and not is_extension_object(item)) or namespace in compute_namespaces,
        platform=namespace.startswith(_PLATFORM_PREFIXES),
        daemon=any(owner.get("kind") == "DaemonSet" for owner in objects(mapping(item, "metadata").get("ownerReferences"))),
    )


def _tolerates(toleration: Json, taint: Taint) -> bool:
    """As the scheduler compares; a toleration for a time only does not let the pod stay."""
    if toleration.get("tolerationSeconds") is not None and taint.effect == "NoExecute":
        return False
    if toleration.get("effect") not in (None, "", taint.effect):
        return False
    key = text(toleration.get("key"))
    if (toleration.get("operator") or "Equal") == "Exists":
        return key in ("", taint.key)
    return toleration.get("operator") in (None, "", "Equal") and key == taint.key and text(toleration.get("value")) == taint.value


def shown(pods: t.Sequence[Pod]) -> str:
    """A few names and how many more."""
    names = sorted(pod.name for pod in pods)
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
