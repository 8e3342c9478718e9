"""Topic gpu as the engine sees it."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.codes import CODES
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.plan import plan, reads, verify
from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.request import OPTIONS, parse

TOPIC = Topic(
    name="gpu",
    module="nvidia_device_plugin",
    options=OPTIONS,
    parse=parse,
    reads=reads,
    plan=plan,
    codes=CODES,
    verify_reads=reads,
    verify=verify,
)
