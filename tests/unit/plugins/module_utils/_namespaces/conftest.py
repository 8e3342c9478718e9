"""Fixtures of topic namespaces."""

from __future__ import annotations

import pytest

from tests.unit.plugins.module_utils._namespaces.space_cluster import Cluster


@pytest.fixture
def cluster() -> Cluster:
    """A cluster with one node and no compute namespace."""
    cluster = Cluster()
    cluster.node("one")
    return cluster
