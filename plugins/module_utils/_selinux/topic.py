"""Topic selinux as the engine sees it."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.codes import CODES
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.request import OPTIONS, RULES, parse

TOPIC = Topic(
    name="selinux",
    module="machine_config",
    options=OPTIONS,
    parse=parse,
    reads=reads,
    plan=plan,
    codes=CODES,
    rules=RULES,
)
