#!/usr/bin/python
# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: extension_components
short_description: Judge the components of the Azure Machine Learning extension by what it was installed for
version_added: 1.0.0
author: The azureml.kubernetes maintainers (@azureml-kubernetes)
description:
  - Judges the 17 components of the document by scenario (training, inference, both), kind of cluster, edition and options, and says
    of each that is missing or not ready why, from its pods, their containers and events, and what to do.
  - What was not said of the settings is taken from what is there. Then a part that is missing altogether cannot be missed, so say
    it where it is known.
  - Parses the report of the extension's health check, judges Services, CustomResourceDefinitions and webhooks of the extension, and
    makes checks of the user's own.
  - Nothing is changed, and no Secret is read.
  - The page C(docs/extension-components.md) of the collection lists what counts as healthy although it looks odd, and which
    faults are told apart.
extends_documentation_fragment:
  - azureml.kubernetes.common
  - kubernetes.core.k8s_auth_options
options:
  extension_name:
    description:
      - Name of the extension, which is part of the names of components. Found by itself when absent.
    type: str
  extension_version:
    description:
      - Version of the extension, as V(1.1.71). Taken from the labels of the components when absent.
    type: str
  components_edition:
    description:
      - Which edition of the document's table decides, V(2022-06) with the DaemonSet fluent-bit or V(2026-01) without it. That of
        O(extension_version) when absent, and the newest where that is not known.
    type: str
  connection:
    description:
      - How the cluster is connected to Azure. With V(arc) it has a relayserver. Found by itself when absent.
    type: str
    choices: [aks, arc]
  training:
    description:
      - Whether the extension is installed for training.
    type: bool
  inference:
    description:
      - Whether the extension is installed for inference.
    type: bool
  relay:
    description:
      - Setting C(relayserver.enabled), on where O(connection=arc).
    type: bool
  install_prom_op:
    description:
      - Setting C(installPromOp).
    type: bool
  install_volcano:
    description:
      - Setting C(installVolcano).
    type: bool
  install_dcgm_exporter:
    description:
      - Setting C(installDcgmExporter).
    type: bool
  install_nvidia_device_plugin:
    description:
      - Setting C(installNvidiaDevicePlugin).
    type: bool
  nginx_ingress:
    description:
      - Setting C(nginxIngress.enabled).
    type: bool
  inference_router_ha:
    description:
      - Setting C(inferenceRouterHA). With V(true) the router has at least three replicas.
    type: bool
  inference_router_service_type:
    description:
      - Setting C(inferenceRouterServiceType), which the router's Service is compared with.
    type: str
    choices: [loadBalancer, nodePort, clusterIP]
  configuration_settings:
    description:
      - Settings by their own names, as C(az k8s-extension show --query configurationSettings) returns them. An option wins over
        them. Keys that say nothing about components are left out.
    type: dict
  surroundings:
    description:
      - Whether Services, CustomResourceDefinitions and webhooks are judged, too, which takes four requests.
    type: bool
    default: true
  restart_limit:
    description:
      - A component that is ready is warned of when its containers were restarted more often than this, and within the last hour.
    type: int
    default: 5
  custom_checks:
    description:
      - Checks of your own. Each looks at one object, or at all of a kind, by a JMESPath expression. They need the Python package
        jmespath where the task runs.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description:
          - Kind of the object, as C(Deployment). Secrets are never read.
        type: str
        required: true
      name:
        description:
          - Name of the object. When absent, the expression sees the list of all objects of the kind, as C(items).
        type: str
      namespace:
        description:
          - Namespace of the object, C(azureml) when absent.
        type: str
      api_version:
        description:
          - As C(apps/v1). Needed for kinds that Kubernetes itself does not have.
        type: str
      query:
        description:
          - JMESPath expression, as C(status.readyReplicas).
        type: str
        required: true
      expected:
        description:
          - What the expression has to give. Numbers and switches may be given as text. When absent, anything that is neither empty
            nor false is right.
        type: raw
      severity:
        description:
          - What it means when it gives something else, or the object does not exist.
        type: str
        choices: [error, warning, info]
        default: error
      remedy:
        description:
          - What is then to be done, as the finding says it.
        type: str
  wait:
    description:
      - Wait until there is no error any more, or one that does not pass by itself, such as a denied pod or an image that does not
        exist.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds to wait.
    type: int
    default: 900
seealso:
  - module: azureml.kubernetes.extension_settings
  - name: AzureML extension components
    description: The document that this module implements.
    link: https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#azureml-extension-components
