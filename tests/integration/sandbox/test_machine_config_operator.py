"""The emulated MachineConfig operator does on a real control plane what the real one does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sandbox import Object, Sandbox, SandboxError
from tests.sandbox.client import until
from tests.sandbox.kubelet import is_ready
from tests.sandbox.mco.names import (
    CURRENT,
    DESIRED,
    IN_PROGRESS,
    MACHINE_CONFIGS,
    NODES,
    POOLS,
    REASON,
    ROLE,
    STATE,
    annotations_of,
    labels_of,
    name_of,
)
from tests.sandbox.mco.pools import is_available

pytestmark = pytest.mark.sandbox
on_aro = pytest.mark.xdist_group("aro nodes")
on_compact = pytest.mark.xdist_group("ocp-compact")
on_mixed = pytest.mark.xdist_group("ocp-mixed")

MERGE = "application/merge-patch+json"
OURS = "99-worker-azureml-selinux"
WORKER = "sandbox-x7k2p-worker-eastus-1"
ASK = ("chroot", "/rootfs", "sh", "-c", "getenforce; cat /proc/cmdline")


def create(sandbox: Sandbox, name: str = OURS, *arguments: str, role: str = "worker", **spec: Any) -> None:
    """Create a MachineConfig with kernel ``arguments``, ``selinux=0`` where none are given."""
    body = {"kernelArguments": list(arguments or ["selinux=0"]), **spec}
    metadata = {"name": name, "labels": {ROLE: role}}
    kind = {"apiVersion": "machineconfiguration.openshift.io/v1", "kind": "MachineConfig"}
    sandbox.request("POST", MACHINE_CONFIGS, {**kind, "metadata": metadata, "spec": body})


def quick(sandbox: Sandbox, **seconds: float) -> None:
    """Make the emulator hurry."""
    sandbox.mco.configure(**{"render_delay": 0.3, "reboot_seconds": 0.2, "drain_retry": 0.2, **seconds})


def nodes(sandbox: Sandbox, role: str = "worker") -> dict[str, Object]:
    """Return the Nodes with ``role`` by name."""
    found = sandbox.request("GET", f"{NODES}?labelSelector=node-role.kubernetes.io/{role}")["items"]
    return {name_of(node): node for node in found}


def boot_ids(sandbox: Sandbox, role: str = "worker") -> dict[str, str]:
    """Return what tells one boot of a node from another."""
    return {name: node["status"]["nodeInfo"]["bootID"] for name, node in nodes(sandbox, role).items()}


def rendered(sandbox: Sandbox, pool: str = "worker") -> set[str]:
    """Return the names of a pool's rendered MachineConfigs."""
    names = map(name_of, sandbox.request("GET", MACHINE_CONFIGS)["items"])
    return {name for name in names if name.startswith(f"rendered-{pool}-")}


def condition(sandbox: Sandbox, kind: str, pool: str = "worker") -> tuple[str, str]:
    """Return status and message of a pool's condition."""
    found = {item["type"]: item for item in sandbox.mco.pool(pool)["status"]["conditions"]}
    return found[kind]["status"], found[kind]["message"]


def change_pool(sandbox: Sandbox, pool: str = "worker", **spec: object) -> None:
    """Change a pool as its owner would."""
    sandbox.request("PATCH", f"{POOLS}/{pool}", {"spec": spec}, content_type=MERGE)


def wait(sandbox: Sandbox, kind: str, status: str, pool: str = "worker") -> str:
    """Wait for a pool's condition and return its message."""
    until(f"pool {pool} {kind}={status}", lambda: condition(sandbox, kind, pool)[0] == status)
    return condition(sandbox, kind, pool)[1]


def version_now(sandbox: Sandbox, path: str = NODES) -> int:
    """Return the resourceVersion of a list."""
    return int(sandbox.request("GET", path)["metadata"]["resourceVersion"])


def history(sandbox: Sandbox, since: int, path: str = NODES) -> Iterator[Object]:
    """Yield every version of every object that was written after ``since``, up to now."""
    last = max(int(item["metadata"]["resourceVersion"]) for item in sandbox.request("GET", path)["items"])
    for event in sandbox.client.watch(path, since):
        if event["type"] != "BOOKMARK":
            yield event["object"]
        if int(event["object"]["metadata"]["resourceVersion"]) >= last:
            return


