"""tls_secret on ARO: the least rights are enough, each is needed, and a refusal is unknown or names what is missing."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import pki
from tests.integration.faults.work import until
from tests.integration.tls.work import HOST, NAMESPACE, codes, find, get, make, run
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.tls, pytest.mark.xdist_group("aro")]

FOLDER = Path(__file__).parents[3] / "playbooks" / "files" / "clusterroles"
RBAC = "rbac.authorization.k8s.io"
USER = "tls-operator"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def chain() -> pki.Chain:
    return pki.chain([HOST])


def role(file: str) -> Json:
    content: Json = yaml.safe_load((FOLDER / file).read_text())
    return content


def without(content: Json, resource: str, verb: str) -> Json:
    """A ClusterRole less one verb on one resource."""
    less = copy.deepcopy(content)
    for rule in less["rules"]:
        if resource in rule.get("resources", []):
            rule["verbs"] = [name for name in rule["verbs"] if name != verb]
    less["rules"] = [rule for rule in less["rules"] if rule["verbs"]]
    return less


def operator(sandbox: Sandbox, cluster: Json, content: Json, *, in_azureml: bool = True) -> Path:
    """A user who has exactly these two ClusterRoles, the second one in namespace azureml only."""
    subjects = [{"kind": "User", "name": USER, "apiGroup": RBAC}]
    bindings: list[Json] = [{"kind": "ClusterRoleBinding", "metadata": {"name": USER}, "roleRef": reference(cluster)}]
    if in_azureml:
        bindings.append({"kind": "RoleBinding", "metadata": {"name": USER, "namespace": "azureml"}, "roleRef": reference(content)})
        if find(sandbox, NAMESPACE) is None:
            sandbox.request(
                "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "azureml"}}
            )
    sandbox.apply([cluster, content, *({"apiVersion": f"{RBAC}/v1", "subjects": subjects, **binding} for binding in bindings)])
    until(
        "the roles count", lambda: allowed(sandbox, "get", "namespaces", "azureml") and (not in_azureml or _last(sandbox, content))
    )
    return sandbox.kubeconfig_for(USER)


def reference(content: Json) -> Json:
    return {"kind": "ClusterRole", "name": content["metadata"]["name"], "apiGroup": RBAC}


def _last(sandbox: Sandbox, content: Json) -> bool:
    rule = content["rules"][-1]
    return allowed(sandbox, rule["verbs"][-1], rule["resources"][0], *rule.get("resourceNames", [])[:1], namespace="azureml")


def allowed(sandbox: Sandbox, verb: str, resource: str, name: str = "", namespace: str = "") -> bool:
    attributes = {"verb": verb, "resource": resource, "name": name, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": USER, "resourceAttributes": attributes},
    }
    answer = sandbox.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def told(result: Any) -> str:
    return "\n".join(finding.line() for finding in result.findings)


def test_the_roles_name_what_they_change() -> None:
    rules: Sequence[Json] = [*role("tls_secret.yml")["rules"], *role("tls_secret_content.yml")["rules"]]
    for rule in rules:
        assert "*" not in str(rule)
        assert (
            {"get", "patch", "delete"}.isdisjoint(rule["verbs"])
            or "secrets" not in rule.get("resources", [])
            or rule["resourceNames"]
        )
    assert all("secrets" not in rule.get("resources", []) for rule in role("tls_secret.yml")["rules"])


def test_the_least_rights_are_enough(aro: Sandbox, chain: pki.Chain) -> None:
    kubeconfig = operator(aro, role("tls_secret.yml"), role("tls_secret_content.yml"))
    made = run(kubeconfig, chain)
    assert made.failed_by("warning") == () and made.changes, told(made)
    assert run(kubeconfig, chain).changes == ()
    updated = run(kubeconfig, chain.renewed([HOST]))
    assert updated.failed_by("warning") == () and updated.changes, told(updated)
    looked = run(kubeconfig, state="checked", served_address="auto")
    assert codes(looked) == {"served_unknown"} and "does not exist" in told(looked)
    gone = run(kubeconfig, state="absent")
    assert gone.failed_by("warning") == () and find(aro) is None, told(gone)


def test_a_namespace_is_made_although_nothing_in_it_may_be(aro: Sandbox, chain: pki.Chain) -> None:
    kubeconfig = operator(aro, role("tls_secret.yml"), role("tls_secret_content.yml"), in_azureml=False)
    refused = run(kubeconfig, chain)
    assert codes(refused) == {"unreadable"} and refused.checks == {"tls": "unknown"} and find(aro, NAMESPACE) is None


@pytest.mark.parametrize(("verb", "needed"), [("patch", "patch"), ("create", "create")])
def test_without_one_right_the_error_names_it(aro: Sandbox, chain: pki.Chain, verb: str, needed: str) -> None:
    kubeconfig = operator(aro, role("tls_secret.yml"), without(role("tls_secret_content.yml"), "secrets", verb))
    refused = run(kubeconfig, chain)
    (found,) = [finding for finding in refused.findings if finding.code == "engine.forbidden"]
    assert f'cannot {needed} resource "secrets"' in found.message and "docs/permissions.md" in found.remedy and find(aro) is None


def test_what_may_not_be_seen_of_the_extension_counts_as_there(aro: Sandbox, chain: pki.Chain) -> None:
    run(aro.kubeconfig, chain)
    kubeconfig = operator(aro, without(role("tls_secret.yml"), "deployments", "list"), role("tls_secret_content.yml"))
    pending = run(kubeconfig, chain.renewed([HOST]))
    assert "rotation_pending" in codes(pending) and pending.changes
    refused = run(kubeconfig, state="absent")
    assert "engine.consent_missing" in told(refused) and find(aro) is not None


def test_a_source_in_a_namespace_of_others_needs_a_right_of_its_own(aro: Sandbox, chain: pki.Chain) -> None:
    make(aro, "web", "ingress", chain.tls_secret_data, "kubernetes.io/tls")
    kubeconfig = operator(aro, role("tls_secret.yml"), role("tls_secret_content.yml"))
    wish = {"source_secret": {"namespace": "ingress", "name": "web"}}
    refused = run(kubeconfig, **wish)
    assert codes(refused) == {"unreadable"} and 'cannot get resource "secrets"' in told(refused) and find(aro) is None
    assert run(aro.kubeconfig, **wish).changes and get(aro)["metadata"]["annotations"] == {
        "azureml.kubernetes/tls-source": "ingress/web"
    }
