"""Settings compiled and judged: what is said, what is rendered, and the private files that hold what is secret."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    Change,
    Finding,
    Json,
    ObjectRef,
    Plan,
    Write,
    sort_findings,
    worst,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import CLUSTER_VERSION, NODES, list_items
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings import cli, codes, template
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.azure import (
    Reference,
    relay_namespace,
    service_bus_namespace,
    workspace_name,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.block import PEM_KEYS, Block, Cluster, as_text, is_false
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.consequences import (
    Consequence,
    consequence_findings,
    consequences,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.judge import (
    combination_findings,
    kept_by_update,
    protected_needed,
    tls_findings,
    untranslated,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.keys import key_findings
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.nodes import router_nodes
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.wire import RELAY, SERVICE_BUS, Wire, create, update

PRIVATE = 0o600


@dataclass(frozen=True)
class Compiled:
    """A block compiled: what is sent, what is said of it, and whom an update disturbs."""

    wire: Wire
    findings: tuple[Finding, ...]
    disturbed: tuple[Consequence, ...] = ()

    @property
    def sound(self) -> bool:
        """Nothing of it is an error."""
        return not any(finding.severity == "error" for finding in self.findings)


def reads(request: Request, _snapshot: Snapshot) -> list[Read]:
    """The files that would be written, and the cluster where that is asked for."""
    files = [_file_read(path) for path in (request.protected_file, request.parameters_file) if path]
    return files + ([NODES, CLUSTER_VERSION] if request.read_cluster else [])


def _file_read(path: str) -> Read:
    return Read(f"file://{path}")


def compiled(request: Request) -> Compiled:
    """Compile and judge; the request knows the cluster as far as anybody does."""
    block, cluster = request.block, request.cluster
    said = key_findings(block, request.known_keys)
    disturbed: tuple[Consequence, ...] = ()
    if request.operation == "create":
        wire = create(block, cluster, request.azure, request.files)
        said += combination_findings(block, cluster, request.nodes)
    else:
        wire = update(block, cluster, request.azure, request.files, request.stored)
        disturbed = tuple(consequences(block, request.stored))
        said += [*tls_findings(block), *kept_by_update(block, request.stored), *consequence_findings(disturbed)]
    if request.form == "template":
        said += untranslated(block)
    for key in PEM_KEYS:
        pem = request.files.get(str(block.protected.get(key)))
        if pem is not None and not pem.problem and "-----BEGIN" not in pem.text:
            said.append(codes.BAD_VALUE.finding("the file holds no PEM.", key))
    if request.release.version and request.release.auto_upgrade:
        message = f"version {request.release.version} is pinned and automatic upgrades are on."
        said.append(codes.AUTO_UPGRADE.finding(message, "auto_upgrade"))
    return Compiled(wire, (*said, *wire.refused, *wire.deviations), disturbed)


def plan(request: Request, snapshot: Snapshot) -> Plan:
    """What the settings come to; the only changes are private files on the machine that runs the task."""
    request, seen = _seen(request, snapshot)
    done = compiled(request)
    said = [*done.findings, *seen]
    changes: list[Change] = []
    if done.sound:
        for path, text in _files(request, done.wire):
            change, finding = _file(path, text, snapshot)
            changes += [change] if change else []
            said += [finding] if finding else []
    if request.block.protected and not request.protected_file and not done.wire.refused and request.form == "az":
        said.append(codes.FILE_MISSING.finding("it is not set.", "protected_settings_file"))
    facts = {"extension_settings": _facts(request, done)}
    if any(finding.severity == "error" for finding in said):
        changes = []
    return Plan(tuple(changes), sort_findings(said), {"settings": worst(said)}, facts)


def _seen(request: Request, snapshot: Snapshot) -> tuple[Request, list[Finding]]:
    """The request with what the cluster tells where the options are silent."""
    if not request.read_cluster:
        return request, []
    items = list_items(snapshot.get(NODES))
    version = snapshot.get(CLUSTER_VERSION)
    said = []
    cluster, nodes = request.cluster, request.nodes
    if items is None:
        said.append(codes.NODES_UNREADABLE.finding("the nodes cannot be read.", "Node"))
    else:
        cluster = replace(cluster, nodes=len(items) if cluster.nodes is None else cluster.nodes)
        nodes = router_nodes(items, request.block) if nodes.schedulable is None else nodes
    if cluster.openshift is None and version is not None:
        if version.found or version.absent:
            cluster = replace(cluster, openshift=version.found)
        else:
            said.append(codes.NODES_UNREADABLE.finding(f"it cannot be read ({version.message}).", "ClusterVersion/version"))
    return replace(request, cluster=cluster, nodes=nodes), said


def _files(request: Request, wire: Wire) -> t.Iterator[tuple[str, str]]:
    """Path and content of the private files."""
    if request.protected_file and request.block.protected:
        yield request.protected_file, cli.protected_text(request.block.protected)
    if request.parameters_file:
        yield request.parameters_file, template.parameters_text(wire)


def _file(path: str, text: str, snapshot: Snapshot) -> tuple[Change | None, Finding | None]:
    """The change that makes a file hold `text` and be private; nothing when it does and is."""
    read = _file_read(path)
    answer = snapshot[read]
    ref = ObjectRef("File", path, path=read.path)
    if not answer.found and not answer.absent:
        return None, codes.FILE_UNREADABLE.finding(f"it cannot be read ({answer.message}).", ref)
    mode = answer.body.get("mode")
    if answer.found and answer.body.get("text") == text and mode == PRIVATE:
        return None, None
    why = "it does not exist" if answer.absent else "others may read it" if mode != PRIVATE else "it holds something else"
    before = {"mode": f"{mode:04o}"} if isinstance(mode, int) else None
    change = Change(
        "create" if answer.absent else "update",
        ref,
        why,
        before,
        {"mode": f"{PRIVATE:04o}", "content": "protected settings, not shown"},
        write=Write("file", read.path, text),
    )
    return change, codes.FILE_OUTDATED.finding(f"{why}.", ref)


def _facts(request: Request, done: Compiled) -> Json:
    """What later tasks may want; nothing of it is secret."""
    wire, block, cluster = done.wire, request.block, request.cluster
    accepted = not wire.refused
    words = []
    if accepted and request.form == "az" and (request.protected_file or not block.protected):
        settings = {**block.settings, **wire.for_az}
        shown = Block({k: v for k, v in settings.items() if not template.secret_key(k)}, block.protected)
        words = cli.arguments(request.operation, request.release, cluster, shown, request.protected_file)
    return {
        "operation": request.operation,
        "accepted": accepted,
        "sound": done.sound,
        "arguments": words,
        "command": cli.command(words) if words else "",
        "configuration_settings": _shown(wire.settings) if accepted else {},
        "protected_keys": sorted(wire.protected) if accepted else [],
        "arm": _arm(request, wire) if accepted else {},
        "bicep": template.bicep(wire, cluster, request.release) if accepted and request.operation == "create" else "",
        "azure_resources": _resources(wire, cluster) if accepted else [],
        "consequences": [one.public() for one in done.disturbed],
        "protected_needed": protected_needed(block, cluster, request.azure, request.stored)
        if request.operation == "update"
        else {},
        "deviations": [finding.code for finding in wire.deviations],
        "nodes": {"count": cluster.nodes, "schedulable": request.nodes.schedulable},
    }


def _shown(settings: Json) -> Json:
    """The plain settings with their types; what only Azure knows by its name, what is secret not at all."""
    return {
        key: f"({value.what})" if isinstance(value, Reference) else "(secret)" if template.secret_key(key) else value
        for key, value in sorted(settings.items())
    }


def _arm(request: Request, wire: Wire) -> Json:
    """Maps and template; an update sends what az reads on the next one, too."""
    if request.operation == "create":
        return template.arm(wire, request.cluster, request.release)
    defaults = ((RELAY, "false" if request.cluster.aks else "true"), (SERVICE_BUS, "false"))
    kept = {key: wire.settings.get(key, request.stored.get(key) or default) for key, default in defaults}
    full = replace(wire, settings={**wire.settings, **{key: "false" if is_false(v) else as_text(v) for key, v in kept.items()}})
    content = template.arm(full, request.cluster, request.release)
    return {key: content[key] for key in ("configurationSettings", "configurationProtectedSettings")}


def _resources(wire: Wire, cluster: Cluster) -> list[Json]:
    """What az makes in Azure before it installs, by type and name."""
    known = {
        "relay": ("Microsoft.Relay/namespaces", relay_namespace),
        "service_bus": ("Microsoft.ServiceBus/namespaces", service_bus_namespace),
        "log_analytics": ("Microsoft.OperationalInsights/workspaces", workspace_name),
    }
    return [{"type": known[made][0], "name": known[made][1](cluster)} for made in wire.made]
