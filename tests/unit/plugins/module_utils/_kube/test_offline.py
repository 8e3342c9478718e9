"""Tasks that look at no cluster, and the private files that they read and write."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, ObjectRef, Plan, Result, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import engine
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.files import read_file, write_file
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.offline import OfflineSession

pytestmark = pytest.mark.engine
PARAMS = {"fail_on": "error", "accept": [], "request_timeout": 5, "deadline": 10, "expected_cluster_uid": "other"}


def topic_for(path: Path, text: str = "secret") -> Topic:
    """Wants one private file."""
    read = Read(f"file://{path}")

    def plan(_request: Any, snapshot: Snapshot) -> Plan:
        if snapshot[read].found and snapshot[read].body == {"text": text, "mode": 0o600}:
            return Plan(checks={"x": "ok"})
        verb = "update" if snapshot[read].found else "create"
        return Plan((Change(verb, ObjectRef("File", str(path), path=read.path), "why", write=Write("file", read.path, text)),))

    return Topic("x", "x", {}, lambda params: params, lambda _request, _snapshot: [read], plan, connect_option="look")


def run(topic: Topic, *, check_mode: bool = False, **params: Any) -> Result:
    return engine.run(
        topic, {**PARAMS, **params}, engine.Context(check_mode=check_mode, environ={"K8S_AUTH_HOST": "https://decoy"})
    )


def test_a_file_is_written_once_private_and_without_a_cluster(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    target.chmod(0o644)
    checked = run(topic_for(target), check_mode=True)
    assert (len(checked.changes), target.read_text()) == (1, "old")
    done = run(topic_for(target))
    assert (done.identity, done.findings, len(done.changes)) == (None, (), 1)
    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("secret", 0o600)
    assert run(topic_for(target)).changes == ()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("where", ["missing/file", "folder", "a\0b"])
def test_a_file_that_cannot_be_written_is_a_finding(tmp_path: Path, where: str) -> None:
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    done = run(topic_for(tmp_path / where))
    assert [finding.code for finding in done.findings] == ["engine.file_unwritable"]
    assert (done.changes, done.broken) == ((), True)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"], "no half-written file is left"


def test_reading_a_file(tmp_path: Path) -> None:
    assert read_file(str(tmp_path / "none")).absent
    assert read_file(str(tmp_path)).forbidden
    assert "null" in read_file("a\0b").message
    write_file(str(tmp_path / "text"), "Zürich")
    assert read_file(str(tmp_path / "text")).body == {"text": "Zürich", "mode": 0o600}


def test_a_link_is_replaced_and_what_it_leads_to_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("mine")
    os.symlink(tmp_path / "other", tmp_path / "link")
    write_file(str(tmp_path / "link"), "secret")
    assert (tmp_path / "other").read_text() == "mine"
    assert not (tmp_path / "link").is_symlink()


def test_a_topic_that_asks_for_a_cluster_without_one_is_a_bug_of_ours() -> None:
    with pytest.raises(RuntimeError, match="without a cluster"):
        OfflineSession().read([Read("/version")])


def test_the_option_decides_whether_a_cluster_is_looked_at(tmp_path: Path) -> None:
    assert not engine.connects(topic_for(tmp_path), {})
    assert engine.connects(topic_for(tmp_path), {"look": True})
    done = run(topic_for(tmp_path / "file"), look=True, host="", kubeconfig=str(tmp_path / "none"))
    assert done.broken
    assert not (tmp_path / "file").exists()
