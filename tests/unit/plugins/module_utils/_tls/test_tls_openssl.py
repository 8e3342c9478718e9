"""Thousands of bundles: what we say of key, names and chain is what OpenSSL says, but for differences that are meant and listed.

A difference is only meant where `MEANT` describes it, with the reason; every one is listed in the warnings of the run.
`AZUREML_TLS_SEED` makes other bundles.
"""

from __future__ import annotations

import os
import random
import re
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.certificates import Certificate
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.chain import arrange
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.judge import Terms, judge
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.material import Material, Pair, read_material

from tests import pki
from tests.unit.plugins.module_utils._tls.bundles import HOST, Bundle, bundles, when
from tests.unit.plugins.module_utils._tls.openssl import PROGRAM, OpenSSL, in_parallel

pytestmark = pytest.mark.tls

COUNT = 5000
SEED = int(os.environ.get("AZUREML_TLS_SEED", "6"))
needs_openssl = pytest.mark.skipif(
    PROGRAM is None, reason="the program openssl is not on PATH; install the package openssl to run this"
)

KEY = {"tls.key_unreadable", "tls.key_encrypted", "tls.key_mismatch"}
NAME = {"tls.name_mismatch"}
PARTS = ("key", "name", "chain")


@dataclass(frozen=True)
class Case:
    """A bundle, what we say of it, and what OpenSSL says."""

    bundle: Bundle
    material: Material
    findings: tuple[Finding, ...]
    ours: dict[str, bool]
    theirs: dict[str, bool]

    @property
    def codes(self) -> set[str]:
        """Codes of the errors."""
        return {finding.code for finding in self.findings if finding.severity == "error"}

    @property
    def server(self) -> Certificate:
        """The certificate that we take for the server's; OpenSSL takes the first."""
        key = self.material.key
        return arrange(self.material.certificates, key.public if key else None).server

    @property
    def parts(self) -> list[str]:
        """Where the two differ: in parts what could be read in order, in the whole anything else."""
        if not self.material.complete or self.server is not self.material.certificates[0]:
            return ["whole"] if all(self.ours.values()) != all(self.theirs.values()) else []
        return [part for part in PARTS if self.ours[part] != self.theirs[part]]

    def said(self, code: str, words: str) -> bool:
        """Whether a finding of this code has these words."""
        return any(finding.code == code and words in finding.message for finding in self.findings)


def ours(material: Material, findings: tuple[Finding, ...]) -> dict[str, bool]:
    """Our verdict in parts; what cannot be read is good for nothing."""
    errors = {finding.code for finding in findings if finding.severity == "error"}
    key = bool(material.certificates) and material.key is not None and not errors & KEY
    name = bool(material.certificates) and not errors & NAME
    return {"key": key, "name": name, "chain": bool(material.certificates) and not errors - KEY - NAME - {"tls.pem_unreadable"}}


def theirs(openssl: OpenSSL, certificates: list[str] | None, key: str, bundle: Bundle) -> dict[str, bool]:
    """OpenSSL's verdict in the same parts."""
    if not certificates:
        return dict.fromkeys(PARTS, False)
    public = openssl.key(key, bundle.passphrase)
    return {
        "key": public is not None and public == openssl.public_key(certificates[0]),
        "name": openssl.covers(certificates[0], bundle.host),
        "chain": openssl.chain(certificates, when(bundle.days)),
    }


def blocks(text: str) -> list[str]:
    """The certificates of a clean text."""
    return re.findall(r".*?-----END CERTIFICATE-----\n", text, re.DOTALL)


def compared(openssl: OpenSSL, bundle: Bundle) -> Case:
    """Judge a bundle both ways. What we take is compared as it would be stored, what we refuse as it was delivered."""
    material = read_material(Pair(bundle.cert, bundle.key, bundle.passphrase))
    findings = judge(material, Terms(bundle.host, pki.NOW + timedelta(days=bundle.days), 0, 0))
    certificates = blocks(material.cert_pem) if material.certificates else openssl.certificates(bundle.cert)
    key = material.key_pem if material.key else bundle.key
    return Case(bundle, material, findings, ours(material, findings), theirs(openssl, certificates, key, bundle))


