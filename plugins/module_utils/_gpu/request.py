"""What a user may ask of `nvidia_device_plugin`."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.gpu_nodes import Selector
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import PLATFORMS, mapping, objects
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import InvalidRequest

IMAGE = "nvcr.io/nvidia/k8s-device-plugin:v0.20.0"
SMOKE_IMAGE = "nvcr.io/nvidia/k8s/cuda-sample:vectoradd-cuda12.5.0"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_OBJECT = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_REFERENCE = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9_./:]*?(:[A-Za-z0-9_][-A-Za-z0-9_.]{0,127})?(@sha256:[0-9a-f]{64})?")
_REGISTRY = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9.]*(:[0-9]+)?(/[a-z0-9][-a-z0-9_.]*)*")
_SYSTEM = re.compile(r"default|kube-.*|openshift|openshift-.*|azureml|azure-arc|gatekeeper-system")
# Operators pull a dozen images and build or load a driver.
_PATIENCE = {"verify": 300, "install": 1800}
_EFFECTS = ("", "NoSchedule", "PreferNoSchedule", "NoExecute")

_LABELS: Json = {"type": "list", "elements": "str", "default": []}
TOLERATION_OPTIONS: Json = {name: {"type": "str", "no_log": False} for name in ("key", "operator", "value", "effect")}
OPTIONS: Json = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "namespace": {"type": "str", "default": "gpu-resources"},
    "image": {"type": "str", "default": IMAGE},
    "image_registry": {"type": "str"},
    "pull_secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "node_labels": _LABELS,
    "exclude_labels": _LABELS,
    "tolerations": {"type": "list", "elements": "dict", "default": [], "options": TOLERATION_OPTIONS},
    "fail_on_init_error": {"type": "bool", "default": True},
    "mig_strategy": {"type": "str", "choices": ["none", "single", "mixed"], "default": "none"},
    "time_slicing_replicas": {"type": "int", "default": 0},
    "config": {"type": "dict"},
    "allow_renamed_resources": {"type": "bool", "default": False},
    "device_list_strategy": {
        "type": "str",
        "choices": ["envvar", "volume-mounts", "cdi-annotations", "cdi-cri"],
        "default": "envvar",
    },
    "pass_device_specs": {"type": "bool", "default": False, "no_log": False},
    "runtime_class": {"type": "str"},
    "force_openshift": {"type": "bool", "default": False},
    "operator": {"type": "str", "choices": ["verify", "install"], "default": "verify"},
    "operator_channel": {"type": "str"},
    "operator_approval": {"type": "str", "choices": ["automatic", "manual"], "default": "automatic"},
    "install_nvidia_device_plugin": {"type": "bool", "default": False},
    "smoke_test": {"type": "str", "choices": ["none", "sample", "all"], "default": "none"},
    "smoke_image": {"type": "str", "default": SMOKE_IMAGE},
    "smoke_timeout": {"type": "int", "default": 600},
    "platform": {"type": "str", "choices": [name for name in PLATFORMS if name != "unknown"]},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int"},
}


@dataclass(frozen=True)
class Request:
    """A valid request.

    Args:
        image: whole reference, with the registry that the user put in place of its own.
        node_labels: labels that nodes with GPUs have, beyond those that are known.
        exclude_labels: labels of nodes to stay away from.
        tolerations: beyond those that are always there.
        config: the plugin's own configuration file, {} for none.
        force_openshift: install on OpenShift, too.
        operator: on OpenShift, whether the operators are only verified or installed, too.
        operator_channel: of the GPU Operator, "" for the default of its package.
        operator_approval: who approves later versions: OLM itself, or a person.
        extension_installs: the extension is told to install a plugin of its own.
        wait_seconds: 0 does not wait.
        platform: the user's word on the platform, "" to detect it.
    """

    state: t.Literal["present", "absent"] = "present"
    namespace: str = "gpu-resources"
    image: str = IMAGE
    pull_secrets: tuple[str, ...] = ()
    node_labels: tuple[Selector, ...] = ()
    exclude_labels: tuple[Selector, ...] = ()
    tolerations: tuple[Json, ...] = ()
    fail_on_init_error: bool = True
    mig_strategy: str = "none"
    config: Json = field(default_factory=dict)
    device_list_strategy: str = "envvar"
    pass_device_specs: bool = False
    runtime_class: str = ""
    force_openshift: bool = False
    operator: str = "verify"
    operator_channel: str = ""
    operator_approval: str = "automatic"
    extension_installs: bool = False
    smoke_test: str = "none"
    smoke_image: str = SMOKE_IMAGE
    smoke_timeout: int = 600
    platform: str = ""
    wait_seconds: int = 300

    @property
    def renamed(self) -> str:
        """Why GPUs get another name than nvidia.com/gpu, "" when they keep it."""
        return _renamed(self.mig_strategy, self.config)


def parse(params: t.Mapping[str, t.Any]) -> Request:
    """Module parameters as a typed request.

    Raises:
        InvalidRequest: with every problem at once.
    """
    problems: list[str] = []
    config = _config(params, problems)
    strategy = params.get("mig_strategy") or "none"
    renamed = _renamed(strategy, config)
    if renamed and not params.get("allow_renamed_resources"):
        problems.append(
            f"{renamed}, but instance types of AzureML only know nvidia.com/gpu; set allow_renamed_resources to true for GPUs that"
            " AzureML does not use."
        )
    request = Request(
        state="absent" if params.get("state") == "absent" else "present",
        namespace=_namespace(params, problems),
        image=_image(params, problems),
        pull_secrets=_names(params, "pull_secrets", problems),
        node_labels=_labels(params, "node_labels", problems),
        exclude_labels=_labels(params, "exclude_labels", problems),
        tolerations=_tolerations(params, problems),
        fail_on_init_error=params.get("fail_on_init_error") is not False,
        mig_strategy=strategy,
        config=config,
        device_list_strategy=params.get("device_list_strategy") or "envvar",
        pass_device_specs=bool(params.get("pass_device_specs")),
        runtime_class=_one_name(params, "runtime_class", problems),
        force_openshift=bool(params.get("force_openshift")),
        operator=params.get("operator") or "verify",
        operator_channel=_one_name(params, "operator_channel", problems),
        operator_approval=params.get("operator_approval") or "automatic",
        extension_installs=bool(params.get("install_nvidia_device_plugin")),
        smoke_test=params.get("smoke_test") or "none",
        smoke_image=_reference(str(params.get("smoke_image") or SMOKE_IMAGE), "smoke_image", problems),
        smoke_timeout=_seconds(params, "smoke_timeout", 600, problems),
        platform=params.get("platform") or "",
        wait_seconds=_seconds(params, "wait_timeout", _PATIENCE[params.get("operator") or "verify"], problems)
        if params.get("wait", True)
        else 0,
    )
    if problems:
        raise InvalidRequest(problems)
    return request


def _renamed(strategy: str, config: Json) -> str:
    flags, sharing = mapping(config, "flags"), mapping(config, "sharing")
    if "mixed" in (strategy, flags.get("migStrategy")):
        return "MIG strategy mixed renames GPUs to nvidia.com/mig-…"
    for kind in ("timeSlicing", "mps"):
        part = mapping(sharing, kind)
        if part.get("renameByDefault") is True:
            return f"sharing.{kind}.renameByDefault renames GPUs to nvidia.com/gpu.shared"
        for resource in objects(part.get("resources")):
            if resource.get("rename"):
                return f"sharing.{kind} renames {resource.get('name')} to {resource['rename']}"
    return ""


def _config(params: t.Mapping[str, t.Any], problems: list[str]) -> Json:
    given, replicas = params.get("config"), params.get("time_slicing_replicas") or 0
    if given and replicas:
        problems.append("config and time_slicing_replicas are both set; put sharing.timeSlicing into config.")
    if given:
        if given.get("version") != "v1":
            problems.append("config has no version v1, without which the plugin does not read it.")
        sharing = mapping(given, "sharing")
        if mapping(sharing, "timeSlicing") and mapping(sharing, "mps"):
            problems.append("config shares GPUs by time-slicing and by MPS; the plugin allows one of them.")
        return dict(given)
    if replicas in (0, None):
        return {}
    if replicas < 2:
        problems.append(f"time_slicing_replicas {replicas} shares nothing; give at least 2, or 0 to share no GPU.")
    slicing = {"renameByDefault": False, "resources": [{"name": "nvidia.com/gpu", "replicas": replicas}]}
    return {"version": "v1", "sharing": {"timeSlicing": slicing}}


def _namespace(params: t.Mapping[str, t.Any], problems: list[str]) -> str:
    name = str(params.get("namespace") or "gpu-resources")
    if not _NAME.fullmatch(name):
        problems.append(f"namespace {name!r} is not a name of a namespace (a-z, 0-9 and -, at most 63).")
    elif _SYSTEM.fullmatch(name):
        problems.append(f"namespace {name} belongs to Kubernetes, a platform or AzureML; choose one of the plugin's own.")
    return name


def _image(params: t.Mapping[str, t.Any], problems: list[str]) -> str:
    image = _reference(str(params.get("image") or IMAGE), "image", problems)
    registry = str(params.get("image_registry") or "").rstrip("/")
    if not registry:
        return image
    if not _REGISTRY.fullmatch(registry):
        problems.append(f"image_registry {registry!r} is not a registry, as myregistry.azurecr.io or myregistry.azurecr.io/mirror.")
    name, at, digest = image.partition("@")
    return f"{registry}/{name.rsplit('/', 1)[-1]}{at}{digest}"


def _reference(image: str, option: str, problems: list[str]) -> str:
    found = _REFERENCE.fullmatch(image)
    if found is None:
        problems.append(f"{option} {image!r} is not a reference of an image.")
    elif not found[2] and ":" not in image.rsplit("/", 1)[-1]:
        problems.append(f"{option} {image!r} has neither tag nor digest, so that nobody knows what runs; add one, as in {IMAGE}.")
    return image


def _names(params: t.Mapping[str, t.Any], option: str, problems: list[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(str(name) for name in params.get(option) or ()))
    problems += [f"{option}: {name!r} is not a name of an object." for name in names if not _OBJECT.fullmatch(name)]
    return names


def _one_name(params: t.Mapping[str, t.Any], option: str, problems: list[str]) -> str:
    name = str(params.get(option) or "")
    if name and not _OBJECT.fullmatch(name):
        problems.append(f"{option} {name!r} is not a name of an object.")
    return name


def _labels(params: t.Mapping[str, t.Any], option: str, problems: list[str]) -> tuple[Selector, ...]:
    selectors = []
    for label in params.get(option) or ():
        key, equals, value = str(label).partition("=")
        if not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            problems.append(f"{option}: {label!r} is not a label; write key=value, or key for any value.")
        selectors.append(Selector(key, value if equals else None))
    return tuple(selectors)


def _tolerations(params: t.Mapping[str, t.Any], problems: list[str]) -> tuple[Json, ...]:
    found = []
    for number, entry in enumerate(params.get("tolerations") or ()):
        given = {key: str(value) for key, value in entry.items() if value not in (None, "")}
        operator = given.get("operator", "Equal")
        if operator not in ("Equal", "Exists"):
            problems.append(f"tolerations[{number}]: operator {operator!r} is neither Equal nor Exists.")
        if "key" not in given and operator != "Exists":
            problems.append(f"tolerations[{number}]: without a key the operator has to be Exists.")
        if operator == "Exists" and "value" in given:
            problems.append(f"tolerations[{number}]: operator Exists takes no value.")
        if given.get("effect", "") not in _EFFECTS:
            problems.append(f"tolerations[{number}]: effect {given['effect']!r} is none of {', '.join(_EFFECTS[1:])}.")
        found.append({**given, "operator": operator})
    return tuple(found)


def _seconds(params: t.Mapping[str, t.Any], option: str, default: int, problems: list[str]) -> int:
    given = params.get(option)
    seconds = default if given is None else int(given)
    if seconds < 1:
        hint = "; set wait to false in order not to wait" if option == "wait_timeout" else ""
        problems.append(f"{option} {seconds} is not a positive number of seconds{hint}.")
    return seconds
