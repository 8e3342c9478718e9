"""The filters over what modules returned."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.azureml.kubernetes.plugins.filter.results import FilterModule, results, verdict

pytestmark = pytest.mark.engine


def said(severity: str, code: str = "a.b", resolved: bool = False) -> dict[str, Any]:
    return {"plan_digest": "", "findings": [{"severity": severity, "code": code, "message": "is so.", "resolved": resolved}]}


def test_results_finds_what_roles_registered_and_nothing_else() -> None:
    variables = {
        "cluster_preflight_b": said("error", "b"),
        "cluster_preflight_a": said("error", "a"),
        "somebody_else": said("error"),
        "azureml_extension_name": "ml",
        "azureml_list": [1],
        "scc_grant_skipped": {"changed": False, "skipped": True},
    }
    assert [r["findings"][0]["code"] for r in results(variables)] == ["a", "b"]


def test_in_check_mode_what_another_role_would_make_is_not_missing() -> None:
    missing = said("error", "storage.namespace_missing")
    missing["findings"][0]["subject"] = "Namespace/ml"
    made = {"verb": "create", "object": {"kind": "Namespace", "name": "ml", "namespace": ""}}
    roles = {"job_storage_result": missing, "compute_namespaces_result": {"plan_digest": "", "findings": [], "changes": [made]}}
    assert verdict(results({**roles, "ansible_check_mode": True})) == ""
    assert verdict(results({**roles, "ansible_check_mode": False})) == "storage.namespace_missing: is so."
    other = {**roles, "compute_namespaces_result": {"plan_digest": "", "findings": [], "changes": [{**made, "verb": "update"}]}}
    assert verdict(results({**other, "ansible_check_mode": True})) != ""


@pytest.mark.parametrize(
    ("severity", "fail_on", "fails"),
    [
        ("error", "error", True),
        ("warning", "error", False),
        ("warning", "warning", True),
        ("info", "warning", False),
        ("error", "never", False),
    ],
)
def test_verdict(severity: str, fail_on: str, fails: bool) -> None:
    assert bool(verdict([said(severity)], fail_on)) is fails


def test_a_verdict_says_each_thing_once_and_leaves_out_what_the_run_would_mend() -> None:
    assert verdict([said("error"), said("error"), said("error", "c.d", resolved=True)]) == "a.b: is so."
    assert verdict([{"findings": None}, {}]) == ""


def test_an_unknown_level_is_an_error_of_the_template() -> None:
    with pytest.raises(AnsibleFilterError, match="sometimes"):
        verdict([], "sometimes")


def test_the_filters_are_known_by_their_names() -> None:
    assert set(FilterModule().filters()) == {"results", "summary", "verdict"}
