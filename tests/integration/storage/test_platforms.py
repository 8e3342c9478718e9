"""Through plays, as a user runs them, on the other platforms; and with the shipped ClusterRole."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.faults.test_least_privilege import bind, role, told, without
from tests.integration.faults.work import errors
from tests.integration.storage.work import CLAIMS, NFS, VOLUMES, Json, claim, codes, get, namespace, prepare, states, storage
from tests.play import Play
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.storage]

LOCAL: Json = {"name": "scratch", "type": "csi", "storage_class": "local-path", "size": "1Gi", "mount_path": "/mnt/scratch"}
SHARE: Json = {
    **NFS,
    "name": "models",
    "type": "azure_files",
    "account": "mystorage",
    "share": "models",
    "mount_path": "/mnt/models",
}
SHARE = {key: value for key, value in SHARE.items() if key not in ("server", "path")} | {"resource_group": "data"}
# What the operator of Azure Files installs on ARO.
FILES: Json = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "CSIDriver",
    "metadata": {"name": "file.csi.azure.com"},
    "spec": {"attachRequired": False},
}


def host(sandbox: Sandbox, **variables: Any) -> dict[str, dict[str, Any]]:
    return {"cluster": {"azureml_kubeconfig": str(sandbox.kubeconfig), "azureml_compute_namespaces": ["ml", "ml-two"], **variables}}


@pytest.mark.xdist_group("arc-k3s")
def test_k3s_has_nfs_and_its_own_class_and_no_driver_of_azure(arc_k3s: Sandbox, play: Play) -> None:
    prepare(arc_k3s, namespace("ml-two"), claim("home", storageClassName="local-path"))
    home = {"name": "home", "type": "existing", "mount_path": "/mnt/home", "namespaces": ["ml"]}
    task = {"name": "store", "azureml.kubernetes.job_storage": {"volumes": [NFS, LOCAL, home]}}
    for changed in (True, False):
        outcome = play.tasks([task], host(arc_k3s))
        assert outcome.status == 0, outcome.text
        result = outcome.result("store", "cluster")
        assert result["changed"] == changed
        assert {entry["name"]: entry["state"] for entry in result["storage"]["volumes"]} == {
            "data": "bound",
            "scratch": "waits_for_consumer",
            "home": "waits_for_consumer",
        }
    shared = play.tasks([{"name": "store", "azureml.kubernetes.job_storage": {"volumes": [SHARE]}}], host(arc_k3s))
    assert shared.status != 0
    assert "Helm chart azurefile-csi-driver" in shared.result("store", "cluster")["msg"]


@pytest.mark.xdist_group("aro")
def test_aro_says_what_would_be_deleted_before_it_is(aro: Sandbox, play: Play) -> None:
    prepare(aro, namespace("ml-two"), FILES)
    scratch = {
        "name": "scratch",
        "type": "azure_files",
        "storage_class": "azurefile-csi",
        "size": "1Gi",
        "mount_path": "/mnt/scratch",
    }
    roles = [{"hosts": "all", "gather_facts": False, "roles": ["azureml.kubernetes.job_storage"]}]
    wanted = {"job_storage_volumes": [SHARE, scratch]}
    made = play.run(roles, host(aro, **wanted))
    assert made.status == 0, made.text
    refused = play.run(roles, host(aro, **wanted, job_storage_state="absent"))
    assert refused.status != 0
    assert "deletes_data" in refused.text
    assert "azureml_accept" in refused.text
    assert get(aro, f"{CLAIMS}/scratch") is not None
    gone = play.run(roles, host(aro, **wanted, job_storage_state="absent", azureml_accept=["deletes_data"]))
    assert gone.status == 0, gone.text
    assert aro.request("GET", CLAIMS)["items"] == []


@pytest.mark.xdist_group("aro")
def test_problems_of_all_volumes_reach_the_user_at_once(aro: Sandbox, play: Play) -> None:
    wrong = [{**NFS, "mount_path": "/etc"}, {"name": "x", "type": "nsf", "mount_path": "/mnt/x"}, {**NFS, "name": "A"}]
    outcome = play.tasks([{"name": "store", "azureml.kubernetes.job_storage": {"volumes": wrong}}], host(aro))
    assert outcome.status != 0
    said = outcome.result("store", "cluster")["msg"]
    for words in ("volumes[0] (data): mount_path '/etc'", "volumes[1] (x): type 'nsf' is unknown", "volumes[2] (A): name 'A'"):
        assert words in said


@pytest.mark.xdist_group("aro")
def test_the_shipped_role_is_enough_without_any_secret(aro: Sandbox) -> None:
    prepare(aro, FILES)
    content = role("job_storage.yml")
    assert "secrets" not in {name for rule in content["rules"] for name in rule.get("resources", [])}
    kubeconfig = bind(aro, content)
    scratch = {
        "name": "scratch",
        "type": "azure_files",
        "storage_class": "azurefile-csi",
        "size": "1Gi",
        "mount_path": "/mnt/scratch",
    }
    made = storage(kubeconfig, NFS, scratch, {**SHARE, "secret_name": "azure-storage"})
    assert errors(made) == []
    assert set(states(made).values()) == {"bound"}
    assert 'cannot get resource \\"secrets\\"' in told(made)
    assert codes(made) == {"storage.unreadable": "warning"}
    moved = storage(kubeconfig, {**NFS, "server": "10.0.0.9"}, scratch, accept=["restarts_pods"])
    assert errors(moved) == []
    gone = storage(kubeconfig, NFS, scratch, SHARE, state="absent", accept=["deletes_data"])
    assert (errors(gone), set(states(gone).values())) == ([], {"missing"})
    assert aro.request("GET", VOLUMES)["items"] == []


WRITES = [("persistentvolumes", "create"), ("persistentvolumeclaims", "create")]


@pytest.mark.xdist_group("aro")
@pytest.mark.parametrize(("resource", "verb"), WRITES)
def test_without_one_write_the_error_names_it(aro: Sandbox, resource: str, verb: str) -> None:
    prepare(aro)
    content = role("job_storage.yml")
    number = next(n for n, rule in enumerate(content["rules"]) if resource in rule.get("resources", []))
    content["rules"] = without(content["rules"], number, resource, verb)
    result = storage(bind(aro, content), NFS)
    assert f'cannot {verb} resource \\"{resource}\\"' in told(result)
    assert codes(result)["engine.forbidden"] == "error"
