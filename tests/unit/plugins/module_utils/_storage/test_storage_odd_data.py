"""Whatever a server sends: plans never raise, never write what nobody asked for, and converge."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.plan import plan, reads
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._storage.storage_cluster import NFS, SCRATCH, SHARE, Cluster, Json, request_of

pytestmark = pytest.mark.storage

KEYS = st.sampled_from(
    ["metadata", "spec", "status", "name", "namespace", "labels", "annotations", "phase", "claimRef", "uid", "csi", "nfs", "driver"]
    + ["accessModes", "storageClassName", "volumeName", "resources", "requests", "storage", "capacity", "nodeStageSecretRef"]
    + [
        "ml.azure.com/pvc",
        "ml.azure.com/mountpath",
        "app.kubernetes.io/managed-by",
        "deletionTimestamp",
        "volumes",
        "managedFields",
    ]
    + ["azureml.kubernetes/adopted-marks", "fieldsV1", "f:data", "involvedObject", "persistentVolumeReclaimPolicy", "series"]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=6),
    st.sampled_from(["data", "ml", "ml.data", "true", "Bound", "Pending", "Lost", "Released", "azureml.kubernetes", "1Gi", "/x"]),
)  # fmt: skip
ODD = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=6)), max_leaves=25
)
METADATA = st.fixed_dictionaries(
    {"name": st.sampled_from(["data", "ml.data", "scratch", "home", "ml.models"])},
    optional={
        "labels": st.dictionaries(KEYS, LEAVES, max_size=3),
        "annotations": st.dictionaries(KEYS, LEAVES, max_size=3),
        "deletionTimestamp": LEAVES,
        "uid": LEAVES,
    },
)
OBJECTS = st.fixed_dictionaries({"metadata": METADATA}, optional={"spec": ODD, "status": ODD})
REQUESTS = [
    request_of(NFS, SHARE, SCRATCH, {"name": "home", "type": "existing", "mount_path": "/mnt/home"}, inference=True),
    request_of(NFS, SHARE, SCRATCH, {"name": "home", "type": "existing"}, state="absent"),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(ODD, OBJECTS), max_size=5), st.sampled_from([200, 403, 404]), st.sampled_from(REQUESTS), st.data())
def test_plans_never_raise(items: list[t.Any], status: int, request: t.Any, data: st.DataObject) -> None:
    known = Snapshot()
    for _stage in range(10):
        new = [read for read in reads(request, known) if read not in known]
        if not new:
            break
        odd = data.draw(st.sampled_from([{"items": items}, {"items": None}, {"metadata": items}, {}]))
        known = known.with_answers({read: Answer(status if number else 200, odd) for number, read in enumerate(new)})
    else:
        raise AssertionError("reads did not settle")
    found = plan(request, known)
    assert set(found.checks) == {"storage"}
    assert len(found.facts["storage"]["volumes"]) == 4


NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["present", "absent"]),
        st.lists(st.tuples(NAMES, st.sampled_from(["nfs", "class", "existing"])), max_size=3),
    ),
    max_size=5,
)


def volume_of(name: str, kind: str) -> Json:
    common = {"name": name, "mount_path": f"/mnt/{name}"}
    if kind == "existing":
        return {**common, "type": "existing"}
    return {**(NFS if kind == "nfs" else SCRATCH), **common}


@settings(max_examples=60, deadline=None)
@given(STEPS, st.sets(NAMES))
def test_any_sequence_converges_and_taking_all_back_leaves_what_was_there(
    steps: list[tuple[str, list[tuple[str, str]]]], foreign: set[str]
) -> None:
    cluster = Cluster()
    for name in foreign:
        cluster.claim(name, label=None, path=None)
    before = {path: {**item["metadata"], "resourceVersion": ""} for path, item in cluster.objects.items()}
    for state, wanted in steps:
        volumes = [volume_of(name, kind) for name, kind in dict(wanted).items()]
        cluster.run(request_of(*volumes, state=state))
        assert cluster.plan(request_of(*volumes, state=state)).changes == ()
    for kind in ("nfs", "existing"):
        cluster.run(request_of(*[{"name": name, "type": kind} for name in "abc"], state="absent"))
    assert {path: {**item["metadata"], "resourceVersion": ""} for path, item in cluster.objects.items()} == before
