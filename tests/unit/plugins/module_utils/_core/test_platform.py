"""Platform detection: the table of platforms, what refusals do to it, and the requests it costs."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    NODES,
    VERSION,
    Platform,
    detect,
    extension_name,
    platform_reads,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Snapshot
from ansible_collections.azureml.kubernetes.tests.unit.plugins.module_utils._cluster import clusters as c
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.cluster

FORBIDDEN = Answer(403, {"message": "forbidden: User cannot do this"})
OPENSHIFT = ("aro", "aro_hcp", "ocp", "okd", "rosa", "osd")


def platform(cluster: c.Cluster, override: str = "") -> Platform:
    return detect(c.observe(cluster, platform_reads), override)


def refused(cluster: c.Cluster, *paths: str) -> c.Cluster:
    return {**cluster, **dict.fromkeys(paths, FORBIDDEN)}


@pytest.mark.parametrize(("expected", "cluster"), c.CLUSTERS.values(), ids=c.CLUSTERS)
def test_platform_with_evidence(expected: str, cluster: c.Cluster) -> None:
    found = platform(cluster)
    assert found.name == expected
    assert found.evidence
    assert found.managed_openshift is (expected in ("rosa", "osd"))


@pytest.mark.parametrize(("expected", "cluster"), c.CLUSTERS.values(), ids=c.CLUSTERS)
def test_few_requests(expected: str, cluster: c.Cluster) -> None:
    assert len(c.observe(cluster, platform_reads).answers) - 1 <= 6


@pytest.mark.parametrize("name", c.CLUSTERS)
def test_openshift_flags(name: str) -> None:
    expected, cluster = c.CLUSTERS[name]
    found = platform(cluster)
    assert found.openshift is (expected in OPENSHIFT or name == "microshift")
    assert found.hosted_control_plane is ("hcp" in name)


def test_nodes_are_not_listed_on_openshift() -> None:
    asked = c.observe(c.CLUSTERS["aro"][1], platform_reads).answers
    assert NODES not in asked
    assert VERSION not in asked


def test_running_version_is_the_last_completed_one() -> None:
    cluster = {**c.CLUSTERS["aro"][1], c.CLUSTER_VERSION: c.cluster_version("4.18.9", target="4.19.1")}
    assert platform(cluster).openshift_version == "4.18.9"
    assert platform(c.CLUSTERS["aks"][1]).openshift_version == ""


@pytest.mark.parametrize(
    ("name", "paths", "expected", "openshift", "managed"),
    [
        ("aks", ["/apis", c.CLUSTER_VERSION], "aks", False, False),
        ("aks", ["/apis", c.CLUSTER_VERSION, c.NODES], "unknown", None, None),
        ("aks", [c.NODES], "unknown", False, False),
        ("eks", [c.NODES], "eks", False, False),
        ("kubeadm", ["/apis", c.CLUSTER_VERSION], "unknown", None, None),
        ("kubeadm", ["/apis"], "kubernetes", False, False),
        ("ocp on aws", ["/apis", c.CLUSTER_VERSION], "unknown", True, None),
        ("ocp on aws", ["/apis"], "ocp", True, False),
        ("ocp on aws", [c.CONSOLE], "unknown", True, None),
        ("ocp on bare metal", [c.CONSOLE], "ocp", True, False),
        ("ocp on bare metal", [c.INFRASTRUCTURE], "unknown", True, None),
        ("ocp on bare metal", [c.INFRASTRUCTURE, c.CONSOLE], "unknown", True, None),
        ("ocp on bare metal", [c.CLUSTER_VERSION], "unknown", True, None),
        ("rosa by brand", [c.INFRASTRUCTURE], "rosa", True, True),
        ("aro", [c.INFRASTRUCTURE, c.CLUSTER_VERSION, c.CONSOLE], "aro", True, False),
    ],
)
def test_a_refusal_is_never_a_no(name: str, paths: list[str], expected: str, openshift: t.Any, managed: t.Any) -> None:
    found = platform(refused(c.CLUSTERS[name][1], *paths))
    assert (found.name, found.openshift, found.managed_openshift) == (expected, openshift, managed)


def test_refused_infrastructure_leaves_the_control_plane_unknown() -> None:
    assert platform(refused(c.CLUSTERS["rosa by brand"][1], c.INFRASTRUCTURE)).hosted_control_plane is None
    assert platform(refused(c.CLUSTERS["aro"][1], c.INFRASTRUCTURE)).hosted_control_plane is False


def test_aro_by_brand_where_discovery_is_refused() -> None:
    cluster = refused({**c.openshift("4.19.1", c.infrastructure("Azure"), brand="Azure")}, "/apis")
    assert platform(cluster).name == "aro"


@pytest.mark.parametrize(
    ("body", "served", "expected"),
    [(c.arc(), False, True), (Answer(404), False, False), (FORBIDDEN, False, None), (FORBIDDEN, True, True)],
)
def test_arc(body: t.Any, served: bool, expected: bool | None) -> None:
    cluster = {**c.aks(), c.ARC: body, "/apis": c.groups(*(["arc.azure.com"] if served else []))}
    assert platform(cluster).arc_connected is expected


@pytest.mark.parametrize(
    ("deployments", "expected"),
    [
        ([], ""),
        ([c.state_metrics("my-aml")], "my-aml"),
        ([c.deployment("gateway"), c.deployment("x-prometheus-operator")], "x"),
        ([{"metadata": {"name": "amlext-kube-state-metrics"}}], "amlext"),
        ([c.deployment("gateway")], None),
        ([{"metadata": {"name": "someone-elses"}}], ""),
        (
            [
                {
                    "metadata": {
                        "name": "gateway",
                        "labels": {"ml.azure.com/amlarc-system": "true"},
                        "annotations": {"meta.helm.sh/release-name": "h"},
                    }
                }
            ],
            "h",
        ),
    ],
)
def test_extension_name(deployments: list[c.Json], expected: str | None) -> None:
    assert extension_name(deployments) == expected
    assert platform({**c.aks(), c.DEPLOYMENTS: c.items(*deployments)}).extension == expected


def test_extension_unknown_when_refused() -> None:
    assert platform(refused(c.aks(), c.DEPLOYMENTS)).extension is None


@pytest.mark.parametrize(
    ("name", "override", "openshift", "hosted", "managed"),
    [
        ("kubeadm", "aro", True, False, False),
        ("kubeadm", "rosa", True, False, True),
        ("ocp on aws", "aro_hcp", True, True, False),
        ("aro hcp", "ocp", True, True, False),
        ("rosa by tag", "kubernetes", False, False, False),
    ],
)
def test_the_users_word_wins(name: str, override: str, openshift: bool, hosted: bool, managed: bool) -> None:
    found = platform(c.CLUSTERS[name][1], override)
    assert found.name == override
    assert (found.openshift, found.hosted_control_plane, found.managed_openshift) == (openshift, hosted, managed)
    assert "by the user" in found.evidence[0]


def test_nothing_read_is_nothing_known() -> None:
    assert detect(Snapshot()) == Platform("unknown")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(path=st.sampled_from(sorted(c.CLUSTERS["aro"][1])), body=st.dictionaries(st.text(max_size=8), JSON, max_size=3))
def test_garbage_never_raises(path: str, body: c.Json) -> None:
    platform({**c.CLUSTERS["aro"][1], path: body})


@given(key=st.sampled_from(["metadata", "spec", "status"]), value=JSON)
def test_garbage_in_nodes_never_raises(key: str, value: t.Any) -> None:
    platform({**c.aks(), c.NODES: {"items": [{**c.node("a"), key: value}, value]}})
