"""What becomes of the Secret: written once, copied, adopted, left alone, taken away."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import typing as t
from dataclasses import replace
from datetime import timedelta

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import MANAGED_BY, Identity, Plan, Result
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.output import to_output
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls import _imports
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls import plan as planning

from tests import pki
from tests.unit.plugins.module_utils._tls.tls_cluster import (
    CORE,
    DEPLOYMENTS,
    NAME,
    SECRET,
    SOURCE,
    Cluster,
    codes_of,
    copy_of_source,
    encoded,
    entry,
    finding_of,
    request_of,
    state_of,
)

pytestmark = pytest.mark.tls
IDENTITY = Identity("https://cluster", "uid")


def data_of(chain: pki.Chain) -> dict[str, str]:
    return encoded(cert_pem=chain.pem, key_pem=chain.key_pem)


def paths(cluster: Cluster) -> list[str]:
    return [read.path for read in cluster.requests]


# Writing


def test_the_documents_secret_is_written_once(cluster: Cluster, chain: pki.Chain) -> None:
    made = cluster.run(request_of(chain))
    assert state_of(made) == "created" and codes_of(made) == {"tls.missing", "tls.tls12_only"}
    stored = cluster.objects[SECRET]
    assert stored["type"] == "Opaque" and stored["data"] == data_of(chain)
    assert stored["metadata"]["labels"] == MANAGED_BY
    assert [write.kind for write in cluster.writes] == ["apply"] and not cluster.writes[0].force
    cluster.requests.clear()
    again = cluster.plan(request_of(chain))
    assert again.changes == () and state_of(again) == "unchanged" and again.checks == {"tls": "ok"}
    assert len(cluster.requests) == 2, "the identity and the Secret"


def test_the_namespace_comes_first(cluster: Cluster, chain: pki.Chain) -> None:
    del cluster.objects[f"{CORE}/azureml"]
    made = cluster.run(request_of(chain))
    assert [str(change.object) for change in made.changes] == ["Namespace/azureml", "Secret/azureml/tls"]
    assert cluster.objects[f"{CORE}/azureml"]["metadata"]["labels"] == MANAGED_BY


def test_a_namespace_that_goes_is_waited_for(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.namespace("azureml", deletionTimestamp="2026-01-01T00:00:00Z")
    said = cluster.plan(request_of(chain))
    assert said.changes == () and "tls.namespace_terminating" in codes_of(said) and state_of(said) == "refused"


def test_a_forbidden_namespace_is_no_missing_one(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.forbidden.add(f"{CORE}/azureml")
    cluster.forbidden.discard(SECRET)
    said = cluster.plan(request_of(chain))
    assert said.changes == () and said.checks == {"tls": "unknown"} and codes_of(said) == {"tls.unreadable"}


def test_another_certificate_is_an_update(cluster: Cluster, chain: pki.Chain, renewed: pki.Chain) -> None:
    cluster.run(request_of(chain))
    made = cluster.run(request_of(renewed))
    (change,) = made.changes
    assert change.verb == "update" and change.after["key"] == "changed" and change.disruptive == frozenset()
    assert change.before["certificates"][0]["sha256"] == chain.server.sha256
    assert change.after["certificates"][0]["sha256"] == renewed.server.sha256
    assert chain.server.sha256 in finding_of(made, "tls.outdated").message
    assert cluster.objects[SECRET]["data"] == data_of(renewed)


def test_another_chain_with_the_same_key_says_so(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.run(request_of(chain))
    made = cluster.run(request_of(chain, ssl_cert_pem=chain.server.pem + chain.intermediate.pem))
    assert made.changes[0].after["key"] == "as it was" and "tls.root_missing" in codes_of(made)
    assert "another chain" in finding_of(made, "tls.outdated").message


def test_one_byte_of_drift_is_repaired(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.run(request_of(chain))
    cluster.objects[SECRET]["data"]["key.pem"] = "AAAA"
    assert [change.verb for change in cluster.run(request_of(chain)).changes] == ["update"]


def test_an_encrypted_key_is_stored_decrypted_and_compares_equal_later(cluster: Cluster, chain: pki.Chain) -> None:
    locked = pki.key_pem(chain.server.key, passphrase="open sesame")
    request = request_of(chain, ssl_key_pem=locked, ssl_key_passphrase="open sesame")
    cluster.run(request)
    stored = base64.b64decode(cluster.objects[SECRET]["data"]["key.pem"]).decode()
    assert stored == chain.key_pem
    assert state_of(cluster.plan(request)) == "unchanged"


@pytest.mark.parametrize(
    "change, code",
    [
        ({"ssl_key_pem": pki.key_pem(pki.ec_key())}, "tls.key_mismatch"),
        ({"ssl_cert_pem": "no pem"}, "tls.pem_unreadable"),
        ({"ssl_key_pem": "no pem"}, "tls.pem_unreadable"),
        ({"ssl_cname": "other.example.org"}, "tls.name_mismatch"),
    ],
)
def test_nothing_is_written_with_an_error(cluster: Cluster, chain: pki.Chain, change: dict[str, str], code: str) -> None:
    said = cluster.plan(request_of(chain, **change))
    assert said.changes == () and code in codes_of(said)
    assert state_of(said) == "refused" and said.checks == {"tls": "error"}
    assert DEPLOYMENTS not in paths(cluster)


def test_extra_keys_of_others_stay_and_are_told(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.run(request_of(chain))
    cluster.objects[SECRET]["data"]["ca.crt"] = "AAAA"
    said = cluster.plan(request_of(chain))
    assert said.changes == () and "ca.crt" in finding_of(said, "tls.extra_keys").message


# Whose it is


def test_a_foreign_secret_is_refused_then_adopted_and_never_deleted(cluster: Cluster, chain: pki.Chain, renewed: pki.Chain) -> None:
    theirs = cluster.secret(data=data_of(chain), labels={"app.kubernetes.io/managed-by": "Helm"})
    said = cluster.plan(request_of(renewed))
    assert said.changes == () and finding_of(said, "tls.secret_foreign").severity == "error"
    assert cluster.objects[SECRET] == theirs
    cluster.run(request_of(renewed, adopt=True))
    assert cluster.writes[-1].force
    taken = cluster.objects[SECRET]
    assert taken["data"] == data_of(renewed)
    assert taken["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "Helm"}
    assert state_of(cluster.plan(request_of(renewed))) == "unchanged"
    cluster.run(request_of(chain))
    assert not cluster.writes[-1].force, "once adopted it is ours to keep"
    gone = cluster.run(request_of(state="absent"))
    assert codes_of(gone) == {"tls.adopted_kept"} and state_of(gone) == "kept"
    assert cluster.objects[SECRET]["data"] == data_of(chain)
    assert cluster.objects[SECRET]["metadata"]["annotations"] == {}


def test_a_foreign_secret_with_the_same_content_is_fine(cluster: Cluster, chain: pki.Chain) -> None:
    texts = encoded(cert_pem="# by hand\r\n" + chain.pem, key_pem=pki.key_pem(chain.server.key, "traditional"))
    cluster.secret(data=texts)
    said = cluster.plan(request_of(chain))
    assert said.changes == () and state_of(said) == "unchanged" and said.checks == {"tls": "ok"}
    assert finding_of(said, "tls.secret_foreign").severity == "info"
    adopted = cluster.run(request_of(chain, adopt=True))
    assert adopted.changes and cluster.objects[SECRET]["data"] == data_of(chain)


def test_a_foreign_secret_is_not_deleted(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.secret(data=data_of(chain))
    said = cluster.plan(request_of(state="absent"))
    assert said.changes == () and state_of(said) == "kept" and finding_of(said, "tls.secret_foreign").severity == "info"


@pytest.mark.parametrize(
    "metadata, owner",
    [
        ({"labels": {"argocd.argoproj.io/instance": "ml"}}, "argocd.argoproj.io/instance=ml"),
        ({"ownerReferences": [{"kind": "ExternalSecret", "name": "tls", "controller": True}]}, "ExternalSecret/tls"),
    ],
)
def test_what_a_controller_keeps_is_not_fought_over(
    cluster: Cluster, chain: pki.Chain, renewed: pki.Chain, metadata: dict[str, t.Any], owner: str
) -> None:
    cluster.secret(data=data_of(chain), **metadata)
    said = cluster.plan(request_of(renewed, adopt=True))
    assert said.changes == () and owner in finding_of(said, "tls.controlled").message
    labels = {**MANAGED_BY, **metadata.get("labels", {})}
    cluster.secret(data=data_of(chain), **{**metadata, "labels": labels})
    gone = cluster.plan(request_of(state="absent"))
    assert gone.changes == () and owner in finding_of(gone, "tls.controlled").message


def test_an_owner_that_is_no_controller_does_not_matter(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.secret(data=data_of(chain), ownerReferences=[{"kind": "Release", "name": "x"}])
    assert cluster.run(request_of(chain, adopt=True)).changes


def test_a_hand_edit_is_named_and_written_over_with_adopt_only(cluster: Cluster, chain: pki.Chain, renewed: pki.Chain) -> None:
    cluster.run(request_of(chain))
    stored = cluster.objects[SECRET]
    stored["data"] = data_of(renewed)
    ours = entry("azureml.kubernetes", "Apply", cluster.now())
    stored["metadata"]["managedFields"] = [ours, entry("kubectl-edit", "Update", cluster.now(), "cert.pem", "key.pem")]
    said = cluster.plan(request_of(chain))
    assert said.changes == () and "kubectl-edit" in finding_of(said, "tls.changed_by_others").message
    cluster.run(request_of(chain, adopt=True))
    assert cluster.objects[SECRET]["data"] == data_of(chain)
    assert cluster.objects[SECRET]["metadata"]["labels"] == MANAGED_BY, "ours stays ours"
    assert "azureml.kubernetes/tls-adopted" not in cluster.objects[SECRET]["metadata"]["annotations"]


def test_another_type_cannot_be_changed(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.secret(kind="kubernetes.io/tls", data=chain.tls_secret_data)
    said = cluster.plan(request_of(chain, adopt=True))
    assert said.changes == () and "kubernetes.io/tls" in finding_of(said, "tls.malformed").message


def test_an_immutable_secret_cannot_be_changed(cluster: Cluster, chain: pki.Chain, renewed: pki.Chain) -> None:
    cluster.run(request_of(chain))
    cluster.objects[SECRET]["immutable"] = True
    assert cluster.plan(request_of(chain)).changes == ()
    said = cluster.plan(request_of(renewed))
    assert said.changes == () and "tls.immutable" in codes_of(said)


@pytest.mark.parametrize("state", ["present", "absent", "checked"])
def test_a_secret_that_may_not_be_read_is_unknown(cluster: Cluster, chain: pki.Chain, state: str) -> None:
    cluster.run(request_of(chain))
    cluster.forbidden.add(SECRET)
    said = cluster.plan(request_of(chain, state=state))
    assert said.changes == () and codes_of(said) == {"tls.unreadable"} and said.checks == {"tls": "unknown"}
    assert state_of(said) == "unknown"


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"data": None, "metadata": None},
        {
            "data": {"cert.pem": 5, "key.pem": "%%"},
            "type": 7,
            "metadata": {"annotations": [], "managedFields": ["x", {"fieldsV1": 3}]},
        },
        {"data": {"cert.pem": "/////w=="}, "type": "Opaque", "metadata": {"annotations": {"azureml.kubernetes/tls-source": 4}}},
        {"type": "Opaque", "data": encoded(cert_pem="-----BEGIN", key_pem="x"), "metadata": {"labels": MANAGED_BY}},
    ],
)
@pytest.mark.parametrize("state", ["present", "absent", "checked"])
def test_odd_secrets_are_judged_not_fallen_over(cluster: Cluster, chain: pki.Chain, odd: dict[str, t.Any], state: str) -> None:
    cluster.objects[SECRET] = {"kind": "Secret", **odd}
    cluster.plan(request_of(chain, state=state))
    cluster.plan(request_of(chain, state=state, adopt=True, served_address="auto"))
    if state == "checked":
        cluster.plan(request_of(state=state))


# Copies


def test_a_copy_of_cert_managers_secret(cluster: Cluster, chain: pki.Chain, renewed: pki.Chain) -> None:
    cluster.source(chain)
    cluster.run(copy_of_source())
    stored = cluster.objects[SECRET]
    assert stored["data"] == encoded(cert_pem=chain.server.pem + chain.intermediate.pem, key_pem=chain.key_pem)
    assert stored["metadata"]["annotations"] == {"azureml.kubernetes/tls-source": "ingress/web"}
    cluster.source(renewed)
    stale = cluster.plan(copy_of_source())
    found = finding_of(stale, "tls.copy_stale")
    assert renewed.server.sha256 in found.message and chain.server.sha256 in found.message and found.resolvable
    cluster.run(copy_of_source())
    assert stored != cluster.objects[SECRET] and cluster.plan(copy_of_source()).findings != stale.findings


def test_a_stale_copy_is_seen_without_naming_the_source_again(cluster: Cluster, chain: pki.Chain, renewed: pki.Chain) -> None:
    cluster.source(chain)
    cluster.run(copy_of_source())
    assert codes_of(cluster.plan(request_of(state="checked"))) == {"tls.root_missing"}
    cluster.source(renewed)
    said = cluster.plan(request_of(state="checked"))
    assert said.changes == () and said.checks == {"tls": "warning"} and "tls.copy_stale" in codes_of(said)
    del cluster.objects[SOURCE]
    assert finding_of(cluster.plan(request_of(state="checked")), "tls.source_missing").severity == "warning"


@pytest.mark.parametrize(
    "prepare, code",
    [
        (lambda cluster, chain: None, "tls.source_missing"),
        (
            lambda cluster, chain: cluster.secret(SOURCE, "kubernetes.io/tls", data={"tls.crt": "", "tls.key": ""}),
            "tls.source_malformed",
        ),
        (lambda cluster, chain: cluster.secret(SOURCE, data=data_of(chain)), "tls.source_malformed"),
        (lambda cluster, chain: cluster.forbidden.add(SOURCE), "tls.unreadable"),
    ],
)
def test_a_source_that_cannot_be_copied(cluster: Cluster, chain: pki.Chain, prepare: t.Any, code: str) -> None:
    prepare(cluster, chain)
    said = cluster.plan(copy_of_source())
    assert said.changes == () and code in codes_of(said) and said.checks == {"tls": "error"}


# Looking only


def test_checked_says_what_is_missing(cluster: Cluster, chain: pki.Chain) -> None:
    said = cluster.plan(request_of(state="checked"))
    assert said.changes == () and codes_of(said) == {"tls.missing"} and state_of(said) == "missing"
    result = Result(IDENTITY, said.changes, said.findings, said.checks, said.facts)
    assert to_output(result, fail_on="error", diff=False)["failed"], "no change of this plan resolves it"


def test_checked_judges_what_is_there(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.run(request_of(chain))
    request = request_of(state="checked")
    fine = cluster.plan(request)
    assert fine.findings == () and fine.checks == {"tls": "ok"} and fine.facts["tls"]["certificate"]["days_left"] == 364
    late = cluster.plan(replace(request, terms=replace(request.terms, now=pki.NOW + timedelta(days=400))))
    assert codes_of(late) == {"tls.expired"} and late.facts["tls"]["certificate"]["days_left"] < 0
    assert codes_of(cluster.plan(request_of(state="checked", ssl_cname="x.example.org"))) == {"tls.name_mismatch"}


def test_checked_compares_with_what_is_given(cluster: Cluster, chain: pki.Chain, renewed: pki.Chain) -> None:
    cluster.run(request_of(chain))
    assert cluster.plan(request_of(chain, state="checked")).findings == ()
    assert codes_of(cluster.plan(request_of(renewed, state="checked"))) == {"tls.outdated"}
    said = cluster.plan(request_of(chain, state="checked", ssl_cert_pem="x"))
    assert "tls.pem_unreadable" in codes_of(said)


def test_checked_sees_a_secret_of_the_wrong_form(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.secret(kind="kubernetes.io/tls", data=chain.tls_secret_data)
    assert "tls.crt, tls.key" in finding_of(cluster.plan(request_of(state="checked")), "tls.malformed").message
    cluster.secret(data={"cert.pem": data_of(chain)["cert.pem"]})
    assert "key.pem is missing or empty" in finding_of(cluster.plan(request_of(state="checked")), "tls.malformed").message
    # The document's placeholder taken literally: PEM text that nobody encoded, or encoded twice.
    twice = base64.b64encode(data_of(chain)["cert.pem"].encode()).decode()
    cluster.secret(data={"cert.pem": twice, "key.pem": data_of(chain)["key.pem"]})
    said = cluster.plan(request_of(state="checked"))
    assert "b64decode" in finding_of(said, "tls.pem_unreadable").remedy


# Taking away


def test_absent_removes_ours_and_twice_is_once(cluster: Cluster, chain: pki.Chain) -> None:
    cluster.run(request_of(chain))
    gone = cluster.run(request_of(state="absent"))
    assert [change.verb for change in gone.changes] == ["delete"] and gone.changes[0].disruptive == frozenset()
    assert SECRET not in cluster.objects and f"{CORE}/azureml" in cluster.objects
    cluster.requests.clear()
    assert state_of(cluster.plan(request_of(state="absent"))) == "absent"
    assert len(cluster.requests) == 2


@pytest.mark.parametrize("known", [True, False])
def test_absent_disturbs_endpoints_while_a_router_may_be_there(cluster: Cluster, chain: pki.Chain, known: bool) -> None:
    cluster.run(request_of(chain))
    if known:
        cluster.router()
    else:
        cluster.forbidden.add(DEPLOYMENTS)
    gone = cluster.plan(request_of(state="absent"))
    assert gone.disruptive == {"disturbs_jobs"} and "tls.removed_in_use" in codes_of(gone)


def test_absent_reads_no_files_and_no_source() -> None:
    request = request_of(state="absent", ssl_cert_pem_file="/nowhere", source_secret={"namespace": "ingress", "name": "web"})
    assert request.pair is None and request.source is None


# What must never come out


def everything(result: Plan) -> str:
    """All that leaves a plan: output, diff, digest's input for the eye, reprs."""
    output = to_output(Result(IDENTITY, result.changes, result.findings, result.checks, result.facts), fail_on="never", diff=True)
    return json.dumps(output, default=str) + repr(result.facts) + "".join(change.line() for change in result.changes)


