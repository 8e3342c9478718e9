"""PEM as the world writes it: cleaned where that is safe, refused with a reason where it is not."""

from __future__ import annotations

import base64
import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.keys import KeyProblem, read_key
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.material import Pair, read_material
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.pem import Block, Pem, PemError, read_pem
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from tests import pki

pytestmark = pytest.mark.tls

CHAIN = pki.chain(["a.example"])
RSA = pki.rsa_key()
MESSES: dict[str, t.Callable[[str], str]] = {
    "byte order mark": lambda text: "\ufeff" + text,
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "old Mac": lambda text: text.replace("\n", "\r"),
    "comments": lambda text: "Bag Attributes\n    friendlyName: web\n" + text.replace("-----BEGIN", "# next\n-----BEGIN"),
    "separators": lambda text: "-" * 70 + "\n" + text + "-" * 70,
    "indented": lambda text: "".join(f"    {line}  \n" for line in text.splitlines()),
    "joined": lambda text: text.replace("-----\n-----", "----------"),
    "line ends as words": lambda text: text.replace("\n", "\\n"),
    "blanks for line ends": lambda text: text.replace("\n", " "),
    "one line per block": lambda text: text.replace("\n", "").replace("-----END", "\n-----END").replace("E-----", "E-----\n"),
    "no line end at the end": str.strip,
    "blank lines": lambda text: text.replace("\n", "\n\n"),
}


@pytest.mark.parametrize("mess", MESSES)
def test_a_mess_is_cleaned_to_the_same_text(mess: str) -> None:
    material = read_material(Pair(MESSES[mess](CHAIN.pem), MESSES[mess](CHAIN.key_pem)))
    assert material.cert_pem == CHAIN.pem and material.key_pem == CHAIN.key_pem, [f.line() for f in material.findings]
    told = {finding.code for finding in material.findings}
    assert told <= {"tls.normalised", "tls.cli_needs_ascii"}
    silent = ("indented", "blank lines", "no line end at the end")
    assert ("tls.normalised" in told) is (mess not in silent)