def most_away(sandbox: Sandbox, since: int) -> int:
    """Return how many nodes were cordoned or not Ready at once."""
    away: set[str] = set()
    most = 0
    for node in history(sandbox, since):
        (away.discard if is_available(node) else away.add)(name_of(node))
        most = max(most, len(away))
    return most


def assert_at_rest(sandbox: Sandbox, role: str, config: str) -> None:
    """Every node with ``role`` has ``config``, is Ready and takes pods."""
    for node in nodes(sandbox, role).values():
        notes = annotations_of(node)
        assert (notes[CURRENT], notes[DESIRED], notes[STATE]) == (config, config, "Done")
        assert is_available(node)
        assert IN_PROGRESS not in node["spec"].get("taints", [])


# --- aro: rendering and rolling ----------------------------------------------------------------


@on_aro
def test_a_profile_is_at_rest(aro: Sandbox) -> None:
    """The profile claims what the operator would say: once up, no pool and no node gets a correction."""
    items = [*aro.request("GET", POOLS)["items"], *aro.request("GET", NODES)["items"]]
    managers = {entry["manager"] for item in items for entry in item["metadata"]["managedFields"]}
    assert "sandbox" in managers
    assert "machine-config-controller" not in managers


@on_aro
def test_a_machine_config_rolls_through_its_pool(aro: Sandbox) -> None:
    """Rendered after the operator's own 5 s, in one rollout with a later one, then node by node, and the kernel has it."""
    aro.mco.configure(reboot_seconds=0.2)
    before, masters, names, since = boot_ids(aro), boot_ids(aro, "master"), rendered(aro), version_now(aro)
    started = time.monotonic()
    create(aro)
    create(aro, "98-worker-quiet", "quiet", "quiet")
    # The trap: for some seconds the pool says that all nodes are updated.
    assert condition(aro, "Updated") == ("True", f"All nodes are updated with MachineConfig {min(names)}")
    until("a new target", lambda: aro.mco.pool("worker")["spec"]["configuration"]["name"] not in names)
    assert time.monotonic() - started > 4.5
    target = aro.mco.pool("worker")["spec"]["configuration"]
    assert rendered(aro) == {*names, target["name"]}
    assert aro.mco.pool("worker")["status"]["configuration"]["name"] in names
    pool = aro.mco.wait_updated("worker", source=OURS)
    config = aro.request("GET", f"{MACHINE_CONFIGS}/{target['name']}")
    assert config["spec"]["kernelArguments"] == ["quiet", "quiet", "selinux=0"]
    assert {OURS, "98-worker-quiet", "00-worker", "99-worker-aro-dns"} <= {item["name"] for item in target["source"]}
    owner = config["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("MachineConfigPool", "worker", True)
    assert pool["status"]["configuration"] == target
    assert [pool["status"][f"{count}MachineCount"] for count in ("updated", "ready", "unavailable", "degraded")] == [4, 4, 0, 0]
    assert_at_rest(aro, "worker", target["name"])
    assert most_away(aro, since) == 1
    assert not before.items() & boot_ids(aro).items()
    assert boot_ids(aro, "master") == masters
    answer = aro.mco.exec(WORKER, *ASK)
    assert answer.startswith("Disabled\nBOOT_IMAGE=")
    assert answer.endswith(" quiet quiet selinux=0\n")
    assert aro.mco.exec("sandbox-x7k2p-master-0", "chroot", "/rootfs", "getenforce") == "Enforcing\n"


@on_aro
def test_what_a_node_goes_through(aro: Sandbox) -> None:
    """Cordoned, drained, away with the daemon unreachable, back with another bootID, uncordoned, done; then the next."""
    quick(aro)
    since = version_now(aro)
    create(aro)
    aro.mco.wait_updated("worker", source=OURS)
    seen = []
    for node in history(aro, since):
        if name_of(node) == WORKER:
            seen.append((annotations_of(node)[STATE], is_ready(node), bool(node["spec"].get("unschedulable"))))
    steps = [step for index, step in enumerate(seen) if index == 0 or step != seen[index - 1]]
    assert steps == [
        ("Done", True, False),
        ("Working", True, False),
        ("Working", True, True),
        ("Rebooting", True, True),
        ("Rebooting", False, True),
        ("Working", False, True),
        ("Working", True, True),
        ("Working", True, False),
        ("Done", True, False),
    ]


@on_aro
def test_pods_are_evicted_and_daemons_stay(aro: Sandbox) -> None:
    """A drain takes training jobs along; the front door logs nothing of what the emulator asks."""
    quick(aro)
    aro.add_training_pod("job-0", node=WORKER)
    aro.front_door.door("main").clear_log()
    daemons = "/api/v1/namespaces/openshift-machine-config-operator/pods?labelSelector=k8s-app%3Dmachine-config-daemon"
    before = set(map(name_of, aro.request("GET", daemons)["items"]))
    create(aro)
    aro.mco.wait_updated("worker", source=OURS)
    assert aro.request("GET", "/api/v1/namespaces/azureml-jobs/pods")["items"] == []
    assert set(map(name_of, aro.request("GET", daemons)["items"])) == before
    assert aro.front_door.door("main").log() == []


@on_aro
@pytest.mark.parametrize(("value", "expected"), [("50%", 2), (3, 3)])
def test_max_unavailable(aro: Sandbox, value: object, expected: int) -> None:
    """So many nodes are away at once, and no more."""
    quick(aro)
    change_pool(aro, maxUnavailable=value)
    since = version_now(aro)
    create(aro)
    aro.mco.wait_updated("worker", source=OURS)
    assert most_away(aro, since) == expected


@on_aro
def test_a_node_that_is_not_ready_uses_up_max_unavailable(aro: Sandbox) -> None:
    """Nothing starts while a node is broken; its daemon cannot be reached; then it goes on."""
    quick(aro)
    before = boot_ids(aro)
    aro.mco.stop_kubelet(WORKER)
    create(aro)
    wait(aro, "Updating", "True")
    until("1 unavailable", lambda: aro.mco.pool("worker")["status"]["unavailableMachineCount"] == 1)
    until("waiting nodes marked", lambda: all(IN_PROGRESS in node["spec"].get("taints", []) for node in nodes(aro).values()))
    assert boot_ids(aro) == before
    assert {annotations_of(node)[STATE] for node in nodes(aro).values()} == {"Done"}
    with pytest.raises(SandboxError, match="connection refused"):
        aro.mco.exec(WORKER, *ASK)
    aro.mco.start_kubelet(WORKER)
    aro.mco.wait_updated("worker", source=OURS)


@on_aro
def test_a_paused_pool_renders_and_does_nothing_else(aro: Sandbox) -> None:
    """It says that it will not update; once it is no longer paused, it does."""
    quick(aro)
    change_pool(aro, paused=True)
    before = boot_ids(aro)
    create(aro)
    wait(aro, "Updated", "False")
    pool = aro.mco.pool("worker")
    target = pool["spec"]["configuration"]["name"]
    assert condition(aro, "Updating") == ("False", f"Pool is paused; will not update to MachineConfig {target}")
    assert {annotations_of(node)[DESIRED] for node in nodes(aro).values()} == {pool["status"]["configuration"]["name"]}
    assert boot_ids(aro) == before
    change_pool(aro, paused=False)
    aro.mco.wait_updated("worker", source=OURS)
    assert_at_rest(aro, "worker", target)


def guard(sandbox: Sandbox, node: str) -> None:
    """Run a pod on ``node`` that a PodDisruptionBudget lets nobody evict."""
    sandbox.add_training_pod("guarded", node=node)
    selector = {"matchLabels": {"ml.azure.com/job": "guarded"}}
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "guard", "namespace": "azureml-jobs"}}
    sandbox.apply([{**budget, "spec": {"minAvailable": 1, "selector": selector}}])
    path = "/apis/policy/v1/namespaces/azureml-jobs/poddisruptionbudgets/guard"
    until("budget knows its pod", lambda: sandbox.request("GET", path).get("status", {}).get("currentHealthy") == 1)


