"""The sandbox keeps what it promises; every profile has the facts it claims."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartOnce
from tests.sandbox import Object, Sandbox, SandboxError, attach, profiles, running, up
from tests.sandbox.client import Client, until
from tests.sandbox.paths import REPOSITORY, read_json, state_root

pytestmark = pytest.mark.sandbox
on_aks = pytest.mark.xdist_group("aks-gpu")
on_aro = pytest.mark.xdist_group("aro")
on_rosa = pytest.mark.xdist_group("rosa")

SCC = "/apis/security.openshift.io/v1/securitycontextconstraints"
MCO = "/apis/machineconfiguration.openshift.io/v1"
MERGE = "application/merge-patch+json"
ZERO = "00000000-0000-0000-0000-000000000000"


def pod_of(container: str = "main") -> Object:
    """Return a pod template with one container."""
    return {"metadata": {"labels": {"app": "probe"}}, "spec": {"containers": [{"name": container, "image": "probe"}]}}


def namespace(name: str) -> Object:
    """Return a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def names(sandbox: Sandbox, path: str) -> set[str]:
    """Return the names of the objects listed at ``path``."""
    return {item["metadata"]["name"] for item in sandbox.request("GET", path)["items"]}


# --- processes ---------------------------------------------------------------------------------


def test_two_at_once_share_nothing() -> None:
    """Two sandboxes start concurrently, and an object of one is not in the other."""
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda name: up("arc-k3s", name=name, owner_pid=os.getpid()), ("one", "two"))
    try:
        assert {one.name, two.name} <= {sandbox.name for sandbox in running()}
        assert len({one.url, two.url, one.direct_url, two.direct_url}) == 4
        one.apply([namespace("only-here")])
        assert "only-here" in names(one, "/api/v1/namespaces")
        assert "only-here" not in names(two, "/api/v1/namespaces")
        with pytest.raises(SandboxError, match="running already"):
            up("arc-k3s", name="one")
    finally:
        one.down()
        two.down()
    assert not one.directory.exists()
    with pytest.raises(SandboxError, match="no sandbox named"):
        attach("one")


def session_of(pid: int) -> int | None:
    """Return the session id of a live process, None for one that ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else int(fields[3])


def processes_of(supervisor: int) -> set[str]:
    """Return the names of all live processes in the supervisor's session."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    mine = [pid for pid in pids if session_of(pid) == supervisor]
    return {Path(f"/proc/{pid}/comm").read_text().strip() for pid in mine}


