"""What OpenSSL itself says of certificates and keys, asked by its command line; each question is asked once."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
PROGRAM = shutil.which("openssl")
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)
_REFUSED = re.compile(r"^error .*: verification failed$", re.MULTILINE)


class OpenSSL:
    """`openssl`, with a memory and a folder for its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = 0
        self._known: dict[tuple[str, ...], subprocess.CompletedProcess[str]] = {}
        self._lock = threading.Lock()

    def file(self, text: str) -> str:
        """The path of a file that holds `text`. Only one of two threads writes it: the other would ask about half a file."""
        path = self.folder / hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        with self._lock:
            if not path.exists():
                path.write_text(text, encoding="utf-8", newline="")
        return str(path)

    def _run(self, *words: str, standard_input: str = "") -> subprocess.CompletedProcess[str]:
        key = (*words, standard_input)
        if key not in self._known:
            done = subprocess.run(
                [PROGRAM or "openssl", *words], input=standard_input, capture_output=True, text=True, check=False, errors="replace"
            )
            with self._lock:
                self._known[key] = done
                self.calls += 1
        return self._known[key]

    def certificates(self, text: str) -> list[str] | None:
        """The certificates that OpenSSL reads from a text, each as PEM again; None when it refuses the text."""
        bundle = self._run("crl2pkcs7", "-nocrl", "-certfile", self.file(text))
        if bundle.returncode:
            return None
        return _BLOCK.findall(self._run("pkcs7", "-print_certs", standard_input=bundle.stdout).stdout) or None

    def public_key(self, certificate: str) -> str:
        """The public key of a certificate as PEM."""
        return self._run("x509", "-noout", "-pubkey", "-in", self.file(certificate)).stdout

    def key(self, text: str, passphrase: str) -> str | None:
        """The public half of a private key as PEM, None when it cannot be used."""
        # A program that may ask a person for a passphrase is given one that is wrong.
        words = ("-in", self.file(text), "-passin", f"pass:{passphrase or 'none was given'}")
        done = self._run("pkey", *words, "-pubout", "-check")
        valid, _line, public = done.stdout.partition("Key is valid\n")
        return public if not done.returncode and not valid else None

    def _verify(self, certificate: str, *options: str) -> bool:
        """Whether OpenSSL verifies a certificate; that it could not look at it is no verdict."""
        done = self._run("verify", "-partial_chain", *options, self.file(certificate))
        if done.returncode and not _REFUSED.search(done.stderr):
            raise RuntimeError(f"openssl verify gave no verdict (exit status {done.returncode}):\n{done.stderr}")
        return done.returncode == 0

    def covers(self, certificate: str, host: str) -> bool:
        """Whether a certificate is good for a name."""
        return self._verify(
            certificate, "-no_check_time", "-ignore_critical", "-trusted", self.file(certificate), "-verify_hostname", host
        )

    def chain(self, certificates: Sequence[str], when: int) -> bool:
        """Whether each certificate was issued by the next, and the first is a good server's certificate for who trusts the last."""
        linked = all(
            self._verify(child, "-no_check_time", "-trusted", self.file(parent))
            for child, parent in zip(certificates, certificates[1:], strict=False)
        )
        options = ["-check_ss_sig", "-purpose", "sslserver", "-auth_level", "2", "-attime", str(when)]
        options += ["-trusted", self.file(certificates[-1])]
        if len(certificates) > 2:
            options += ["-untrusted", self.file("".join(certificates[1:-1]))]
        return linked and self._verify(certificates[0], *options)


def in_parallel(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Two questions at a time: the work is done by other processes."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(function, items))
