"""extension_components on AKS with a real API server, scheduler and controllers: health, budget, rights, faults, waiting."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.topic import TOPIC
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Result

from tests.integration.components.install import APPS, BASE, install, unready
from tests.integration.components.listing import definition, installed, workload
from tests.integration.faults.test_least_privilege import bind, role
from tests.integration.faults.work import run, until
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.extension, pytest.mark.xdist_group("aks-gpu")]

TOLD: dict[str, Any] = {
    "connection": "aks",
    "training": True,
    "inference": True,
    "install_prom_op": True,
    "install_volcano": True,
    "nginx_ingress": True,
}
MERGE = "application/merge-patch+json"


def judge(sandbox: Sandbox, kubeconfig: Path | None = None, **options: Any) -> Result:
    return run(TOPIC, kubeconfig or sandbox.kubeconfig, **{**TOLD, **options})


def said(result: Result, *severities: str) -> set[tuple[str, str]]:
    found = [f for f in result.findings if not severities or f.severity in severities]
    return {(f.code.split(".")[1], f.subject.rpartition("/")[2]) for f in found}


def message(result: Result, code: str) -> str:
    (found,) = [f for f in result.findings if f.code == f"components.{code}"]
    return f"{found.message} {found.remedy}"


def settle(sandbox: Sandbox, code: str, **options: Any) -> Result:
    """The judgement once it says something of this code."""
    results: list[Result] = []

    def there() -> bool:
        results.append(judge(sandbox, **options))
        return any(f.code == f"components.{code}" for f in results[-1].findings)

    until(f"components.{code} is said", there, 30)
    return results[-1]


def asked(sandbox: Sandbox) -> list[str]:
    door = sandbox.front_door.door("main")
    paths = [entry.path for entry in door.log()]
    door.clear_log()
    return paths


def restart(sandbox: Sandbox, name: str, spec: dict[str, Any]) -> None:
    """Give a Deployment's pods another specification, all at once."""
    body = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}, "template": {"spec": spec}}}
    sandbox.request("PATCH", f"{APPS}/deployments/{name}", body, content_type=MERGE)


def test_health_costs_five_requests_and_the_role_is_enough(aks_gpu: Sandbox) -> None:
    install(aks_gpu, installed("both", "aks", replicas=3))
    asked(aks_gpu)
    done = judge(aks_gpu, inference_router_ha=True, surroundings=False)
    assert len(asked(aks_gpu)) == 1 + 5, "who the cluster is, three kinds of workloads, pods, the health check"
    assert done.checks == {"components": "ok"} and said(done) == set(), done.findings
    everything = judge(aks_gpu)
    assert len(asked(aks_gpu)) == 1 + 5 + 4
    assert everything.checks == {"components": "ok"} and said(everything) == set(), everything.findings
    limited = judge(aks_gpu, bind(aks_gpu, role("audit_components.yml")))
    assert limited.findings == everything.findings and not limited.broken
    nobody = judge(
        aks_gpu, aks_gpu.kubeconfig_for("nobody-of-components", direct=True), custom_checks=[{"kind": "Node", "query": "items"}]
    )
    assert nobody.checks == {"components": "unknown"} and {"unreadable", "check_unknown"} <= {code for code, _name in said(nobody)}


def test_what_is_broken_is_named_as_kubernetes_says_it(aks_gpu: Sandbox) -> None:
    """Several faults at once, each with the words of the real scheduler, controller or admission."""
    install(aks_gpu, installed("both", "aks"))
    restart(aks_gpu, "gateway", {"nodeSelector": {"pool": "nobody"}})
    restart(aks_gpu, "metrics-controller-manager", {"serviceAccountName": "gone"})
    aks_gpu.request("PATCH", f"{APPS}/deployments/azureml-fe-v2", {"spec": {"replicas": 0}}, content_type=MERGE)
    for path in (f"{APPS}/deployments/volcano-controllers", f"{BASE}/services/volcano-admission-service"):
        aks_gpu.request("DELETE", path)
    aks_gpu.request("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/instancetypes.amlarc.azureml.com")
    settle(aks_gpu, "account_missing")
    settle(aks_gpu, "unschedulable")
    asked(aks_gpu)
    done = judge(aks_gpu, surroundings=False)
    assert len(asked(aks_gpu)) == 1 + 5 + 2, "events, and the namespace since something is missing"
    done = judge(aks_gpu)
    assert said(done, "error") == {
        ("unschedulable", "gateway"),
        ("account_missing", "metrics-controller-manager"),
        ("scaled_down", "azureml-fe-v2"),
        ("missing", "volcano-controllers"),
        ("service_missing", "volcano-admission-service"),
        ("webhook_dead", "volcano-admission-service-jobs-validate"),
        ("definition_missing", "instancetypes.amlarc.azureml.com"),
    }, done.findings
    assert "node affinity/selector" in message(done, "unschedulable") and "nodeSelector" in message(done, "unschedulable")
    assert 'serviceaccount "gone" not found' in message(done, "account_missing")