@dataclass(frozen=True)
class Meant:
    """Something that we refuse on purpose: its name, the part of the verdict, the reason, and in which cases it is so."""

    name: str
    parts: tuple[str, ...]
    why: str
    fits: Callable[[Case], bool]


def last_is_weak(case: Case) -> bool:
    """Nothing speaks against the chain but the signature of its last certificate."""
    weak = [finding for finding in case.findings if finding.code == "tls.weak_signature"]
    alone = case.codes <= KEY | NAME | {"tls.weak_signature"}
    return alone and len(weak) == 1 and case.material.certificates[-1].subject in weak[0].message


HIDDEN = ("damaged BEGIN or END line", "has no END line", "no BEGIN line", "before it")
MEANT: tuple[Meant, ...] = (
    Meant(
        "twice",
        ("chain",),
        "A certificate that is there twice is an error, since each has to certify the one before it (RFC 5246 section 7.4.2);"
        " OpenSSL, which builds its path from a set, does not see it.",
        lambda case: case.said("tls.chain_broken", "is there twice"),
    ),
    Meant(
        "partial wildcard",
        ("name",),
        "A wildcard that is a part of a label (m*.example.org) covers nothing, as browsers and RFC 6125 section 6.4.3 have it;"
        " OpenSSL still allows it.",
        lambda case: any("*" in name[1:] for certificate in case.material.certificates[:1] for name in certificate.names),
    ),
    Meant(
        "weak signature at the end",
        ("chain",),
        "The signature of the last certificate counts unless it is a root: clients do not trust it as OpenSSL was told to.",
        last_is_weak,
    ),
    Meant(
        "forged root",
        ("chain",),
        "A last certificate that names itself as its issuer has to have signed itself; OpenSSL was told to trust it, and looks only"
        " where its identifiers agree.",
        lambda case: case.said("tls.chain_broken", "did not sign itself"),
    ),
    Meant(
        "strict DER",
        PARTS,
        "A certificate that is no proper DER (data after its end, a number in a longer form than it needs) is refused, as Go and"
        " current libraries do; OpenSSL is lenient.",
        lambda case: case.said("tls.pem_unreadable", "no well-formed X.509 certificate"),
    ),
    Meant(
        "strict key",
        ("key",),
        "A key whose encoding or parts are damaged is refused; OpenSSL ignores what it does not need.",
        lambda case: case.said("tls.key_unreadable", "no well-formed"),
    ),
    Meant(
        "several keys",
        ("key",),
        "Two private keys are an error, whether or not one is damaged; OpenSSL takes the first that it can read.",
        lambda case: case.bundle.key.count("BEGIN") > 1 and bool(case.codes & {"tls.key_unreadable", "tls.pem_unreadable"}),
    ),
    Meant(
        "hidden block",
        PARTS,
        "A damaged BEGIN or END line is an error; OpenSSL skips the block, or takes it for a comment, without a word.",
        lambda case: any(case.said("tls.pem_unreadable", words) for words in HIDDEN),
    ),
    Meant(
        "trusted certificate",
        PARTS,
        "A TRUSTED CERTIFICATE, which carries OpenSSL's own additions, is refused; OpenSSL reads it.",
        lambda case: case.said("tls.pem_unreadable", "TRUSTED CERTIFICATE"),
    ),
)


def meant(case: Case) -> str:
    """The names of what explains a case; "" when a part stays unexplained. To take what OpenSSL refuses is never meant."""
    if any(part != "whole" and case.ours[part] for part in case.parts) or all(case.ours.values()):
        return ""
    names = []
    for part in PARTS:
        if case.theirs[part] and not case.ours[part]:
            names.append(next((each.name for each in MEANT if part in each.parts and each.fits(case)), ""))
    return " and ".join(dict.fromkeys(names)) if all(names) else ""


