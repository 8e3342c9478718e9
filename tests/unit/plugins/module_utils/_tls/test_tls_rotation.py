"""A rotation is finished when the router serves the certificate, not when the Secret holds it."""

from __future__ import annotations

import pytest

from tests import pki
from tests.unit.plugins.module_utils._tls.tls_cluster import (
    DEPLOYMENTS,
    NAME,
    PODS,
    SECRET,
    SERVICE,
    Cluster,
    codes_of,
    finding_of,
    request_of,
    state_of,
)

pytestmark = pytest.mark.tls
MARK = "azureml.kubernetes/tls-rotation"


def mark_of(cluster: Cluster) -> str | None:
    found: str | None = cluster.objects[SECRET]["metadata"]["annotations"].get(MARK)
    return found


def test_before_the_extension_is_installed_nothing_is_to_rotate(cluster: Cluster, chain: pki.Chain) -> None:
    made = cluster.run(request_of(chain))
    assert mark_of(cluster) is None and made.facts["tls"]["rotation"] == "none" and made.facts["tls"]["update_command"] == ""
    cluster.router()
    cluster.requests.clear()
    assert cluster.plan(request_of(chain)).findings == () and len(cluster.requests) == 2


def test_after_a_change_the_exact_command_stands_until_the_router_serves_it(
    cluster: Cluster, chain: pki.Chain, renewed: pki.Chain
) -> None:
    cluster.run(request_of(chain))
    cluster.router("ml")
    cluster.arc()
    first = cluster.run(request_of(renewed))
    later = cluster.plan(request_of(renewed))
    command = (
        "az k8s-extension update --name ml --cluster-type connectedClusters --cluster-name edge-1 --resource-group factory"
        f" --config sslSecret=tls sslCname={NAME}"
    )
    for said in (first, later):
        found = finding_of(said, "tls.rotation_pending")
        assert found.severity == "warning" and renewed.server.sha256 in found.message
        assert command in found.remedy and "1.4.1" in found.remedy
        assert said.facts["tls"]["rotation"] == "pending" and said.facts["tls"]["update_command"] == command
    assert finding_of(first, "tls.rotation_pending") == finding_of(later, "tls.rotation_pending"), "it is said once per run"
    assert mark_of(cluster) == renewed.server.sha256 and later.checks == {"tls": "warning"}

    cluster.serve(chain.server.pem)
    looked = cluster.plan(request_of(renewed, served_address=NAME))
    message = finding_of(looked, "tls.rotation_pending").message
    assert chain.server.sha256 in message and renewed.server.sha256 in message and looked.changes == ()
    assert looked.facts["tls"]["served"]["sha256"] == chain.server.sha256

    cluster.serve(renewed.server.pem)
    done = cluster.run(request_of(renewed, served_address=NAME))
    assert [change.reason for change in done.changes] == ["the rotation is finished"]
    assert done.findings == () and done.facts["tls"]["rotation"] == "done" and mark_of(cluster) is None
    cluster.requests.clear()
    assert state_of(cluster.plan(request_of(renewed, served_address=NAME))) == "unchanged"
    assert [read.path for read in cluster.requests] == ["/api/v1/namespaces/kube-system", SECRET, f"tls://{NAME}:443"]


