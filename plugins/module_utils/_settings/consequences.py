"""What an update does to running jobs and to online endpoints."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.block import Block, as_text, is_false

JOBS, ENDPOINTS = "jobs", "online endpoints"
_SWITCHED_OFF: t.Mapping[str, t.Tuple[str, ...]] = {
    "enableTraining": (JOBS,),
    "enableInference": (ENDPOINTS,),
    "installNvidiaDevicePlugin": (JOBS, ENDPOINTS),
}
_CHANGED = ("allowInsecureConnections", "inferenceRouterServiceType", "internalLoadBalancerProvider", "sslCname")


@dataclass(frozen=True)
class Consequence:
    """One setting of an update, what it was (None where nobody knows), and whom it disturbs."""

    key: str
    before: t.Optional[str]
    after: str
    disturbs: t.Tuple[str, ...]

    def public(self) -> Json:
        """As a fact."""
        return {"key": self.key, "before": self.before, "after": self.after, "disturbs": list(self.disturbs)}


def consequences(block: Block, stored: t.Mapping[str, t.Any]) -> list[Consequence]:
    """Every setting of an update that disturbs somebody. What is known to stay as it is disturbs nobody."""
    found = []
    for key in block.keys:
        value = block.value(key)
        disturbs = _disturbs(key, value)
        before = as_text(stored[key]) if key in stored else None
        if disturbs and (before is None or before.lower() != as_text(value).lower()):
            found.append(Consequence(key, before, as_text(value), disturbs))
    return found


def _disturbs(key: str, value: t.Any) -> tuple[str, ...]:
    if key in _SWITCHED_OFF:
        return _SWITCHED_OFF[key] if is_false(value) else ()
    if key in _CHANGED:
        return (ENDPOINTS,)
    return (JOBS, ENDPOINTS) if "nodeSelector" in key else ()


def consequence_findings(found: t.Iterable[Consequence]) -> list[Finding]:
    """The consequences, one finding each."""
    said = []
    for one in found:
        known = f"from {one.before} " if one.before is not None else ""
        message = f"{known}to {one.after}: it disturbs running {' and '.join(one.disturbs)}."
        said.append(codes.DISTURBS.finding(message, one.key))
    return said
