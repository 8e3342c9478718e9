"""The objects of the device plugin. None of them depends on what nodes there are, so a pool that comes or goes changes nothing."""

from __future__ import annotations

import hashlib
import json
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.gpu_nodes import (
    AKS_MANAGED_LABEL,
    AKS_MANAGED_VALUE,
    INSTANCE_TYPE,
    MODEL_LABELS,
    OLD_INSTANCE_TYPE,
    PRESENT_LABELS,
    PRODUCT_LABEL,
    TEGRA_LABEL,
    TEGRA_VALUE,
    VENDOR_LABELS,
    Selector,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import MANAGED_BY, Json, ObjectRef
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.gpu_sizes import GPU_SIZES, LOOKALIKES
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.request import Request

NAME = "azureml-nvidia-device-plugin"
CONFIG_KEY = "config.json"
SELECTOR = {"app.kubernetes.io/name": NAME}
ENFORCE = "pod-security.kubernetes.io/enforce"
_CONFIG_MARK = "azureml.kubernetes/device-plugin-config"
_SOCKETS = "/var/lib/kubelet/device-plugins"
_CONFIG_FOLDER = "/config"
_AZUREML_TAINTS = ("amlarc", "amlarc-system", "amlarc-workload", "resource-group", "workspace", "compute")
_PRIVILEGED_LISTS = ("volume-mounts",)
_CDI = ("cdi-annotations", "cdi-cri")


def ref(kind: str, namespace: str) -> ObjectRef:
    """An object of the plugin: all of them have its name."""
    group, plural = _PLACES[kind]
    return ObjectRef(kind, NAME, namespace, object_path(group, plural, NAME, namespace))


_PLACES: t.Mapping[str, tuple[str, str]] = {
    "DaemonSet": ("apps/v1", "daemonsets"),
    "ConfigMap": ("v1", "configmaps"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "Role": ("rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("rbac.authorization.k8s.io/v1", "rolebindings"),
}


def namespace_ref(name: str) -> ObjectRef:
    """The plugin's namespace."""
    return ObjectRef("Namespace", name, path=object_path("v1", "namespaces", name))


def supporting(request: Request, *, openshift: bool) -> list[Json]:
    """What the DaemonSet needs beside it."""
    found: list[Json] = []
    if request.config:
        found.append({**_head("ConfigMap", request), "data": {CONFIG_KEY: _config_text(request)}})
    if openshift:
        rule = {
            "apiGroups": ["security.openshift.io"],
            "resources": ["securitycontextconstraints"],
            "resourceNames": ["privileged"],
            "verbs": ["use"],
        }
        subject = {"kind": "ServiceAccount", "name": NAME, "namespace": request.namespace}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME}
        found += [
            _head("ServiceAccount", request),
            {**_head("Role", request), "rules": [rule]},
            {**_head("RoleBinding", request), "roleRef": role, "subjects": [subject]},
        ]
    return found


def _head(kind: str, request: Request) -> Json:
    metadata = {"name": NAME, "namespace": request.namespace, "labels": dict(MANAGED_BY)}
    return {"apiVersion": _PLACES[kind][0], "kind": kind, "metadata": metadata}


def _config_text(request: Request) -> str:
    # JSON is YAML, and the same text on every run.
    return json.dumps(request.config, indent=2, sort_keys=True) + "\n"


def daemon_set(request: Request, *, openshift: bool = False) -> Json:
    """The DaemonSet."""
    body = _head("DaemonSet", request)
    body["metadata"]["labels"] = {**MANAGED_BY, **SELECTOR}
    template: Json = {"metadata": {"labels": {**MANAGED_BY, **SELECTOR}}, "spec": pod_spec(request, openshift=openshift)}
    if request.config:
        digest = hashlib.sha256(_config_text(request).encode()).hexdigest()[:16]
        template["metadata"]["annotations"] = {_CONFIG_MARK: digest}
    body["spec"] = {
        "selector": {"matchLabels": dict(SELECTOR)},
        "updateStrategy": {"type": "RollingUpdate"},
        "template": template,
    }
    return body


def pod_spec(request: Request, *, openshift: bool = False) -> Json:
    """The pod that runs on each GPU node."""
    spec: Json = {
        "priorityClassName": "system-node-critical",
        "automountServiceAccountToken": False,
        "affinity": affinity(request.node_labels, request.exclude_labels),
        "tolerations": tolerations(request.tolerations),
        "containers": [_container(request, openshift=openshift)],
        "volumes": _volumes(request),
    }
    if openshift:
        spec["serviceAccountName"] = NAME
    if request.runtime_class:
        spec["runtimeClassName"] = request.runtime_class
    if request.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in request.pull_secrets]
    return spec


def _container(request: Request, *, openshift: bool) -> Json:
    return {
        "name": "nvidia-device-plugin",
        "image": request.image,
        "env": [{"name": name, "value": value} for name, value in _environment(request).items()],
        "securityContext": _security(request, openshift=openshift),
        # The last lines of a plugin that fails then stand in its pod's status, where they can be read without its log.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": volume["name"], "mountPath": _CONFIG_FOLDER if volume["name"] == "config" else volume["hostPath"]["path"]}
            for volume in _volumes(request)
        ],
    }


