"""The shipped ClusterRoles are enough for a whole roll, and what one lacks is said, never guessed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.selinux.rolls import WORKERS, Run, at_rest, codes, errors, hurry
from tests.sandbox import Sandbox
from tests.sandbox.client import until

pytestmark = [pytest.mark.selinux, pytest.mark.xdist_group("aro nodes")]

FOLDER = Path(__file__).parents[3] / "playbooks" / "files" / "clusterroles"
RBAC = "rbac.authorization.k8s.io"
DAEMONS = "openshift-machine-config-operator"


def role(file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))
    return content


def binding(content: dict[str, Any], user: str, namespace: str = "") -> dict[str, Any]:
    metadata = {"name": content["metadata"]["name"], **({"namespace": namespace} if namespace else {})}
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"kind": "ClusterRole", "name": content["metadata"]["name"], "apiGroup": RBAC},
        "subjects": [{"kind": "User", "name": user, "apiGroup": RBAC}],
    }


def without(content: dict[str, Any], resource: str, verb: str) -> dict[str, Any]:
    """The role less one verb on one resource, wherever it stands."""
    less = copy.deepcopy(content)
    for rule in less["rules"]:
        if resource in rule.get("resources", ()):
            rest = [name for name in rule["resources"] if name != resource]
            kept = [name for name in rule["verbs"] if name != verb]
            rule["verbs"] = rule["verbs"] if rest and not kept else kept
            rule["resources"] = rest if rest and not kept else rule["resources"]
    less["rules"] = [rule for rule in less["rules"] if rule["verbs"]]
    return less


def granted(sandbox: Sandbox, user: str, content: dict[str, Any], hosts: dict[str, Any] | None) -> Run:
    """A user who has these rights and no others."""
    objects = [content, binding(content, user)]
    objects += [hosts, binding(hosts, user, DAEMONS)] if hosts else []
    sandbox.apply(objects)
    until("the roles count", lambda: allowed(sandbox, user, content["rules"][-1]))
    if hosts:
        until("the roles count", lambda: allowed(sandbox, user, hosts["rules"][-1], DAEMONS))
    return Run(sandbox.kubeconfig_for(user))


def allowed(sandbox: Sandbox, user: str, rule: dict[str, Any], namespace: str = "") -> bool:
    resource, _slash, sub = rule["resources"][0].partition("/")
    wanted = {
        "group": rule["apiGroups"][0],
        "resource": resource,
        "subresource": sub,
        "verb": rule["verbs"][0],
        "namespace": namespace,
    }
    wanted["name"] = rule.get("resourceNames", [""])[0]
    spec = {"user": user, "resourceAttributes": wanted}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    return bool(sandbox.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"])


def test_they_are_enough_there_and_back(aro: Sandbox) -> None:
    hurry(aro)
    run = granted(aro, "roller", role("worker_selinux.yml"), role("worker_selinux_hosts.yml"))
    there = run(selinux="permissive")
    assert errors(there) == [] and codes(there) == {"permissive_undocumented", "rollout_planned"}
    assert there.facts["machine_config"]["done"] is True
    back = run(state="absent")
    assert errors(back) == [] and codes(back) == {"rollout_planned"} and back.facts["machine_config"]["done"] is True
    at_rest(aro)


def test_without_exec_the_hosts_are_unknown(aro: Sandbox) -> None:
    hurry(aro)
    result = granted(aro, "blind", role("worker_selinux.yml"), None)()
    assert (
        errors(result) == [] and dict(result.checks) == {"selinux": "unknown"} and result.facts["machine_config"]["done"] is False
    )
    (finding,) = [f for f in result.findings if f.code == "selinux.unverified"]
    assert 'cannot get resource "pods/exec"' in finding.message and finding.evidence == sorted(WORKERS)


@pytest.mark.parametrize(
    ("resource", "verb", "code", "words"),
    [
        ("nodes", "list", "selinux.unreadable", "nodes"),
        ("machineconfigpools", "list", "selinux.unreadable", "machineconfigpools"),
        ("machineconfigs", "get", "selinux.unreadable", "machineconfigs"),
        ("poddisruptionbudgets", "list", "selinux.unreadable", "poddisruptionbudgets"),
        ("pods", "list", "selinux.unreadable", "pods"),
        ("clusterversions", "get", "selinux.unreadable", "clusterversions"),
        ("machineconfigs", "create", "engine.forbidden", "create machineconfigs"),
    ],
)
def test_less_is_said(aro: Sandbox, resource: str, verb: str, code: str, words: str) -> None:
    check = verb != "create"
    run = granted(
        aro, f"less-{resource}-{verb}", without(role("worker_selinux.yml"), resource, verb), role("worker_selinux_hosts.yml")
    )
    result = run(check_mode=check)
    assert words in " ".join(f.message for f in result.findings if f.code == code), result.findings
    assert aro.front_door.door("main").log() and check is not bool(
        [w for w in aro.front_door.door("main").writes() if w.status == 403]
    )
