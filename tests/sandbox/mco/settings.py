"""What tests ask of the emulator: a ConfigMap, so that a play can write it and a reset puts it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from .names import SETTINGS_NAME, SETTINGS_NAMESPACE, Object, name_of

FAIL_NODE = "fail_node."
FAIL_RENDER = "fail_render."


@dataclass(frozen=True)
class Settings:
    """Seconds, and who shall fail why.

    ``render_delay`` is the operator's own 5 s; ``drain_seconds`` is how long a drain lasts at least, ``drain_retry`` the
    pause after a refused eviction, ``reboot_seconds`` how long a node is away. ``fail_node`` and ``fail_render`` map
    nodes and pools to reasons.
    """

    render_delay: float = 5.0
    drain_seconds: float = 0.0
    drain_retry: float = 1.0
    reboot_seconds: float = 1.0
    fail_node: Mapping[str, str] = field(default_factory=dict)
    fail_render: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, config_maps: Iterable[Object]) -> Settings:
        """Return the settings of the ConfigMap among ``config_maps``; what is not there or no number has its default."""
        data = next((item.get("data") or {} for item in config_maps if name_of(item) == SETTINGS_NAME), {})
        seconds = {name: value for name in NUMBERS if (value := _seconds(data.get(name))) is not None}
        return cls(**seconds, fail_node=_below(data, FAIL_NODE), fail_render=_below(data, FAIL_RENDER))


NUMBERS = tuple(item.name for item in fields(Settings) if not item.name.startswith("fail_"))


def _seconds(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _below(data: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): value for key, value in data.items() if key.startswith(prefix)}


def config_map() -> Object:
    """Return the ConfigMap as every profile has it: nothing fails, everything takes its default time."""
    metadata = {"name": SETTINGS_NAME, "namespace": SETTINGS_NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}}
