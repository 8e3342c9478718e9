"""What may be asked of compute_namespace, and that all that is wrong is said at once."""

from __future__ import annotations

import typing as t
from fractions import Fraction

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.names import is_key, is_label, is_value
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._namespaces.space_cluster import dedicate, request_of

pytestmark = pytest.mark.namespaces

ENFORCE = "pod-security.kubernetes.io/enforce"


def problems(**params: t.Any) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        request_of(**params)
    return list(caught.value.problems)


def test_names_come_together_each_once_in_their_order() -> None:
    request = request_of(compute_namespaces=["b", "a", "b"], namespaces=[{"name": "c"}, {"name": "a"}])
    assert [space.name for space in request.spaces] == ["b", "a", "c"]


def test_default_is_noted_and_left_out() -> None:
    request = request_of(compute_namespaces=["default", "ml"])
    assert [space.name for space in request.spaces] == ["ml"] and request.default_named


def test_settings_of_a_namespace_win_and_marks_are_merged() -> None:
    request = request_of(
        compute_namespaces=["a", "b"],
        namespace_labels={"x": "1", "y": "1"},
        namespace_annotations={"n": "1"},
        image_pull_secrets=["all"],
        pod_security="baseline",
        network_policy="judge",
        namespaces=[
            {
                "name": "b",
                "labels": {"y": "2"},
                "annotations": {"m": "2"},
                "image_pull_secrets": [],
                "pod_security": "privileged",
                "network_policy": "ingress",
            }
        ],
    )
    a, b = request.spaces
    assert (a.labels, a.annotations, a.pull_secrets) == ({"x": "1", "y": "1", ENFORCE: "baseline"}, {"n": "1"}, ("all",))
    assert (b.labels, b.annotations, b.pull_secrets) == ({"x": "1", "y": "2", ENFORCE: "privileged"}, {"n": "1", "m": "2"}, ())
    assert (a.network_policy, b.network_policy, b.pod_security) == ("judge", "ingress", "privileged")


@pytest.mark.parametrize(
    "name", ["azureml", "azure-arc", "kube-system", "kube-anything", "openshift", "openshift-monitoring", "gatekeeper-system"]
)
def test_namespaces_of_the_platform_are_refused(name: str) -> None:
    (problem,) = problems(compute_namespaces=[name])
    assert repr(name) in problem and "namespace of its own" in problem


@pytest.mark.parametrize("name", ["", "Ml", "ml_team", "-ml", "ml-", "m" * 64, "a.b"])
def test_names_are_dns_labels(name: str) -> None:
    (problem,) = problems(compute_namespaces=[name])
    assert "DNS label" in problem


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"namespaces": [{"name": "a"}, {"name": "a"}]}, "more than once"),
        ({"namespace_labels": {"a b": "x"}}, "not a label key"),
        ({"namespace_labels": {"a/b/c": "x"}}, "not a label key"),
        ({"namespace_labels": {"a": True}}, "Quote it"),
        ({"namespace_labels": {"a": "x y"}}, "not a label value"),
        ({"namespace_annotations": {"a": 1}}, "Quote it"),
        ({"namespace_annotations": {"azureml.kubernetes/added": "{}"}}, "this collection's own"),
        ({"namespace_labels": {"app.kubernetes.io/managed-by": "me"}}, "this collection's own"),
        ({"namespace_labels": {ENFORCE: "baseline"}, "pod_security": "privileged"}, "but pod_security is"),
        ({"image_pull_secrets": ["A"]}, "name of a Secret"),
        ({"egress_ports": [0]}, "not a port"),
        ({"egress_ports": [65536]}, "not a port"),
        ({"wait_timeout": -1}, "negative"),
        ({"instance_types": [{"name": "a", "requests": {"cpu": "many"}, "limits": {}}]}, "requests of a: cpu"),
        ({"instance_types": [{"name": "a", "requests": {}, "limits": {}}] * 2}, "more than once"),
        ({"dedicated_nodes": [{}]}, "either by nodes or by node_selector"),
        ({"dedicated_nodes": dedicate("n", node_selector={"a": "b"})}, "either by nodes or by node_selector"),
        ({"dedicated_nodes": dedicate("n", workspace="w")}, "workspace needs resource_group"),
        ({"dedicated_nodes": dedicate("n", compute="c", resource_group="r")}, "compute needs workspace"),
        ({"dedicated_nodes": dedicate("n", purpose="system", resource_group="r")}, "purpose is system"),
        ({"dedicated_nodes": dedicate("n", resource_group="rg(1)")}, "cannot be the value of a taint"),
        ({"dedicated_nodes": dedicate("n", labels={"a": 1})}, "Quote it"),
    ],
)
def test_what_makes_no_sense_is_said(params: dict[str, t.Any], words: str) -> None:
    (problem,) = problems(**params)
    assert words in problem


def test_all_problems_are_said_at_once() -> None:
    found = problems(compute_namespaces=["A", "kube-x"], egress_ports=[0], wait_timeout=-1, dedicated_nodes=[{}])
    assert len(found) == 5


DEDICATIONS: list[tuple[dict[str, str], dict[str, str]]] = [
    ({}, {"amlarc": "true"}),
    ({"purpose": "system"}, {"amlarc": "true", "amlarc-system": "true"}),
    ({"purpose": "workload"}, {"amlarc": "true", "amlarc-workload": "true"}),
    ({"resource_group": "r", "workspace": "w"}, {"amlarc": "true", "resource-group": "r", "workspace": "w"}),
    (
        {"resource_group": "r", "workspace": "w", "compute": "c"},
        {"amlarc": "true", "resource-group": "r", "workspace": "w", "compute": "c"},
    ),
]


@pytest.mark.parametrize(("entry", "keys"), DEDICATIONS)
@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute", "PreferNoSchedule"])
def test_taints_are_the_combinations_of_the_document(entry: dict[str, str], keys: dict[str, str], effect: str) -> None:
    (dedication,) = request_of(dedicated_nodes=dedicate("n", effect=effect, labels={"tier": "gpu"}, **entry)).dedications
    assert [str(taint) for taint in dedication.taints] == [f"ml.azure.com/{key}={value}:{effect}" for key, value in keys.items()]
    assert dedication.labels == {**{f"ml.azure.com/{key}": value for key, value in keys.items()}, "tier": "gpu"}


def test_amounts_of_instance_types_are_exact() -> None:
    (entry,) = request_of(
        instance_types=[{"name": "a", "requests": {"cpu": "100m"}, "limits": {"nvidia.com/gpu": 1}}]
    ).instance_types
    assert (entry.requests, entry.limits) == ({"cpu": Fraction(1, 10)}, {"nvidia.com/gpu": Fraction(1)})


@given(st.text(max_size=70))
def test_any_text_is_judged(text: str) -> None:
    assert {is_label(text), is_key(text), is_value(text)} <= {True, False}
    if is_label(text):
        assert is_key(text) and is_value(text)
