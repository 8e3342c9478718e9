"""tls_secret on AKS with a real API server: writing, rotation with a served certificate, ownership, taking away."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import MANAGED_BY

from tests import pki
from tests.integration.faults.work import until
from tests.integration.tls.work import HOST, NAMESPACE, SECRET, Router, codes, find, get, install_router, make, run
from tests.sandbox import Sandbox
from tests.sandbox.front_door import Rule, answer_lost

pytestmark = [pytest.mark.tls, pytest.mark.xdist_group("aks-gpu")]

MARK = "azureml.kubernetes/tls-rotation"


@pytest.fixture(scope="module")
def chain() -> pki.Chain:
    return pki.chain([HOST], key=pki.rsa_key())


@pytest.fixture(scope="module")
def renewed(chain: pki.Chain) -> pki.Chain:
    return chain.renewed([HOST])


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    with Router(tmp_path) as made:
        yield made


def requests(sandbox: Sandbox) -> list[str]:
    """What was asked since the last look."""
    door = sandbox.front_door.door("main")
    seen = [f"{entry.method} {entry.path}" for entry in door.log()]
    door.clear_log()
    return seen


def certificate(sandbox: Sandbox) -> str:
    return base64.b64decode(get(sandbox)["data"]["cert.pem"]).decode()


def test_check_write_and_write_nothing_again(aks_gpu: Sandbox, chain: pki.Chain) -> None:
    would = run(aks_gpu.kubeconfig, chain, check_mode=True)
    assert [str(change.object) for change in would.changes] == ["Namespace/azureml", "Secret/azureml/azureml-tls"]
    assert find(aks_gpu, NAMESPACE) is None and not would.failed_by("error")
    made = run(aks_gpu.kubeconfig, chain)
    assert [str(change.object) for change in made.changes] == ["Namespace/azureml", "Secret/azureml/azureml-tls"]
    assert made.checks == {"tls": "ok"} and codes(made) == {"tls12_only"} and made.facts["tls"]["state"] == "created"
    stored = get(aks_gpu)
    assert stored["type"] == "Opaque" and sorted(stored["data"]) == ["cert.pem", "key.pem"]
    assert certificate(aks_gpu) == chain.pem and base64.b64decode(stored["data"]["key.pem"]).decode() == chain.key_pem
    assert stored["metadata"]["labels"] == MANAGED_BY
    (manager,) = stored["metadata"]["managedFields"]
    assert (manager["manager"], manager["operation"]) == ("azureml.kubernetes", "Apply")
    requests(aks_gpu)
    again = run(aks_gpu.kubeconfig, chain)
    assert again.changes == () and len(requests(aks_gpu)) == 2
    assert get(aks_gpu)["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]


def test_a_rotation_from_the_old_certificate_to_the_one_that_is_served(
    aks_gpu: Sandbox, chain: pki.Chain, renewed: pki.Chain, router: Router
) -> None:
    run(aks_gpu.kubeconfig, chain)
    install_router(aks_gpu)
    router.serve(chain)
    names = {"cluster_name": "prod", "resource_group": "rg", "served_address": router.address}
    made = run(aks_gpu.kubeconfig, renewed, **names)
    assert made.changes and codes(made) == {"tls12_only", "rotation_pending"} and made.checks == {"tls": "warning"}
    (pending,) = [finding for finding in made.findings if finding.code == "tls.rotation_pending"]
    command = "az k8s-extension update --name ml --cluster-type managedClusters --cluster-name prod --resource-group rg"
    assert f"{command} --config sslSecret=azureml-tls sslCname={HOST}" in pending.remedy
    assert router.names[-1] == HOST and get(aks_gpu)["metadata"]["annotations"][MARK] == renewed.server.sha256
    still = run(aks_gpu.kubeconfig, renewed, **names)
    assert still.changes == () and codes(still) == {"rotation_pending"}

    router.serve(renewed)  # az k8s-extension update
    done = run(aks_gpu.kubeconfig, renewed, **names)
    assert [change.reason for change in done.changes] == ["the rotation is finished"] and done.findings == ()
    assert MARK not in get(aks_gpu)["metadata"].get("annotations", {})
    assert certificate(aks_gpu) == renewed.pem
    requests(aks_gpu)
    before = router.handshakes
    last = run(aks_gpu.kubeconfig, renewed, **names)
    assert last.changes == () and last.facts["tls"]["rotation"] == "done"
    assert len(requests(aks_gpu)) == 2 and router.handshakes == before + 1


def test_a_restart_of_the_router_is_seen_but_proves_nothing(aks_gpu: Sandbox, chain: pki.Chain, renewed: pki.Chain) -> None:
    install_router(aks_gpu)
    run(aks_gpu.kubeconfig, chain)
    assert "rotation_pending" in codes(run(aks_gpu.kubeconfig, chain))

    def restarted() -> bool:
        # Times have whole seconds: what starts in the second of the change is not younger.
        aks_gpu.request("DELETE", f"{NAMESPACE}/pods?labelSelector=ml.azure.com/infra-app=azureml-fe")
        return "rotation_unproven" in codes(run(aks_gpu.kubeconfig, chain))

    until("the pods are younger than the Secret", restarted)
    assert run(aks_gpu.kubeconfig, renewed, check_mode=True).facts["tls"]["rotation"] == "pending"


def test_nobody_answers_at_the_address(aks_gpu: Sandbox, chain: pki.Chain, router: Router) -> None:
    run(aks_gpu.kubeconfig, chain)
    closed = run(aks_gpu.kubeconfig, chain, served_address="127.0.0.1:1")
    (found,) = closed.findings
    assert found.code == "tls.served_unknown" and "refused" in found.message
    no_tls = run(aks_gpu.kubeconfig, chain, served_address=router.address)
    assert codes(no_tls) == {"served_unknown"}


def test_a_foreign_secret_is_adopted_by_force_only(aks_gpu: Sandbox, chain: pki.Chain, renewed: pki.Chain) -> None:
    data = {"cert.pem": chain.pem, "key.pem": chain.key_pem, "note": "ours"}
    make(aks_gpu, "azureml-tls", "azureml", {key: base64.b64encode(text.encode()).decode() for key, text in data.items()})
    refused = run(aks_gpu.kubeconfig, renewed)
    assert refused.changes == () and "secret_foreign" in codes(refused) and certificate(aks_gpu) == chain.pem
    taken = run(aks_gpu.kubeconfig, renewed, adopt=True)
    assert taken.facts["tls"]["state"] == "updated" and "extra_keys" in codes(taken)
    stored = get(aks_gpu)
    assert certificate(aks_gpu) == renewed.pem and "note" in stored["data"] and "labels" not in stored["metadata"]
    assert run(aks_gpu.kubeconfig, renewed).changes == ()
    assert run(aks_gpu.kubeconfig, chain).changes, "and from then on it is kept"
    kept = run(aks_gpu.kubeconfig, state="absent")
    assert codes(kept) == {"adopted_kept", "secret_foreign"} and certificate(aks_gpu) == chain.pem
    assert "azureml.kubernetes/tls-adopted" not in get(aks_gpu)["metadata"].get("annotations", {})
    assert run(aks_gpu.kubeconfig, state="absent").changes == ()
    assert "secret_foreign" in codes(run(aks_gpu.kubeconfig, renewed)), "it is theirs again"
    assert run(aks_gpu.kubeconfig, renewed, adopt=True).changes, "until it is adopted once more"


def test_a_hand_edit_is_named_before_it_is_overwritten(aks_gpu: Sandbox, chain: pki.Chain, renewed: pki.Chain) -> None:
    run(aks_gpu.kubeconfig, chain)
    patch = [{"op": "replace", "path": "/data/cert.pem", "value": base64.b64encode(renewed.pem.encode()).decode()}]
    aks_gpu.request("PATCH", f"{SECRET}?fieldManager=kubectl-edit", patch, content_type="application/json-patch+json")
    refused = run(aks_gpu.kubeconfig, chain)
    (found,) = [finding for finding in refused.findings if finding.severity == "error"]
    assert found.code == "tls.changed_by_others" and "cert.pem was changed by kubectl-edit" in found.message
    assert run(aks_gpu.kubeconfig, chain, adopt=True).changes and certificate(aks_gpu) == chain.pem
    assert run(aks_gpu.kubeconfig, chain).changes == ()


def test_two_runs_at_once_leave_one_secret(aks_gpu: Sandbox, chain: pki.Chain) -> None:
    with ProcessPoolExecutor(2, get_context("fork")) as pool:
        both = [pool.submit(write, aks_gpu.kubeconfig, chain.pem, chain.key_pem) for _number in range(2)]
        assert [errors.result(timeout=60) for errors in both] == [[], []]
    assert certificate(aks_gpu) == chain.pem and run(aks_gpu.kubeconfig, chain).changes == ()


def write(kubeconfig: Path, cert: str, key: str) -> list[str]:
    """One task in a process of its own, as each host has; the errors."""
    result = run(kubeconfig, ssl_cert_pem=cert, ssl_key_pem=key)
    return [finding.line() for finding in result.failed_by("error")]


def test_absent_asks_while_the_router_is_installed(aks_gpu: Sandbox, chain: pki.Chain) -> None:
    install_router(aks_gpu)
    run(aks_gpu.kubeconfig, chain)
    refused = run(aks_gpu.kubeconfig, state="absent")
    assert {finding.code for finding in refused.failed_by("error")} == {"engine.consent_missing"} and find(aks_gpu) is not None
    gone = run(aks_gpu.kubeconfig, state="absent", accept=["disturbs_jobs"])
    assert codes(gone) == {"removed_in_use"} and find(aks_gpu) is None and find(aks_gpu, NAMESPACE) is not None
    assert run(aks_gpu.kubeconfig, state="absent").changes == ()


def test_an_approved_plan_is_the_applied_plan(aks_gpu: Sandbox, chain: pki.Chain) -> None:
    install_router(aks_gpu)
    run(aks_gpu.kubeconfig, chain)
    digest = run(aks_gpu.kubeconfig, state="absent", check_mode=True).digest
    assert run(aks_gpu.kubeconfig, state="absent", accept=[digest]).changes


def test_a_lost_answer_is_no_second_write(aks_gpu: Sandbox, chain: pki.Chain) -> None:
    make(aks_gpu, "other", "azureml", {})
    aks_gpu.front_door.door("main").set_rules([Rule(answer_lost(), methods=["PATCH"], times=1)])
    made = run(aks_gpu.kubeconfig, chain)
    assert made.facts["tls"]["state"] == "created" and [change.verb for change in made.changes] == ["create"]
    assert made.failed_by("error") == () and made.checks == {"tls": "ok"}
    assert [entry.method for entry in aks_gpu.front_door.door("main").writes()] == ["PATCH"]
