"""Reads, answers and paths."""

from __future__ import annotations

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot, object_path

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("v1", "nodes"), "/api/v1/nodes"),
        (("v1", "pods", "a", "ns"), "/api/v1/namespaces/ns/pods/a"),
        (("apps/v1", "deployments", "", "ns"), "/apis/apps/v1/namespaces/ns/deployments"),
        (
            ("rbac.authorization.k8s.io/v1", "clusterroles", "system:a/b"),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aa%2Fb",
        ),
        (("v1", "pods", "../secrets", "a?b"), "/api/v1/namespaces/a%3Fb/pods/..%2Fsecrets"),
    ],
)
def test_object_path(arguments: tuple[str, ...], path: str) -> None:
    assert object_path(*arguments) == path


@pytest.mark.parametrize(
    ("status", "found", "forbidden", "absent"),
    [
        (200, True, False, False),
        (201, True, False, False),
        (401, False, True, False),
        (403, False, True, False),
        (404, False, False, True),
    ],
)
def test_may_not_know_and_is_not_there_are_never_the_same(status: int, found: bool, forbidden: bool, absent: bool) -> None:
    answer = Answer(status)
    assert (answer.found, answer.forbidden, answer.absent) == (found, forbidden, absent)


def test_an_answer_has_words_and_items_whatever_came() -> None:
    assert Answer(403, {"message": "no"}).message == "no"
    assert Answer(403).message == "HTTP status 403"
    assert Answer(200, {"items": None}).items == []


def test_a_snapshot_grows_and_complains_about_what_was_not_asked() -> None:
    one, two = Read("/a"), Read("/a", (("limit", "1"),))
    snapshot = Snapshot().with_answers({one: Answer(200)})
    assert one in snapshot
    assert snapshot.get(two) is None
    with pytest.raises(KeyError):
        snapshot[two]
    assert two.url == "/a?limit=1"