@on_aro
def test_a_pod_disruption_budget_blocks_the_drain(aro: Sandbox) -> None:
    """The node stays cordoned and working until the budget goes."""
    quick(aro)
    guard(aro, WORKER)
    log = aro.directory / "logs" / "machine-config-operator.log"
    refusals = log.read_text().count("azureml-jobs/guarded refused")
    create(aro)
    until("two refusals", lambda: log.read_text().count("azureml-jobs/guarded refused") >= refusals + 2)
    node = nodes(aro)[WORKER]
    assert (annotations_of(node)[STATE], node["spec"].get("unschedulable")) == ("Working", True)
    assert condition(aro, "Updating")[0] == "True"
    aro.request("DELETE", "/apis/policy/v1/namespaces/azureml-jobs/poddisruptionbudgets/guard")
    aro.mco.wait_updated("worker", source=OURS)
    assert aro.request("GET", "/api/v1/namespaces/azureml-jobs/pods")["items"] == []


# --- aro: failures on demand -------------------------------------------------------------------


@on_aro
def test_a_node_fails_on_demand(aro: Sandbox) -> None:
    """Degraded with the reason on node and pool, and nobody else starts; healed, the roll goes on."""
    quick(aro)
    before = boot_ids(aro)
    aro.mco.fail_node("sandbox-x7k2p-gpu-eastus-1", "unexpected on-disk state")
    create(aro)
    message = wait(aro, "NodeDegraded", "True")
    assert message == 'Node sandbox-x7k2p-gpu-eastus-1 is reporting: "unexpected on-disk state"'
    assert condition(aro, "Degraded") == ("True", message)
    assert aro.mco.pool("worker")["status"]["degradedMachineCount"] == 1
    notes = annotations_of(nodes(aro)["sandbox-x7k2p-gpu-eastus-1"])
    assert (notes[STATE], notes[REASON]) == ("Degraded", "unexpected on-disk state")
    assert boot_ids(aro) == before
    aro.mco.fail_node("sandbox-x7k2p-gpu-eastus-1", "")
    aro.mco.wait_updated("worker", source=OURS)
    assert condition(aro, "Degraded") == ("False", "")


