"""State absent: exactly what is ours goes, and nobody loses a GPU without having agreed to it."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.gpu_nodes import is_gpu_resource
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Disruption, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import made_by_us
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, objects
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.changes import REMOVABLE, Outcome, delete, gitops_refusal
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.manifests import ref
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.reading import (
    RUNNING_PODS,
    Live,
    is_going,
    node_of,
    our_jobs,
    place,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.site import Site
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.smoke import is_test, remove


def take_away(site: Site, live: Live) -> Outcome:
    """The DaemonSet, what belongs to it, and tests that are left."""
    out = Outcome()
    namespace = site.request.namespace
    for job in live.items(our_jobs(namespace)) or ():
        if is_test(job) and not is_going(job):
            out.changes.append(remove(job, "it is a test of the plugin that goes"))
    if site.ours is not None:
        out.add(_daemon_set(site, site.ours, live))
    for kind in REMOVABLE:
        where = ref(kind, namespace)
        item = live.object(where.path)
        if item is not None and made_by_us(item) and not is_going(item):
            out.changes.append(delete(item, where, "it belongs to the plugin that goes"))
    return out


def _daemon_set(site: Site, item: Json, live: Live) -> Outcome:
    where = ref("DaemonSet", site.request.namespace)
    if is_going(item):
        return Outcome(findings=[codes.GOING.finding("it is being deleted and not gone yet.", where)])
    stopped = gitops_refusal(item, where, None)
    if stopped is not None:
        return Outcome(findings=[stopped])
    served = {entry.node.name for entry in site.places if not entry.others}
    return guarded(Outcome([delete(item, where, "the plugin is to go")]), served, live)


def guarded(out: Outcome, served: t.Collection[str], live: Live) -> Outcome:
    """The same, for which somebody has to agree where pods hold GPUs of the nodes served."""
    if not out.changes:
        return out
    pods = live.items(RUNNING_PODS)
    subject = out.changes[0].object
    if pods is None:
        words, holders = "whether pods hold GPUs may not be read", []
    else:
        holders = sorted(place(pod) for pod in pods if node_of(pod) in served and _holds(pod) and not is_test(pod))
        words = f"{len(holders)} pods hold GPUs: " + ", ".join(holders[:5]) + (" and more" if len(holders) > 5 else "")
        if not holders:
            return out
    disturbed: frozenset[Disruption] = frozenset(["disturbs_jobs"])
    changes = [replace(change, reason=f"{change.reason}; {words}", disruptive=disturbed) for change in out.changes]
    return Outcome(changes, [*out.findings, codes.IN_USE.finding(f"{words}.", subject, evidence=holders)])


def _holds(pod: Json) -> bool:
    for container in objects(mapping(pod, "spec").get("containers")) + objects(mapping(pod, "spec").get("initContainers")):
        if any(is_gpu_resource(str(name)) for name in mapping(container, "resources", "limits")):
            return True
    return False
