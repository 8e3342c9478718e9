"""Nodes dedicated to AzureML by the taints that its pods tolerate and labels of the same keys."""

from __future__ import annotations

import difflib
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Disruption, Finding, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    NODES,
    Platform,
    detect,
    list_items,
    mapping,
    objects,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.changes import amend, node_ref
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.outcome import Outcome
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.pods import Pod, running_pods, shown
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.policies import selects
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.reading import by_name, pods_on
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.record import Record, Taint, mark, record_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.request import Dedication, Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.spaces import gitops_refusal, unreadable_record

CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_KEEPING_OUT = ("NoSchedule", "NoExecute")
# Azure Red Hat OpenShift is supported with at least three workers for the platform's own components (support policy, 2026).
ARO_WORKERS = 3
_ARO = ("aro", "aro_hcp")


@dataclass(frozen=True)
class Wanted:
    """What one node is to carry."""

    taints: tuple[Taint, ...]
    labels: t.Mapping[str, str]


@dataclass(frozen=True)
class Marked:
    """One node as it is and as it will be: the taints we add and remove, and the record afterwards."""

    name: str
    item: Json
    wanted: Wanted
    taints: tuple[Json, ...]
    added: tuple[Taint, ...]
    record: Record
    labels: t.Mapping[str, str | None]

    @property
    def kept_out(self) -> tuple[Taint, ...]:
        """New taints that keep pods from being scheduled."""
        return tuple(taint for taint in self.added if taint.effect in _KEEPING_OUT)


def taints_of(item: Json) -> tuple[Taint, ...]:
    """The taints of a node."""
    entries = objects(mapping(item, "spec").get("taints"))
    return tuple(Taint(text(entry.get("key")), text(entry.get("value")), text(entry.get("effect"))) for entry in entries)


def is_control_plane(item: Json) -> bool:
    """Whether the node runs the control plane, as its role labels say."""
    return any(key in mapping(item, "metadata", "labels") for key in CONTROL_PLANE)


def is_open(item: Json, taints: t.Sequence[Taint]) -> bool:
    """Whether any pod may be scheduled to the node when it has these taints."""
    return not mapping(item, "spec").get("unschedulable") and not any(taint.effect in _KEEPING_OUT for taint in taints)


def to_taint(request: Request, snapshot: Snapshot) -> list[str]:
    """Nodes that would get a taint: before that, platform and pods have to be read."""
    nodes = by_name(snapshot, NODES)
    if nodes is None or request.state == "absent":
        return []
    wanted, _said = wanted_nodes(request.dedications, nodes)
    marked = [mark_node(name, nodes[name], wish) for name, wish in wanted.items()]
    return [entry.name for entry in marked if isinstance(entry, Marked) and entry.kept_out]


def pod_reads(request: Request, snapshot: Snapshot) -> list[Read]:
    """The pods of every node that would get a taint."""
    return [pods_on(name) for name in to_taint(request, snapshot)]


def selected(dedication: Dedication, nodes: t.Mapping[str, Json]) -> list[str]:
    """The nodes that exist and are meant."""
    if dedication.nodes:
        return [name for name in dedication.nodes if name in nodes]
    selector = {"matchLabels": dict(dedication.selector)}
    return sorted(name for name, item in nodes.items() if selects(selector, mapping(item, "metadata", "labels")))


def wanted_nodes(dedications: t.Sequence[Dedication], nodes: t.Mapping[str, Json]) -> tuple[dict[str, Wanted], list[Finding]]:
    """What each node is to carry, with control-plane nodes left out and every selection that is odd said."""
    wanted: dict[str, Wanted] = {}
    said: list[Finding] = []
    for dedication in dedications:
        said += _selection_findings(dedication, nodes)
        for name in selected(dedication, nodes):
            if is_control_plane(nodes[name]):
                message = "it runs the control plane, as its role label says, and gets no taints and labels from here."
                named = name in dedication.nodes
                said.append(codes.CONTROL_PLANE_NODE.finding(message, node_ref(name), severity=None if named else "info"))
                continue
            before = wanted.get(name, Wanted((), {}))
            clash = _clash(before, dedication)
            if clash:
                said.append(codes.TAINT_CONFLICT.finding(f"two entries of dedicated_nodes want it: {clash}.", node_ref(name)))
            taints = tuple(dict.fromkeys(before.taints + dedication.taints))
            wanted[name] = Wanted(taints, {**before.labels, **dedication.labels})
    clashing = {finding.subject for finding in said if finding.code == codes.TAINT_CONFLICT.code}
    return {name: wish for name, wish in wanted.items() if str(node_ref(name)) not in clashing}, said


