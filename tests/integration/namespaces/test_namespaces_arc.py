"""compute_namespace on one k3s node that is the control plane, as a user runs it: in a play, by role, with host variables."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.namespaces.work import NAMESPACES, codes, find, get, run, taints
from tests.play import Play
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.namespaces, pytest.mark.xdist_group("arc-k3s")]

TASK = "Prepare the compute namespaces"


def hosts(sandbox: Sandbox, **variables: Any) -> dict[str, dict[str, Any]]:
    return {"k3s": {"azureml_kubeconfig": str(sandbox.kubeconfig), "azureml_context": sandbox.name, **variables}}


def role(play: Play, sandbox: Sandbox, *args: str, **variables: Any) -> Any:
    """The role in a play, and what its task returned."""
    book = [{"hosts": "all", "gather_facts": False, "roles": ["azureml.kubernetes.compute_namespaces"]}]
    done = play.run(book, hosts(sandbox, **variables), *args)
    assert done.status == 0, done.text
    return next(result["k3s"] for name, result in done.tasks.items() if TASK in name)


def test_the_only_node_is_the_control_plane_and_is_left_alone(arc_k3s: Sandbox) -> None:
    before = taints(arc_k3s, "k3s-server")
    result = run(arc_k3s.kubeconfig, dedicated_nodes=[{"nodes": ["k3s-server"]}])
    assert "control_plane_node" in codes(result) and result.failed_by("error")
    assert taints(arc_k3s, "k3s-server") == before
    assert find(arc_k3s, f"{NAMESPACES}/ml") is not None, "the namespace is made all the same"


def test_the_role_reads_host_variables_and_is_idempotent(arc_k3s: Sandbox, play: Play) -> None:
    wish = {
        "azureml_compute_namespaces": ["ml", "default"],
        "compute_namespaces_labels": {"team": "ml"},
        "compute_namespaces_settings": [{"name": "research", "pod_security": "privileged"}],
    }
    would = role(play, arc_k3s, "--check", **wish)
    assert would["changed"] and find(arc_k3s, f"{NAMESPACES}/ml") is None
    first = role(play, arc_k3s, **wish)
    assert first["changed"] and first["checks"] == {"namespaces": "warning"}, "default was named"
    assert [entry["name"] for entry in first["compute_namespaces"]["namespaces"]] == ["ml", "research"]
    assert all(find(arc_k3s, f"{NAMESPACES}/{name}/serviceaccounts/default") for name in ("ml", "research"))
    assert get(arc_k3s, f"{NAMESPACES}/research")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert "team" not in get(arc_k3s, f"{NAMESPACES}/default")["metadata"]["labels"]
    assert not role(play, arc_k3s, **wish)["changed"]
    gone = role(play, arc_k3s, compute_namespaces_state="absent", **wish)
    assert [change["verb"] for change in gone["changes"]] == ["delete", "delete"]
    assert find(arc_k3s, f"{NAMESPACES}/ml") is None and find(arc_k3s, f"{NAMESPACES}/research") is None


def test_input_that_makes_no_sense_is_said_at_once(arc_k3s: Sandbox, play: Play) -> None:
    task = {
        "name": "wrong",
        "azureml.kubernetes.compute_namespace": {"compute_namespaces": ["ML", "kube-system"], "egress_ports": [0]},
    }
    done = play.tasks([task], hosts(arc_k3s))
    assert done.status != 0
    said = [finding["message"] for finding in done.result("wrong", "k3s")["findings"]]
    assert len(said) == 3