@on_aro
def test_rendering_fails_on_demand(aro: Sandbox) -> None:
    """RenderDegraded and Degraded, nothing rolls; healed, it is rendered. Ignition of the future fails by itself."""
    quick(aro)
    known = rendered(aro)
    aro.mco.fail_render("worker", "no ControllerConfig")
    create(aro)
    assert wait(aro, "RenderDegraded", "True") == "Failed to render configuration for pool worker: no ControllerConfig"
    wait(aro, "Degraded", "True")
    assert rendered(aro) == known
    aro.mco.fail_render("worker", "")
    aro.mco.wait_updated("worker", source=OURS)
    assert condition(aro, "RenderDegraded") == condition(aro, "Degraded") == ("False", "")
    create(aro, "99-worker-future", "quiet", config={"ignition": {"version": "9.9.0"}})
    assert "99-worker-future: parsing Ignition config failed: unknown version" in wait(aro, "RenderDegraded", "True")


@on_aro
def test_deleting_a_machine_config_brings_the_old_configuration_back(aro: Sandbox) -> None:
    """The same content has the same name, and ``selinux=0`` is gone from the kernel."""
    quick(aro)
    change_pool(aro, maxUnavailable=4)
    old = aro.mco.pool("worker")["spec"]["configuration"]["name"]
    create(aro)
    aro.mco.wait_updated("worker", source=OURS)
    aro.request("DELETE", f"{MACHINE_CONFIGS}/{OURS}")
    until("the old target", lambda: aro.mco.pool("worker")["spec"]["configuration"]["name"] == old)
    aro.mco.wait_updated("worker")
    assert_at_rest(aro, "worker", old)
    assert aro.mco.exec(WORKER, "chroot", "/rootfs", "getenforce") == "Enforcing\n"


# --- aro: many nodes, reset --------------------------------------------------------------------


@on_aro
def test_nodes_can_be_added(aro: Sandbox) -> None:
    """New nodes join their pool with what it has, can exec, and roll with it; a reset leaves nothing of them."""
    quick(aro)
    added = aro.mco.add_nodes(12, like=WORKER, labels={"test": "added"})
    old = aro.mco.pool("worker")["spec"]["configuration"]["name"]
    until("16 machines", lambda: aro.mco.pool("worker")["status"]["updatedMachineCount"] == 16)
    assert_at_rest(aro, "worker", old)
    change_pool(aro, maxUnavailable=8)
    create(aro)
    aro.mco.wait_updated("worker", source=OURS)
    assert aro.mco.exec(added[-1], *ASK).startswith("Disabled\n")
    aro.reset()
    assert len(nodes(aro)) == 4
    pods = aro.request("GET", "/api/v1/pods")["items"]
    assert not {pod["spec"].get("nodeName") for pod in pods} & set(added)


