"""Shorthands of profile files: objects whose faithful form would be pages of the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]
_WORKLOADS = {"Deployment", "DaemonSet"}


def expand(item: Object) -> Iterator[Object]:
    """Yield the full objects of one profile entry.

    ``kind: Namespaces`` has ``names``; a Deployment or DaemonSet may give ``image`` (with ``replicas``, ``labels``,
    ``tolerations``, ``node_selector``) in place of ``spec``. Anything else is taken as it is.
    """
    if item["kind"] == "Namespaces":
        for name in item["names"]:
            yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **item.get("metadata", {})}}
    elif item["kind"] in _WORKLOADS and "spec" not in item:
        yield _workload(item)
    else:
        yield item


def _workload(item: Object) -> Object:
    labels = item.get("labels", {"app": item["metadata"]["name"]})
    pod: Object = {"containers": [{"name": item["metadata"]["name"], "image": item["image"]}]}
    if "tolerations" in item:
        pod["tolerations"] = item["tolerations"]
    if "node_selector" in item:
        pod["nodeSelector"] = item["node_selector"]
    spec: Object = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    if item["kind"] == "Deployment":
        spec["replicas"] = item.get("replicas", 1)
    metadata = {"labels": labels, **item["metadata"]}
    return {"apiVersion": "apps/v1", "kind": item["kind"], "metadata": metadata, "spec": spec}
