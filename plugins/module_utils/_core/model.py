"""The nouns of the collection: what is said (Finding, Check), what is done (Change) and how both leave a module (Result).

Everything here is plain, immutable data without I/O. A finding is never built from loose words: it is made by its
`Code`, so that severity, link and documentation of a code exist once.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from dataclasses import dataclass, field, replace

if t.TYPE_CHECKING:
    from .snapshot import Read

Severity = t.Literal["error", "warning", "info"]
State = t.Literal["ok", "warning", "error", "not_applicable", "unknown", "not_run"]
Disruption = t.Literal[
    "restarts_pods", "disturbs_jobs", "reboots_nodes", "deletes_data", "irreversible", "redhat_support", "aro_support_policy"
]
Json = t.Dict[str, t.Any]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
DISRUPTIONS: tuple[Disruption, ...] = t.get_args(Disruption)
FIELD_MANAGER = "azureml.kubernetes"
MANAGED_BY = {"app.kubernetes.io/managed-by": FIELD_MANAGER}


@dataclass(frozen=True)
class ObjectRef:
    """A Kubernetes object as a person names it, and the API path under which it is served."""

    kind: str
    name: str
    namespace: str = ""
    path: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


@dataclass(frozen=True)
class Code:
    """One stable thing the collection can say; the catalogue page is generated from these.

    `remedy` is the general advice; a finding may replace it with an exact command. `link` names the source of the rule.
    `resolvable` marks what a change of the same plan removes: it does not fail a check run that would make the change,
    and is not repeated once the change is made.
    """

    code: str
    severity: Severity
    summary: str
    remedy: str = ""
    link: str = ""
    resolvable: bool = False

    def finding(
        self,
        message: str,
        subject: ObjectRef | str = "",
        *,
        severity: Severity | None = None,
        remedy: str | None = None,
        evidence: t.Any = None,
        edition: str = "",
    ) -> Finding:
        """Say it: what is (`message`) of which object (`subject`), and what to do."""
        return Finding(
            code=self.code,
            severity=severity or self.severity,
            subject=str(subject),
            message=message,
            remedy=self.remedy if remedy is None else remedy,
            evidence=evidence,
            edition=edition,
            link=self.link,
            resolvable=self.resolvable,
        )


@dataclass(frozen=True)
class Finding:
    """What the collection says. `edition` names the dated table that decided, where one did."""

    code: str
    severity: Severity
    subject: str
    message: str
    remedy: str = ""
    evidence: t.Any = None
    edition: str = ""
    link: str = ""
    resolvable: bool = False

    def public(self) -> Json:
        """The finding as it is printed and recorded."""
        return {
            "code": self.code,
            "severity": self.severity,
            "subject": self.subject,
            "message": self.message,
            "remedy": self.remedy,
            "evidence": self.evidence,
            "edition": self.edition,
            "link": self.link,
        }

    def line(self) -> str:
        """One sentence for a terminal: severity, code, subject, message, remedy."""
        subject = f" {self.subject}:" if self.subject else ""
        remedy = f" -> {self.remedy}" if self.remedy else ""
        return f"{self.severity} {self.code}{subject} {self.message}{remedy}"


@dataclass(frozen=True)
class Write:
    """One API request that makes a change.

    `kind` decides the method and content type, see `_kube.session`. `force` takes over fields that another manager owns,
    for an apply that the user asked to adopt an object with. Kind `file` is no request: it writes the text `body` to a local
    file, `path` being `file://PATH`, that only its owner may read.
    """

    kind: t.Literal["create", "apply", "json_patch", "delete", "evict", "file"]
    path: str
    body: t.Any = None
    force: bool = False


@dataclass(frozen=True)
class Change:
    """What the collection does: the object, how it was, how it will be, and why.

    `before` and `after` are what a person should see in a diff: never a secret's value.
    """

    verb: t.Literal["create", "update", "delete"]
    object: ObjectRef
    reason: str
    before: t.Any = None
    after: t.Any = None
    disruptive: frozenset[Disruption] = frozenset()
    write: Write | None = None

    def line(self) -> str:
        """One sentence for a terminal."""
        note = f" [{', '.join(sorted(self.disruptive))}]" if self.disruptive else ""
        return f"{self.verb} {self.object}: {self.reason}{note}"

    def fingerprint(self) -> str:
        """What is done to which object, word for word; not the tests of a patch, which say what it was read as."""
        body: t.Any = self.write.body if self.write else None
        if self.write and self.write.kind == "json_patch":
            body = [operation for operation in body or () if operation.get("op") != "test"]
        return json.dumps([self.verb, str(self.object), self.after, sorted(self.disruptive), body], sort_keys=True, default=str)

    def public(self) -> Json:
        """The change as it is printed and recorded; the request body stays inside."""
        return {
            "verb": self.verb,
            "object": {"kind": self.object.kind, "name": self.object.name, "namespace": self.object.namespace},
            "reason": self.reason,
            "before": self.before,
            "after": self.after,
            "disruptive": sorted(self.disruptive),
        }


@dataclass(frozen=True)
class Identity:
    """Which cluster answered: its address and the UID of its namespace kube-system ("" when it may not be read)."""

    server: str
    uid: str = ""

    @property
    def key(self) -> str:
        """What tells this cluster from others: its UID, or its address as long as that may not be read."""
        return self.uid or self.server

    def __str__(self) -> str:
        return f"{self.server} (uid {self.uid})" if self.uid else self.server


@dataclass(frozen=True)
class Wait:
    """Why a plan is not done although there is nothing (more) to write: the cluster is still at work.

    The engine follows the lists by watch and plans again when one changes, until a plan has neither changes nor a wait, says
    an error that is not `resolvable`, or time is over; resolvable findings then stand.

    Args:
        text: where things are, for the progress line: "worker: 3 of 10 nodes done, worker-4 reboots".
        seconds: how long to wait altogether, counted from the first wait of the task.
        follow: reads of lists that are watched.
        again: other reads that are made anew each time (the engine keeps at least ten seconds between).
        estimate: seconds that are probably left, 0 when nobody can tell.
    """

    text: str
    seconds: float
    follow: tuple[Read, ...] = ()
    again: tuple[Read, ...] = ()
    estimate: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What a topic wants: a pure function of request and snapshot.

    Findings and `checks` (a topic's state) speak of the cluster as the snapshot shows it, before any change of this
    plan; `facts` are values for later tasks; `wait` says that what was written is still on its way.
    """

    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    checks: t.Mapping[str, State] = field(default_factory=dict)
    facts: Json = field(default_factory=dict)
    wait: Wait | None = None

    @property
    def disruptive(self) -> frozenset[Disruption]:
        """All classes of disruption that this plan would cause."""
        return frozenset(d for change in self.changes for d in change.disruptive)

    def digest(self, identity: Identity) -> str:
        """Names exactly this plan on exactly this cluster, so that an approved plan is the applied plan."""
        content = [identity.key] + [change.fingerprint() for change in self.changes]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Result:
    """How every module reports. `changes` are those made, in check mode those that would be made.

    `broken` says that the work itself could not be done, which fails a task whatever `fail_on` is. `would_wait` says that a
    run without check mode would wait for the cluster.
    """

    identity: Identity | None = None
    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    checks: t.Mapping[str, State] = field(default_factory=dict)
    facts: Json = field(default_factory=dict)
    digest: str = ""
    broken: bool = False
    would_wait: bool = False

    def resolves(self, finding: Finding) -> bool:
        """Whether the changes that this result announces, or the wait, would remove what the finding says."""
        return finding.resolvable and (bool(self.changes) or self.would_wait) and not self.broken

    def failed_by(self, fail_on: str) -> tuple[Finding, ...]:
        """The findings that fail a task under `fail_on` (error, warning or never)."""
        levels = {"error": ("error",), "warning": ("error", "warning"), "never": ("error",) if self.broken else ()}[fail_on]
        return tuple(f for f in self.findings if f.severity in levels and not self.resolves(f))

    def with_findings(self, *findings: Finding) -> Result:
        """The same result saying more."""
        return replace(self, findings=self.findings + findings)


def worst(findings: t.Iterable[Finding], otherwise: State = "ok") -> State:
    """The state of a check from what was found: error over warning over `otherwise`."""
    severities = {f.severity for f in findings}
    return "error" if "error" in severities else "warning" if "warning" in severities else otherwise


def sort_findings(findings: t.Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then by code and subject, so that two runs print the same."""
    return tuple(sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.code, f.subject, f.message)))