DAMAGES: list[tuple[str, t.Callable[[str], str], str]] = [
    ("empty", lambda text: "", "empty"),
    ("blank", lambda text: " \n\t", "empty"),
    ("no PEM", lambda text: "certificate goes here", "no PEM block"),
    ("cut off", lambda text: text[: len(text) // 2], "cut off"),
    ("cut in a marker", lambda text: text[:-8], "damaged BEGIN or END line"),
    ("begin without end", lambda text: text.replace("-----END CERTIFICATE-----\n", "", 1), "has no END line"),
    ("end without begin", lambda text: text.replace("-----BEGIN CERTIFICATE-----\n", "", 1), "no BEGIN line"),
    ("four dashes", lambda text: text.replace("-----BEGIN", "----BEGIN", 1), "damaged BEGIN or END line"),
    ("another label", lambda text: text.replace("END CERTIFICATE", "END RSA KEY", 1), "there is BEGIN CERTIFICATE"),
    ("commented out", lambda text: "\n".join("#" + line for line in text.splitlines()), "no valid base64"),
    ("foreign letter", lambda text: text.replace("MI", "M*", 1), "no valid base64"),
    ("missing letter", lambda text: text.replace("MI", "M", 1), "no valid base64"),
    ("empty block", lambda text: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "block 1 (CERTIFICATE) is empty"),
    ("encoded", lambda text: base64.b64encode(text.encode()).decode(), "base64 of a PEM text"),
    ("vault", lambda text: "$ANSIBLE_VAULT;1.1;AES256\n3132", "ansible-vault"),
    ("binary", lambda text: "0\x82\x03\x01", "binary"),
]  # fmt: skip


@pytest.mark.parametrize("name, damage, words", DAMAGES, ids=[name for name, _damage, _words in DAMAGES])
def test_damage_is_named(name: str, damage: t.Callable[[str], str], words: str) -> None:
    with pytest.raises(PemError) as caught:
        read_pem(damage(CHAIN.pem))
    assert words in str(caught.value)
    material = read_material(Pair(damage(CHAIN.pem), CHAIN.key_pem))
    (found,) = material.findings
    assert found.code == "tls.pem_unreadable" and found.remedy and material.certificates == () and not material.complete


@pytest.mark.parametrize(
    "text, words, remedy",
    [
        (CHAIN.key_pem, "PRIVATE KEY", "changed places"),
        (CHAIN.pem.replace("CERTIFICATE", "CERTIFICATE REQUEST"), "CERTIFICATE REQUEST", "authority issued"),
        (CHAIN.pem.replace("CERTIFICATE", "PUBLIC KEY"), "PUBLIC KEY", "not a certificate"),
        (CHAIN.pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE", 2), "TRUSTED CERTIFICATE", "openssl x509"),
        (CHAIN.pem.replace("CERTIFICATE", "PKCS7"), "PKCS7", "openssl pkcs7"),
        (CHAIN.pem.replace("CERTIFICATE", "CMS"), "CMS", "authority delivered"),
        (CHAIN.server.pem.replace("MII", "AII", 1), "certificate 1: it is no well-formed X.509 certificate", "authority delivered"),
    ],
)
def test_something_else_than_a_certificate(text: str, words: str, remedy: str) -> None:
    (found,) = read_material(Pair(text, CHAIN.key_pem)).findings
    assert found.code == "tls.pem_unreadable" and words in found.message and remedy in found.remedy


def test_a_certificate_that_only_the_library_reads_is_refused() -> None:
    """OpenSSL, and so a router, does not load a certificate whose common name is an OCTET STRING."""
    (block,) = read_pem(CHAIN.server.pem).blocks
    name = CHAIN.server.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value.encode()
    string = bytes([len(name)]) + name
    assert b"\x0c" + string in block.der
    damaged = Block(block.label, (), block.der.replace(b"\x0c" + string, b"\x04" + string))
    x509.load_der_x509_certificate(damaged.der)
    (found,) = read_material(Pair(damaged.text(), CHAIN.key_pem)).findings
    assert found.code == "tls.pem_unreadable" and "certificate 1: it is no well-formed X.509 certificate" in found.message


def test_other_blocks_are_left_out_and_told() -> None:
    both = CHAIN.key_pem + CHAIN.pem.replace("CERTIFICATE", "X509 CERTIFICATE", 2)
    material = read_material(Pair(both, both))
    assert material.cert_pem == CHAIN.pem and material.key_pem == CHAIN.key_pem
    (told,) = material.findings
    assert told.message == "left out: a block PRIVATE KEY."


# Keys


@pytest.mark.parametrize("key", [pki.ec_key(), RSA], ids=["EC", "RSA"])
@pytest.mark.parametrize("form", ["pkcs8", "traditional"])
@pytest.mark.parametrize("passphrase", ["", "häschen"])
def test_every_form_of_a_key(key: pki.Key, form: str, passphrase: str) -> None:
    found = read_key(read_pem(pki.key_pem(key, form, passphrase)), passphrase)
    assert found.was_encrypted is bool(passphrase)
    assert found.pem == pki.key_pem(key, "pkcs8" if passphrase else form)
    assert read_key(read_pem(found.pem), "not needed").public == found.public


def test_parameters_before_an_ec_key_are_left_out() -> None:
    text = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + pki.key_pem(
        pki.ec_key(), "traditional"
    )
    assert read_key(read_pem(text), "").pem == text.split("PARAMETERS-----\n")[2]


def key_problem(text: str, passphrase: str = "") -> KeyProblem:
    with pytest.raises(KeyProblem) as caught:
        read_key(read_pem(text), passphrase)
    return caught.value


@pytest.mark.parametrize("form", ["pkcs8", "traditional"])
def test_an_encrypted_key(form: str) -> None:
    locked = pki.key_pem(RSA, form, "right")
    assert key_problem(locked).code.code == "tls.key_encrypted" and "no passphrase" in str(key_problem(locked))
    wrong = key_problem(locked, "wrong")
    assert wrong.code.code == "tls.key_encrypted" and "cannot be decrypted" in str(wrong)


def test_no_key_too_many_keys_and_keys_of_others() -> None:
    assert "no private key, but CERTIFICATE" in str(key_problem(CHAIN.pem))
    assert "2 private keys" in str(key_problem(CHAIN.key_pem * 2))
    openssh = key_problem(CHAIN.key_pem.replace("PRIVATE KEY", "OPENSSH PRIVATE KEY"))
    assert "OpenSSH" in str(openssh) and openssh.remedy and "ssh-keygen" in openssh.remedy
    assert "no well-formed private key" in str(key_problem(CHAIN.key_pem.replace("MI", "AI", 1)))
    strange = pki.key_pem(pki.ec.generate_private_key(pki.ec.SECP256R1()), "traditional").replace("EC PRIVATE", "DSA PRIVATE")
    assert "no well-formed dsa private key" in str(key_problem(strange))


def test_an_unsupported_curve_is_said() -> None:
    # `openssl ecparam -genkey -name secp112r1 -noout | openssl pkcs8 -topk8 -nocrypt`
    body = "ME4CAQAwEAYHKoZIzj0CAQYFK4EEAAYENzA1AgEBBA64LSd2IcScmulx1FNU5KEg\nAx4ABB73Mo7TNwFGGoSDwIGFUEd6OWLsvtkjF2OhQ9k="
    text = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
    assert key_problem(text).code.code == "tls.key_unreadable"


@pytest.mark.parametrize("part", ["p", "q", "d", "dmp1", "dmq1", "iqmp"])
def test_an_rsa_key_whose_parts_contradict(part: str) -> None:
    numbers = RSA.private_numbers()
    parts = {name: getattr(numbers, name) for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp")}
    der = pkcs1({**parts, part: parts[part] + 2}, numbers.public_numbers)
    text = f"-----BEGIN RSA PRIVATE KEY-----\n{base64.encodebytes(der).decode()}-----END RSA PRIVATE KEY-----\n"
    assert key_problem(text).code.code == "tls.key_unreadable"


@pytest.mark.parametrize("number", [0, 5, (1 << 256) - 1])
def test_an_ec_key_whose_halves_contradict(number: int) -> None:
    key = pki.ec_key()
    own = key.private_numbers().private_value.to_bytes(32, "big")
    text = pki.key_pem(key, "traditional")
    der = base64.b64decode("".join(text.splitlines()[1:-1]))
    assert read_key(read_pem(sec1(der)), "").public.bits == 256
    assert key_problem(sec1(der.replace(own, number.to_bytes(32, "big")))).code.code == "tls.key_unreadable"


def sec1(der: bytes) -> str:
    """An EC key as PEM."""
    return f"-----BEGIN EC PRIVATE KEY-----\n{base64.encodebytes(der).decode()}-----END EC PRIVATE KEY-----\n"


def pkcs1(parts: t.Mapping[str, int], public: t.Any) -> bytes:
    """An RSAPrivateKey (RFC 8017 appendix A.1.2) with whatever numbers."""

    def tlv(tag: int, content: bytes) -> bytes:
        length = len(content)
        size = bytes([length]) if length < 128 else bytes([0x82]) + length.to_bytes(2, "big")
        return bytes([tag]) + size + content

    numbers = [0, public.n, public.e, parts["d"], parts["p"], parts["q"], parts["dmp1"], parts["dmq1"], parts["iqmp"]]
    return tlv(0x30, b"".join(tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big")) for number in numbers))


# Anything at all


@given(
    st.text() | st.lists(st.sampled_from(["-----BEGIN A-----", "-----END A-----", "QUJD", "x: y", "", "---", "\\n"])).map("\n".join)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        pem = read_pem(text)
    except PemError as error:
        assert str(error)
        return
    again = read_pem("".join(block.text() for block in pem.blocks))
    assert again == Pem(pem.blocks)


@given(st.binary(max_size=200))
def test_any_bytes_are_no_certificate_and_no_key(data: bytes) -> None:
    body = base64.b64encode(data).decode()
    blocks = {label: f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n" for label in ("CERTIFICATE", "PRIVATE KEY")}
    material = read_material(Pair(blocks["CERTIFICATE"], blocks["PRIVATE KEY"]))
    assert not material.complete and len(material.findings) == 2
