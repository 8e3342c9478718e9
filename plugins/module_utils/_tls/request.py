"""What a user may ask of `tls_secret`. The one file of the topic that reads from disk: the PEM files that the user names."""

from __future__ import annotations

import ipaddress
import os
import re
import typing as t
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import EXTENSION_NAMESPACE
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.judge import Terms
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.material import Pair

State = t.Literal["present", "absent", "checked"]
AUTO = "auto"
_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_LABEL_RULE = re.compile(_LABEL)
_SUBDOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_HOST = re.compile(r"(?:(?!-)[a-z0-9_-]{1,63}(?<!-)\.)*(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_LARGEST_FILE = 1 << 20

OPTIONS: Json = {
    "state": {"type": "str", "choices": ["present", "absent", "checked"], "default": "present"},
    "ssl_secret": {"type": "str", "no_log": False},
    "ssl_cname": {"type": "str"},
    # Certificates are no secret, but people keep both in one file: a key that came along must not be shown either.
    "ssl_cert_pem": {"type": "str", "no_log": True},
    "ssl_key_pem": {"type": "str", "no_log": True},
    "ssl_cert_pem_file": {"type": "path"},
    "ssl_key_pem_file": {"type": "path", "no_log": False},
    "ssl_key_passphrase": {"type": "str", "no_log": True},
    "source_secret": {
        "type": "dict",
        "no_log": False,
        "options": {"namespace": {"type": "str", "required": True}, "name": {"type": "str", "required": True}},
    },
    "adopt": {"type": "bool", "default": False},
    "warning_days": {"type": "int", "default": 30},
    "error_days": {"type": "int", "default": 0},
    "served_address": {"type": "str"},
    "extension_name": {"type": "str"},
    "connection": {"type": "str", "choices": ["aks", "arc"]},
    "cluster_name": {"type": "str"},
    "resource_group": {"type": "str"},
}


@dataclass(frozen=True)
class Source:
    """A Secret that is copied."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Request:
    """A valid request.

    Args:
        name: the Secret, in namespace azureml.
        terms: what certificates are judged by.
        pair: PEM texts that were given, None where a Secret is the source or nothing was given.
        source: the Secret to copy.
        adopt: take over a Secret, or fields of it, that somebody else wrote.
        served_address: `host:port` of the router, "auto" for the address of its Service, "" not to look.
        extension_name, connection, cluster_name, resource_group: for the command line of the update; "" where unknown.
    """

    state: State
    name: str
    terms: Terms
    pair: Pair | None = None
    source: Source | None = None
    adopt: bool = False
    served_address: str = ""
    extension_name: str = ""
    connection: str = ""
    cluster_name: str = ""
    resource_group: str = ""


def parse(params: t.Mapping[str, t.Any]) -> Request:
    """Module parameters as a typed request, with the files read.

    Raises:
        InvalidRequest: with every problem.
    """
    state: State = params.get("state") or "present"
    server_name = str(params.get("ssl_cname") or "").rstrip(".").lower()
    problems = [*_name_problems(params, server_name), *_day_problems(params)]
    address, address_problems = _address(str(params.get("served_address") or ""))
    problems += address_problems
    pair: Pair | None = None
    source: Source | None = None
    if state != "absent":
        source, source_problems = _source(params)
        pair, pair_problems = _pair(params)
        problems += [*source_problems, *pair_problems]
        problems += _choice_problems(params, state)
    if problems:
        raise InvalidRequest(problems)
    return Request(
        state=state,
        name=params["ssl_secret"],
        terms=Terms(server_name, datetime.now(timezone.utc).replace(microsecond=0), params["warning_days"], params["error_days"]),
        pair=pair,
        source=source,
        adopt=bool(params.get("adopt")),
        served_address=address,
        extension_name=params.get("extension_name") or "",
        connection=params.get("connection") or "",
        cluster_name=params.get("cluster_name") or "",
        resource_group=params.get("resource_group") or "",
    )


def _name_problems(params: t.Mapping[str, t.Any], server_name: str) -> list[str]:
    problems = []
    name = str(params.get("ssl_secret") or "")
    if not name:
        problems.append("ssl_secret is missing: it names the Secret to keep (azureml_ssl_secret, for the role).")
    elif not _SUBDOMAIN.fullmatch(name) or len(name) > 253:
        problems.append(
            f"ssl_secret {name!r} cannot be the name of a Secret: at most 253 lower-case letters, digits, '-' and '.',"
            " beginning and ending with a letter or digit."
        )
    if not server_name:
        return problems
    if "*" in server_name:
        problems.append(f"ssl_cname {server_name!r} is a wildcard: give the one name that clients connect to.")
    elif not server_name.isascii():
        problems.append(f"ssl_cname {server_name!r} is not ASCII: give its form that begins with xn--.")
    elif _is_ip(server_name):
        problems.append(f"ssl_cname {server_name!r} is an IP address: clients connect to a DNS name.")
    elif not _HOST.fullmatch(server_name) or len(server_name) > 253:
        problems.append(f"ssl_cname {server_name!r} is no DNS name.")
    return problems


def _day_problems(params: t.Mapping[str, t.Any]) -> list[str]:
    warning, error = params["warning_days"], params["error_days"]
    if error < 0 or warning < error:
        return [f"warning_days is {warning} and error_days is {error}: 0 <= error_days <= warning_days is needed."]
    return []


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _address(text: str) -> tuple[str, list[str]]:
    """`host[:port]` with its port, 443 where there is none."""
    if not text or text == AUTO:
        return text, []
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        host, port = text, "443"
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    fits = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if not fits or not (_is_ip(bare) or _HOST.fullmatch(bare)):
        return "", [f"served_address {text!r} is not HOST, HOST:PORT or auto."]
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}", []


def _source(params: t.Mapping[str, t.Any]) -> tuple[Source | None, list[str]]:
    given = params.get("source_secret")
    if not given:
        return None, []
    source = Source(str(given.get("namespace") or ""), str(given.get("name") or ""))
    if not _LABEL_RULE.fullmatch(source.namespace) or not _SUBDOMAIN.fullmatch(source.name):
        return None, [f"source_secret {source} names no Secret: namespace and name are needed."]
    if source == Source(EXTENSION_NAMESPACE, str(params.get("ssl_secret"))):
        return None, [f"source_secret {source} is the Secret that would be written."]
    return source, []


def _choice_problems(params: t.Mapping[str, t.Any], state: State) -> list[str]:
    """Exactly one source where one is needed."""
    text = bool(params.get("ssl_cert_pem") or params.get("ssl_key_pem"))
    files = bool(params.get("ssl_cert_pem_file") or params.get("ssl_key_pem_file"))
    if params.get("source_secret") and (text or files):
        return ["source_secret and PEM texts or files are both given: which certificate is meant cannot be told."]
    if state == "present" and not (text or files or params.get("source_secret")):
        ways = "ssl_cert_pem_file and ssl_key_pem_file, or ssl_cert_pem and ssl_key_pem, or source_secret"
        return [f"nothing says which certificate: set {ways}."]
    return []


def _pair(params: t.Mapping[str, t.Any]) -> tuple[Pair | None, list[str]]:
    """The two texts, from values or files."""
    if not any(params.get(f"ssl_{part}_pem{form}") for part in ("cert", "key") for form in ("", "_file")):
        return None, []
    cert, cert_from, cert_problems = _text(params, "ssl_cert_pem")
    key, key_from, key_problems = _text(params, "ssl_key_pem")
    problems = [*cert_problems, *key_problems]
    return (None if problems else Pair(cert, key, params.get("ssl_key_passphrase") or "", cert_from, key_from)), problems


def _text(params: t.Mapping[str, t.Any], option: str) -> tuple[str, str, list[str]]:
    """The text of an option or of the file that its twin names, and where it is from."""
    value, path = params.get(option), params.get(f"{option}_file")
    if value and path:
        return "", "", [f"{option} and {option}_file are both given."]
    if value:
        return str(value), option, []
    if not path:
        return "", "", [f"{option} or {option}_file is missing: certificate and key are given together."]
    try:
        return _decoded(_content(str(path))), str(path), []
    except OSError as error:
        return "", "", [f"{option}_file {path}: {error.strerror}."]


def _content(path: str) -> bytes:
    """A file's bytes.

    Raises:
        OSError: with a reason that a person understands.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(0, "it is a directory" if os.path.isdir(path) else "it is no regular file")
    with open(path, "rb") as file:
        data = file.read(_LARGEST_FILE + 1)
    if len(data) > _LARGEST_FILE:
        raise OSError(0, "it is larger than 1 MiB, which no certificate or key is")
    return data


def _decoded(data: bytes) -> str:
    """Text as editors on Windows and elsewhere write it; anything else byte by byte, for the reader of PEM to say what it is."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
