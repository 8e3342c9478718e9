"""A front door, built from source, in front of a tiny HTTPS upstream."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))  # so that a plain "pytest" finds the package "tests", too

from tests.integration.front_door.stage import Certificates, Upstream, serve_upstream, wait_for  # noqa: E402
from tests.sandbox.front_door import FrontDoor  # noqa: E402


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def upstream(certificates: Certificates) -> Iterator[Upstream]:
    with serve_upstream(*certificates.issue("upstream")) as serving:
        yield serving


@pytest.fixture(scope="session")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go = shutil.which("go")
    if go is None:
        pytest.skip("no go on PATH")
    path = tmp_path_factory.mktemp("bin") / "frontdoor"
    subprocess.run([go, "build", "-o", path, "."], cwd=ROOT / "tests/sandbox/go/frontdoor", check=True)
    return path


@pytest.fixture(scope="session")
def front_door(
    binary: Path,
    certificates: Certificates,
    upstream: Upstream,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[FrontDoor]:
    state = tmp_path_factory.mktemp("state") / "state.json"
    proxy_cert, proxy_key = certificates.issue("front-proxy")
    serving_cert, serving_key = certificates.issue("front-door")
    flags = {
        "upstream": upstream.url,
        "upstream-ca": certificates.ca,
        "proxy-cert": proxy_cert,
        "proxy-key": proxy_key,
        "client-ca": certificates.ca,
        "serving-cert": serving_cert,
        "serving-key": serving_key,
        "admin-address": "127.0.0.1:0",
        "state": state,
    }
    command = [str(binary), *(f"--{name}={value}" for name, value in flags.items())]
    with subprocess.Popen(command) as process:
        try:
            wait_for("the state file", lambda: state.exists() or process.poll() is not None)
            assert process.poll() is None, f"frontdoor ended with {process.returncode}"
            yield FrontDoor.from_state(state)
        finally:
            process.terminate()
    assert process.returncode == 0
    assert not state.exists()
