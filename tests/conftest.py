"""What all layers share: sandboxes that live as long as the test process, and a way to run a play."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.play import Play
from tests.said import Ear
from tests.sandbox import Sandbox, up

StartOnce = Callable[[str], Sandbox]
# Even an idle control plane costs three hundredths of a core, and a busy test process would collect one per profile.
KEPT = 3


def pytest_configure(config: pytest.Config) -> None:
    """Listen to what the whole run makes the collection say."""
    if os.environ.get("AZUREML_ALL_TESTS"):
        config.pluginmanager.register(Ear(), "said")


@pytest.fixture(scope="session", autouse=True)
def _own_state_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All sandboxes of a test process lie in one directory, apart from those of the person at the keyboard."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZUREML_SANDBOX_DIR", str(tmp_path_factory.mktemp("sandboxes")))
        yield


@pytest.fixture(scope="session")
def start_once(_own_state_directory: None) -> Iterator[StartOnce]:
    """A function that hands out a profile's sandbox, and ends those that were not asked for lately."""
    started: dict[str, Sandbox] = {}

    def start(profile: str) -> Sandbox:
        sandbox = started.pop(profile, None) or up(profile, owner_pid=os.getpid())
        started[profile] = sandbox
        for forgotten in list(started)[:-KEPT]:
            started.pop(forgotten).down()
        return sandbox

    yield start
    for sandbox in started.values():
        sandbox.down()


def _profile(name: str) -> Callable[[StartOnce], Sandbox]:
    @pytest.fixture(name=name.replace("-", "_"))
    def fixture(start_once: StartOnce) -> Sandbox:
        """The profile's sandbox, pristine before the test."""
        sandbox = start_once(name)
        sandbox.reset()
        sandbox.front_door.door("main").clear_log()
        return sandbox

    return fixture


aro = _profile("aro")
rosa = _profile("rosa")
aks_gpu = _profile("aks-gpu")
arc_k3s = _profile("arc-k3s")
aks_gpu_mixed = _profile("aks-gpu-mixed")
arc_k3s_gpu = _profile("arc-k3s-gpu")
ocp_compact = _profile("ocp-compact")
ocp_mixed = _profile("ocp-mixed")
hcp = _profile("hcp")


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Runs plays in a folder of their own."""
    return Play(tmp_path)
