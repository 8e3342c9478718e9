"""Bad input is refused with every problem at once."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._selinux.selinux_cluster import request_of

pytestmark = pytest.mark.selinux


def test_defaults() -> None:
    request = request_of()
    assert (request.name, request.pool, request.arguments) == ("99-worker-azureml-selinux", "worker", ("selinux=0",))
    assert request_of(pool="gpu").name == "99-gpu-azureml-selinux"
    assert request_of(selinux="permissive").arguments == ("enforcing=0",)
    assert request_of(state="absent").name == "99-worker-azureml-selinux"
    assert request_of(selinux="unmanaged").reports_only and not request_of().reports_only


def test_names_are_kept_once() -> None:
    assert request_of(ssh_nodes=["b", "a", "b"]).ssh_nodes == ("b", "a")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"selinux": None}, ["Neither selinux nor kernel_arguments"]),
        ({"selinux": "disabled", "kernel_arguments": ["nosmt"], "name": "99-x"}, ["exclude each other"]),
        ({"kernel_arguments": ["nosmt"]}, ["needs a name"]),
        ({"state": "absent", "kernel_arguments": ["nosmt"]}, ["needs a name"]),
        ({"state": "absent", "selinux": "unmanaged"}, ["leave one of them out"]),
        ({"kernel_arguments": ["selinux=0", "selinux=1"], "name": "99-x"}, ["'selinux=0' and 'selinux=1' contradict"]),
        ({"kernel_arguments": ["enforcing=0", "a", "enforcing=1"], "name": "99-x"}, ["'enforcing=0' and 'enforcing=1' contradict"]),
        ({"kernel_arguments": ["a b"], "name": "99-x"}, ["'a b' is not one kernel argument"]),
        ({"kernel_arguments": [""], "name": "99-x"}, ["'' is not one kernel argument"]),
        ({"kernel_arguments": ['a="b'], "name": "99-x"}, ["is not one kernel argument"]),
        ({"kernel_arguments": ["a\x07"], "name": "99-x"}, ["is not one kernel argument"]),
        ({"kernel_arguments": ["nosmt", "nosmt"], "name": "99-x"}, ["more than once"]),
        ({"kernel_arguments": ["a" * 2049], "name": "99-x"}, ["longer than the 2048 bytes"]),
        ({"pool": "Workers"}, ["pool 'Workers' cannot be the name of a MachineConfigPool"]),
        ({"pool": "worker\n"}, ["pool 'worker\\n' cannot"]),
        ({"name": "99_x"}, ["name '99_x' cannot be the name of a MachineConfig"]),
        ({"name": "x" * 254}, ["cannot be the name of a MachineConfig"]),
        ({"create_pool": True}, ["create_pool needs a pool of your own"]),
        ({"pool": "master", "pool_nodes": ["a"]}, ["pool_nodes needs a pool of your own"]),
        ({"wait_timeout": 0}, ["wait_timeout is 0"]),
        (
            {"pool": "X", "wait_timeout": -1, "name": "rendered-worker-1"},
            ["pool 'X'", "belongs to the platform", "wait_timeout is -1"],
        ),
    ],
)
def test_refused(params: dict[str, t.Any], words: list[str]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        request_of(**params)
    assert len(refused.value.problems) == len(words), refused.value.problems
    assert [word for word in words if not any(word in problem for problem in refused.value.problems)] == []


@pytest.mark.parametrize(
    "name",
    [
        "rendered-worker-0123",
        "00-worker",
        "01-worker-kubelet",
        "97-worker-generated-kubelet",
        "98-infra-generated-kubelet",
        "99-worker-generated-registries",
        "99-worker-ssh",
        "99-gpu-aro-dns",
        "90-aro-worker-registries",
    ],
)
def test_names_of_the_platform_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="belongs to the platform"):
        request_of(name=name)


@pytest.mark.parametrize(
    "name", ["99-worker-azureml-selinux", "05-worker-kernelarg-selinuxpermissive", "99-x.y", "001-worker", "50-aro"]
)
def test_other_names_are_free(name: str) -> None:
    assert request_of(name=name).name == name


@given(st.lists(st.text(max_size=20), max_size=4), st.text(max_size=12))
def test_parse_refuses_or_keeps_word_for_word(arguments: list[str], name: str) -> None:
    try:
        request = request_of(kernel_arguments=arguments, name=name)
    except InvalidRequest as error:
        assert error.problems
    else:
        assert list(request.arguments) == arguments and request.name == name
