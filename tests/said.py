"""Notes which finding codes the tests made the collection say, so that a code that nothing produces fails the whole run.

Active with AZUREML_ALL_TESTS=1, which `make test` sets: a part of the tests cannot say everything.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from pathlib import Path

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core import model

FOLDER = "AZUREML_SAID_FOLDER"
MODULE_UTILS = Path(__file__).resolve().parent.parent / "plugins" / "module_utils"


def catalogue() -> set[str]:
    """Every code of the engine and of all topics."""
    parts = ["_core"] + sorted(p.parent.name for p in MODULE_UTILS.glob("_*/codes.py") if p.parent.name != "_core")
    modules = [
        importlib.import_module(f"ansible_collections.azureml.kubernetes.plugins.module_utils.{part}.codes") for part in parts
    ]
    return {code.code for module in modules for code in module.CODES}


class Ear:
    """A pytest plugin that listens in every process and judges in the one that started the others."""

    def __init__(self) -> None:
        self.heard: set[str] = set()
        self.missing: set[str] = set()
        said = model.Code.finding

        def finding(code: model.Code, *args: object, **kwargs: object) -> model.Finding:
            self.heard.add(code.code)
            return said(code, *args, **kwargs)  # type: ignore[arg-type]

        model.Code.finding = finding  # type: ignore[assignment, method-assign]
        os.environ.setdefault(FOLDER, tempfile.mkdtemp(prefix="said-"))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write down what was heard; the starting process adds it up."""
        folder = Path(os.environ[FOLDER])
        (folder / str(os.getpid())).write_text("\n".join(sorted(self.heard)))
        if hasattr(session.config, "workerinput"):
            return
        heard = {line for file in folder.iterdir() for line in file.read_text().splitlines()}
        self.missing = catalogue() - heard
        if self.missing and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what nothing said."""
        if self.missing:
            terminalreporter.section("finding codes that no test produced", red=True)
            terminalreporter.line("\n".join(sorted(self.missing)))
