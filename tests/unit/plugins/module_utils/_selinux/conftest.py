"""Fixtures of topic selinux."""

from __future__ import annotations

import pytest

from tests.unit.plugins.module_utils._selinux.selinux_cluster import Cluster


@pytest.fixture
def cluster() -> Cluster:
    """Self-managed OpenShift of three masters and three workers, SELinux enforcing everywhere."""
    return Cluster()
