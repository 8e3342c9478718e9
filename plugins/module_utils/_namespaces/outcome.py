"""What the parts of a plan hand to each other: what they want done, what they have to say, and facts."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Finding, Json


@dataclass
class Outcome:
    """What one part of a plan comes to.

    Args:
        facts: by name of namespace or node.
        waiting: what the cluster has still to do, for the progress line.
    """

    changes: list[Change] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, Json] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)

    def note(self, name: str, **facts: t.Any) -> None:
        """Add facts about a namespace or node."""
        self.facts.setdefault(name, {"name": name}).update(facts)

    def add(self, *others: Outcome) -> Outcome:
        """This and more; facts of one name come together."""
        for other in others:
            self.changes += other.changes
            self.findings += other.findings
            self.waiting += other.waiting
            for name, facts in other.facts.items():
                self.facts.setdefault(name, {}).update(facts)
        return self