@pytest.mark.parametrize("how", ["create", "update", "mismatch", "damaged", "locked", "absent", "checked", "stale"])
def test_no_key_comes_out(cluster: Cluster, chain: pki.Chain, renewed: pki.Chain, how: str) -> None:
    locked = pki.key_pem(chain.server.key, passphrase="open sesame")
    cluster.source(renewed)
    if how != "create":
        cluster.run(request_of(chain))
    damaged = renewed.key_pem.replace("\n", "\n!", 2)
    requests = {
        "create": request_of(chain),
        "update": request_of(renewed),
        "mismatch": request_of(renewed, ssl_key_pem=chain.key_pem),
        "damaged": request_of(renewed, ssl_key_pem=damaged),
        "locked": request_of(chain, ssl_key_pem=locked, ssl_key_passphrase="wrong phrase"),
        "absent": request_of(state="absent"),
        "checked": request_of(state="checked"),
        "stale": copy_of_source(),
    }
    said = cluster.plan(requests[how])
    shown = everything(said) + repr(requests[how]) + repr(planning.observe(requests[how], cluster.snapshot(requests[how])))
    secrets = {"open sesame", "wrong phrase"}
    for text in (chain.key_pem, renewed.key_pem, locked, damaged):
        secrets |= {line for line in text.splitlines() if not line.startswith("-----") and len(line) > 20}
        secrets.add(base64.b64encode(text.encode()).decode()[40:80])
    assert [secret for secret in secrets if secret in shown] == []


