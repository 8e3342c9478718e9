"""What may be asked, and that everything wrong is said at once."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.service_accounts import EDITIONS, NEWEST
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.accounts import (
    Account,
    is_label,
    is_name,
    looks_like,
    parse_account,
    parse_user,
    stale_reason,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._scc.scc_cluster import request_of

pytestmark = pytest.mark.scc

DOCUMENT = [
    "azure-arc:azure-arc-kube-aad-proxy-sa",
    "azureml:amlext-kube-state-metrics",
    "azureml:prom-admission",
    "azureml:default",
    "azureml:prom-operator",
    "azureml:load-amlarc-selinux-policy-sa",
    "azureml:azureml-fe-v2",
    "azureml:prom-prometheus",
    "ml-team:default",
    "azureml:azureml-ingress-nginx",
    "azureml:azureml-ingress-nginx-admission",
]


def shorts(accounts: t.Iterable[Account]) -> list[str]:
    return [f"{account.namespace}:{account.name}" for account in accounts]


def test_the_documents_eleven_accounts_in_its_order() -> None:
    assert shorts(request_of().wanted("amlext")) == DOCUMENT


def test_many_compute_namespaces_each_once_and_default_never() -> None:
    wanted = shorts(request_of(compute_namespaces=["b", "default", "a", "b"]).wanted("amlext"))
    assert wanted[8:10] == ["b:default", "a:default"]
    assert len(wanted) == 12 and "default:default" not in wanted


def test_a_compute_namespace_azureml_is_not_granted_twice() -> None:
    wanted = shorts(request_of(compute_namespaces=["azureml"]).wanted("amlext"))
    assert wanted.count("azureml:default") == 1 and len(wanted) == 10


@pytest.mark.parametrize("edition, count", [("2021-09", 11), ("2022-04", 14), ("2022-06", 11)])
def test_editions(edition: str, count: int) -> None:
    assert len(EDITIONS[edition].rows) == count
    wanted = shorts(request_of(edition=edition).wanted("amlext"))
    assert len(wanted) == count
    assert ("azureml:azureml-fe" in wanted) is (edition != NEWEST)


@pytest.mark.parametrize(
    "params, left_out",
    [
        ({"training": True}, {"azureml:azureml-fe-v2", "azureml:azureml-ingress-nginx", "azureml:azureml-ingress-nginx-admission"}),
        ({"inference": True, "nginx_ingress": True}, set()),
        (
            {"inference": True, "install_prom_op": False, "nginx_ingress": True, "connection": "aks"},
            {"azure-arc:azure-arc-kube-aad-proxy-sa", "azureml:prom-admission", "azureml:prom-operator"},
        ),
    ],
)
def test_needed_leaves_out_what_the_installation_does_not_use(params: dict[str, t.Any], left_out: set[str]) -> None:
    wanted = shorts(request_of(accounts="needed", **params).wanted("amlext"))
    assert wanted == [account for account in DOCUMENT if account not in left_out]


def test_documented_ignores_the_switches() -> None:
    assert len(request_of(connection="aks", install_prom_op=False).wanted("amlext")) == 11


def test_extra_accounts_come_last_and_both_spellings_are_read() -> None:
    extra = ["tools:probe", "system:serviceaccount:tools:probe", "tools:my.account"]
    assert shorts(request_of(extra_accounts=extra).wanted("amlext"))[11:] == ["tools:probe", "tools:my.account"]


def test_all_problems_at_once() -> None:
    with pytest.raises(InvalidRequest) as caught:
        request_of(
            extension_name="{EXTENSION-NAME}",
            compute_namespaces=["Team_A", "fine", "x" * 64],
            edition="2022-6",
            extra_accounts=["no-colon", "Bad:name", "ns:Bad_Name"],
            accounts="needed",
            scc="not a name",
        )
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 9
    for part in ("{EXTENSION-NAME}", "Team_A", "xxx", "no-colon", "'Bad'", "'Bad_Name'", "training", "'not a name'"):
        assert part in text
    assert "2021-09, 2022-04, 2022-06. Did you mean '2022-06'?" in text


@pytest.mark.parametrize("name, valid", [("a" * 53, True), ("a" * 54, False), ("-a", False), ("a.b", False), ("Ext", False)])
def test_extension_name_is_a_helm_release_name(name: str, valid: bool) -> None:
    if valid:
        assert request_of(extension_name=name).extension_name == name
    else:
        with pytest.raises(InvalidRequest, match="extension_name"):
            request_of(extension_name=name)


@given(st.text(max_size=80))
def test_no_text_breaks_the_parsers(text: str) -> None:
    try:
        account = parse_account(text)
    except ValueError as error:
        assert repr(text) in str(error)
    else:
        assert is_label(account.namespace) and is_name(account.name)
        assert parse_user(account.user) == account
    parse_user(text)
    looks_like(text, request_of().wanted("amlext"), NEWEST)
    stale_reason(text, NEWEST, "amlext")


@pytest.mark.parametrize("text", ["a\n", "a:b\n", "a:b:c", ":b", "a:", "system:serviceaccount:a"])
def test_not_accounts(text: str) -> None:
    with pytest.raises(ValueError, match="is not an account"):
        parse_account(text)


@pytest.mark.parametrize(
    "user, meant",
    [
        ("system:serviceaccount:azureml:prom-promethues", "azureml:prom-prometheus"),
        ("system:serviceaccount:azureml:prom_operator", "azureml:prom-operator"),
        ("system:serviceaccount:azurem1:prom-operator", "azureml:prom-operator"),
        ("system:serviceaccount:azureml:azureml-fe-v3", "azureml:azureml-fe-v2"),
        ("system:serviceaccount:azure-arc:azure-arc-kube-aad-proxy", "azure-arc:azure-arc-kube-aad-proxy-sa"),
        ("system:serviceaccounts:azureml:default", "azureml:default"),
        ("azureml:prom-operator", "azureml:prom-operator"),
        (" system:serviceaccount:azureml:prom-operator", "azureml:prom-operator"),
        ("system:serviceaccount:ml-team2:default", ""),
        ("system:serviceaccount:azureml2:default", ""),
        ("system:serviceaccount:azureml:training", ""),
        ("system:serviceaccount:other:prom-operator", ""),
        ("system:admin", ""),
        ("system:serviceaccount:openshift-infra:build-controller", ""),
    ],
)
def test_look_alikes(user: str, meant: str) -> None:
    found = looks_like(user, request_of().wanted("amlext"), NEWEST)
    assert found == (f"system:serviceaccount:{meant}" if meant else "")


@pytest.mark.parametrize(
    "name, edition, part",
    [
        ("azureml-fe", "2022-06", "edition 2021-09 and 2022-04, not in 2022-06"),
        ("csi-blob-node-sa", "2022-06", "edition 2021-09 and 2022-04"),
        ("azureml-fe-v2", "2022-04", "edition 2022-06, not in 2022-04"),
        ("old-kube-state-metrics", "2022-06", "extension named 'old', not 'amlext'"),
        ("csi-blob-node-sa", "2022-04", ""),
        ("amlext-kube-state-metrics", "2022-06", ""),
        ("somebody-else", "2022-06", ""),
    ],
)
def test_stale_accounts(name: str, edition: str, part: str) -> None:
    reason = stale_reason(f"system:serviceaccount:azureml:{name}", edition, "amlext")
    assert part in reason and bool(part) is bool(reason)
