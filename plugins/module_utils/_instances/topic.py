"""Topic instances as the engine sees it."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.codes import CODES
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.request import OPTIONS, parse

TOPIC = Topic(name="instances", module="instance_types", options=OPTIONS, parse=parse, reads=reads, plan=plan, codes=CODES)
