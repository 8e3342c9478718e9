"""Objects of the plugin made, changed and taken away."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    MANAGED_BY,
    Change,
    Disruption,
    Finding,
    Json,
    ObjectRef,
    Write,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import (
    create_namespace,
    gitops_owner,
    made_by_us,
    mark_operations,
    version_test,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, name_of, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.differences import differences
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.manifests import (
    ENFORCE,
    daemon_set,
    namespace_ref,
    ref,
    supporting,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.reading import RUNTIME_CLASSES, Live, is_going
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.site import Site

_STRICT = ("baseline", "restricted")
REMOVABLE = ("ConfigMap", "RoleBinding", "Role", "ServiceAccount")


@dataclass
class Outcome:
    """What is to be done and said, collected in order."""

    changes: list[Change] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Take over what another part found."""
        self.changes += other.changes
        self.findings += other.findings


def install(site: Site, live: Live) -> Outcome:
    """What is missing of the plugin, or not as asked for."""
    out = Outcome()
    request = site.request
    for body in supporting(request, openshift=site.openshift):
        place = ref(body["kind"], request.namespace)
        if live.knows(Read(place.path)):
            out.add(_settle(body, live.object(place.path), place))
    wanted = daemon_set(request, openshift=site.openshift)
    out.add(_daemon_set(wanted, site))
    if out.changes or _lacks_pods(site):
        out.add(_surroundings(site, live, writing=bool(out.changes)))
    return out


def _daemon_set(wanted: Json, site: Site) -> Outcome:
    place = ref("DaemonSet", site.request.namespace)
    live = site.ours
    if live is None:
        if site.taken:
            return Outcome(findings=[codes.NAME_TAKEN.finding("it exists and was made by somebody else.", place)])
        return _settle(wanted, None, place)
    if is_going(live):
        return Outcome(findings=[codes.GOING.finding("it is being deleted and not gone yet.", place)])
    if mapping(live, "spec", "selector").get("matchLabels") != wanted["spec"]["selector"]["matchLabels"]:
        return _recreate(wanted, live, place)
    return _settle(wanted, live, place)


def _recreate(wanted: Json, live: Json, place: ObjectRef) -> Outcome:
    """A selector cannot be changed: the DaemonSet goes, and the next plan makes it anew."""
    reason = "its selector is another one, which cannot be changed; it is made anew"
    change = delete(live, place, reason, {"restarts_pods"})
    stopped = gitops_refusal(live, place, wanted["spec"])
    if stopped is not None:
        return Outcome(findings=[stopped])
    return Outcome([replace(change, verb="update", after=wanted["spec"])], [codes.DIFFERS.finding(f"{reason}.", place)])


def _settle(wanted: Json, live: Json | None, place: ObjectRef) -> Outcome:
    """One object applied where it is missing or differs."""
    write = Write("apply", place.path, wanted)
    shown = _shown(wanted)
    if live is None:
        change = Change("create", place, "GPU nodes need it to offer their GPUs", after=shown, write=write)
        return Outcome([change], [codes.MISSING.finding("it does not exist.", place)] if place.kind == "DaemonSet" else [])
    if not made_by_us(live):
        return Outcome(findings=[codes.NAME_TAKEN.finding("it exists and was made by somebody else.", place)])
    paths = differences(wanted, live)
    if not paths:
        return Outcome()
    stopped = gitops_refusal(live, place, shown)
    if stopped is not None:
        return Outcome(findings=[stopped])
    reason = f"not as asked for: {', '.join(paths[:5])}" + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
    change = Change("update", place, reason, before=_shown(live), after=shown, write=write)
    return Outcome([change], [codes.DIFFERS.finding(f"{reason}.", place, evidence=paths)])


def _shown(body: Json) -> Json:
    return {key: body[key] for key in ("spec", "data", "rules", "roleRef", "subjects") if key in body}


def gitops_refusal(item: Json, place: ObjectRef, wanted: t.Any) -> Finding | None:
    """Why an object of Argo CD or Flux is not changed; None for any other object."""
    owner = gitops_owner(item)
    if not owner:
        return None
    return codes.GITOPS_MANAGED.finding(f"it is kept by GitOps ({owner}), which would undo the change.", place, evidence=wanted)


def _lacks_pods(site: Site) -> bool:
    status = mapping(site.ours, "status")
    return bool(status.get("currentNumberScheduled", 0) != status.get("desiredNumberScheduled", 0))


def _surroundings(site: Site, live: Live, *, writing: bool) -> Outcome:
    """The namespace and the RuntimeClass; looked at only before something is written, or where pods are missing."""
    out = Outcome()
    request = site.request
    place = namespace_ref(request.namespace)
    answer = live.answer(Read(place.path))
    if answer is None:
        return out
    if answer.absent and writing:
        out.changes.append(own_namespace(request.namespace))
    elif answer.found:
        out.add(_security(answer.body, place))
    if request.runtime_class:
        classes = live.items(RUNTIME_CLASSES)
        if classes is not None and all(name_of(item) != request.runtime_class for item in classes):
            names = ", ".join(sorted(name_of(item) for item in classes)) or "none"
            message = f"it does not exist; there are: {names}."
            out.findings.append(codes.RUNTIME_CLASS_MISSING.finding(message, ObjectRef("RuntimeClass", request.runtime_class)))
    return out


def own_namespace(name: str) -> Change:
    """A namespace of ours, which lets the plugin in."""
    base = create_namespace(name, "the device plugin has a namespace of its own")
    body: Json = {**base.after, "metadata": {**base.after["metadata"], "labels": {**MANAGED_BY, ENFORCE: "privileged"}}}
    return replace(base, after=body, write=Write("create", base.write.path if base.write else "", body))


def _security(item: Json, place: ObjectRef) -> Outcome:
    level = text(mapping(item, "metadata", "labels").get(ENFORCE))
    if made_by_us(item) and level != "privileged":
        operations = [*version_test(item), *mark_operations(item, "labels", {ENFORCE: "privileged"})]
        labels = {"labels": {ENFORCE: level or None}}
        change = Change(
            "update",
            place,
            "Pod Security has to let in pods that mount a folder of the machine",
            before=labels,
            after={"labels": {ENFORCE: "privileged"}},
            write=Write("json_patch", place.path, operations),
        )
        return Outcome([change])
    if level in _STRICT:
        message = f"{ENFORCE} is {level}."
        remedy = f"kubectl label namespace {place.name} {ENFORCE}=privileged --overwrite"
        return Outcome(findings=[codes.POD_SECURITY.finding(message, place, remedy=remedy, evidence=level)])
    return Outcome()


def ordered(changes: t.Sequence[Change]) -> list[Change]:
    """The namespace first, the DaemonSet last."""
    rank = {"Namespace": 0, "DaemonSet": 2}
    return sorted(changes, key=lambda change: rank.get(change.object.kind, 1))


def delete(item: Json, place: ObjectRef, reason: str, disruptive: t.Collection[Disruption] = ()) -> Change:
    """An object deleted, if it is still the one that was read."""
    write = Write("delete", place.path, {"preconditions": {"uid": text(mapping(item, "metadata").get("uid"))}})
    return Change("delete", place, reason, before=_shown(item), disruptive=frozenset(disruptive), write=write)
