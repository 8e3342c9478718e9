"""The settings for ARM, Bicep and Terraform: maps of texts with the chart's own keys, and the relay that az would make.

No secret is in them: what is secret is computed by the template in Azure, or is a secure parameter of it.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.extension_keys import find
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.azure import (
    RELAY_API,
    RELAY_RULE,
    Reference,
    relay_namespace,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.block import PEM_KEYS, Cluster, as_text
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.cli import EXTENSION_TYPE, Release
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.wire import Wire

EXTENSION_API = "2023-05-01"
CLUSTER_APIS = {"managedClusters": "2024-02-01", "connectedClusters": "2024-01-01"}
_RELAY = "Microsoft.Relay/namespaces"
Entries = t.Dict[str, t.Union[str, Reference]]


def secret_key(key: str) -> bool:
    """Whether the value of a key is a secret. One that nobody knows counts as such in the protected settings only."""
    known = find(key)
    return known is not None and known.kind == "secret"


def entries(wire: Wire) -> tuple[Entries, Entries]:
    """The two maps without what only az reads; secrets are references. A secret never stays in the plain map."""
    plain: Entries = {}
    hidden: Entries = {}
    for key, value in sorted({**wire.protected, **wire.settings}.items()):
        if key in PEM_KEYS or key == "doamin":
            continue
        private = secret_key(key) or key not in wire.settings
        if isinstance(value, Reference):
            (hidden if private else plain)[key] = value
        elif private:
            name = parameter_name(key)
            hidden[key] = Reference(key, f"[parameters('{name}')]", name, name)
        else:
            plain[key] = as_text(value)
    return plain, hidden


def parameter_name(key: str) -> str:
    """A template parameter's name for a key: `scoringFe.sslCert` becomes `scoringFeSslCert`."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", key) if word]
    name = "".join(word if not index else word[0].upper() + word[1:] for index, word in enumerate(words))
    return name if name[:1].isalpha() else f"setting{name}"


def parameter_values(wire: Wire) -> dict[str, str]:
    """The values of the secure parameters that are known here; they are for a file that only its owner may read."""
    _plain, hidden = entries(wire)
    both = {**wire.protected, **wire.settings}
    return {
        entry.parameter: as_text(both[key])
        for key, entry in hidden.items()
        if isinstance(entry, Reference) and entry.parameter and not isinstance(both[key], Reference)
    }


def _references(wire: Wire) -> dict[str, Reference]:
    plain, hidden = entries(wire)
    found = [entry for entry in (*plain.values(), *hidden.values()) if isinstance(entry, Reference) and entry.parameter]
    return {entry.parameter: entry for entry in sorted(found, key=lambda entry: entry.parameter)}


def _arm(content: Entries) -> dict[str, str]:
    """Texts of an ARM template: one that begins with "[" would be taken for an expression."""
    return {
        key: value.arm if isinstance(value, Reference) else f"[{value}" if value.startswith("[") else value
        for key, value in content.items()
    }


def arm(wire: Wire, cluster: Cluster, release: Release) -> Json:
    """The two maps and a whole template for `az deployment group create`."""
    plain, hidden = (_arm(content) for content in entries(wire))
    relay = relay_resources(cluster) if "relay" in wire.made else []
    provider, kind = ("Microsoft.ContainerService" if cluster.aks else "Microsoft.Kubernetes"), cluster.cluster_type
    properties: Json = {
        "extensionType": EXTENSION_TYPE,
        "autoUpgradeMinorVersion": not release.version and release.auto_upgrade is not False,
        "releaseTrain": release.train or "stable",
        "scope": {"cluster": {"releaseNamespace": "azureml"}},
        "configurationSettings": plain,
        "configurationProtectedSettings": hidden,
    }
    if release.version:
        properties["version"] = release.version
    extension: Json = {
        "type": "Microsoft.KubernetesConfiguration/extensions",
        "apiVersion": EXTENSION_API,
        "name": release.name,
        "scope": f"[resourceId('{provider}/{kind}', '{cluster.name}')]",
        "properties": properties,
    }
    if not cluster.aks:
        extension["identity"] = {"type": "SystemAssigned"}
    if relay:
        rule = ", ".join(f"'{part}'" for part in relay[-1]["name"].split("/"))
        extension["dependsOn"] = [f"[resourceId('{relay[-1]['type']}', {rule})]"]
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {name: {"type": "securestring"} for name in _references(wire)},
        "resources": [*relay, extension],
    }
    return {"configurationSettings": plain, "configurationProtectedSettings": hidden, "template": template}


