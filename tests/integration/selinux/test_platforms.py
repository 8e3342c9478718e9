"""Other shapes of OpenShift: RHEL workers and custom pools, compact, hosted control planes, ROSA."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.integration.selinux.rolls import ALL, Run, at_rest, codes, configs, errors, hurry, modes
from tests.play import Play
from tests.sandbox import Sandbox
from tests.sandbox.mco.names import NODES, POOLS

pytestmark = [pytest.mark.selinux]
on_mixed = pytest.mark.xdist_group("ocp-mixed")
RHEL = ["mixed-rhel-0", "mixed-rhel-1"]
RHCOS = ["mixed-worker-0", "mixed-worker-1"]
INFRA = ["mixed-infra-0", "mixed-infra-1"]
ROLE = [{"hosts": "all", "gather_facts": False, "roles": [{"role": "azureml.kubernetes.worker_selinux"}]}]


def nodes(sandbox: Sandbox) -> dict[str, Any]:
    return {item["metadata"]["name"]: item for item in sandbox.request("GET", NODES)["items"]}


@on_mixed
def test_rhel_workers_are_refused_unless_they_are_handled_over_ssh(ocp_mixed: Sandbox, play: Play) -> None:
    """With them left to SSH, workers and the custom pool roll; the hosts tell the truth where the pool does not."""
    hurry(ocp_mixed)
    run = Run(ocp_mixed.kubeconfig)
    refused = run()
    (finding,) = [f for f in refused.findings if f.code == "selinux.package_mode_node"]
    assert finding.evidence == RHEL and ocp_mixed.front_door.door("main").writes() == []

    variables = {
        "azureml_kubeconfig": str(ocp_mixed.kubeconfig),
        "azureml_accept": ALL,
        "worker_selinux_state": "disabled",
        "worker_selinux_hosts": dict(zip(RHEL, ("machine-0", "machine-1"))),
    }
    outcome = play.run(ROLE, {"one": variables})
    assert outcome.status == 0, outcome.text
    for pool in ("worker", "infra"):
        at_rest(ocp_mixed, pool)
    assert modes(ocp_mixed, [*RHCOS, *INFRA]) == {"Disabled"}
    assert modes(ocp_mixed, RHEL) == {"Enforcing"}, "the pool says Updated, although SELinux enforces there"

    again = run(ssh_nodes=RHEL)
    assert codes(again) == {"ssh_node"} and again.changes == ()
    assert "package_mode_node" in codes(run()) and run().changes == ()
    for node in RHEL:
        ocp_mixed.mco.change_host(node, arguments=["selinux=0"], mode="disabled")
        ocp_mixed.mco.reboot_host(node)
    assert run().findings == ()


@on_mixed
def test_a_custom_pool_alone(ocp_mixed: Sandbox) -> None:
    hurry(ocp_mixed)
    result = Run(ocp_mixed.kubeconfig)(pool="infra", selinux="permissive")
    assert errors(result) == [] and {node["name"] for node in result.facts["machine_config"]["nodes"]} == set(INFRA)
    assert modes(ocp_mixed, INFRA) == {"Permissive"} and modes(ocp_mixed, RHCOS) == {"Enforcing"}


@on_mixed
def test_a_pool_of_ones_own_there_and_back(ocp_mixed: Sandbox) -> None:
    hurry(ocp_mixed)
    before = nodes(ocp_mixed)["mixed-worker-0"]
    run = Run(ocp_mixed.kubeconfig)
    own = {"pool": "azureml", "selinux": "permissive", "create_pool": True, "pool_nodes": ["mixed-worker-0"]}
    result = run(**own)
    assert errors(result) == [] and [change.object.kind for change in result.changes] == [
        "MachineConfig",
        "MachineConfigPool",
        "Node",
    ]
    at_rest(ocp_mixed, "azureml")
    assert modes(ocp_mixed, ["mixed-worker-0"]) == {"Permissive"} and modes(ocp_mixed, ["mixed-worker-1"]) == {"Enforcing"}
    assert run(**own).changes == ()

    back = run(state="absent", pool="azureml")
    assert errors(back) == [] and [(change.verb, change.object.kind) for change in back.changes] == [
        ("delete", "MachineConfig"),
        ("update", "Node"),
        ("delete", "MachineConfigPool"),
    ]
    at_rest(ocp_mixed)
    after = nodes(ocp_mixed)["mixed-worker-0"]
    assert modes(ocp_mixed, ["mixed-worker-0"]) == {"Enforcing"} and configs(ocp_mixed) == {}
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert [item["metadata"]["name"] for item in ocp_mixed.request("GET", POOLS)["items"]] == ["infra", "master", "worker"]
    assert run(state="absent", pool="azureml").changes == ()


@pytest.mark.xdist_group("ocp-compact")
def test_compact_clusters_need_the_target_named(ocp_compact: Sandbox) -> None:
    hurry(ocp_compact)
    run = Run(ocp_compact.kubeconfig)
    refused = run()
    assert codes(refused) == {"workers_in_master_pool"} and ocp_compact.front_door.door("main").writes() == []
    assert "worker_selinux_pool: master" in refused.findings[0].remedy
    result = run(pool="master")
    assert errors(result) == [] and len(result.facts["machine_config"]["nodes"]) == 3
    at_rest(ocp_compact, "master")
    assert modes(ocp_compact, list(nodes(ocp_compact))) == {"Disabled"}


@pytest.mark.xdist_group("hcp")
def test_a_hosted_control_plane_gets_yaml_for_its_owner(hcp: Sandbox) -> None:
    result = Run(hcp.kubeconfig)()
    (finding,) = result.findings
    assert finding.code == "selinux.hosted_control_plane" and hcp.front_door.door("main").writes() == []
    outer = yaml.safe_load(finding.evidence["config_map"])
    assert outer["kind"] == "ConfigMap" and yaml.safe_load(outer["data"]["config"])["spec"] == {"kernelArguments": ["selinux=0"]}


@pytest.mark.xdist_group("rosa")
def test_rosa_is_refused(rosa: Sandbox) -> None:
    """Before the platform's own webhook would say so."""
    result = Run(rosa.kubeconfig)()
    (finding,) = [f for f in result.findings if f.code == "selinux.platform_refuses"]
    assert "there is no other way" in finding.message and rosa.front_door.door("main").writes() == []


@pytest.mark.xdist_group("arc-k3s")
def test_other_kubernetes_needs_nothing(arc_k3s: Sandbox) -> None:
    result = Run(arc_k3s.kubeconfig)()
    assert codes(result) == {"not_served"} and dict(result.checks) == {"selinux": "not_applicable"}
    assert len(arc_k3s.front_door.door("main").log()) == 3
