"""The parts of the action plugin that need no play."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.plugin_utils import _cluster_action, _records, _run_state, _spelling
from ansible_collections.azureml.kubernetes.plugins.plugin_utils._shared_memory import SharedDict

pytestmark = pytest.mark.engine


class Marked(str):
    """A string as ansible-core tags them."""

    def __str__(self) -> str:
        return "something else"


def test_plain_gives_python_types_all_the_way_down() -> None:
    value = _cluster_action.plain({Marked("a"): (Marked("b"), 1, 1.5, True, None, {Path("/x")})})
    assert value == {"a": ["b", 1, 1.5, True, None, ["/x"]]}
    assert type(next(iter(value))) is str
    assert type(value["a"][0]) is str
    assert value["a"][3] is True


def test_the_environment_is_put_back_even_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THERE", "before")
    monkeypatch.delenv("NOT_THERE", raising=False)

    def work() -> None:
        with _cluster_action._applied({"THERE": "x", "NOT_THERE": "y"}):
            assert (os.environ["THERE"], os.environ["NOT_THERE"]) == ("x", "y")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert os.environ["THERE"] == "before"
    assert "NOT_THERE" not in os.environ


def test_every_secret_is_known_wherever_it_is_given() -> None:
    spec: dict[str, Any] = {
        "key": {"no_log": True, "aliases": ["old_key"]},
        "group": {"type": "dict", "options": {"inner": {"no_log": True}}},
        "many": {"type": "list", "options": {"inner": {"no_log": True}}},
        "open": {},
    }
    args = {
        "old_key": "s1",
        "group": {"inner": "s2"},
        "many": [{"inner": ["s3", {"a": "s4"}]}, "rubbish"],
        "open": "seen",
        "kubeconfig": {"users": [{"user": {"token": "s5"}}]},
    }
    assert _cluster_action._secrets(spec, args) == {"s1", "s2", "s3", "s4", "s5"}


def test_processes_share_a_dictionary_and_lose_nothing() -> None:
    shared = SharedDict()
    children = []
    for number in range(8):
        child = os.fork()
        if child == 0:
            for turn in range(20):
                shared.update(lambda state, n=number, i=turn: state.update({f"{n}-{i}": True}))  # type: ignore[misc]
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 8
    assert len(shared.snapshot()) == 160


def test_a_full_dictionary_says_so_and_keeps_what_it_has() -> None:
    shared = SharedDict(64)
    shared.update(lambda state: state.update(a=1))
    with pytest.raises(ValueError, match="full"):
        shared.update(lambda state: state.update(b="x" * 100))
    assert shared.snapshot() == {"a": 1}


def test_claims_tell_who_else_is_the_same_cluster() -> None:
    assert _run_state.claim("claim-a", "claim-uid") == []
    assert _run_state.claim("claim-a", "claim-uid") == []
    assert _run_state.claim("claim-b", "claim-uid") == ["claim-a"]
    assert _run_state.claimed_by_others({"claim-a"})["claim-uid"] == ["claim-a"]
    assert "claim-uid" not in _run_state.claimed_by_others({"claim-c"})


def test_a_strange_name_is_said_once_with_its_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_spelling, "VARIABLES", frozenset({"azureml_kubeconfig"}))
    said: list[str] = []
    for _turn in range(2):
        _spelling.warn_once(["azureml_kubeconfg", "azureml_zzz", "azureml_kubeconfig", "other"], said.append)
    assert len(said) == 2
    assert "Did you mean azureml_kubeconfig?" in said[0]
    assert "azureml_zzz is not known" in said[1]


def test_a_record_is_private_grows_within_a_run_and_is_replaced_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(tmp_path / "reports")
    output = {"changed": True, "diff": ["long"], "invocation": {}, "_ansible_no_log": False, "findings": []}
    _records.append(folder, "one", "a", output, check_mode=False)
    _records.append(folder, "one", "b", output, check_mode=False)
    path = tmp_path / "reports" / "one.json"
    record = json.loads(path.read_text())
    assert [entry["module"] for entry in record["results"]] == ["a", "b"]
    assert record["results"][0]["output"] == {"changed": True, "findings": []}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setattr(_run_state, "RUN_ID", "another")
    _records.append(folder, "one", "c", output, check_mode=True)
    record = json.loads(path.read_text())
    assert ([entry["module"] for entry in record["results"]], record["check_mode"]) == (["c"], True)
    path.write_text("half a rec")
    _records.append(folder, "one", "d", output, check_mode=False)
    assert json.loads(path.read_text())["results"][0]["module"] == "d", "a broken record is no obstacle"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("host", ["a/b", "../../etc/passwd", "a b", "host:22", "ä", "."])
def test_a_record_stays_in_its_folder_under_a_name_of_its_own(host: str) -> None:
    path = Path(_records.path_of("/reports", host))
    assert path.parent == Path("/reports")
    assert path != Path(_records.path_of("/reports", host.replace("/", "_") + "_"))
