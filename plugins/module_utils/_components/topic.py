"""Topic components as the engine sees it."""

from __future__ import annotations

from ansible_collections.azureml.kubernetes.plugins.module_utils._components.codes import CODES
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.plan import plan, reads
from ansible_collections.azureml.kubernetes.plugins.module_utils._components.request import OPTIONS, parse, secrets
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic

TOPIC = Topic(
    name="components",
    module="extension_components",
    options=OPTIONS,
    parse=parse,
    reads=reads,
    plan=plan,
    codes=CODES,
    writes=False,
    secrets=secrets,
)
