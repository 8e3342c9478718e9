"""What a topic is: an argument spec and three pure functions. The engine does everything else."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .model import Code, Json, Plan
from .snapshot import Read, Snapshot


class InvalidRequest(Exception):
    """The parameters make no sense; `problems` holds every one of them, each a whole sentence."""

    def __init__(self, problems: t.Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Topic:
    """One module's knowledge.

    Args:
        name: check name, as `scc`.
        module: module name, as `scc_grant`.
        options: Ansible argument spec of the options that are this module's own.
        parse: module parameters to a typed request; raises InvalidRequest with all problems at once.
        reads: everything the plan needs, given what is known so far. It is asked again after each round of reading, so
            a read may depend on an answer; it returns the same reads again and the engine fetches only new ones.
        plan: request and snapshot to changes, findings, checks and facts.
        verify: reads and judgement after writing (None: nothing beyond "the second plan is empty").
        codes: everything this topic can say.
        rules: extra AnsibleModule arguments (required_if, mutually_exclusive, ...).
        writes: whether the module can change anything.
        connect_option: name of the boolean option that says whether the task looks at a cluster at all; "" when it always does.
        secrets: what of the arguments, as the user wrote them, must not be seen, beyond the options with `no_log`.
        keeps_lists: a list that was read stays known after a write into it, with the object as the write's answer shows it. For
            topics whose writes have no effect beside the object that watches or a later read would have to show.
    """

    name: str
    module: str
    options: Json
    parse: t.Callable[[t.Mapping[str, t.Any]], t.Any]
    reads: t.Callable[[t.Any, Snapshot], t.Sequence[Read]]
    plan: t.Callable[[t.Any, Snapshot], Plan]
    codes: tuple[Code, ...] = ()
    rules: Json = field(default_factory=dict)
    writes: bool = True
    connect_option: str = ""
    secrets: t.Callable[[t.Mapping[str, t.Any]], t.Set[str]] = lambda _params: set()
    keeps_lists: bool = False
    verify_reads: t.Callable[[t.Any, Snapshot], t.Sequence[Read]] | None = None
    verify: t.Callable[[t.Any, Snapshot], Plan] | None = None
