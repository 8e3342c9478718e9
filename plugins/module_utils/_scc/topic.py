"""Topic scc as the engine sees it."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.codes import CODES
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.request import OPTIONS, parse
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.verify import verify, verify_reads

TOPIC = Topic(
    name="scc",
    module="scc_grant",
    options=OPTIONS,
    parse=parse,
    reads=reads,
    plan=plan,
    codes=CODES,
    verify_reads=verify_reads,
    verify=verify,
)
