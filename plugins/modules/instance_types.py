#!/usr/bin/python
# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: instance_types
short_description: Keep the instance types that jobs and endpoints of Azure Machine Learning ask for
version_added: 1.0.0
author: The azureml.kubernetes maintainers (@azureml-kubernetes)
description:
  - An InstanceType says how much CPU, memory and GPUs a pod of a job gets, and on which nodes. This module writes InstanceType
    objects of C(amlarc.azureml.com/v1alpha1) after it has checked them.
  - A type that no node can run is not written, since every job that asks for it would fail. See O(instance_types[].autoscaled).
  - The definition of InstanceType comes with the extension. O(wait) waits for it.
  - Types of others in the cluster are judged by the same rules, and left alone.
extends_documentation_fragment:
  - azureml.kubernetes.common
  - kubernetes.core.k8s_auth_options
options:
  state:
    description:
      - V(present) writes the types where they are missing or differ.
      - V(absent) deletes those of O(instance_types) that this collection made. Where unfinished jobs may ask for one, or that
        cannot be read, this is refused unless O(accept) holds V(disturbs_jobs).
    type: str
    choices: [present, absent]
    default: present
  instance_types:
    description: The types. M(azureml.kubernetes.compute_namespace) takes the same list.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the type. C(defaultinstancetype) replaces what jobs get that name no type.
        type: str
        required: true
      requests:
        description: What a pod requests, C(cpu) and C(memory), as Kubernetes quantities.
        type: dict
        required: true
      limits:
        description: What a pod is limited to, C(cpu) and C(memory), and C(nvidia.com/gpu) where it is to have GPUs.
        type: dict
        required: true
      node_selector:
        description: Labels of the nodes that its pods run on.
        type: dict
        default: {}
      autoscaled:
        description: A pool has or grows nodes for this type, so it is written even if no node can run its pods now.
        type: bool
        default: false
  workload_tolerations:
    description:
      - Taints that jobs and deployments tolerate beyond those of Azure Machine Learning, as the option of the same name of
        M(azureml.kubernetes.extension_settings).
    type: list
    elements: dict
    default: []
    suboptions:
      key:
        description: Key of the taint; every one when absent with V(Exists).
        type: str
      operator:
        description: How it is compared.
        type: str
        choices: [Equal, Exists]
      value:
        description: Value of the taint.
        type: str
      effect:
        description: Effect of the taint; every one when absent.
        type: str
        choices: [NoSchedule, PreferNoSchedule, NoExecute]
  adopt:
    description:
      - Change a type of one of these names that somebody else made. It stays theirs and is never deleted.
      - One that Argo CD, Flux or a controller keeps is left alone.
    type: bool
    default: false
  wait:
    description: Wait until the definition of InstanceType is established, as while the extension is being installed.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait.
    type: int
    default: 300
seealso:
  - module: azureml.kubernetes.compute_namespace
  - module: azureml.kubernetes.extension_settings
  - name: Create and manage instance types
    description: What an instance type is.
    link: https://learn.microsoft.com/azure/machine-learning/how-to-manage-kubernetes-instance-types
"""

EXAMPLES = r"""
- name: A small and a GPU type, as soon as the extension is there
  azureml.kubernetes.instance_types:
    kubeconfig: ~/.kube/config
    context: aks-prod
    wait: true
    instance_types:
      - name: small
        requests: {cpu: 700m, memory: 1500Mi}
        limits: {cpu: "1", memory: 2Gi}
      - name: gpu
        requests: {cpu: "4", memory: 16Gi}
        limits: {cpu: "8", memory: 32Gi, nvidia.com/gpu: 1}
        node_selector: {agentpool: gpupool}
        autoscaled: true
    workload_tolerations:
      - {key: sku, operator: Equal, value: gpu, effect: NoSchedule}

- name: Delete one that nobody asks for
  azureml.kubernetes.instance_types:
    kubeconfig: ~/.kube/config
    context: aks-prod
    state: absent
    instance_types:
      - name: small
        requests: {cpu: 700m, memory: 1500Mi}
        limits: {cpu: "1", memory: 2Gi}
"""

RETURN = r"""
instance_types:
  description: The instance types.
  returned: when the cluster was reached
  type: dict
  contains:
    definition:
      description: Whether the definition is V(established), V(missing), V(not_established), V(other_version) or V(unknown).
      type: str
      returned: always
      sample: established
    types:
      description:
        - One entry per type that was named. C(state) is V(created), V(updated), V(unchanged), V(removed), V(kept) (it is not ours),
          V(absent), V(refused) (a finding says why) or V(unknown). C(nodes) are those that can run its pods now.
      type: list
      elements: dict
      returned: always
      sample:
        - name: small
          state: created
          made_by_us: true
          autoscaled: false
          spec:
            resources:
              requests: {cpu: 700m, memory: 1500Mi}
              limits: {cpu: "1", memory: 2Gi}
          nodes: [aks-cpu-12345678-vmss000000]
    others:
      description: Names of the other types in the cluster.
      type: list
      elements: str
      returned: always
      sample: []
changed:
  description: Whether something was changed, or in check mode would be.
  returned: always
  type: bool
findings:
  description: What was found, worst first, each with C(code), C(severity), C(subject), C(message) and C(remedy).
  returned: always
  type: list
  elements: dict
changes:
  description:
    - What was done, or in check mode would be.
    - Each has C(verb), C(object), C(reason), C(before), C(after) and C(disruptive).
  returned: always
  type: list
  elements: dict
checks:
  description: C(instances) with its state.
  returned: always
  type: dict
  sample:
    instances: ok
cluster:
  description: Which cluster answered, by C(server) and C(uid).
  returned: when the cluster was reached
  type: dict
plan_digest:
  description: Names this plan on this cluster, see O(accept).
  returned: when the cluster was reached
  type: str
"""

from ansible_collections.azureml.kubernetes.plugins.module_utils._instances.topic import TOPIC
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.module import run_module


def main() -> None:
    """Run the topic as a module."""
    run_module(TOPIC)


if __name__ == "__main__":
    main()