def _clash(before: Wanted, more: Dedication) -> str:
    """Why two wishes for one node do not go together, "" when they do."""
    values = {taint.place: taint.value for taint in before.taints}
    found = [f"{values[x.place]!r} and {x.value!r} as {x.key}" for x in more.taints if values.get(x.place, x.value) != x.value]
    found += [
        f"{before.labels[key]!r} and {value!r} as label {key}"
        for key, value in more.labels.items()
        if before.labels.get(key, value) != value
    ]
    return "; ".join(dict.fromkeys(found))


def _selection_findings(dedication: Dedication, nodes: t.Mapping[str, Json]) -> list[Finding]:
    found = []
    for name in dedication.nodes:
        if name not in nodes:
            near = difflib.get_close_matches(name, sorted(nodes), 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            found.append(codes.NODE_MISSING.finding(f"the cluster has no such node.{hint}", node_ref(name)))
    if dedication.selector and not selected(dedication, nodes):
        words = ",".join(f"{key}={value}" for key, value in sorted(dedication.selector.items()))
        found.append(codes.NO_NODE_SELECTED.finding(f"no node has the labels {words}.", evidence=dict(dedication.selector)))
    return found


def mark_node(name: str, item: Json, wanted: Wanted) -> Marked | Finding:
    """How a node changes; a finding when somebody else's taint is in the way."""
    record = record_of(item)
    live = taints_of(item)
    entries = list(zip(live, objects(mapping(item, "spec").get("taints"))))
    places = {taint.place: taint for taint in wanted.taints}
    foreign = [taint for taint in live if taint not in record.taints]
    for taint in foreign:
        if taint.place in places and taint != places[taint.place]:
            message = f"it has the taint {taint} of somebody else, where {places[taint.place]} is asked for."
            return codes.TAINT_CONFLICT.finding(message, node_ref(name), evidence=str(taint))
    kept = tuple(entry for taint, entry in entries if taint in foreign or taint in wanted.taints)
    added = tuple(taint for taint in wanted.taints if taint not in live)
    ours = tuple(taint for taint in wanted.taints if taint in added or (taint in record.taints and taint in live))
    labels = mark(item, "labels", wanted.labels)
    new = tuple({"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in added)
    return Marked(name, item, wanted, kept + new, added, Record(labels.record, taints=ours), labels.set)


def plan_nodes(request: Request, snapshot: Snapshot) -> Outcome:
    """Taints and labels of all nodes to dedicate."""
    out = Outcome()
    nodes = by_name(snapshot, NODES)
    if nodes is None:
        answer = snapshot.get(NODES)
        why = answer.message if answer else "they were not read"
        out.findings.append(
            codes.UNREADABLE.finding(f"nodes cannot be listed ({why}); none is dedicated.", "Node", severity="error")
        )
        return out
    wanted, out.findings = wanted_nodes(request.dedications, nodes)
    marked = []
    for name, wish in wanted.items():
        entry = mark_node(name, nodes[name], wish)
        if isinstance(entry, Marked):
            marked.append(entry)
        else:
            out.findings.append(entry)
            out.note(name, state="refused", taints=[str(taint) for taint in taints_of(nodes[name])])
    out.findings += _leftovers(nodes, wanted) + [
        unreadable_record(node_ref(entry.name)) for entry in marked if not record_of(entry.item).readable
    ]
    tainted = [entry for entry in marked if entry.kept_out]
    closed = _none_left(tainted, nodes)
    out.findings += closed
    platform = detect(snapshot, request.platform) if tainted else Platform("unknown")
    for entry in marked:
        out.add(Outcome() if closed and entry.kept_out else _node(entry, request, snapshot, platform, _remaining(tainted, nodes)))
        if closed and entry.kept_out:
            out.note(entry.name, state="refused", taints=[str(taint) for taint in taints_of(entry.item)])
    out.findings += _lasting(tainted if not closed else [], platform)
    return out


def _remaining(tainted: t.Sequence[Marked], nodes: t.Mapping[str, Json]) -> list[str]:
    """Workers that stay open to any pod once the nodes are tainted."""
    names = {entry.name for entry in tainted}
    return [
        name for name, item in nodes.items() if name not in names and not is_control_plane(item) and is_open(item, taints_of(item))
    ]


def _none_left(tainted: t.Sequence[Marked], nodes: t.Mapping[str, Json]) -> list[Finding]:
    names = {entry.name for entry in tainted}
    left = [name for name, item in nodes.items() if name not in names and is_open(item, taints_of(item))]
    if left or not tainted:
        return []
    message = (
        f"with {', '.join(sorted(names))} tainted, none of the {len(nodes)} nodes takes pods without tolerations; none is tainted."
    )
    return [codes.ALL_NODES_TAINTED.finding(message, evidence=sorted(names))]


def _node(entry: Marked, request: Request, snapshot: Snapshot, platform: Platform, remaining: t.Sequence[str]) -> Outcome:
    out = Outcome()
    ref = node_ref(entry.name)
    disruptive: frozenset[Disruption] = frozenset()
    words: list[str] = []
    if entry.kept_out:
        disruptive, out.findings, words = _effects(entry, request, snapshot, platform, remaining)
    reason = "; ".join([f"it is to be dedicated to AzureML by {', '.join(map(str, entry.wanted.taints))}", *words])
    change = amend(
        entry.item,
        ref,
        reason,
        entry.record,
        labels=entry.labels,
        fields={"/spec/taints": list(entry.taints)},
        disruptive=disruptive,
    )
    state = "dedicated"
    if change:
        refused = gitops_refusal(entry.item, change)
        out.findings.append(refused or codes.DIFFERS.finding("it has not the taints and labels that were asked for.", ref))
        out.changes += [] if refused else [change]
        state = "refused" if refused else state
    out.note(entry.name, state=state, taints=[str(taint) for taint in entry.wanted.taints], labels=dict(entry.wanted.labels))
    return out


def _effects(
    entry: Marked, request: Request, snapshot: Snapshot, platform: Platform, remaining: t.Sequence[str]
) -> tuple[frozenset[Disruption], list[Finding], list[str]]:
    """What new taints do to pods that run: the classes of disruption, what is said, and words for the refusal."""
    ref = node_ref(entry.name)
    answer = snapshot.get(pods_on(entry.name))
    items = list_items(answer)
    evicting = [taint for taint in entry.added if taint.effect == "NoExecute"]
    if items is None:
        why = answer.message if answer else "they were not read"
        message = f"its pods cannot be listed ({why}), so what the taints do to them is unknown."
        assumed: list[Disruption] = ["restarts_pods", "disturbs_jobs"] if evicting else []
        return frozenset(assumed), [codes.UNREADABLE.finding(message, ref)], [message] if evicting else []
    pods = running_pods(items, {space.name for space in request.spaces})
    evicted = [pod for pod in pods if not all(pod.tolerates(taint) for taint in evicting)]
    staying = [pod for pod in pods if pod not in evicted and not all(pod.tolerates(taint) for taint in entry.kept_out)]
    disruptive: set[Disruption] = {"restarts_pods"} if evicted else set()
    if any(pod.job for pod in evicted):
        disruptive.add("disturbs_jobs")
    found: list[Finding] = []
    words: list[str] = []
    if evicted:
        words.append(f"{len(evicted)} pods end at once: {shown(evicted)}")
        found.append(codes.PODS_EVICTED.finding(f"{words[0]}.", ref, evidence=sorted(pod.name for pod in evicted)))
    if staying:
        message = f"{len(staying)} pods that do not tolerate the new taints stay until they end: {shown(staying)}."
        found.append(codes.STRANGERS_STAY.finding(message, ref, evidence=sorted(pod.name for pod in staying)))
    against = _aro_objections(platform, pods, evicted, entry, remaining)
    if against:
        disruptive.add("aro_support_policy")
        words += against
        found.append(codes.ARO_TAINTS.finding(f"{'; '.join(against)}.", ref, evidence=against))
    if platform.name == "unknown":
        message = "which platform this is could not be read, so the rules of Azure Red Hat OpenShift were not applied."
        found.append(
            codes.UNREADABLE.finding(message, remedy="Set azureml_platform, or let the credentials read the marks of the platform.")
        )
    return frozenset(disruptive), found, words


def _aro_objections(
    platform: Platform, pods: t.Sequence[Pod], evicted: t.Sequence[Pod], entry: Marked, remaining: t.Sequence[str]
) -> list[str]:
    """Why the taints break ARO's rule that none may keep a platform component from running."""
    if platform.name not in _ARO:
        return []
    found = []
    if len(remaining) < ARO_WORKERS:
        found.append(f"{len(remaining)} workers without taints would be left, {ARO_WORKERS} are needed by the platform")
    stopped = [
        pod
        for pod in pods
        if pod.platform and (pod in evicted or (pod.daemon and not all(pod.tolerates(taint) for taint in entry.kept_out)))
    ]
    if stopped:
        found.append(f"pods of the platform do not tolerate the taints: {shown(stopped)}")
    return found


def _leftovers(nodes: t.Mapping[str, Json], wanted: t.Collection[str]) -> list[Finding]:
    found = []
    for name, item in sorted(nodes.items()):
        record = record_of(item)
        if name not in wanted and (record.taints or record.labels):
            ours = [str(taint) for taint in record.taints] + sorted(record.labels)
            message = f"an earlier run put on it {', '.join(ours)}, and it is not asked for now."
            found.append(codes.NODE_LEFTOVER.finding(message, node_ref(name), evidence=ours))
    return found


def _lasting(tainted: t.Sequence[Marked], platform: Platform) -> list[Finding]:
    """That pools make new nodes without our marks: once per pool where pools have names, with the command that AKS has."""
    pools = {text(mapping(entry.item, "metadata", "labels").get("kubernetes.azure.com/agentpool")): entry for entry in tainted}
    found = []
    for pool, entry in sorted(pools.items(), key=lambda item: item[0]):
        if pool:
            # The command replaces all taints of the pool, so those of others are named, too.
            others = [taint for taint in taints_of(entry.item) if taint not in entry.wanted.taints]
            taints = ",".join(map(str, (*others, *entry.wanted.taints)))
            labels = " ".join(f"{key}={value}" for key, value in entry.wanted.labels.items())
            remedy = (
                f"Run `az aks nodepool update --name {pool} --node-taints {taints} --labels {labels}` with --cluster-name and"
                " --resource-group; add the labels that the pool has already, since the command replaces them."
            )
            message = f"nodes that pool {pool} adds later have neither taints nor labels until the next run."
            found.append(codes.NOT_LASTING.finding(message, f"pool {pool}", remedy=remedy))
        elif platform.openshift:
            remedy = "Set spec.template.spec.taints and spec.template.spec.metadata.labels of the MachineSet, too."
            message = "nodes that a MachineSet adds later have neither taints nor labels until the next run."
            found.append(codes.NOT_LASTING.finding(message, remedy=remedy))
    return found


def plan_release(request: Request, nodes: t.Mapping[str, Json]) -> Outcome:
    """Nodes that are no longer dedicated: exactly our taints and labels go."""
    out = Outcome()
    names: list[str] = []
    for dedication in request.dedications:
        out.findings += _selection_findings(replace(dedication, selector={}), nodes)
        names += selected(dedication, nodes)
    for name in dict.fromkeys(names):
        entry = mark_node(name, nodes[name], Wanted((), {}))
        if isinstance(entry, Marked):
            change = _released(entry)
            out.changes += [change] if change else []
            out.note(name, state="released", taints=[], labels={})
            if not record_of(entry.item).readable:
                out.findings.append(unreadable_record(node_ref(name)))
    out.findings += _leftovers(nodes, set(names))
    return out


def _released(entry: Marked) -> Change | None:
    reason = "it is no longer dedicated to AzureML"
    return amend(
        entry.item, node_ref(entry.name), reason, entry.record, labels=entry.labels, fields={"/spec/taints": list(entry.taints)}
    )
