"""What is to be said of a certificate, its chain and its key before anybody relies on them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.certificates import Certificate, Key, stamp
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.chain import Chain, arrange, issued, named_issuer, unfit
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.material import Material
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.names import covered_by

# 112 bits of security, see LEAST_HASH.
_LEAST_BITS = {"RSA": 2048, "DSA": 2048, "EC": 224}
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Terms:
    """What a certificate is judged by.

    Args:
        server_name: the name that clients connect to, "" when it is not known.
        now: the time, in UTC.
        warning_days, error_days: how many days have to be left so that nothing is said.
    """

    server_name: str
    now: datetime
    warning_days: int = 30
    error_days: int = 0


def judge(material: Material, terms: Terms) -> tuple[Finding, ...]:
    """Everything wrong with what could be read; the findings of reading come first."""
    found = list(material.findings)
    if material.certificates:
        where = material.cert_from
        chain = arrange(material.certificates, material.key.public if material.key else None)
        found += _pair(material)
        found += _order(chain, where)
        found += [codes.UNFIT.finding(f"{certificate.subject} {why}.", where) for certificate, why in unfit(chain.path)]
        found += _purpose(chain, where)
        found += _name(chain.server, terms, where)
        found += [finding for certificate in material.certificates for finding in _time(certificate, terms, where)]
        found += [finding for certificate in material.certificates for finding in _strength(certificate, where)]
        found += _signatures(chain, where)
        found += _kind(chain.server.key, where)
    return tuple(found)


def _pair(material: Material) -> list[Finding]:
    """Whether the key belongs to the first certificate, and to which other one if not."""
    if material.key is None:
        return []
    spki = material.key.public.spki
    matches = [number for number, certificate in enumerate(material.certificates, 1) if certificate.key.spki == spki]
    if 1 in matches:
        return []
    first = material.certificates[0]
    if matches:
        other = material.certificates[matches[0] - 1]
        message = (
            f"the key belongs to certificate {matches[0]} ({other.subject}), not to the first ({first.subject}), which the router"
            " takes for the server's."
        )
        return [codes.KEY_MISMATCH.finding(message, material.key_from, remedy="Put the certificate of the key first.")]
    message = f"the key ({material.key.public}) belongs to none of the {len(material.certificates)} certificates; the first is"
    return [codes.KEY_MISMATCH.finding(f"{message} {first.subject} ({first.key}).", material.key_from)]


def _order(chain: Chain, where: str) -> list[Finding]:
    if chain.others:
        return [_broken(chain, where)]
    if not chain.in_order:
        numbers = {id(certificate): number for number, certificate in enumerate(chain.given, 1)}
        right = "; ".join(f"{c.subject} (now {numbers[id(c)]})" for c in chain.path)
        message = f"the right order is: {right}."
        return [codes.CHAIN_ORDER.finding(message, where, evidence=[c.sha256 for c in chain.path])]
    if chain.self_signed:
        return [codes.SELF_SIGNED.finding(f"{chain.server.subject} is its own issuer.", where)]
    if len(chain.path) == 1 and not chain.ends_in_root:
        message = f"it holds {chain.server.subject} alone, which {chain.server.issuer} issued."
        return [codes.CHAIN_INCOMPLETE.finding(message, where)]
    if not chain.ends_in_root:
        last = chain.path[-1]
        return [codes.ROOT_MISSING.finding(f"the last certificate is {last.subject}, which {last.issuer} issued.", where)]
    return []


def _broken(chain: Chain, where: str) -> Finding:
    """Where the chain ends too early, and which certificates do not belong to it."""
    last = chain.path[-1]
    strangers = ", ".join(certificate.subject for certificate in chain.others)
    twice = [certificate for certificate in chain.others if certificate in chain.path]
    namesakes = [certificate for certificate in chain.others if named_issuer(last, certificate)]
    if last.self_issued:
        why = f"the chain is complete with {last.subject}"
    elif namesakes:
        why = f"{last.subject} names {last.issuer} as issuer, but was not signed by the certificate of that name"
    else:
        why = f"the issuer of {last.subject} ({last.issuer}) is not in the file"
    rest = f"{strangers} is there twice" if twice and len(twice) == len(chain.others) else f"{strangers} does not belong to it"
    return codes.CHAIN_BROKEN.finding(f"{why}; {rest}.", where)


def _purpose(chain: Chain, where: str) -> list[Finding]:
    """The server's certificate has to be good for servers, and a root has to be what it says."""
    found = []
    if not chain.server.for_servers:
        message = f"{chain.server.subject} may not authenticate a TLS server (key usage or extended key usage)."
        found.append(codes.UNFIT.finding(message, where))
    last = chain.path[-1]
    if last.self_issued and not issued(last, last):
        found.append(codes.CHAIN_BROKEN.finding(f"{last.subject} names itself as issuer, but did not sign itself.", where))
    return found


def _name(server: Certificate, terms: Terms, where: str) -> list[Finding]:
    if not terms.server_name:
        return [codes.NAME_UNCHECKED.finding(f"whether {server.subject} covers the name that clients use was not checked.", where)]
    by = covered_by(server, terms.server_name)
    if by == "san":
        return []
    if by == "cn":
        return [codes.NAME_BY_CN.finding(f"{terms.server_name} is covered by the common name of {server.subject} only.", where)]
    names = ", ".join(server.names or server.common_names) or "no name at all"
    return [codes.NAME_MISMATCH.finding(f"it does not cover {terms.server_name}; it covers {names}.", where)]


def days_left(certificate: Certificate, now: datetime) -> int:
    """Whole days until it expires, negative afterwards."""
    return (certificate.not_after - now) // _DAY


def _time(certificate: Certificate, terms: Terms, where: str) -> list[Finding]:
    """A certificate is valid from `not_before` on and expired at `not_after` itself, as OpenSSL counts."""
    left = days_left(certificate, terms.now)
    if certificate.not_before > terms.now:
        return [codes.NOT_YET_VALID.finding(f"{certificate.subject} is valid from {stamp(certificate.not_before)} on.", where)]
    if certificate.not_after <= terms.now:
        return [codes.EXPIRED.finding(f"{certificate.subject} expired on {stamp(certificate.not_after)}.", where)]
    if left < terms.error_days:
        message = f"{certificate.subject} expires on {stamp(certificate.not_after)}, in {left} days; fewer than {terms.error_days}."
        return [codes.EXPIRED.finding(message, where)]
    if left < terms.warning_days:
        message = f"{certificate.subject} expires on {stamp(certificate.not_after)}, in {left} days."
        return [codes.EXPIRES_SOON.finding(message, where)]
    return []


def _strength(certificate: Certificate, where: str) -> list[Finding]:
    least = _LEAST_BITS.get(certificate.key.kind, 0)
    if certificate.key.bits >= least:
        return []
    return [codes.WEAK_KEY.finding(f"{certificate.subject} has a key of {certificate.key}; {least} bits are the least.", where)]


def _signatures(chain: Chain, where: str) -> list[Finding]:
    """Weak hashes; nobody checks the signature of a root, which is trusted by itself."""
    return [
        codes.WEAK_SIGNATURE.finding(f"{certificate.subject} is signed with {certificate.signature}.", where)
        for certificate in chain.given
        if certificate.weakly_signed and not certificate.self_issued
    ]


def _kind(key: Key, where: str) -> list[Finding]:
    return [] if key.kind in ("RSA", "EC") else [codes.KEY_KIND.finding(f"the server's key is {key}.", where)]


def sound(findings: t.Iterable[Finding]) -> bool:
    """Whether nothing speaks against using what was judged."""
    return all(finding.severity != "error" for finding in findings)
