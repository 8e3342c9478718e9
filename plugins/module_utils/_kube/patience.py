"""Waiting for a cluster that is at work: minutes to hours, by watch, through outages of its API server."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Plan, Wait
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import KubeError
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.follow import Follower
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.session import Session

# What cannot be watched is looked at again this often; evictions that a budget refuses are tried again, too.
AGAIN_SECONDS = 10.0
BLOCKED_SECONDS = 2.0
# A progress line that stays the same is repeated, so that nobody thinks the run hangs.
REPEAT_SECONDS = 60.0
# An API server that is being restarted answers so, or not at all.
_AWAY = (codes.UNREACHABLE.code, codes.SERVER_ERROR.code, codes.NOT_KUBERNETES.code)


class Patience:
    """One task's waiting, from its first wait on.

    Attributes:
        began: whether the task has waited at all.
        findings: that time was over, when it was.
    """

    def __init__(self, session: Session, progress: t.Callable[[str], None]) -> None:
        self._session = session
        self._progress = progress
        self._follower: Follower | None = None
        self._followed: tuple[Read, ...] = ()
        self._start = self._until = self._looked = self._told = 0.0
        self._text = ""
        self.began = False
        self.findings: list[Finding] = []

    def close(self) -> None:
        """End the watches."""
        if self._follower is not None:
            self._follower.close()

    def during(self, look: t.Callable[[], Snapshot]) -> Snapshot:
        """Read; once the wait has begun, an API server that is away is waited for, too.

        Raises:
            KubeError: it cannot be read, and that is no passing outage or time is over.
        """
        while True:
            try:
                return look()
            except KubeError as error:
                clock = self._session.clock
                if error.finding.code not in _AWAY or clock.now() + AGAIN_SECONDS > self._until:
                    raise
                self._say(f"the API server is away ({error}); waiting for it")
                clock.sleep(AGAIN_SECONDS / 2)

    def await_change(self, plan: Plan, snapshot: Snapshot, blocked: t.Sequence[str]) -> Snapshot | None:
        """Wait until planning again makes sense.

        Args:
            plan: what was planned of `snapshot`.
            snapshot: what is known.
            blocked: evictions that were refused for now.

        Returns:
            What is still known; None when there is nothing to wait for, waiting is hopeless, or time is over.
        """
        hopeless = any(f.severity == "error" and not f.resolvable for f in plan.findings)
        wait = plan.wait or (Wait(blocked[0], AGAIN_SECONDS) if blocked else None)
        if wait is None or hopeless:
            return None
        self._begin(wait)
        self._say(_words(wait) if not blocked else f"{_words(wait)}; refused for now: {blocked[0]}")
        now = self._session.clock.now()
        if now >= self._until:
            message = f"after {minutes(now - self._start)}: {wait.text}."
            self.findings = [codes.WAIT_TIMEOUT.finding(message, evidence=list(blocked) or None)]
            return None
        known = self._next(wait, snapshot, BLOCKED_SECONDS if blocked else AGAIN_SECONDS)
        return _without(known, lambda _read: True) if blocked else known

    def _begin(self, wait: Wait) -> None:
        now = self._session.clock.now()
        if not self.began:
            self.began, self._start, self._looked = True, now, now
        if self._start + wait.seconds > self._until:
            self._until = self._start + wait.seconds
            self._session.extend(self._until - now + AGAIN_SECONDS)

    def _next(self, wait: Wait, snapshot: Snapshot, longest: float) -> Snapshot:
        """The snapshot after the next change of a followed list, or after `longest` seconds."""
        clock = self._session.clock
        followed = tuple(read for read in wait.follow if read in snapshot and snapshot[read].found)
        seconds = max(0.0, min(longest, self._until - clock.now()))
        if not followed:
            clock.sleep(seconds)
        else:
            if self._follower is None or self._followed != followed:
                self.close()
                self._follower, self._followed = Follower(self._session, followed, snapshot), followed
            _changed, trouble = self._follower.wait(seconds)
            if trouble:
                self._say(f"a watch was interrupted ({trouble}); it goes on as soon as it can")
            snapshot = snapshot.with_answers(self._follower.answers())
        if clock.now() - self._looked < AGAIN_SECONDS:
            return snapshot
        self._looked = clock.now()
        unfollowed = [read for read in wait.follow if read not in followed]
        return _without(snapshot, lambda read: read in wait.again or read in unfollowed or _failed_command(snapshot, read))

    def _say(self, text: str) -> None:
        now = self._session.clock.now()
        if text != self._text or now - self._told >= REPEAT_SECONDS:
            self._text, self._told = text, now
            self._progress(text)


def _without(snapshot: Snapshot, forget: t.Callable[[Read], bool]) -> Snapshot:
    return Snapshot({read: answer for read, answer in snapshot.answers.items() if not forget(read)})


def _failed_command(snapshot: Snapshot, read: Read) -> bool:
    """A pod that could not be reached may be reached later; one that may not be asked never."""
    return bool(read.command) and snapshot[read].status >= 500


def _words(wait: Wait) -> str:
    return f"{wait.text} (about {minutes(wait.estimate)} left)" if wait.estimate > 0 else wait.text


def minutes(seconds: float) -> str:
    """A duration for people: `40 s`, `12 min`, `1 h 05 min`."""
    if seconds < 90:
        return f"{round(seconds)} s"
    whole = round(seconds / 60)
    return f"{whole} min" if whole < 90 else f"{whole // 60} h {whole % 60:02d} min"
