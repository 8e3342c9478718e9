"""Fixtures of topic tls."""

from __future__ import annotations

import pytest

from tests import pki
from tests.unit.plugins.module_utils._tls.tls_cluster import NAME, Cluster


@pytest.fixture
def cluster() -> Cluster:
    """A cluster with namespace azureml and nothing in it."""
    return Cluster()


@pytest.fixture(scope="session")
def chain() -> pki.Chain:
    """A server's certificate with intermediate and root."""
    return pki.chain([NAME])


@pytest.fixture(scope="session")
def renewed(chain: pki.Chain) -> pki.Chain:
    """The next certificate by the same issuers."""
    return chain.renewed([NAME])
