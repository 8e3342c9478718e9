"""Topic tls as the engine sees it."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.codes import CODES
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.request import OPTIONS, parse

TOPIC = Topic(name="tls", module="tls_secret", options=OPTIONS, parse=parse, reads=reads, plan=plan, codes=CODES)
