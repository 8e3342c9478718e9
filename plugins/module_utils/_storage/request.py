"""What a user may ask of `job_storage`."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import PLATFORMS
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.entry import parse_volume
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.names import LABEL_RULE, is_label
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.paths import clashes
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.probe import Probe
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.volumes import Target, Volume

PROBE_IMAGE = "mcr.microsoft.com/azurelinux/busybox:1.36"
_LARGEST_UID = 2**31 - 1
_TEXT: Json = {"type": "str"}
VOLUME_OPTIONS: Json = {
    "name": _TEXT,
    "type": _TEXT,
    "mount_path": _TEXT,
    "namespaces": {"type": "list", "elements": "str"},
    "size": _TEXT,
    "access_mode": _TEXT,
    "mount_options": {"type": "list", "elements": "str"},
    "server": _TEXT,
    "path": _TEXT,
    "nfs_version": _TEXT,
    "storage_class": _TEXT,
    "account": _TEXT,
    "share": _TEXT,
    "container": _TEXT,
    "resource_group": _TEXT,
    "protocol": _TEXT,
    "client_id": _TEXT,
    "secret_name": {"type": "str", "no_log": False},
    "secret_namespace": {"type": "str", "no_log": False},
    "driver": _TEXT,
    "volume_handle": _TEXT,
    "volume_attributes": {"type": "dict"},
    "fs_type": _TEXT,
}
# Nothing of a volume is required or limited to choices here: `parse` says all that is wrong, of which volume, at once.
OPTIONS: Json = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "volumes": {"type": "list", "elements": "dict", "default": [], "options": VOLUME_OPTIONS},
    "compute_namespaces": {"type": "list", "elements": "str", "default": []},
    "platform": {"type": "str", "choices": [name for name in PLATFORMS if name != "unknown"]},
    "inference": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 120},
    "probe": {"type": "bool", "default": False},
    "probe_uid": {"type": "int"},
    "probe_image": {"type": "str", "default": PROBE_IMAGE},
    "probe_timeout": {"type": "int", "default": 120},
}


@dataclass(frozen=True)
class Request:
    """A valid request.

    Args:
        compute_namespaces: as given, each once.
        inference: the cluster also serves endpoints, which mount no claims.
        wait_timeout: seconds to wait for claims to be bound, or to be gone; 0 does not wait.
        platform: the user's word on the platform, "" to detect it.
        probe: how bound claims are tried; None does not try them.
    """

    state: t.Literal["present", "absent"] = "present"
    volumes: tuple[Volume, ...] = ()
    compute_namespaces: tuple[str, ...] = ()
    inference: bool = False
    wait_timeout: int = 120
    platform: str = ""
    probe: Probe | None = None

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every volume in every namespace where it is asked for."""
        return tuple(Target(volume, namespace) for volume in self.volumes for namespace in volume.namespaces)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """All namespaces that are looked at."""
        return tuple(dict.fromkeys(self.compute_namespaces + tuple(target.namespace for target in self.targets)))


def parse(params: t.Mapping[str, t.Any]) -> Request:
    """Module parameters as a typed request.

    Raises:
        InvalidRequest: with every problem of every volume.
    """
    removing = params.get("state") == "absent"
    compute = tuple(dict.fromkeys(str(name) for name in params.get("compute_namespaces") or ()))
    problems = [f"compute_namespaces: {name!r} is not {LABEL_RULE}." for name in compute if not is_label(name)]
    volumes: list[Volume] = []
    for number, entry in enumerate(params.get("volumes") or ()):
        volume, wrong = parse_volume(entry, compute, removing=removing)
        place = f"volumes[{number}]" + (f" ({entry['name']})" if entry.get("name") else "")
        problems += [f"{place}: {problem}" for problem in wrong]
        volumes += [volume] if volume else []
    problems += _together(volumes)
    timeout = params.get("wait_timeout", 120)
    if timeout < 1:
        problems.append(f"wait_timeout {timeout} is not a positive number of seconds; set wait to false in order not to wait.")
    problems += _probe_problems(params)
    if problems:
        raise InvalidRequest(problems)
    return Request(
        state="absent" if removing else "present",
        volumes=tuple(volumes),
        compute_namespaces=compute,
        inference=bool(params.get("inference")),
        wait_timeout=timeout if params.get("wait", True) else 0,
        platform=params.get("platform") or "",
        probe=None if removing else _probe(params),
    )


def _probe(params: t.Mapping[str, t.Any]) -> Probe | None:
    if not params.get("probe"):
        return None
    return Probe(params.get("probe_image") or PROBE_IMAGE, params.get("probe_uid"), params.get("probe_timeout", 120))


def _probe_problems(params: t.Mapping[str, t.Any]) -> list[str]:
    uid, seconds = params.get("probe_uid"), params.get("probe_timeout", 120)
    problems = []
    if uid is not None and not 0 <= uid <= _LARGEST_UID:
        problems.append(f"probe_uid {uid} is no user ID; it is a number from 0 to {_LARGEST_UID}.")
    if seconds < 1:
        problems.append(f"probe_timeout {seconds} is not a positive number of seconds.")
    return problems


def _together(volumes: t.Sequence[Volume]) -> list[str]:
    """What is wrong only because of another volume of the same request."""
    problems = []
    targets = [Target(volume, namespace) for volume in volumes for namespace in volume.namespaces]
    counts: dict[tuple[str, str], int] = {}
    for target in targets:
        counts[target.key] = counts.get(target.key, 0) + 1
    for (namespace, name), count in counts.items():
        if count > 1:
            problems.append(f"volumes: {count} volumes are named {name!r} in namespace {namespace}; a name is used once there.")
    for namespace in dict.fromkeys(target.namespace for target in targets):
        paths = [(t.volume.name, t.volume.mount_path) for t in targets if t.namespace == namespace and t.volume.mount_path]
        for clash in clashes(paths):
            if clash.same:
                pair = f"{clash.outer!r} and {clash.inner!r}"
                problems.append(
                    f"volumes: {pair} share mount_path {clash.path} in namespace {namespace}; no pod can start with that."
                )
    return problems
