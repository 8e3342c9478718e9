"""The one path every task takes: parse, observe, plan, consent, apply, verify, report."""

from __future__ import annotations

import os
import traceback
import typing as t
from dataclasses import dataclass, field, replace
from functools import partial

from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    DISRUPTIONS,
    Change,
    Finding,
    Identity,
    Json,
    Plan,
    Result,
    Severity,
    Write,
    sort_findings,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import KUBE_SYSTEM, Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest, Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import auth, oauth
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import Blocked, ConflictError, KubeError, LostAnswer
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.offline import OfflineSession
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.patience import Patience
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.session import Clock, Session
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.wait import wait_until

# Conflicts with others are ordinary: twenty writers of one object need up to twenty rounds each.
ROUNDS = 60
# The rest is not: an object that has to be written again and again, an answer that is never had, a write that is refused unchanged.
REWRITES = 3
LOST = 8
REFUSALS = 3
STAGES = 10
# How long a written change may take to have its effect.
SETTLE_SECONDS = 10.0


@dataclass
class Context:
    """What surrounds a task: how it was called and whom to tell.

    Args:
        check_mode: change nothing.
        environ: environment variables, where K8S_AUTH_* are looked for.
        warn: one warning to the user.
        progress: one line about what is going on.
        debug: the traceback of a bug of ours.
        claim: told the cluster's identity before anything is written; returns what speaks against writing.
        any_context: the kubeconfig's current context may be used (localhost only).
        tokens: where the tokens of a login by user name live.
        clock: time, for tests.
    """

    check_mode: bool = False
    environ: t.Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    warn: t.Callable[[str], None] = lambda _text: None
    progress: t.Callable[[str], None] = lambda _text: None
    debug: t.Callable[[str], None] = lambda _text: None
    claim: t.Callable[[Identity], t.Sequence[Finding]] = lambda _identity: ()
    any_context: bool = False
    tokens: oauth.Tokens = field(default_factory=oauth.TaskTokens)
    clock: Clock | None = None


