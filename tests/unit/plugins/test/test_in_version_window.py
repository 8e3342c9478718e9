"""The test plugin, as a function and in a template."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import Minor
from ansible_collections.azureml.kubernetes.plugins.test import in_version_window as plugin

pytestmark = pytest.mark.version
covered = plugin.TestModule().tests()["in_version_window"]


@pytest.mark.parametrize(
    ("version", "n", "inside"),
    [
        ("v1.29.4+k3s1", "1.31", True),
        ("v1.31.0", "1.31", True),
        ("v1.28.9-eks-036c24b", "1.31", False),
        ("v1.32.0", "1.31", False),
        ("v1.31.0-rc.1", "1.31", False),
        ("1.29+", "v1.31.4", True),
        ("1.29", 1.31, True),
    ],
)
def test_window_of_a_given_n(version: str, n: t.Any, inside: bool) -> None:
    assert covered(version, n=n) is inside


def test_without_n_the_shipped_table_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    assert covered("v1.20.0") is False
    monkeypatch.setattr(plugin, "newest_ga", lambda _calendar, _today: Minor(1, 20))
    assert covered("v1.20.0") is True


@pytest.mark.parametrize(
    ("version", "n", "words"),
    [
        ("rubbish", "1.36", "'rubbish' is no Kubernetes version"),
        (None, "1.36", "None is no Kubernetes version"),
        ("v1.36.0", "newest", "n: 'newest' is no Kubernetes version"),
        ("v1.36.0", 1.3, "write it in quotes, as '1.30'"),
        ("v1.36.0", {}, "n: {} is no Kubernetes version"),
    ],
)
def test_rubbish_is_an_error_and_no_silent_no(version: t.Any, n: t.Any, words: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        covered(version, n=n)
    assert words in str(caught.value)


def test_a_table_without_n_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "newest_ga", lambda _calendar, _today: None)
    with pytest.raises(AnsibleFilterError, match="give n"):
        covered("v1.36.0")


def test_sidecar_documents_the_plugin() -> None:
    with open(plugin.__file__.replace(".py", ".yml"), encoding="utf-8") as file:
        doc = yaml.safe_load(file)
    assert doc["DOCUMENTATION"]["name"] == "in_version_window"
    assert doc["DOCUMENTATION"]["positional"] == "_input, n"
    assert set(doc["DOCUMENTATION"]["options"]) == {"_input", "n"}
    assert yaml.safe_load(doc["EXAMPLES"])
