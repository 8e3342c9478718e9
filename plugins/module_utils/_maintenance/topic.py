"""Topic maintenance as the engine sees it."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.codes import CODES
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.request import OPTIONS, parse

TOPIC = Topic(name="maintenance", module="node_maintenance", options=OPTIONS, parse=parse, reads=reads, plan=plan, codes=CODES)
