"""The topic `cluster`, behind the module `cluster_info`."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.codes import CODES
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.plan import plan
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.reads import reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.request import OPTIONS, parse
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic

TOPIC = Topic(
    name="cluster",
    module="cluster_info",
    options=OPTIONS,
    parse=parse,
    reads=reads,
    plan=plan,
    codes=CODES,
    writes=False,
)
