"""Sandboxes of these tests lie apart from those of the person at the keyboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox import Sandbox


@pytest.fixture(scope="session", autouse=True)
def _own_state_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZUREML_SANDBOX_DIR", str(tmp_path_factory.mktemp("sandboxes")))
        yield


@pytest.fixture
def aks(aks_gpu: Sandbox) -> Sandbox:
    """An AKS-like sandbox, pristine."""
    return aks_gpu
