"""Every code of topic instances, out of snapshots; and that what is written ends as it was asked for."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Plan
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.request import OPTIONS, Request, parse

from tests.unit.plugins.module_utils._scc.scc_cluster import patched

pytestmark = pytest.mark.extension
Json = dict[str, t.Any]
TYPES = "/apis/amlarc.azureml.com/v1alpha1/instancetypes"
JOBS = "/apis/amlarc.azureml.com/v1alpha1/amljobs"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OURS = {"app.kubernetes.io/managed-by": "azureml.kubernetes"}
SMALL: Json = {"name": "small", "requests": {"cpu": "700m", "memory": "1500Mi"}, "limits": {"cpu": "1", "memory": "2Gi"}}
RESOURCES: Json = {"requests": dict(SMALL["requests"]), "limits": dict(SMALL["limits"])}
GPU: Json = {
    "name": "gpu",
    "requests": {"cpu": "4", "memory": "16Gi"},
    "limits": {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": 1},
    "node_selector": {"pool": "gpu"},
}


def definition(established: str = "True", version: str = "v1alpha1") -> Json:
    return {
        "spec": {"versions": [{"name": version, "served": True}]},
        "status": {"conditions": [{"type": "Established", "status": established}]},
    }


def node(name: str = "one", *taints: Json, ready: str = "True", labels: Json | None = None, **allocatable: t.Any) -> Json:
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"taints": list(taints)},
        "status": {
            "allocatable": {"cpu": "8", "memory": "32Gi", **allocatable},
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def pod(labels: Json | None = None, *, resources: Json | None = None, phase: str = "Running") -> Json:
    return {
        "metadata": {"name": "work", "namespace": "ml", "uid": "u", "labels": {"ml.azure.com/compute": "c", **(labels or {})}},
        "spec": {"containers": [{"name": "main", "resources": resources or {}}]},
        "status": {"phase": phase},
    }


class Cluster:
    """Lists by path; a status in place of a list is what the server answers instead."""

    def __init__(self) -> None:
        self.lists: dict[str, list[Json] | int] = {
            DEFINITIONS: [definition()],
            TYPES: [],
            "/api/v1/nodes": [node()],
            "/api/v1/pods": [],
            JOBS: [],
        }
        self.asked: list[Read] = []

    def type(self, name: str, resources: t.Any = None, selector: t.Any = None, **metadata: t.Any) -> None:
        spec = {"resources": RESOURCES if resources is None else resources, **({"nodeSelector": selector} if selector else {})}
        items = self.lists[TYPES]
        assert isinstance(items, list)
        items.append(
            copy.deepcopy({"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "1", **metadata}, "spec": spec})
        )

    def snapshot(self, request: Request) -> Snapshot:
        snapshot = Snapshot()
        for _stage in range(6):
            new = [read for read in reads(request, snapshot) if read not in snapshot]
            if not new:
                return snapshot
            self.asked += new
            snapshot = snapshot.with_answers({read: self._answer(read) for read in new})
        raise AssertionError("reading never ends")

    def _answer(self, read: Read) -> Answer:
        held = self.lists[read.path]
        return Answer(held, {"message": "no"}) if isinstance(held, int) else Answer(200, {"items": copy.deepcopy(held)})

    def plan(self, *types: Json, **params: t.Any) -> Plan:
        request = request_of(*types, **params)
        return plan(request, self.snapshot(request))

    def write(self, done: Plan) -> None:
        items = self.lists[TYPES]
        assert isinstance(items, list)
        for change in done.changes:
            write = change.write
            assert write is not None
            name = change.object.name
            if write.kind == "create":
                assert write.path == TYPES
                items.append({**write.body, "metadata": {**write.body["metadata"], "uid": f"uid-{name}", "resourceVersion": "1"}})
                continue
            assert write.path == f"{TYPES}/{name}"
            (at,) = [index for index, item in enumerate(items) if item["metadata"]["name"] == name]
            if write.kind == "delete":
                assert write.body == {"preconditions": {"uid": f"uid-{name}"}}
                del items[at]
            else:
                items[at] = patched(items[at], write.body)


def request_of(*types: Json, **params: t.Any) -> Request:
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    return parse({**defaults, "instance_types": list(types), **params})


def said(result: Plan) -> dict[str, str]:
    return {finding.code.split(".")[1]: finding.severity for finding in result.findings}


def states(result: Plan) -> dict[str, str]:
    return {entry["name"]: entry["state"] for entry in result.facts["instance_types"]["types"]}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_a_type_is_written_as_azureml_reads_it_and_then_left_alone(cluster: Cluster) -> None:
    cluster.lists["/api/v1/nodes"] = [node(), node("two", labels={"pool": "gpu"}, **{"nvidia.com/gpu": "1"})]
    first = cluster.plan({**SMALL, "limits": {"cpu": 1, "memory": "2Gi"}}, GPU)
    assert states(first) == {"small": "created", "gpu": "created"} and said(first) == {}
    cluster.write(first)
    small, gpu = cluster.lists[TYPES]  # type: ignore[misc]
    assert small["metadata"]["labels"] == OURS and small["spec"] == {"resources": RESOURCES}
    assert small["apiVersion"] == "amlarc.azureml.com/v1alpha1" and small["kind"] == "InstanceType"
    assert gpu["spec"]["nodeSelector"] == {"pool": "gpu"}
    assert gpu["spec"]["resources"]["limits"] == {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": 1}
    second = cluster.plan(SMALL, GPU)
    assert second.changes == () and states(second) == {"small": "unchanged", "gpu": "unchanged"}
    assert second.facts["instance_types"]["types"][1]["nodes"] == ["two"]


@pytest.mark.parametrize(
    ("resources", "selector"),
    [
        ({**RESOURCES, "limits": {"cpu": "2", "memory": "2Gi"}}, None),
        ({**RESOURCES, "limits": {"cpu": 1, "memory": "2Gi"}}, None),
        (RESOURCES, {"pool": "old"}),
        ("odd", None),
        ({**RESOURCES, "limits": {"cpu": "1", "memory": "2Gi", "nvidia.com/gpu": 1}}, None),
    ],
)
def test_ours_is_put_right_with_its_other_fields_kept(cluster: Cluster, resources: t.Any, selector: t.Any) -> None:
    cluster.type("small", resources, selector, labels=OURS)
    cluster.lists[TYPES][0]["spec"]["other"] = "kept"  # type: ignore[index]
    first = cluster.plan(SMALL)
    (change,) = first.changes
    assert change.verb == "update" and change.after == {"resources": RESOURCES} and not change.disruptive
    cluster.write(first)
    assert cluster.lists[TYPES][0]["spec"] == {"resources": RESOURCES, "other": "kept"}  # type: ignore[index]
    assert cluster.plan(SMALL).changes == ()


def test_the_same_amounts_in_other_words_are_no_change(cluster: Cluster) -> None:
    cluster.type(
        "small", {"requests": {"cpu": "0.7", "memory": "1500Mi"}, "limits": {"cpu": "1000m", "memory": "2048Mi"}}, labels=OURS
    )
    assert cluster.plan(SMALL).changes == ()


WRONG: list[tuple[Json, str]] = [
    ({"limits": {"cpu": "1"}}, "limits has no memory"),
    ({"requests": {"memory": "1Gi"}}, "requests has no cpu"),
    ({"requests": {"cpu": "0", "memory": "1Gi"}}, "more than zero"),
    ({"requests": {"cpu": "2", "memory": "1Gi"}}, "request of cpu is bigger"),
    ({"requests": {"cpu": "100u", "memory": "1Gi"}}, "finer than 1m"),
    ({"requests": {"cpu": "1", "memory": "100m"}}, "whole number of bytes"),
    ({"requests": {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": 1}}, "belongs under limits"),
    ({"limits": {"cpu": "1", "memory": "2Gi", "nvidia.com/gpu": "500m"}}, "nvidia.com/gpu under limits has to be a whole number"),
    ({"limits": {"cpu": "1", "memory": "2Gi", "amd.com/gpu": 1}}, "limits has amd.com/gpu"),
    ({"limits": {"cpu": "one", "memory": "2Gi"}}, "limits of small: cpu"),
    ({"node_selector": {"a": True}}, "not a string"),
    ({"node_selector": {"a b": "c"}}, "is not a label key"),
    ({"node_selector": {"a": "c d"}}, "is not a label value"),
    ({"name": "Small"}, "cannot be the name"),
]


@pytest.mark.parametrize(("wrong", "words"), WRONG, ids=[words for _wrong, words in WRONG])
def test_what_azureml_would_get_wrong_is_refused(wrong: Json, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        request_of({**SMALL, **wrong})
    assert words in str(caught.value) and len(caught.value.problems) == 1


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidRequest) as caught:
        request_of({**SMALL, "limits": {}}, {**SMALL, "requests": {}}, wait_timeout=-1)
    assert len(caught.value.problems) == 6


def test_nothing_named_still_judges_what_is_there(cluster: Cluster) -> None:
    cluster.type("odd", {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"cpu": "1"}})
    result = cluster.plan()
    assert said(result) == {"nothing_named": "info", "malformed": "warning"} and result.changes == ()
    (finding,) = [one for one in result.findings if one.code == "instances.malformed"]
    assert "cpu under requests is the number 1" in finding.message and "limits has no memory" in finding.message
    assert result.facts["instance_types"]["others"] == ["odd"]


def test_without_a_definition_nothing_is_written_and_the_task_waits_when_asked(cluster: Cluster) -> None:
    cluster.lists[DEFINITIONS] = []
    result = cluster.plan(SMALL)
    assert said(result) == {"no_definition": "error"} and result.changes == () and result.wait is None
    assert TYPES not in {read.path for read in cluster.asked}
    wait = cluster.plan(SMALL, wait=True, wait_timeout=7).wait
    assert wait is not None and wait.seconds == 7 and [read.path for read in wait.follow] == [DEFINITIONS] and wait.again == ()
    cluster.lists[DEFINITIONS] = [definition("False")]
    assert cluster.plan(SMALL, wait=True).wait is not None
    cluster.lists.update({DEFINITIONS: [definition()], TYPES: 404})
    late = cluster.plan(SMALL, wait=True).wait
    assert late is not None and [read.path for read in late.again] == [TYPES]
    cluster.lists[TYPES] = []
    assert cluster.plan(SMALL, wait=True).wait is None
    cluster.lists[DEFINITIONS] = []
    assert cluster.plan(SMALL, wait=True, state="absent").wait is None


def test_another_version_of_the_definition_is_not_written_to(cluster: Cluster) -> None:
    cluster.lists[DEFINITIONS] = [definition(version="v2")]
    result = cluster.plan(SMALL, wait=True)
    assert said(result) == {"other_version": "error"} and not result.changes and result.wait is None


def test_a_definition_that_may_not_be_read_is_not_missed(cluster: Cluster) -> None:
    cluster.lists[DEFINITIONS] = 403
    result = cluster.plan(SMALL)
    assert said(result) == {"unreadable": "warning"} and states(result) == {"small": "created"}
    cluster.lists[TYPES] = 404
    result = cluster.plan(SMALL)
    assert said(result) == {"unreadable": "warning", "no_definition": "error"} and not result.changes
    cluster.lists[TYPES] = 403
    result = cluster.plan(SMALL)
    assert [one.severity for one in result.findings] == ["error", "warning"] and set(said(result)) == {"unreadable"}
    assert result.checks == {"instances": "unknown"} and not result.changes


def test_a_type_of_somebody_else_is_changed_only_when_adopted(cluster: Cluster) -> None:
    cluster.type("small", {**RESOURCES, "limits": {"cpu": "2", "memory": "2Gi"}})
    assert said(cluster.plan(SMALL)) == {"foreign": "error"} and states(cluster.plan(SMALL)) == {"small": "refused"}
    cluster.write(cluster.plan(SMALL, adopt=True))
    assert said(cluster.plan(SMALL)) == {} and cluster.plan(SMALL).changes == ()
    gone = cluster.plan(SMALL, state="absent")
    assert said(gone) == {"kept": "info"} and gone.changes == () and states(gone) == {"small": "kept"}


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {**OURS, "argocd.argoproj.io/instance": "ml"}},
        {"labels": OURS, "ownerReferences": [{"kind": "Operator", "name": "x", "controller": True}]},
    ],
)
def test_a_type_that_a_controller_keeps_is_left_alone(cluster: Cluster, metadata: Json) -> None:
    cluster.type("small", {"requests": {}}, **metadata)
    assert said(cluster.plan(SMALL, adopt=True)) == {"controlled": "error"}


CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
TAINT = {"key": "sku", "value": "gpu", "effect": "NoSchedule"}
NODES: list[tuple[Json, dict[str, str]]] = [
    (node(), {}),
    (node(cpu="699m"), {"fits_no_node": "error"}),
    (node(memory="1499Mi"), {"fits_no_node": "error", "default_fits_no_node": "warning"}),
    (node("one", TAINT), {"fits_no_node": "error", "default_fits_no_node": "warning"}),
    (node("one", {**TAINT, "effect": "PreferNoSchedule"}), {}),
    (node("one", {"key": "ml.azure.com/amlarc", "value": "true", "effect": "NoSchedule"}), {}),
    (
        node("one", {"key": "ml.azure.com/amlarc-system", "value": "true", "effect": "NoExecute"}),
        {"fits_no_node": "error", "default_fits_no_node": "warning"},
    ),
    (node("one", {"key": "ml.azure.com/compute", "value": "any", "effect": "NoSchedule"}), {}),
    (node(labels={"kubernetes.io/os": "windows"}), {"fits_no_node": "error", "default_fits_no_node": "warning"}),
    (node(ready="False"), {"nodes_closed": "warning"}),
    (
        {
            **node(),
            "spec": {"unschedulable": True, "taints": [CORDON]},
        },
        {"nodes_closed": "warning"},
    ),
    ({"metadata": {"name": "bare"}}, {"fits_no_node": "error", "default_fits_no_node": "warning"}),
]


@pytest.mark.parametrize(("one", "expected"), NODES)
def test_a_type_fits_a_node_by_size_labels_and_taints(cluster: Cluster, one: Json, expected: dict[str, str]) -> None:
    cluster.lists["/api/v1/nodes"] = [one]
    result = cluster.plan(SMALL)
    assert said(result) == expected
    assert bool(result.changes) is ("fits_no_node" not in expected)


def test_tolerations_of_workloads_open_a_tainted_node(cluster: Cluster) -> None:
    cluster.lists["/api/v1/nodes"] = [node("one", TAINT)]
    for toleration in ({"key": "sku", "operator": "Exists"}, {"operator": "Exists"}, {"key": "sku", "value": "gpu"}):
        assert said(cluster.plan(SMALL, workload_tolerations=[toleration])) == {}, toleration
    for toleration in ({"key": "sku", "value": "cpu"}, {"operator": "Exists", "effect": "NoExecute"}, {"key": "x"}):
        assert "fits_no_node" in said(cluster.plan(SMALL, workload_tolerations=[toleration])), toleration


def test_a_pool_that_grows_is_taken_at_the_users_word(cluster: Cluster) -> None:
    assert said(cluster.plan(GPU)) == {"fits_no_node": "error"}
    result = cluster.plan({**GPU, "autoscaled": True})
    assert said(result) == {"from_zero": "info"} and states(result) == {"gpu": "created"}
    cluster.lists["/api/v1/nodes"] = [node(labels={"pool": "gpu"})]
    (finding,) = cluster.plan(GPU).findings
    assert finding.evidence == {"one": "it offers nvidia.com/gpu 0, 1 is requested"}


def test_a_type_named_for_the_default_replaces_it(cluster: Cluster) -> None:
    cluster.lists["/api/v1/nodes"] = [node(memory="1Gi")]
    assert said(cluster.plan()) == {"nothing_named": "info", "default_fits_no_node": "warning"}
    tiny = {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    assert said(cluster.plan({"name": "defaultinstancetype", **tiny})) == {}
    cluster.type("defaultinstancetype", tiny)
    assert said(cluster.plan()) == {"nothing_named": "info"}


def test_a_type_of_ours_that_is_named_no_more_is_told(cluster: Cluster) -> None:
    cluster.type("old", labels=OURS)
    cluster.type("theirs")
    assert said(cluster.plan(SMALL)) == {"left_over": "info"}


USES: list[tuple[list[Json], list[Json], bool]] = [
    ([], [], False),
    ([pod()], [], False),
    ([pod({"example.com/instance-type": "small"})], [], True),
    ([pod({"example.com/instance-type": "small"}, phase="Succeeded")], [], False),
    ([pod({"example.com/instance-type": "smaller"})], [], False),
    ([pod(resources=RESOURCES)], [], True),
    ([pod(resources={**RESOURCES, "limits": {"cpu": "2", "memory": "2Gi"}})], [], False),
    ([], [{"metadata": {"name": "job", "namespace": "ml"}, "spec": {"roles": [{"instanceType": "small"}]}}], True),
    ([], [{"metadata": {"name": "job", "namespace": "ml"}, "spec": {"name": "small"}}], False),
]


@pytest.mark.parametrize(("pods", "jobs", "used"), USES)
def test_a_type_that_work_asks_for_goes_with_consent_only(cluster: Cluster, pods: list[Json], jobs: list[Json], used: bool) -> None:
    cluster.type("small", labels=OURS)
    cluster.lists.update({"/api/v1/pods": pods, JOBS: jobs})
    result = cluster.plan(SMALL, GPU, state="absent")
    (change,) = result.changes
    assert change.disruptive == ({"disturbs_jobs"} if used else set())
    assert said(result) == ({"in_use": "warning"} if used else {})
    assert states(result) == {"small": "removed", "gpu": "absent"}
    cluster.write(result)
    assert cluster.plan(SMALL, state="absent").changes == ()


def test_what_cannot_be_read_counts_as_used(cluster: Cluster) -> None:
    cluster.type("small", labels=OURS)
    cluster.lists["/api/v1/pods"] = 403
    result = cluster.plan(SMALL, state="absent")
    assert result.changes[0].disruptive == {"disturbs_jobs"} and said(result) == {"unreadable": "warning"}


@pytest.mark.parametrize(
    "rubbish", [{}, {"metadata": 1, "spec": []}, {"metadata": {"name": "x"}, "spec": {"resources": {"limits": [1]}}}]
)
def test_odd_objects_are_told_and_never_a_traceback(cluster: Cluster, rubbish: Json) -> None:
    cluster.lists.update({path: [rubbish] for path in (TYPES, "/api/v1/nodes", "/api/v1/pods", JOBS)})
    assert "fits_no_node" in said(cluster.plan(SMALL))
    assert cluster.plan(SMALL, state="absent").changes == ()
    cluster.lists[DEFINITIONS] = [rubbish]
    assert said(cluster.plan(SMALL))["no_definition"] == "error"
