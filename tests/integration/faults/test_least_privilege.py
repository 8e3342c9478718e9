"""The shipped ClusterRoles are enough, and nothing in them is too much: without one verb, the error names verb and resource."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.topic import TOPIC as CLUSTER
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Result
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.topic import TOPIC as VERSION

from tests.integration.faults.work import Bench, errors, grant, run, until
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("aro")]

FOLDER = Path(__file__).parents[3] / "playbooks" / "files" / "clusterroles"
Rules = list[dict[str, Any]]


def role(file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / file).read_text())
    return content


def bind(sandbox: Sandbox, content: dict[str, Any]) -> Path:
    """A user who has exactly this ClusterRole."""
    name = content["metadata"]["name"]
    subject = {"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"kind": "ClusterRole", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": reference,
        "subjects": [subject],
    }
    sandbox.apply([content, binding])
    kubeconfig = sandbox.kubeconfig_for(name, direct=True)
    # The API server's authorizer learns of a role a moment later.
    until("the role counts", lambda: _allowed(sandbox, name, content["rules"]))
    return kubeconfig


def _allowed(sandbox: Sandbox, user: str, rules: Rules) -> bool:
    """Whether the authorizer lets the user do what the last rule of the role says."""
    rule = rules[-1]
    wanted = {
        "group": rule["apiGroups"][0],
        "resource": rule["resources"][0],
        "verb": rule["verbs"][0],
        "name": rule.get("resourceNames", [""])[0],
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": wanted},
    }
    answer = sandbox.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def without(rules: Rules, number: int, resource: str, verb: str) -> Rules:
    """The rules less one verb on one resource."""
    kept = copy.deepcopy(rules)
    rule = kept[number]
    others = [name for name in rule["resources"] if name != resource]
    rest = [{**rule, "resources": others}] if others else []
    verbs = [name for name in rule["verbs"] if name != verb]
    less = [{**rule, "resources": [resource], "verbs": verbs}] if verbs else []
    return [*kept[:number], *rest, *less, *kept[number + 1 :]]


def told(result: Result) -> str:
    return json.dumps([[f.message, f.subject, f.evidence] for f in result.findings], default=str)


def facts(result: Result) -> str:
    """Facts and checks, to compare with those of a user who may do everything."""
    return json.dumps([result.facts, dict(result.checks), [f.code for f in result.findings]], sort_keys=True, default=str)


def test_the_roles_grant_reads_only_or_name_what_they_write() -> None:
    audit = role("audit.yml")
    assert audit["metadata"]["name"] == "azureml-kubernetes-audit"
    assert {verb for rule in audit["rules"] for verb in rule["verbs"]} == {"get", "list"}
    grant_role = role("scc_grant.yml")
    assert grant_role["metadata"]["name"] == "azureml-kubernetes-scc-grant"
    for rule in [*audit["rules"], *grant_role["rules"]]:
        assert "*" not in json.dumps(rule)
        assert "secrets" not in rule.get("resources", [])
    for rule in grant_role["rules"]:
        if {"patch", "delete", "bind"} & set(rule["verbs"]):
            assert rule["resourceNames"], "what exists is only changed by name"


@pytest.mark.parametrize("profile", ["aro", "aks_gpu"])
@pytest.mark.parametrize("topic", [CLUSTER, VERSION], ids=lambda topic: str(topic.module))
def test_audit_sees_what_an_admin_sees(profile: str, topic: Any, request: pytest.FixtureRequest) -> None:
    sandbox: Sandbox = request.getfixturevalue(profile)
    kubeconfig = bind(sandbox, role("audit.yml"))
    seen, all_there_is = run(topic, kubeconfig), run(topic, sandbox.direct_kubeconfig)
    assert facts(seen) == facts(all_there_is)
    assert "unknown" not in seen.checks.values()


@pytest.mark.parametrize("method", ["users", "rbac", "rbac_cluster"])
def test_scc_grant_grants_and_takes_back(aro: Sandbox, method: str) -> None:
    kubeconfig = bind(aro, role("scc_grant.yml"))
    options = {"method": method, "fail_on": "warning"}
    bench = Bench.of(aro)
    granted = grant(kubeconfig, **options)
    assert errors(granted) == []
    assert "forbidden" not in told(granted)
    assert granted.changes
    assert not grant(kubeconfig, **options).changes
    more = grant(kubeconfig, **options, extra_accounts=["azureml:another"])
    assert errors(more) == []
    assert more.changes
    removed = grant(kubeconfig, **options, state="absent", accept=["disturbs_jobs"])
    assert errors(removed) == []
    assert removed.changes
    assert bench.bindings() == []
    assert bench.users() == list(bench.scc.get("users") or [])


def single_reads() -> Iterator[tuple[int, str, str]]:
    """Every resource of the audit role that ARO without the extension is asked for; the console decides other editions."""
    elsewhere = {"validatingadmissionpolicies", "azurepodidentityexceptions", "statefulsets", "daemonsets", "consoles"}
    for number, rule in enumerate(role("audit.yml")["rules"]):
        for resource in rule.get("resources", []):
            if resource not in elsewhere:
                yield number, resource, rule["verbs"][0]


@pytest.mark.parametrize(("number", "resource", "verb"), list(single_reads()), ids=str)
def test_without_one_read_the_finding_names_it(aro: Sandbox, number: int, resource: str, verb: str) -> None:
    content = role("audit.yml")
    content["rules"] = without(content["rules"], number, resource, verb)
    result = run(CLUSTER, bind(aro, content))
    assert result.findings, "something is said"
    assert f'cannot {verb} resource \\"{resource}\\"' in told(result)
    assert not result.broken, "and the rest is still told"


WRITES = [
    ("users", "securitycontextconstraints", "patch"),
    ("rbac", "rolebindings", "create"),
    ("rbac", "namespaces", "create"),
    ("rbac", "clusterroles", "bind"),
    ("rbac_cluster", "clusterrolebindings", "create"),
]


@pytest.mark.parametrize(("method", "resource", "verb"), WRITES)
def test_without_one_write_the_error_names_it(aro: Sandbox, method: str, resource: str, verb: str) -> None:
    content = role("scc_grant.yml")
    rules = content["rules"]
    number = next(n for n, rule in enumerate(rules) if resource in rule.get("resources", []) and verb in rule["verbs"])
    content["rules"] = without(rules, number, resource, verb)
    result = grant(bind(aro, content), method=method)
    said = [finding for finding in result.findings if finding.code == "engine.forbidden"]
    assert len(said) == 1, told(result)
    # A missing `bind` shows as the escalation that it would be.
    words = (
        ("attempting to grant RBAC permissions", "rolebindings")
        if verb == "bind"
        else (f"{verb} {resource}", f'cannot {verb} resource "{resource}"')
    )
    for word in words:
        assert word in said[0].message
    assert "docs/permissions.md" in said[0].remedy
    assert result.broken