def relay_resources(cluster: Cluster) -> list[Json]:
    """The Azure Relay of an Arc cluster as az makes it: namespace, hybrid connection, and the rule whose key the cluster gets."""
    space = relay_namespace(cluster)
    connection = f"{space}/{cluster.name}"
    kind = f"{_RELAY}/hybridConnections"
    named = f"'{space}', '{cluster.name}'"
    return [
        {
            "type": _RELAY,
            "apiVersion": RELAY_API,
            "name": space,
            "location": cluster.location.lower(),
            "tags": {"created_by": "Azure Arc-enabled ML"},
            "sku": {"name": "Standard", "tier": "Standard"},
        },
        {
            "type": kind,
            "apiVersion": RELAY_API,
            "name": connection,
            "dependsOn": [f"[resourceId('{_RELAY}', '{space}')]"],
            "properties": {"requiresClientAuthorization": True},
        },
        {
            "type": f"{kind}/authorizationRules",
            "apiVersion": RELAY_API,
            "name": f"{connection}/{RELAY_RULE}",
            "dependsOn": [f"[resourceId('{kind}', {named})]"],
            "properties": {"rights": ["Manage", "Send", "Listen"]},
        },
    ]


def bicep(wire: Wire, cluster: Cluster, release: Release) -> str:
    """The same as a Bicep file."""
    template = arm(wire, cluster, release)["template"]
    plain, hidden = entries(wire)
    lines = [line for name in _references(wire) for line in ("@secure()", f"param {name} string", "")]
    if "relay" in wire.made:
        lines += _bicep_relay(template["resources"])
    extension = template["resources"][-1]
    symbol = "managedCluster" if cluster.aks else "connectedCluster"
    provider = "Microsoft.ContainerService" if cluster.aks else "Microsoft.Kubernetes"
    lines += [
        f"resource {symbol} '{provider}/{cluster.cluster_type}@{CLUSTER_APIS[cluster.cluster_type]}' existing = {{",
        f"  name: {_quoted(cluster.name)}",
        "}",
        "",
        f"resource extension 'Microsoft.KubernetesConfiguration/extensions@{EXTENSION_API}' = {{",
        f"  name: {_quoted(release.name)}",
        f"  scope: {symbol}",
        *([] if cluster.aks else ["  identity: {", "    type: 'SystemAssigned'", "  }"]),
        "  properties: {",
    ]
    simple = {k: v for k, v in extension["properties"].items() if not k.startswith("configuration")}
    lines += _bicep_object(simple, 4)
    for name, content in (("configurationSettings", plain), ("configurationProtectedSettings", hidden)):
        lines += [f"    {name}: {{"]
        lines += [f"      {_quoted(k)}: {v.bicep if isinstance(v, Reference) else _quoted(v)}" for k, v in content.items()]
        lines += ["    }"]
    return "\n".join([*lines, "  }", "}", ""])


def _bicep_relay(resources: t.Sequence[Json]) -> list[str]:
    lines = []
    parent = ""
    for symbol, resource in zip(("relay", "hybridConnection", "relayRule"), resources):
        lines.append(f"resource {symbol} '{resource['type']}@{resource['apiVersion']}' = {{")
        lines += [f"  parent: {parent}"] if parent else []
        lines.append(f"  name: {_quoted(resource['name'].rsplit('/', 1)[-1])}")
        rest = {k: v for k, v in resource.items() if k not in ("type", "apiVersion", "name", "dependsOn")}
        lines += [*_bicep_object(rest, 2), "}", ""]
        parent = symbol
    return lines


def _bicep_object(content: Json, indent: int) -> list[str]:
    lines = []
    space = " " * indent
    for key, value in content.items():
        if isinstance(value, dict):
            lines += [f"{space}{key}: {{", *_bicep_object(value, indent + 2), f"{space}}}"]
        elif isinstance(value, list):
            lines += [f"{space}{key}: [", *(f"{space}  {_quoted(item)}" for item in value), f"{space}]"]
        else:
            lines.append(f"{space}{key}: {json.dumps(value) if isinstance(value, bool) else _quoted(value)}")
    return lines


def _quoted(text: t.Any) -> str:
    """A string literal of Bicep."""
    escaped = str(text).replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
    for character, written in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        escaped = escaped.replace(character, written)
    return f"'{escaped}'"


def parameters_text(wire: Wire) -> str:
    """The content of a parameters file for the template."""
    values = {name: {"value": value} for name, value in sorted(parameter_values(wire).items())}
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#"
    return json.dumps({"$schema": schema, "contentVersion": "1.0.0.0", "parameters": values}, indent=2) + "\n"
