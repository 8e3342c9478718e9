"""NetworkPolicies of a compute namespace: one of ours that keeps AzureML's flows, and a judgement of everybody's.

The flows are those of the document on securing the inferencing environment: pods of namespace azureml reach model pods on 5001,
model pods reach the identity proxy there on 9999, and every pod needs DNS.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import (
    MANAGED_BY,
    Change,
    Finding,
    Json,
    ObjectRef,
    Write,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.ownership import made_by_us, version_test
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import (
    EXTENSION_NAMESPACE,
    mapping,
    name_of,
    objects,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.changes import namespace_ref
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.outcome import Outcome
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.reading import NETWORKING
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.request import Space
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.spaces import gitops_refusal

POLICY_NAME = "azureml-compute"
NAME_LABEL = "kubernetes.io/metadata.name"
_DNS_PORTS = (53, 5353)  # OpenShift's DNS pods listen on 5353
_CLOUD_PORTS = (443, 6443)  # Azure's endpoints, and API servers on either port
Protocol = t.Literal["TCP", "UDP"]


@dataclass(frozen=True)
class Flow:
    """Traffic that AzureML needs. `remote` holds the labels of the other side's namespace; None: any address."""

    direction: t.Literal["ingress", "egress"]
    port: int
    protocol: Protocol
    remote: t.Mapping[str, str] | None
    what: str


def wanted_spec(space: Space, egress_ports: t.Sequence[int]) -> Json | None:
    """The policy that was asked for, written as the API server stores it; None when none was."""
    if space.network_policy not in ("ingress", "ingress_and_egress"):
        return None
    azureml = {"namespaceSelector": {"matchLabels": {NAME_LABEL: EXTENSION_NAMESPACE}}}
    inside: Json = {"podSelector": {}}
    spec: Json = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [inside, azureml]}]}
    if space.network_policy == "ingress_and_egress":
        dns = [{"port": port, "protocol": protocol} for port in _DNS_PORTS for protocol in ("TCP", "UDP")]
        cloud = [{"port": port, "protocol": "TCP"} for port in dict.fromkeys((*_CLOUD_PORTS, *egress_ports))]
        spec["policyTypes"] = ["Ingress", "Egress"]
        spec["egress"] = [{"to": [inside, azureml]}, {"ports": dns}, {"ports": cloud}]
    return spec


def policy_ref(namespace: str) -> ObjectRef:
    """Our policy as findings and changes name it."""
    return ObjectRef("NetworkPolicy", POLICY_NAME, namespace, object_path(NETWORKING, "networkpolicies", POLICY_NAME, namespace))


def plan_policy(space: Space, egress_ports: t.Sequence[int], policies: t.Sequence[Json], azureml: Json) -> Outcome:
    """Our policy as asked for, and a warning when all policies together hold up AzureML.

    Args:
        policies: those of the namespace.
        azureml: the namespace of the extension as it is, {} when it does not exist yet.
    """
    out = Outcome()
    spec = wanted_spec(space, egress_ports)
    live = next((policy for policy in policies if name_of(policy) == POLICY_NAME), None)
    others = [policy for policy in policies if policy is not live]
    if live is not None and not made_by_us(live):
        if spec is not None:
            message = f"it exists and does not carry the label {'='.join(*MANAGED_BY.items())}."
            out.findings.append(codes.POLICY_FOREIGN.finding(message, policy_ref(space.name)))
        others, spec = list(policies), None
    else:
        change = _change(space.name, spec, live)
        refused = gitops_refusal(live, change) if live is not None and change else None
        if change:
            out.changes += [] if refused else [change]
            out.findings.append(refused or codes.DIFFERS.finding(f"{change.reason}.", policy_ref(space.name)))
    out.note(space.name, network_policy=spec is not None)
    out.findings += _blocked(space, [*others, *([{"spec": spec}] if spec is not None else [])], azureml)
    return out


def _change(namespace: str, spec: Json | None, live: Json | None) -> Change | None:
    ref = policy_ref(namespace)
    if live is None:
        return None if spec is None else create_policy(namespace, spec)
    if spec is None:
        return delete_policy(live)
    if mapping(live, "spec") == spec:
        return None
    patch = Write("json_patch", ref.path, [*version_test(live), {"op": "add", "path": "/spec", "value": spec}])
    return Change(
        "update", ref, "it does not let through exactly what was asked for", {"spec": live.get("spec")}, {"spec": spec}, write=patch
    )


