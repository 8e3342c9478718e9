"""Filters of the host path of role worker_selinux: which machines, and what is left to do on each."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance import inventory
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.host import MODES, host_of, left_to_do, shown


def selinux_left(read: t.Mapping[str, t.Any], state: str, connection: str = "") -> Json:
    """What is left to do until SELinux of a host is in `state`."""
    for mode in MODES:
        if state == mode:
            host = host_of(read)
            return shown(host, left_to_do(host, mode, connection))
    raise AnsibleFilterError(f"azureml.kubernetes.selinux_left: state is {state!r}, it can be {', '.join(MODES)}")


def selinux_hosts(hostvars: t.Mapping[str, t.Any], clusters: t.Sequence[str]) -> list[Json]:
    """The machines behind the Nodes that `worker_selinux_hosts` of these clusters names."""
    try:
        return [inventory.shown(entry) for entry in inventory.node_hosts(hostvars, clusters)]
    except InvalidRequest as error:
        raise AnsibleFilterError(f"azureml.kubernetes.selinux_hosts: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Filters by name."""
        return {"selinux_hosts": selinux_hosts, "selinux_left": selinux_left}
