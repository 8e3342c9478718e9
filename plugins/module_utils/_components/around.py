"""What components need beside themselves: Services with pods behind them, definitions, webhooks that somebody answers."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._components import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.judge import Judged
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.reading import (
    DEFINITIONS,
    MUTATING,
    SERVICES,
    VALIDATING,
    is_going,
    listed,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.request import Request
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.scenario import Scenario
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.workloads import Namespace
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.budgets import selects
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json, ObjectRef, Severity
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    EXTENSION_NAMESPACE,
    mapping,
    name_of,
    objects,
    text,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._data import extension_components as data

_ROUTER_SERVICE = "azureml-fe"
_WEBHOOKS = ((VALIDATING, "ValidatingWebhookConfiguration"), (MUTATING, "MutatingWebhookConfiguration"))


def service_findings(
    request: Request, scenario: Scenario, here: Namespace, judged: t.Sequence[Judged], snapshot: Snapshot
) -> list[Finding]:
    """Services of the scenario: there, with pods behind them, and of the router with the right type and an address."""
    items = listed(snapshot, SERVICES)
    if items is None:
        return []
    by_name = {name_of(item): item for item in items}
    said: list[Finding] = []
    for row in data.SERVICES.rows:
        name = row.name.replace(data.EXTENSION, scenario.extension or "")
        item = by_name.get(name)
        if not _wanted(row.need, row.switch, scenario) or (not scenario.extension and data.EXTENSION in row.name):
            continue
        ref = ObjectRef("Service", name, EXTENSION_NAMESPACE)
        severity: Severity | None = None if row.vital else "warning"
        if item is None:
            said.append(codes.SERVICE_MISSING.finding("it does not exist.", ref, severity=severity, edition=data.SERVICES.edition))
        elif _unbacked(item, here, judged):
            said.append(codes.SERVICE_UNBACKED.finding("its selector selects no pod that is ready.", ref, severity=severity))
    router = by_name.get(_ROUTER_SERVICE)
    return [*said, *(_router_findings(router, request) if router and scenario.options.get("inference") else [])]


def _wanted(need: str, switch: str, scenario: Scenario) -> bool:
    """Whether what is needed for something is needed here."""
    purpose = need == "always" or scenario.options.get(need) is True
    return purpose and (not switch or scenario.options.get(switch) is True)


def _unbacked(item: Json, here: Namespace, judged: t.Sequence[Judged]) -> bool:
    """No ready pod is behind a Service, and that is not only because the component behind it is not ready."""
    selector = mapping(item, "spec", "selector")
    if not selector or here.pods is None or here.behind(selector):
        return False
    for one in judged:
        if one.state == "missing":
            return False
        labels = mapping(one.workload.item, "spec", "template", "metadata", "labels") if one.workload else {}
        if one.state != "ok" and one.workload and selects({"matchLabels": selector}, labels):
            return False
    return True


def _router_findings(item: Json, request: Request) -> list[Finding]:
    ref = ObjectRef("Service", name_of(item), EXTENSION_NAMESPACE)
    kind = text(mapping(item, "spec").get("type")) or "ClusterIP"
    said = []
    if request.service_type and request.service_type.lower() != kind.lower():
        message = f"it is of type {kind}, inference_router_service_type is {request.service_type}."
        said.append(codes.SERVICE_TYPE.finding(message, ref))
    if kind == "LoadBalancer" and not objects(mapping(item, "status", "loadBalancer").get("ingress")):
        said.append(
            codes.NO_ADDRESS.finding(
                "it is of type LoadBalancer and has no external address (the health check calls that E40001).", ref
            )
        )
    return said


def definition_findings(scenario: Scenario, snapshot: Snapshot) -> list[Finding]:
    """Definitions that the scenario works with."""
    items = listed(snapshot, DEFINITIONS)
    if items is None:
        return []
    by_name = {name_of(item): item for item in items}
    said = []
    for row in data.DEFINITIONS.rows:
        item = by_name.get(row.name)
        if not _wanted(row.need, row.switch, scenario) or (item is not None and not is_going(item)):
            continue
        ref = ObjectRef("CustomResourceDefinition", row.name)
        what = "it is being deleted." if item is not None else "it does not exist."
        said.append(codes.DEFINITION_MISSING.finding(what, ref, edition=data.DEFINITIONS.edition))
    return said


def webhook_findings(here: Namespace, snapshot: Snapshot) -> list[Finding]:
    """Webhooks into namespace azureml that nobody answers."""
    services = listed(snapshot, SERVICES)
    if services is None or here.pods is None:
        return []
    by_name = {name_of(item): item for item in services}
    said: list[Finding] = []
    for read, kind in _WEBHOOKS:
        for configuration in listed(snapshot, read) or ():
            dead = [(hook, why) for hook in objects(configuration.get("webhooks")) if (why := _dead(hook, by_name, here))]
            if dead:
                said.append(_dead_finding(ObjectRef(kind, name_of(configuration)), dead))
    return said


def _dead(hook: Json, services: t.Mapping[str, Json], here: Namespace) -> str:
    """Why nobody answers a webhook, "" where somebody does, it is not ours, or it cannot be told."""
    target = mapping(hook, "clientConfig", "service")
    name = text(target.get("name"))
    if target.get("namespace") != EXTENSION_NAMESPACE:
        return ""
    if name not in services:
        return f"Service {name} does not exist"
    selector = mapping(services[name], "spec", "selector")
    return "" if not selector or here.behind(selector) else f"no ready pod is behind Service {name}"


def _dead_finding(ref: ObjectRef, dead: t.Sequence[tuple[Json, str]]) -> Finding:
    failing = [hook for hook, _why in dead if hook.get("failurePolicy") != "Ignore"]
    watched = sorted({_rule(rule) for hook in failing for rule in objects(hook.get("rules"))})[:10]
    effect = (
        f" Nobody can write {', '.join(watched)} any more."
        if watched
        else " Requests go through, but slowly."
        if not failing
        else ""
    )
    severity: Severity | None = None if failing else "warning"
    remedy = f"{codes.WEBHOOK_DEAD.remedy} `kubectl delete {ref.kind.lower()} {ref.name}`."
    evidence = [text(hook.get("name")) for hook, _why in dead]
    return codes.WEBHOOK_DEAD.finding(f"{dead[0][1]}.{effect}", ref, severity=severity, remedy=remedy, evidence=evidence)


def _rule(rule: Json) -> str:
    verbs, resources, groups = (
        "+".join(str(word) for word in rule.get(key) or ()) if isinstance(rule.get(key), list) else ""
        for key in ("operations", "resources", "apiGroups")
    )
    return f"{resources}{f'.{groups}' if groups else ''} ({verbs})"
