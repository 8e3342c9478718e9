"""extension_components: what it says beside the two lists, what it reads, and when it waits."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._components import _imports, checks, reading
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.request import OPTIONS, parse, secrets
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Plan
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import ARC_CONFIG
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.components import listing
from tests.integration.components.cases import SABOTAGED
from tests.integration.components.cluster import KINDS, Cluster, creating, unscheduled, waiting

pytestmark = pytest.mark.extension

AKS = {
    "connection": "aks",
    "training": True,
    "inference": True,
    "install_prom_op": True,
    "install_volcano": True,
    "nginx_ingress": True,
}


def cluster(**install: Any) -> Cluster:
    return Cluster(listing.installed(**install))


def say(done: Plan, code: str) -> Finding:
    """The one finding of a code."""
    (found,) = [finding for finding in done.findings if finding.code == f"components.{code}"]
    return found


def codes(done: Plan, *severities: str) -> set[str]:
    return {f.code.split(".")[1] for f in done.findings if not severities or f.severity in severities}


def row(done: Plan, name: str) -> dict[str, Any]:
    rows = done.facts["extension_components"]["components"] + done.facts["extension_components"]["extras"]
    return next(one for one in rows if one["name"] == name)


def test_a_component_tells_numbers_images_restarts_and_age() -> None:
    made = cluster()
    made.pods("gateway")[0]["status"]["containerStatuses"][1]["restartCount"] = 3
    found = row(made.judge(**AKS), "gateway")
    assert (found["desired"], found["ready"], found["restarts"], found["state"]) == (1, 1, 3, "ok")
    assert found["images"] == ["mcr.microsoft.com/azureml/amlarc/docker/gateway:1.1.71"] * 2
    assert found["created"] == "2026-11-01T10:00:00Z" and found["age_seconds"] > 0


def test_a_healthy_cluster_is_asked_five_things_and_four_around() -> None:
    made = cluster()
    made.judge(**AKS)
    base = {reading.DEPLOYMENTS, reading.DAEMONSETS, reading.STATEFULSETS, reading.PODS, reading.HEALTH}
    assert set(made.asked) == base | set(reading.SURROUNDINGS)
    made.judge(**AKS, surroundings=False)
    assert set(made.asked) == base
    made.break_pods("Deployment", "gateway", creating)
    made.judge(**AKS, surroundings=False)
    assert set(made.asked) == base | {reading.EVENTS}
    made.judge(surroundings=False)
    assert set(made.asked) == base | {reading.EVENTS, ARC_CONFIG}


def test_pods_without_the_label_are_read_where_they_matter() -> None:
    made = cluster()
    made.add(listing.workload("Deployment", "mine", 1, {"app": "mine"}))
    for name in ("mine", "gateway"):
        labels = made.get("Deployment", name)["spec"]["template"]["metadata"]["labels"]
        made.get("Deployment", name)["spec"]["selector"]["matchLabels"].pop("ml.azure.com/amlarc-system")
        labels.pop("ml.azure.com/amlarc-system")
        for pod in made.pods(name):
            pod["metadata"]["labels"].pop("ml.azure.com/amlarc-system")
        made.judge(**AKS)
        assert (reading.ALL_PODS in made.asked) == (name == "gateway"), "a stranger that is ready does not matter"
    made.pods("gateway")[0]["status"]["containerStatuses"][0]["restartCount"] = 3
    assert row(made.judge(**AKS), "gateway")["restarts"] == 3


def test_nothing_installed_is_one_error() -> None:
    made = Cluster([])
    assert codes(made.judge(**AKS), "error") == {"not_installed"}
    assert "is empty" in say(made.judge(wait=True), "not_installed").message and made.judge(wait=True).wait is not None
    made.namespace = None
    assert "does not exist" in say(made.judge(**AKS), "not_installed").message
    made.namespace = {"metadata": {"deletionTimestamp": "2026-11-24T11:00:00Z"}}
    assert codes(made.judge()) == {"uninstalling"}


def test_nothing_installed_is_no_error_where_nobody_expects_it() -> None:
    done = Cluster([]).judge(connection="arc")
    assert codes(done, "info") == codes(done) == {"not_installed"} and done.checks == {"components": "not_applicable"}


def test_a_device_plugin_alone_is_somebody_elses() -> None:
    item = listing.workload("DaemonSet", "nvidia-device-plugin-daemonset", 1, {"name": "x"})
    item["metadata"]["labels"] = {}
    assert "not_installed" in codes(Cluster([item]).judge())


def test_only_what_both_scenarios_have_is_half_an_extension() -> None:
    made = cluster(purpose="training", volcano=False)
    made.drop("Deployment", "aml-operator")
    done = made.judge()
    assert codes(done, "error") == {"scenario_unknown"}
    assert codes(made.judge(training=True), "error") == {"missing"}
    assert say(made.judge(inference=False), "missing").subject == "Deployment/azureml/aml-operator"


def test_a_wrong_extension_name_is_recognised() -> None:
    done = cluster(extension="ml").judge(**AKS, extension_name="azureml")
    messages = [f.message for f in done.findings if f.code == "components.missing"]
    assert len(messages) == 2 and all("is the extension called 'ml'?" in message for message in messages)
    assert cluster(extension="ml").judge(**AKS).checks == {"components": "ok"}


def test_what_should_not_be_there_is_told() -> None:
    done = cluster().judge(connection="aks", training=True, inference=False)
    assert {f.subject for f in done.findings if f.code == "components.unexpected"} == {
        f"Deployment/azureml/{name}" for name, _count, _labels in listing.INFERENCE
    }
    done = cluster(connection="arc").judge(**AKS)
    assert say(done, "unexpected").severity == "info" and "arc only" in say(done, "unexpected").message
    done = cluster().judge(**{**AKS, "install_prom_op": False})
    assert say(done, "unexpected").message == "it is there, although install_prom_op is false."


def test_settings_by_their_own_names_count_and_options_win() -> None:
    made = cluster(purpose="training", volcano=False)
    settings = {"enableTraining": "True", "enableInference": "false", "installVolcano": "true", "nodeSelector.a": "b"}
    done = made.judge(configuration_settings=settings)
    assert {f.subject.rpartition("/")[2] for f in done.findings if f.code == "components.missing"} == {
        name for name, _count, _labels in listing.VOLCANO
    }
    assert made.judge(configuration_settings=settings, install_volcano=False).checks == {"components": "ok"}


def test_a_part_of_a_family_is_missed_even_if_nobody_told() -> None:
    made = cluster()
    made.drop("Deployment", "volcano-scheduler")
    assert say(made.judge(), "missing").subject == "Deployment/azureml/volcano-scheduler"


def test_the_newest_version_may_fail_while_the_old_one_serves() -> None:
    made = cluster()
    made.get("Deployment", "gateway")["status"]["updatedReplicas"] = 0
    done = made.judge(**AKS)
    assert say(done, "rollout").severity == "warning" and row(done, "gateway")["state"] == "partly"
    made = cluster()
    made.get("Deployment", "gateway")["metadata"]["generation"] = 2
    assert "has not seen" in say(made.judge(**AKS), "rollout").message


def test_an_evicted_pod_is_the_reason_where_no_other_is() -> None:
    made = cluster()

    def evicted(pod: dict[str, Any]) -> None:
        pod["status"] = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}

    made.break_pods("Deployment", "gateway", evicted)
    assert "low on resource" in say(made.judge(**AKS), "evicted").message


def test_restarts_of_the_last_hour_are_a_warning() -> None:
    made = cluster()
    ended = {"terminated": {"exitCode": 1, "finishedAt": "2999-11-02T10:00:00Z"}}
    made.pods("gateway")[0]["status"]["containerStatuses"][0].update(restartCount=6, lastState=ended)
    assert "6 times" in say(made.judge(**AKS), "restarts").message
    assert codes(made.judge(**AKS, restart_limit=6)) == set()


def test_high_availability_that_is_not_there_is_told() -> None:
    assert "1 replicas instead of 3" in say(cluster().judge(**AKS, inference_router_ha=True), "router_alone").message
    assert codes(cluster(replicas=3).judge(**AKS, inference_router_ha=True)) == set()
    assert codes(cluster().judge(**AKS, inference_router_ha=False)) == set()


def test_some_ready_pods_make_a_warning() -> None:
    made = cluster(replicas=3)
    made.count(made.get("Deployment", "azureml-fe-v2"), 3, 2)
    unscheduled("0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.")(made.pods("azureml-fe-v2")[2])
    done = made.judge(**AKS)
    assert say(done, "unschedulable").severity == "warning" and "inferenceRouterHA=False" in say(done, "unschedulable").remedy
    assert codes(done, "error") == set()


def test_something_else_in_the_namespace_that_is_not_ready_is_a_warning() -> None:
    made = cluster()
    loader = listing.workload("DaemonSet", "load-selinux", 1, {"app": "x"}, serviceAccountName="load-amlarc-selinux-policy-sa")
    made.add(loader)
    assert row(made.judge(**AKS), "load-selinux")["state"] == "ok"
    made.without_pods("DaemonSet", "load-selinux", "unable to validate against any security context constraint")
    done = made.judge(**AKS)
    assert codes(done) == {"extra_not_ready"}
    assert "load-amlarc-selinux-policy-sa" in say(done, "extra_not_ready").remedy


def test_the_type_of_the_routers_service_is_compared() -> None:
    assert "type ClusterIP" in say(cluster().judge(**AKS, inference_router_service_type="nodePort"), "service_type").message
    settings = {"inferenceRouterServiceType": "CLUSTERIP"}
    assert codes(cluster().judge(**AKS, configuration_settings=settings)) == set()


def test_a_failed_health_check_pod_is_a_warning() -> None:
    made = cluster()
    made.get("Pod", "healthcheck")["status"] = {"phase": "Failed"}
    assert codes(made.judge(**AKS)) == {"health_pod_failed"}


def test_a_webhook_that_may_fail_is_a_warning_and_one_that_outlives_the_extension_an_error() -> None:
    made = cluster()
    made.get("ValidatingWebhookConfiguration", "volcano-admission-service-jobs-validate")["webhooks"][0]["failurePolicy"] = "Ignore"
    made.drop("Service", "volcano-admission-service")
    assert say(made.judge(**AKS), "webhook_dead").severity == "warning"
    left = Cluster([listing.webhook("Validating", "volcano", "volcano-admission-service", "batch.volcano.sh", "jobs")])
    assert codes(left.judge(), "error") == {"webhook_dead"}
    other = listing.webhook("Validating", "volcano", "volcano-admission-service", "batch.volcano.sh", "jobs")
    other["webhooks"][0]["clientConfig"]["service"]["namespace"] = "volcano-system"
    assert codes(Cluster([other]).judge()) == {"not_installed"}


def test_what_may_not_be_read_is_unknown() -> None:
    made = cluster()
    made.break_pods("Deployment", "gateway", creating)
    made.refused = {*KINDS.values(), reading.PODS, reading.HEALTH, ARC_CONFIG} - {reading.DEPLOYMENTS}
    done = made.judge()
    assert {f.severity for f in done.findings if f.code == "components.unreadable"} == {"warning"}
    assert row(done, "prometheus-prom-prometheus")["state"] == "unknown" and "may not be read" in say(done, "not_ready").message
    made.refused = {reading.DEPLOYMENTS}
    done = made.judge()
    assert done.checks == {"components": "unknown"} and codes(done, "error") == {"unreadable"}
    assert row(done, "gateway")["state"] == "unknown"


def test_a_wait_goes_on_until_health_or_what_never_passes() -> None:
    made = cluster()
    made.break_pods("Deployment", "gateway", creating)
    assert made.judge(**AKS).wait is None
    done = made.judge(**AKS, wait=True, wait_timeout=60)
    assert done.wait is not None and done.wait.seconds == 60 and "gateway 0/1" in done.wait.text
    assert set(done.wait.follow) == {reading.DEPLOYMENTS, reading.DAEMONSETS, reading.STATEFULSETS, reading.PODS}
    assert reading.EVENTS in done.wait.again
    assert all(f.resolvable for f in done.findings if f.severity == "error")
    assert cluster().judge(**AKS, wait=True).wait is None


def test_a_wait_looks_at_the_users_checks_again_too() -> None:
    entry = {"kind": "ConfigMap", "name": "late", "query": "data", "severity": "error"}
    done = cluster().judge(**AKS, wait=True, custom_checks=[entry])
    assert done.wait is not None and Read("/api/v1/namespaces/azureml/configmaps/late") in done.wait.again
    assert say(done, "check_failed").resolvable


def test_a_failed_health_check_ends_the_wait_only_before_there_are_components() -> None:
    report = listing.health(reports_pre_install="Status: Failed\nName: x\nErrorCode: E40002\nErrorMessage: one node\n")
    assert Cluster([report]).judge(wait=True).wait is None
    made = cluster()
    made.add(report)
    made.break_pods("Deployment", "gateway", creating)
    done = made.judge(**AKS, wait=True)
    assert done.wait is not None and all(f.resolvable for f in done.findings if f.severity == "error")


HOPELESS = {"image", "registry_denied", "crash", "scc_denied", "quota", "admission_denied", "scaled_down", "health_failed"}


@pytest.mark.parametrize("case", SABOTAGED, ids=[case.name for case in SABOTAGED])
def test_what_never_passes_ends_the_wait(case: Any) -> None:
    done = case.cluster().judge(**case.options, wait=True)
    assert (done.wait is None) == (case.says[0][0] in HOPELESS)


def test_an_image_that_may_come_is_waited_for() -> None:
    made = cluster()
    made.break_pods("Deployment", "gateway", waiting("ErrImagePull", "dial tcp: i/o timeout"))
    assert made.judge(**AKS, wait=True).wait is not None


def test_everything_wrong_with_the_arguments_is_said_at_once() -> None:
    given = {
        "extension_name": "Not A Name",
        "extension_version": "new",
        "components_edition": "2026-02",
        "wait_timeout": 0,
        "training": False,
        "inference": False,
        "configuration_settings": {"installVolcano": {"a": 1}, "inferenceRouterServiceType": 7, "enableTraining": None},
        "custom_checks": [
            {"kind": "Secret", "query": "data"},
            {"kind": "Widget", "query": "a"},
            {"kind": "Pod", "query": "items[?"},
            {"kind": "", "query": " ", "api_version": "/"},
        ],
    }
    with pytest.raises(InvalidRequest) as caught:
        parse(given)
    assert len(caught.value.problems) == 14, caught.value.problems
    assert any("Did you mean '2026-01'?" in problem for problem in caught.value.problems)


def test_secrets_among_settings_are_known() -> None:
    settings = {"relayServerConnectionString": "hush", "installVolcano": "true", "x": "-----BEGIN KEY"}
    assert secrets({"configuration_settings": settings}) == {"hush", "-----BEGIN KEY"}
    assert secrets({"configuration_settings": "text"}) == set()


# Checks of the user's own.


def check(made: Cluster, **entry: Any) -> tuple[str, Plan]:
    done = made.judge(**AKS, custom_checks=[{"kind": "Deployment", "severity": "error", **entry}])
    (state,) = [one["state"] for one in done.facts["extension_components"]["custom_checks"]]
    return state, done


def test_a_check_of_what_is_read_anyhow_costs_nothing() -> None:
    made = cluster()
    assert check(made, name="gateway", query="spec.replicas", expected=1)[0] == "ok"
    assert len(made.asked) == 9
    assert check(made, name="gateway", query="spec.replicas", expected="1")[0] == "ok"
    assert check(made, name="gateway", query="spec.template.spec.containers[].name", expected=["main", "c1"])[0] == "ok"
    assert check(made, query="length(items) > `5`", expected="True")[0] == "ok"
    state, done = check(made, name="gateway", query="spec.replicas", expected=2, severity="warning", remedy="Scale it.")
    finding = say(done, "check_failed")
    assert (state, finding.severity, finding.remedy) == ("failed", "warning", "Scale it.")
    assert finding.message == "'spec.replicas' gives 1, expected is 2." and finding.evidence["actual"] == 1


def test_an_object_that_is_not_there_and_an_expression_that_finds_nothing_fail() -> None:
    made = cluster()
    assert "does not exist" in say(check(made, name="nobody", query="spec")[1], "check_failed").message
    assert "gives None" in say(check(made, name="gateway", query="spec.nothing")[1], "check_failed").message
    assert check(made, kind="ConfigMap", name="nobody", query="data")[0] == "failed"


def test_other_kinds_are_found_through_their_api_group() -> None:
    made = cluster()
    group = Read("/apis/example.com/v1")
    made.extra[group] = Answer(200, {"resources": [{"name": "widgets", "kind": "Widget", "namespaced": True}]})
    made.extra[Read("/apis/example.com/v1/namespaces/team/widgets/a")] = Answer(200, {"kind": "Widget", "spec": {"size": 3}})
    entry = {
        "kind": "Widget",
        "api_version": "example.com/v1",
        "name": "a",
        "namespace": "team",
        "query": "spec.size",
        "expected": 3,
    }
    assert check(made, **entry)[0] == "ok"
    state, done = check(made, **{**entry, "kind": "Gadget"})
    assert state == "unknown" and "serves no kind Gadget" in say(done, "check_unknown").message
    made.extra[group] = Answer(403, {"message": "no"})
    assert "may not be read" in say(check(made, **entry)[1], "check_unknown").message


def test_a_check_that_cannot_be_made_is_a_warning() -> None:
    made = cluster()
    assert "cannot be evaluated" in say(check(made, name="gateway", query="length(spec.replicas)")[1], "check_unknown").message
    made.refused = {Read("/api/v1/nodes")}
    assert "may not be read" in say(check(made, kind="Node", query="items")[1], "check_unknown").message


def test_without_the_library_only_checks_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_imports, "PROBLEM", "No module named 'jmespath'")
    done = cluster().judge(**AKS, custom_checks=[{"kind": "Node", "query": "items"}])
    assert codes(done) == {"library_missing"} and "jmespath" in say(done, "library_missing").message
    assert cluster().judge(**AKS).checks == {"components": "ok"}


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


@given(JSON, JSON)
def test_any_result_can_be_compared(actual: Any, expected: Any) -> None:
    assert isinstance(checks.matches(actual, expected), bool)
    assert checks.matches(actual, actual)


KEYS = [
    "metadata",
    "spec",
    "status",
    "name",
    "labels",
    "template",
    "selector",
    "matchLabels",
    "conditions",
    "containerStatuses",
    "state",
]


@given(st.data())
def test_whatever_a_server_sends_nothing_is_raised(data: st.DataObject) -> None:
    """Any part of any object replaced by anything."""
    made = Cluster(listing.installed())
    made.break_pods("Deployment", "gateway", waiting("ErrImagePull"))
    for _time in range(data.draw(st.integers(1, 4))):
        item: Any = data.draw(st.sampled_from(sorted(made.objects, key=str)).map(lambda key: made.objects[key]))
        inside = [item]
        for _depth in range(5):
            inside += [value for value in (inside[-1].values() if isinstance(inside[-1], dict) else []) if isinstance(value, dict)][
                :1
            ]
        place = data.draw(st.sampled_from([one for one in inside if one]))
        place[data.draw(st.sampled_from([*place, *KEYS]))] = data.draw(JSON)
    done = made.judge(wait=data.draw(st.booleans()))
    assert set(done.checks) == {"components"}


def test_every_option_is_of_the_spec() -> None:
    assert all(OPTIONS[name].get("default") is None for name in AKS)


@pytest.mark.parametrize("version, edition", [("1.1.16", "2022-06"), ("1.1.17", "2026-01"), ("1.2.0", "2026-01"), ("", "2026-01")])
def test_the_version_chooses_the_edition(version: str, edition: str) -> None:
    made = Cluster([listing.workload("Deployment", "gateway", 1, {"app": "gateway"})])
    made.get("Deployment", "gateway")["metadata"]["labels"].pop("helm.sh/chart")
    assert made.judge(extension_version=version).facts["extension_components"]["edition"] == edition
    other = "2022-06" if edition == "2026-01" else "2026-01"
    told = made.judge(extension_version=version, components_edition=other)
    assert told.facts["extension_components"]["edition"] == other


def test_a_finished_pod_is_no_reason_and_the_newest_word_counts() -> None:
    made = cluster()
    made.break_pods("Deployment", "gateway", creating)
    name = made.pods("gateway")[0]["metadata"]["name"]
    for at, words in (("2026-11-24T09:00:00Z", "first"), ("2026-11-24T11:00:00Z", "last"), ("2026-11-24T10:00:00Z", "middle")):
        made.event("Pod", name, "FailedMount", f'MountVolume.SetUp failed: secret "{words}" not found', at)
    done = made.judge(**AKS)
    assert '"last"' in say(done, "config_missing").message
    waiting("ErrImagePull", "timeout")(made.pods("gateway")[0])
    made.pods("gateway")[0]["status"]["phase"] = "Succeeded"
    assert "neither pods nor events" in say(made.judge(**AKS), "not_ready").message


def test_what_a_claim_waits_for_is_told_beside_its_component() -> None:
    (case,) = [one for one in SABOTAGED if one.says[0][0] == "volume"]
    found = [f for f in case.cluster().judge(**AKS).findings if f.code == "components.volume"]
    assert [(f.severity, f.subject.rpartition("/")[2]) for f in found] == [
        ("error", "prometheus-prom-prometheus"),
        ("warning", "prom-db"),
    ]
    assert found[1].message == 'it is Pending, of gone: storageclass.storage.k8s.io "gone" not found.'