@pytest.fixture(scope="module")
def openssl(tmp_path_factory: pytest.TempPathFactory) -> OpenSSL:
    return OpenSSL(tmp_path_factory.mktemp("openssl"))


@needs_openssl
@pytest.mark.slow
def test_the_verdict_is_that_of_openssl(openssl: OpenSSL) -> None:
    cases = in_parallel(lambda bundle: compared(openssl, bundle), bundles(COUNT, SEED))
    differing = [case for case in cases if case.parts]
    unmeant = [case for case in differing if not meant(case)]
    listed = Counter((meant(case), f"{', '.join(case.parts)}: {case.bundle.how}") for case in differing)
    lines = [
        f"  {name or 'NOT MEANT'}: {how}" + (f" ({number} times)" if number > 1 else "")
        for (name, how), number in sorted(listed.items())
    ]
    reasons = [f"  {each.name}: {each.why}" for each in MEANT if any(each.name in name for name, _how in listed)]
    title = f"{len(cases)} bundles (seed {SEED}), {openssl.calls} questions to OpenSSL, {len(differing)} differences, all meant:"
    if not unmeant:
        warnings.warn("\n".join([title, *reasons, "each of them:", *lines]), stacklevel=1)
    assert unmeant == [], "\n\n".join(described(case) for case in unmeant[:5])
    good = [case for case in cases if all(case.ours.values())]
    assert COUNT // 20 < len(good) < COUNT * 3 // 4, "both verdicts are common"
    assert all(len({case.ours[part] for case in cases}) == 2 for part in PARTS)


def test_a_file_that_two_ask_about_is_whole_for_both(openssl: OpenSSL) -> None:
    """Half a file would be a wrong verdict that is remembered."""
    texts = [f"{number}\n" * 5000 for number in range(300)]
    read = in_parallel(lambda text: Path(openssl.file(text)).read_text(), [text for text in texts for _twice in range(2)])
    assert read == [text for text in texts for _twice in range(2)]


@needs_openssl
def test_what_openssl_could_not_look_at_is_no_verdict(openssl: OpenSSL) -> None:
    with pytest.raises(RuntimeError, match="no verdict"):
        openssl.covers("no certificate", HOST)


def described(case: Case) -> str:
    """Enough to see why."""
    lines = [case.bundle.how, f"ours {case.ours}", f"theirs {case.theirs}", *(finding.line() for finding in case.findings)]
    return "\n".join(
        [*lines, case.bundle.cert if not case.material.certificates else "", case.bundle.key if not case.material.key else ""]
    )


@needs_openssl
def test_what_is_cleaned_is_what_openssl_reads(openssl: OpenSSL) -> None:
    """Where OpenSSL reads a text that we cleaned, it reads the same certificates; never do we store others."""
    for bundle in bundles(600, SEED + 1):
        material = read_material(Pair(bundle.cert, ""))
        if material.certificates and material.cert_pem != bundle.cert:
            read = openssl.certificates(bundle.cert)
            assert not read or "".join(read) == material.cert_pem, bundle.how


@needs_openssl
def test_every_stored_pair_is_loaded_by_a_tls_server(tmp_path: Path) -> None:
    """What we take, `openssl s_server` would load: certificate, chain and key belong together for its TLS code, too."""
    import ssl

    chance = random.Random(SEED)
    taken = 0
    for bundle in chance.sample(bundles(1500, SEED + 2), 500):
        material = read_material(Pair(bundle.cert, bundle.key, bundle.passphrase))
        findings = judge(material, Terms(HOST, pki.NOW, 0, 0))
        if any(finding.severity == "error" for finding in findings):
            continue
        taken += 1
        for name, text in (("cert", material.cert_pem), ("key", material.key_pem)):
            (tmp_path / name).write_text(text)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "cert", tmp_path / "key")
    assert taken > 30
