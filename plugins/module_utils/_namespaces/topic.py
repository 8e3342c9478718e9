"""Topic namespaces as the engine sees it."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.codes import CODES
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.request import OPTIONS, parse

TOPIC = Topic(
    name="namespaces",
    module="compute_namespace",
    options=OPTIONS,
    parse=parse,
    reads=reads,
    plan=plan,
    codes=CODES,
)
