#!/usr/bin/python
# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module `cluster_info`: documentation and entry; the knowledge is in module_utils/_cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_info
version_added: 1.0.0
short_description: Describe a Kubernetes cluster as Azure Machine Learning sees it
author:
  - The azureml.kubernetes maintainers (@azureml-kubernetes)
description:
  - Tells the platform with the evidence for it, versions, nodes, MachineConfigPools, the identity in Azure Arc and what of the
    AzureML extension is installed, with at most 12 GET requests.
  - Reports what the AzureML extension does not support or is known to break on.
  - A fact that may not be read is V(null) and comes with the finding V(cluster.unreadable), which names the missing permission; it
    is never reported as absent. The ClusterRole C(azureml-kubernetes-audit) of this collection allows every read.
notes:
  - IMDS restriction and network isolation of AKS leave no trace in the Kubernetes API. AKS enforces the first with iptables rules
    on the nodes and the second with the outbound type of the cluster's network. Both are judged only when O(aks_cluster) is given.
  - SKU Automatic is read from O(aks_cluster). Without it, the policy C(aks-managed-protect-system-namespaces), which AKS installs
    on clusters of SKU Automatic, leads to a warning. Its absence proves nothing.
  - ARO with hosted control planes and a self-managed HyperShift cluster on Azure look the same from inside; set O(platform) to
    tell them apart.
extends_documentation_fragment:
  - azureml.kubernetes.common
  - kubernetes.core.k8s_auth_options
options:
  gather:
    description:
      - Sections of RV(cluster_facts) to gather. A section that is not named is neither read nor returned nor judged.
      - V(support) judges what AzureML cannot live with and therefore looks at the platform and the nodes as well.
    type: list
    elements: str
    choices: [platform, versions, nodes, pools, arc, extension, support]
    default: [platform, versions, nodes, pools, arc, extension, support]
  platform:
    description:
      - What the cluster is, where that is known better than it can be seen. It wins over detection, and a contradiction is
        reported.
      - V(kubernetes) is any other distribution.
    type: str
    choices: [aks, aro, aro_hcp, ocp, okd, rosa, osd, eks, gke, k3s, rke2, kind, kubernetes]
  node_details:
    description:
      - Whether RV(cluster_facts.nodes) describes every node. With V(false) only RV(cluster_facts.node_summary) is returned, which
        keeps the results of large clusters small.
    type: bool
    default: true
  aks_cluster:
    description:
      - The AKS resource, as C(az aks show --output json) prints it or as Azure Resource Manager returns it.
      - Tells what the Kubernetes API does not, see the notes.
    type: dict
  arc_cluster:
    description:
      - The connected cluster, as C(az connectedk8s show --output json) prints it or as Azure Resource Manager returns it.
      - Its distribution and infrastructure win over what the agents in the cluster recorded.
    type: dict
seealso:
  - module: azureml.kubernetes.version_window
"""

EXAMPLES = r"""
- name: Describe the cluster
  azureml.kubernetes.cluster_info:
    kubeconfig: ~/.kube/config
    context: aro-prod
  register: cluster

- name: Show platform and version
  ansible.builtin.debug:
    msg: >-
      {{ cluster.cluster_facts.platform.name }} {{ cluster.cluster_facts.versions.kubernetes }}
      because of {{ cluster.cluster_facts.platform.evidence | join(', ') }}

- name: Judge an AKS cluster with what only Azure knows
  azureml.kubernetes.cluster_info:
    kubeconfig: ~/.kube/config
    context: aks-prod
    aks_cluster: "{{ lookup('ansible.builtin.file', 'aks-prod.json') | from_json }}"

- name: Read only the sums over the nodes of a large cluster
  azureml.kubernetes.cluster_info:
    kubeconfig: ~/.kube/config
    context: aks-prod
    gather: [nodes]
    node_details: false
