"""A cluster made of answers, read the way the engine reads: round after round until nothing new is wanted."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core import platform as core
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Plan
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.request import parse

TODAY = datetime.date(2026, 9, 15)
FORBIDDEN = Answer(403, {"message": "forbidden: User cannot do this"})
MARKS: dict[str, dict[str, t.Any]] = {
    "aks": {"metadata": {"labels": {"kubernetes.azure.com/cluster": "mc"}}},
    "k3s": {"spec": {"providerID": "k3s://edge"}},
    "kubernetes": {},
    "ocp": {"metadata": {"labels": {"node.openshift.io/os_id": "rhel"}}},
}


def node(name: str, kubelet: t.Any, platform: str = "kubernetes", labels: dict[str, str] | None = None) -> dict[str, t.Any]:
    mark = MARKS[platform]
    marked = {**mark.get("metadata", {}).get("labels", {}), **(labels or {})}
    return {
        "metadata": {"name": name, "labels": marked},
        "spec": mark.get("spec", {}),
        "status": {"nodeInfo": {"kubeletVersion": kubelet}},
    }


def answers(
    version: t.Any = "v1.36.2",
    platform: str = "aks",
    *,
    extension: str = "",
    arc: bool = False,
    nodes: t.Sequence[dict[str, t.Any]] | None = None,
    openshift: str = "4.21.7",
    forbidden: t.Sequence[Read] = (),
    changed: t.Mapping[Read, Answer] | None = None,
) -> dict[Read, Answer]:
    """What the cluster answers; everything else is 404."""
    groups = [{"name": "apps"}] + ([{"name": "config.openshift.io"}] if platform == "ocp" else [])
    body = version if isinstance(version, dict) else {"gitVersion": version}
    known: dict[Read, Answer] = {
        core.API_GROUPS: Answer(200, {"groups": groups}),
        core.VERSION: Answer(200, body),
        core.NODES: Answer(200, {"items": [node("node-1", version, platform)] if nodes is None else list(nodes)}),
        core.EXTENSION_DEPLOYMENTS: Answer(200, {"items": [deployment(extension)] if extension else []}),
    }
    if arc:
        known[core.ARC_CONFIG] = Answer(200, {"metadata": {"name": "azure-clusterconfig"}})
    if platform == "ocp":
        history = [{"state": "Completed", "version": openshift}]
        known[core.CLUSTER_VERSION] = Answer(200, {"status": {"history": history}})
    return {**known, **dict.fromkeys(forbidden, FORBIDDEN), **(changed or {})}


def deployment(extension: str) -> dict[str, t.Any]:
    labels = {"app.kubernetes.io/name": "kube-state-metrics", "app.kubernetes.io/instance": extension}
    return {"metadata": {"name": f"{extension}-kube-state-metrics", "labels": labels}}


def run(known: t.Mapping[Read, Answer], today: datetime.date = TODAY, **params: t.Any) -> Plan:
    """`parse`, then reading as the engine does, then `plan`."""
    request = parse(params, today)
    snapshot = Snapshot()
    for _round in range(10):
        new = [read for read in reads(request, snapshot) if read not in snapshot]
        if not new:
            return plan(request, snapshot)
        snapshot = snapshot.with_answers({read: known.get(read, Answer(404, {"message": "not found"})) for read in new})
    raise AssertionError("reads never settle")


class Judge:
    """The functions of this file for tests."""

    today = TODAY
    node = staticmethod(node)
    answers = staticmethod(answers)
    run = staticmethod(run)
    deployment = staticmethod(deployment)

    def __call__(self, version: t.Any = "v1.36.2", platform: str = "aks", **options: t.Any) -> Plan:
        """Judge a cluster; options of `answers` describe it, all others are parameters of the module."""
        names = ("extension", "arc", "nodes", "openshift", "forbidden", "changed")
        cluster = {name: options.pop(name) for name in names if name in options}
        return run(answers(version, platform, **cluster), options.pop("today", TODAY), **options)


@pytest.fixture(scope="session")
def judged() -> Judge:
    return Judge()


def severities(plan_: Plan) -> dict[str, str]:
    return {finding.code: finding.severity for finding in plan_.findings}


@pytest.fixture(scope="session")
def said() -> t.Callable[[Plan], dict[str, str]]:
    """The codes of a plan with their severities."""
    return severities
