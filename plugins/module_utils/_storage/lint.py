"""What makes jobs fail silently: judged over all claims that the jobs of a namespace mount, whoever made them."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import made_by_us
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    API_GROUPS,
    NODES,
    detect,
    mapping,
    name_of,
    objects,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.drivers import DRIVERS
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.live import (
    Key,
    Live,
    event_words,
    held_for,
    held_for_another,
    phase_of,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.mounted import Mounted, mounted_claims
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.paths import clashes, hides, normalised, unusable
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.reading import (
    DRIVERS as DRIVER_LIST,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.reading import (
    NODE_NAMES,
    secret_metadata,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.volumes import LABEL, Target, claim_ref, volume_ref

_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_WORKER = "node-role.kubernetes.io/worker"


def lint(request: Request, wanted: t.Mapping[Key, Target], live: Live) -> list[Finding]:
    """Everything that is wrong with what jobs of the request's namespaces mount.

    Args:
        wanted: targets that this run leaves as asked for.
    """
    found: list[Finding] = []
    everything: list[Mounted] = []
    for namespace in request.namespaces:
        mounted, looks = mounted_claims(namespace, wanted, live)
        found += [*looks, *_path_findings(mounted)]
        everything += mounted
    found += [*_access_findings(everything, live), *_driver_findings(everything, request.platform, live)]
    found += [*_secret_findings(everything, live), *_binding_findings(everything, live)]
    found += [*_released_findings(request, live), *_leftover_findings(request, live)]
    if request.inference and everything:
        message = f"{len(everything)} claims are for jobs; online endpoints of this cluster do not get them."
        found.append(codes.NOT_FOR_INFERENCE.finding(message))
    return found


def _path_findings(mounted: t.Sequence[Mounted]) -> list[Finding]:
    found: list[Finding] = []
    usable = []
    for item in mounted:
        reason = unusable(item.path)
        if not item.path:
            found.append(codes.MOUNT_PATH_MISSING.finding("it has the label but no mount path.", item.ref))
        elif reason:
            found.append(codes.MOUNT_PATH_INVALID.finding(f"mount path {item.path!r} {reason}.", item.ref))
        else:
            usable.append((str(item.ref), item.path))
        if item.path and not reason and item.path != normalised(item.path):
            message = f"mount path {item.path!r} is not in its shortest form, {normalised(item.path)!r}."
            found.append(codes.MOUNT_PATH_UNTIDY.finding(message, item.ref))
        if not reason and hides(item.path):
            message = f"mount path {item.path} hides what images have in that folder."
            found.append(codes.MOUNT_PATH_HIDES.finding(message, item.ref))
    for clash in clashes(usable):
        if clash.same:
            found.append(codes.MOUNT_PATH_DUPLICATE.finding(f"{clash.outer} has mount path {clash.path}, too.", clash.inner))
        else:
            message = f"mount path {clash.path} lies inside that of {clash.outer}."
            found.append(codes.MOUNT_PATH_NESTED.finding(message, clash.inner))
    return found


def _access_findings(mounted: t.Sequence[Mounted], live: Live) -> list[Finding]:
    """Claims for one node where jobs may run on several."""
    single = [item for item in mounted if item.modes and not any(mode.endswith("Many") for mode in item.modes)]
    if not single:
        return []
    nodes = live.items(NODE_NAMES)
    if nodes is None:
        return _unread(live, NODE_NAMES, "how many nodes run jobs", single[0])
    count = sum(_runs_jobs(node) for node in nodes)
    message = f"it can be mounted on one node at a time, jobs run on {count}."
    return [codes.SINGLE_NODE_ACCESS.finding(message, item.ref, evidence=list(item.modes)) for item in single if count > 1]


def _runs_jobs(node: Json) -> bool:
    labels = mapping(node, "metadata", "labels")
    return _WORKER in labels or not any(key in labels for key in _CONTROL_PLANE)


def _driver_findings(mounted: t.Sequence[Mounted], platform: str, live: Live) -> list[Finding]:
    """Drivers that are needed and not there, each once."""
    needed: dict[str, list[Mounted]] = {}
    for item in mounted:
        driver = item.driver or _provisioner(item, live)
        if driver:
            needed.setdefault(driver, []).append(item)
    if not needed:
        return []
    installed = live.items(DRIVER_LIST)
    if installed is None:
        return _unread(live, DRIVER_LIST, f"whether CSI drivers {', '.join(sorted(needed))} are installed")
    found = []
    for driver in sorted(set(needed) - {name_of(item) for item in installed}):
        claims = [str(item.ref) for item in needed[driver]]
        message = f"CSI driver {driver} is not installed, but {', '.join(claims)} need{'' if len(claims) > 1 else 's'} it."
        # Only the drivers we know are sure to come with a CSIDriver object.
        severity: t.Literal["error", "warning"] = "error" if driver in DRIVERS else "warning"
        remedy = _how_to_install(driver, platform, live)
        found.append(
            codes.DRIVER_MISSING.finding(message, f"CSIDriver/{driver}", severity=severity, remedy=remedy, evidence=claims)
        )
    return found


def _provisioner(item: Mounted, live: Live) -> str:
    """The driver that has yet to make the volume: known where the class names one that we know."""
    if not item.storage_class or item.volume is not None:
        return ""
    provisioner = text(mapping((live.classes() or {}).get(item.storage_class)).get("provisioner"))
    return provisioner if provisioner in DRIVERS else ""


def _how_to_install(driver: str, override: str, live: Live) -> str:
    known = DRIVERS.get(driver)
    if known is None:
        return f"Install the driver {driver}; where it works without a CSIDriver object, nothing has to be done."
    platform = detect(live.snapshot(API_GROUPS, NODES), override)
    if platform.name == "aks":
        return f"Run az aks update -g RESOURCE_GROUP -n CLUSTER {known.aks_flag}."
    if platform.openshift and known.operator:
        return f"See why its operator does not install it: oc describe clustercsidriver {driver}."
    return f"Install the Helm chart {known.chart} of kubernetes-sigs/{known.chart} in namespace kube-system."


def _secret_findings(mounted: t.Sequence[Mounted], live: Live) -> list[Finding]:
    """Secrets that are missing or lack keys, each once. Only names of keys are ever read."""
    needed: dict[Key, Mounted] = {item.secret: item for item in reversed(mounted) if item.secret}
    found: list[Finding] = []
    for (namespace, name), item in sorted(needed.items()):
        read, subject = secret_metadata(namespace, name), f"Secret/{namespace}/{name}"
        answer = live.answer(read)
        if answer is None or not (answer.found or answer.absent):
            found += _unread(live, read, f"whether {subject} exists", item)
        elif answer.absent:
            message = f"it does not exist, but {item.ref} is mounted with it."
            remedy = _how_to_make(namespace, name, item.driver)
            found.append(codes.SECRET_MISSING.finding(message, subject, remedy=remedy))
        else:
            found += _key_findings(namespace, name, item, _key_names(answer.body))
    return found


def _how_to_make(namespace: str, name: str, driver: str) -> str:
    known = DRIVERS.get(driver)
    keys = sorted(known.secret_keys[0], reverse=True) if known else ["KEY"]
    literals = " ".join(f"--from-literal={key}=..." for key in keys)
    return f"Run kubectl create secret generic {name} -n {namespace} {literals}"


def _key_names(secret: Json) -> frozenset[str] | None:
    """Names of the secret's keys by what the managers of its fields set; None when none of them tells."""
    managers = objects(mapping(secret, "metadata").get("managedFields"))
    # What was applied as stringData is recorded so.
    fields = [mapping(entry, "fieldsV1", place) for entry in managers for place in ("f:data", "f:stringData")]
    return frozenset(key[2:] for names in fields for key in names if key.startswith("f:")) or None


