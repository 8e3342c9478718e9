"""A Result as a module's return values, and as lines for a terminal."""

from __future__ import annotations

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Code, Identity, ObjectRef, Result
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.output import summary, to_output

pytestmark = pytest.mark.engine

BAD = Code("toy.bad", "error", "Bad.", "Mend it.")
CHANGE = Change("update", ObjectRef("ConfigMap", "a", "toys"), "because", {"x": 1}, {"x": 2})


def test_facts_are_top_level_and_never_hide_what_is_common() -> None:
    result = Result(Identity("https://one", "uid"), (CHANGE,), facts={"toys": [1], "changed": "no", "findings": "none"})
    output = to_output(result, fail_on="error", diff=False)
    assert output["toys"] == [1]
    assert output["changed"] is True
    assert output["findings"] == []
    assert output["cluster"] == {"server": "https://one", "uid": "uid"}
    assert "diff" not in output
    assert "failed" not in output


def test_the_diff_names_the_object() -> None:
    output = to_output(Result(changes=(CHANGE,)), fail_on="error", diff=True)
    assert output["diff"] == [
        {
            "before_header": "ConfigMap/toys/a",
            "after_header": "ConfigMap/toys/a",
            "before": '{\n  "x": 1\n}\n',
            "after": '{\n  "x": 2\n}\n',
        }
    ]


def test_the_message_holds_everything_that_failed() -> None:
    findings = (BAD.finding("one."), BAD.finding("two.", remedy=""))
    output = to_output(Result(findings=findings), fail_on="error", diff=False)
    assert output["failed"]
    assert output["msg"] == "toy.bad: one. What to do: Mend it.\ntoy.bad: two."


def test_the_message_says_where_unless_the_finding_does() -> None:
    missing = BAD.finding("it is not there.", remedy="", subject="worker")
    empty = BAD.finding("pool infra is empty.", remedy="", subject="infra")
    assert to_output(Result(findings=(missing, empty)), fail_on="error", diff=False)["msg"] == (
        "toy.bad: worker: it is not there.\ntoy.bad: pool infra is empty."
    )


def test_broken_work_fails_even_without_words() -> None:
    assert to_output(Result(broken=True), fail_on="never", diff=False)["failed"]


def test_a_summary_says_the_worst_first_and_each_thing_once() -> None:
    output = to_output(
        Result(
            changes=(CHANGE,),
            findings=(
                BAD.finding("dull.", severity="info"),
                BAD.finding("bad."),
            ),
            checks={"toy": "error"},
        ),
        fail_on="never",
        diff=False,
    )
    lines = summary("host", [output, output])
    assert lines[0] == "host: toy=error"
    assert [line.split()[0] for line in lines[1:4]] == ["error", "do:", "info"]
    assert lines.count("  error   toy.bad bad.") == 1
    assert "  changed update ConfigMap/toys/a: because" in lines
    assert "  would   update ConfigMap/toys/a: because" in summary("host", [output], check_mode=True)
    assert summary("host", []) == ["host: nothing was checked", "  nothing to say and nothing to do"]
