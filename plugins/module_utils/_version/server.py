"""The API server against the window."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code, Finding, Json, ObjectRef, Severity
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import VERSION, mapping
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import KubernetesVersion, server_version
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.kubernetes_versions import openshift_release
from ansible_collections.azureml.kubernetes.plugins.module_utils._version import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.judge import Verdict, judge
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.situation import Part, Situation

SERVER = ObjectRef("APIServer", "version", path=VERSION.path)
_CODES: dict[Verdict, Code] = {
    "supported_grace": codes.SUPPORTED_GRACE,
    "platform_only": codes.PLATFORM_ONLY,
    "lts_only": codes.LTS_ONLY,
    "too_old": codes.TOO_OLD,
    "newer_than_n": codes.NEWER_THAN_N,
    "preview": codes.PREVIEW,
}


def read_server(snapshot: Snapshot) -> KubernetesVersion | None:
    """The server's version; None when it could not be read or understood."""
    answer = snapshot.get(VERSION)
    return server_version(answer.body) if answer is not None and answer.found else None


def judge_server(now: Situation, snapshot: Snapshot) -> Part:
    """The verdict with its facts and findings."""
    version = read_server(snapshot)
    verdict = judge(version, now.n.minor, now.known, aks=now.maybe_aks)
    facts: Json = {
        "verdict": verdict,
        "server_version": version.text if version else None,
        "minor": str(version.line) if version else None,
        **now.n.public(),
        "openshift": _openshift_facts(now, version),
    }
    if version is None:
        return Part("error" if now.request.strict else "unknown", facts, (_unknown(now, snapshot),))
    if verdict == "supported":
        return Part.of(facts)
    findings = [_outside(now, version, verdict)]
    if verdict == "too_old" and findings[0].severity != "error" and (now.new_install is None or now.platform.openshift is None):
        findings.append(_unclear(now))
    return Part.of(facts, findings)


def _openshift_facts(now: Situation, version: KubernetesVersion | None) -> Json | None:
    """OpenShift's release and the releases that lie in the window; None where this is known not to be OpenShift."""
    if not now.platform.openshift:
        return None
    return {
        "version": now.platform.openshift_version or None,
        "release": ".".join(now.platform.openshift_version.split(".")[:2]) or (openshift_release(version.line) if version else ""),
        "releases_in_window": [release for release in map(openshift_release, now.n.window) if release],
    }


def _unknown(now: Situation, snapshot: Snapshot) -> Finding:
    answer = snapshot.get(VERSION)
    if answer is None or not answer.found:
        words = answer.message if answer is not None else "it was not read"
        return codes.SERVER_UNREADABLE.finding(f"The server's version could not be read: {words}.", SERVER, severity=now.lapse)
    shown = {key: str(value)[:100] for key, value in mapping(answer.body).items() if key in ("gitVersion", "major", "minor")}
    message = f"The server's version makes no sense: {shown or 'no gitVersion, major or minor'}."
    return codes.SERVER_UNPARSABLE.finding(message, SERVER, severity=now.lapse, evidence=shown)


def _outside(now: Situation, version: KubernetesVersion, verdict: Verdict) -> Finding:
    name = f"Kubernetes {version.line} ({version.text})"
    release = now.platform.openshift_version
    name += f" of OpenShift {release}" if release else ""
    edition = now.known.calendar.edition if now.n.source == "table" or verdict in ("supported_grace", "lts_only") else ""
    return _CODES[verdict].finding(
        f"{name} {_why(now, version, verdict)}; the window is {now.n.words}.{_mildness(now, verdict)}",
        SERVER,
        severity=_severity(now, verdict),
        remedy=None if verdict in ("newer_than_n", "preview") else _upgrade(now),
        evidence={"server_version": version.text, "verdict": verdict, "platform": now.platform.name, **now.n.public()},
        edition=edition,
    )


def _severity(now: Situation, verdict: Verdict) -> Severity:
    """Being outside is a statement about support: only too old before a new installation is an error by default."""
    if verdict == "supported_grace":
        return "warning"
    if verdict == "too_old" and now.new_install is True and now.platform.openshift is False:
        return "error"
    return now.lapse


def _why(now: Situation, version: KubernetesVersion, verdict: Verdict) -> str:
    """What the verdict means, as the second half of a sentence."""
    row = now.known.row(version.line)
    if verdict == "supported_grace":
        until = f" until {row.end_of_life}" if row.end_of_life else ""
        return f"has left the window, but AKS still supports it{until}"
    if verdict == "platform_only":
        return "is N-3, which AKS itself keeps with platform support only" if now.maybe_aks else "is N-3, just outside the window"
    if verdict == "lts_only":
        until = f" until {row.lts_end}" if row.lts_end else ""
        return f"is supported by AKS for clusters with long-term support only{until}, to which AzureML's window does not extend"
    if verdict == "preview":
        return "is a pre-release" if version.before_release else "is a preview of AKS"
    return "is newer than N" if verdict == "newer_than_n" else "is too old"


def _mildness(now: Situation, verdict: Verdict) -> str:
    """Why an old minor does not stop this task."""
    if verdict != "too_old" or _severity(now, verdict) == "error":
        return ""
    if now.platform.openshift:
        return " This does not stop an installation: supported OpenShift releases often lie behind the window."
    if now.installed:
        name = f" {now.platform.extension}" if now.platform.extension else ""
        return f" The extension{name} runs already, so this concerns its support."
    return ""


def _unclear(now: Situation) -> Finding:
    unread = []
    if now.new_install is None:
        unread.append("list deployments in namespace azureml")
    if now.platform.openshift is None:
        unread.append("get /apis and ClusterVersion/version")
    message = f"The minor is too old, which is an error before a new installation; not known here for want of: {', '.join(unread)}."
    return codes.EXTENSION_UNKNOWN.finding(message, SERVER)


def _upgrade(now: Situation) -> str:
    """How to get into the window on this platform."""
    oldest, name = now.n.window[-1], now.platform.name
    release = openshift_release(oldest)
    if now.platform.managed_openshift and release:
        return (
            f"Upgrade to OpenShift {release} or later (Kubernetes {oldest}) in the OpenShift Cluster Manager,"
            " or with `rosa upgrade cluster`."
        )
    if now.platform.openshift and release:
        return (
            f"Upgrade to OpenShift {release} or later (Kubernetes {oldest}): `oc adm upgrade channel stable-{release}`,"
            " then `oc adm upgrade`; or accept that support will ask for it."
        )
    if name == "aks":
        return (
            "Upgrade one minor at a time until"
            f" `az aks upgrade --resource-group GROUP --name CLUSTER --kubernetes-version {oldest}` is done."
        )
    return f"Upgrade Kubernetes to {oldest} or later with the distribution's own tools, one minor at a time."
