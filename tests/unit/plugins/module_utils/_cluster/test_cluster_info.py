"""`cluster_info` from request to facts and findings, on clusters of every platform."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.request import SECTIONS, parse
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.topic import TOPIC
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Plan
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.tests.unit.plugins.module_utils._cluster import clusters as c
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.cluster

FORBIDDEN = Answer(403, {"message": 'nodes is forbidden: User "u" cannot do this'})
AKS_SHOW = {
    "name": "prod",
    "resourceGroup": "rg",
    "sku": {"name": "Base", "tier": "Standard"},
    "networkProfile": {"outboundType": "loadBalancer", "podLinkLocalAccess": "IMDS"},
    "servicePrincipalProfile": {"clientId": "msi"},
    "podIdentityProfile": None,
}
WINDOWS = {"kubernetes.azure.com/cluster": "x", "kubernetes.azure.com/agentpool": "win"}


def observe(cluster: c.Cluster, **params: t.Any) -> tuple[t.Any, Snapshot]:
    request = parse({"gather": list(SECTIONS), "node_details": True, **params})
    return request, c.observe(cluster, lambda snapshot: TOPIC.reads(request, snapshot))


def info(cluster: c.Cluster, **params: t.Any) -> Plan:
    return TOPIC.plan(*observe(cluster, **params))


def facts(cluster: c.Cluster, **params: t.Any) -> t.Any:
    return info(cluster, **params).facts["cluster_facts"]


def said(plan: Plan, code: str) -> list[Finding]:
    return [finding for finding in plan.findings if finding.code == code]


def codes(plan: Plan) -> set[str]:
    return {finding.code for finding in plan.findings}


def refused(cluster: c.Cluster, *paths: str) -> c.Cluster:
    return {**cluster, **dict.fromkeys(paths, FORBIDDEN)}


@pytest.mark.parametrize("name", c.CLUSTERS)
def test_every_platform_within_12_requests(name: str) -> None:
    expected, cluster = c.CLUSTERS[name]
    _, bare = observe(cluster)
    request, full = observe(with_everything(cluster))
    assert len(bare.answers) <= 12
    assert len(full.answers) <= 12
    assert TOPIC.plan(request, full).facts["cluster_facts"]["platform"]["name"] == expected


def with_everything(cluster: c.Cluster) -> c.Cluster:
    return c.with_pod_identity(c.with_extension({**cluster, c.ARC: c.arc()}))


@pytest.mark.parametrize("name", c.CLUSTERS)
def test_within_12_requests_even_when_discovery_is_refused(name: str) -> None:
    assert len(observe(refused(with_everything(c.CLUSTERS[name][1]), "/apis"))[1].answers) <= 12


@pytest.mark.parametrize("name", c.CLUSTERS)
def test_supported_clusters_have_no_errors_and_json_facts(name: str) -> None:
    plan = info(c.CLUSTERS[name][1])
    assert codes(plan) <= {"cluster.aks_unseen"}
    assert plan.checks == {"cluster": "ok"}
    assert not plan.changes
    json.dumps(plan.facts)


@pytest.mark.parametrize("name", ["aro", "ocp on aws", "aks", "k3s", "rosa by brand", "eks", "aro hcp"])
def test_403_on_each_read_in_turn(name: str) -> None:
    cluster = with_everything(c.CLUSTERS[name][1])
    before = facts(cluster)
    for read in observe(cluster)[1].answers:
        if read.path.endswith("/kube-system"):
            continue
        plan = info(refused(cluster, read.path))
        unreadable = said(plan, "cluster.unreadable")
        assert len(unreadable) >= 1, read
        assert "azureml-kubernetes-audit" in unreadable[0].remedy
        assert plan.checks["cluster"] in ("unknown", "error")
        assert no_wrong_no(before, plan.facts["cluster_facts"]), read


def no_wrong_no(before: t.Any, after: t.Any) -> bool:
    """What was known to be true or present is still so, or unknown; a list or a count may lose what was not read."""
    if isinstance(before, dict):
        return after is None or (isinstance(after, dict) and all(no_wrong_no(before[key], after[key]) for key in before))
    return not (before is True and after is False) and not (bool(before) and after == "")


@pytest.mark.parametrize(
    ("path", "verb", "resource"),
    [
        (c.NODES, "list", "nodes"),
        (c.INFRASTRUCTURE, "get", "infrastructures.config.openshift.io"),
        (c.POOLS, "list", "machineconfigpools.machineconfiguration.openshift.io"),
        (c.ARC, "get", "configmaps"),
        (c.DEPLOYMENTS, "list", "deployments.apps"),
        ("/version", "get", "/version"),
    ],
)
def test_unreadable_names_verb_and_resource(path: str, verb: str, resource: str) -> None:
    (finding,) = (f for f in said(info(refused(c.CLUSTERS["aro"][1], path)), "cluster.unreadable"))
    assert finding.evidence == {"verb": verb, "resource": resource, "status": 403}
    assert f"may not {verb} {resource}" in finding.message
    assert "stays unknown" in finding.message
    assert finding.severity == "warning"


def test_a_namespaced_refusal_names_the_namespace() -> None:
    (finding,) = said(info(refused(c.aks(), c.ARC)), "cluster.unreadable")
    assert finding.subject == "get configmaps azure-clusterconfig in namespace azure-arc"


def test_a_failing_server_is_not_reported_as_missing_permission() -> None:
    plan = info({**c.aks(), c.DEPLOYMENTS: Answer(503, {"message": "overloaded"})})
    (finding,) = said(plan, "cluster.unreadable")
    assert "failed" in finding.message
    assert "overloaded" in finding.message
    assert "ClusterRole" not in finding.remedy
    assert plan.facts["cluster_facts"]["extension"]["installed"] is None


def test_platform_facts() -> None:
    platform = facts(c.CLUSTERS["aro"][1])["platform"]
    assert platform["infrastructure"] == "Azure"
    assert platform["control_plane_topology"] == "HighlyAvailable"
    assert platform["scc"] is True
    assert platform["machine_config"] is True
    assert platform["openshift_api_groups"] == sorted([*c.OPENSHIFT_GROUPS, "aro.openshift.io"])
    assert platform["aro"] == {"resource_id": "/subscriptions/s/aro", "region": "westeurope"}
    plain = facts(c.aks())["platform"]
    assert (plain["scc"], plain["machine_config"], plain["openshift_api_groups"]) == (False, False, [])


def test_refused_discovery_leaves_apis_unknown() -> None:
    found = facts(refused(c.aks(), "/apis"))
    assert found["platform"]["scc"] is None
    assert found["platform"]["openshift_api_groups"] is None
    assert found["machine_config_pools"] is None


def test_versions() -> None:
    cluster = {**c.CLUSTERS["aro"][1], c.CLUSTER_VERSION: c.cluster_version("4.18.9", target="4.19.1")}
    assert facts(cluster)["versions"] == {
        "kubernetes": "v1.32.9",
        "kubernetes_minor": "1.32",
        "openshift": "4.18.9",
        "openshift_target": "4.19.1",
        "openshift_cluster_id": "c1d2",
    }
    assert facts(c.CLUSTERS["k3s"][1])["versions"]["kubernetes_minor"] == "1.34"
    assert facts(c.aks())["versions"]["openshift"] == ""


def test_versions_unknown() -> None:
    versions = facts(refused(c.CLUSTERS["aro"][1], "/version", c.CLUSTER_VERSION))["versions"]
    assert set(versions.values()) == {None}
    assert facts({**c.aks(), "/version": {"gitVersion": "what?"}})["versions"]["kubernetes_minor"] is None


def test_node_facts() -> None:
    gpu = c.node(
        "gpu-1",
        labels={"agentpool": "gpu", "node-role.kubernetes.io/agent": "", "kubernetes.io/role": "agent"},
        taints=[{"key": "sku", "value": "gpu", "effect": "NoSchedule"}],
        allocatable={"nvidia.com/gpu": "4"},
        unschedulable=True,
        ready="Unknown",
    )
    found = facts(c.aks(gpu))
    described = next(node for node in found["nodes"] if node["name"] == "gpu-1")
    assert described["roles"] == ["agent"]
    assert described["pool"] == "gpu"
    assert described["taints"] == [{"key": "sku", "value": "gpu", "effect": "NoSchedule"}]
    assert described["allocatable"]["nvidia.com/gpu"] == "4"
    assert (described["ready"], described["schedulable"]) == (False, False)
    assert (described["os"], described["architecture"], described["kubelet"]) == ("linux", "amd64", "v1.34.2")
    assert found["node_summary"] == {
        "total": 2,
        "ready": 1,
        "schedulable": 1,
        "linux_amd64": 2,
        "platforms": {"linux/amd64": 2},
        "pools": {"gpu": 1, "system": 1},
        "kubelets": {"v1.34.2": 1, "v1.35.5": 1},
        "gpu_nodes": 1,
        "gpus": 4,
    }


def test_a_node_of_openshift_belongs_to_the_pool_that_renders_it() -> None:
    (node,) = facts(c.CLUSTERS["aro"][1])["nodes"]
    assert (node["pool"], node["roles"]) == ("worker", ["worker"])


def test_node_details_can_be_left_out() -> None:
    found = facts(c.aks(), node_details=False)
    assert "nodes" not in found
    assert found["node_summary"]["total"] == 1


def test_machine_config_pools() -> None:
    master, worker = facts(c.CLUSTERS["aro"][1])["machine_config_pools"]
    assert (master["name"], worker["name"]) == ("master", "worker")
    assert (worker["machines"], worker["ready_machines"], worker["updated"], worker["degraded"]) == (3, 3, True, False)
    assert (worker["updating"], worker["paused"], worker["max_unavailable"]) == (None, False, 1)
    assert worker["configuration"] == worker["target_configuration"] == "rendered-worker-0a1b"
    assert facts(c.CLUSTERS["aro hcp"][1])["machine_config_pools"] == []


def test_arc_identity() -> None:
    arc = facts(c.CLUSTERS["k3s"][1])["arc"]
    assert arc["connected"] is True
    assert (arc["resource_name"], arc["resource_group"], arc["region"]) == ("plant-7", "factories", "westeurope")
    assert (arc["distribution"], arc["infrastructure"], arc["agent_version"]) == ("k3s", "generic", "1.28.2")
    assert arc["resource_id"] == (
        f"/subscriptions/{c.SUBSCRIPTION}/resourceGroups/factories/providers/Microsoft.Kubernetes/connectedClusters/plant-7"
    )
    assert facts(c.aks())["arc"]["connected"] is False


def test_arc_resource_handed_over_wins() -> None:
    resource = {
        "name": "plant-7",
        "properties": {"distribution": "rke2", "infrastructure": "vsphere", "connectivityStatus": "Offline"},
    }
    arc = facts(c.CLUSTERS["k3s"][1], arc_cluster=resource)["arc"]
    assert (arc["distribution"], arc["infrastructure"], arc["connectivity"]) == ("rke2", "vsphere", "Offline")


@pytest.mark.parametrize(
    ("name", "data", "warned"),
    [
        ("aro connected to Arc", {"KUBERNETES_DISTRO": "generic"}, True),
        ("aro connected to Arc", {"DISTRIBUTION": "generic"}, True),
        ("aro connected to Arc", {"KUBERNETES_DISTRO": "OpenShift"}, False),
        ("aro connected to Arc", {}, False),
        ("k3s", {"KUBERNETES_DISTRO": "generic"}, False),
    ],
)
def test_arc_distribution(name: str, data: dict[str, str], warned: bool) -> None:
    plan = info({**c.CLUSTERS[name][1], c.ARC: c.arc(**data)})
    findings = said(plan, "cluster.arc_distribution")
    assert bool(findings) is warned
    if warned:
        assert findings[0].severity == "warning"
        assert findings[0].subject == "connectedCluster/plant-7"
        assert "openshift=true" in findings[0].remedy


def test_extension_parts() -> None:
    extension = facts(c.with_extension(c.aks(), "my-aml"))["extension"]
    assert (extension["installed"], extension["name"]) == (True, "my-aml")
    assert [(part["kind"], part["name"], part["desired"], part["ready"]) for part in extension["parts"]] == [
        ("DaemonSet", "my-aml-dcgm-exporter", 2, 1),
        ("Deployment", "gateway", 1, 0),
        ("Deployment", "my-aml-kube-state-metrics", 1, 1),
        ("StatefulSet", "prometheus-prom-prometheus", 1, 1),
    ]


def test_extension_daemonsets_come_from_the_cluster_wide_list_when_that_is_read() -> None:
    cluster = c.with_pod_identity(c.with_extension(c.aks()))
    exporter = t.cast(t.Any, cluster[c.DAEMONSETS])["items"][0]
    cluster = {
        **cluster,
        c.ALL_DAEMONSETS: c.items(c.nmi(), exporter, {**exporter, "metadata": {"name": "aml-dcgm-exporter", "namespace": "x"}}),
    }
    assert c.DAEMONSETS not in {read.path for read in observe(cluster)[1].answers}
    assert [part["kind"] for part in facts(cluster)["extension"]["parts"]].count("DaemonSet") == 1


@pytest.mark.parametrize(("path", "kind"), [(c.STATEFULSETS, "StatefulSet"), (c.DAEMONSETS, "DaemonSet")])
def test_extension_says_which_kinds_it_could_not_list(path: str, kind: str) -> None:
    cluster = c.with_extension(c.aks())
    assert facts(cluster)["extension"]["unread_kinds"] == []
    extension = facts(refused(cluster, path))["extension"]
    assert extension["unread_kinds"] == [kind]
    assert kind not in {part["kind"] for part in extension["parts"]}


def test_extension_version_by_chart_label() -> None:
    labelled = c.deployment("gateway", **{"helm.sh/chart": "amlarc-extension-1.1.71"})
    assert facts({**c.aks(), c.DEPLOYMENTS: c.items(labelled)})["extension"]["version"] == "1.1.71"


def test_no_extension_asks_no_further() -> None:
    _, snapshot = observe(c.aks())
    assert {c.STATEFULSETS, c.DAEMONSETS, c.ALL_DAEMONSETS}.isdisjoint(read.path for read in snapshot.answers)
    extension = facts(c.aks())["extension"]
    assert (extension["installed"], extension["name"], extension["parts"]) == (False, "", [])


def test_extension_without_a_name() -> None:
    plan = info({**c.aks(), c.DEPLOYMENTS: c.items(c.deployment("gateway"))})
    (finding,) = said(plan, "cluster.extension_unnamed")
    assert "azureml_extension_name" in finding.remedy
    assert plan.facts["cluster_facts"]["extension"]["name"] is None


@pytest.mark.parametrize(
    ("changed", "code", "severity"),
    [
        ({"sku": {"name": "Automatic"}}, "cluster.aks_automatic", "error"),
        ({"networkProfile": {"outboundType": "none"}}, "cluster.network_isolated", "error"),
        ({"networkProfile": {"outboundType": "block"}}, "cluster.network_isolated", "error"),
        ({"networkProfile": {"podLinkLocalAccess": "None"}}, "cluster.imds_restriction", "error"),
        ({"podIdentityProfile": {"enabled": True}}, "cluster.pod_identity", "error"),
        ({"servicePrincipalProfile": {"clientId": "1b2c"}}, "cluster.aks_service_principal", "error"),
        ({"disableLocalAccounts": True}, "cluster.aks_local_accounts", "warning"),
    ],
)
@pytest.mark.parametrize("arm", [False, True], ids=["az", "arm"])
def test_limits_seen_in_the_aks_resource(changed: c.Json, code: str, severity: str, arm: bool) -> None:
    resource = {**AKS_SHOW, **changed}
    if arm:
        resource = {"name": "prod", "sku": resource.pop("sku"), "properties": resource}
    plan = info(c.aks(), aks_cluster=resource)
    assert codes(plan) == {code}
    assert plan.findings[0].severity == severity
    assert plan.findings[0].remedy


def test_an_ordinary_aks_resource_answers_everything() -> None:
    plan = info(c.aks(), aks_cluster=AKS_SHOW)
    assert not plan.findings
    assert set(plan.facts["cluster_facts"]["support"].values()) == {False}


def test_imds_remedy_is_an_exact_command() -> None:
    (finding,) = info(c.aks(), aks_cluster={**AKS_SHOW, "networkProfile": {"podLinkLocalAccess": "None"}}).findings
    assert "az aks update --name prod --resource-group rg --disable-imds-restriction" in finding.remedy
    assert finding.subject == "ManagedCluster/prod"


def test_aks_without_its_resource_says_what_it_did_not_see() -> None:
    plan = info(c.aks())
    (finding,) = said(plan, "cluster.aks_unseen")
    assert finding.severity == "info"
    assert plan.facts["cluster_facts"]["support"] == {
        "aks_automatic": None,
        "network_isolated": None,
        "imds_restriction": None,
        "pod_identity": False,
    }


def test_aks_automatic_by_its_policy_is_a_warning() -> None:
    plan = info({**c.aks(), c.POLICY: {"metadata": {"name": "aks-managed-protect-system-namespaces"}}})
    (finding,) = said(plan, "cluster.aks_automatic")
    assert finding.severity == "warning"
    assert finding.subject == "ValidatingAdmissionPolicy/aks-managed-protect-system-namespaces"
    assert plan.facts["cluster_facts"]["support"]["aks_automatic"] is True


@pytest.mark.parametrize("name", ["k3s", "aro", "eks"])
def test_limits_of_aks_do_not_apply_elsewhere(name: str) -> None:
    _, snapshot = observe(c.CLUSTERS[name][1])
    assert c.POLICY not in {read.path for read in snapshot.answers}
    assert set(facts(c.CLUSTERS[name][1])["support"].values()) == {False}


@pytest.mark.parametrize(
    ("daemonset", "found"),
    [
        (c.nmi(), True),
        (
            {**c.nmi(**{"app.kubernetes.io/component": "nmi"}), "metadata": {"name": "x-aad-pod-identity-nmi", "namespace": "id"}},
            True,
        ),
        ({"metadata": {"name": "kube-proxy"}}, False),
    ],
)
def test_pod_identity(daemonset: c.Json, found: bool) -> None:
    plan = info({**c.with_pod_identity(c.aks()), c.ALL_DAEMONSETS: c.items(daemonset)})
    findings = said(plan, "cluster.pod_identity")
    assert bool(findings) is found
    assert plan.facts["cluster_facts"]["support"]["pod_identity"] is found
    if found:
        assert findings[0].severity == "error"
        assert findings[0].subject.startswith("DaemonSet/")


def test_pod_identity_with_an_exception() -> None:
    (finding,) = said(info(c.with_pod_identity(c.aks(), "aml-exception")), "cluster.pod_identity")
    assert finding.severity == "warning"
    assert "aml-exception" in finding.message


def test_pod_identity_is_unknown_when_refused() -> None:
    plan = info(refused(c.with_pod_identity(c.aks()), c.ALL_DAEMONSETS))
    assert plan.facts["cluster_facts"]["support"]["pod_identity"] is None
    assert not said(plan, "cluster.pod_identity")


@pytest.mark.parametrize(
    "nodes",
    [
        [c.node("w-1", os="windows", labels=WINDOWS)],
        [c.node("a-1", arch="arm64"), c.node("w-1", os="windows")],
        [c.node("v", labels={"type": "virtual-kubelet"})],
    ],
)
def test_no_linux_amd64(nodes: list[c.Json]) -> None:
    plan = info({**c.aks(), c.NODES: c.items(*nodes)})
    (finding,) = said(plan, "cluster.no_linux_amd64")
    assert finding.severity == "error"
    assert plan.checks["cluster"] == "error"


@pytest.mark.parametrize(
    ("node", "warned"),
    [
        (c.node("w-1", os="windows", labels=WINDOWS), True),
        (c.node("a-1", arch="arm64", labels={"agentpool": "win"}), True),
        (c.node("w-1", os="windows", labels=WINDOWS, unschedulable=True), False),
        (c.node("w-1", os="windows", labels=WINDOWS, taints=[{"key": "os", "value": "windows", "effect": "NoSchedule"}]), False),
        (c.node("w-1", os="windows", labels=WINDOWS, taints=[{"key": "os", "effect": "PreferNoSchedule"}]), True),
        (c.node("w-1", os="windows", labels=WINDOWS, taints=[{"key": "ml.azure.com/amlarc", "effect": "NoSchedule"}]), True),
        (c.node("v", labels={"type": "virtual-kubelet"}), False),
        (c.node("l-1", labels={"agentpool": "win"}), False),
    ],
)
def test_pools_that_attract_pods_they_cannot_run(node: c.Json, warned: bool) -> None:
    findings = said(info(c.aks(node)), "cluster.unsupported_pool")
    assert [finding.subject for finding in findings] == (["pool win"] if warned else [])


def test_a_node_that_says_nothing_is_unknown_not_wrong() -> None:
    plan = info({**c.aks(), c.NODES: c.items({"metadata": {"name": "new", "labels": {"kubernetes.azure.com/cluster": "x"}}})})
    assert not said(plan, "cluster.no_linux_amd64")
    assert plan.checks["cluster"] == "unknown"


def test_no_nodes() -> None:
    plan = info({**c.CLUSTERS["eks"][1], c.NODES: {"items": None}})
    assert codes(plan) == {"cluster.no_nodes"}


def test_platform_unknown() -> None:
    plan = info(refused(c.aks(), c.NODES))
    assert "cluster.platform_unknown" in codes(plan)
    assert plan.facts["cluster_facts"]["platform"]["name"] == "unknown"
    assert plan.facts["cluster_facts"]["node_summary"] is None
    assert plan.checks["cluster"] == "unknown"


@pytest.mark.parametrize(("override", "contradicts"), [("aro", True), ("aks", False)])
def test_platform_override(override: str, contradicts: bool) -> None:
    plan = info(c.aks(), platform=override)
    assert plan.facts["cluster_facts"]["platform"]["name"] == override
    assert bool(said(plan, "cluster.platform_overridden")) is contradicts


@pytest.mark.parametrize(
    ("gather", "paths", "keys"),
    [
        (["nodes"], {c.NODES}, {"node_summary", "nodes", "gpu_nodes"}),
        (["versions"], {"/apis", "/version", c.CLUSTER_VERSION}, {"versions"}),
        (["pools"], {"/apis", c.POOLS}, {"machine_config_pools"}),
        (["arc"], {"/apis", c.ARC}, {"arc"}),
        (["extension"], {c.DEPLOYMENTS}, {"extension"}),
    ],
)
def test_gather_reads_only_what_it_returns(gather: list[str], paths: set[str], keys: set[str]) -> None:
    request, snapshot = observe(c.CLUSTERS["aro"][1], gather=gather)
    assert {read.path for read in snapshot.answers if not read.path.endswith("kube-system")} == paths
    plan = TOPIC.plan(request, snapshot)
    assert set(plan.facts["cluster_facts"]) == keys
    assert not plan.findings


def test_all_problems_of_a_request_at_once() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse({"gather": [], "aks_cluster": {"a": 1}, "arc_cluster": {}})
    assert len(caught.value.problems) == 3
    assert "az aks show" in caught.value.problems[1]


def test_options_and_defaults_agree() -> None:
    request = parse({name: option.get("default") for name, option in TOPIC.options.items()})
    assert request.gather == frozenset(SECTIONS)
    assert "unknown" not in TOPIC.options["platform"]["choices"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
FULL = with_everything(c.CLUSTERS["aro"][1])


@given(
    path=st.sampled_from(sorted(FULL)), body=st.dictionaries(st.sampled_from(["items", "status", "spec", "metadata", "data"]), JSON)
)
def test_garbage_answers_never_raise(path: str, body: c.Json) -> None:
    json.dumps(info({**FULL, path: body}).facts)


@given(data=st.data())
def test_garbage_inside_objects_never_raises(data: st.DataObject) -> None:
    base = data.draw(st.sampled_from([FULL, with_everything(c.aks())]))
    path = data.draw(st.sampled_from(sorted(path for path in base if path != "/apis")))
    body = json.loads(json.dumps(base[path]))
    spoil(body, data)
    json.dumps(info({**base, path: body}).facts)


def spoil(body: t.Any, data: st.DataObject) -> None:
    """Replace one value, at a drawn depth, by anything."""
    while isinstance(body, (dict, list)) and body:
        key = data.draw(st.sampled_from(sorted(body) if isinstance(body, dict) else range(len(body))))
        if not isinstance(body[key], (dict, list)) or data.draw(st.booleans()):
            body[key] = data.draw(JSON)
            return
        body = body[key]


def test_gpu_nodes_are_told_without_a_plugin_and_without_a_request() -> None:
    labels = {"kubernetes.azure.com/accelerator": "nvidia", "node.kubernetes.io/instance-type": "Standard_NC4as_T4_v3"}
    amd = {"accelerator": "nvidia", "node.kubernetes.io/instance-type": "Standard_NV8as_v4"}
    nodes = c.items(
        c.node("cpu"),
        c.node("gpu", labels=labels),
        c.node("wrong", labels=amd),
        c.node("grace", arch="arm64", labels=labels, allocatable={"nvidia.com/gpu": "4"}),
    )
    cluster: c.Cluster = {"/apis": c.groups(), c.NODES: nodes}
    plan = info(cluster)
    found = plan.facts["cluster_facts"]["gpu_nodes"]
    assert [(node["name"], node["state"]) for node in found] == [
        ("gpu", "expected"),
        ("grace", "expected"),
        ("wrong", "contradictory"),
    ]
    assert found[0]["detected_by"] == ["label kubernetes.azure.com/accelerator=nvidia", "size Standard_NC4as_T4_v3"]
    assert found[0]["allocatable"] == {}
    assert [finding.subject for finding in said(plan, "cluster.gpu_contradiction")] == ["Node/wrong"]
    assert [finding.subject for finding in said(plan, "cluster.gpu_arm64")] == ["Node/grace"]
    assert len(observe(cluster, gather=["nodes"])[1].answers) == 1 + ("kube-system" in str(observe(cluster, gather=["nodes"])[1]))


def test_gpu_nodes_stay_unknown_where_nodes_may_not_be_read() -> None:
    assert facts({"/apis": c.groups(), c.NODES: FORBIDDEN})["gpu_nodes"] is None