def create_policy(namespace: str, spec: Json) -> Change:
    """Our policy, new."""
    ref = policy_ref(namespace)
    metadata = {"name": POLICY_NAME, "namespace": namespace, "labels": dict(MANAGED_BY)}
    body = {"apiVersion": NETWORKING, "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
    reason = "only AzureML and the namespace itself are to reach its pods"
    return Change("create", ref, reason, after=body, write=Write("create", ref.path.rsplit("/", 1)[0], body))


def delete_policy(live: Json) -> Change:
    """Our policy, taken away."""
    ref = policy_ref(mapping(live, "metadata").get("namespace") or "")
    write = Write("delete", ref.path, {"preconditions": {"uid": mapping(live, "metadata").get("uid")}})
    return Change("delete", ref, "no NetworkPolicy is asked for", {"spec": live.get("spec")}, None, write=write)


def _blocked(space: Space, policies: t.Sequence[Json], azureml: Json) -> list[Finding]:
    """What AzureML needs and the policies together do not let through to or from every pod."""
    remote = {NAME_LABEL: EXTENSION_NAMESPACE, **mapping(azureml, "metadata", "labels")}
    flows = (
        Flow("ingress", 5001, "TCP", remote, "requests from azureml-fe to model pods (TCP 5001)"),
        Flow("egress", 9999, "TCP", remote, "requests of model pods to the identity proxy in azureml (TCP 9999)"),
        Flow("egress", 53, "UDP", None, "DNS (UDP 53)"),
        Flow("egress", 443, "TCP", None, "Azure's endpoints (TCP 443)"),
    )
    blocked = [flow.what for flow in flows if not permitted(flow, policies)]
    if not blocked:
        return []
    names = sorted(filter(None, (name_of(policy) for policy in policies)))
    message = f"NetworkPolicies {', '.join(names)} isolate its pods and do not allow {'; '.join(blocked)}."
    return [codes.POLICY_BLOCKS.finding(message, namespace_ref(space.name), evidence={"policies": names, "blocked": blocked})]


def permitted(flow: Flow, policies: t.Sequence[Json]) -> bool:
    """Whether every pod of the namespace may have the flow, as far as it can be told.

    Policies add up: a pod that one of them isolates may have what any other allows. A rule for only some pods counts as
    allowing and never as isolating, so that what is reported is sure.
    """
    isolating = [p for p in policies if flow.direction in _directions(p) and not mapping(p, "spec").get("podSelector")]
    return not isolating or any(_allows(rule, flow) for p in policies for rule in objects(mapping(p, "spec").get(flow.direction)))


def _directions(policy: Json) -> set[str]:
    """What a policy isolates; without policyTypes ingress, and egress if it has rules for it."""
    spec = mapping(policy, "spec")
    types = spec.get("policyTypes")
    if isinstance(types, list) and types:
        return {str(name).lower() for name in types}
    return {"ingress", "egress"} if spec.get("egress") else {"ingress"}


def _allows(rule: Json, flow: Flow) -> bool:
    peers = objects(rule.get("from" if flow.direction == "ingress" else "to"))
    ports = objects(rule.get("ports"))
    return (not peers or any(_is_peer(peer, flow) for peer in peers)) and (not ports or any(_is_port(port, flow) for port in ports))


def _is_port(entry: Json, flow: Flow) -> bool:
    if (entry.get("protocol") or "TCP") != flow.protocol:
        return False
    port, end = entry.get("port"), entry.get("endPort")
    if isinstance(port, int):
        return port <= flow.port <= (end if isinstance(end, int) else port)
    return True  # every port, or one by a name that only the pod knows


def _is_peer(peer: Json, flow: Flow) -> bool:
    if "ipBlock" in peer:
        return True  # which addresses that covers cannot be told from here
    if "namespaceSelector" not in peer:
        return False  # pods of the namespace itself
    # DNS and Azure are reached in any namespace or outside, so a namespace that is named may be the one.
    return flow.remote is None or selects(mapping(peer, "namespaceSelector"), flow.remote)


def selects(selector: Json, labels: t.Mapping[str, t.Any]) -> bool:
    """Whether a label selector matches; an empty one matches everything."""
    pairs = mapping(selector, "matchLabels")
    return all(labels.get(key) == value for key, value in pairs.items()) and all(
        _holds(expression, labels) for expression in objects(selector.get("matchExpressions"))
    )


def _holds(expression: Json, labels: t.Mapping[str, t.Any]) -> bool:
    key, values = expression.get("key"), expression.get("values") or []
    outcomes = {
        "In": key in labels and labels.get(str(key)) in values,
        "NotIn": key not in labels or labels.get(str(key)) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }
    return outcomes.get(str(expression.get("operator")), False)
