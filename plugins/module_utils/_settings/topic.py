"""Topic settings as the engine sees it."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.codes import CODES
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.request import OPTIONS, parse, secrets

TOPIC = Topic(
    name="settings",
    module="extension_settings",
    options=OPTIONS,
    parse=parse,
    reads=reads,
    plan=plan,
    codes=CODES,
    connect_option="read_cluster",
    secrets=secrets,
)
