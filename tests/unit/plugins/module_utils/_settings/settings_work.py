"""What the tests of this topic share: a call of the module without Ansible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json, Plan
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read, Snapshot
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.request import OPTIONS, parse

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
BASIC: Json = {
    "connection": "aks",
    "cluster_name": "c1",
    "resource_group": "rg1",
    "subscription_id": SUBSCRIPTION,
    "location": "eastus",
    "node_count": 3,
}
ARC: Json = {**BASIC, "connection": "arc", "openshift": False}
HTTPS: Json = {
    "inference": True,
    "inference_router_service_type": "loadBalancer",
    "ssl_secret": "ml-tls",
    "ssl_cname": "ml.example.org",
}
HTTP: Json = {"inference": True, "inference_router_service_type": "loadBalancer", "allow_insecure_connections": True}
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nRkFLRS1DRVJU\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nRkFLRS1LRVk=\n-----END PRIVATE KEY-----\n"


def params(**options: Any) -> Json:
    """Arguments as the argument spec completes them."""
    defaults = {name: option.get("default") for name, option in OPTIONS.items()}
    return {**defaults, **BASIC, **options}


def run(answers: dict[Read, Answer] | None = None, **options: Any) -> Plan:
    """The plan for these options; a file that nobody answers for does not exist."""
    request = parse(params(**options))
    known = {read: Answer(404) for read in reads(request, Snapshot())}
    return plan(request, Snapshot({**known, **(answers or {})}))


def facts(done: Plan) -> Json:
    content: Json = done.facts["extension_settings"]
    return content


def said(done: Plan, *severities: str) -> list[tuple[str, str]]:
    """Codes and subjects, of the named severities or all."""
    return [(f.code.split(".")[1], f.subject) for f in done.findings if not severities or f.severity in severities]


def pem_files(folder: Path) -> Json:
    """Options with a certificate and its key in files."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_text(CERTIFICATE)
    key.write_text(KEY)
    return {
        **{k: v for k, v in HTTPS.items() if k != "ssl_secret"},
        "extension_ssl_cert_pem_file": str(cert),
        "extension_ssl_key_pem_file": str(key),
    }