"""

EXAMPLES = r"""
- name: Judge an installation by what it was installed for
  azureml.kubernetes.extension_components:
    connection: arc
    training: true
    inference: true
    install_prom_op: false
  register: components

- name: Wait for a fresh installation, at most 20 minutes
  azureml.kubernetes.extension_components:
    training: true
    inference: false
    wait: true
    wait_timeout: 1200

- name: Judge it by what Azure knows, and look at two more things
  azureml.kubernetes.extension_components:
    connection: aks
    configuration_settings: "{{ (az_show.stdout | from_json).configurationSettings }}"
    custom_checks:
      - kind: InstanceType
        query: length(items) >= `2`
        severity: warning
        remedy: Apply the instance types of the team.
      - kind: Deployment
        name: azureml-fe-v2
        query: spec.replicas
        expected: 3
"""

RETURN = r"""
extension_components:
  description: What was found.
  returned: when the cluster could be read
  type: dict
  contains:
    extension_name:
      description: Name of the extension, empty where it is not known.
      type: str
    extension_version:
      description: Version of the extension, empty where it is not known.
      type: str
    edition:
      description: The edition of the table that decided.
      type: str
    connection:
      description: V(aks), V(arc), or empty where it is not known.
      type: str
    options:
      description: Training, inference and the switches that were judged by; null where one is not known.
      type: dict
    seen:
      description: What nobody said, and what it was taken from.
      type: dict
    ready:
      description: How many components of the table are ready.
      type: int
    expected:
      description: How many are there or should be.
      type: int
    components:
      description: Each component of the table.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the object.
          type: str
        kind:
          description: V(Deployment), V(DaemonSet) or V(StatefulSet).
          type: str
        purpose:
          description: What it does.
          type: str
        documented:
          description: Whether it is a row of the document's table.
          type: bool
        expected:
          description: >-
            V(required), V(usual) (there by default), V(optional), V(off), or V(unknown).
          type: str
        state:
          description: >-
            V(ok), V(partly) (some pods are ready), V(not_ready), V(missing), V(not_applicable), or V(unknown).
          type: str
        desired:
          description: How many pods there have to be; null where the object does not exist.
          type: int
        ready:
          description: How many are ready.
          type: int
        images:
          description: Images of its containers.
          type: list
          elements: str
        restarts:
          description: How often containers of its pods were restarted; null where pods may not be read.
          type: int
        created:
          description: When it was made.
          type: str
        age_seconds:
          description: How long ago that was.
          type: int
        reasons:
          description: Why it is not ready, the most telling reason first.
          type: list
          elements: str
    extras:
      description: Workloads of namespace azureml that the table does not name, in the same form.
      type: list
      elements: dict
    health_check:
      description: The report of the extension's health check.
      type: dict
      contains:
        name:
          description: Name of the ConfigMap, empty where there is none.
          type: str
        cluster:
          description: What the report says about the cluster.
          type: dict
        entries:
          description: >-
            What each checker said: C(report), C(checker), C(status), C(code), C(name), C(meaning), C(remedy), C(message).
          type: list
          elements: dict
    custom_checks:
      description: >-
        Each check of the user's own: C(subject), C(query), C(expected), C(actual) and C(state), which is V(ok), V(failed) or
        V(unknown).
      type: list
      elements: dict
changed:
  description: Always V(false).
  returned: always
  type: bool
  sample: false
findings:
  description: Everything that was found, worst first.
  returned: always
  type: list
  elements: dict
  contains:
    code:
      description: Stable name of what is said.
      type: str
    severity:
      description: V(error), V(warning) or V(info).
      type: str
    subject:
      description: Object that it is about.
      type: str
    message:
      description: What is.
      type: str
    remedy:
      description: What to do.
      type: str
    evidence:
      description: What was read.
      type: raw
    edition:
      description: The dated table that decided, where one did.
      type: str
    link:
      description: Source of the rule.
      type: str
    resolved:
      description: Whether waiting is expected to remove it.
      type: bool
changes:
  description: Always empty.
  returned: always
  type: list
  elements: dict
checks:
  description: State of check C(components).
  returned: always
  type: dict
  sample: {components: ok}
cluster:
  description: Which cluster answered.
  returned: always
  type: dict
  contains:
    server:
      description: Address of the API server.
      type: str
    uid:
      description: UID of namespace C(kube-system).
      type: str
plan_digest:
  description: Names the empty plan on this cluster.
  returned: always
  type: str
"""

from ansible_collections.azureml.kubernetes.plugins.module_utils._components.topic import TOPIC
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.module import run_module


def main() -> None:
    """Run the topic as a module."""
    run_module(TOPIC)


if __name__ == "__main__":
    main()
