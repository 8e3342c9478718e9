"""Whether a certificate's names cover the name that clients connect to (RFC 6125 section 6.4, RFC 5280 section 4.2.1.10)."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.certificates import Certificate


def covers(pattern: str, host: str) -> bool:
    """Whether a DNS name of a certificate covers `host`: the same name, or a wildcard as its whole first label.

    A wildcard stands for exactly one label, never below a single label (`*.com`) and never for a part of one (`f*.example.org`).
    """
    wanted, given = host.lower(), pattern.lower()
    if given == wanted:
        return True
    label, _dot, rest = wanted.partition(".")
    return given.startswith("*.") and bool(label) and given[2:] == rest and "." in rest


def covered_by(certificate: Certificate, host: str) -> t.Literal["san", "cn", ""]:
    """By what the certificate covers `host`. The CN counts only where there is no DNS name beside it."""
    if certificate.names:
        return "san" if any(covers(name, host) for name in certificate.names) else ""
    return "cn" if any(covers(name, host) for name in certificate.common_names) else ""


def within(name: str, subtree: str) -> bool:
    """Whether a DNS name lies in a subtree of name constraints: the subtree itself or anything below it, "" is everything."""
    given, base = name.lower(), subtree.lower()
    if not base:
        return True
    if base.startswith("."):
        return given.endswith(base)
    return given == base or given.endswith(f".{base}")


def constrained(certificate: Certificate) -> tuple[str, ...]:
    """The names of a certificate that DNS name constraints of its issuers judge; the CN stands in for missing DNS names."""
    return certificate.names or tuple(name for name in certificate.common_names if _is_dns(name))


def _is_dns(name: str) -> bool:
    """Whether a CN looks like a DNS name, so that constraints apply to it: at least two labels of letters, digits and hyphens."""
    labels = name.split(".")
    return len(labels) > 1 and all(label and label.replace("-", "").replace("_", "").isalnum() for label in labels)
