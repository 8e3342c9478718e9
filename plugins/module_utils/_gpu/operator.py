"""Node Feature Discovery and the GPU Operator through the Operator Lifecycle Manager (OLM) of OpenShift.

What OLM offers decides: the channel is the package's own default, and the custom resources are the examples that the installed
version brings, so that nothing here grows old with a release.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import MANAGED_BY, Change, Json, ObjectRef, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import create_namespace, made_by_us, version_test
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import mapping, name_of, objects, text
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.changes import Outcome, delete
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.manifests import namespace_ref
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.reading import Live, is_going
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.request import Request

_OLM = "operators.coreos.com/v1alpha1"
_GROUPS = "operators.coreos.com/v1"
SUBSCRIPTIONS = Read(object_path(_OLM, "subscriptions"))
_EXAMPLES = "alm-examples"


@dataclass(frozen=True)
class Package:
    """An operator of OperatorHub.

    Args:
        kind, plural, group_version: the custom resource that makes it work.
        namespaced: that resource is in the operator's namespace.
    """

    name: str
    namespace: str
    kind: str
    plural: str
    group_version: str
    namespaced: bool

    @property
    def resources(self) -> Read:
        """All custom resources of the kind."""
        return Read(object_path(self.group_version, self.plural))

    def resource_ref(self, name: str) -> ObjectRef:
        """One of them."""
        namespace = self.namespace if self.namespaced else ""
        return ObjectRef(self.kind, name, namespace, object_path(self.group_version, self.plural, name, namespace))


NFD = Package("nfd", "openshift-nfd", "NodeFeatureDiscovery", "nodefeaturediscoveries", "nfd.openshift.io/v1", namespaced=True)
GPU = Package(
    "gpu-operator-certified", "nvidia-gpu-operator", "ClusterPolicy", "clusterpolicies", "nvidia.com/v1", namespaced=False
)
PACKAGES = (NFD, GPU)


def install_operators(request: Request, live: Live) -> Outcome:
    """What both operators need next."""
    out = Outcome()
    for package in PACKAGES:
        out.add(_next(package, request, live))
    if any(finding.severity == "error" and not finding.resolvable for finding in out.findings):
        out.changes = []
    return out


def _next(package: Package, request: Request, live: Live) -> Outcome:
    if live.items(package.resources):
        return Outcome()
    subscriptions = live.items(SUBSCRIPTIONS)
    if subscriptions is None:
        return Outcome()
    found = _subscription(package, subscriptions)
    if found is None:
        return _subscribe(package, request, live)
    installed = text(mapping(found, "status").get("installedCSV"))
    if not installed:
        return _approve(found, live)
    return _custom_resource(package, found, installed, live)


def _subscription(package: Package, subscriptions: t.Iterable[Json]) -> Json | None:
    return next((item for item in subscriptions if mapping(item, "spec").get("name") == package.name), None)


def _subscribe(package: Package, request: Request, live: Live) -> Outcome:
    """Namespace, OperatorGroup and Subscription, as the catalogue offers the package."""
    path = object_path("packages.operators.coreos.com/v1", "packagemanifests", package.name, "openshift-marketplace")
    groups_read = Read(object_path(_GROUPS, "operatorgroups", namespace=package.namespace))
    answer, namespace = live.answer(Read(path)), live.answer(Read(namespace_ref(package.namespace).path))
    groups = live.items(groups_read)
    if answer is None or namespace is None or groups is None:
        return Outcome()
    if not answer.found:
        message = f"no catalogue offers it ({answer.message})."
        return Outcome(findings=[codes.OPERATOR_NOT_OFFERED.finding(message, f"PackageManifest/{package.name}")])
    status = mapping(answer.body, "status")
    offered = [text(channel.get("name")) for channel in objects(status.get("channels"))]
    channel = (request.operator_channel if package is GPU else "") or text(status.get("defaultChannel"))
    if channel not in offered:
        message = f"it has no channel {channel or '(none named)'}; there are: {', '.join(sorted(offered)) or 'none'}."
        return Outcome(findings=[codes.OPERATOR_NOT_OFFERED.finding(message, f"PackageManifest/{package.name}", evidence=offered)])
    out = Outcome()
    if namespace.absent:
        out.changes.append(create_namespace(package.namespace, f"operator {package.name} has a namespace of its own"))
    if not groups:
        body = _body(package, "OperatorGroup", _GROUPS, {"targetNamespaces": [package.namespace]})
        out.changes.append(_create(body, _ref("OperatorGroup", package), f"operator {package.name} watches its own namespace"))
    spec = {
        "name": package.name,
        "channel": channel,
        "source": text(status.get("catalogSource")),
        "sourceNamespace": text(status.get("catalogSourceNamespace")),
        "installPlanApproval": request.operator_approval.capitalize(),
    }
    ref = _ref("Subscription", package)
    out.changes.append(_create(_body(package, "Subscription", _OLM, spec), ref, "GPUs of OpenShift need it"))
    out.findings.append(codes.OPERATOR_MISSING.finding("it does not exist.", ref))
    return out


def _approve(found: Json, live: Live) -> Outcome:
    """Until OLM has installed a version: an install plan of ours is approved, the first one only."""
    subject = _subject(found)
    status = mapping(found, "status")
    failed = next(
        (c for c in objects(status.get("conditions")) if c.get("type") == "ResolutionFailed" and c.get("status") == "True"), None
    )
    if failed is not None:
        return Outcome(
            findings=[codes.OPERATOR_UNRESOLVED.finding(f"OLM says: {text(failed.get('message'))}", subject, evidence=failed)]
        )
    waiting = codes.OPERATOR_INSTALLING.finding(f"its state is {text(status.get('state')) or 'not reported yet'}.", subject)
    name = text(mapping(status, "installPlanRef").get("name"))
    if not name:
        return Outcome(findings=[waiting])
    namespace = text(mapping(found, "metadata").get("namespace"))
    ref = ObjectRef("InstallPlan", name, namespace, object_path(_OLM, "installplans", name, namespace))
    plan = live.object(ref.path)
    if plan is None or mapping(plan, "spec").get("approved") is not False:
        return Outcome(findings=[waiting])
    versions = ", ".join(str(version) for version in mapping(plan, "spec").get("clusterServiceVersionNames") or ())
    if not made_by_us(found):
        remedy = f'oc patch installplan {name} -n {namespace} --type merge -p \'{{"spec": {{"approved": true}}}}\''
        message = f"it waits for somebody to approve {versions}."
        return Outcome(findings=[codes.OPERATOR_UNAPPROVED.finding(message, ref, remedy=remedy)])
    operations = [*version_test(plan), {"op": "replace", "path": "/spec/approved", "value": True}]
    before, after = {"spec": {"approved": False}}, {"spec": {"approved": True}}
    change = Change("update", ref, f"install {versions}", before, after, write=Write("json_patch", ref.path, operations))
    return Outcome([change], [waiting])


def _custom_resource(package: Package, found: Json, installed: str, live: Live) -> Outcome:
    """The example that the installed version brings, once its operator runs."""
    namespace = text(mapping(found, "metadata").get("namespace"))
    path = object_path(_OLM, "clusterserviceversions", installed, namespace)
    subject = f"ClusterServiceVersion/{namespace}/{installed}"
    version = live.object(path)
    status = mapping(version, "status")
    if status.get("phase") != "Succeeded":
        message = f"its phase is {text(status.get('phase')) or 'not reported yet'}: {text(status.get('message'))}"
        return Outcome(findings=[codes.OPERATOR_INSTALLING.finding(message, subject)])
    example = _example(package, version or {})
    if example is None:
        message = f"it brings no example of a {package.kind}."
        return Outcome(findings=[codes.OPERATOR_NO_EXAMPLE.finding(message, subject)])
    ref = package.resource_ref(name_of(example))
    metadata: Json = {"name": ref.name, "labels": {**mapping(example, "metadata", "labels"), **MANAGED_BY}}
    if package.namespaced:
        metadata["namespace"] = package.namespace
    missing = codes.OPERATOR_MISSING.finding("it does not exist.", ref)
    return Outcome([_create({**example, "metadata": metadata}, ref, f"{installed} does nothing without it")], [missing])


def _example(package: Package, version: Json) -> Json | None:
    try:
        examples = json.loads(text(mapping(version, "metadata", "annotations").get(_EXAMPLES)) or "[]")
    except ValueError:
        return None
    matching = [item for item in objects(examples) if item.get("kind") == package.kind and name_of(item)]
    return next((item for item in matching if item.get("apiVersion") == package.group_version), None)


def remove_operators(live: Live) -> Outcome:
    """What we made of the operators: their resources first, so that they can clean up behind them, then themselves."""
    out = Outcome()
    for package in reversed(PACKAGES):
        mine = [item for item in live.items(package.resources) or () if made_by_us(item)]
        for item in mine:
            ref = package.resource_ref(name_of(item))
            if is_going(item):
                out.findings.append(codes.GOING.finding("it is being deleted and not gone yet.", ref))
            else:
                out.changes.append(delete(item, ref, f"the {package.kind} is to go"))
        if not mine:
            out.add(_unsubscribe(package, live))
    return out


def _unsubscribe(package: Package, live: Live) -> Outcome:
    out = Outcome()
    found = _subscription(package, live.items(SUBSCRIPTIONS) or ())
    if found is None or not made_by_us(found):
        return out
    namespace = text(mapping(found, "metadata").get("namespace"))
    installed = text(mapping(found, "status").get("installedCSV"))
    if installed:
        ref = ObjectRef(
            "ClusterServiceVersion", installed, namespace, object_path(_OLM, "clusterserviceversions", installed, namespace)
        )
        version = live.object(ref.path)
        if version is not None and not is_going(version):
            out.changes.append(replace(delete(version, ref, f"operator {package.name} is to go"), before=None))
    for group in live.items(Read(object_path(_GROUPS, "operatorgroups", namespace=namespace))) or ():
        if made_by_us(group):
            out.changes.append(delete(group, _ref("OperatorGroup", package), f"operator {package.name} is to go"))
    # Last, since it is by the Subscription that the next run knows what is left.
    out.changes.append(delete(found, _ref("Subscription", package), f"operator {package.name} is to go"))
    return out


def _body(package: Package, kind: str, group_version: str, spec: Json) -> Json:
    metadata = {"name": package.name, "namespace": package.namespace, "labels": dict(MANAGED_BY)}
    return {"apiVersion": group_version, "kind": kind, "metadata": metadata, "spec": spec}


def _ref(kind: t.Literal["OperatorGroup", "Subscription"], package: Package) -> ObjectRef:
    group_version, plural = (_GROUPS, "operatorgroups") if kind == "OperatorGroup" else (_OLM, "subscriptions")
    return ObjectRef(kind, package.name, package.namespace, object_path(group_version, plural, package.name, package.namespace))


def _create(body: Json, ref: ObjectRef, reason: str) -> Change:
    return Change("create", ref, reason, after=body.get("spec"), write=Write("create", ref.path.rsplit("/", 1)[0], body))


def _subject(item: Json) -> str:
    return f"{text(item.get('kind')) or 'Subscription'}/{text(mapping(item, 'metadata').get('namespace'))}/{name_of(item)}"