def _key_findings(namespace: str, name: str, item: Mounted, keys: frozenset[str] | None) -> list[Finding]:
    known = DRIVERS.get(item.driver)
    if known is None or keys is None:
        return []
    # The drivers compare names of keys without regard to case.
    has, subject = {key.lower() for key in keys}, f"Secret/{namespace}/{name}"
    if any(wanted <= has for wanted in known.secret_keys):
        return []
    remedy = _how_to_make(namespace, name, item.driver)
    if known.old_secret_keys <= has:
        message = (
            f"{item.ref} is mounted with it; it has the keys of the FlexVolume driver, {', '.join(sorted(known.old_secret_keys))}."
        )
        return [codes.SECRET_OLD_KEYS.finding(message, subject, remedy=remedy)]
    ways = " or ".join(" and ".join(sorted(wanted)) for wanted in known.secret_keys)
    message = f"{item.ref} is mounted with it; driver {item.driver} needs keys {ways}, it has {', '.join(sorted(keys))}."
    return [codes.SECRET_KEYS.finding(message, subject, remedy=remedy, evidence=sorted(keys))]


def _binding_findings(mounted: t.Sequence[Mounted], live: Live) -> list[Finding]:
    """Claims that this request did not make and that keep jobs from starting."""
    found: list[Finding] = []
    for item in mounted:
        if item.ours or item.claim is None:
            continue
        phase = phase_of(item.claim)
        if phase == "Lost":
            found.append(codes.CLAIM_LOST.finding("its PersistentVolume is gone, so no job of the namespace starts.", item.ref))
        elif phase == "Bound" and item.volume is not None and _bound_elsewhere(item.volume, item.claim, item.ref.namespace):
            holder = "/".join(held_for(item.volume) or ())
            message = f"PersistentVolume/{name_of(item.volume)} that it names is held for claim {holder or 'none'}."
            found.append(codes.BOUND_ELSEWHERE.finding(message, item.ref))
        elif phase == "Pending" and live.waits_for_consumer(item.claim) is False:
            event = live.last_event(item.claim)
            told = f" Its last event is {text(event.get('reason'))}: {text(event.get('message'))}" if event else ""
            message = f"it is not bound, and every job of the namespace mounts it.{told}"
            found.append(codes.CLAIM_PENDING.finding(message, item.ref, evidence=event and event_words(event)))
        elif phase == "Pending":
            found += _pending_unknown(item, live)
    return found


