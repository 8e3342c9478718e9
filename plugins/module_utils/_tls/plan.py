"""From request and snapshot to what is to be read, and to what is to be done."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    Change,
    Finding,
    Json,
    ObjectRef,
    Plan,
    State,
    sort_findings,
    worst,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import create_namespace
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    EXTENSION_DEPLOYMENTS,
    EXTENSION_NAMESPACE,
    known,
    mapping,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls import _imports as lib
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.certificates import Certificate
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.judge import days_left, judge, sound
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.material import Material, Pair, read_material
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.request import Request, Source
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.router import (
    ROUTER_PODS,
    Rotation,
    Served,
    look,
    rotation,
    router_installed,
    router_reads,
    served_reads,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.secret import (
    ADOPTED,
    ROTATION,
    SOURCE,
    Live,
    controller_of,
    delete_change,
    refusals,
    release_change,
    secret_read,
    secret_ref,
    value,
    write_change,
)

NAMESPACE = Read(object_path("v1", "namespaces", EXTENSION_NAMESPACE), metadata_only=True)
_SOURCE_KEYS = ("tls.crt", "tls.key")


@dataclass(frozen=True)
class Asked:
    """What is asked for: the certificate and key, where they could be had, and what is wrong with them."""

    material: Material | None = None
    source: Source | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def usable(self) -> bool:
        """It can be written."""
        return self.material is not None and self.material.complete and sound(self.findings)


def reads(request: Request, snapshot: Snapshot) -> list[Read]:
    """The Secret alone as long as it holds what is asked for; the rest once it is to change, or a rotation is open."""
    wanted = [secret_read(request.name)]
    live = observe(request, snapshot)
    if live is None:
        return wanted
    if request.state == "absent":
        return wanted + ([EXTENSION_DEPLOYMENTS] if live.ours else [])
    if lib.PROBLEM:
        return wanted
    source = _source(request, live)
    wanted += [secret_read(source.name, source.namespace)] if source else []
    wanted += served_reads(request, snapshot)
    if any(read not in snapshot for read in wanted):
        return wanted
    if request.state == "present":
        return wanted + _reads_to_write(request, snapshot, live)
    leaf = next(iter(live.certificates), None)
    return wanted + (_reads_to_rotate(request, snapshot, live, leaf) if leaf else [])


def _reads_to_write(request: Request, snapshot: Snapshot, live: Live) -> list[Read]:
    asked = what_is_asked(request, snapshot, live)
    if not asked.usable or asked.material is None or not known(live.answer):
        return []
    more = [NAMESPACE] if not live.item else []
    if not live.holds(asked.material):
        return more + router_reads(request)
    return more + _reads_to_rotate(request, snapshot, live, asked.material.certificates[0])


def _reads_to_rotate(request: Request, snapshot: Snapshot, live: Live, leaf: Certificate) -> list[Read]:
    served = look(request, snapshot).certificate
    if served is not None and served.sha256 == leaf.sha256:
        return []
    if live.pending:
        return [*router_reads(request), ROUTER_PODS]
    return router_reads(request) if served is not None else []


def observe(request: Request, snapshot: Snapshot) -> Live | None:
    """The Secret as it was read; None as long as it was not."""
    answer = snapshot.get(secret_read(request.name))
    if answer is None:
        return None
    return Live(secret_ref(request.name), answer, answer.body if answer.found and isinstance(answer.body, dict) else {})


def _source(request: Request, live: Live) -> Source | None:
    """The Secret to copy; when nothing is given, a check looks at the one that the copy was made from."""
    if request.source or request.pair or request.state != "checked":
        return request.source
    namespace, slash, name = live.source.partition("/")
    return Source(namespace, name) if slash and namespace and name else None


def what_is_asked(request: Request, snapshot: Snapshot, live: Live) -> Asked:
    """The certificate and key that were given or are in the source, judged."""
    source = _source(request, live)
    pair: Pair | None = request.pair
    findings: list[Finding] = []
    if source is not None:
        pair, findings = _from_source(source, snapshot[secret_read(source.name, source.namespace)], request)
    if pair is None:
        return Asked(None, source, tuple(findings))
    material = read_material(pair)
    return Asked(material, source, judge(material, request.terms))


def _from_source(source: Source, answer: Answer, request: Request) -> tuple[Pair | None, list[Finding]]:
    ref = ObjectRef("Secret", source.name, source.namespace)
    if answer.absent:
        severity: t.Literal["warning", "error"] = "warning" if request.state == "checked" else "error"
        return None, [codes.SOURCE_MISSING.finding("it does not exist, so it cannot be copied.", ref, severity=severity)]
    if not answer.found:
        return None, [codes.UNREADABLE.finding(f"it cannot be read ({answer.message}).", ref)]
    cert, key = (value(answer.body, name) for name in _SOURCE_KEYS)
    if not cert or not key:
        missing = " and ".join(name for name, content in zip(_SOURCE_KEYS, (cert, key)) if not content)
        return None, [codes.SOURCE_MALFORMED.finding(f"{missing} is missing or empty.", ref)]
    return Pair(cert, key, "", f"{ref} tls.crt", f"{ref} tls.key"), []


def plan(request: Request, snapshot: Snapshot) -> Plan:
    """What is to be done so that the Secret holds the certificate, or is gone; or what is to be said of it."""
    live = observe(request, snapshot)
    if live is None:
        raise RuntimeError("plan was called before the Secret was read")
    if not known(live.answer):
        finding = codes.UNREADABLE.finding(f"it cannot be read ({live.answer.message}), so nothing is done.", live.ref)
        return _said(request, live, [finding], "unknown", "unknown")
    if request.state == "absent":
        return _absent(request, snapshot, live)
    if lib.PROBLEM:
        return _said(request, live, [codes.LIBRARY_MISSING.finding(f"{lib.PROBLEM}.")], "unknown", "unknown")
    return _present(request, snapshot, live) if request.state == "present" else _checked(request, snapshot, live)


def _said(
    request: Request, live: Live, findings: t.Sequence[Finding], state: str, check: State | None = None, **facts: t.Any
) -> Plan:
    """A plan without changes."""
    return Plan(
        findings=sort_findings(findings), checks={"tls": check or worst(findings)}, facts=_facts(request, live, state, **facts)
    )


def _present(request: Request, snapshot: Snapshot, live: Live) -> Plan:
    asked = what_is_asked(request, snapshot, live)
    material = asked.material
    if material is None or not material.complete:
        return _said(request, live, asked.findings, "refused", certificates=material.certificates if material else ())
    kept = live.holds(material) or (bool(live.item) and not live.ours and not request.adopt and live.means(material))
    served = look(request, snapshot)
    way = Rotation("none")
    if asked.usable:
        way = rotation(request, snapshot, live, material.certificates[0], changes=not kept, served=served)
    annotations = _annotations(request, live, way)
    foreign = bool(live.item) and not live.ours and not request.adopt
    changed = not kept or (not foreign and live.own_annotations != annotations)
    against = [*_namespace_findings(snapshot, live), *(refusals(live, material, adopt=request.adopt) if live.item else [])]
    said = [*asked.findings, *_content_findings(request, live, asked, kept=kept), *served.findings, *way.findings, *_extra(live)]
    if foreign and kept:
        said.append(codes.SECRET_FOREIGN.finding("somebody else made it; it holds what is asked for.", live.ref, severity="info"))
    told: Json = {"certificates": material.certificates, "way": way, "served": served}
    if not changed:
        return _said(request, live, said, "unchanged", **told)
    said += against
    if not asked.usable or against:
        return _said(request, live, said, "refused", **told)
    if not kept:
        said.append(codes.TLS_12_ONLY.finding("clients of the endpoints have to speak TLS 1.2.", live.ref))
    change = write_change(live, material, annotations, _reason(live, material.certificates[0], way, kept=kept), force=request.adopt)
    changes = (*_namespace_changes(snapshot, live), change)
    state = "created" if change.verb == "create" else "updated"
    facts = _facts(request, live, state, key=change.after["key"], **told)
    return Plan(changes, sort_findings(said), {"tls": worst(said)}, facts)


def _annotations(request: Request, live: Live, way: Rotation) -> dict[str, str]:
    """What is recorded on the Secret."""
    marks = {SOURCE: str(request.source or ""), ROTATION: way.mark}
    marks[ADOPTED] = "true" if live.adopted or (live.item and not live.ours) else ""
    return {key: mark for key, mark in marks.items() if mark}


def _reason(live: Live, leaf: Certificate, way: Rotation, *, kept: bool) -> str:
    if kept:
        if live.pending and not way.mark:
            return "the rotation is finished" if way.state == "done" else "there is no router to rotate"
        return "what is recorded on it is brought up to date"
    what = f"it gets {leaf.subject}, valid to {leaf.not_after:%Y-%m-%d}"
    return f"{what}; the router serves it after `az k8s-extension update`" if way.mark else what


def _content_findings(request: Request, live: Live, asked: Asked, *, kept: bool) -> list[Finding]:
    """That the Secret is missing or holds something else, as long as that is so."""
    if kept or asked.material is None:
        return []
    wanted = asked.material.certificates[0]
    if not live.item:
        return [codes.MISSING.finding("it does not exist.", live.ref)]
    current = next(iter(live.certificates), None)
    holds = f"it holds {current.subject} (SHA-256 {current.sha256})" if current else "it holds no readable certificate"
    if current and current.sha256 == wanted.sha256:
        holds = "it holds this certificate with another chain, key or layout"
    if asked.source:
        message = f"{holds}; Secret/{asked.source} has {wanted.subject} (SHA-256 {wanted.sha256})."
        return [codes.COPY_STALE.finding(message, live.ref)]
    return [codes.OUTDATED.finding(f"{holds}; {wanted.subject} (SHA-256 {wanted.sha256}) was given.", live.ref)]


def _extra(live: Live) -> list[Finding]:
    return [codes.EXTRA_KEYS.finding(f"it also holds {', '.join(live.extra_keys)}.", live.ref)] if live.extra_keys else []


def _namespace_findings(snapshot: Snapshot, live: Live) -> list[Finding]:
    answer = snapshot.get(NAMESPACE)
    if live.item or answer is None or not mapping(answer.body, "metadata").get("deletionTimestamp"):
        return []
    return [codes.NAMESPACE_TERMINATING.finding("it is being deleted.", f"Namespace/{EXTENSION_NAMESPACE}")]


def _namespace_changes(snapshot: Snapshot, live: Live) -> list[Change]:
    answer = snapshot.get(NAMESPACE)
    absent = not live.item and answer is not None and answer.absent
    return [create_namespace(EXTENSION_NAMESPACE, f"{live.ref} needs it")] if absent else []


def _checked(request: Request, snapshot: Snapshot, live: Live) -> Plan:
    """Everything that can be said of the Secret as it is."""
    asked = what_is_asked(request, snapshot, live)
    if not live.item:
        return _said(request, live, [*asked.findings, codes.MISSING.finding("it does not exist.", live.ref)], "missing")
    malformed = _malformed(live)
    if malformed:
        return _said(request, live, [*malformed, *_extra(live)], "checked")
    own = live.material()
    said = [*judge(own, request.terms), *_extra(live)]
    said += [finding for finding in asked.findings if asked.material is None]
    if asked.material is not None and not live.means(asked.material):
        said += asked.findings
        said += _content_findings(request, live, asked, kept=not asked.material.certificates)
    if not own.certificates:
        return _said(request, live, said, "checked")
    served = look(request, snapshot)
    way = rotation(request, snapshot, live, own.certificates[0], changes=False, served=served)
    said += [*served.findings, *way.findings]
    return _said(request, live, said, "checked", certificates=own.certificates, way=way, served=served)


def _malformed(live: Live) -> list[Finding]:
    kind, keys = text(live.item.get("type")), sorted(mapping(live.item, "data"))
    empty = [key for key in ("cert.pem", "key.pem") if not value(live.item, key)]
    if kind == "Opaque" and not empty:
        return []
    why = f"{' and '.join(empty)} is missing or empty" if empty else "the keys are right"
    return [codes.MALFORMED.finding(f"its type is {kind}, its keys are {', '.join(keys) or 'none'}: {why}.", live.ref)]


def _absent(request: Request, snapshot: Snapshot, live: Live) -> Plan:
    if not live.item:
        return _said(request, live, [], "absent")
    if not live.ours:
        finding = codes.SECRET_FOREIGN.finding("this collection did not make it, so it stays.", live.ref, severity="info")
        return _said(request, live, [finding], "kept")
    if live.adopted:
        finding = codes.ADOPTED_KEPT.finding("it was there before, so it stays with what it holds.", live.ref)
        change = release_change(live, "it is given back to whoever made it")
        return Plan((change,) if change else (), (finding,), {"tls": "ok"}, _facts(request, live, "kept"))
    owner = controller_of(live.item)
    if owner:
        return _said(
            request, live, [codes.CONTROLLED.finding(f"it is kept by {owner}, which would make it again.", live.ref)], "refused"
        )
    installed = router_installed(snapshot)
    said = []
    if installed is not False:
        sure = "the router is installed" if installed else "whether the router is installed could not be read"
        message = f"{sure}: pods of it that start after the Secret is gone have no certificate."
        said.append(codes.REMOVED_IN_USE.finding(message, live.ref))
    change = delete_change(live, "it is asked to be gone", frozenset({"disturbs_jobs"}) if said else frozenset())
    return Plan((change,), tuple(said), {"tls": worst(said)}, _facts(request, live, "removed"))


def _facts(
    request: Request,
    live: Live,
    state: str,
    *,
    certificates: t.Sequence[Certificate] = (),
    key: str = "as it was",
    way: Rotation | None = None,
    served: Served | None = None,
) -> Json:
    """What later tasks may want to know; nothing of it is secret."""
    leaf = next(iter(certificates), None)
    seen = served.certificate if served else None
    return {
        "tls": {
            "name": live.ref.name,
            "namespace": live.ref.namespace,
            "state": state,
            "certificate": {**leaf.public(), "days_left": days_left(leaf, request.terms.now)} if leaf else {},
            "chain": [certificate.public() for certificate in certificates[1:]],
            "key": key,
            "source": str(request.source or live.source),
            "served": {"address": served.address, **seen.public()} if served and seen else {},
            "rotation": way.state if way else "none",
            "update_command": way.command if way else "",
        }
    }