"""

RETURN = r"""
cluster_facts:
  description:
    - What the cluster is. A value is V(null) where it could not be read, and a section is absent where O(gather) leaves it out.
  returned: success
  type: dict
  contains:
    platform:
      description: The platform and the APIs of OpenShift.
      type: dict
      returned: O(gather) holds V(platform)
      contains:
        name:
          description: One of the choices of O(platform), or V(unknown).
          type: str
          returned: always
          sample: aro
        evidence:
          description: One phrase for each fact that decided.
          type: list
          elements: str
          returned: always
          sample: [API group config.openshift.io, API group aro.openshift.io]
        openshift:
          description: Whether the OpenShift APIs are served.
          type: bool
          returned: always
        hosted_control_plane:
          description: Whether the control plane runs elsewhere (HyperShift), so that the cluster has no MachineConfigPools.
          type: bool
          returned: always
        managed_openshift:
          description: Whether it is ROSA or OSD, which refuse changes of the default SecurityContextConstraints.
          type: bool
          returned: always
        arc_connected:
          description: Whether the agents of Azure Arc are installed.
          type: bool
          returned: always
        extension:
          description: Name of the AzureML extension, empty where none is installed.
          type: str
          returned: always
        openshift_version:
          description: The running version of OpenShift, empty elsewhere.
          type: str
          returned: always
        infrastructure:
          description: The cloud as OpenShift names it, as V(Azure) or V(BareMetal).
          type: str
          returned: always
        control_plane_topology:
          description: The topology as OpenShift names it, as V(HighlyAvailable), V(SingleReplica) or V(External).
          type: str
          returned: always
        openshift_api_groups:
          description: The API groups of OpenShift that are served.
          type: list
          elements: str
          returned: always
        scc:
          description: Whether SecurityContextConstraints are served.
          type: bool
          returned: always
        machine_config:
          description: Whether MachineConfigs and MachineConfigPools are served.
          type: bool
          returned: always
        aro:
          description: C(resource_id) and C(region) of the ARO cluster, V(null) elsewhere.
          type: dict
          returned: always
    versions:
      description:
        - C(kubernetes) as the server names it, C(kubernetes_minor) as V(1.34), C(openshift) that runs, C(openshift_target) that is
          being rolled out, and C(openshift_cluster_id). The last three are empty outside OpenShift.
      type: dict
      returned: O(gather) holds V(versions)
    node_summary:
      description:
        - Counts C(total), C(ready), C(schedulable), C(linux_amd64), C(gpu_nodes) and C(gpus), and nodes by C(platforms), C(pools)
          and C(kubelets).
      type: dict
      returned: O(gather) holds V(nodes)
    nodes:
      description:
        - Each node with C(name), C(roles), C(pool), C(os), C(architecture), C(os_image), C(kernel), C(container_runtime),
          C(kubelet), C(instance_type), C(zone), C(virtual), C(ready), C(schedulable), C(taints) and C(allocatable).
      type: list
      elements: dict
      returned: O(gather) holds V(nodes) and O(node_details) is V(true)
    gpu_nodes:
      description:
        - Nodes with NVIDIA GPUs, whether or not a device plugin serves them yet. Each has C(name), C(state), C(detected_by) (the
          signs, strongest first), C(contradiction) (what speaks against it), C(instance_type), C(architecture), C(capacity) and
          C(allocatable) (GPUs by resource), C(mig) and C(sharing).
        - C(state) is V(expected) where a device plugin should run now, otherwise V(not_ready), V(cordoned), V(windows), V(virtual),
          V(aks_managed) (AKS runs the plugin) or V(contradictory).
      type: list
      elements: dict
      returned: O(gather) holds V(nodes)
    machine_config_pools:
      description:
        - Each MachineConfigPool with C(name), C(paused), C(max_unavailable), C(configuration), C(target_configuration), C(updated),
          C(updating), C(degraded), C(machines), C(ready_machines), C(updated_machines) and C(degraded_machines). Empty where the
          API is not served.
      type: list
      elements: dict
      returned: O(gather) holds V(pools)
    arc:
      description:
        - C(connected), C(resource_name), C(resource_group), C(subscription_id), C(tenant_id), C(region), C(resource_id),
          C(distribution), C(infrastructure), C(agent_version) and C(connectivity).
      type: dict
      returned: O(gather) holds V(arc)
    extension:
      description:
        - C(installed), C(name), C(version) of the chart where a label tells it, C(namespace), C(parts) with C(kind), C(name),
          C(desired) and C(ready) pods each, and C(unread_kinds), the kinds that could not be listed.
      type: dict
      returned: O(gather) holds V(extension)
    support:
      description:
        - Whether C(aks_automatic), C(network_isolated), C(imds_restriction) and C(pod_identity) hold, V(null) where that cannot
          be seen.
      type: dict
      returned: O(gather) holds V(support)
changed:
  description: Always V(false); the module only reads.
  returned: always
  type: bool
findings:
  description: What is to be said about the cluster, errors first.
  returned: always
  type: list
  elements: dict
changes:
  description: Always empty.
  returned: always
  type: list
  elements: dict
checks:
  description: The state of the check C(cluster); V(unknown) when something could not be read.
  returned: always
  type: dict
  sample:
    cluster: ok
cluster:
  description: Address and identity of the cluster that answered.
  returned: when the cluster answered
  type: dict
plan_digest:
  description: Digest of the empty plan.
  returned: when the cluster answered
  type: str
"""

from ansible_collections.azureml.kubernetes.plugins.module_utils._cluster.topic import TOPIC
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.module import run_module


def main() -> None:
    """Run the topic."""
    run_module(TOPIC)


if __name__ == "__main__":
    main()