def _pending_unknown(item: Mounted, live: Live) -> list[Finding]:
    if live.waits_for_consumer(item.claim or {}):
        message = "it is bound when the first job mounts it (volumeBindingMode WaitForFirstConsumer)."
        return [codes.WAITS_FOR_CONSUMER.finding(message, item.ref)]
    message = "it is not bound; whether it waits for its first job could not be read."
    return [codes.UNREADABLE.finding(message, item.ref)]


def _bound_elsewhere(volume: Json, claim: Json, namespace: str) -> bool:
    return held_for(volume) != (namespace, name_of(claim)) or held_for_another(volume, claim)


def _released_findings(request: Request, live: Live) -> list[Finding]:
    """Volumes whose claim of one of the namespaces is gone; those of the request's own targets are mended by it."""
    targets = {target.persistent_volume.name for target in request.targets}
    found = []
    for name, volume in sorted((live.volumes or {}).items()):
        holder = held_for(volume)
        if name not in targets and phase_of(volume) == "Released" and holder and holder[0] in request.namespaces:
            message = f"its claim {'/'.join(holder)} was deleted; its data is kept and no claim is bound to it any more."
            found.append(codes.VOLUME_RELEASED.finding(message, volume_ref(name)))
    return found


def _leftover_findings(request: Request, live: Live) -> list[Finding]:
    """Claims of earlier runs that nobody asks for."""
    targets = {target.key for target in request.targets}
    found = []
    for key, claim in sorted(live.claims.items()):
        marked = mapping(claim, "metadata", "labels").get(LABEL) == "true"
        if key not in targets and marked and made_by_us(claim):
            message = "an earlier run made it, and no volume of this run asks for it; jobs still mount it."
            found.append(codes.LEFTOVER_VOLUME.finding(message, claim_ref(*key)))
    return found


def _unread(live: Live, read: Read, what: str, item: Mounted | None = None) -> list[Finding]:
    """The finding on something that may not be read; none as long as nobody has asked."""
    answer = live.answer(read)
    if answer is None:
        return []
    return [codes.UNREADABLE.finding(f"{what} could not be read ({answer.message}).", item.ref if item else read.path)]
