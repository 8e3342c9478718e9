"""Whatever labels and taints are there: present converges, touches nothing foreign, and absent restores."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.record import ANNOTATION, record_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._namespaces.space_cluster import NAMESPACES, Cluster, dedicate, request_of

pytestmark = pytest.mark.namespaces

KEYS = st.sampled_from(["a", "b", "c/d", "ml.azure.com/amlarc", "ml.azure.com/workspace"])
VALUES = st.sampled_from(["", "true", "x", "w"])
MARKS = st.dictionaries(KEYS, VALUES, max_size=4)
EFFECTS = st.sampled_from(["NoSchedule", "NoExecute", "PreferNoSchedule"])
TAINTS = st.lists(st.tuples(KEYS, VALUES, EFFECTS), max_size=4, unique_by=lambda taint: (taint[0], taint[2]))
SECRETS = st.lists(st.sampled_from(["p", "q", "r"]), max_size=3, unique=True)
WISHES = st.lists(st.tuples(MARKS, MARKS, SECRETS), min_size=1, max_size=3)
PURPOSES = st.lists(st.tuples(st.sampled_from(["all", "system", "workload"]), EFFECTS, MARKS), min_size=1, max_size=3)


@settings(max_examples=80, deadline=None)
@given(MARKS, MARKS, SECRETS, WISHES)
def test_namespaces_go_back_to_what_they_were(
    labels: t.Any, annotations: t.Any, secrets: list[str], wishes: list[tuple[t.Any, t.Any, list[str]]]
) -> None:
    cluster = Cluster()
    cluster.namespace("ml", labels=labels, annotations=annotations)
    cluster.account("ml", imagePullSecrets=[{"name": name} for name in secrets])
    before = cluster.without_records()
    for wanted, notes, pulls in wishes:
        cluster.run(request_of(namespace_labels=wanted, namespace_annotations=notes, image_pull_secrets=pulls))
        metadata = cluster[f"{NAMESPACES}/ml"]["metadata"]
        rest = {key: value for key, value in metadata.get("annotations", {}).items() if key != ANNOTATION}
        assert metadata["labels"] == {**labels, **wanted} and rest == {**annotations, **notes}
    cluster.run(request_of(state="absent"))
    assert cluster.without_records() == before


@settings(max_examples=80, deadline=None)
@given(TAINTS, MARKS, PURPOSES)
def test_nodes_go_back_to_what_they_were(taints: list[tuple[str, str, str]], labels: t.Any, wishes: list[t.Any]) -> None:
    cluster = Cluster()
    cluster.node("open")
    cluster.node("n", *(f"{key}={value}:{effect}" for key, value, effect in taints), labels=labels)
    before = cluster.without_records()
    theirs = cluster.taints("n")
    for purpose, effect, more in wishes:
        entry = dedicate("n", purpose=purpose, effect=effect, labels=more)
        cluster.run(request_of(compute_namespaces=[], dedicated_nodes=entry))
        assert cluster.taints("n")[: len(theirs)] == theirs
    cluster.run(request_of(compute_namespaces=[], dedicated_nodes=dedicate("n"), state="absent"))
    assert cluster.without_records() == before


@given(st.text(max_size=60))
def test_any_annotation_is_a_record_or_not(text: str) -> None:
    record = record_of({"metadata": {"annotations": {ANNOTATION: text}}})
    assert record.empty or record.readable


WORDS = st.sampled_from(["labels", "annotations", "taints", "pull_secrets", "network_policy", "value", "was", "key", "effect", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_record_or_not(content: t.Any) -> None:
    record = record_of({"metadata": {"annotations": {ANNOTATION: json.dumps(content)}}})
    assert record.readable or record.empty
    if record.readable and record.dump() is not None:
        assert record_of({"metadata": {"annotations": {ANNOTATION: record.dump()}}}) == record
