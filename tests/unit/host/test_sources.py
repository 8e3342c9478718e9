from __future__ import annotations

from pathlib import Path

import pytest

from tests.host.image import sources_of
from tests.host.tools import apt_configuration
from tests.host.verdict import NotRun

pytestmark = pytest.mark.sandbox

TARGETS = """\
http://mirror.example/debian/|bookworm|main
http://mirror.example/debian/|bookworm|contrib
http://mirror.example/debian/|bookworm-updates|main
http://mirror.example/debian/|bookworm-backports|main
http://mirror.example/security/|bookworm-security|main
http://other.example/apt/|stable|main
"""


def test_only_sources_of_the_release_are_taken() -> None:
    assert sources_of(TARGETS, "bookworm") == [
        "deb http://mirror.example/debian/ bookworm main contrib",
        "deb http://mirror.example/debian/ bookworm-updates main",
        "deb http://mirror.example/security/ bookworm-security main",
    ]


def test_a_machine_without_the_release_is_no_place_for_the_image() -> None:
    with pytest.raises(NotRun, match="no source of Debian trixie"):
        sources_of(TARGETS, "trixie")


def test_apt_writes_only_below_the_folder_and_runs_no_hooks(tmp_path: Path) -> None:
    text = apt_configuration(tmp_path)
    assert f'Dir::State "{tmp_path}/state";' in text and f'Dir::Cache "{tmp_path}/cache";' in text
    assert "#clear APT::Update::Post-Invoke;" in text
