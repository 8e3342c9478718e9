"""compute_namespace on AKS: made, completed, idempotent, taken back; limits, policies and taints against the real API server."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.integration.faults.work import errors, until
from tests.integration.namespaces.work import (
    ANNOTATION,
    NAMESPACES,
    NODES,
    codes,
    find,
    get,
    meaning,
    pod,
    quota,
    run,
    taints,
    workers,
)
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.namespaces, pytest.mark.xdist_group("aks-gpu")]

ML = f"{NAMESPACES}/ml"
ACCOUNT = f"{ML}/serviceaccounts/default"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/ml/networkpolicies"
ENFORCE = "pod-security.kubernetes.io/enforce"
EVERYTHING: dict[str, Any] = {
    "pod_security": "privileged",
    "namespace_labels": {"team": "ml"},
    "namespace_annotations": {"note": "x"},
    "image_pull_secrets": ["registry"],
    "network_policy": "ingress_and_egress",
    "egress_ports": [3128],
}


@pytest.fixture
def sandbox(aks_gpu: Sandbox) -> Sandbox:
    return aks_gpu


def test_check_mode_changes_nothing(sandbox: Sandbox) -> None:
    result = run(sandbox.kubeconfig, check_mode=True, **EVERYTHING)
    assert [change.line().split(":")[0] for change in result.changes] == [
        "create Namespace/ml",
        "create NetworkPolicy/ml/azureml-compute",
    ]
    assert not result.failed_by("warning") and find(sandbox, ML) is None


def test_made_completed_idempotent_and_taken_back(sandbox: Sandbox) -> None:
    result = run(sandbox.kubeconfig, **EVERYTHING)
    assert errors(result) == [] and result.checks == {"namespaces": "ok"}
    assert {change.object.kind for change in result.changes} == {"Namespace", "NetworkPolicy", "ServiceAccount"}
    labels = get(sandbox, ML)["metadata"]["labels"]
    assert (labels["app.kubernetes.io/managed-by"], labels[ENFORCE], labels["team"]) == ("azureml.kubernetes", "privileged", "ml")
    assert {"name": "registry"} in get(sandbox, ACCOUNT)["imagePullSecrets"]
    assert get(sandbox, f"{POLICIES}/azureml-compute")["spec"]["policyTypes"] == ["Ingress", "Egress"]
    again = run(sandbox.kubeconfig, **EVERYTHING)
    assert again.changes == () and again.findings == ()
    less = run(sandbox.kubeconfig)
    assert [change.verb for change in less.changes] == ["delete", "update", "update"]
    assert find(sandbox, f"{POLICIES}/azureml-compute") is None
    assert ENFORCE not in get(sandbox, ML)["metadata"]["labels"]
    gone = run(sandbox.kubeconfig, state="absent", accept=["deletes_data"])
    assert errors(gone) == [] and find(sandbox, ML) is None


def test_an_empty_namespace_goes_without_consent_and_a_full_one_does_not(sandbox: Sandbox) -> None:
    run(sandbox.kubeconfig)
    sandbox.apply([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "results", "namespace": "ml"}}])
    refused = run(sandbox.kubeconfig, state="absent")
    assert "consent_missing" in codes(refused) and refused.changes == ()
    assert any("ConfigMap results" in finding.message for finding in refused.findings)
    sandbox.request("DELETE", f"{ML}/configmaps/results")
    gone = run(sandbox.kubeconfig, state="absent")
    assert errors(gone) == [] and len(gone.changes) == 1 and find(sandbox, ML) is None
    assert run(sandbox.kubeconfig, state="absent").changes == ()


def test_an_adopted_namespace_is_given_back_as_it_was(sandbox: Sandbox) -> None:
    labels = {"owner": "them", ENFORCE: "baseline"}
    sandbox.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ml", "labels": labels}}])
    until("the account", lambda: find(sandbox, ACCOUNT))
    before = [meaning(sandbox, ML), meaning(sandbox, ACCOUNT)]
    run(sandbox.kubeconfig, **EVERYTHING)
    assert (
        ANNOTATION in get(sandbox, ML)["metadata"]["annotations"] and ANNOTATION in get(sandbox, ACCOUNT)["metadata"]["annotations"]
    )
    result = run(sandbox.kubeconfig, state="absent")
    assert errors(result) == [] and codes(result) == {"kept"}
    assert [meaning(sandbox, ML), meaning(sandbox, ACCOUNT)] == before
    assert find(sandbox, f"{POLICIES}/azureml-compute") is None


def test_twenty_namespaces_cost_five_requests_when_nothing_is_to_do(sandbox: Sandbox) -> None:
    names = [f"ml-{number:02}" for number in range(20)]
    assert errors(run(sandbox.kubeconfig, compute_namespaces=names, pod_security="privileged")) == []
    door = sandbox.front_door.door("main")
    door.clear_log()
    assert run(sandbox.kubeconfig, compute_namespaces=names, pod_security="privileged").changes == ()
    assert len(door.log()) == 5


@pytest.mark.parametrize(
    ("hard", "said"),
    [
        ({"requests_cpu": "50m"}, "no_type_fits"),
        ({"limits_memory": "8Gi"}, "type_excluded"),
        ({"requests_nvidia.com/gpu": "0"}, "type_excluded"),
        ({"limits_cpu": "16", "pods": "5"}, ""),
    ],
)
def test_quotas_are_judged_as_the_server_normalises_them(sandbox: Sandbox, hard: dict[str, str], said: str) -> None:
    run(sandbox.kubeconfig)
    sandbox.apply([quota("small", **hard)])
    gpu = {
        "name": "gpu",
        "requests": {"cpu": "4", "memory": "16Gi"},
        "limits": {"cpu": 8, "memory": "16384Mi", "nvidia.com/gpu": 1},
    }
    result = run(sandbox.kubeconfig, instance_types=[gpu])
    assert codes(result) == ({said} if said else set())


def test_the_server_refuses_what_was_judged_not_to_fit(sandbox: Sandbox) -> None:
    run(sandbox.kubeconfig)
    limits = [{"type": "Container", "maxLimitRequestRatio": {"cpu": "10"}}]
    metadata = {"name": "narrow", "namespace": "ml"}
    sandbox.apply([{"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": {"limits": limits}}])
    assert "no_type_fits" in codes(run(sandbox.kubeconfig))
    resources = {"requests": {"cpu": "100m", "memory": "2Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}}
    container = {"name": "main", "image": "example.invalid/main", "resources": resources}
    job = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "job", "namespace": "ml"}, "spec": {"containers": [container]}}
    with pytest.raises(Exception, match="cpu max limit to request ratio"):
        sandbox.request("POST", f"{ML}/pods", job)


def test_policies_of_others_are_judged_and_ours_opens_them(sandbox: Sandbox) -> None:
    run(sandbox.kubeconfig)
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    metadata = {"name": "deny", "namespace": "ml"}
    sandbox.apply([{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}])
    assert codes(run(sandbox.kubeconfig, network_policy="judge")) == {"policy_blocks"}
    opened = run(sandbox.kubeconfig, network_policy="ingress_and_egress")
    assert opened.findings == () and len(opened.changes) == 2
    after = run(sandbox.kubeconfig, network_policy="ingress_and_egress")
    assert after.findings == () and after.changes == ()


def test_gpu_nodes_are_dedicated_and_released(sandbox: Sandbox) -> None:
    gpus = workers(sandbox, "agentpool=gpupool")
    assert len(gpus) == 2
    before = [meaning(sandbox, f"{NODES}/{name}") for name in gpus]
    wish = {"dedicated_nodes": [{"node_selector": {"agentpool": "gpupool"}, "purpose": "workload"}]}
    result = run(sandbox.kubeconfig, **wish)
    assert errors(result) == []
    for name in gpus:
        keys = [taint.split("=")[0] for taint in taints(sandbox, name)]
        assert keys == ["sku", "ml.azure.com/amlarc", "ml.azure.com/amlarc-workload"]
    (lasting,) = [finding for finding in result.findings if finding.code == "namespaces.not_lasting"]
    assert "--name gpupool --node-taints sku=gpu:NoSchedule,ml.azure.com/amlarc=true:NoSchedule" in lasting.remedy
    assert run(sandbox.kubeconfig, **wish).changes == ()
    released = run(sandbox.kubeconfig, state="absent", accept=["deletes_data"], **wish)
    assert errors(released) == [] and len(released.changes) == 3
    assert [meaning(sandbox, f"{NODES}/{name}") for name in gpus] == before


def test_every_node_is_too_many(sandbox: Sandbox) -> None:
    result = run(sandbox.kubeconfig, dedicated_nodes=[{"nodes": workers(sandbox, "agentpool=nodepool1")}])
    assert "all_nodes_tainted" in codes(result)
    assert all("ml.azure.com" not in taint for name in workers(sandbox, "agentpool") for taint in taints(sandbox, name))


def test_no_execute_needs_consent_and_then_ends_exactly_the_pods_that_were_named(sandbox: Sandbox) -> None:
    gpu = workers(sandbox, "agentpool=gpupool")[0]
    stays = pod("stays", gpu, tolerations=[{"operator": "Exists"}])
    sandbox.apply([pod("goes", gpu, tolerations=[{"key": "sku", "operator": "Exists"}]), stays])
    until(
        "the pods run",
        lambda: all(get(sandbox, f"{NAMESPACES}/default/pods/{n}")["status"]["phase"] == "Running" for n in ("goes", "stays")),
    )
    wish = {"dedicated_nodes": [{"nodes": [gpu], "effect": "NoExecute"}]}
    refused = run(sandbox.kubeconfig, **wish)
    assert any("default/goes" in finding.message for finding in refused.findings if finding.code == "engine.consent_missing")
    assert "ml.azure.com/amlarc=true:NoExecute" not in taints(sandbox, gpu)
    done = run(sandbox.kubeconfig, accept=["restarts_pods"], **wish)
    assert errors(done) == [] and "pods_evicted" in codes(done)
    until("the pod is gone", lambda: find(sandbox, f"{NAMESPACES}/default/pods/goes") is None)
    assert find(sandbox, f"{NAMESPACES}/default/pods/stays") is not None


def test_a_namespace_that_does_not_go_says_who_holds_it(sandbox: Sandbox) -> None:
    run(sandbox.kubeconfig)
    held = {"name": "held", "namespace": "ml", "finalizers": ["example.invalid/hold"]}
    sandbox.request("POST", f"{ML}/configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
    options = {"state": "absent", "accept": ["deletes_data"]}
    try:
        # The namespace controller looks five seconds after the deletion for the first time.
        stuck = run(sandbox.kubeconfig, wait_timeout=12, **options)
        (finding,) = [finding for finding in stuck.findings if finding.code == "namespaces.not_gone"]
        assert "example.invalid/hold" in finding.message and stuck.failed_by("error")
        assert "terminating" in codes(run(sandbox.kubeconfig)), "and nothing is put into it meanwhile"
        patch = [{"op": "remove", "path": "/metadata/finalizers"}]
        release = threading.Timer(
            1, lambda: sandbox.request("PATCH", f"{ML}/configmaps/held", patch, content_type="application/json-patch+json")
        )
        release.start()
        gone = run(sandbox.kubeconfig, wait_timeout=60, **options)
        release.join()
        assert errors(gone) == [] and find(sandbox, ML) is None
    finally:
        if find(sandbox, f"{ML}/configmaps/held"):
            sandbox.request(
                "PATCH",
                f"{ML}/configmaps/held",
                [{"op": "remove", "path": "/metadata/finalizers"}],
                content_type="application/json-patch+json",
            )
