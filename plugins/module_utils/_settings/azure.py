"""What az makes or looks up in Azure for the extension: names, keys, and how a template refers to them."""

from __future__ import annotations

import hashlib
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.block import Cluster

RELAY_RULE = "azureml_rw"
RELAY_API = "2021-11-01"
TOPICS: t.Mapping[str, str] = {
    "computestate-updatedby-computeprovider": "compute-scheduler-computestate",
    "jobstate-updatedby-computeprovider": "compute-scheduler-jobstate",
}


@dataclass(frozen=True)
class Reference:
    """A value that exists in Azure only: how ARM and Bicep name it, and what a person calls it.

    `parameter` is the name of a secure parameter, "" where the value is computed by the template itself.
    """

    what: str
    arm: str = ""
    bicep: str = ""
    parameter: str = ""


Value = t.Union[str, Reference]


@dataclass(frozen=True)
class Azure:
    """The values that az reads from Azure; a Reference where nobody gave them.

    `relay_exists`, `service_bus_exists` and `workspace_exists` are None where nobody knows.
    """

    relay_connection: Value
    relay_id: Value
    service_bus_connection: Value
    service_bus_id: Value
    workspace_id: Value
    workspace_key: Value
    relay_exists: t.Optional[bool] = None
    service_bus_exists: t.Optional[bool] = None
    workspace_exists: t.Optional[bool] = None


def short_name(text: str, longest: int) -> str:
    """A name as az makes it: letters and digits, cut with the first six digits of the MD5 of the whole."""
    kept = "".join(character for character in text if character.isalnum())
    if len(kept) <= longest:
        return kept
    tail = hashlib.new("md5", text.encode(), usedforsecurity=False).hexdigest()[:6]
    return kept[: longest - len(tail)] + tail


def relay_namespace(cluster: Cluster) -> str:
    """The Azure Relay namespace of a cluster."""
    return short_name(f"{cluster.name}-{cluster.subscription}-{cluster.resource_group}-relay", 50)


def service_bus_namespace(cluster: Cluster) -> str:
    """The Service Bus namespace of a cluster."""
    return short_name(f"{cluster.name}-{cluster.subscription}-{cluster.resource_group}-service-bus", 50)


def workspace_name(cluster: Cluster) -> str:
    """The Log Analytics workspace of a cluster."""
    return short_name(f"{cluster.name}-{cluster.subscription}-{cluster.resource_group}", 63)


def in_azure(cluster: Cluster) -> Azure:
    """References to everything, for a template that makes the relay and takes the rest as parameters."""
    space, name = relay_namespace(cluster), cluster.name
    kind = "Microsoft.Relay/namespaces/hybridConnections"
    rule = f"resourceId('{kind}/authorizationRules', '{space}', '{name}', '{RELAY_RULE}')"
    return Azure(
        relay_connection=Reference(
            "connection string of the relay",
            f"[listKeys({rule}, '{RELAY_API}').primaryConnectionString]",
            "relayRule.listKeys().primaryConnectionString",
        ),
        relay_id=Reference(
            "id of the relay's hybrid connection", f"[resourceId('{kind}', '{space}', '{name}')]", "hybridConnection.id"
        ),
        service_bus_connection=_parameter("connection string of the Service Bus", "serviceBusConnectionString"),
        service_bus_id=_parameter("id of the Service Bus", "serviceBusResourceId"),
        workspace_id=_parameter("customer id of the Log Analytics workspace", "logAnalyticsCustomerId"),
        workspace_key=_parameter("key of the Log Analytics workspace", "logAnalyticsKey"),
    )


def _parameter(what: str, name: str) -> Reference:
    return Reference(what, f"[parameters('{name}')]", name, name)
