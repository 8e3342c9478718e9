"""Fixtures of topic scc."""

from __future__ import annotations

import pytest

from tests.unit.plugins.module_utils._scc.scc_cluster import Cluster


@pytest.fixture
def cluster() -> Cluster:
    """OpenShift with the shipped SCC and nothing of AzureML."""
    return Cluster()
