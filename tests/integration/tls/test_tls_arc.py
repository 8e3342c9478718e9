"""tls_secret on k3s connected by Azure Arc, as a user runs it: a copy of cert-manager's Secret, and secrets that stay secret."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from tests import pki
from tests.integration.tls.work import HOST, Router, find, get, install_router, make
from tests.play import Outcome, Play
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.tls, pytest.mark.xdist_group("arc-k3s")]

MODULE = "azureml.kubernetes.tls_secret"
TASK = "azureml.kubernetes.tls_secret : Keep the certificate of the inference router"
SOURCE = {"namespace": "ingress", "name": "ml-example-org"}
PASSPHRASE = "marker-passphrase"


@pytest.fixture(scope="module")
def chain() -> pki.Chain:
    return pki.chain([HOST])


def hosts(sandbox: Sandbox, **variables: Any) -> dict[str, dict[str, Any]]:
    own = {"azureml_kubeconfig": str(sandbox.kubeconfig), "azureml_context": sandbox.name, "azureml_ssl_secret": "azureml-tls"}
    return {"k3s": {**own, "azureml_ssl_cname": HOST, **variables}}


def role(play: Play, sandbox: Sandbox, *args: str, status: int = 0, **variables: Any) -> dict[str, Any]:
    """The role in a play, and what its task returned."""
    book = [{"hosts": "all", "gather_facts": False, "roles": ["azureml.kubernetes.tls_secret"]}]
    done = play.run(book, hosts(sandbox, **variables), *args)
    assert bool(done.status) is bool(status), done.text
    return done.result(TASK, "k3s")


def test_a_copy_follows_its_source(arc_k3s: Sandbox, play: Play, chain: pki.Chain, tmp_path: Path) -> None:
    install_router(arc_k3s, "amlext")
    make(arc_k3s, SOURCE["name"], SOURCE["namespace"], chain.tls_secret_data, "kubernetes.io/tls")
    wish = {"tls_secret_source": SOURCE}
    assert role(play, arc_k3s, "--check", **wish)["changed"] and find(arc_k3s) is None
    first = role(play, arc_k3s, **wish)
    assert first["changed"] and first["tls"]["source"] == "ingress/ml-example-org"
    command = (
        "az k8s-extension update --name amlext --cluster-type connectedClusters --cluster-name sandbox-k3s --resource-group sandbox"
    )
    assert first["tls"]["update_command"] == f"{command} --config sslSecret=azureml-tls sslCname={HOST}"
    assert not role(play, arc_k3s, **wish)["changed"] and not role(play, arc_k3s, "--check", **wish)["changed"]

    renewed = chain.renewed([HOST])
    body = [{"op": "replace", "path": "/data", "value": renewed.tls_secret_data}]
    path = "/api/v1/namespaces/ingress/secrets/ml-example-org"
    arc_k3s.request("PATCH", path, body, content_type="application/json-patch+json")
    looked = role(play, arc_k3s, status=1, tls_secret_state="checked", azureml_fail_on="warning")
    assert not looked["changed"] and "tls.copy_stale" in looked["msg"] and renewed.server.sha256 in looked["msg"]
    with Router(tmp_path) as router:
        router.serve(renewed)
        assert role(play, arc_k3s, **wish, tls_secret_served_address=router.address)["tls"]["rotation"] == "done"
    assert get(arc_k3s)["data"]["cert.pem"] == renewed.tls_secret_data["tls.crt"]
    clean = role(play, arc_k3s, tls_secret_state="checked", azureml_fail_on="warning")
    assert clean["tls"]["certificate"]["sha256"] == renewed.server.sha256 and clean["checks"] == {"tls": "ok"}
    gone = role(play, arc_k3s, tls_secret_state="absent", azureml_accept=["disturbs_jobs"])
    assert [change["verb"] for change in gone["changes"]] == ["delete"] and find(arc_k3s) is None


def test_a_cluster_that_is_unmanaged_is_not_asked(arc_k3s: Sandbox, play: Play) -> None:
    assert role(play, arc_k3s, tls_secret_state="unmanaged")["task_state"] == "skipped"
    assert arc_k3s.front_door.door("main").log() == []


def test_files_on_the_controller_and_what_is_wrong_with_them(
    arc_k3s: Sandbox, play: Play, chain: pki.Chain, tmp_path: Path
) -> None:
    for name, text in (("cert.pem", chain.pem), ("key.pem", chain.key_pem)):
        (tmp_path / name).write_text(text)
    wish = {"tls_secret_cert_file": str(tmp_path / "cert.pem"), "tls_secret_key_file": str(tmp_path / "key.pem")}
    failed = role(play, arc_k3s, status=1, **{**wish, "tls_secret_key_file": "/nowhere/key.pem"})
    assert "ssl_key_pem_file /nowhere/key.pem: No such file or directory." in failed["msg"] and find(arc_k3s) is None
    wrong = role(play, arc_k3s, status=1, **wish, azureml_ssl_cname="other.example")
    assert f"it does not cover other.example; it covers {HOST}." in wrong["msg"] and find(arc_k3s) is None
    assert role(play, arc_k3s, **wish)["changed"] and not role(play, arc_k3s, **wish)["changed"]


# What must never come out


def secrets_of(chain: pki.Chain, *keys: str) -> set[str]:
    """Every line of every key, the keys as a Secret holds them, and the passphrase."""
    found = {PASSPHRASE}
    for text in (chain.key_pem, *keys):
        found |= {line for line in text.splitlines() if len(line) > 30 and not line.startswith("-----")}
        encoded = base64.b64encode(text.encode()).decode()
        found |= {encoded[at : at + 40] for at in range(40, len(encoded) - 40, 40)}
    return found


def ways(chain: pki.Chain, locked: str, damaged: str, stray: str) -> dict[str, dict[str, Any]]:
    """Tasks that handle keys, on good ways and bad ones."""
    own = {"ssl_secret": "azureml-tls", "ssl_cname": HOST, "ssl_cert_pem": chain.pem}
    return {
        "create": {**own, "ssl_key_pem": locked, "ssl_key_passphrase": PASSPHRASE},
        "again": {**own, "ssl_key_pem": chain.key_pem},
        "a key beside the certificates": {**own, "ssl_cert_pem": stray + chain.pem, "ssl_key_pem": chain.key_pem},
        "update": {**own, "ssl_cert_pem": chain.server.pem, "ssl_key_pem": chain.key_pem},
        "no passphrase": {**own, "ssl_key_pem": locked},
        "wrong passphrase": {**own, "ssl_key_pem": locked, "ssl_key_passphrase": f"{PASSPHRASE}-wrong"},
        "damaged": {**own, "ssl_key_pem": damaged},
        "mismatch": {**own, "ssl_cert_pem": chain.root.pem, "ssl_key_pem": chain.key_pem},
        "key for a certificate": {**own, "ssl_cert_pem": chain.key_pem, "ssl_key_pem": chain.key_pem},
        "key for a name": {**own, "ssl_cname": "*", "ssl_key_pem": chain.key_pem},
        "unknown option": {**own, "ssl_key_pem": chain.key_pem, "ssl_key_pen": "x"},
        "unreachable": {**own, "ssl_key_pem": chain.key_pem, "host": "https://127.0.0.1:1", "api_key": "x", "request_timeout": 1},
        "checked": {"ssl_secret": "azureml-tls", "state": "checked"},
        "absent": {"ssl_secret": "azureml-tls", "state": "absent"},
    }


def everything_said(play: Play, outcome: Outcome) -> dict[str, str]:
    """All places where something may be left."""
    records = "".join(path.read_text() for path in (play.folder / "records").iterdir())
    left = "".join(path.read_text(errors="replace") for path in play.tmp.rglob("*") if path.is_file())
    return {"printed": outcome.text, "returned": str(outcome.tasks), "recorded": records, "left in a temporary file": left}


@pytest.mark.parametrize("where", ["controller", "target"])
@pytest.mark.parametrize("check", [False, True])
def test_no_key_comes_out(arc_k3s: Sandbox, play: Play, chain: pki.Chain, where: str, check: bool) -> None:
    locked = pki.key_pem(chain.server.key, passphrase=PASSPHRASE)
    damaged = chain.key_pem.replace("\n", "\n*", 2)
    stray = pki.key_pem(pki.ec_key())
    all_ways = ways(chain, locked, damaged, stray)
    tasks = [
        # By reference, since Ansible shows the lines of a playbook around a failed task.
        {"name": name, MODULE: {option: f"{{{{ ways[{name!r}].{option} }}}}" for option in way}, "ignore_errors": True}
        for name, way in all_ways.items()
    ]
    by_role = {"ansible.builtin.import_role": {"name": "azureml.kubernetes.tls_secret"}, "name": "role", "ignore_errors": True}
    wrong = {**by_role, "name": "wrong role", "vars": {"tls_secret_warning_days": "soon"}}
    variables: dict[str, Any] = {"ways": all_ways, "azureml_report_dir": "records", "azureml_run_on": where}
    variables |= {"tls_secret_cert": stray + chain.pem, "tls_secret_key": locked, "tls_secret_key_passphrase": PASSPHRASE}
    variables |= {"ansible_connection": "local"} if where == "target" else {}
    host = hosts(arc_k3s, **variables)
    del host["k3s"]["azureml_ssl_cname"]
    outcome = play.tasks([*tasks, by_role, wrong], host, "-vvvv", "--diff", *(["--check"] if check else []))

    states = {name: outcome.result(name, "k3s")["task_state"] for name in all_ways}
    good = {"create", "again", "a key beside the certificates", "update", "absent", *([] if check else ["checked"])}
    assert {name for name, state in states.items() if state == "ok"} == good, outcome.text[-6000:]
    assert outcome.result("create", "k3s")["changed"] and chain.server.sha256 in outcome.text
    for place, text in everything_said(play, outcome).items():
        for secret in secrets_of(chain, locked, damaged, stray):
            at = text.find(secret)
            assert at < 0, f"{secret[:20]} is {place}: ...{text[max(0, at - 400) : at]}"
    assert {oct(path.stat().st_mode & 0o777) for path in (play.folder / "records").iterdir()} == {"0o600"}
    assert [path for path in play.tmp.rglob("*") if path.is_file()] == []
