"""Whether each GPU node offers its GPUs, by its own plugin's pod and its own numbers; one row per node."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code, Finding, Json, ObjectRef
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, name_of, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.owners import Owner
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.reading import (
    RUNTIME_CLASSES,
    Live,
    node_of,
    our_pods,
    pods_labelled,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.site import Place, Site
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.smoke import is_test
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.symptoms import diagnosis, is_ready, last_words, sign_of

# What AKS' node problem detector and its managed GPU pools report; True is bad.
_CONDITIONS = ("GPUMissing", "GPUXIDErrors", "GPUXIDError", "UnhealthyNvidiaDevicePlugin", "UnhealthyNvidiaDCGMServices")
_HELPED_BY_CLASS = (codes.DRIVER_MISSING, codes.RUNTIME_MISSING, codes.NO_GPUS)


@dataclass(frozen=True)
class Row:
    """What is known of one GPU node.

    Args:
        owner: who serves it, "" for nobody.
        pod: the pod of its plugin, "" where there is none or its owner has no pods.
        ready: that pod is ready; None where the owner has no pods.
        verdict: `served`, `waiting` (on its way), `failing`, `unserved` (nobody's), `planned`, `unknown` or why it is not judged.
        hint: what is wrong, in words.
        smoke: how its test went, "" without one.
    """

    place: Place
    owner: str
    verdict: str
    pod: str = ""
    ready: bool | None = None
    hint: str = ""
    smoke: str = ""

    def public(self) -> Json:
        """The row as it is printed and recorded."""
        node = self.place.node.public()
        return {
            "node": node.pop("name"),
            "verdict": self.verdict,
            "owner": self.owner,
            "plugin_pod": self.pod,
            "plugin_ready": self.ready,
            "smoke": self.smoke,
            "hint": self.hint,
            **node,
        }


def rows(site: Site, live: Live) -> tuple[list[Row], list[Finding]]:
    """Every GPU node, and what is to be said of it."""
    judge = _Judge(site, live)
    found, said = [], []
    for place in site.places:
        row, findings = judge.row(place)
        found.append(row)
        said += [*findings, *_of_node(place)]
    return found, said


class _Judge:
    """Judges nodes; pods of each owner are looked up once."""

    def __init__(self, site: Site, live: Live) -> None:
        self._site = site
        self._live = live
        self._pods: dict[str, dict[str, Json] | None] = {}

    def row(self, place: Place) -> tuple[Row, list[Finding]]:
        """One node."""
        if place.node.state not in ("expected", "aks_managed"):
            return Row(place, _names(place.others), place.node.state), []
        owner = self._owner(place)
        if owner is None:
            return Row(place, "", "unserved"), []
        if owner.planned:
            return Row(place, owner.subject, "planned"), []
        if owner.kind == "aks" or not owner.item:
            return self._without_pods(place, owner)
        return self._with_pods(place, owner)

    def _owner(self, place: Place) -> Owner | None:
        if place.others:
            return place.others[0]
        ours = self._site.ours
        return Owner("ours", f"DaemonSet/{self._site.request.namespace}/{name_of(ours)}", ours) if ours else None

    def _without_pods(self, place: Place, owner: Owner) -> tuple[Row, list[Finding]]:
        if place.node.gpus:
            return Row(place, owner.subject, "served"), []
        message = f"{owner.subject} serves it, but no GPU is allocatable."
        remedy = _AKS_REMEDY if owner.kind == "aks" else codes.OPERATOR_NOT_READY.remedy
        finding = codes.NO_GPUS.finding(message, _subject(place), remedy=remedy)
        return Row(place, owner.subject, "waiting", hint=message), [finding]

    def _with_pods(self, place: Place, owner: Owner) -> tuple[Row, list[Finding]]:
        if owner.kind == "ours" and place.kept_away:
            finding = codes.NOT_SCHEDULED.finding(f"{owner.subject} does not come here: {place.kept_away}.", _subject(place))
            return Row(place, owner.subject, "failing", hint=place.kept_away), [finding]
        pods = self._pods_of(owner)
        if pods is None:
            return Row(place, owner.subject, "unknown"), []
        pod = pods.get(place.node.name)
        name = name_of(pod) if pod else ""
        ready = pod is not None and is_ready(pod)
        code, words = self._trouble(place, owner, pod)
        if code is None:
            return Row(place, owner.subject, "served", name, ready), []
        stale = f"; {place.node.gpus} GPUs are still shown" if code is codes.STALE else ""
        remedy, evidence = self._remedy(code), _evidence(place, pod)
        finding = code.finding(f"{words}{stale}.", _subject(place), severity="error", remedy=remedy, evidence=evidence)
        # A plugin of somebody else is not ours to wait for until it is repaired, but it may be starting.
        verdict = "waiting" if code.resolvable else "failing"
        return Row(place, owner.subject, verdict, name, ready, words), [finding]

    def _pods_of(self, owner: Owner) -> dict[str, Json] | None:
        """Pods of an owner by node."""
        if owner.subject not in self._pods:
            ours = owner.kind == "ours"
            read = our_pods(self._site.request.namespace) if ours else pods_labelled(owner.namespace, owner.labels)
            items = self._live.items(read)
            self._pods[owner.subject] = None if items is None else {node_of(pod): pod for pod in items if not is_test(pod)}
        return self._pods[owner.subject]

    def _trouble(self, place: Place, owner: Owner, pod: Json | None) -> tuple[Code | None, str]:
        """What is wrong with a node that has an owner, None for nothing."""
        if pod is not None and is_ready(pod):
            if place.node.gpus:
                return None, ""
            return codes.NO_GPUS, f"pod {name_of(pod)} of {owner.subject} is ready, but no GPU is allocatable"
        if pod is None:
            event = self._live.last_event(owner.namespace, owner.item)
            refused = "FailedCreate" in event
            return (
                codes.REFUSED if refused else self._or_stale(place, codes.NO_POD)
            ), f"{owner.subject} has no pod here {event}".rstrip()
        event = self._live.last_event(owner.namespace, pod)
        said = "; ".join(filter(None, (last_words(pod), event)))
        cause = diagnosis(pod, event)
        words = f"pod {name_of(pod)} of {owner.subject} is not ready: {said or text(mapping(pod, 'status').get('phase'))}"
        return cause or self._or_stale(place, codes.POD_STARTING), words

    @staticmethod
    def _or_stale(place: Place, code: Code) -> Code:
        """Numbers that no plugin stands behind are worse than none."""
        return codes.STALE if place.node.gpus else code

    def _remedy(self, code: Code) -> str | None:
        """The RuntimeClass that would help, where there is one."""
        if code not in _HELPED_BY_CLASS or self._site.request.runtime_class:
            return None
        classes = self._live.items(RUNTIME_CLASSES) or []
        name = next((name_of(item) for item in classes if text(item.get("handler")).startswith("nvidia")), "")
        return f"RuntimeClass {name} exists: set nvidia_device_plugin_runtime_class to {name}." if name else None


def _evidence(place: Place, pod: Json | None) -> Json:
    node = place.node
    return {
        "detected_by": list(node.detected_by),
        "capacity": dict(node.capacity),
        "allocatable": dict(node.allocatable),
        "pod": name_of(pod) if pod else None,
    }


_AKS_REMEDY = "Look at the node's condition UnhealthyNvidiaDevicePlugin; reimaging the node repairs its services."


def _subject(place: Place) -> str:
    return str(ObjectRef("Node", place.node.name))


def _names(owners: t.Sequence[Owner]) -> str:
    return ", ".join(owner.subject for owner in owners)


def _of_node(place: Place) -> t.Iterator[Finding]:
    """What a node itself says, whoever serves it."""
    node, subject = place.node, _subject(place)
    if node.contradiction:
        message = f"{node.detected_by[0]} says that it has an NVIDIA GPU, but {node.contradiction}."
        yield codes.CONTRADICTION.finding(message, subject, evidence=list(node.detected_by))
        return
    if node.architecture == "arm64":
        yield codes.ARM64.finding("it has NVIDIA GPUs, and Arm64 processors.", subject)
    if node.state not in ("expected", "aks_managed"):
        return
    missing = sum(node.capacity.values()) - node.gpus
    if missing > 0 and node.gpus:
        message = f"{missing} of {sum(node.capacity.values())} GPUs are unhealthy."
        yield codes.UNHEALTHY.finding(
            message, subject, evidence={"capacity": dict(node.capacity), "allocatable": dict(node.allocatable)}
        )
    renamed = sorted(name for name in node.capacity if name != "nvidia.com/gpu" and node.capacity[name])
    if renamed:
        yield codes.RENAMED.finding(f"it offers {', '.join(renamed)}.", subject, evidence=dict(node.capacity))
    for entry in objects(mapping(place.raw, "status").get("conditions")):
        if entry.get("type") in _CONDITIONS and entry.get("status") == "True":
            message = f"{entry['type']}: {text(entry.get('message')) or text(entry.get('reason'))}"
            sign = sign_of(message)
            yield codes.NODE_CONDITION.finding(message, subject, remedy=sign.remedy if sign else None)


def counts(site: Site) -> list[Finding]:
    """Whether our DaemonSet is where it should be, everywhere in its newest form."""
    if site.ours is None:
        return []
    status, ref = mapping(site.ours, "status"), f"DaemonSet/{site.request.namespace}/{name_of(site.ours)}"
    desired, updated = _number(status, "desiredNumberScheduled"), _number(status, "updatedNumberScheduled")
    seen, generation = _number(status, "observedGeneration"), _number(mapping(site.ours, "metadata"), "generation")
    if seen < generation:
        return [codes.COUNTS.finding("its controller has not seen the newest form yet.", ref)]
    if desired < site.covered:
        message = f"it is to run on {desired} nodes, {site.covered} GPU nodes match its affinity and tolerations."
        return [codes.COUNTS.finding(message, ref, evidence=status)]
    if updated < desired:
        return [codes.COUNTS.finding(f"{updated} of {desired} pods have its newest form.", ref, evidence=status)]
    return []


def _number(item: Json, key: str) -> int:
    value = item.get(key)
    return value if isinstance(value, int) else 0


def with_smoke(found: t.Sequence[Row], verdicts: t.Mapping[str, str]) -> list[Row]:
    """Rows with how their tests went."""
    return [replace(row, smoke=verdicts.get(row.place.node.name, "")) for row in found]


def request_findings(request: Request) -> list[Finding]:
    """What the request itself means for AzureML."""
    found = []
    if request.renamed:
        found.append(codes.RENAMED.finding(f"{request.renamed}; instance types of AzureML cannot ask for that."))
    if mapping(request.config, "sharing", "timeSlicing"):
        found.append(codes.SHARED_MEMORY.finding("time-slicing is asked for."))
    return found