@dataclass
class _Run:
    """What has happened so far.

    Args:
        made: changes that the server confirmed, or that nobody wants any more after their answer was lost.
        pending: changes whose answer was lost, not looked at yet.
        said: findings of the plan that the first change was made of; later plans see the cluster after it.
        facts: that plan's facts.
        digest: that plan's digest.
        approved: fingerprints of the changes of a plan whose digest was accepted.
        refused: how often each write conflicted.
        lost: answers lost in a row.
        blocked: why evictions of this round were refused for now.
    """

    made: list[Change] = field(default_factory=list)
    pending: list[Change] = field(default_factory=list)
    said: list[Finding] = field(default_factory=list)
    facts: Json = field(default_factory=dict)
    digest: str = ""
    approved: frozenset[str] = frozenset()
    refused: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    blocked: list[str] = field(default_factory=list)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was done, one change per object. Where a failure kept us from looking, it counts as done."""
        return tuple(_merged([*self.made, *self.pending]))


def run(topic: Topic, params: t.Mapping[str, t.Any], ctx: Context) -> Result:
    """Do the task.

    Args:
        topic: what to do.
        params: validated module parameters.
        ctx: how the task was called.

    Returns:
        The Result. Nothing is raised for what can go wrong between us and a cluster: that is a finding.
    """
    identity: Identity | None = None
    done = _Run()
    session: Session | None = None
    try:
        request = topic.parse(params)
        if not connects(topic, params):
            session = OfflineSession(ctx.clock)
            task = _Task(topic, request, session, Snapshot(), Identity(""), (), params, ctx)
            return replace(_converge(task, done), identity=None)
        session = _connect(params, ctx)
        identity, snapshot = _identify(session)
        guard = _guard(identity, snapshot, params, ctx)
        return _converge(_Task(topic, request, session, snapshot, identity, guard, params, ctx), done)
    except InvalidRequest as error:
        findings = [codes.INVALID_INPUT.finding(problem, topic.module) for problem in error.problems]
        return Result(findings=tuple(findings), checks={topic.name: "not_run"}, broken=True)
    except KubeError as error:
        # What was already done is reported with the failure: a failed task may have changed something.
        findings = [*done.said, error.finding]
    except Exception as error:
        ctx.debug(traceback.format_exc())
        findings = [*done.said, _bug(topic, error)]
    finally:
        if session is not None:
            session.close()
    said = sort_findings(_unique(findings))
    return Result(identity, done.changes, said, {topic.name: "unknown"}, done.facts, done.digest, broken=True)


def connects(topic: Topic, params: t.Mapping[str, t.Any]) -> bool:
    """Whether a task looks at a cluster."""
    return not topic.connect_option or bool(params.get(topic.connect_option))


def _bug(topic: Topic, error: Exception) -> Finding:
    place = traceback.extract_tb(error.__traceback__)[-1]
    message = f"{topic.module}: {type(error).__name__}: {error} ({os.path.basename(place.filename)}:{place.lineno})."
    return codes.BUG.finding(message, topic.module)


def _connect(params: t.Mapping[str, t.Any], ctx: Context) -> Session:
    options = auth.choose(params, ctx.environ)
    logged_in = oauth.Authenticator(ctx.tokens, params["request_timeout"])

    def connect() -> auth.Endpoint:
        return logged_in(auth.endpoint(options, any_context=ctx.any_context))

    return Session(
        connect,
        request_timeout=params["request_timeout"],
        deadline=params["deadline"],
        trials=not ctx.check_mode,
        progress=ctx.progress,
        clock=ctx.clock,
    )


def _identify(session: Session) -> tuple[Identity, Snapshot]:
    answers = session.read([KUBE_SYSTEM])
    answer = answers[KUBE_SYSTEM]
    if answer.absent or (answer.found and answer.body.get("kind") not in ("Namespace", "PartialObjectMetadata")):
        raise KubeError(codes.NOT_KUBERNETES, f"{session.server} has no namespace kube-system.", session.server)
    return Identity(session.server, str(mapping(answer.body, "metadata").get("uid") or "")), Snapshot(answers)


def _guard(identity: Identity, snapshot: Snapshot, params: t.Mapping[str, t.Any], ctx: Context) -> list[Finding]:
    """What speaks against this being the right cluster."""
    found = list(ctx.claim(identity))
    expected = params.get("expected_cluster_uid")
    if expected and identity.uid != expected:
        actual = f"uid {identity.uid}" if identity.uid else "an identity that may not be read"
        found.append(codes.WRONG_CLUSTER.finding(f"{identity.server} has {actual}, expected was {expected}.", identity.server))
    elif not identity.uid:
        found.append(codes.IDENTITY_UNKNOWN.finding(f"{identity.server}: {snapshot[KUBE_SYSTEM].message}", identity.server))
    return found


def observe(session: Session, wanted: t.Callable[[Snapshot], t.Sequence[Read]], snapshot: Snapshot) -> Snapshot:
    """Read until the topic has nothing more to ask.

    Raises:
        RuntimeError: the topic never stops asking, which is a bug of it.
    """
    for _stage in range(STAGES):
        new = [read for read in dict.fromkeys(wanted(snapshot)) if read not in snapshot]
        if not new:
            return snapshot
        snapshot = snapshot.with_answers(session.read(new))
    raise RuntimeError(f"reads did not settle within {STAGES} stages: {[r.path for r in new]}")


@dataclass(frozen=True)
class _Task:
    """What stays the same from round to round; `start` holds the identity's answer only."""

    topic: Topic
    request: t.Any
    session: Session
    start: Snapshot
    identity: Identity
    guard: t.Sequence[Finding]
    params: t.Mapping[str, t.Any]
    ctx: Context

    def observe(self, known: Snapshot) -> Snapshot:
        """What the plan needs, beyond what is known."""
        return observe(self.session, lambda snapshot: self.topic.reads(self.request, snapshot), known)


def _converge(task: _Task, done: _Run) -> Result:
    """Observe, plan and apply until there is nothing left to do and nothing left to wait for."""
    patience = Patience(task.session, task.ctx.progress)
    known, rounds = task.start, 0
    try:
        while rounds < ROUNDS:
            snapshot = patience.during(partial(task.observe, known))
            plan = task.topic.plan(task.request, snapshot)
            _settle(done, plan)
            if not done.made:
                done.said, done.facts, done.digest = [], {}, ""
            stopped = any(finding.severity == "error" for finding in task.guard)
            if plan.changes:
                refused = [] if stopped else _consent(task, plan, done)
                if task.ctx.check_mode or stopped or refused:
                    return _unchanged(task, plan, done, refused, would=task.ctx.check_mode and not stopped)
                known, rounds = _apply(task, plan, snapshot, done), rounds + 1
                if not done.blocked:
                    continue
            elif task.ctx.check_mode and plan.wait:
                return _unchanged(task, plan, done, [], would=True)
            more = patience.await_change(plan, snapshot, done.blocked)
            if more is None:
                return _finish(task, snapshot, plan, done, patience)
            known, rounds = more, 0
    finally:
        patience.close()
    raise _not_converged(task, plan.changes, f"after {ROUNDS} rounds, since others change it all the time")