def shape(sandbox: Sandbox) -> Object:
    """Return what a reset has to bring back."""
    pool = sandbox.mco.pool("worker")
    pool["status"].pop("observedGeneration")
    return {
        "pool": (pool["spec"], pool["status"]),
        "rendered": rendered(sandbox),
        "boots": boot_ids(sandbox),
        "nodes": {name: (annotations_of(node), labels_of(node), node["spec"]) for name, node in nodes(sandbox).items()},
        "hosts": {name: sandbox.mco.host(name) for name in nodes(sandbox)},
    }


def _drain_blocked(sandbox: Sandbox) -> None:
    guard(sandbox, "sandbox-x7k2p-gpu-eastus-1")
    create(sandbox)
    until("a cordoned node", lambda: any(node["spec"].get("unschedulable") for node in nodes(sandbox).values()))


def _mid_reboot(sandbox: Sandbox) -> None:
    quick(sandbox, reboot_seconds=60)
    create(sandbox)
    until("a node away", lambda: not all(map(is_ready, nodes(sandbox).values())))


def _mid_render(sandbox: Sandbox) -> None:
    quick(sandbox, render_delay=60)
    create(sandbox)


def _half_way(sandbox: Sandbox) -> None:
    create(sandbox)
    until("one updated", lambda: sandbox.mco.pool("worker")["status"]["updatedMachineCount"] == 1)


def _degraded(sandbox: Sandbox) -> None:
    sandbox.mco.fail_node("sandbox-x7k2p-gpu-eastus-1", "no disk")
    create(sandbox)
    wait(sandbox, "Degraded", "True")


@on_aro
@pytest.mark.parametrize("moment", [_drain_blocked, _mid_reboot, _mid_render, _half_way, _degraded])
def test_reset_in_the_middle(aro: Sandbox, moment: Callable[[Sandbox], None]) -> None:
    """Whatever goes on, a reset leaves the profile at rest, and the emulator at work."""
    before = shape(aro)
    quick(aro)
    moment(aro)
    aro.reset()
    assert shape(aro) == before
    assert all(map(is_available, nodes(aro).values()))
    assert aro.mco.exec(WORKER, "chroot", "/rootfs", "getenforce") == "Enforcing\n"
    since = version_now(aro, POOLS)
    quick(aro)
    create(aro, "99-master-probe", "quiet", role="master")
    until("master targets it", lambda: "99-master-probe" in str(aro.mco.pool("master")["spec"]["configuration"]))
    assert "worker" not in set(map(name_of, history(aro, since, POOLS))), "the reset left nothing to be corrected"


# --- ocp-mixed ---------------------------------------------------------------------------------


@on_mixed
def test_role_worker_reaches_custom_pools_and_not_the_kernel_of_rhel(ocp_mixed: Sandbox) -> None:
    """Pool infra rolls along; RHEL nodes reboot, say Done, and go on enforcing until somebody logs in."""
    quick(ocp_mixed)
    before, masters = boot_ids(ocp_mixed), boot_ids(ocp_mixed, "master")
    create(ocp_mixed)
    for pool in ("worker", "infra"):
        ocp_mixed.mco.wait_updated(pool, source=OURS)
    assert not before.items() & boot_ids(ocp_mixed).items()
    assert boot_ids(ocp_mixed, "master") == masters
    target = ocp_mixed.mco.pool("worker")["spec"]["configuration"]["name"]
    said = {name: ocp_mixed.mco.exec(name, *ASK) for name in nodes(ocp_mixed)}
    assert {name: text.split("\n")[0] for name, text in said.items()} == {
        **dict.fromkeys(["mixed-worker-0", "mixed-worker-1", "mixed-infra-0", "mixed-infra-1"], "Disabled"),
        **dict.fromkeys(["mixed-rhel-0", "mixed-rhel-1"], "Enforcing"),
    }
    assert "selinux=0" not in said["mixed-rhel-0"]
    rhel = annotations_of(nodes(ocp_mixed)["mixed-rhel-0"])
    assert (rhel[CURRENT], rhel[STATE]) == (target, "Done")
    ocp_mixed.mco.change_host("mixed-rhel-0", mode="disabled")
    assert ocp_mixed.mco.exec("mixed-rhel-0", *ASK).startswith("Enforcing"), "not before a reboot"
    boot_id = ocp_mixed.mco.reboot_host("mixed-rhel-0")
    assert ocp_mixed.mco.exec("mixed-rhel-0", *ASK).startswith("Disabled")
    assert ocp_mixed.mco.exec("mixed-rhel-0", "cat", "/proc/sys/kernel/random/boot_id") == f"{boot_id}\n"
    assert boot_ids(ocp_mixed)["mixed-rhel-0"] == boot_id
    ocp_mixed.reset()
    assert {ocp_mixed.mco.exec(name, *ASK).split("\n")[0] for name in nodes(ocp_mixed)} == {"Enforcing"}