def test_a_quota_and_a_policy_are_told_apart(aks_gpu: Sandbox) -> None:
    install(aks_gpu, installed("training", "aks"))
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    aks_gpu.request("POST", f"{BASE}/resourcequotas", quota)
    restart(aks_gpu, "volcano-scheduler", {"terminationGracePeriodSeconds": 1})
    done = settle(aks_gpu, "quota", inference=False)
    assert said(done, "error") == {("quota", "volcano-scheduler")} and "exceeded quota: none" in message(done, "quota")
    aks_gpu.request("DELETE", f"{BASE}/resourcequotas/none")
    until("the scheduler is back", lambda: not unready(aks_gpu), 60)
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    aks_gpu.request("PATCH", BASE, labels, content_type=MERGE)
    restart(aks_gpu, "aml-operator", {"terminationGracePeriodSeconds": 1})
    done = settle(aks_gpu, "admission_denied", inference=False)
    assert said(done, "error") == {("admission_denied", "aml-operator")} and "PodSecurity" in message(done, "admission_denied")


def test_a_claim_that_nobody_binds_is_the_reason(aks_gpu: Sandbox) -> None:
    install(aks_gpu, installed("training", "aks"))
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "prom-db", "namespace": "azureml"},
        "spec": {"storageClassName": "gone", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    aks_gpu.apply([claim])
    volume = {"name": "db", "persistentVolumeClaim": {"claimName": "prom-db"}}
    body = {"spec": {"template": {"spec": {"volumes": [volume]}}}}
    aks_gpu.request("PATCH", f"{APPS}/statefulsets/prometheus-prom-prometheus", body, content_type=MERGE)
    done = settle(aks_gpu, "volume", inference=False)
    assert {("volume", "prometheus-prom-prometheus"), ("volume", "prom-db")} <= said(done), done.findings
    (of_claim,) = [f for f in done.findings if f.subject.endswith("prom-db")]
    assert "gone" in of_claim.message


def test_a_wait_ends_with_health_with_hopelessness_and_with_time(aks_gpu: Sandbox) -> None:
    objects = installed("training", "aks")
    late = [item for item in objects if item["metadata"]["name"] in ("gateway", "aml-operator")]
    install(aks_gpu, [item for item in objects if item not in late])
    told = {"inference": False, "wait": True, "wait_timeout": 60}
    timer = threading.Timer(2.0, lambda: aks_gpu.apply(late))
    timer.start()
    done = judge(aks_gpu, **told)
    timer.join()
    assert done.checks == {"components": "ok"} and said(done) == set(), done.findings
    restart(aks_gpu, "gateway", {"nodeSelector": {"pool": "nobody"}})
    settle(aks_gpu, "unschedulable", inference=False)
    done = judge(aks_gpu, **{**told, "wait_timeout": 2})
    assert {code for code, _name in said(done, "error")} == {"unschedulable", "wait_timeout"}
    aks_gpu.request("PATCH", f"{APPS}/deployments/aml-operator", {"spec": {"replicas": 0}}, content_type=MERGE)
    done = settle(aks_gpu, "scaled_down", **told)
    assert not any(f.code == "engine.wait_timeout" for f in done.findings), "it ended at once"


def test_half_uninstalled(aks_gpu: Sandbox) -> None:
    install(aks_gpu, installed("training", "aks"))
    body = {"metadata": {"finalizers": ["example.org/held"]}}
    aks_gpu.request("PATCH", f"{APPS}/deployments/gateway", body, content_type=MERGE)
    aks_gpu.request("DELETE", BASE)
    try:
        until("little is left", lambda: len(aks_gpu.request("GET", f"{APPS}/deployments")["items"]) == 1, 30)
        done = judge(aks_gpu, inference=False)
        assert [code for code, _name in said(done, "error") if code == "missing"] == []
        assert ("uninstalling", "azureml") in said(done, "error") and "aml-operator" in message(done, "uninstalling")
    finally:
        aks_gpu.request("PATCH", f"{APPS}/deployments/gateway", {"metadata": {"finalizers": None}}, content_type=MERGE)


def test_daemon_sets_of_gpu_nodes_and_kinds_of_others(aks_gpu: Sandbox) -> None:
    install(aks_gpu, installed("both", "aks", device_plugin=True, dcgm=True, fluent_bit=True))
    aks_gpu.apply([definition("Widget.example.com")])
    checks = [{"kind": "Widget", "api_version": "example.com/v1beta1", "query": "length(items)", "expected": 0}]
    done = judge(aks_gpu, install_dcgm_exporter=True, install_nvidia_device_plugin=True, custom_checks=checks)
    assert done.checks == {"components": "ok"}, done.findings
    facts = done.facts["extension_components"]
    assert (facts["edition"], facts["extension_version"]) == ("2022-06", "1.1.9")
    assert facts["custom_checks"][0]["state"] == "ok"
    aks_gpu.apply([workload("DaemonSet", "load-selinux", 1, {"app": "x"}, nodeSelector={"a": "b"})])
    until("its controller has seen it", lambda: not [name for name in unready(aks_gpu) if name != "load-selinux"])
    assert said(judge(aks_gpu), "error", "warning") == set()
