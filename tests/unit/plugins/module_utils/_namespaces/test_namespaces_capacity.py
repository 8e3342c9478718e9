"""ResourceQuotas and LimitRanges against instance types."""

from __future__ import annotations

import typing as t
from fractions import Fraction

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.instance_types import show_amount
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.quantities import parse_quantity
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._namespaces.space_cluster import AMLARC, Cluster, codes_of, request_of, space_of, the

pytestmark = pytest.mark.namespaces

GPU: dict[str, t.Any] = {
    "name": "gpu",
    "requests": {"cpu": "4", "memory": "16Gi"},
    "limits": {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": 1},
}


@pytest.fixture
def ml(cluster: Cluster) -> Cluster:
    cluster.namespace("ml", "other")
    return cluster


def refused(cluster: Cluster, *types: dict[str, t.Any]) -> list[str]:
    return list(space_of(cluster.plan(request_of(instance_types=list(types))))["instance_types"]["refused"])


QUOTAS: list[tuple[dict[str, t.Any], list[str]]] = [
    ({"cpu": "2"}, ["gpu"]),
    ({"requests.cpu": "4"}, []),
    ({"requests.cpu": "3999m"}, ["gpu"]),
    ({"limits.cpu": "2"}, ["gpu"]),
    ({"limits.cpu": "1"}, ["defaultinstancetype", "gpu"]),
    ({"memory": "2147483648"}, ["gpu"]),
    ({"memory": "2047Mi"}, ["defaultinstancetype", "gpu"]),
    ({"limits.memory": "32Gi"}, []),
    ({"requests.nvidia.com/gpu": "0"}, ["gpu"]),
    ({"limits.nvidia.com/gpu": "0"}, ["gpu"]),
    ({"pods": "0"}, ["defaultinstancetype", "gpu"]),
    ({"count/pods": 0}, ["defaultinstancetype", "gpu"]),
    ({"pods": "1"}, []),
    ({"persistentvolumeclaims": "0", "count/secrets": "0", "requests.storage": "0", "cpu": "odd"}, []),
]


@pytest.mark.parametrize(("hard", "expected"), QUOTAS, ids=[str(row[0]) for row in QUOTAS])
def test_a_quota_refuses_what_is_bigger_than_all_of_it(ml: Cluster, hard: dict[str, t.Any], expected: list[str]) -> None:
    ml.quota("ml", hard)
    plan = ml.plan(request_of(instance_types=[GPU]))
    assert refused(ml, GPU) == expected
    codes = {0: set(), 1: {"type_excluded"}, 2: {"no_type_fits"}}[len(expected)]
    assert codes_of(plan) == codes
    assert plan.checks == {"namespaces": ["ok", "warning", "error"][len(expected)]}


@pytest.mark.parametrize(
    ("spec", "judged"),
    [
        ({"scopes": ["BestEffort"]}, False),
        ({"scopes": ["Terminating"]}, False),
        ({"scopes": ["NotBestEffort"]}, True),
        ({"scopes": ["NotTerminating", "NotBestEffort"]}, True),
        ({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]}}, False),
    ],
)
def test_only_quotas_that_count_job_pods_are_judged(ml: Cluster, spec: dict[str, t.Any], judged: bool) -> None:
    ml.quota("ml", {"pods": "0"}, **spec)
    assert bool(refused(ml)) is judged


RANGES: list[tuple[dict[str, t.Any], list[str]]] = [
    ({"type": "Container", "max": {"cpu": "4"}}, ["gpu"]),
    ({"type": "Container", "max": {"memory": 1}}, ["defaultinstancetype", "gpu"]),
    ({"type": "Pod", "max": {"nvidia.com/gpu": "0"}}, ["gpu"]),
    ({"type": "Container", "min": {"cpu": "1"}}, ["defaultinstancetype"]),
    ({"type": "Container", "min": {"cpu": "100m"}}, []),
    ({"type": "Container", "maxLimitRequestRatio": {"cpu": "10"}}, ["defaultinstancetype"]),
    ({"type": "Container", "maxLimitRequestRatio": {"cpu": "20"}}, []),
    ({"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}, []),
    ({"type": "Container", "default": {"cpu": "1"}}, []),
]


@pytest.mark.parametrize(("item", "expected"), RANGES, ids=[str(row[0]) for row in RANGES])
def test_a_limit_range_refuses_what_is_outside(ml: Cluster, item: dict[str, t.Any], expected: list[str]) -> None:
    ml.limits("ml", item)
    assert refused(ml, GPU) == expected


def test_limits_of_other_namespaces_do_not_matter(ml: Cluster) -> None:
    ml.quota("other", {"pods": "0"})
    plan = ml.plan(request_of())
    assert codes_of(plan) == set() and "instance_types" not in space_of(plan)
    assert not any(read.path == AMLARC for read in ml.requests)


def test_the_message_names_quota_key_and_amounts(ml: Cluster) -> None:
    ml.quota("ml", {"requests.memory": "1Gi"})
    finding = the(ml.plan(request_of()), "no_type_fits")
    assert "ResourceQuota quota allows requests.memory 1Gi, it needs 2Gi" in finding.message
    assert finding.evidence == {"defaultinstancetype": ["ResourceQuota quota allows requests.memory 1Gi, it needs 2Gi"]}


def test_types_of_the_cluster_are_judged_and_the_users_replace_them(ml: Cluster) -> None:
    ml.quota("ml", {"cpu": "3"})
    ml.instance_type("big", {"cpu": "8", "memory": "1Gi"}, {"cpu": "8", "memory": "1Gi"})
    ml.instance_type("defaultinstancetype", {"cpu": "5", "memory": "1Gi"}, {"cpu": "5", "memory": "1Gi"})
    assert refused(ml) == ["big", "defaultinstancetype"]
    assert refused(ml, {**GPU, "name": "big", "requests": {"cpu": "1"}}) == ["defaultinstancetype"]


def test_types_that_may_not_be_read_leave_no_sure_verdict(ml: Cluster) -> None:
    ml.quota("ml", {"pods": "0"})
    ml.forbidden.add(AMLARC)
    plan = ml.plan(request_of())
    assert the(plan, "no_type_fits").severity == "warning" and "could not be read" in the(plan, "no_type_fits").message
    assert "InstanceType" in the(plan, "unreadable").subject


@given(st.fractions(min_value=0, max_value=2**60, max_denominator=1000))
def test_amounts_are_shown_as_they_are(number: Fraction) -> None:
    text = show_amount(number)
    shown = parse_quantity(text)
    assert abs(shown - number) <= max(Fraction(1, 1000), number / 10**5)
    if number.denominator == 1:
        assert shown == number
