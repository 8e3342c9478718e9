"""The rules of the emulated MachineConfig operator, without a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox import Object
from tests.sandbox.mco import daemon, pools, render, selectors
from tests.sandbox.mco.daemon import Phase
from tests.sandbox.mco.hosts import Mode, getenforce
from tests.sandbox.mco.names import APPLIED_DRAIN, CURRENT, DESIRED, DESIRED_DRAIN, REASON, ROLE, STATE, name_of
from tests.sandbox.mco.settings import Settings

pytestmark = pytest.mark.sandbox

READY = [{"type": "Ready", "status": "True"}]


def node(name: str, *roles: str, ready: bool = True, cordoned: bool = False, zone: str = "", **notes: str) -> Object:
    """Return a Node; ``notes`` are current, desired, state, drain, drained and reason."""
    keys = {"current": CURRENT, "desired": DESIRED, "state": STATE, "reason": REASON}
    keys |= {"drain": DESIRED_DRAIN, "drained": APPLIED_DRAIN}
    labels = {f"node-role.kubernetes.io/{role}": "" for role in roles}
    if zone:
        labels["topology.kubernetes.io/zone"] = zone
    annotations = {keys[key]: value for key, value in notes.items()}
    return {
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": {"unschedulable": True} if cordoned else {},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def done(name: str, config: str = "old", **more: Any) -> Object:
    """Return a worker at rest."""
    return node(name, "worker", current=config, desired=config, state="Done", **more)


def pool(name: str, **spec: Any) -> Object:
    """Return a MachineConfigPool that wants rendered MachineConfig ``new``."""
    selector = {"matchLabels": {f"node-role.kubernetes.io/{name}": ""}}
    own = {"nodeSelector": selector, "configuration": {"name": "new", "source": []}, **spec}
    return {"metadata": {"name": name, "generation": 3}, "spec": own, "status": {}}


def config(name: str, role: str, *arguments: str, **spec: Any) -> Object:
    """Return a MachineConfig."""
    return {"metadata": {"name": name, "labels": {ROLE: role}}, "spec": {"kernelArguments": list(arguments), **spec}}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (None, False),
        ({}, False),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "1", "b": "1"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["0", "1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "DoesNotExist"}]}, True),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
    ],
)
def test_selectors(selector: Object | None, expected: bool) -> None:
    """All of a selector has to hold, and an empty one selects nothing."""
    assert selectors.matches(selector, {"a": "1"}) is expected


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (("worker",), "worker"),
        (("master", "worker"), "master"),
        (("worker", "infra"), "infra"),
        (("master", "infra"), "master"),
        (("worker", "infra", "gpu"), None),
        ((), None),
    ],
)
def test_a_node_has_one_pool(roles: tuple[str, ...], expected: str | None) -> None:
    """Master beats custom beats worker; two custom pools are an error, and nobody updates the node."""
    found = pools.primary_pool(node("n", *roles), [pool("worker"), pool("gpu"), pool("infra"), pool("master")])
    assert (found and name_of(found)) == expected


@pytest.mark.parametrize(
    ("value", "count", "expected"), [(None, 5, 1), (2, 5, 2), (0, 5, 1), ("50%", 5, 2), ("10%", 5, 1), ("100%", 4, 4)]
)
def test_max_unavailable(value: object, count: int, expected: int) -> None:
    """A percentage is rounded down, and nothing is less than one."""
    spec = {} if value is None else {"maxUnavailable": value}
    assert pools.max_unavailable(pool("worker", **spec), count) == expected


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([done("a"), done("b"), done("c")], ["a", "b"]),
        ([done("a", zone="2"), done("b"), done("c", zone="1")], ["c", "a"]),
        ([done("a", ready=False), done("b"), done("c")], ["b"]),
        ([done("a", cordoned=True), done("b"), done("c")], ["b"]),
        ([done("a", ready=False), done("b", cordoned=True), done("c")], []),
        ([node("a", "worker", current="old", desired="new", state="Working"), done("b"), done("c")], ["b"]),
        ([node("a", "worker", current="old", desired="new", state="Degraded"), done("b"), done("c")], ["b"]),
        ([done("a", "new"), done("b", "new"), done("c")], ["c"]),
    ],
    ids=["two of three", "zones first", "not ready", "cordoned", "both", "busy", "failing", "almost done"],
)
def test_who_starts(nodes: list[Object], expected: list[str]) -> None:
    """With maxUnavailable 2, whoever is away, busy or failing uses it up."""
    assert [name_of(item) for item in pools.candidates(pool("worker", maxUnavailable=2), nodes)] == expected


STATUS: list[tuple[str, list[Object], dict[str, Any], dict[str, tuple[str, str]]]] = [
    ("done", [done("a", "new"), done("b", "new")], {},
     {"Updated": ("True", "All nodes are updated with MachineConfig new"), "Updating": ("False", ""), "Degraded": ("False", "")}),
    ("no nodes", [], {}, {"Updated": ("True", "All nodes are updated with MachineConfig new")}),
    ("under way", [done("a", "new"), done("b")], {},
     {"Updated": ("False", ""), "Updating": ("True", "All nodes are updating to MachineConfig new")}),
    ("done but cordoned", [done("a", "new", cordoned=True)], {}, {"Updated": ("False", "")}),
    ("paused", [done("a")], {"paused": True},
     {"Updated": ("False", ""), "Updating": ("False", "Pool is paused; will not update to MachineConfig new")}),
    ("degraded", [node("a", "worker", current="old", desired="new", state="Degraded", reason="no disk")], {},
     {"NodeDegraded": ("True", 'Node a is reporting: "no disk"'), "Degraded": ("True", 'Node a is reporting: "no disk"')}),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "spec", "expected"), [row[1:] for row in STATUS], ids=[row[0] for row in STATUS])
def test_what_a_pool_says(nodes: list[Object], spec: Object, expected: dict[str, tuple[str, str]]) -> None:
    """Conditions carry the operator's messages, and the configuration moves on only when all nodes have it."""
    status = pools.status(pool("worker", **spec), nodes, "now")
    said = {item["type"]: (item["status"], item["message"]) for item in status["conditions"]}
    assert {key: said[key] for key in expected} == expected
    assert (status.get("configuration") == {"name": "new", "source": []}) is (said["Updated"][0] == "True")
    assert status["observedGeneration"] == 3


