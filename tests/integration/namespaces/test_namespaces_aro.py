"""compute_namespace on Azure Red Hat OpenShift: its support policy on taints, and least privilege."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.faults.test_least_privilege import bind, told, without
from tests.integration.faults.work import errors, until
from tests.integration.namespaces.work import NAMESPACES, codes, find, run, taints, workers
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.namespaces, pytest.mark.xdist_group("aro")]

ROLE = Path(__file__).parents[3] / "playbooks" / "files" / "clusterroles" / "compute_namespaces.yml"
GPU = "node.kubernetes.io/instance-type=Standard_NC4as_T4_v3"
WORKER = "node.kubernetes.io/instance-type=Standard_D4s_v5"
PLATFORM = "openshift-azure-operator"
TAINT = "ml.azure.com/amlarc=true:NoSchedule"


def role() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(ROLE.read_text())
    return content


def test_the_gpu_node_may_be_dedicated(aro: Sandbox) -> None:
    (gpu,) = workers(aro, GPU)
    result = run(aro.kubeconfig, dedicated_nodes=[{"nodes": [gpu]}])
    assert errors(result) == [] and "aro_taints" not in codes(result)
    assert taints(aro, gpu) == [TAINT]
    assert any("MachineSet" in finding.message for finding in result.findings)


def test_fewer_than_three_open_workers_need_consent(aro: Sandbox) -> None:
    worker = workers(aro, WORKER)[0]
    wish = {"dedicated_nodes": [{"nodes": [worker, *workers(aro, GPU)]}]}
    refused = run(aro.kubeconfig, **wish)
    assert "aro_taints" in codes(refused) and "consent_missing" in codes(refused)
    assert any("aro_support_policy" in finding.remedy for finding in refused.findings)
    assert TAINT not in taints(aro, worker)
    done = run(aro.kubeconfig, accept=["aro_support_policy"], **wish)
    assert errors(done) == [] and TAINT in taints(aro, worker)


def test_a_daemon_of_the_platform_that_does_not_tolerate_the_taint(aro: Sandbox) -> None:
    (gpu,) = workers(aro, GPU)
    labels = {"app": "agent"}
    container = {"name": "main", "image": "example.invalid/main"}
    template = {"metadata": {"labels": labels}, "spec": {"nodeSelector": dict([GPU.split("=")]), "containers": [container]}}
    metadata = {"name": "agent", "namespace": PLATFORM}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    aro.apply([{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec}])
    until("its pod runs", lambda: pods(aro, gpu))
    result = run(aro.kubeconfig, check_mode=True, dedicated_nodes=[{"nodes": [gpu]}])
    (finding,) = [found for found in result.findings if found.code == "namespaces.aro_taints"]
    assert f"{PLATFORM}/agent-" in finding.message
    assert "aro_taints" not in codes(run(aro.kubeconfig, check_mode=True, platform="ocp", dedicated_nodes=[{"nodes": [gpu]}]))


def pods(sandbox: Sandbox, node: str) -> list[Any]:
    listed = sandbox.request("GET", f"{NAMESPACES}/{PLATFORM}/pods?fieldSelector=spec.nodeName={node}")["items"]
    return [item for item in listed if item["metadata"]["name"].startswith("agent-")]


def test_masters_are_never_dedicated(aro: Sandbox) -> None:
    masters = workers(aro, "node-role.kubernetes.io/master")
    before = [taints(aro, name) for name in masters]
    result = run(
        aro.kubeconfig, accept=["aro_support_policy", "restarts_pods", "disturbs_jobs"], dedicated_nodes=[{"nodes": masters}]
    )
    assert len([f for f in result.findings if f.code == "namespaces.control_plane_node"]) == 3
    assert [taints(aro, name) for name in masters] == before


EVERYTHING: dict[str, Any] = {
    "pod_security": "privileged",
    "image_pull_secrets": ["registry"],
    "network_policy": "ingress",
    "dedicated_nodes": [{"node_selector": {"node.kubernetes.io/instance-type": "Standard_NC4as_T4_v3"}}],
}


def test_the_shipped_role_is_enough_to_do_and_undo_everything(aro: Sandbox) -> None:
    kubeconfig = bind(aro, role())
    made = run(kubeconfig, **EVERYTHING)
    assert errors(made) == [] and "forbidden" not in told(made)
    assert run(kubeconfig, **EVERYTHING).changes == ()
    less = run(kubeconfig, network_policy="ingress_and_egress", dedicated_nodes=EVERYTHING["dedicated_nodes"])
    assert errors(less) == [] and less.changes
    refused = run(kubeconfig, **EVERYTHING, state="absent")
    assert "whether there are objects of kind Secret cannot be read" in told(refused)
    gone = run(kubeconfig, **EVERYTHING, state="absent", accept=["deletes_data"])
    assert errors(gone) == [] and find(aro, f"{NAMESPACES}/ml") is None


def test_the_role_names_what_it_can_and_reads_no_secret() -> None:
    text = ROLE.read_text()
    assert "*" not in text and "secrets" not in text
    assert role()["metadata"]["name"] == "azureml-kubernetes-compute-namespaces"


MISSING = [
    ("namespaces", "list"),
    ("serviceaccounts", "list"),
    ("resourcequotas", "list"),
    ("limitranges", "list"),
    ("networkpolicies", "list"),
    ("nodes", "list"),
    ("pods", "list"),
    ("namespaces", "create"),
    ("serviceaccounts", "patch"),
    ("networkpolicies", "create"),
    ("nodes", "patch"),
]


@pytest.mark.parametrize(("resource", "verb"), MISSING)
def test_without_one_right_it_is_named(aro: Sandbox, resource: str, verb: str) -> None:
    content = copy.deepcopy(role())
    rules = content["rules"]
    number = next(n for n, rule in enumerate(rules) if resource in rule.get("resources", []) and verb in rule["verbs"])
    content["rules"] = without(rules, number, resource, verb)
    result = run(bind(aro, content), **EVERYTHING)
    assert f'cannot {verb} resource "{resource}"' in told(result).replace('\\"', '"')
    assert result.broken is (verb != "list")
