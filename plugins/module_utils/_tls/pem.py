"""PEM text (RFC 7468, and RFC 1421's headers of old keys) as blocks. Nothing of a block's content ever enters a message."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

_MARKER = re.compile(r"-----(BEGIN|END) ([A-Z0-9 ]+)-----")
_WIDTH = 64


class PemError(ValueError):
    """The text is not PEM; the message says where and why, and `remedy` what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True)
class Block:
    """One PEM block: its label, the headers of an old encrypted key, and the bytes it encodes."""

    label: str
    headers: tuple[str, ...]
    der: bytes = field(repr=False)

    def text(self) -> str:
        """The block as RFC 7468 wants it: lines of 64 characters that end in a line feed."""
        body = base64.b64encode(self.der).decode("ascii")
        lines = [body[start : start + _WIDTH] for start in range(0, len(body), _WIDTH)]
        head = [*self.headers, ""] if self.headers else []
        return "\n".join([f"-----BEGIN {self.label}-----", *head, *lines, f"-----END {self.label}-----", ""])


@dataclass(frozen=True)
class Pem:
    """What a text holds.

    Args:
        blocks: in their order.
        cleaned: what was in the text beside blocks, or wrong with it, and is gone when the blocks are written again.
    """

    blocks: tuple[Block, ...]
    cleaned: tuple[str, ...] = ()


def read_pem(text: str) -> Pem:
    """The blocks of `text`, whatever its line ends, byte order mark and comments.

    Raises:
        PemError: there is no block, or one is damaged. A damaged block is never skipped: what is left would be another chain.
    """
    plain, cleaned = _normalised(text)
    blocks: list[Block] = []
    body: list[str] = []
    label, begun, comments = "", 0, False
    for number, line in enumerate(plain.split("\n"), 1):
        marker = _MARKER.fullmatch(line)
        if marker is None:
            if _looks_like_marker(line):
                raise PemError(f"line {number} is a damaged BEGIN or END line.")
            if label:
                body.append(line)
            comments = comments or bool(line and not label)
        elif marker[1] == "BEGIN":
            if label:
                raise PemError(f"block {len(blocks) + 1} ({label}, line {begun}) has no END line.")
            label, begun, body = marker[2], number, []
        elif marker[2] != label:
            opened = f"BEGIN {label} (line {begun})" if label else "no BEGIN line"
            raise PemError(f"line {number} is END {marker[2]}, but there is {opened} before it.")
        else:
            blocks.append(_block(label, body, len(blocks) + 1))
            label = ""
    if label:
        raise PemError(f"block {len(blocks) + 1} ({label}, line {begun}) has no END line: the text is cut off.")
    if not blocks:
        raise _nothing(text)
    return Pem(tuple(blocks), (*cleaned, "text outside the PEM blocks") if comments else cleaned)


def _normalised(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with each marker on a line of its own and line feeds only, and what had to be done for that."""
    cleaned = []
    if text.startswith("\ufeff"):
        text = text[1:]
        cleaned.append("a byte order mark")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        cleaned.append("carriage returns")
    if "\\n" in text and "\n" not in text.strip():
        # A value that went through JSON or an environment variable.
        text = text.replace("\\r", "").replace("\\n", "\n")
        cleaned.append(r"line ends written as \n")
    split = _MARKER.sub(lambda marker: f"\n{marker[0]}\n", text)
    lines = [line.strip() for line in split.split("\n")]
    if any(_MARKER.search(line) and not _MARKER.fullmatch(line.strip()) for line in text.split("\n")):
        cleaned.append("several PEM parts on one line")
    return "\n".join(lines), tuple(cleaned)


def _looks_like_marker(line: str) -> bool:
    return "---" in line and ("BEGIN" in line or "END" in line)


def _block(label: str, lines: list[str], number: int) -> Block:
    """A block from the lines between its markers."""
    lines = [line for line in lines if line]
    # Only headers (Proc-Type, DEK-Info) hold a colon, and they come first.
    count = next((index for index, line in enumerate(lines) if ":" not in line), len(lines))
    headers, lines = lines[:count], lines[count:]
    # A value that lost its line ends keeps blanks in their places.
    body = "".join("".join(lines).split())
    try:
        der = base64.b64decode(body.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise PemError(f"block {number} ({label}) is no valid base64: it is damaged or cut off.") from None
    if not der:
        raise PemError(f"block {number} ({label}) is empty.")
    return Block(label, tuple(headers), der)


def _nothing(text: str) -> PemError:
    """Why a text without any block has none."""
    stripped = text.strip()
    if not stripped:
        return PemError("it is empty.")
    if stripped.startswith("$ANSIBLE_VAULT;"):
        return PemError(
            "it is encrypted by ansible-vault.",
            "Pass the text instead of the path: \"{{ lookup('ansible.builtin.file', PATH) }}\" decrypts it.",
        )
    try:
        inside = base64.b64decode("".join(stripped.split()).encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        inside = b""
    if b"-----BEGIN" in inside:
        return PemError("it is the base64 of a PEM text, as a Secret's data holds it.", "Pass it through the filter b64decode.")
    if stripped.startswith("0") and not stripped.isprintable():
        remedy = "Convert it: `openssl x509 -inform DER -in FILE`, or `openssl pkcs12 -in FILE -nodes` for a .pfx."
        return PemError("it is binary (DER or PKCS#12), not PEM.", remedy)
    return PemError("it has no PEM block.", "A PEM text has a line -----BEGIN CERTIFICATE----- or -----BEGIN PRIVATE KEY-----.")
