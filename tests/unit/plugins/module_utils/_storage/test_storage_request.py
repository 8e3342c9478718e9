"""Every problem of every volume at once, and what valid volumes become."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.drivers import FUSE_MOUNT_OPTIONS, SMB_MOUNT_OPTIONS
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.entry import FIELDS
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.request import VOLUME_OPTIONS
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.volumes import Csi, volume_body
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plugins.module_utils._storage.storage_cluster import NFS, SCRATCH, SHARE, Json, request_of

pytestmark = pytest.mark.storage

BLOB: Json = {"name": "b", "type": "azure_blob", "account": "mystorage", "container": "c", "mount_path": "/mnt/b"}
CSI: Json = {"name": "s", "type": "csi", "driver": "smb.csi.k8s.io", "volume_handle": "h", "mount_path": "/mnt/s"}


def problems_of(*volumes: Json, **params: t.Any) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        request_of(*volumes, **params)
    return list(caught.value.problems)


def less(volume: Json, *names: str) -> Json:
    return {key: value for key, value in volume.items() if key not in names}


SHARED_BY_KEY = {**less(SHARE, "secret_name"), "resource_group": "g"}
WRONG = [
    (less(NFS, "name"), "volumes[0]: name is missing: it becomes the name of the PersistentVolumeClaim."),
    ({**NFS, "name": "Data"}, "name 'Data' is not a DNS label"),
    ({**NFS, "name": "a.b"}, "name 'a.b' is not a DNS label"),
    ({"name": "a_b", "type": "existing", "mount_path": "/mnt/a"}, "name 'a_b' is not a DNS name"),
    (less(NFS, "type"), "type is missing; types are nfs, azure_files, azure_blob, csi, existing."),
    ({**NFS, "type": "azure_file"}, "csi, existing. Did you mean 'azure_files'?"),
    (less(NFS, "mount_path"), "mount_path is missing"),
    ({**NFS, "mount_path": "/"}, "mount_path '/' is the root folder; name a folder of its own, as /mnt/data."),
    ({**NFS, "mount_path": "mnt"}, "mount_path 'mnt' is not absolute"),
    ({**NFS, "mount_path": "/usr/local/x"}, "lies in the system folder /usr"),
    ({**NFS, "mount_path": "/mnt/data/"}, "mount_path '/mnt/data/' is not in its shortest form; write '/mnt/data'."),
    ({**NFS, "namespaces": ["A"]}, "namespaces: 'A' is not a DNS label"),
    ({**NFS, "share": "x", "driver": "y"}, "share, driver: not an option of type nfs."),
    ({**NFS, "type": "existing"}, "server, path: not an option of type existing."),
    ({**NFS, "access_mode": "rwx"}, "access_mode 'rwx' is unknown; modes are ReadWriteMany, ReadOnlyMany, ReadWriteOnce."),
    ({**NFS, "size": "1 GB"}, "size: '1 GB' is not a quantity"),
    ({**NFS, "size": "0"}, "size '0' is not positive."),
    ({**NFS, "size": "-1Gi"}, "size '-1Gi' is not positive."),
    (less(SCRATCH, "size"), "size is missing: storage of a class is made in the size asked for"),
    ({**NFS, "nfs_version": "4.1", "mount_options": ["soft"]}, "nfs_version and mount_options are both given"),
    ({**NFS, "nfs_version": "5"}, "nfs_version '5' is unknown; versions are 3, 4, 4.0, 4.1, 4.2."),
    (less(NFS, "server"), "server: missing, type nfs needs it."),
    (less(NFS, "server", "path"), "server, path: missing, type nfs needs it."),
    ({**NFS, "path": "export"}, "path 'export' is not absolute"),
    ({**NFS, "server": "nfs://10.0.0.4"}, "server 'nfs://10.0.0.4' is not a host name or address"),
    (less(SHARE, "share"), "share: missing, type azure_files needs it."),
    ({**SHARE, "account": "My-Storage"}, "account 'My-Storage' is not the name of a storage account"),
    ({**SHARE, "share": "a--b"}, "share 'a--b' is not the name of a share"),
    ({**SHARE, "protocol": "fuse2"}, "protocol 'fuse2' is unknown; type azure_files knows smb, nfs."),
    ({**SHARE, "protocol": "nfs"}, "secret_name: protocol nfs logs in to nothing"),
    ({**SHARE, "client_id": "1-2"}, "secret_name and client_id are both given"),
    (less(SHARE, "secret_name"), "secret_name, client_id or resource_group: give one"),
    ({**SHARED_BY_KEY, "secret_namespace": "x"}, "secret_namespace is given without secret_name."),
    ({**SHARE, "storage_class": "azurefile-csi", "size": "1Gi"}, "makes new storage, account, share, secret_name names"),
    ({**SCRATCH, "storage_class": "A_B"}, "storage_class 'A_B' is not a DNS name"),
    ({**SCRATCH, "mount_options": ["x"]}, "mount_options: the storage class decides them."),
    ({**less(BLOB, "container"), "secret_name": "s"}, "container: missing, type azure_blob needs it."),
    ({**BLOB, "protocol": "smb", "secret_name": "s"}, "protocol 'smb' is unknown; type azure_blob knows fuse2, fuse, nfs."),
    (less(CSI, "driver", "volume_handle"), "driver, volume_handle: missing, type csi needs it."),
    ({**CSI, "driver": "a b"}, "driver 'a b' is not the name of a CSI driver"),
    ({**CSI, "namespaces": ["a", "b"]}, "volume_handle 'h' would be that of 2 volumes: put {namespace} into it."),
    ({**CSI, "secret_namespace": "x"}, "secret_namespace is given without secret_name."),
]  # fmt: skip


@pytest.mark.parametrize(("volume", "said"), WRONG, ids=[case[1][:60] for case in WRONG])
def test_one_problem_is_said_with_its_volume(volume: Json, said: str) -> None:
    problems = problems_of(volume)
    assert len(problems) == 1, problems
    assert said in problems[0]
    place = f"volumes[0] ({volume['name']}): " if "name" in volume else "volumes[0]: "
    assert problems[0].startswith(place)
    assert problems[0].endswith((".", "?"))


def test_all_problems_of_all_volumes_come_at_once() -> None:
    first = {**NFS, "mount_path": "/etc", "server": "a/b", "size": "x"}
    problems = problems_of(first, SCRATCH, {"type": "csi"}, compute_namespaces=["ml", "B"], wait_timeout=0)
    assert len(problems) == 8
    assert sorted({problem.partition(":")[0].partition(" ")[0] for problem in problems}) == [
        "compute_namespaces",
        "volumes[0]",
        "volumes[2]",
        "wait_timeout",
    ]


def test_volumes_may_not_share_a_name_or_a_path_where_they_meet() -> None:
    twin = {**NFS, "mount_path": "/mnt/2"}
    assert problems_of(NFS, twin) == ["volumes: 2 volumes are named 'data' in namespace ml; a name is used once there."]
    assert problems_of(NFS, {**NFS, "name": "b"}) == [
        "volumes: 'data' and 'b' share mount_path /mnt/data in namespace ml; no pod can start with that."
    ]
    apart = request_of({**NFS, "namespaces": ["a"]}, {**NFS, "namespaces": ["b"]})
    assert [target.key for target in apart.targets] == [("a", "data"), ("b", "data")]
    assert apart.namespaces == ("ml", "a", "b")


def test_a_volume_needs_a_namespace() -> None:
    assert "no namespace is named: set azureml_compute_namespaces" in problems_of(NFS, compute_namespaces=[])[0]
    assert request_of({**NFS, "namespaces": ["a", "a"]}, compute_namespaces=[]).namespaces == ("a",)


def test_to_take_it_back_name_and_type_are_enough() -> None:
    for kind in FIELDS:
        assert request_of({"name": "x", "type": kind}, state="absent").targets[0].key == ("ml", "x")
    assert "type is missing" in problems_of({"name": "x"}, state="absent")[0]


def test_every_option_of_a_volume_belongs_to_a_type() -> None:
    used = {name for names in FIELDS.values() for name in names}
    assert used | {"name", "type", "mount_path", "namespaces"} == set(VOLUME_OPTIONS)


MADE = [
    ({**NFS, "nfs_version": "4.1"}, {"mountOptions": ["nfsvers=4.1"]}),
    ({**NFS, "mount_options": []}, {"mountOptions": None}),
    ({**NFS, "access_mode": "ReadOnlyMany"}, {"nfs": {"server": "10.0.0.4", "path": "/export", "readOnly": True}}),
    ({**SHARE, "mount_options": ["uid=1000"]}, {"mountOptions": ["uid=1000"]}),
    (SHARE, {"mountOptions": list(SMB_MOUNT_OPTIONS)}),
    ({**BLOB, "resource_group": "g"}, {"mountOptions": list(FUSE_MOUNT_OPTIONS)}),
    ({**BLOB, "protocol": "nfs"}, {"mountOptions": None}),
]


@pytest.mark.parametrize(("volume", "spec"), MADE, ids=str)
def test_specs(volume: Json, spec: Json) -> None:
    body = volume_body(request_of(volume).targets[0])
    assert {key: body["spec"].get(key) for key in spec} == spec


ATTRIBUTES = [
    (SHARE, "mystorage_models_{namespace}.models", {"storageAccount": "mystorage", "shareName": "models", "protocol": "smb"}),
    (
        {**less(SHARE, "secret_name"), "protocol": "nfs", "server": "x.privatelink"},
        "mystorage_models_{namespace}.models",
        {"storageAccount": "mystorage", "shareName": "models", "protocol": "nfs", "server": "x.privatelink"},
    ),
    (
        {**less(SHARE, "secret_name"), "client_id": "1-2"},
        "mystorage_models_{namespace}.models",
        {
            "storageAccount": "mystorage",
            "shareName": "models",
            "protocol": "smb",
            "mountWithManagedIdentity": "true",
            "clientID": "1-2",
        },
    ),
    (
        {**BLOB, "client_id": "1-2"},
        "mystorage_c_{namespace}.b",
        {
            "storageAccount": "mystorage",
            "containerName": "c",
            "protocol": "fuse2",
            "AzureStorageAuthType": "msi",
            "AzureStorageIdentityClientID": "1-2",
        },
    ),
    ({**CSI, "volume_attributes": {"source": "//a/b", "flag": True, "n": 3}}, "h", {"source": "//a/b", "flag": "true", "n": "3"}),
]


@pytest.mark.parametrize(("volume", "handle", "attributes"), ATTRIBUTES, ids=str)
def test_what_the_driver_is_told(volume: Json, handle: str, attributes: dict[str, str]) -> None:
    source = request_of(volume).volumes[0].source
    assert isinstance(source, Csi)
    assert (source.handle, dict(source.attributes)) == (handle, attributes)


def test_a_blob_handle_has_no_reserved_character() -> None:
    source = request_of({**BLOB, "resource_group": "g"}).volumes[0].source
    assert isinstance(source, Csi)
    assert not set("#/") & set(source.handle)


WRITABLE = sorted(set(VOLUME_OPTIONS) - {"namespaces", "mount_options", "volume_attributes"})
ANYTHING = st.one_of(st.none(), st.text(max_size=8), st.sampled_from(["nfs", "csi", "existing", "/mnt/x", "1Gi", "ml"]))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(WRITABLE), ANYTHING), max_size=4))
def test_whatever_is_written_ends_in_volumes_or_sentences(volumes: list[Json]) -> None:
    for state in ("present", "absent"):
        try:
            request = request_of(*volumes, state=state)
        except InvalidRequest as error:
            assert all(problem.endswith((".", "?")) for problem in error.problems)
        else:
            assert len(request.volumes) == len(volumes)