def _unchanged(task: _Task, plan: Plan, done: _Run, refused: t.Sequence[Finding], *, would: bool) -> Result:
    """The result of a plan that is not applied; `would`: a run without check mode would apply it."""
    now = plan.findings if would else _standing(plan.findings)
    findings = _unique([*done.said, *task.guard, *refused, *now])
    changes = (*done.changes, *plan.changes) if would else done.changes
    facts, digest = {**plan.facts, **done.facts}, plan.digest(task.identity)
    waits = would and plan.wait is not None
    return Result(task.identity, changes, sort_findings(findings), plan.checks, facts, digest, would_wait=waits)


def _settle(done: _Run, plan: Plan) -> None:
    """A change whose answer was lost arrived if nobody wants it any more."""
    wanted = {(c.verb, str(c.object)) for c in plan.changes}
    arrived = [c for c in done.pending if (c.verb, str(c.object)) not in wanted]
    done.made += arrived
    done.pending = []
    done.lost = 0 if arrived else done.lost


def _apply(task: _Task, plan: Plan, snapshot: Snapshot, done: _Run) -> Snapshot:
    """Make the changes in order, up to the first that someone else was faster with or whose answer was lost.

    Returns:
        What is still known for the next round.

    Raises:
        KubeError: a change is refused, never answered, or does not stay.
    """
    if not done.made:
        done.facts = plan.facts
        done.digest = plan.digest(task.identity)
        done.said = [f for f in plan.findings if not f.resolvable]
    done.blocked = []
    written = _Written(snapshot) if task.topic.keeps_lists else None
    for count, change in enumerate(plan.changes):
        if change.write is None:
            raise RuntimeError(f"{change.object}: a change without a write cannot be applied")
        if sum(str(c.object) == str(change.object) for c in done.made) >= REWRITES:
            raise _not_converged(task, plan.changes, f"although it was written {REWRITES} times")
        try:
            answer = task.session.write(change.write)
        except Blocked as error:
            done.blocked.append(f"{change.object}: {error}")
            continue
        except ConflictError as error:
            task.session.pause(min(_conflicts(done, change, error), 3))
        except LostAnswer as error:
            task.ctx.progress(f"{change.object}: {error}; reading it again")
            done.pending.append(change)
            done.lost += 1
            if done.lost >= LOST:
                raise KubeError(
                    codes.SERVER_ERROR, f"{change.object}: {error}, {LOST} times in a row.", str(change.object)
                ) from error
            task.session.pause(min(done.lost, 4))
        else:
            done.lost = 0
            done.made.append(change)
            task.ctx.progress(change.line())
            if written is not None:
                written.take(change.write, answer)
            continue
        return task.start if count else _without(snapshot, change, task.start)
    return task.start if written is None else task.start.with_answers(written.lists)


