"""What is said of certificates: each fault alone, and by which words."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.certificates import read_certificate
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.judge import Terms, days_left, judge, sound
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.material import Pair, read_material
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.names import covers, within
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.pem import Block, read_pem
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519
from hypothesis import given
from hypothesis import strategies as st

from tests import pki

pytestmark = pytest.mark.tls

HOST = "ml.example.org"
TERMS = Terms(HOST, pki.NOW)
CHAIN = pki.chain([HOST])
SHA1 = Path(__file__).with_name("sha1.pem")
OTHER = pki.chain([HOST])
SERVER, INTERMEDIATE, ROOT = CHAIN.server, CHAIN.intermediate, CHAIN.root


def judged(*made: pki.Made, key: pki.Made | None = None, terms: Terms = TERMS) -> tuple[Finding, ...]:
    return judge(read_material(Pair("".join(m.pem for m in made), (key or made[0]).key_pem)), terms)


def one(findings: tuple[Finding, ...]) -> tuple[str, str]:
    (found,) = findings
    return found.code, found.message


def server(profile: pki.Profile = pki.SERVER, issuer: pki.Made = INTERMEDIATE, **how: t.Any) -> pki.Made:
    names = how.pop("names", [HOST])
    return pki.make(how.pop("common_name", HOST), names, issuer=issuer, profile=profile, **how)


def test_a_full_chain_is_fine() -> None:
    assert judged(SERVER, INTERMEDIATE, ROOT) == ()


# Pair


def test_another_key() -> None:
    code, message = one(judged(SERVER, INTERMEDIATE, ROOT, key=OTHER.server))
    assert code == "tls.key_mismatch" and "belongs to none of the 3 certificates" in message and "EC 256" in message


def test_the_key_of_another_certificate_of_the_chain_is_told() -> None:
    found = {finding.code: finding for finding in judged(INTERMEDIATE, SERVER, ROOT, key=SERVER)}
    assert "belongs to certificate 2 (CN=ml.example.org,O=test only), not to the first" in found["tls.key_mismatch"].message
    assert "first" in found["tls.key_mismatch"].remedy and "tls.chain_order" in found


@pytest.mark.parametrize("key", [pki.rsa_key(), pki.ec_key(ec.SECP384R1())], ids=["RSA", "P-384"])
def test_pairs_of_all_kinds(key: pki.Key) -> None:
    assert judged(server(key=key), INTERMEDIATE, ROOT) == ()


# Chain


@pytest.mark.parametrize("order", [(ROOT, INTERMEDIATE, SERVER), (SERVER, ROOT, INTERMEDIATE), (INTERMEDIATE, SERVER, ROOT)])
def test_a_wrong_order_is_told_the_right_one(order: tuple[pki.Made, ...]) -> None:
    (found,) = [finding for finding in judged(*order, key=SERVER) if finding.code == "tls.chain_order"]
    assert found.evidence == [made.sha256 for made in (SERVER, INTERMEDIATE, ROOT)]
    numbers = [order.index(made) + 1 for made in (SERVER, INTERMEDIATE, ROOT)]
    assert [f"(now {number})" in found.message for number in numbers] == [True] * 3
    assert found.message.index("ml.example.org") < found.message.index("Intermediate") < found.message.index("Root")


def test_without_a_key_the_server_is_who_issued_nobody() -> None:
    material = replace(read_material(Pair(ROOT.pem + INTERMEDIATE.pem + SERVER.pem, SERVER.key_pem)), key=None)
    (found,) = judge(material, replace(TERMS, server_name=HOST))
    assert found.code == "tls.chain_order" and found.evidence[0] == SERVER.sha256


FAULTY = [
    (
        (SERVER, ROOT),
        "tls.chain_broken",
        "the issuer of CN=ml.example.org,O=test only (CN=Intermediate,O=test only) is not in the file",
    ),
    ((SERVER, INTERMEDIATE, INTERMEDIATE, ROOT), "tls.chain_broken", "CN=Intermediate,O=test only is there twice"),
    ((SERVER, SERVER), "tls.chain_broken", "is there twice"),
    ((SERVER, INTERMEDIATE, ROOT, pki.make("Stray")), "tls.chain_broken", "CN=Stray,O=test only does not belong to it"),
    ((SERVER,), "tls.chain_incomplete", "alone, which CN=Intermediate,O=test only issued"),
    ((SERVER, INTERMEDIATE), "tls.root_missing", "the last certificate is CN=Intermediate"),
]


@pytest.mark.parametrize("made, code, words", FAULTY)
def test_a_chain_with_a_fault(made: tuple[pki.Made, ...], code: str, words: str) -> None:
    found = one(judged(*made))
    assert found[0] == code and words in found[1]


def test_a_namesake_did_not_sign() -> None:
    plain = replace(pki.AUTHORITY, identifiers=False)
    root = pki.make("Root", profile=plain)
    first, second = (pki.make("Issuer", issuer=root, profile=plain) for _ in range(2))
    leaf = server(replace(pki.SERVER, identifiers=False), first)
    code, message = one(judged(leaf, second, root))
    assert code == "tls.chain_broken" and "was not signed by the certificate of that name" in message
    assert judged(leaf, first, root) == ()


def test_an_identifier_of_another_key_is_no_issuer() -> None:
    # Same name, same key, another identifier: OpenSSL takes it for another issuer, too.
    key = pki.ec_key()
    named = pki.make("Issuer", issuer=ROOT, key=key, profile=pki.AUTHORITY)
    leaf = server(issuer=pki.Made(named.certificate, key))
    assert judged(leaf, named, ROOT) == ()
    strange = strangely_identified(named)
    assert "tls.chain_broken" in {finding.code for finding in judged(leaf, strange, ROOT)}


def strangely_identified(made: pki.Made) -> pki.Made:
    """The same certificate with a subject key identifier that is not derived from its key."""
    builder = x509.CertificateBuilder(
        made.certificate.issuer, made.certificate.subject, made.key.public_key(), 7, pki.NOW, pki.NOW + timedelta(days=9)
    )
    builder = builder.add_extension(x509.SubjectKeyIdentifier(b"strange"), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
    return pki.Made(builder.sign(t.cast(ec.EllipticCurvePrivateKey, ROOT.key), hashes.SHA256()), made.key)


def test_self_signed() -> None:
    made = pki.make(HOST, [HOST])
    assert one(judged(made))[0] == "tls.self_signed"
    assert sound(judged(made)), "tests may use it"


def test_a_root_that_did_not_sign_itself() -> None:
    forged = pki.make("Root", profile=pki.AUTHORITY, issuer=pki.make("Root", profile=pki.AUTHORITY))
    middle = pki.make("Intermediate", issuer=forged, profile=pki.AUTHORITY)
    leaf = server(issuer=middle)
    # Where the identifiers tell the two apart, it is simply not issued by itself.
    assert "did not sign itself" in one(judged(leaf, middle, forged))[1]


AUTHORITIES: list[tuple[str, pki.Profile, str]] = [
    ("no authority", replace(pki.AUTHORITY, ca=False), "is not allowed to issue certificates"),
    ("no basic constraints", pki.Profile(ca=None, ends=3650), "is not allowed to issue certificates"),
    ("wrong usage", replace(pki.AUTHORITY, usage=("digital_signature",)), "is not allowed to issue certificates"),
    ("client authority", replace(pki.AUTHORITY, extended=(x509.OID_CLIENT_AUTH,)), "other purposes than TLS servers"),
    ("critical", replace(pki.AUTHORITY, unknown_critical=True), "1.3.6.1.4.1.99999.1"),
    ("excluded", replace(pki.AUTHORITY, excluded=["example.org"]), f"may not issue for {HOST}"),
    ("not permitted", replace(pki.AUTHORITY, permitted=["example.com"]), f"may not issue for {HOST}"),
]  # fmt: skip


@pytest.mark.parametrize("name, profile, words", AUTHORITIES, ids=[name for name, _profile, _words in AUTHORITIES])
def test_an_issuer_that_may_not_issue(name: str, profile: pki.Profile, words: str) -> None:
    middle = pki.make("Intermediate", issuer=ROOT, profile=profile)
    code, message = one(judged(server(issuer=middle), middle, ROOT))
    assert code == "tls.unfit" and words in message


@pytest.mark.parametrize(
    "profile", [replace(pki.AUTHORITY, permitted=["example.org"]), replace(pki.AUTHORITY, excluded=["x.example.org"])]
)
def test_an_issuer_within_its_constraints(profile: pki.Profile) -> None:
    middle = pki.make("Intermediate", issuer=ROOT, profile=profile)
    assert judged(server(issuer=middle), middle, ROOT) == ()
    unnamed = server(issuer=middle, names=[])
    assert one(judged(unnamed, middle, ROOT))[0] == "tls.name_by_cn", "the common name is judged, too"


def test_a_path_that_is_too_long() -> None:
    root = pki.make("Root", profile=replace(pki.AUTHORITY, path_length=0))
    middle = pki.make("Intermediate", issuer=root, profile=pki.AUTHORITY)
    code, message = one(judged(server(issuer=middle), middle, root))
    assert code == "tls.unfit" and "allows 0 issuers below it, and there are 1" in message
    short = server(issuer=root)
    assert judged(short, root) == ()


@pytest.mark.parametrize(
    "profile",
    [
        replace(pki.SERVER, extended=(x509.OID_CLIENT_AUTH,)),
        replace(pki.SERVER, usage=("key_cert_sign",)),
        replace(pki.SERVER, extended=()),
    ],
    ids=["client", "signs certificates", "nothing"],
)
def test_a_certificate_that_is_not_for_servers(profile: pki.Profile) -> None:
    if profile.extended == ():
        profile = replace(profile, extended=(x509.ObjectIdentifier("1.3.6.1.5.5.7.3.8"),))
    code, message = one(judged(server(profile), INTERMEDIATE, ROOT))
    assert code == "tls.unfit" and "may not authenticate a TLS server" in message


# Names


@pytest.mark.parametrize(
    "names, common_name, code",
    [
        (["other.example", HOST.upper()], "x", ""),
        (["*.example.org"], "x", ""),
        ([], HOST, "tls.name_by_cn"),
        ([], "*.example.org", "tls.name_by_cn"),
        (["other.example"], HOST, "tls.name_mismatch"),
        (["*.org"], "x", "tls.name_mismatch"),
        (["*"], "x", "tls.name_mismatch"),
        (["m*.example.org"], "x", "tls.name_mismatch"),
        (["*.ml.example.org"], "x", "tls.name_mismatch"),
        (["example.org"], "x", "tls.name_mismatch"),
        ([], "", "tls.name_mismatch"),
    ],
)
def test_names(names: list[str], common_name: str, code: str) -> None:
    found = judged(server(names=names, common_name=common_name), INTERMEDIATE, ROOT)
    assert [finding.code for finding in found] == ([code] if code else [])


def test_a_mismatch_names_what_is_covered() -> None:
    assert "it covers a.example, *.b.example." in one(judged(server(names=["a.example", "*.b.example"]), INTERMEDIATE, ROOT))[1]
    assert "it covers no name at all." in one(judged(server(names=[], common_name=""), INTERMEDIATE, ROOT))[1]


def test_no_name_is_unchecked() -> None:
    assert one(judged(SERVER, INTERMEDIATE, ROOT, terms=replace(TERMS, server_name="")))[0] == "tls.name_unchecked"


LABELS = st.text("abz09-", min_size=1, max_size=4)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@given(HOSTS, HOSTS)
def test_a_wildcard_stands_for_exactly_one_label(pattern: str, host: str) -> None:
    assert covers(host, host.upper())
    assert covers(f"*.{pattern}", host) is (host.partition(".")[2] == pattern and "." in pattern)
    assert covers(f"*.{pattern}", f"a.b.{pattern}") is False
    assert covers(f"x*.{pattern}", f"xy.{pattern}") is False


@given(HOSTS, HOSTS)
def test_a_subtree_is_itself_and_what_is_below(tree: str, name: str) -> None:
    assert within(tree, tree) and within(f"{name}.{tree}", tree) and within(name, "")
    assert within(f"{name}.{tree}", f".{tree}") and not within(tree, f".{tree}")
    assert not within(f"x{tree}", tree)


# Dates


@pytest.mark.parametrize(
    "days, code, words",
    [
        (-2, "tls.not_yet_valid", "is valid from"),
        (334, "", ""),
        (335.5, "tls.expires_soon", "in 29 days"),
        (359.5, "tls.expired", "in 5 days; fewer than 7"),
        (366, "tls.expired", "expired on"),
    ],
)
def test_dates(days: float, code: str, words: str) -> None:
    terms = Terms(HOST, pki.NOW + timedelta(days=days), warning_days=30, error_days=7)
    found = [finding for finding in judged(SERVER, terms=terms) if finding.code != "tls.chain_incomplete"]
    assert [finding.code for finding in found] == ([code] if code else [])
    assert all(words in finding.message for finding in found)


def test_the_last_second() -> None:
    end, begin = SERVER.certificate.not_valid_after_utc, SERVER.certificate.not_valid_before_utc
    second = timedelta(seconds=1)
    states = {now: sound(judged(SERVER, terms=Terms(HOST, now))) for now in (begin - second, begin, end - second, end)}
    assert list(states.values()) == [False, True, True, False]
    certificate = read_certificate(SERVER.certificate.public_bytes(pki.serialization.Encoding.DER))
    assert [days_left(certificate, end - second), days_left(certificate, end), days_left(certificate, end + second)] == [0, 0, -1]


def test_an_issuer_that_expired() -> None:
    middle = pki.make("Intermediate", issuer=ROOT, profile=replace(pki.AUTHORITY, begins=-9, ends=-1))
    code, message = one(judged(server(issuer=middle), middle, ROOT))
    assert code == "tls.expired" and "CN=Intermediate" in message


# Strength


def test_weak_keys() -> None:
    assert one(judged(server(key=pki.rsa_key(1024)), INTERMEDIATE, ROOT))[0] == "tls.weak_key"
    assert one(judged(server(key=pki.ec_key(ec.SECP192R1())), INTERMEDIATE, ROOT))[0] == "tls.weak_key"
    assert judged(server(key=pki.ec_key(ec.SECP224R1())), INTERMEDIATE, ROOT) == ()


def test_weak_signatures_but_not_of_a_root() -> None:
    weak, middle, root, strong = [block.text() for block in read_pem(SHA1.read_text()).blocks]

    def said(*texts: str) -> list[str]:
        return [f.message for f in judge(replace(read_material(Pair("".join(texts), "")), key=None, findings=()), TERMS)]

    assert said(strong, root) == []
    assert said(weak, middle, root) == [
        f"CN={name},O=test only is signed with ecdsa-with-SHA1." for name in ("ml.example.org", "Intermediate")
    ]
    assert len(said(weak)) == 2, "incomplete, and weak"
    forged = Block("CERTIFICATE", (), read_pem(root).blocks[0].der[:-1] + b"x").text()
    assert any("did not sign itself" in message for message in said(strong, forged))


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate()], ids=["Ed25519", "Ed448"])
def test_keys_that_few_clients_know(key: pki.Key) -> None:
    code, message = one(judged(server(key=key), INTERMEDIATE, ROOT))
    assert code == "tls.key_kind" and message == f"the server's key is {type(key).__name__.removesuffix('PrivateKey')}."


def test_dsa_is_read_and_told() -> None:
    made = server(key=dsa.generate_private_key(2048))
    assert one(judged(made, INTERMEDIATE, ROOT)) == ("tls.key_kind", "the server's key is DSA 2048.")


def test_what_is_shown_of_a_certificate() -> None:
    shown = read_certificate(SERVER.certificate.public_bytes(pki.serialization.Encoding.DER)).public()
    assert shown["names"] == [HOST] and shown["sha256"] == SERVER.sha256 and shown["key"] == "EC 256"
    assert shown["not_after"] == SERVER.certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
