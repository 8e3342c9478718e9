"""What all workers of one ansible run share: who claimed which cluster, login tokens, what was already said."""

from __future__ import annotations

import atexit
import os
import typing as t
import uuid

from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import oauth
from ansible_collections.azureml.kubernetes.plugins.plugin_utils._shared_memory import SharedDict

# Made when the strategy loads the first action class, in the parent, before any worker is forked.
_STATE = SharedDict()
RUN_ID = uuid.uuid4().hex[:12]


def claim(host: str, uid: str) -> list[str]:
    """Note that `host` is the cluster `uid` (Identity.key); the other hosts of this run that are the same one."""

    def change(state: dict[str, t.Any]) -> None:
        hosts = state.setdefault("identities", {}).setdefault(uid, [])
        if host not in hosts:
            hosts.append(host)

    return [other for other in _STATE.update(change)["identities"][uid] if other != host]


def claimed_by_others(others: t.Collection[str]) -> dict[str, list[str]]:
    """Which of the hosts `others` are which cluster, by Identity.key."""
    identities: dict[str, list[str]] = _STATE.snapshot().get("identities", {})
    return {uid: found for uid, found in ((uid, [h for h in hosts if h in others]) for uid, hosts in identities.items()) if found}


def first_time(what: str) -> bool:
    """Whether nobody in this run has said this before."""
    seen = [True]

    def change(state: dict[str, t.Any]) -> None:
        said = state.setdefault("said", [])
        seen[0] = what in said
        if not seen[0]:
            said.append(what)

    _STATE.update(change)
    return not seen[0]


class _RunTokens:
    """Login tokens of the whole run, in shared memory: one login per cluster and user, revoked when the parent ends."""

    def get(self, key: str) -> oauth.Token | None:
        """See oauth.Tokens."""
        held = _STATE.snapshot().get("tokens", {}).get(key)
        return oauth.Token(**held[-1]) if held else None

    def put(self, key: str, token: oauth.Token) -> None:
        """See oauth.Tokens."""
        # Two workers may have logged in at the same time: both tokens have to be revoked.
        _STATE.update(lambda state: state.setdefault("tokens", {}).setdefault(key, []).append(token.as_dict()))


def tokens() -> oauth.Tokens:
    """Shared by the run where the parent holds the memory; otherwise of this task alone, which revokes them itself."""
    return _RunTokens() if _STATE.owner != os.getpid() else oauth.TaskTokens()


def _revoke_all() -> None:
    if os.getpid() != _STATE.owner:
        return
    tokens = _STATE.snapshot().get("tokens", {})
    for held in [token for of_one_login in tokens.values() for token in of_one_login]:
        problem = oauth.revoke(oauth.Token(**held))
        if problem:
            # The run is over: there is no task left to warn.
            os.write(2, f"[WARNING]: {problem}\n".encode())


atexit.register(_revoke_all)
