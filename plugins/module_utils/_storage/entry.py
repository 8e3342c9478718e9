"""One entry of the option `volumes`: which options belong to its type, and what each may be."""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.quantities import parse_quantity
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.drivers import (
    AZURE_BLOB,
    AZURE_FILES,
    FUSE_MOUNT_OPTIONS,
    SMB_MOUNT_OPTIONS,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.names import LABEL_RULE, NAME_RULE, is_label, is_name
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.paths import normalised, unusable
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.volumes import (
    NAMESPACE_PLACEHOLDER,
    AccessMode,
    Csi,
    Dynamic,
    Existing,
    Nfs,
    Source,
    Volume,
)

Entry = t.Mapping[str, t.Any]
ACCESS_MODES: tuple[str, ...] = t.get_args(AccessMode)
NFS_VERSIONS = ("3", "4", "4.0", "4.1", "4.2")
_COMMON = ("name", "type", "mount_path", "namespaces")
_MADE = ("size", "access_mode", "mount_options")
_AZURE = ("storage_class", "account", "resource_group", "protocol", "client_id", "secret_name", "secret_namespace", "server")
_CSI = ("storage_class", "driver", "volume_handle", "volume_attributes", "secret_name", "secret_namespace", "fs_type")
# The options of each type, beside the common ones.
FIELDS: t.Mapping[str, tuple[str, ...]] = {
    "nfs": (*_MADE, "server", "path", "nfs_version"),
    "azure_files": (*_MADE, *_AZURE, "share"),
    "azure_blob": (*_MADE, *_AZURE, "container"),
    "csi": (*_MADE, *_CSI),
    "existing": (),
}
# The options that name storage which is there already, so that a class cannot be given, too.
_STATIC = ("account", "share", "container", "resource_group", "protocol", "client_id", "secret_name", "secret_namespace", "server")
_PROTOCOLS = {"azure_files": ("smb", "nfs"), "azure_blob": ("fuse2", "fuse", "nfs")}


def parse_volume(entry: Entry, compute_namespaces: t.Sequence[str], *, removing: bool) -> tuple[Volume | None, list[str]]:
    """One volume, or what is wrong with it.

    Args:
        entry: as the user wrote it, with None for what was left out.
        compute_namespaces: where the volume is made when the entry names no namespaces.
        removing: the volume is to go, for which its name and type are enough.
    """
    given = {key: value for key, value in entry.items() if value is not None}
    given["namespaces"] = tuple(dict.fromkeys(str(name) for name in given.get("namespaces") or compute_namespaces))
    kind = str(given.get("type", ""))
    problems = [*_naming(given), *_where(given, entry.get("namespaces") or ())]
    if kind not in FIELDS:
        return None, [*problems, _unknown_type(kind)]
    problems += _not_of_type(given, kind)
    if not removing or "mount_path" in given:
        problems += _mount_path(str(given.get("mount_path", "")))
    source: Source = Existing()
    if not removing:
        source, wrong = _SOURCES[kind](given)
        problems += [*wrong, *_made(given, kind, source)]
    elif kind != "existing":
        # Only whether it is ours matters; what it is made of is read from the cluster.
        source = Dynamic("")
    if problems:
        return None, problems
    return _volume(given, kind, source), []


def _volume(given: Entry, kind: str, source: Source) -> Volume:
    options = given.get("mount_options")
    return Volume(
        name=str(given["name"]),
        kind=kind,
        source=source,
        namespaces=given["namespaces"],
        mount_path=str(given.get("mount_path", "")),
        size=str(given.get("size", "1Gi")),
        access_mode=given.get("access_mode", "ReadWriteMany"),
        mount_options=tuple(str(option) for option in options) if options is not None else _usual_options(given, kind, source),
    )


def _usual_options(given: Entry, kind: str, source: Source) -> tuple[str, ...]:
    """Mount options that hold when the user names none."""
    if isinstance(source, Nfs):
        return (f"nfsvers={given['nfs_version']}",) if "nfs_version" in given else ()
    if not isinstance(source, Csi) or given.get("protocol") == "nfs":
        return ()
    return {"azure_files": SMB_MOUNT_OPTIONS, "azure_blob": FUSE_MOUNT_OPTIONS}.get(kind, ())


def _naming(given: Entry) -> list[str]:
    name = str(given.get("name", ""))
    if not name:
        return ["name is missing: it becomes the name of the PersistentVolumeClaim."]
    if given.get("type") == "existing":
        return [] if is_name(name) else [f"name {name!r} is not {NAME_RULE}."]
    return [] if is_label(name) else [f"name {name!r} is not {LABEL_RULE}."]


def _where(given: Entry, named: t.Sequence[t.Any]) -> list[str]:
    """What is wrong with the volume's own namespaces; those of the whole request are judged once, elsewhere."""
    if not given["namespaces"]:
        return ["no namespace is named: set azureml_compute_namespaces, or namespaces of the volume."]
    return [f"namespaces: {str(name)!r} is not {LABEL_RULE}." for name in named if not is_label(str(name))]


def _unknown_type(kind: str) -> str:
    near = difflib.get_close_matches(kind, FIELDS, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    said = f"type {kind!r} is unknown" if kind else "type is missing"
    return f"{said}; types are {', '.join(FIELDS)}.{hint}"


def _not_of_type(given: Entry, kind: str) -> list[str]:
    """Options that belong to other types, or that contradict each other."""
    wrong = [key for key in given if key not in _COMMON and key not in FIELDS[kind]]
    problems = [f"{', '.join(wrong)}: not an option of type {kind}."] if wrong else []
    static = [key for key in (*_STATIC, "driver", "volume_handle", "volume_attributes", "fs_type") if key in given]
    if "storage_class" in given and kind in ("azure_files", "azure_blob", "csi") and static:
        problems.append(f"storage_class makes new storage, {', '.join(static)} names existing storage: give one or the other.")
    return problems


def _mount_path(path: str) -> list[str]:
    if not path:
        return ["mount_path is missing: AzureML needs the folder where jobs find the volume."]
    reason = unusable(path)
    if reason:
        return [f"mount_path {path!r} {reason}; name a folder of its own, as /mnt/data."]
    return [] if path == normalised(path) else [f"mount_path {path!r} is not in its shortest form; write {normalised(path)!r}."]


def _made(given: Entry, kind: str, source: Source) -> list[str]:
    """What concerns the objects that we make."""
    problems = []
    mode = given.get("access_mode", "ReadWriteMany")
    if mode not in ACCESS_MODES:
        problems.append(f"access_mode {mode!r} is unknown; modes are {', '.join(ACCESS_MODES)}.")
    if "size" in given:
        try:
            if parse_quantity(str(given["size"])) <= 0:
                problems.append(f"size {given['size']!r} is not positive.")
        except ValueError as error:
            problems.append(f"size: {error}")
    elif isinstance(source, Dynamic):
        problems.append("size is missing: storage of a class is made in the size asked for, as 100Gi.")
    if given.get("nfs_version") is not None and given.get("mount_options") is not None:
        problems.append("nfs_version and mount_options are both given: write nfsvers=... among the mount options.")
    return problems


def _missing(given: Entry, kind: str, *keys: str) -> list[str]:
    absent = [key for key in keys if not given.get(key)]
    return [f"{', '.join(absent)}: missing, type {kind} needs it."] if absent else []


def _nfs(given: Entry) -> tuple[Source, list[str]]:
    problems = _missing(given, "nfs", "server", "path")
    server, path = str(given.get("server", "")), str(given.get("path", ""))
    if path and not path.startswith("/"):
        problems.append(f"path {path!r} is not absolute: write the folder as the server exports it.")
    if "://" in server or "/" in server:
        problems.append(f"server {server!r} is not a host name or address; the exported folder belongs in path.")
    version = str(given.get("nfs_version", "4.1"))
    if version not in NFS_VERSIONS:
        problems.append(f"nfs_version {version!r} is unknown; versions are {', '.join(NFS_VERSIONS)}.")
    return Nfs(server, path), problems


def _azure_files(given: Entry) -> tuple[Source, list[str]]:
    if "storage_class" in given:
        return _dynamic(given)
    return _azure(given, "azure_files", "share", AZURE_FILES)


def _azure_blob(given: Entry) -> tuple[Source, list[str]]:
    if "storage_class" in given:
        return _dynamic(given)
    return _azure(given, "azure_blob", "container", AZURE_BLOB)


def _azure(given: Entry, kind: str, what: str, driver: str) -> tuple[Source, list[str]]:
    """A share or container that exists, with how the driver logs in to it."""
    problems = _missing(given, kind, "account", what)
    account, store, group = (str(given.get(key, "")) for key in ("account", what, "resource_group"))
    protocol = str(given.get("protocol", _PROTOCOLS[kind][0]))
    if protocol not in _PROTOCOLS[kind]:
        problems.append(f"protocol {protocol!r} is unknown; type {kind} knows {', '.join(_PROTOCOLS[kind])}.")
    if account and not re.fullmatch(r"[a-z0-9]{3,24}", account):
        problems.append(f"account {account!r} is not the name of a storage account: 3 to 24 lower-case letters and digits.")
    if store and not re.fullmatch(r"\$?[a-z0-9](-?[a-z0-9])*", store):
        problems.append(f"{what} {store!r} is not the name of a {what}: lower-case letters, digits and single hyphens.")
    problems += _login(given, protocol, group)
    stem = f"{group}#{account}#{store}##" if kind == "azure_files" and group else f"{account}_{store}_"
    attributes = {"storageAccount": account, f"{what}Name": store, "resourceGroup": group, "protocol": protocol}
    attributes.update(server=str(given.get("server", "")), **_identity(given, kind))
    return (
        Csi(
            driver=driver,
            # The same share in two volumes needs two handles, or a node mounts only the first.
            handle=f"{stem}{NAMESPACE_PLACEHOLDER}.{given.get('name', '')}",
            attributes={key: value for key, value in attributes.items() if value},
            secret_name=str(given.get("secret_name", "")),
            secret_namespace=str(given.get("secret_namespace", "")),
        ),
        problems,
    )


def _login(given: Entry, protocol: str, group: str) -> list[str]:
    """How the driver logs in: by a secret, as an identity, or with a key that it fetches itself."""
    ways = [key for key in ("secret_name", "client_id") if key in given]
    problems = []
    if protocol == "nfs" and ways:
        problems.append(f"{', '.join(ways)}: protocol nfs logs in to nothing; the storage account's network rules decide.")
    elif len(ways) > 1:
        problems.append("secret_name and client_id are both given: the driver logs in by one of them.")
    elif not ways and protocol != "nfs" and not group:
        problems.append(
            "secret_name, client_id or resource_group: give one; with the group alone the driver fetches the key itself."
        )
    if "secret_namespace" in given and "secret_name" not in given:
        problems.append("secret_namespace is given without secret_name.")
    return problems


def _identity(given: Entry, kind: str) -> dict[str, str]:
    """Attributes for a managed identity, in the words of either driver."""
    client = str(given.get("client_id", ""))
    if not client:
        return {}
    if kind == "azure_files":
        return {"mountWithManagedIdentity": "true", "clientID": client}
    return {"AzureStorageAuthType": "msi", "AzureStorageIdentityClientID": client}


def _csi(given: Entry) -> tuple[Source, list[str]]:
    if "storage_class" in given:
        return _dynamic(given)
    problems = _missing(given, "csi", "driver", "volume_handle")
    driver, handle = str(given.get("driver", "")), str(given.get("volume_handle", ""))
    if driver and not is_name(driver.lower()):
        problems.append(f"driver {driver!r} is not the name of a CSI driver, as smb.csi.k8s.io.")
    if "secret_namespace" in given and "secret_name" not in given:
        problems.append("secret_namespace is given without secret_name.")
    count = len(given["namespaces"])
    if handle and NAMESPACE_PLACEHOLDER not in handle and count > 1:
        problems.append(f"volume_handle {handle!r} would be that of {count} volumes: put {NAMESPACE_PLACEHOLDER} into it.")
    attributes = {str(key): _attribute(value) for key, value in (given.get("volume_attributes") or {}).items()}
    secret = str(given.get("secret_name", "")), str(given.get("secret_namespace", ""))
    return Csi(driver, handle, attributes, *secret, str(given.get("fs_type", ""))), problems


def _attribute(value: t.Any) -> str:
    """A volume attribute as text; YAML's true is meant as the word."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _dynamic(given: Entry) -> tuple[Source, list[str]]:
    name = str(given["storage_class"])
    problems = [] if is_name(name) else [f"storage_class {name!r} is not {NAME_RULE}."]
    if given.get("mount_options"):
        problems.append("mount_options: the storage class decides them.")
    return Dynamic(name), problems


def _existing(_given: Entry) -> tuple[Source, list[str]]:
    return Existing(), []


_SOURCES: t.Mapping[str, t.Callable[[Entry], tuple[Source, list[str]]]] = {
    "nfs": _nfs,
    "azure_files": _azure_files,
    "azure_blob": _azure_blob,
    "csi": _csi,
    "existing": _existing,
}
