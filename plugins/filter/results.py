"""Filters over what the modules returned: collect, summarise, judge."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json, ObjectRef
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.output import summary
from ansible_collections.azureml.kubernetes.plugins.plugin_utils._variables import PREFIXES

LEVELS = {"error": ("error",), "warning": ("error", "warning"), "never": ()}


def results(variables: t.Mapping[str, t.Any]) -> list[Json]:
    """The results that roles of this collection registered, in the order of their names.

    In check mode, what is wrong only because an object is missing that another of them would create counts as resolved.
    """
    names = sorted(name for name in variables if str(name).startswith(PREFIXES))
    values = [variables[name] for name in names]
    found = [dict(v) for v in values if isinstance(v, t.Mapping) and "plan_digest" in v and "findings" in v]
    return _foreseen(found) if variables.get("ansible_check_mode") is True else found


def _foreseen(outputs: t.Sequence[Json]) -> list[Json]:
    made = {_name(change["object"]) for output in outputs for change in output.get("changes") or [] if change["verb"] == "create"}
    return [
        {**output, "findings": [{**f, "resolved": bool(f.get("resolved")) or f.get("subject") in made} for f in output["findings"]]}
        for output in outputs
    ]


def _name(ref: t.Mapping[str, str]) -> str:
    return str(ObjectRef(ref["kind"], ref["name"], ref["namespace"]))


def verdict(outputs: t.Sequence[t.Mapping[str, t.Any]], fail_on: str = "error") -> str:
    """Why the host fails, as one text; "" when it does not."""
    if fail_on not in LEVELS:
        raise AnsibleFilterError(f"azureml.kubernetes.verdict: fail_on is {fail_on!r}, it can be {', '.join(LEVELS)}")
    said = [f for o in outputs for f in o.get("findings") or [] if f["severity"] in LEVELS[fail_on] and not f.get("resolved")]
    return "; ".join(dict.fromkeys(f"{f['code']}: {f['message']}" for f in said))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Filters by name."""
        return {
            "results": results,
            "summary": lambda outputs, name, check_mode=False: summary(str(name), outputs, bool(check_mode)),
            "verdict": verdict,
        }
