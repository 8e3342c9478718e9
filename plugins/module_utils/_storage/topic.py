"""Topic storage as the engine sees it."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.codes import CODES
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.plan import plan, reads, verify
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.request import OPTIONS, parse

TOPIC = Topic(
    name="storage",
    module="job_storage",
    options=OPTIONS,
    parse=parse,
    reads=reads,
    plan=plan,
    codes=CODES,
    verify_reads=reads,
    verify=verify,
    keeps_lists=True,
)