def test_the_digest_names_the_plan_and_not_the_day(cluster: Cluster, chain: pki.Chain, renewed: pki.Chain) -> None:
    request = request_of(chain)
    later = replace(request, terms=replace(request.terms, now=request.terms.now + timedelta(days=1)))
    first, second, other = (cluster.plan(r).digest(IDENTITY) for r in (request, later, request_of(renewed)))
    assert first == second != other


def test_without_the_library_it_is_said(cluster: Cluster, chain: pki.Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    request = request_of(chain)
    monkeypatch.setattr(_imports, "PROBLEM", "ModuleNotFoundError: No module named 'cryptography'")
    said = cluster.plan(request)
    assert said.changes == () and said.checks == {"tls": "unknown"}
    assert "cryptography" in finding_of(said, "tls.library_missing").message
    cluster.secret(data=data_of(chain), labels=MANAGED_BY)
    assert [change.verb for change in cluster.run(request_of(state="absent")).changes] == ["delete"], "deleting needs no library"


def test_where_the_library_is_not_installed_everything_can_be_imported() -> None:
    code = f"""
import sys; sys.modules["cryptography"] = None
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls import topic
params = {{"ssl_secret": "tls", "ssl_cert_pem": "x", "ssl_key_pem": "y", "warning_days": 1, "error_days": 0}}
labels = {MANAGED_BY!r}
for state in ("present", "checked", "absent"):
    request, snapshot = topic.parse({{**params, "state": state}}), Snapshot()
    for read in topic.reads(request, snapshot):
        body = {{"metadata": {{"labels": labels, "uid": "u"}}, "data": {{"cert.pem": "LS0tLS1CRUdJTg=="}}}}
        snapshot = snapshot.with_answers({{read: Answer(200, body)}})
    for read in topic.reads(request, snapshot):
        if read not in snapshot:
            snapshot = snapshot.with_answers({{read: Answer(200, {{}})}})
    plan = topic.plan(request, snapshot)
    print(state, [finding.code for finding in plan.findings], [change.verb for change in plan.changes])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    lines = ["present ['tls.library_missing'] []", "checked ['tls.library_missing'] []", "absent [] ['delete']"]
    assert done.stdout.splitlines() == lines, done.stderr


def test_reads_begin_with_the_secret(chain: pki.Chain) -> None:
    assert [read.path for read in planning.reads(request_of(chain, served_address="auto"), Snapshot())] == [SECRET]
    assert request_of(chain).terms.server_name == NAME
