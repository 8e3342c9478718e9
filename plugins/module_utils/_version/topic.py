"""The version window as a topic."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.codes import CODES
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.request import OPTIONS, RULES, parse

TOPIC = Topic(
    name="version",
    module="version_window",
    options=OPTIONS,
    parse=parse,
    reads=reads,
    plan=plan,
    codes=CODES,
    rules=RULES,
    writes=False,
)