class _Written:
    """The lists of a snapshot with what writes into them answered.

    Attributes:
        lists: whole lists that were written into and are known still.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._reads = {read.path: read for read in snapshot.answers if not read.query and not read.metadata_only and not read.body}
        self._snapshot = snapshot
        self._unknown: set[Read] = set()
        self.lists: dict[Read, Answer] = {}

    def take(self, write: Write, answer: Json) -> None:
        """Put the object into its list. What a deletion leaves behind its answer does not say, so such a list is read again."""
        read = self._reads.get(write.path if write.kind == "create" else write.path.rsplit("/", 1)[0])
        if read is None or read in self._unknown:
            return
        before = self.lists.get(read, self._snapshot[read])
        name = mapping(answer, "metadata").get("name")
        if write.kind == "delete" or not name or not before.found or "items" not in before.body:
            self._unknown.add(read)
            self.lists.pop(read, None)
            return
        others = [item for item in before.items if mapping(item, "metadata").get("name") != name]
        self.lists[read] = Answer(before.status, {**before.body, "items": [*others, answer]})


def _conflicts(done: _Run, change: Change, error: ConflictError) -> int:
    """Count a conflict. A write that was planned again word for word was not late: the server refuses it."""
    fingerprint = repr(change.write)
    done.refused[fingerprint] = done.refused.get(fingerprint, 0) + 1
    if done.refused[fingerprint] >= REFUSALS:
        message = f"The API server refuses to {change.verb} {change.object}, although nobody else changed it: {error}"
        raise KubeError(codes.REJECTED, message, str(change.object)) from error
    return sum(done.refused.values())


def _without(snapshot: Snapshot, change: Change, base: Snapshot) -> Snapshot:
    """What is known but for the object itself: one read less late than reading everything again."""
    path = change.object.path
    rest = {read: answer for read, answer in snapshot.answers.items() if read.path != path}
    return Snapshot(rest) if path and len(rest) < len(snapshot.answers) else base


def _not_converged(task: _Task, changes: t.Sequence[Change], why: str) -> KubeError:
    message = f"{task.topic.module} still finds something to do {why}: {'; '.join(c.line() for c in changes)}"
    return KubeError(codes.NOT_CONVERGED, message, str(changes[0].object))


def _finish(task: _Task, snapshot: Snapshot, plan: Plan, done: _Run, patience: Patience) -> Result:
    findings = [*done.said, *task.guard, *patience.findings, *_standing(plan.findings)]
    checks = dict(plan.checks)
    # What the first plan says of its changes counts, but after a wait what became of them.
    facts = {**done.facts, **plan.facts} if patience.began else {**plan.facts, **done.facts}
    if done.made:
        proof = _verified(task, snapshot)
        findings += _standing(proof.findings)
        checks.update(proof.checks)
        facts.update(proof.facts)
    digest = done.digest or plan.digest(task.identity)
    return Result(task.identity, done.changes, sort_findings(_unique(findings)), checks, facts, digest)


def _verified(task: _Task, snapshot: Snapshot) -> Plan:
    """Whether what was written takes effect: the authorizer's cache, for one, learns of a binding a little later."""
    verify_reads, verify = task.topic.verify_reads, task.topic.verify
    if verify is None or verify_reads is None:
        return Plan()
    known = [snapshot]

    def look() -> Plan:
        seen = observe(task.session, lambda so_far: verify_reads(task.request, so_far), known.pop() if known else task.start)
        return verify(task.request, seen)

    return wait_until(look, seconds=SETTLE_SECONDS, clock=task.session.clock, progress=task.ctx.progress)


def _consent(task: _Task, plan: Plan, done: _Run) -> list[Finding]:
    """What nobody agreed to yet; in check mode for information only."""
    accepted = set(task.params.get("accept") or [])
    digest = plan.digest(task.identity)
    if digest in accepted:
        done.approved = frozenset(change.fingerprint() for change in plan.changes)
    # What is left of an approved plan after a conflict is still approved.
    open_changes = [c for c in plan.changes if c.disruptive - accepted and c.fingerprint() not in done.approved]
    if not open_changes:
        return []
    needed = sorted({d for c in open_changes for d in c.disruptive - accepted}, key=DISRUPTIONS.index)
    would = "; ".join(change.line() for change in open_changes)
    message = f"It would {would}. Nobody accepted: {', '.join(needed)}."
    remedy = f"Set azureml_accept: [{', '.join(needed)}] for this host, or azureml_accept: [{digest}] for exactly this plan."
    severity: Severity | None = "info" if task.ctx.check_mode else None
    evidence = {"plan_digest": digest}
    return [
        codes.CONSENT_MISSING.finding(message, str(open_changes[0].object), severity=severity, remedy=remedy, evidence=evidence)
    ]


def _merged(changes: t.Sequence[Change]) -> list[Change]:
    """One change per object: the first `before` and the last `after`, however many rounds it took."""
    merged: dict[str, Change] = {}
    for change in changes:
        first = merged.get(str(change.object))
        both = (
            replace(change, before=first.before, verb=first.verb, disruptive=first.disruptive | change.disruptive)
            if first
            else change
        )
        merged[str(change.object)] = both
    return list(merged.values())


def _standing(findings: t.Iterable[Finding]) -> list[Finding]:
    """Findings that no change is going to remove any more."""
    return [replace(finding, resolvable=False) for finding in findings]


def _unique(findings: t.Iterable[Finding]) -> list[Finding]:
    kept: dict[tuple[str, str, str], Finding] = {}
    for finding in findings:
        kept.setdefault((finding.code, finding.subject, finding.message), finding)
    return list(kept.values())
