from __future__ import annotations

import pytest

from tests.play import Play
from tests.sandbox import Sandbox

pytestmark = pytest.mark.engine


def test_a_task_needs_no_connection(aro: Sandbox, play: Play) -> None:
    """The inventory's host cannot be reached over SSH, and need not be."""
    outcome = play.tasks(
        [{"name": "look", "azureml.kubernetes.cluster_info": {}}], {"cluster": {"azureml_kubeconfig": str(aro.kubeconfig)}}
    )
    assert outcome.status == 0, outcome.text
    assert outcome.result("look", "cluster")["cluster_facts"]["platform"]["name"] == "aro"