def test_a_condition_keeps_its_date() -> None:
    """A date changes with the condition's status, not with its message."""
    old = [{"type": "Updating", "status": "True", "reason": "", "message": "one", "lastTransitionTime": "then"}]
    for status, date in (("True", "then"), ("False", "now")):
        new = pools.conditions(old, [{"type": "Updating", "status": status, "reason": "", "message": "two"}], "now")
        assert [(item["message"], item["lastTransitionTime"]) for item in new] == [("two", date)]


def test_kernel_arguments_keep_the_merge_order() -> None:
    """Role worker comes first whatever the names say, then the others by name; duplicates stay."""
    infra, late = config("10-infra", "infra", "i=1"), config("99-worker", "worker", "w=9", "i=1")
    configs = [infra, late, config("50-worker", "worker", "w=5")]
    assert render.merge(configs)["kernelArguments"] == ["w=5", "w=9", "i=1", "i=1"]


def test_a_rendered_name_is_a_hash_of_the_content() -> None:
    """The same content has the same name, in one pool; a rendered MachineConfig is never selected itself."""
    selecting = pool("worker", machineConfigSelector={"matchLabels": {ROLE: "worker"}})
    one, other = ([config("50-worker", "worker", word)] for word in ("a=1", "a=2"))
    names = {name_of(render.rendered(selecting, configs)) for configs in (one, one, other)}
    assert len(names) == 2
    assert all(name.startswith("rendered-worker-") for name in names)
    assert name_of(render.rendered(pool("infra"), one)) not in {name.replace("worker", "infra") for name in names}
    assert render.selected(selecting, [*one, render.rendered(selecting, one)]) == one


def test_what_cannot_be_rendered() -> None:
    """No MachineConfigs at all, or Ignition of an unknown version."""
    with pytest.raises(render.RenderError, match="no MachineConfigs found"):
        render.rendered(pool("worker"), [])
    with pytest.raises(render.RenderError, match=r"99-bad: parsing Ignition config failed: unknown version"):
        render.merge([config("99-bad", "worker", config={"ignition": {"version": "9.9.0"}})])


PHASES: list[tuple[Object, str, Phase]] = [
    (done("a", "new"), "", Phase.REST),
    (done("a", "new"), "no disk", Phase.REST),
    (node("a", current="old", desired="new", state="Done", drain="uncordon-old", drained="uncordon-old"), "", Phase.START),
    (node("a", current="old", desired="new", state="Working", drain="drain-new", drained="uncordon-old"), "", Phase.DRAIN),
    (node("a", current="old", desired="new", state="Working", drain="drain-new", drained="drain-new"), "", Phase.REBOOT),
    (node("a", current="old", desired="new", state="Working", drain="uncordon-new", drained="drain-new"), "", Phase.UNCORDON),
    (node("a", current="old", desired="new", state="Working", drain="uncordon-new", drained="uncordon-new"), "", Phase.FINISH),
    (node("a", current="old", desired="new", state="Done"), "no disk", Phase.FAIL),
    (node("a", current="old", desired="new", state="Degraded", reason="no disk"), "no disk", Phase.REST),
    (node("a", current="old", desired="new", state="Degraded", reason="no disk"), "", Phase.START),
    (node("a", current="old", desired="old", state="Degraded", reason="no disk"), "", Phase.FINISH),
    (node("a", current="old", desired="new", state="Done", ready=False), "", Phase.REST),
    (node("a"), "", Phase.REST),
]


@pytest.mark.parametrize(("item", "fault", "expected"), PHASES)
def test_what_a_node_does_next(item: Object, fault: str, expected: Phase) -> None:
    """The node alone tells, so that the emulator can stop anywhere."""
    assert daemon.phase(item, fault) is expected


@pytest.mark.parametrize(
    ("line", "mode", "expected"),
    [
        ("quiet", "enforcing", "Enforcing"),
        ("quiet", "permissive", "Permissive"),
        ("quiet", "disabled", "Disabled"),
        ("selinux=0", "enforcing", "Disabled"),
        ("selinux=0 selinux=1", "enforcing", "Enforcing"),
        ("selinux=1", "disabled", "Disabled"),
        ("enforcing=0", "enforcing", "Permissive"),
        ("enforcing=0 enforcing=1", "permissive", "Enforcing"),
        ("selinux=0 enforcing=1", "enforcing", "Disabled"),
    ],
)
def test_getenforce(line: str, mode: Mode, expected: str) -> None:
    """The last word on the command line wins, and no kernel argument brings a disabled configuration back."""
    assert getenforce(line, mode) == expected


def test_settings_of_a_config_map() -> None:
    """Seconds are numbers or the default, faults map names to reasons."""
    data = {"render_delay": "0.5", "reboot_seconds": "soon", "fail_node.worker-0.example": "no disk", "fail_render.infra": "bad"}
    found = Settings.read([{"metadata": {"name": "machine-config-operator"}, "data": data}])
    assert found == Settings(render_delay=0.5, fail_node={"worker-0.example": "no disk"}, fail_render={"infra": "bad"})
    assert Settings.read([]) == Settings()
