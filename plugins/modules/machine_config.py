#!/usr/bin/python
# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: machine_config
short_description: Set kernel arguments of OpenShift nodes with a MachineConfig, and wait until their operating systems obey
version_added: 1.0.0
author: The azureml.kubernetes maintainers (@azureml-kubernetes)
description:
  - Makes a MachineConfig with kernel arguments, above all the one that disables SELinux, and follows the Machine Config Operator
    until every node of every MachineConfigPool that takes it has rebooted into it.
  - A pool counts as done when (A) it is rendered with the MachineConfig, (B) its status says so, (C) the annotations of each node
    say so, and (D) the operating system of each node, asked through its machine-config-daemon pod, says so. A pool that merely says
    Updated is not believed.
  - What would make the roll fail or endanger nodes is judged before anything is written, and refused with what to do about it.
  - The roll drains and reboots B(every node of the pool). RHCOS nodes that ran with C(selinux=0) have to be replaced before SELinux
    may be enforced again. Nothing is written without O(accept).
  - Where other MachineConfigs give the nodes the same arguments already, nothing is added.
  - A run that was interrupted is finished by the next one, which joins the roll.
extends_documentation_fragment:
  - azureml.kubernetes.common
  - kubernetes.core.k8s_auth_options
options:
  state:
    description:
      - V(present) makes the MachineConfig with what O(selinux) or O(kernel_arguments) says.
      - V(absent) deletes the MachineConfig, where this module made it, and waits until the nodes have rebooted without it. A pool
        and labels that this module made (O(create_pool), O(pool_nodes)) go with it.
      - V(absent) is refused for a MachineConfig that disabled SELinux, see O(enforce_unlabelled).
    type: str
    choices: [present, absent]
    default: present
  selinux:
    description:
      - V(disabled) is what Microsoft's document asks for. It boots with C(selinux=0), which cannot be taken back on a node, only by
        replacing it.
      - V(permissive) boots with C(enforcing=0) and can be taken back. It is not documented to help AzureML, and probably does not.
      - V(unmanaged) changes nothing. It tells whether SELinux is going to hurt, given O(training) and O(sdk_v1_datasets).
      - Excludes O(kernel_arguments).
    type: str
    choices: [disabled, permissive, unmanaged]
  kernel_arguments:
    description:
      - Other kernel arguments, one per entry. They are appended to those that the nodes boot with anyway.
      - Needs O(name).
    type: list
    elements: str
  name:
    description:
      - Name of the MachineConfig. With O(selinux) it is C(99-POOL-azureml-selinux) by default.
      - Among the MachineConfigs of a pool, the order of names decides which of two contradicting arguments wins.
    type: str
  pool:
    description:
      - The MachineConfigPool whose nodes are meant. It becomes the role label of the MachineConfig.
      - The default V(worker) includes all custom pools, since they inherit from it.
      - On compact and single-node clusters, workers are masters too; their target is V(master), which has to be named.
    type: str
    default: worker
  create_pool:
    description:
      - Make the pool when it does not exist, for nodes with the label C(node-role.kubernetes.io/POOL).
    type: bool
    default: false
  pool_nodes:
    description:
      - Names of Nodes to move into the custom pool O(pool), by that label. Each of them reboots.
    type: list
    elements: str
    default: []
  ssh_nodes:
    description:
      - Names of Nodes whose SELinux is changed over SSH, as the role C(worker_selinux) does for RHEL workers.
        They are not judged here.
    type: list
    elements: str
    default: []
  training:
    description: Whether AzureML trains on this cluster. Used with O(selinux=unmanaged).
    type: bool
    default: false
  sdk_v1_datasets:
    description: Whether training jobs mount datasets of AzureML's SDK v1. Used with O(selinux=unmanaged).
    type: bool
    default: false
  enforce_unlabelled:
    description:
      - Let nodes that ran with SELinux disabled boot enforcing, although their files carry no labels. They may not come up.
      - Meant for nodes that are going to be replaced anyway. Needs O(accept) to hold V(irreversible), too.
    type: bool
    default: false
  wait:
    description:
      - Wait until the roll is over. Without it a roll under way is a warning, and playbook C(azureml.kubernetes.verify) judges
        later.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait for the roll. By default 15 minutes for each round of C(maxUnavailable) nodes of the largest pool, 30 % more
        for masters, and 5 minutes on top.
      - O(deadline) does not count while waiting.
    type: int
  platform:
    description: What the cluster is, where the detection is wrong or may not read enough.
    type: str
    choices: [aks, aro, aro_hcp, ocp, okd, rosa, osd, eks, gke, k3s, rke2, kind, kubernetes]
