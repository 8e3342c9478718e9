"""The settings as arguments of `az k8s-extension`: a list, so that no shell comes between, and a line that is quoted for one."""

from __future__ import annotations

import json
import shlex
import typing as t
from dataclasses import dataclass

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.block import Block, Cluster, as_text

EXTENSION_TYPE = "Microsoft.AzureML.Kubernetes"


@dataclass(frozen=True)
class Release:
    """Which release of the extension, under which name."""

    name: str
    version: str = ""
    train: str = ""
    auto_upgrade: t.Optional[bool] = None


def arguments(operation: str, release: Release, cluster: Cluster, block: Block, protected_file: str) -> list[str]:
    """Words after `az`. Settings go in as the user has them: az translates."""
    words = ["k8s-extension", operation, "--name", release.name]
    words += ["--cluster-type", cluster.cluster_type, "--cluster-name", cluster.name, "--resource-group", cluster.resource_group]
    if operation == "create":
        words += ["--extension-type", EXTENSION_TYPE, "--scope", "cluster"]
    if release.train:
        words += ["--release-train", release.train]
    if release.version:
        words += ["--version", release.version]
    auto = False if release.version else release.auto_upgrade
    if auto is not None:
        words += ["--auto-upgrade", as_text(auto)]
    if block.settings:
        words += ["--config", *(f"{key}={as_text(value)}" for key, value in sorted(block.settings.items()))]
    if block.protected:
        words += ["--config-protected-file", protected_file]
    return words


def command(words: t.Sequence[str]) -> str:
    """One line for a POSIX shell."""
    return shlex.join(["az", *words])


def protected_text(protected: Json) -> str:
    """The content of the file for `--config-protected-file`: a JSON object of texts."""
    return json.dumps({key: as_text(value) for key, value in sorted(protected.items())}, indent=2) + "\n"
