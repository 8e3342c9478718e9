"""Writes the result of every task as a line of JSON, for tests."""

from __future__ import annotations

import json
import os
import typing as t

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_results
type: notification
short_description: Writes the result of every task as a line of JSON
description: For tests only.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """One line per task and host."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "task_results"
    CALLBACK_NEEDS_ENABLED = True

    def _note(self, state: str, result: t.Any) -> None:
        # ansible-core 2.19 renamed the private attributes.
        content = dict(getattr(result, "result", None) or result._result)
        host = getattr(result, "host", None) or result._host
        task = getattr(result, "task", None) or result._task
        entry = {"task": task.get_name(), "host": host.get_name(), "result": {**content, "task_state": state}}
        with open(os.environ["TASK_RESULTS_FILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps(entry, default=str) + "\n")

    def v2_runner_on_ok(self, result: t.Any) -> None:
        """See CallbackBase."""
        self._note("ok", result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        """See CallbackBase."""
        self._note("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        """See CallbackBase."""
        self._note("skipped", result)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        """See CallbackBase."""
        self._note("unreachable", result)
