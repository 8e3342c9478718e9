"""nvidia_device_plugin where it has nothing to do, or must not do it."""

from __future__ import annotations

import pytest

from tests.integration.faults.work import errors
from tests.integration.gpu.work import DAEMON_SET, codes, get, plugin, rows
from tests.sandbox import Sandbox

pytestmark = pytest.mark.gpu


@pytest.mark.xdist_group("aro")
def test_openshift_without_the_gpu_operator(aro: Sandbox) -> None:
    refused = plugin(aro.kubeconfig)
    assert (refused.changes, codes(refused)) == ((), {"gpu.openshift_refused": "error"})
    assert set(rows(refused).values()) == {"unserved"}
    assert get(aro, DAEMON_SET) is None
    unavailable = plugin(aro.kubeconfig, operator="install")
    assert unavailable.changes == ()
    assert codes(unavailable) == {"gpu.operator_not_offered": "error"}
    assert plugin(aro.kubeconfig, state="absent").changes == ()


@pytest.mark.xdist_group("arc-k3s")
def test_a_cluster_without_gpus_gets_the_plugin_for_those_to_come(arc_k3s: Sandbox) -> None:
    made = plugin(arc_k3s.kubeconfig)
    assert errors(made) == []
    assert codes(made) == {"gpu.no_gpu_nodes": "info"}
    assert plugin(arc_k3s.kubeconfig).changes == ()
    assert [change.object.kind for change in plugin(arc_k3s.kubeconfig, state="absent").changes] == ["DaemonSet"]
