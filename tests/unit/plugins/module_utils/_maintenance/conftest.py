"""Fixtures of topic maintenance."""

from __future__ import annotations

import pytest

from tests.unit.plugins.module_utils._maintenance.maintenance_cluster import Cluster


@pytest.fixture
def cluster() -> Cluster:
    """Two Ready workers and a deployment's pod on the first."""
    cluster = Cluster()
    cluster.node("worker-1")
    cluster.node("worker-2")
    cluster.pod("web", owner="ReplicaSet")
    return cluster
