"""A request in the words of RBAC, and what a server's refusal means."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import describe, field_managers, names_one, refusal
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.engine

SERVER = "https://api.example:6443"
SCC = "/apis/security.openshift.io/v1/securitycontextconstraints"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["details", "causes", "reason", "message", "x"]), inner)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "method, path, words",
    [
        ("GET", "/api/v1/nodes", "list nodes"),
        ("GET", "/api/v1/nodes/a", 'get nodes "a"'),
        ("GET", "/api/v1/namespaces/kube-system", 'get namespaces "kube-system"'),
        ("GET", "/api/v1/namespaces", "list namespaces"),
        ("GET", "/api/v1/namespaces/a/pods", "list pods in namespace a"),
        ("PATCH", f"{SCC}/privileged", 'patch securitycontextconstraints.security.openshift.io "privileged"'),
        ("POST", "/api/v1/namespaces", "create namespaces"),
        (
            "DELETE",
            "/apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings/b",
            'delete rolebindings.rbac.authorization.k8s.io "b" in namespace a',
        ),
        ("GET", "/version", "get /version"),
    ],
)
def test_describe(method: str, path: str, words: str) -> None:
    assert describe(method, path) == words


@pytest.mark.parametrize("query", ["?fieldManager=azureml.kubernetes", "?limit=500&continue=abc"])
def test_the_query_is_no_part_of_a_name(query: str) -> None:
    assert describe("GET", f"/api/v1/nodes{query}") == "list nodes"
    assert describe("PATCH", f"{SCC}/privileged{query}").endswith('"privileged"')


def test_names_one() -> None:
    assert names_one("/api/v1/namespaces/kube-system")
    assert not names_one("/api/v1/namespaces/kube-system/pods")
    assert not names_one("/version")


@pytest.mark.parametrize(
    "status, said, code",
    [
        (401, "Unauthorized", codes.UNAUTHORIZED),
        (403, 'nodes is forbidden: User "x" cannot list resource "nodes"', codes.FORBIDDEN),
        (403, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", codes.REJECTED),
        (403, 'admission webhook "w.example" denied the request: no', codes.REJECTED),
        (403, 'pods "p" is forbidden: violates PodSecurity "restricted"', codes.REJECTED),
        (404, 'namespaces "x" not found', codes.REJECTED),
        (422, "spec: Invalid value", codes.REJECTED),
        (302, "", codes.NOT_KUBERNETES),
        (503, "", codes.SERVER_ERROR),
    ],
)
def test_refusal(status: int, said: str, code: Any) -> None:
    finding = refusal("GET", "/api/v1/nodes", status, {"message": said}, SERVER).finding
    assert (finding.code, finding.subject) == (code.code, SERVER)
    assert SERVER in finding.message
    assert "list nodes" in finding.message
    assert said in finding.message
    assert finding.remedy


def test_field_managers_are_named() -> None:
    causes = [
        {"reason": "FieldManagerConflict", "message": 'conflict with "helm" using v1', "field": ".data.a"},
        {"reason": "FieldManagerConflict", "message": 'conflict with "argocd-controller" using v1', "field": ".data.b"},
        {"reason": "FieldManagerConflict", "message": 'conflict with "helm" using v1', "field": ".data.c"},
        {"reason": "FieldValueInvalid", "message": 'conflict with "nobody"'},
    ]
    assert field_managers({"details": {"causes": causes}}) == ["argocd-controller", "helm"]


def test_any_other_conflict_has_no_managers() -> None:
    assert field_managers({"message": "the object has been modified", "reason": "Conflict", "details": {"name": "x"}}) == []


@given(JSON, st.integers(min_value=300, max_value=599))
def test_no_body_breaks_the_translation(body: Any, status: int) -> None:
    assert refusal("PATCH", "/api/v1/nodes/a", status, body, SERVER).finding.message
    if isinstance(body, dict):
        assert field_managers(body) == sorted(set(field_managers(body)))
