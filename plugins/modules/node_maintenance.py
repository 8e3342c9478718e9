#!/usr/bin/python
# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: node_maintenance
short_description: Take a node out of service for work on its host, and back
version_added: 1.0.0
author: The azureml.kubernetes maintainers (@azureml-kubernetes)
description:
  - Cordons a Node, evicts its pods and waits until they are gone; later, when the host is back, uncordons it.
  - The boot ID that the host reports has to be that of the Node, so that a wrong address in an inventory can neither drain the
    wrong Node nor lead to the reboot of one that was not drained.
  - The annotation C(azureml.kubernetes/maintenance) of the Node says that the cordon is ours and why. An interrupted run is
    continued by the same task, and a Node that was left cordoned is reported by tasks for any other Node of the cluster.
  - A Node that somebody else cordoned before stays cordoned at the end.
  - Pods leave by the eviction API, so PodDisruptionBudgets are respected. As with C(kubectl drain), pods of DaemonSets and static
    pods stay.
extends_documentation_fragment:
  - azureml.kubernetes.common
  - kubernetes.core.k8s_auth_options
options:
  node:
    description: Name of the Node.
    type: str
    required: true
  boot_id:
    description:
      - What C(/proc/sys/kernel/random/boot_id) of the host holds now. When the Node reports another C(bootID), nothing is written.
      - With O(state=ended), the one after the reboot.
    type: str
    required: true
  state:
    description:
      - V(begun) cordons the Node and evicts its pods. Without effect on a Node that an earlier run has drained.
      - V(ended) waits until the Node is Ready and reports O(boot_id), then uncordons it. Without effect on a Node that is not in
        maintenance.
      - V(checked) reads only. It tells whether the host is the Node, and what earlier runs have left.
    type: str
    choices: [begun, ended, checked]
    default: begun
  reason:
    description: What is going to be done, for those who find the Node cordoned.
    type: str
    default: maintenance
  reboot:
    description:
      - Whether the host is going to be rebooted. V(begun) then needs V(reboots_nodes) in O(accept), else V(restarts_pods).
    type: bool
    default: true
  drain:
    description:
      - Whether pods are evicted, too.
      - Pods of AzureML jobs need V(disturbs_jobs) in O(accept). Pods that belong to no controller, which nothing makes again, need
        V(deletes_data).
      - Pods with C(emptyDir) volumes are reported, and evicted like any others.
    type: bool
    default: true
  grace_period:
    description: Seconds that each pod gets to end, instead of the time that it asks for itself.
    type: int
  wait_timeout:
    description:
      - Seconds to wait for the pods to be gone, or for the Node to be back. An eviction that a PodDisruptionBudget refuses is tried
        again as long.
    type: int
    default: 1800
seealso:
  - name: Safely drain a node
    description: What draining means.
    link: https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/
"""

EXAMPLES = r"""
- name: Work on the host of one node
  hosts: worker-3
  gather_facts: false
  module_defaults:
    azureml.kubernetes.node_maintenance:
      kubeconfig: ~/.kube/config
      context: arc-prod
  tasks:
    - name: Read which boot of the host this is
      ansible.builtin.slurp:
        src: /proc/sys/kernel/random/boot_id
      register: before

    - name: Take the node out of service
      azureml.kubernetes.node_maintenance:
        node: worker-3
        state: begun
        boot_id: "{{ before.content | b64decode | trim }}"
        reason: new kernel
        accept: [reboots_nodes]

    - name: Reboot the host
      ansible.builtin.reboot:

    - name: Read which boot of the host this is now
      ansible.builtin.slurp:
        src: /proc/sys/kernel/random/boot_id
      register: after

    - name: Put the node back into service
      azureml.kubernetes.node_maintenance:
        node: worker-3
        state: ended
        boot_id: "{{ after.content | b64decode | trim }}"
"""

RETURN = r"""
node_maintenance:
  description: The Node, as it was before anything was changed.
  returned: when the Node exists and may be read
  type: dict
  contains:
    node:
      description: Its name.
      type: str
      returned: always
      sample: worker-3
    boot_id:
      description: The C(bootID) that it reports.
      type: str
      returned: always
      sample: 6e2d4bd4-7f25-4f5e-9a3c-2a8f5f6a7c11
    ready:
      description: Whether it is Ready.
      type: bool
      returned: always
    cordoned:
      description: Whether it is cordoned, by anybody.
      type: bool
      returned: always
    ours:
      description: Whether it is in maintenance, by its annotation.
      type: bool
      returned: always
    reason:
      description: What the annotation says is being done.
      type: str
      returned: always
      sample: SELinux disabled
    pods:
      description: Pods that have to leave, as C(namespace/name).
      type: list
      elements: str
      returned: always
      sample: [team/train-1]
    left_cordoned:
      description: Other Nodes of the cluster that are in maintenance.
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
  description: C(maintenance) with its state.
  returned: always
  type: dict
  sample:
    maintenance: ok
cluster:
  description: Which cluster answered, by C(server) and C(uid).
  returned: when the cluster was reached
  type: dict
plan_digest:
  description: Names this plan on this cluster, see O(accept).
  returned: when the cluster was reached
  type: str
"""

from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.module import run_module
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.topic import TOPIC


def main() -> None:
    """Run the topic as a module."""
    run_module(TOPIC)


if __name__ == "__main__":
    main()
