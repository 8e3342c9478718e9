"""Whatever is in the SCC already: plans converge, touch nothing foreign, and `absent` undoes `present`."""

from __future__ import annotations

import copy
import random
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._scc.scc_cluster import PRIVILEGED, Cluster, Json, Rejected, request_of

pytestmark = pytest.mark.scc

WANTED = [account.user for account in request_of().wanted("azureml")]
ENTRIES = st.one_of(
    st.sampled_from([*WANTED, "system:admin", "a", "b", "system:serviceaccount:azureml:csi-blob-node-sa"]), st.text(max_size=30)
)
USERS = st.one_of(st.none(), st.just("absent"), st.lists(ENTRIES, max_size=12))
ANNOTATIONS = st.one_of(st.none(), st.just("absent"), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
METHODS = st.sampled_from(["auto", "users", "rbac", "rbac_cluster"])


def prepared(users: t.Any, annotations: t.Any) -> Cluster:
    cluster = Cluster()
    cluster.namespace("azureml", "azure-arc", "ml-team", "extra")
    for owner, key, value in ((cluster.scc, "users", users), (cluster.scc["metadata"], "annotations", annotations)):
        owner.pop(key, None)
        if value != "absent":
            owner[key] = value
    return cluster


def normal(scc: Json) -> Json:
    """Null, absent and empty are the same to the API server."""
    result = copy.deepcopy(scc)
    metadata = {key: value for key, value in result["metadata"].items() if value and key != "resourceVersion"}
    return {**result, "users": result.get("users") or [], "metadata": metadata}


@settings(max_examples=60, deadline=None)
@given(USERS, ANNOTATIONS, METHODS)
def test_present_converges_and_absent_restores(users: t.Any, annotations: t.Any, method: str) -> None:
    cluster = prepared(users, annotations)
    before, objects = normal(cluster.scc), set(cluster.objects)
    foreign = list(before["users"])
    cluster.run(request_of(method=method))
    assert cluster.users[: len(foreign)] == foreign
    assert normal(cluster.scc)["groups"] == before["groups"]
    cluster.run(request_of(state="absent"))
    assert normal(cluster.scc) == before
    assert set(cluster.objects) == objects


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["present", "absent"]), METHODS, st.lists(st.sampled_from("abcd"), max_size=3)), max_size=6),
    USERS,
)
def test_any_sequence_of_runs_keeps_what_is_foreign(runs: list[tuple[str, str, list[str]]], users: t.Any) -> None:
    cluster = prepared(users, None)
    cluster.namespace("a", "b", "c", "d")
    before, objects = normal(cluster.scc), set(cluster.objects)
    for number, (state, method, namespaces) in enumerate(runs):
        cluster.run(request_of(state=state, method=method, compute_namespaces=namespaces, exclusive=bool(number % 2)))
        assert cluster.users[: len(before["users"])] == before["users"]
    cluster.run(request_of(state="absent"))
    assert normal(cluster.scc) == before and set(cluster.objects) == objects


@pytest.mark.parametrize("method", ["users", "rbac", "rbac_cluster"])
@pytest.mark.parametrize("seed", range(5))
def test_twenty_runs_at_once_lose_nothing(method: str, seed: int) -> None:
    """Each plans on what it saw; a refused write makes it read and plan again, as the engine does."""
    dice = random.Random(seed)
    cluster = prepared(["system:admin"], None)
    requests = [request_of(method=method, extra_accounts=[f"extra:account-{number}"]) for number in range(20)]
    plans = {number: cluster.plan(request) for number, request in enumerate(requests)}
    for _turn in range(1000):
        if not plans:
            break
        number = dice.choice(sorted(plans))
        try:
            for change in plans[number].changes:
                cluster.write(change)
            del plans[number]
        except Rejected as refusal:
            assert refusal.status in (409, 422)
            plans[number] = cluster.plan(requests[number])
    assert not plans
    for request in requests:
        assert cluster.plan(request).changes == ()
    assert cluster.users[0] == "system:admin"
    names = (
        cluster.users
        if method == "users"
        else [f"{s['namespace']}:{s['name']}" for p, o in cluster.objects.items() if "bindings" in p for s in o["subjects"]]
    )
    assert len(set(names)) == len(names) == (32 if method == "users" else 31)
    cluster.run(request_of(state="absent"))
    assert normal(cluster.objects[PRIVILEGED])["users"] == ["system:admin"]
