"""The host path of worker_selinux: on machines that are folders, with Nodes of a real API server.

What a real kernel, boot loader and SELinux do is not proven here, but in tests/host.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.selinux.machine import CONNECTION, Kubelet, Machine, can_be_played
from tests.play import Outcome, Play
from tests.sandbox import Sandbox

pytestmark = [
    pytest.mark.selinux,
    pytest.mark.slow,
    pytest.mark.xdist_group("aks-gpu nodes"),
    pytest.mark.skipif(not can_be_played(), reason="this machine allows no mount namespaces"),
]

NODE, SECOND = "aks-nodepool1-12345678-vmss000000", "aks-nodepool1-12345678-vmss000001"
MARK = "azureml.kubernetes/maintenance"
CONSENT = ["reboots_nodes", "deletes_data"]
PREFIX = "azureml.kubernetes.worker_selinux : "
ROLE = {"name": "azureml.kubernetes.worker_selinux", "tasks_from": "host"}
PLAY = {"gather_facts": False, "become": True, "tasks": [{"name": "Change", "ansible.builtin.include_role": ROLE}]}


class Site:
    """A cluster, machines behind some of its Nodes, and plays over them."""

    def __init__(self, sandbox: Sandbox, play: Play, folder: Path) -> None:
        self.sandbox, self.play, self.folder = sandbox, play, folder

    def machine(self, name: str = "machine", **options: Any) -> Machine:
        folder = self.folder / name
        folder.mkdir()
        return Machine(folder, **options)

    def node(self, name: str = NODE) -> dict[str, Any]:
        item: dict[str, Any] = self.sandbox.request("GET", f"/api/v1/nodes/{name}")
        return item

    def state(self, name: str = NODE) -> tuple[bool, str]:
        """Whether the Node is cordoned, and the reason in our mark."""
        item = self.node(name)
        mark = item["metadata"].get("annotations", {}).get(MARK)
        return bool(item["spec"].get("unschedulable")), json.loads(mark)["reason"] if mark else ""

    def run(self, machine: Machine, *args: str, state: str = "disabled", **cluster: Any) -> Outcome:
        """The host path on one machine."""
        about = {"azureml_cluster": "cluster", "worker_selinux_node": NODE, "worker_selinux_host_state": state}
        return self.play_hosts([{"hosts": "machine", **PLAY}], {"machine": machine.variables(**about)}, *args, **cluster)

    def play_hosts(self, plays: Any, machines: Mapping[str, Any], *args: str, **cluster: Any) -> Outcome:
        known = {"azureml_kubeconfig": str(self.sandbox.kubeconfig), "azureml_accept": CONSENT, **cluster}
        env = {"ANSIBLE_CONNECTION_PLUGINS": str(CONNECTION), "ANSIBLE_PIPELINING": "True"}
        return self.play.run(plays, {"cluster": known, **machines}, *args, env=env)


@pytest.fixture
def site(aks_gpu: Sandbox, play: Play, tmp_path: Path) -> Site:
    return Site(aks_gpu, play, tmp_path)


def changed(outcome: Outcome) -> list[str]:
    """Names of the tasks that changed something."""
    return [task.removeprefix(PREFIX) for task, by_host in outcome.tasks.items() for r in by_host.values() if r.get("changed")]


def result(outcome: Outcome, task: str, host: str = "machine") -> dict[str, Any]:
    """What a task of the role returned."""
    return outcome.result(PREFIX + task, host)


def test_disabled_and_back(site: Site) -> None:
    machine = site.machine()
    first = machine.boot_id
    with Kubelet(machine, site.sandbox, NODE):
        checked = site.run(machine, "--check", "--diff")
        assert checked.status == 0, checked.text
        assert machine.boot_id == first and machine.mode == "Enforcing" and site.state() == (False, "")
        assert "Take the Node out of service" in changed(checked) and "Reboot the host" in changed(checked)
        assert "SELINUX=enforcing" in machine.read("etc/selinux/config")

        outcome = site.run(machine)
        assert outcome.status == 0, outcome.text
        assert machine.mode == "Disabled" and "selinux=0" in machine.cmdline and machine.boot_id != first
        assert site.state() == (False, ""), "and the Node takes pods again"
        second = machine.boot_id

        again = site.run(machine)
        assert again.status == 0 and changed(again) == [] and machine.boot_id == second, again.text

        back = site.run(machine, state="enforcing")
        assert back.status == 0, back.text
        assert machine.mode == "Enforcing" and "selinux=0" not in machine.cmdline
        assert "SELINUX=enforcing" in machine.read("etc/selinux/config") and not (machine.root / ".autorelabel").exists()
        assert changed(site.run(machine, state="enforcing")) == []
        assert site.state() == (False, "")


def test_kernel_arguments_by_grubby(site: Site) -> None:
    machine = site.machine(grubby=True)
    with Kubelet(machine, site.sandbox, NODE):
        outcome = site.run(machine)
        assert outcome.status == 0, outcome.text
        assert machine.mode == "Disabled" and "selinux=0" in machine.cmdline
        assert "selinux=0" not in machine.read("etc/default/grub"), "that file is not grubby's"
        assert changed(site.run(machine)) == []


def test_permissive_needs_no_drain(site: Site) -> None:
    machine = site.machine()
    first = machine.boot_id
    with Kubelet(machine, site.sandbox, NODE):
        outcome = site.run(machine, state="permissive")
    assert outcome.status == 0, outcome.text
    assert machine.mode == "Permissive" and machine.boot_id == first
    assert "skip_reason" in result(outcome, "Take the Node out of service")


def test_the_wrong_machine_is_not_touched(site: Site) -> None:
    machine = site.machine()
    outcome = site.run(machine)
    assert outcome.status != 0 and "maintenance.not_this_node" in outcome.text
    assert site.state() == (False, "") and machine.mode == "Enforcing" and "lineinfile" not in machine.commands_done()


def test_without_consent_nothing_is_done(site: Site) -> None:
    machine = site.machine()
    with Kubelet(machine, site.sandbox, NODE):
        outcome = site.run(machine, azureml_accept=[])
    assert outcome.status != 0 and "azureml_accept: [reboots_nodes" in outcome.text
    assert site.state() == (False, "") and "SELINUX=enforcing" in machine.read("etc/selinux/config")


def test_what_cannot_be_done_is_said_before_the_drain(site: Site) -> None:
    machine = site.machine()
    (machine.root / "fake/selinux.py").write_text("raise ImportError('no bindings')\n")
    with Kubelet(machine, site.sandbox, NODE):
        outcome = site.run(machine)
        assert outcome.status != 0 and "libselinux-python" in outcome.text and site.state() == (False, "")
        machine.write("etc/default/grub", 'GRUB_CMDLINE_LINUX="$(cat /x)"\n')
        outcome = site.run(machine)
    assert outcome.status != 0 and "is no plain text" in outcome.text and site.state() == (False, "")


def test_a_failure_leaves_the_node_cordoned_and_says_how_to_go_on(site: Site) -> None:
    machine = site.machine()
    machine.flag("cannot_reboot")
    with Kubelet(machine, site.sandbox, NODE):
        outcome = site.run(machine)
        said = result(outcome, "Say that the Node stays cordoned, and how to go on")["msg"]
        assert outcome.status != 0 and "Operation inhibited by updater" in said
        assert f"Node {NODE} of cluster stays cordoned on purpose" in said and "run again" in said
        assert site.state() == (True, "SELinux disabled")
        machine.flag("cannot_reboot", on=False)
        outcome = site.run(machine)
    assert outcome.status == 0 and machine.mode == "Disabled" and site.state() == (False, ""), outcome.text


def test_a_machine_that_does_not_become_what_it_should_is_not_called_done(site: Site) -> None:
    machine = site.machine()
    (machine.root / "etc/default/grub.d").mkdir()
    machine.write("etc/default/grub.d/cloud.cfg", 'GRUB_CMDLINE_LINUX="security=selinux"\n')
    with Kubelet(machine, site.sandbox, NODE):
        outcome = site.run(machine)
    said = result(outcome, "Say that the Node stays cordoned, and how to go on")["msg"]
    assert outcome.status != 0 and "/proc/cmdline is without selinux=0." in said and site.state()[0]


@pytest.mark.parametrize("point", ["killed_before_reboot", "killed_after_reboot"])
def test_killed_and_run_again(site: Site, point: str) -> None:
    machine = site.machine()
    machine.flag(point)
    with Kubelet(machine, site.sandbox, NODE):
        outcome = site.run(machine)
        assert outcome.status == -9, outcome.text
        assert site.state() == (True, "SELinux disabled")
        machine.flag(point, on=False)
        outcome = site.run(machine)
    assert outcome.status == 0 and machine.mode == "Disabled" and site.state() == (False, ""), outcome.text


def test_a_machine_without_selinux_is_left_alone(site: Site) -> None:
    machine = site.machine()
    (machine.root / "etc/selinux/config").unlink()
    (machine.root / "sys/fs/selinux/enforce").unlink()
    (machine.folder / "bin/getenforce").unlink()
    with Kubelet(machine, site.sandbox, NODE):
        outcome = site.run(machine)
    assert outcome.status == 0 and changed(outcome) == [] and site.state() == (False, ""), outcome.text


PLAYBOOK = "azureml.kubernetes.worker_selinux"


def test_the_playbook_goes_from_machine_to_machine_and_stops_at_the_first_that_fails(site: Site) -> None:
    one, two = site.machine("one"), site.machine("two")
    known = {"one": one.variables(azureml_cluster="cluster"), "two": two.variables(azureml_cluster="cluster")}
    wanted = {"worker_selinux_host_state": "disabled", "worker_selinux_hosts": {NODE: "one", SECOND: "two"}}
    one.flag("cannot_reboot")
    with Kubelet(one, site.sandbox, NODE), Kubelet(two, site.sandbox, SECOND):
        outcome = site.play_hosts(PLAYBOOK, known, **wanted)
        assert outcome.status != 0 and "Operation inhibited by updater" in outcome.text, outcome.text
        assert site.state(NODE)[0] and not site.state(SECOND)[0] and two.commands_done() == ""
        one.flag("cannot_reboot", on=False)
        outcome = site.play_hosts(PLAYBOOK, known, "--tags", "selinux", **wanted)
    assert outcome.status == 0, outcome.text
    assert one.mode == two.mode == "Disabled" and site.state(NODE) == site.state(SECOND) == (False, "")


def test_names_that_are_not_in_the_inventory_stop_the_playbook(site: Site) -> None:
    wanted = {"worker_selinux_host_state": "disabled", "worker_selinux_hosts": {NODE: "machine", SECOND: "machin"}}
    outcome = site.play_hosts(PLAYBOOK, {"machine": site.machine().variables(azureml_cluster="cluster")}, **wanted)
    assert outcome.status != 0 and "host 'machin' of Node" in outcome.text and "Did you mean machine?" in outcome.text
    assert site.state() == (False, "")


def test_without_machines_the_second_play_is_empty(site: Site) -> None:
    outcome = site.play_hosts(PLAYBOOK, {})
    assert outcome.status == 0 and "WARNING" not in outcome.text, outcome.text