def test_names_that_are_given_make_the_command_complete(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.router()
    names = {"extension_name": "azureml", "connection": "aks", "cluster_name": "my cluster", "resource_group": "rg-1"}
    command = cluster.plan(request_of(chain, **names)).facts["tls"]["update_command"]
    assert command.startswith(
        "az k8s-extension update --name azureml --cluster-type managedClusters --cluster-name 'my cluster' --resource-group rg-1 "
    )


def test_names_that_nobody_knows_are_in_capitals(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.forbidden |= {DEPLOYMENTS, "/api/v1/namespaces/azure-arc"}
    command = cluster.plan(request_of(chain, ssl_cname=None)).facts["tls"]["update_command"]
    assert command == (
        "az k8s-extension update --name EXTENSION_NAME --cluster-type CLUSTER_TYPE --cluster-name CLUSTER_NAME --resource-group"
        " RESOURCE_GROUP --config sslSecret=tls sslCname=SSL_CNAME"
    )
    cluster.forbidden.clear()
    cluster.router()
    assert "--name ml --cluster-type managedClusters" in cluster.plan(request_of(chain)).facts["tls"]["update_command"]


def test_a_restarted_router_is_no_proof_but_a_calmer_finding(cluster: Cluster, chain: pki.Chain, renewed: pki.Chain) -> None:
    cluster.run(request_of(chain))
    cluster.router()
    cluster.run(request_of(renewed))
    assert "tls.rotation_pending" in codes_of(cluster.plan(request_of(renewed)))
    cluster.restart_router()
    said = cluster.plan(request_of(renewed))
    assert finding_of(said, "tls.rotation_unproven").severity == "info" and said.checks == {"tls": "ok"}
    assert said.changes == () and mark_of(cluster) == renewed.server.sha256
    cluster.put(f"{PODS}/fe-0", {"metadata": {"creationTimestamp": "2020-01-01T00:00:00Z"}})
    assert "tls.rotation_pending" in codes_of(cluster.plan(request_of(renewed))), "one old pod is enough"


def test_an_uninstalled_extension_ends_the_wait(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.router()
    cluster.run(request_of(chain))
    assert mark_of(cluster)
    for path in [path for path in cluster.objects if path.startswith((DEPLOYMENTS, PODS))]:
        del cluster.objects[path]
    done = cluster.run(request_of(chain))
    assert [change.reason for change in done.changes] == ["there is no router to rotate"] and mark_of(cluster) is None


def test_a_router_that_may_not_be_seen_counts_as_there(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.forbidden.add(DEPLOYMENTS)
    assert "tls.rotation_pending" in codes_of(cluster.run(request_of(chain)))


def test_a_served_certificate_that_differs_is_told_without_any_mark(cluster: Cluster, chain: pki.Chain, renewed: pki.Chain) -> None:
    cluster.run(request_of(chain))
    cluster.router()
    cluster.serve(renewed.server.pem)
    for state in ("present", "checked"):
        texts = chain if state == "present" else None
        said = cluster.plan(request_of(texts, state=state, served_address=NAME))
        assert said.changes == () and "tls.rotation_pending" in codes_of(said) and mark_of(cluster) is None


def test_without_a_router_whoever_answers_is_somebody_else(cluster: Cluster, chain: pki.Chain, renewed: pki.Chain) -> None:
    cluster.serve(renewed.server.pem)
    made = cluster.run(request_of(chain, served_address=NAME))
    assert made.facts["tls"]["rotation"] == "none" and "tls.rotation_pending" not in codes_of(made) and mark_of(cluster) is None


def test_checked_tells_an_open_rotation(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.router()
    cluster.run(request_of(chain))
    assert codes_of(cluster.plan(request_of(state="checked"))) == {"tls.rotation_pending"}
    cluster.serve(chain.server.pem)
    done = cluster.plan(request_of(state="checked", served_address=NAME))
    assert done.findings == () and done.changes == () and done.facts["tls"]["rotation"] == "done"


def test_auto_takes_the_address_of_the_service(cluster: Cluster, chain: pki.Chain) -> None:
    request = request_of(chain, served_address="auto")
    cluster.run(request_of(chain))
    assert "does not exist" in finding_of(cluster.plan(request), "tls.served_unknown").message
    cluster.put(SERVICE, {"status": {"loadBalancer": {}}})
    assert "no external address" in finding_of(cluster.plan(request), "tls.served_unknown").message
    for ingress, address in (
        ({"ip": "192.0.2.7"}, "192.0.2.7:443"),
        ({"hostname": "lb.example"}, "lb.example:443"),
        ({"ip": "2001:db8::7"}, "[2001:db8::7]:443"),
    ):
        cluster.put(SERVICE, {"status": {"loadBalancer": {"ingress": [{}, ingress]}}})
        cluster.serve(chain.server.pem, address)
        said = cluster.plan(request)
        assert said.facts["tls"]["served"]["address"] == address and said.findings == ()
    sent = next(read for read in cluster.requests if read.path == "tls://192.0.2.7:443")
    assert sent.query == (("sni", NAME),)
    cluster.forbidden.add(SERVICE)
    assert "forbidden" in finding_of(cluster.plan(request), "tls.served_unknown").message


@pytest.mark.parametrize("served, words", [(None, "Connection refused"), ("rubbish", "no well-formed certificate")])
def test_what_cannot_be_looked_at_is_unknown(cluster: Cluster, chain: pki.Chain, served: str | None, words: str) -> None:
    cluster.run(request_of(chain))
    cluster.serve(served)
    said = cluster.plan(request_of(chain, served_address=NAME))
    found = finding_of(said, "tls.served_unknown")
    assert words in found.message and "port-forward" in found.remedy and said.facts["tls"]["served"] == {}
