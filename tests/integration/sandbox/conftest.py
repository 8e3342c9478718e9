"""Names that these tests use for the shared sandboxes."""

from __future__ import annotations

import pytest

from tests.sandbox import Sandbox


@pytest.fixture
def aks(aks_gpu: Sandbox) -> Sandbox:
    """An AKS-like sandbox, pristine."""
    return aks_gpu
