"""A misspelt variable is silently ignored by Ansible; an action plugin sees all names and can say so."""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.azureml.kubernetes.plugins.plugin_utils import _run_state
from ansible_collections.azureml.kubernetes.plugins.plugin_utils._variables import PREFIXES, VARIABLES


def unknown(names: t.Iterable[str]) -> dict[str, str]:
    """Names that look like ours and are not, each with the nearest that is ("" when none is near)."""
    strangers = sorted(n for n in names if n.startswith(PREFIXES) and n not in VARIABLES)
    return {name: next(iter(difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.75)), "") for name in strangers}


def warn_once(names: t.Iterable[str], warn: t.Callable[[str], None]) -> None:
    """Warn of every unknown name, once per run."""
    for name, near in unknown(names).items():
        if _run_state.first_time(f"variable {name}"):
            hint = f" Did you mean {near}?" if near else " No variable of azureml.kubernetes is called like that."
            warn(f"The variable {name} is not known to azureml.kubernetes and has no effect.{hint}")
