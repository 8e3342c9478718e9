"""Which machines `worker_selinux_hosts` names, and everything that can be wrong with it."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.azureml.kubernetes.plugins.filter.selinux_host import FilterModule

pytestmark = pytest.mark.selinux

selinux_hosts = FilterModule().filters()["selinux_hosts"]
SSH = {"ansible_connection": "ssh"}


def hosts(**variables: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """An inventory: cluster `aro` with one machine, and more as given."""
    aro = {"worker_selinux_state": "disabled", "worker_selinux_hosts": {"worker-1": "machine"}}
    return {"aro": {**aro, **variables.pop("aro", {})}, "machine": {**SSH, **variables.pop("machine", {})}, **variables}


def test_the_machines_of_all_clusters() -> None:
    other = {"worker_selinux_host_state": "enforcing", "worker_selinux_hosts": {"b": "machine-b", "a": "machine-a"}}
    known = hosts(
        k3s={**other, "worker_selinux_serial": 2},
        **{"machine-a": {**SSH, "worker_selinux_serial": "50%"}, "machine-b": {**SSH, "worker_selinux_host_state": "permissive"}},
    )
    assert selinux_hosts(known, ["aro", "k3s"]) == [
        {"host": "machine", "cluster": "aro", "node": "worker-1", "state": "disabled", "serial": 1},
        {"host": "machine-a", "cluster": "k3s", "node": "a", "state": "enforcing", "serial": "50%"},
        {"host": "machine-b", "cluster": "k3s", "node": "b", "state": "permissive", "serial": 2},
    ]
    assert len(selinux_hosts(known, ["aro"])) == 1 and selinux_hosts(known, []) == []


def test_where_nothing_is_managed_nothing_is_done() -> None:
    assert selinux_hosts(hosts(aro={"worker_selinux_state": None}), ["aro"]) == []
    assert selinux_hosts(hosts(machine={"worker_selinux_host_state": "unmanaged"}), ["aro"]) == []
    assert selinux_hosts({"aro": {"worker_selinux_state": "disabled"}}, ["aro"]) == []
    given_to_all = hosts(machine={"azureml_cluster": "aro", "worker_selinux_hosts": {"worker-1": "machine"}})
    assert len(selinux_hosts(given_to_all, ["aro", "machine"])) == 1


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            {"aro": {"worker_selinux_hosts": {"worker-1": "machin"}}},
            "host 'machin' of Node worker-1 is not in the inventory. Did you mean machine?",
        ),
        ({"aro": {"worker_selinux_hosts": {"worker-1": None}}}, "host '' of Node worker-1 is not in the inventory."),
        ({"aro": {"worker_selinux_hosts": ["worker-1"]}}, "has to map Nodes to inventory hosts"),
        ({"aro": {"worker_selinux_hosts": {"worker-1": "aro"}}}, "the host of the cluster itself"),
        (
            {"aro": {"worker_selinux_hosts": {"a": "machine", "b": "machine"}}},
            "Host machine is named for several Nodes: a of aro, b of aro.",
        ),
        ({"machine": {"worker_selinux_host_state": "off"}}, "worker_selinux_host_state is 'off'"),
        ({"aro": {"worker_selinux_state": "absent"}}, "set worker_selinux_host_state to enforcing, permissive or unmanaged"),
        ({"machine": {"azureml_cluster": "k3s"}}, "has azureml_cluster k3s, so it belongs to another cluster"),
    ],
)
def test_what_can_be_wrong(variables: dict[str, t.Any], words: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        selinux_hosts(hosts(**variables), ["aro"])
    assert words in str(caught.value)


def test_everything_wrong_is_told_at_once() -> None:
    known = hosts(aro={"worker_selinux_hosts": {"a": "nobody", "b": "machine"}})
    del known["machine"]["ansible_connection"]
    with pytest.raises(AnsibleFilterError) as caught:
        selinux_hosts(known, ["aro"])
    assert "'nobody' of Node a is not in the inventory" in str(caught.value)
    assert "host machine of Node b has no explicit connection; set ansible_connection: ssh" in str(caught.value)