def _environment(request: Request) -> dict[str, str]:
    found = {
        "FAIL_ON_INIT_ERROR": str(request.fail_on_init_error).lower(),
        "MIG_STRATEGY": request.mig_strategy,
        "DEVICE_LIST_STRATEGY": request.device_list_strategy,
        "PASS_DEVICE_SPECS": str(request.pass_device_specs).lower(),
    }
    if request.mig_strategy != "none":
        # Azure Linux hides the devices of MIG without it.
        found["NVIDIA_MIG_MONITOR_DEVICES"] = "all"
    if request.config:
        found["CONFIG_FILE"] = f"{_CONFIG_FOLDER}/{CONFIG_KEY}"
    return found


def _security(request: Request, *, openshift: bool) -> Json:
    if request.pass_device_specs or openshift:
        return {"privileged": True}
    flags = request.config.get("flags")
    sliced = request.mig_strategy != "none" or (isinstance(flags, dict) and flags.get("migStrategy") not in (None, "none"))
    if sliced or request.device_list_strategy in _PRIVILEGED_LISTS:
        return {"capabilities": {"add": ["SYS_ADMIN"]}}
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def _volumes(request: Request) -> list[Json]:
    found: list[Json] = [{"name": "device-plugins", "hostPath": {"path": _SOCKETS}}]
    if request.device_list_strategy in _CDI:
        found.append({"name": "cdi", "hostPath": {"path": "/var/run/cdi", "type": "DirectoryOrCreate"}})
    if request.config:
        found.append({"name": "config", "configMap": {"name": NAME}})
    return found


def affinity(node_labels: t.Sequence[Selector] = (), exclude_labels: t.Sequence[Selector] = ()) -> Json:
    """Every label by which GPU nodes are known, every NVIDIA size of Azure, and the user's labels; never what is there now."""
    sizes = _spelled(row.name for row in GPU_SIZES.rows if row.vendor == "nvidia")
    terms = [_in(key, "nvidia") for key in VENDOR_LABELS]
    terms += [{"key": key, "operator": "Exists"} for key in (*MODEL_LABELS, PRODUCT_LABEL)]
    terms += [_in(key, "true") for key in PRESENT_LABELS]
    terms += [_in(TEGRA_LABEL, TEGRA_VALUE), _in(INSTANCE_TYPE, *sizes), _in(OLD_INSTANCE_TYPE, *sizes)]
    terms += [_wanted(selector) for selector in node_labels]
    never = _never(exclude_labels)
    required = {"nodeSelectorTerms": [{"matchExpressions": [term, *never]} for term in terms]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def _never(exclude_labels: t.Sequence[Selector]) -> list[Json]:
    """What holds of every node with the plugin: no Windows, nothing virtual, no other accelerator, no pool that AKS serves."""
    others = _spelled([row.name for row in GPU_SIZES.rows if row.vendor != "nvidia"] + list(LOOKALIKES))
    never = [
        _not_in("kubernetes.io/os", "windows"),
        _not_in("type", "virtual-kubelet"),
        _not_in(AKS_MANAGED_LABEL, AKS_MANAGED_VALUE),
        *(_not_in(key, "amd") for key in VENDOR_LABELS),
        _not_in(INSTANCE_TYPE, *others),
    ]
    for selector in exclude_labels:
        absent = {"key": selector.key, "operator": "DoesNotExist"}
        never.append(absent if selector.value is None else _not_in(selector.key, selector.value))
    return never


def _wanted(selector: Selector) -> Json:
    return {"key": selector.key, "operator": "Exists"} if selector.value is None else _in(selector.key, selector.value)


def _in(key: str, *values: str) -> Json:
    return {"key": key, "operator": "In", "values": list(values)}


def _not_in(key: str, *values: str) -> Json:
    return {"key": key, "operator": "NotIn", "values": list(values)}


def _spelled(names: t.Iterable[str]) -> list[str]:
    """Sizes as labels have them: AKS keeps the spelling of whoever made the pool."""
    whole = [f"Standard_{name}" for name in names]
    return [*whole, *(name.lower() for name in whole)]


def tolerations(more: t.Sequence[Json] = ()) -> list[Json]:
    """Taints of GPU nodes, of AzureML and of spot pools, and the user's."""
    keys = ["sku", "nvidia.com/gpu", "kubernetes.azure.com/scalesetpriority", "CriticalAddonsOnly"]
    keys += [f"ml.azure.com/{key}" for key in _AZUREML_TAINTS]
    fixed: list[Json] = [{"key": key, "operator": "Exists"} for key in keys]
    # Other taints with the key sku may mean other things.
    fixed[0] = {"key": "sku", "operator": "Equal", "value": "gpu"}
    return fixed + [dict(toleration) for toleration in more if toleration not in fixed]
