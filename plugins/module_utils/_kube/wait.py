"""Waiting for a condition: look, judge, look again, and stop at once when it can no longer come true."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Plan
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.session import Clock, backoff

LONGEST_PAUSE = 10.0


def wait_until(
    look: t.Callable[[], Plan],
    *,
    seconds: float,
    clock: Clock,
    progress: t.Callable[[str], None] = lambda _text: None,
) -> Plan:
    """Look until nothing is left to wait for.

    Args:
        look: reads anew and judges. A resolvable finding means "not yet"; any other error means "never".
        seconds: how long to go on.
        clock: time.
        progress: told what is still missing, whenever that changes.

    Returns:
        The last judgement: without resolvable findings when the condition came true.
    """
    until = clock.now() + seconds
    said: tuple[str, ...] = ()
    for attempt in range(10**6):
        judged = look()
        missing = tuple(f.line() for f in judged.findings if f.resolvable)
        never = any(f.severity == "error" and not f.resolvable for f in judged.findings)
        if not missing or never:
            break
        pause = min(backoff(min(attempt, 10), None, clock.jitter()), LONGEST_PAUSE)
        if clock.now() + pause > until:
            break
        if missing != said:
            progress(f"waiting for {len(missing)}: {missing[0]}")
            said = missing
        clock.sleep(pause)
    return judged
