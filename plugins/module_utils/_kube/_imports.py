"""The one place that imports the Kubernetes client and kubernetes.core, guarded.

A missing one must not end a play whose task is skipped, and the message has to say what to install where.
"""

from __future__ import annotations

import traceback
import typing as t

PROBLEMS: list[str] = []

try:
    import urllib3
    import yaml
    from kubernetes.client import Configuration
    from kubernetes.client.rest import should_bypass_proxies
    from kubernetes.config import kube_config
    from kubernetes.config.config_exception import ConfigException
except ImportError:
    PROBLEMS.append("the Python package kubernetes is missing or broken: " + traceback.format_exc(limit=0).strip().splitlines()[-1])

try:
    from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_MAP, AUTH_ARG_SPEC
except ImportError:
    AUTH_ARG_MAP, AUTH_ARG_SPEC = {}, {}
    PROBLEMS.append("the collection kubernetes.core is missing")


def missing() -> str:
    """What has to be installed, as one sentence; "" when everything is there."""
    if not PROBLEMS:
        return ""
    return "; ".join(PROBLEMS) + ". Install with `pip install kubernetes` and `ansible-galaxy collection install kubernetes.core`."


def openshift_login() -> tuple[t.Any, t.Any]:
    """The OAuth helper class of the `openshift` package and what sends its requests, only when user name and password are used.

    Raises:
        ImportError: the package is not installed.
    """
    from openshift.helper.userpassauth import OCPLoginConfiguration
    from requests.adapters import HTTPAdapter

    return OCPLoginConfiguration, HTTPAdapter


def websocket() -> t.Any:
    """The WebSocket library that the Kubernetes client itself uses, only when a command is run in a pod."""
    import websocket as module

    return module


__all__ = [
    "AUTH_ARG_MAP",
    "AUTH_ARG_SPEC",
    "ConfigException",
    "Configuration",
    "kube_config",
    "missing",
    "openshift_login",
    "should_bypass_proxies",
    "urllib3",
    "websocket",
    "yaml",
]
