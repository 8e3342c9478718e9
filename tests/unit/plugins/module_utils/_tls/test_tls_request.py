"""What may be asked, that everything wrong is said at once, and how files are read."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest

from tests import pki
from tests.unit.plugins.module_utils._tls.tls_cluster import Cluster, codes_of, request_of

pytestmark = pytest.mark.tls


def problems(**params: t.Any) -> tuple[str, ...]:
    with pytest.raises(InvalidRequest) as caught:
        request_of(**params)
    return caught.value.problems


def test_all_problems_at_once() -> None:
    found = problems(
        ssl_secret="Not A Name",
        ssl_cname="*.example.org",
        warning_days=3,
        error_days=5,
        served_address="nowhere:99999",
        ssl_cert_pem_file="/nowhere/cert.pem",
        source_secret={"namespace": "Ingress", "name": "web"},
    )
    words = (
        "ssl_secret 'Not A Name'", "wildcard", "error_days is 5", "served_address", "source_secret Ingress/web",
        "ssl_cert_pem_file /nowhere/cert.pem: No such file or directory.", "ssl_key_pem or ssl_key_pem_file is missing",
        "both given",
    )  # fmt: skip
    assert len(found) == len(words)
    for word in words:
        assert [text for text in found if word in text], word


@pytest.mark.parametrize(
    "params, words",
    [
        ({}, "nothing says which certificate"),
        ({"ssl_cert_pem": "x", "ssl_cert_pem_file": "y", "ssl_key_pem": "z"}, "ssl_cert_pem and ssl_cert_pem_file are both given"),
        ({"source_secret": {"namespace": "azureml", "name": "tls"}}, "is the Secret that would be written"),
        ({"source_secret": {"namespace": "azureml", "name": ""}}, "names no Secret"),
        ({"ssl_secret": "a" * 254}, "ssl_secret"),
        ({"ssl_secret": ""}, "ssl_secret is missing"),
        ({"ssl_cname": "192.0.2.1"}, "is an IP address"),
        ({"ssl_cname": "bücher.example"}, "begins with xn--"),
        ({"ssl_cname": "a..b"}, "is no DNS name"),
        ({"ssl_cname": "-a.example"}, "is no DNS name"),
        ({"warning_days": 5, "error_days": -1}, "error_days is -1"),
    ],
)
def test_one_problem(params: dict[str, t.Any], words: str) -> None:
    given = {"source_secret": {"namespace": "ingress", "name": "web"}, **params} if "nothing" not in words else params
    if any(name.startswith("ssl_cert") for name in params):
        given.pop("source_secret")
    (found,) = problems(**given)
    assert words in found


@pytest.mark.parametrize(
    "given, address",
    [
        ("ml.example.org", "ml.example.org:443"),
        ("localhost:8443", "localhost:8443"),
        ("192.0.2.7:443", "192.0.2.7:443"),
        ("2001:db8::7", "[2001:db8::7]:443"),
        ("[2001:db8::7]:8443", "[2001:db8::7]:8443"),
        ("auto", "auto"),
        ("", ""),
    ],
)
def test_served_address(given: str, address: str) -> None:
    assert request_of(state="absent", served_address=given).served_address == address


@pytest.mark.parametrize("given", ["host:", ":443", "host:port", "host:0", "https://host", "a b", "host:٤٤٣", "[::1", "user@host"])
def test_no_address(given: str) -> None:
    assert "is not HOST, HOST:PORT or auto" in problems(state="absent", served_address=given)[0]


def test_a_name_is_compared_in_lower_case_and_without_the_dot_of_the_root() -> None:
    assert request_of(state="absent", ssl_cname="ML.Example.Org.").terms.server_name == "ml.example.org"


def test_a_passphrase_and_a_key_are_in_no_repr(chain: pki.Chain) -> None:
    shown = repr(request_of(chain, ssl_key_passphrase="open sesame"))
    assert "open sesame" not in shown and chain.key_pem.splitlines()[1] not in shown


# Files


def write(folder: Path, chain: pki.Chain, **content: bytes) -> dict[str, str]:
    texts = {"cert": chain.pem.encode(), "key": chain.key_pem.encode(), **content}
    for name, data in texts.items():
        (folder / name).write_bytes(data)
    return {"ssl_cert_pem_file": str(folder / "cert"), "ssl_key_pem_file": str(folder / "key")}


def test_files_and_values_are_the_same(cluster: Cluster, chain: pki.Chain, tmp_path: Path) -> None:
    cluster.run(request_of(chain))
    files = request_of(**write(tmp_path, chain))
    assert files.pair is not None and files.pair.cert_from == str(tmp_path / "cert")
    assert cluster.plan(files).changes == ()


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
def test_files_of_editors_on_windows(cluster: Cluster, chain: pki.Chain, tmp_path: Path, coding: str) -> None:
    cluster.run(request_of(chain))
    texts = {name: text.replace("\n", "\r\n").encode(coding) for name, text in (("cert", chain.pem), ("key", chain.key_pem))}
    said = cluster.plan(request_of(**write(tmp_path, chain, **texts)))
    assert said.changes == () and "tls.normalised" in codes_of(said)


def test_binary_and_comments_beyond_ascii(cluster: Cluster, chain: pki.Chain, tmp_path: Path) -> None:
    der = chain.server.certificate.public_bytes(pki.serialization.Encoding.DER)
    said = cluster.plan(request_of(**write(tmp_path, chain, cert=der)))
    (found,) = [finding for finding in said.findings if finding.code == "tls.pem_unreadable"]
    assert "binary" in found.message and "openssl" in found.remedy and found.subject == str(tmp_path / "cert")
    said = cluster.plan(request_of(**write(tmp_path, chain, cert="# Zürich\n".encode("latin-1") + chain.pem.encode())))
    assert {"tls.cli_needs_ascii", "tls.normalised"} <= codes_of(said)


def test_what_is_no_file(tmp_path: Path, chain: pki.Chain) -> None:
    files = write(tmp_path, chain)
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    (tmp_path / "large").write_bytes(b"x" * (1 << 21))
    for path, words in ((tmp_path, "it is a directory"), (fifo, "no regular file"), (tmp_path / "large", "larger than 1 MiB")):
        (found,) = problems(**{**files, "ssl_key_pem_file": str(path)})
        assert found == f"ssl_key_pem_file {path}: {found.partition(': ')[2]}" and words in found


def test_a_file_that_may_not_be_read(tmp_path: Path, chain: pki.Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: t.Any, **_kwargs: t.Any) -> t.NoReturn:
        raise PermissionError(13, "Permission denied")

    files = write(tmp_path, chain)
    monkeypatch.setattr("builtins.open", refuse)
    assert [text.rpartition(": ")[2] for text in problems(**files)] == ["Permission denied."] * 2
