"""What PodDisruptionBudgets say to the eviction of a pod, by the rules of the API server's eviction handler."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .model import Json
from .platform import mapping, name_of, objects, text
from .pods import Pod


@dataclass(frozen=True)
class Budget:
    """A PodDisruptionBudget.

    Args:
        selector: None selects no pod, {} every pod of the namespace.
        allowed: evictions that are allowed now.
        current, desired, expected: pods that are healthy, that have to be, and that there are.
        always: pods that are not Ready may always be evicted.
        settled: the status speaks of the budget as it is.
    """

    namespace: str
    name: str
    selector: Json | None
    allowed: int
    current: int
    desired: int
    expected: int
    always: bool
    settled: bool

    def __str__(self) -> str:
        return f"PodDisruptionBudget/{self.namespace}/{self.name}"

    def covers(self, pod: Pod) -> bool:
        """Whether the pod counts against this budget."""
        return self.selector is not None and pod.namespace == self.namespace and selects(self.selector, pod.labels)

    def blocks(self, pod: Pod) -> bool:
        """Whether an eviction would be refused now."""
        if pod.leaving or pod.phase == "Pending":
            return False
        if not pod.ready and (self.always or self.current >= self.desired > 0):
            return False
        return not self.settled or self.allowed < 1

    def forbids(self, pod: Pod) -> bool:
        """Whether an eviction would be refused even if every pod of the workload were healthy."""
        return self.blocks(pod) and self.settled and self.desired >= self.expected > 0

    def words(self) -> str:
        """Why, in numbers."""
        return f"{self.current} of {self.expected} pods are healthy, {self.desired} have to be"


def budget(item: Json) -> Budget:
    """A PodDisruptionBudget as the API server sent it."""
    metadata, spec, status = mapping(item, "metadata"), mapping(item, "spec"), mapping(item, "status")
    selector = spec.get("selector")
    return Budget(
        namespace=text(metadata.get("namespace")),
        name=name_of(item),
        selector=selector if isinstance(selector, dict) else None,
        allowed=_number(status.get("disruptionsAllowed")),
        current=_number(status.get("currentHealthy")),
        desired=_number(status.get("desiredHealthy")),
        expected=_number(status.get("expectedPods")),
        always=spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow",
        settled=_number(status.get("observedGeneration")) >= _number(metadata.get("generation")),
    )


def _number(value: t.Any) -> int:
    return value if isinstance(value, int) else 0


def selects(selector: Json, labels: Json) -> bool:
    """Whether a label selector (matchLabels and matchExpressions) selects an object with these labels."""
    if any(labels.get(key) != value for key, value in mapping(selector, "matchLabels").items()):
        return False
    return all(_holds(expression, labels) for expression in objects(selector.get("matchExpressions")))


def _holds(expression: Json, labels: Json) -> bool:
    key, values = expression.get("key"), expression.get("values") or []
    operator = expression.get("operator")
    if operator == "In":
        return key in labels and labels[key] in values
    if operator == "NotIn":
        return key not in labels or labels[key] not in values
    return (key in labels) is (operator == "Exists")
