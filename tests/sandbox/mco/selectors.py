"""Label selectors as the MachineConfig operator reads them."""

from __future__ import annotations

from collections.abc import Mapping

from .names import Object


def matches(selector: Object | None, labels: Mapping[str, str]) -> bool:
    """Whether ``labels`` satisfy a LabelSelector; one that asks for nothing matches nothing."""
    wanted = (selector or {}).get("matchLabels") or {}
    expressions = (selector or {}).get("matchExpressions") or []
    if not wanted and not expressions:
        return False
    return all(labels.get(key) == value for key, value in wanted.items()) and all(_holds(item, labels) for item in expressions)


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    key, operator = expression["key"], expression["operator"]
    values: list[str] = expression.get("values") or []
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    return (key in labels) is (operator == "Exists")
