"""Sandboxes that live as long as the test session."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.sandbox import Sandbox, up

StartOnce = Callable[[str], Sandbox]


@pytest.fixture(scope="session", autouse=True)
def _own_state_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep these sandboxes apart from those of the person at the keyboard."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZUREML_SANDBOX_DIR", str(tmp_path_factory.mktemp("sandboxes")))
        yield


@pytest.fixture(scope="session")
def start_once(_own_state_directory: None) -> Iterator[StartOnce]:
    """Return a function that starts a profile at its first call and hands out the same sandbox later."""
    started: dict[str, Sandbox] = {}

    def start(profile: str) -> Sandbox:
        if profile not in started:
            started[profile] = up(profile, owner_pid=os.getpid())
        return started[profile]

    yield start
    for sandbox in started.values():
        sandbox.down()


@pytest.fixture
def aks(start_once: StartOnce) -> Iterator[Sandbox]:
    """An AKS-like sandbox, reset after the test."""
    sandbox = start_once("aks-gpu")
    yield sandbox
    sandbox.reset()


@pytest.fixture
def aro(start_once: StartOnce) -> Iterator[Sandbox]:
    """An ARO-like sandbox, reset after the test."""
    sandbox = start_once("aro")
    yield sandbox
    sandbox.reset()
