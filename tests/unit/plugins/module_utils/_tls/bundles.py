"""Bundles of certificates and a key as people deliver them: right ones, and those with one or more things wrong."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests import pki

HOST = "ml.example.org"
HOSTS = ("www.example.org", "a.b.example.org", "example.org", "other.example", "xn--mller-kva.example.org")
DAYS = (200, 3000, -2, 500)
PASSPHRASE = "a passphrase"
T = TypeVar("T")
Path_ = tuple[pki.Made, ...]


@dataclass(frozen=True)
class Bundle:
    """One delivery: the texts, and what it is judged by. `how` says in words how it was made."""

    cert: str
    key: str
    passphrase: str
    host: str
    days: float
    how: str


def paths() -> list[Path_]:
    """Chains from server to root, right and unfit ones; made once, since keys are what costs."""
    root, other_root = pki.make("Root", profile=pki.AUTHORITY), pki.make("Root 2", profile=pki.AUTHORITY)
    middle = pki.make("Issuer", issuer=root, profile=pki.AUTHORITY)
    deep = pki.make("Issuer 2", issuer=middle, profile=pki.AUTHORITY)
    made: list[Path_] = [(server, middle, root) for server in _servers(middle)]
    made += [(pki.make(HOST, [HOST], issuer=deep), deep, middle, root), (pki.make(HOST, [HOST], issuer=root), root)]
    made += [
        (pki.make(HOST, names, profile=profile),)
        for names in ([HOST], [])
        for profile in (pki.SERVER, pki.Profile(ca=True), pki.Profile(ca=None))
    ]
    made += [(pki.make(HOST, [HOST], issuer=issuer), issuer, root) for issuer in _issuers(root)]
    made += [_long(replace(pki.AUTHORITY, path_length=length)) for length in (0, 1, 2)]
    made += _namesakes(root, other_root)
    rsa_root = pki.make("RSA Root", profile=pki.AUTHORITY, key=pki.rsa_key())
    rsa_middle = pki.make("RSA Issuer", issuer=rsa_root, profile=pki.AUTHORITY, key=pki.rsa_key())
    made.append((pki.make(HOST, [HOST], issuer=rsa_middle, key=pki.rsa_key()), rsa_middle, rsa_root))
    weak, weak_middle, weak_root, strong = _old_files()
    return [*made, (weak, weak_middle, weak_root), (strong, weak_root)]


def _servers(issuer: pki.Made) -> list[pki.Made]:
    """Servers' certificates of all kinds by one issuer."""
    names = [
        [HOST], ["*.example.org"], ["other.example", HOST.upper()], ["f*.example.org", "m*.example.org"], ["*"], ["*.org"],
        ["*.b.example.org", "example.org"], [],
    ]  # fmt: skip
    profiles = [
        replace(pki.SERVER, extended=None, usage=None), replace(pki.SERVER, ca=None), replace(pki.SERVER, ca=True),
        replace(pki.SERVER, identifiers=False), replace(pki.SERVER, extended=(x509.OID_CLIENT_AUTH,)),
        replace(pki.SERVER, extended=(x509.OID_CLIENT_AUTH, x509.OID_SERVER_AUTH)),
        replace(pki.SERVER, extended=(x509.ObjectIdentifier("2.5.29.37.0"),)), replace(pki.SERVER, usage=("key_cert_sign",)),
        replace(pki.SERVER, usage=("key_agreement",)), replace(pki.SERVER, unknown_critical=True),
        replace(pki.SERVER, begins=-9, ends=-1), replace(pki.SERVER, begins=1, ends=900),
    ]  # fmt: skip
    keys: list[pki.Key] = [
        pki.rsa_key(), pki.rsa_key(1024), pki.ec_key(ec.SECP384R1()), pki.ec_key(ec.SECP192R1()), pki.ec_key(ec.SECP224R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ]  # fmt: skip
    made = [pki.make(HOST, some, issuer=issuer) for some in names]
    made += [pki.make(common_name, [], issuer=issuer) for common_name in ("*.example.org", "not a name", "")]
    made += [pki.make(HOST, [HOST], issuer=issuer, profile=profile) for profile in profiles]
    return [*made, *(pki.make(HOST, [HOST], issuer=issuer, key=key) for key in keys)]


def _issuers(root: pki.Made) -> list[pki.Made]:
    """Intermediates that may not, or may only just, issue."""
    profiles = [
        replace(pki.AUTHORITY, ca=False), replace(pki.AUTHORITY, ca=None), pki.Profile(ca=None), replace(pki.AUTHORITY, usage=None),
        replace(pki.AUTHORITY, usage=("digital_signature",)), replace(pki.AUTHORITY, extended=(x509.OID_CLIENT_AUTH,)),
        replace(pki.AUTHORITY, extended=(x509.OID_SERVER_AUTH,)), replace(pki.AUTHORITY, unknown_critical=True),
        replace(pki.AUTHORITY, permitted=["example.org"]), replace(pki.AUTHORITY, permitted=["example.com", "org"]),
        replace(pki.AUTHORITY, permitted=["example.com"]), replace(pki.AUTHORITY, excluded=["example.org"]),
        replace(pki.AUTHORITY, excluded=["l.example.org"]), replace(pki.AUTHORITY, permitted=["org"], excluded=["ml.example.org"]),
        replace(pki.AUTHORITY, begins=-9, ends=-1), replace(pki.AUTHORITY, path_length=0),
    ]  # fmt: skip
    made = [pki.make(f"Special {number}", issuer=root, profile=profile) for number, profile in enumerate(profiles)]
    return [*made, pki.make("Weak", issuer=root, profile=pki.AUTHORITY, key=pki.rsa_key(1024))]


def _long(profile: pki.Profile) -> Path_:
    """A path of three issuers whose root limits its length."""
    root = pki.make("Limited", profile=profile)
    upper = pki.make("Upper", issuer=root, profile=pki.AUTHORITY)
    lower = pki.make("Lower", issuer=upper, profile=pki.AUTHORITY)
    return pki.make(HOST, [HOST], issuer=lower), lower, upper, root


def _namesakes(root: pki.Made, other_root: pki.Made) -> list[Path_]:
    """Issuers of one name: another key, another root, with and without identifiers."""
    plain = replace(pki.AUTHORITY, identifiers=False)
    first, second = (pki.make("Same", issuer=root, profile=plain) for _ in range(2))
    named = pki.make("Same", issuer=other_root, profile=pki.AUTHORITY)
    leaf = pki.make(HOST, [HOST], issuer=first, profile=replace(pki.SERVER, identifiers=False))
    by_named = pki.make(HOST, [HOST], issuer=named)
    crossed = pki.make("Same", issuer=root, key=first.key, profile=plain)
    return [
        (leaf, first, root),
        (leaf, second, root),
        (leaf, named, other_root),
        (by_named, named, other_root),
        (leaf, crossed, root),
    ]


def _old_files() -> list[pki.Made]:
    """Certificates that are signed with SHA-1; their keys are gone."""
    texts = Path(__file__).with_name("sha1.pem").read_bytes()
    return [pki.Made(certificate, pki.ec_key()) for certificate in x509.load_pem_x509_certificates(texts)]


def bundles(count: int, seed: int) -> list[Bundle]:
    """`count` deliveries."""
    chance = random.Random(seed)
    known = paths()
    pool = [made for path in known for made in path]
    return [_bundle(chance, known, pool) for _number in range(count)]


def _bundle(chance: random.Random, known: Sequence[Path_], pool: Sequence[pki.Made]) -> Bundle:
    path = chance.choice(known)
    certificates, order = _arranged(chance, path, pool)
    key, passphrase, which = _key(chance, path, pool)
    cert = "".join(made.pem for made in certificates)
    damage = _mostly(chance, _untouched, _DAMAGES)
    harm = "untouched"
    if damage is not _untouched:
        spoilt = chance.choice(("cert", "cert", "key"))
        cert, key = (damage(chance, cert), key) if spoilt == "cert" else (cert, damage(chance, key))
        harm = f"{damage.__name__.strip('_')} {spoilt}"
    host, days = _mostly(chance, HOST, HOSTS), _mostly(chance, 0, DAYS)
    return Bundle(cert, key, passphrase, host, days, f"{order}; {which}; {harm}; for {host} on day {days}")


def _mostly(chance: random.Random, usual: T, others: Sequence[T]) -> T:
    """The usual in two of three cases: a bundle with all kinds of things wrong tells little of each."""
    return usual if chance.random() < 0.66 else chance.choice(others)


def _arranged(chance: random.Random, path: Path_, pool: Sequence[pki.Made]) -> tuple[list[pki.Made], str]:
    """The certificates of a path, mostly in order."""
    certificates, position = list(path), chance.randrange(len(path))
    how = _mostly(
        chance, "in order", ("without root", "without one", "twice", "shuffled", "reversed", "with a stray", "stray last")
    )
    if how == "without root" and len(path) > 1:
        certificates.pop()
    elif how == "without one" and len(path) > 1:
        certificates.pop(position)
    elif how == "twice":
        certificates.insert(chance.randrange(len(path) + 1), path[position])
    elif how == "shuffled":
        chance.shuffle(certificates)
    elif how == "reversed":
        certificates.reverse()
    elif how in ("with a stray", "stray last"):
        certificates.insert(position if how == "with a stray" else len(path), chance.choice(pool))
    return certificates, f"{' < '.join(made.certificate.subject.rfc4514_string() for made in path)} {how}"


@cache
def _key_text(key: pki.Key, form: str, passphrase: str) -> str:
    """A key as PEM, encrypted once: each time would be another text, and another question."""
    return pki.key_pem(key, form, passphrase)


def _key(chance: random.Random, path: Path_, pool: Sequence[pki.Made]) -> tuple[str, str, str]:
    """The server's key in some form, or another one."""
    others = ("of an issuer", "of another", "locked", "locked", "wrong passphrase", "no passphrase", "none", "two")
    which = _mostly(chance, "right", others)
    key = path[-1].key if which == "of an issuer" else chance.choice(pool).key if which == "of another" else path[0].key
    form = "pkcs8" if isinstance(key, ed25519.Ed25519PrivateKey) else chance.choice(("pkcs8", "traditional"))
    locked = which in ("locked", "wrong passphrase", "no passphrase")
    text = _key_text(key, form, PASSPHRASE if locked else "")
    text = "" if which == "none" else text * 2 if which == "two" else text
    given = {"locked": PASSPHRASE, "wrong passphrase": "another"}.get(which, "")
    return text, given, f"key {which} ({form})"


# Damage to a text


def _untouched(_chance: random.Random, text: str) -> str:
    return text


def _crlf(_chance: random.Random, text: str) -> str:
    return text.replace("\n", "\r\n")


def _marked(_chance: random.Random, text: str) -> str:
    return "\ufeff" + text


def _commented(chance: random.Random, text: str) -> str:
    return chance.choice(("# comment\n", "subject=CN = x\nissuer=CN = y\n", "# Zürich\n")) + text


def _one_line(_chance: random.Random, text: str) -> str:
    return text.replace("\n", " ")


def _letter(chance: random.Random, text: str) -> str:
    """One letter becomes another."""
    if not text:
        return text
    at = chance.randrange(len(text))
    return text[:at] + chance.choice("ABCXYZabcxyz0189+/=-* \n") + text[at + 1 :]


def _letters(chance: random.Random, text: str) -> str:
    for _time in range(chance.randrange(2, 6)):
        text = _letter(chance, text)
    return text


def _bit(chance: random.Random, text: str) -> str:
    """One bit of what a block encodes is turned, so that the text stays proper PEM."""
    lines = text.split("\n")
    body = [number for number, line in enumerate(lines) if len(line) == 64 and "-" not in line and ":" not in line]
    if not body:
        return text
    number = chance.choice(body)
    data = bytearray(base64.b64decode(lines[number]))
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    lines[number] = base64.b64encode(data).decode()
    return "\n".join(lines)


def _line_lost(chance: random.Random, text: str) -> str:
    lines = text.split("\n")
    lines.pop(chance.randrange(len(lines)))
    return "\n".join(lines)


def _line_twice(chance: random.Random, text: str) -> str:
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    return "\n".join([*lines[:at], lines[at], *lines[at:]])


def _cut(chance: random.Random, text: str) -> str:
    return text[: chance.randrange(len(text) + 1)]


def _other_label(chance: random.Random, text: str) -> str:
    return text.replace("CERTIFICATE", chance.choice(("X509 CERTIFICATE", "TRUSTED CERTIFICATE", "CERT")), 2)


def _longer(_chance: random.Random, text: str) -> str:
    """Something follows a block's data within the block."""
    return text.replace("\n-----END", "\nAAAA\n-----END", 1)


_DAMAGES: tuple[Callable[[random.Random, str], str], ...] = (
    _crlf, _marked, _commented, _one_line, _letter, _letter, _letters, _bit, _bit, _line_lost, _line_twice, _cut, _other_label,
    _longer,
)  # fmt: skip


def when(days: float) -> int:
    """The moment of a bundle, in seconds since 1970."""
    return int((pki.NOW + timedelta(days=days)).timestamp())
