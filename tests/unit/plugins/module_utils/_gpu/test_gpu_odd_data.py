"""A plan never raises on odd cluster data, and never writes where it could not look."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.plan import plan, reads
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._gpu.gpu_cluster import AKS, Json, request_of

pytestmark = pytest.mark.gpu

KEYS = (
    "metadata name namespace labels annotations ownerReferences kind uid spec status template containers image env"
    " tolerations key nodeSelector affinity nodeAffinity requiredDuringSchedulingIgnoredDuringExecution nodeSelectorTerms"
    " matchExpressions operator values selector matchLabels conditions type reason message capacity allocatable nvidia.com/gpu"
    " containerStatuses state waiting terminated restartCount nodeName volumes hostPath path taints effect devicePlugin"
    " enabled desiredNumberScheduled"
)
VALUES = st.none() | st.booleans() | st.integers(-1, 9) | st.sampled_from(["", "True", "nvidia", "1", "In", "Gt", "Job", "x"])
ODD = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.lists(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), ODD, max_size=3), max_size=3)
REAL: Json = {
    "metadata": {"name": "gpu-1", "labels": AKS},
    "status": {"conditions": [{"type": "Ready", "status": "True"}], "capacity": {"nvidia.com/gpu": "1"}},
}
STATUS = st.sampled_from([200, 200, 200, 403, 404, 500])


@given(st.data(), st.sampled_from(["present", "absent"]), st.sampled_from(["none", "all"]))
def test_odd_answers(data: t.Any, state: str, smoke: str) -> None:
    request = request_of(state=state, smoke_test=smoke, runtime_class="nvidia", time_slicing_replicas=2)
    known = Snapshot()
    for _stage in range(10):
        new = [read for read in reads(request, known) if read not in known]
        if not new:
            break
        answers = {}
        for read in new:
            odd = data.draw(OBJECTS)
            items = [REAL, *odd] if read.path == "/api/v1/nodes" else odd
            answers[read] = Answer(data.draw(STATUS), {"items": items, "message": "m"})
        known = known.with_answers(answers)
    else:
        raise AssertionError("reads did not settle within 10 stages")
    result = plan(request, known)
    blind = any(not known[read].found and not known[read].absent for read in reads(request, Snapshot())[:2])
    assert not (blind and result.changes)
