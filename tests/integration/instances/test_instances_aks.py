"""instance_types on a real API server, with a stand-in for the extension's definition."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Result
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.topic import TOPIC

from tests.integration.faults.test_least_privilege import bind, role
from tests.integration.faults.work import run
from tests.integration.instances.definition import DEFINITION, PATH
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.extension, pytest.mark.xdist_group("aks-gpu")]
TYPES = "/apis/amlarc.azureml.com/v1alpha1/instancetypes"
SMALL: dict[str, Any] = {"name": "small", "requests": {"cpu": "700m", "memory": "1500Mi"}, "limits": {"cpu": "1", "memory": "2Gi"}}
GROWING = {**SMALL, "name": "growing", "node_selector": {"pool": "nobody"}, "autoscaled": True}


def said(result: Result) -> set[str]:
    return {finding.code for finding in result.findings}


def test_types_are_waited_for_written_changed_and_taken_away(aks_gpu: Sandbox) -> None:
    limited = bind(aks_gpu, role("instance_types.yml"))

    def ask(*types: dict[str, Any], **options: Any) -> Result:
        return run(TOPIC, limited, instance_types=list(types), **options)

    early = ask(SMALL)
    assert said(early) == {"instances.no_definition"} and early.failed_by("error")
    door = aks_gpu.front_door.door("main")
    door.clear_log()
    threading.Timer(3, lambda: aks_gpu.apply([DEFINITION])).start()
    done = ask(SMALL, GROWING, wait=True, wait_timeout=60)
    assert not done.failed_by("error") and [change.verb for change in done.changes] == ["create", "create"], done.findings
    asked = [entry.path for entry in door.log()]
    assert not [path for path in asked if path.split("?")[0] in ("/api", "/apis")], "waiting discovers nothing"
    assert sum(PATH in path for path in asked) <= 5, asked
    live = aks_gpu.request("GET", f"{TYPES}/small")
    assert live["spec"] == {"resources": {"requests": SMALL["requests"], "limits": SMALL["limits"]}}
    assert ask(SMALL, GROWING).changes == ()
    bigger = {**SMALL, "limits": {"cpu": "2", "memory": "2Gi"}}
    (change,) = ask(bigger, GROWING).changes
    assert change.verb == "update" and aks_gpu.request("GET", f"{TYPES}/small")["spec"]["resources"]["limits"]["cpu"] == "2"
    aks_gpu.request("POST", TYPES, {**live, "metadata": {"name": "theirs"}})
    gone = ask(bigger, GROWING, {**SMALL, "name": "theirs"}, state="absent")
    assert [one.verb for one in gone.changes] == ["delete", "delete"], gone.findings
    assert [item["metadata"]["name"] for item in aks_gpu.request("GET", TYPES)["items"]] == ["theirs"]