OWNER = """
import os, sys
from tests.sandbox import up
up("arc-k3s", name=sys.argv[1], owner_pid=os.getpid())
print("up", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("victim", ["owner", "supervisor"])
def test_killed_with_9_leaves_no_process(victim: str) -> None:
    """Neither the owner's nor the supervisor's sudden death leaves anything running."""
    name = f"victim-{victim}"
    command = [sys.executable, "-c", OWNER, name]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        try:
            assert owner.stdout.readline() == b"up\n"
            supervisor: int = read_json(state_root() / name / "state.json")["supervisor"]["pid"]
            assert {"etcd", "kube-apiserver", "kube-scheduler", "kwok", "frontdoor"} <= processes_of(supervisor)
            os.kill(owner.pid if victim == "owner" else supervisor, signal.SIGKILL)
            until("every process gone", lambda: not processes_of(supervisor), seconds=10)
        finally:
            owner.kill()
    assert name not in {sandbox.name for sandbox in running()}


# --- what pods need ----------------------------------------------------------------------------


@on_aks
def test_daemonset_becomes_ready_on_every_node_it_tolerates(aks: Sandbox) -> None:
    """The real controller and scheduler place the pods, and kwok makes them Ready."""
    pod = pod_of()
    pod["spec"]["tolerations"] = [{"key": "sku", "operator": "Exists"}]
    spec = {"selector": {"matchLabels": {"app": "probe"}}, "template": pod}
    path = "/apis/apps/v1/namespaces/azureml/daemonsets/probe"
    metadata = {"name": "probe", "namespace": "azureml"}
    aks.apply([namespace("azureml"), {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec}])
    until("5 pods ready", lambda: aks.request("GET", path)["status"].get("numberReady") == 5)


@on_aks
@pytest.mark.parametrize("storage_class", ["azurefile-csi", "managed-csi", None])
def test_claim_binds(aks: Sandbox, storage_class: str | None) -> None:
    """A claim binds at once, or when a pod uses it; None is the default class."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    if storage_class is not None:
        claim["storageClassName"] = storage_class
    metadata = {"name": "probe", "namespace": "azureml"}
    pod = pod_of()["spec"]
    pod["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "probe"}}]
    aks.apply([namespace("azureml")])
    aks.apply([{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim}])
    aks.apply([{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod}])
    path = "/api/v1/namespaces/azureml/persistentvolumeclaims/probe"
    until("claim bound", lambda: aks.request("GET", path)["status"]["phase"] == "Bound")


def kubectl(sandbox: Sandbox, *arguments: str) -> str:
    """Run kubectl through door ``main`` and return its standard output."""
    command = [str(sandbox.kubectl), f"--kubeconfig={sandbox.kubeconfig}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


@on_aks
def test_exec_and_logs_answer_through_the_api(aks: Sandbox) -> None:
    """``kubectl exec`` and ``kubectl logs`` reach an emulated container."""
    target = "deployment/metrics-server"
    said = kubectl(aks, "exec", "-n", "kube-system", target, "--", "sh", "-c", 'echo "$SANDBOX says hello"')
    assert said == "1 says hello\n"
    assert "emulated" in kubectl(aks, "logs", "-n", "kube-system", target)


@on_aks
def test_tokens_authenticate_through_the_door(aks: Sandbox, tmp_path: Path) -> None:
    """A bearer token passes the door and is what the API server sees."""
    who = kubectl(aks, "auth", "whoami", "--token", aks.admin_token(), "-o", "json", "--kubeconfig", os.devnull,
                  "--server", aks.url, "--certificate-authority", str(aks.ca_file))  # fmt: skip
    assert json.loads(who)["status"]["userInfo"]["username"] == "system:serviceaccount:kube-system:sandbox-admin"


@on_aks
def test_a_user_without_rights_is_refused(aks: Sandbox) -> None:
    """RBAC is on: a certificate of nobody in particular may read no Secret, an admin may."""
    for kubeconfig, answer in ((aks.kubeconfig_for("nobody"), "no"), (aks.kubeconfig, "yes")):
        command = [str(aks.kubectl), f"--kubeconfig={kubeconfig}", "auth", "can-i", "get", "secrets"]
        assert subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() == answer


# --- profiles ----------------------------------------------------------------------------------


def get(path: str, *keys: str | int) -> Callable[[Sandbox], Any]:
    """Return a reader of one field of the object at ``path``."""

    def read(sandbox: Sandbox) -> Any:
        value = sandbox.request("GET", path)
        for key in keys:
            value = value[key]
        return value

    return read


def count(path: str) -> Callable[[Sandbox], int]:
    """Return a reader of how many objects a list has."""
    return lambda sandbox: len(sandbox.request("GET", path)["items"])


def reported_version(sandbox: Sandbox) -> Any:
    """Return the gitVersion that a user of the kubeconfig sees."""
    return sandbox.client_through().request("GET", "/version")["gitVersion"]


def kubelets(sandbox: Sandbox) -> set[str]:
    """Return every kubelet version."""
    nodes = sandbox.request("GET", "/api/v1/nodes")["items"]
    return {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes}


def systems(sandbox: Sandbox) -> set[tuple[str, str]]:
    """Return the label of every operating system with the telling word of its name."""
    nodes = sandbox.request("GET", "/api/v1/nodes")["items"]
    images = [(node["metadata"]["labels"]["node.openshift.io/os_id"], node["status"]["nodeInfo"]["osImage"]) for node in nodes]
    return {(label, "CoreOS" if "CoreOS" in image else image.split()[-1]) for label, image in images}


def condition(path: str, kind: str) -> Callable[[Sandbox], Any]:
    """Return a reader of the status of a condition of the object at ``path``."""
    conditions = get(path, "status", "conditions")
    return lambda sandbox: {item["type"]: item["status"] for item in conditions(sandbox)}[kind]


GPU_NODES = "/api/v1/nodes?labelSelector=kubernetes.azure.com/accelerator%3Dnvidia"
MASTERS = "/api/v1/nodes?labelSelector=node-role.kubernetes.io/master"
INFRASTRUCTURE = "/apis/config.openshift.io/v1/infrastructures/cluster"
CONSOLE = "/apis/operator.openshift.io/v1/consoles/cluster"
VERSION = "/apis/config.openshift.io/v1/clusterversions/version"
ARC = "/api/v1/namespaces/azure-arc/configmaps/azure-clusterconfig"
POOLS = f"{MCO}/machineconfigpools"
WORKER_POOL = f"{POOLS}/worker"
WORKERS = "/api/v1/nodes?labelSelector=node-role.kubernetes.io/worker"
ARO_CLUSTER = "/apis/aro.openshift.io/v1alpha1/clusters/cluster"
SCC_ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:openshift:scc:privileged"
SCC_USERS = ["system:admin", "system:serviceaccount:openshift-infra:build-controller"]
SCC_GROUPS = ["system:cluster-admins", "system:nodes", "system:masters"]
GPU_TAINT = {"key": "sku", "value": "gpu", "effect": "NoSchedule"}


def gpus(sandbox: Sandbox) -> dict[str, str]:
    """Allocatable GPUs by node, where there are any."""
    nodes = sandbox.request("GET", "/api/v1/nodes")["items"]
    found = {node["metadata"]["name"]: node["status"]["allocatable"].get("nvidia.com/gpu") for node in nodes}
    return {name: count for name, count in found.items() if count}


FACTS: list[tuple[str, str, Callable[[Sandbox], Any], Any]] = [
    ("aks-gpu", "version", reported_version, "v1.35.5"),
    ("aks-gpu", "kubelets", kubelets, {"v1.35.5"}),
    ("aks-gpu", "nodes", count("/api/v1/nodes"), 5),
    ("aks-gpu", "gpu nodes", count(GPU_NODES), 2),
    ("aks-gpu", "gpu taint", get(GPU_NODES, "items", 0, "spec", "taints"), [GPU_TAINT]),
    ("aks-gpu", "drivers", lambda sandbox: names(sandbox, "/apis/storage.k8s.io/v1/csidrivers"),
     {"disk.csi.azure.com", "file.csi.azure.com"}),
    ("aks-gpu-mixed", "nodes", count("/api/v1/nodes"), 4),
    ("aks-gpu-mixed", "gpus", gpus, {"aks-managed-12345678-vmss000000": "1"}),
    ("arc-k3s-gpu", "nodes", count("/api/v1/nodes"), 2),
    ("arc-k3s-gpu", "gpus", gpus, {}),
    ("arc-k3s-gpu", "arc", get(ARC, "data", "KUBERNETES_DISTRO"), "k3s"),
    ("arc-k3s", "version", reported_version, "v1.34.2+k3s1"),
    ("arc-k3s", "nodes", count("/api/v1/nodes"), 1),
    ("arc-k3s", "provider", get("/api/v1/nodes/k3s-server", "spec", "providerID"), "k3s://k3s-server"),
    ("arc-k3s", "arc", get(ARC, "data", "AZURE_SUBSCRIPTION_ID"), ZERO),
    ("arc-k3s", "arc object", get("/apis/arc.azure.com/v1beta1/namespaces/azure-arc/connectedclusters/clustermetadata",
                                  "status", "connectivityStatus"), "Connected"),
    ("aro", "version", reported_version, "v1.32.9"),
    ("aro", "openshift", get(VERSION, "status", "history", 0, "version"), "4.19.24"),
    ("aro", "nodes", count("/api/v1/nodes"), 7),
    ("aro", "masters", count(MASTERS), 3),
    ("aro", "platform", get(INFRASTRUCTURE, "status", "platformStatus", "type"), "Azure"),
    ("aro", "topology", get(INFRASTRUCTURE, "status", "controlPlaneTopology"), "HighlyAvailable"),
    ("aro", "brand", get(CONSOLE, "spec", "customization", "brand"), "azure"),
    ("aro", "resource", get(ARO_CLUSTER, "spec", "location"), "eastus"),
    ("aro", "drivers", lambda sandbox: names(sandbox, "/apis/storage.k8s.io/v1/csidrivers"),
     {"disk.csi.azure.com", "file.csi.azure.com"}),
    ("aro", "pool", get(WORKER_POOL, "status", "readyMachineCount"), 4),
    ("aro", "scc users", get(f"{SCC}/privileged", "users"), SCC_USERS),
    ("aro", "scc groups", get(f"{SCC}/privileged", "groups"), SCC_GROUPS),
    ("aro", "scc role", get(SCC_ROLE, "rules", 0, "verbs"), ["use"]),
    ("aro", "os label", get(WORKERS, "items", 0, "metadata", "labels", "node.openshift.io/os_id"), "rhel"),
    ("ocp-compact", "nodes", count("/api/v1/nodes"), 3),
    ("ocp-compact", "masters that are workers", count(f"{MASTERS}%2Cnode-role.kubernetes.io/worker"), 3),
    ("ocp-compact", "master pool", get(f"{POOLS}/master", "status", "machineCount"), 3),
    ("ocp-compact", "worker pool", get(f"{POOLS}/worker", "status", "machineCount"), 0),
    ("ocp-compact", "worker pool is updated", condition(WORKER_POOL, "Updated"), "True"),
    ("ocp-mixed", "version", reported_version, "v1.29.14"),
    ("ocp-mixed", "openshift", get(VERSION, "status", "history", 0, "version"), "4.16.49"),
    ("ocp-mixed", "no upgrade", condition(VERSION, "Progressing"), "False"),
    ("ocp-mixed", "pools", lambda sandbox: {
        name: get(f"{POOLS}/{name}", "status", "readyMachineCount")(sandbox) for name in names(sandbox, POOLS)},
     {"master": 3, "worker": 4, "infra": 2}),
    ("ocp-mixed", "systems", systems, {("rhcos", "CoreOS"), ("rhel", "(Ootpa)")}),
    ("hcp", "version", reported_version, "v1.32.9"),
    ("hcp", "nodes", count(WORKERS), 3),
    ("hcp", "masters", count(MASTERS), 0),
    ("hcp", "topology", get(INFRASTRUCTURE, "status", "controlPlaneTopology"), "External"),
    ("hcp", "no MachineConfigs", lambda sandbox: sandbox.client.exists("/apis/machineconfiguration.openshift.io"), False),
    ("aro", "no upgrade", condition(VERSION, "Progressing"), "False"),
    ("rosa", "version", reported_version, "v1.32.9"),
    ("rosa", "platform", get(INFRASTRUCTURE, "status", "platformStatus", "type"), "AWS"),
    ("rosa", "tags", get(INFRASTRUCTURE, "status", "platformStatus", "aws", "resourceTags", 0, "value"), "rosa"),
    ("rosa", "brand", get(CONSOLE, "spec", "customization", "brand"), "ROSA"),
    ("rosa", "webhook", lambda sandbox: names(
        sandbox, "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"),
     {"sre-scc-validation", "sre-regular-user-validation"}),
    ("rosa", "no aro", lambda sandbox: sandbox.client.exists("/apis/aro.openshift.io"), False),
]  # fmt: skip


ROWS = [pytest.param(*row, id=f"{row[0]}-{row[1]}", marks=pytest.mark.xdist_group(row[0])) for row in FACTS]


@pytest.fixture(scope="module")
def as_it_came_up(start_once: StartOnce) -> StartOnce:
    """A function that hands out a profile's sandbox, put back to its beginning at the first call."""
    seen: dict[str, Sandbox] = {}

    def get_sandbox(profile: str) -> Sandbox:
        sandbox = start_once(profile)
        if seen.get(profile) is not sandbox:
            sandbox.reset()
        seen[profile] = sandbox
        return sandbox

    return get_sandbox


@pytest.mark.parametrize(("profile", "fact", "read", "expected"), ROWS)
def test_profile_has_the_fact(
    as_it_came_up: StartOnce, profile: str, fact: str, read: Callable[[Sandbox], Any], expected: object
) -> None:
    """Each profile is up and says of itself what it claims."""
    assert read(as_it_came_up(profile)) == expected, fact


def test_every_profile_has_facts() -> None:
    """A new profile comes with its own rows."""
    assert set(profiles()) == {row[0] for row in FACTS}


@on_rosa
@pytest.mark.parametrize(("method", "word"), [("PATCH", "Modifying"), ("DELETE", "Deleting")])
def test_rosa_refuses_changes_of_default_sccs(rosa: Sandbox, method: str, word: str) -> None:
    """A cluster admin gets the platform's message; an SCC of one's own stays one's own."""
    body = {"users": ["system:serviceaccount:azureml:default"]} if method == "PATCH" else None
    with pytest.raises(SandboxError, match=rf"{word} default SCCs \[anyuid .*\] is not allowed") as refused:
        rosa.request(method, f"{SCC}/privileged", body, content_type=MERGE)
    assert refused.value.status == 403
    own = rosa.request("GET", f"{SCC}/privileged")
    own["metadata"] = {"name": "azureml-privileged"}
    rosa.request("POST", SCC, own)
    rosa.request("PATCH", f"{SCC}/azureml-privileged", {"users": []}, content_type=MERGE)
    rosa.reset()
    assert "azureml-privileged" not in names(rosa, SCC)


@on_rosa
def test_rosa_refuses_changes_of_machine_configs(rosa: Sandbox) -> None:
    """A cluster admin gets the platform's message; a member of the group that only Red Hat fills does not."""
    metadata = {"name": "99-worker-azureml", "labels": {"machineconfiguration.openshift.io/role": "worker"}}
    config = {"apiVersion": MCO.removeprefix("/apis/"), "kind": "MachineConfig", "metadata": metadata, "spec": {}}
    with pytest.raises(SandboxError, match="Prevented from accessing Red Hat managed resources") as refused:
        rosa.request("POST", f"{MCO}/machineconfigs?dryRun=All", config)
    assert refused.value.status == 403
    kubeconfig = rosa.kubeconfig_for("sre", ["system:masters", "cluster-admins"])
    patch = ["patch", "machineconfigpool", "worker", "--type=merge", "--dry-run=server", "-p", '{"spec":{"paused":true}}']
    subprocess.run([str(rosa.kubectl), f"--kubeconfig={kubeconfig}", *patch], check=True, capture_output=True, timeout=30)


# --- reset -------------------------------------------------------------------------------------


@on_aro
def test_reset_restores_the_profile(aro: Sandbox) -> None:
    """What a test adds is gone, what it changed or deleted is back, status included."""
    node = f"/api/v1/nodes/{min(names(aro, '/api/v1/nodes'))}"
    watched = [f"{SCC}/privileged", WORKER_POOL, VERSION, node, SCC_ROLE, f"{MCO}/machineconfigs/00-worker"]
    before = [meaning(aro.request("GET", path)) for path in watched]
    lists = ["/api/v1/namespaces", "/api/v1/persistentvolumeclaims", f"{MCO}/machineconfigs", SCC]
    listed = [names(aro, path) for path in lists]
    aro.request("PATCH", f"{SCC}/privileged", {"users": ["intruder"]}, content_type=MERGE)
    aro.request("PATCH", WORKER_POOL, {"spec": {"paused": True}}, content_type=MERGE)
    aro.request("PATCH", f"{WORKER_POOL}/status", {"status": {"readyMachineCount": 0}}, content_type=MERGE)
    change = {"metadata": {"labels": {"intruder": "yes"}}, "spec": {"unschedulable": True}}
    aro.request("PATCH", node, change, content_type=MERGE)
    aro.request("DELETE", SCC_ROLE)
    aro.request("DELETE", f"{MCO}/machineconfigs/00-worker")
    aro.apply([namespace("azureml"), namespace("azureml-second")])
    added = {"name": "99-worker-intruder", "labels": {"machineconfiguration.openshift.io/role": "worker"}}
    aro.request("POST", f"{MCO}/machineconfigs", {"apiVersion": MCO.removeprefix("/apis/"), "kind": "MachineConfig",
                                                  "metadata": added, "spec": {"kernelArguments": ["quiet"]}})  # fmt: skip
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    meta = {"name": "probe", "namespace": "azureml", "finalizers": ["example.com/never"]}
    aro.apply([{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": claim}])
    aro.reset()
    assert [meaning(aro.request("GET", path)) for path in watched] == before
    assert [names(aro, path) for path in lists] == listed


def meaning(item: Object) -> Object:
    """Return an object without what the server counts and dates."""
    for name in ("resourceVersion", "generation", "uid", "creationTimestamp", "managedFields"):
        item["metadata"].pop(name, None)
    item.get("status", {}).pop("observedGeneration", None)
    for condition in item.get("status", {}).get("conditions", []):
        condition.pop("lastHeartbeatTime", None)
    return item


# --- the front door ----------------------------------------------------------------------------

SAME = [
    "/api/v1/nodes", "/api/v1/namespaces/kube-system/pods", "/apis/apps/v1/deployments?limit=2", "/api", "/apis",
    "/apis/storage.k8s.io/v1/storageclasses", "/openapi/v3", "/api/v1/namespaces/kube-system/configmaps",
]  # fmt: skip


def answers_alike(one: Client, other: Client, path: str) -> bool:
    """Whether two clients get the same document."""
    return bool(one.request("GET", path) == other.request("GET", path))


@on_aks
def test_the_door_answers_as_the_server_does(aks: Sandbox) -> None:
    """Reads through door ``main`` equal reads past it; the user is the same."""
    door = aks.client_through()
    for path in SAME:
        # Both reads have to fall between two writes of a controller.
        until(f"same answer for {path}", partial(answers_alike, door, aks.client, path))
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    users = [client.request("POST", path, review)["status"]["userInfo"] for client in (door, aks.client)]
    assert (users[0]["username"], users[0]["groups"]) == (users[1]["username"], users[1]["groups"])


@on_aks
def test_a_watch_through_the_door_equals_one_past_it(aks: Sandbox) -> None:
    """Both watches see the same events in the same order, while they happen."""
    base = "/api/v1/namespaces/default/configmaps"
    start = aks.request("GET", base)["metadata"]["resourceVersion"]
    watch = f"{base}?watch=true&timeoutSeconds=3&resourceVersion={start}"
    with ThreadPoolExecutor(2) as pool:
        clients = (aks.client_through(), aks.client)
        futures = [pool.submit(client.request, "GET", watch, None, raw=True) for client in clients]
        for number in range(5):
            aks.apply([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe", "namespace": "default"},
                        "data": {"number": str(number)}}])  # fmt: skip
        aks.request("DELETE", f"{base}/probe")
        through, past = (future.result() for future in futures)
    assert through == past
    assert [json.loads(line)["type"] for line in past.splitlines()] == ["ADDED", *["MODIFIED"] * 4, "DELETED"]