seealso:
  - module: azureml.kubernetes.node_maintenance
  - name: Disable Security Enhanced Linux (SELinux)
    description: The document that this module implements.
    link: https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#disable-security-enhanced-linux-selinux
  - name: Adding kernel arguments to nodes
    description: What OpenShift says about kernel arguments, and about SELinux.
    link: https://docs.openshift.com/container-platform/latest/nodes/nodes/nodes-nodes-managing.html
"""

EXAMPLES = r"""
- name: Tell whether SELinux is going to hurt
  azureml.kubernetes.machine_config:
    kubeconfig: ~/.kube/config
    context: aro-prod
    selinux: unmanaged
    training: true
    sdk_v1_datasets: true

- name: Disable SELinux on all workers of ARO
  azureml.kubernetes.machine_config:
    kubeconfig: ~/.kube/config
    context: aro-prod
    selinux: disabled
    accept: [reboots_nodes, irreversible, redhat_support, aro_support_policy]

- name: Disable SELinux on two nodes only, in a pool of their own
  azureml.kubernetes.machine_config:
    kubeconfig: ~/.kube/config
    context: ocp-prod
    selinux: disabled
    pool: azureml
    create_pool: true
    pool_nodes: [worker-3, worker-4]
    accept: [reboots_nodes, irreversible, redhat_support]

- name: Begin a roll and judge it later
  azureml.kubernetes.machine_config:
    kubeconfig: ~/.kube/config
    context: ocp-prod
    selinux: permissive
    wait: false
    accept: [reboots_nodes, redhat_support]

- name: Reserve huge pages
  azureml.kubernetes.machine_config:
    kubeconfig: ~/.kube/config
    context: ocp-prod
    name: 99-worker-hugepages
    kernel_arguments: [hugepagesz=1G, hugepages=16]
    accept: [reboots_nodes]

- name: Take permissive mode back
  azureml.kubernetes.machine_config:
    kubeconfig: ~/.kube/config
    context: ocp-prod
    state: absent
    accept: [reboots_nodes]
  register: result

- name: Show what each node says
  ansible.builtin.debug:
    msg: "{{ result.machine_config.nodes }}"
"""

RETURN = r"""
machine_config:
  description: What nodes boot with, and what their operating systems say.
  returned: when the cluster was reached
  type: dict
  contains:
    name:
      description: Name of the MachineConfig.
      type: str
      returned: always
      sample: 99-worker-azureml-selinux
    present:
      description: Whether a MachineConfig of this name exists. Null with O(selinux=unmanaged), which does not look.
      type: bool
      returned: always
    done:
      description: Whether all nodes have arrived and obey. Null where nothing was asked for.
      type: bool
      returned: always
    pools:
      description: The pools that take the MachineConfig and have nodes.
      type: list
      elements: dict
      returned: always
      sample:
        - name: worker
          nodes: 3
          updated: 3
          paused: false
          configuration: rendered-worker-0123456789abcdef0123456789abcdef
          target_configuration: rendered-worker-0123456789abcdef0123456789abcdef
          kernel_arguments: [selinux=0]
          boots: disabled
    nodes:
      description:
        - One entry per node of these pools. C(selinux) is V(disabled), V(permissive), V(enforcing), or null where it was not asked
          or could not be told; C(evidence) is what was seen. Nodes are asked once they have arrived.
      type: list
      elements: dict
      returned: always
      sample:
        - name: worker-0
          pool: worker
          os: Red Hat Enterprise Linux CoreOS 9.6.20251015-1 (Plow)
          over_ssh: false
          selinux: disabled
          kernel_arguments_applied: true
          evidence: getenforce says Disabled; /proc/cmdline has selinux=0
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
  description: C(selinux) with its state.
  returned: always
  type: dict
  sample:
    selinux: ok
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
from ansible_collections.azureml.kubernetes.plugins.module_utils._selinux.topic import TOPIC


def main() -> None:
    """Run the topic as a module."""
    run_module(TOPIC)


if __name__ == "__main__":
    main()