@on_mixed
def test_a_custom_pool_has_its_own_machine_configs_after_those_of_role_worker(ocp_mixed: Sandbox) -> None:
    """Role infra rolls pool infra only; in the kernel's arguments, role worker comes first whatever the names."""
    quick(ocp_mixed)
    before = boot_ids(ocp_mixed)
    create(ocp_mixed, "10-infra-first", "enforcing=0", role="infra")
    ocp_mixed.mco.wait_updated("infra", source="10-infra-first")
    changed = {name for name, boot in boot_ids(ocp_mixed).items() if before[name] != boot}
    assert changed == {"mixed-infra-0", "mixed-infra-1"}
    assert ocp_mixed.mco.exec("mixed-infra-0", "chroot", "/rootfs", "getenforce") == "Permissive\n"
    create(ocp_mixed, "99-worker-last", "enforcing=1")
    ocp_mixed.mco.wait_updated("infra", source="99-worker-last")
    assert ocp_mixed.mco.exec("mixed-infra-0", "cat", "/proc/cmdline").endswith(" enforcing=1 enforcing=0\n")


@on_mixed
def test_a_node_moves_to_a_pool_made_by_a_test(ocp_mixed: Sandbox) -> None:
    """A pool that did not exist gets a configuration, and a node labelled for it rolls to it."""
    quick(ocp_mixed)
    selector = {"matchExpressions": [{"key": ROLE, "operator": "In", "values": ["worker", "azureml"]}]}
    spec = {"machineConfigSelector": selector, "nodeSelector": {"matchLabels": {"node-role.kubernetes.io/azureml": ""}}}
    kind = {"apiVersion": "machineconfiguration.openshift.io/v1", "kind": "MachineConfigPool"}
    ocp_mixed.request("POST", POOLS, {**kind, "metadata": {"name": "azureml"}, "spec": spec})
    label = {"metadata": {"labels": {"node-role.kubernetes.io/azureml": ""}}}
    ocp_mixed.request("PATCH", f"{NODES}/mixed-worker-0", label, content_type=MERGE)
    create(ocp_mixed, "99-azureml-selinux", role="azureml")
    until("the node is in the pool", lambda: ocp_mixed.mco.pool("azureml").get("status", {}).get("machineCount") == 1)
    ocp_mixed.mco.wait_updated("azureml", source="99-azureml-selinux")
    assert ocp_mixed.mco.exec("mixed-worker-0", *ASK).startswith("Disabled")
    assert ocp_mixed.mco.exec("mixed-worker-1", *ASK).startswith("Enforcing")
    assert ocp_mixed.mco.pool("worker")["status"]["machineCount"] == 3


# --- ocp-compact -------------------------------------------------------------------------------


@on_compact
def test_on_compact_role_worker_changes_nothing_and_says_updated(ocp_compact: Sandbox) -> None:
    """The trap: the pool has no machines, targets the new configuration and is updated at once."""
    quick(ocp_compact)
    before = boot_ids(ocp_compact)
    create(ocp_compact)
    pool = ocp_compact.mco.wait_updated("worker", source=OURS)
    assert pool["status"]["machineCount"] == 0
    assert boot_ids(ocp_compact) == before
    assert ocp_compact.mco.exec("compact-0", *ASK).startswith("Enforcing")
    create(ocp_compact, "99-master-azureml-selinux", role="master")
    ocp_compact.mco.wait_updated("master", source="99-master-azureml-selinux")
    assert {ocp_compact.mco.exec(name, *ASK).split("\n")[0] for name in nodes(ocp_compact)} == {"Disabled"}
