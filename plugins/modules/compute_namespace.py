#!/usr/bin/python
# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: compute_namespace
short_description: Prepare the namespaces and nodes of Azure Machine Learning computes
version_added: 1.0.0
author: The azureml.kubernetes maintainers (@azureml-kubernetes)
description:
  - Attaching a Kubernetes compute to a workspace neither creates the namespace that is named nor checks it. This module makes sure
    that the namespaces exist with the labels and annotations asked for, that jobs have their service account C(default) with the
    image pull secrets asked for, and says which instance types a ResourceQuota or LimitRange refuses.
  - It can add a NetworkPolicy that keeps what AzureML needs, and dedicate nodes to AzureML by the taints that its pods tolerate.
  - All namespaces of a cluster are handled in one task, by lists instead of one request per object.
  - What is added to an object of somebody else is recorded in the annotation C(azureml.kubernetes/added) of that object in the
    same patch, with the value that was replaced. O(state=absent), and a later run that no longer asks for it, take back exactly
    that.
extends_documentation_fragment:
  - azureml.kubernetes.common
  - kubernetes.core.k8s_auth_options
options:
  state:
    description:
      - V(present) creates and completes.
      - V(absent) deletes the named namespaces that this collection made, and waits until they are gone. One that is not empty, or
        of which some kinds may not be read, is deleted only when O(accept) holds V(deletes_data), and V(disturbs_jobs) when pods
        run in it. A namespace that was there before is never deleted; what was added to it is taken back. So are the taints and
        labels of the nodes that O(dedicated_nodes) names.
    type: str
    choices: [present, absent]
    default: present
  compute_namespaces:
    description:
      - Names of the namespaces that are given when computes are attached.
      - V(default) is left alone, with a warning. Namespaces of the platform, of Azure's agents and of the extension are refused.
    type: list
    elements: str
    default: []
  namespaces:
    description:
      - Namespaces with settings of their own, in addition to O(compute_namespaces). A setting that is not given is that of the
        task; labels and annotations are merged, those given here win.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the namespace.
        type: str
        required: true
      pod_security:
        description: As O(pod_security).
        type: str
        choices: [privileged, baseline, restricted]
      labels:
        description: As O(namespace_labels).
        type: dict
      annotations:
        description: As O(namespace_annotations).
        type: dict
      image_pull_secrets:
        description: As O(image_pull_secrets), instead of it.
        type: list
        elements: str
      network_policy:
        description: As O(network_policy).
        type: str
        choices: [none, judge, ingress, ingress_and_egress]
  pod_security:
    description:
      - Level that Pod Security admission enforces, as label C(pod-security.kubernetes.io/enforce). Jobs that mount data need
        V(privileged).
      - Left alone when not given; a level that refuses such jobs is then reported.
      - On OpenShift, a level set here is left alone by the synchronization of Pod Security labels, which goes on with the others.
    type: str
    choices: [privileged, baseline, restricted]
  namespace_labels:
    description: Labels of all namespaces. Values are strings, so quote V("true").
    type: dict
    default: {}
  namespace_annotations:
    description: Annotations of all namespaces, as C(openshift.io/node-selector).
    type: dict
    default: {}
  image_pull_secrets:
    description:
      - Names of Secrets that service account C(default) uses to pull images. Entries of others in its list stay.
      - Whether the Secrets exist is not looked at, so that no right to read Secrets is needed.
    type: list
    elements: str
    default: []
  network_policy:
    description:
      - V(none) makes no NetworkPolicy, and removes the one that an earlier run made.
      - V(judge) is V(none), and NetworkPolicies of others that hold up AzureML are reported.
      - V(ingress) makes NetworkPolicy C(azureml-compute), by which only namespace C(azureml) and the namespace itself reach its
        pods.
      - V(ingress_and_egress) also lets its pods reach only these two, DNS, TCP 443 and 6443 anywhere, and O(egress_ports).
    type: str
    choices: [none, judge, ingress, ingress_and_egress]
    default: none
  egress_ports:
    description: More TCP ports that pods may reach anywhere, as that of a proxy. Used with O(network_policy=ingress_and_egress).
    type: list
    elements: int
    default: []
  instance_types:
    description:
      - Instance types that limits of the namespaces are judged against, in addition to those of the cluster and to
        C(defaultinstancetype). One of the same name as in the cluster replaces it.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the instance type.
        type: str
        required: true
      requests:
        description: Resources that its pods request, as C(cpu) and C(memory).
        type: dict
        required: true
      limits:
        description: Limits of its pods, as C(cpu), C(memory) and C(nvidia.com/gpu).
        type: dict
        required: true
      node_selector:
        description: Not looked at here, see M(azureml.kubernetes.instance_types).
        type: dict
        default: {}
      autoscaled:
        description: Not looked at here, see M(azureml.kubernetes.instance_types).
        type: bool
        default: false
  dedicated_nodes:
    description:
      - Nodes that are for AzureML only. Each gets the taints that its pods tolerate, and labels of the same keys and values, by
        which an instance type can select it.
      - Nodes of the control plane are never touched, and at least one node without taints has to be left.
    type: list
    elements: dict
    default: []
    suboptions:
      nodes:
        description: Names of nodes. Either this or O(dedicated_nodes[].node_selector) is needed.
        type: list
        elements: str
        default: []
      node_selector:
        description: Labels that the nodes have.
        type: dict
        default: {}
      purpose:
        description:
          - V(all) is for everything of AzureML (C(ml.azure.com/amlarc)), V(system) for the extension's own pods only
            (C(ml.azure.com/amlarc-system)), V(workload) for jobs and endpoints only (C(ml.azure.com/amlarc-workload)).
        type: str
        choices: [all, system, workload]
        default: all
      resource_group:
        description: Only for workloads of computes of this resource group.
        type: str
      workspace:
        description: Only for workloads of this workspace. Needs O(dedicated_nodes[].resource_group).
        type: str
      compute:
        description: Only for workloads of this compute. Needs O(dedicated_nodes[].workspace).
        type: str
      effect:
        description:
          - Effect of the taints. With V(NoSchedule) pods that are there stay until they end.
          - With V(NoExecute) those that do not tolerate the taints end at once, which needs O(accept) to hold V(restarts_pods),
            and V(disturbs_jobs) when workloads of AzureML are among them.
        type: str
        choices: [NoSchedule, NoExecute, PreferNoSchedule]
        default: NoSchedule
      labels:
        description: More labels of the nodes.
        type: dict
        default: {}
  platform:
    description:
      - What the cluster is, where the detection is wrong or may not read enough. On Azure Red Hat OpenShift, taints that keep
        platform components from running need O(accept) to hold V(aro_support_policy).
    type: str
    choices: [aks, aro, aro_hcp, ocp, okd, rosa, osd, eks, gke, k3s, rke2, kind, kubernetes]
  wait_timeout:
    description: Seconds to wait for the service account of a new namespace, or for a deleted namespace to be gone.
    type: int
    default: 120
seealso:
  - module: azureml.kubernetes.scc_grant
  - name: Attach a Kubernetes cluster to a workspace
    description: Where the namespace is named.
    link: https://learn.microsoft.com/azure/machine-learning/how-to-attach-kubernetes-to-workspace
  - name: Supported taints and tolerations
    description: Which taints AzureML's pods tolerate.
    link: https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#azureml-supported-taints-and-tolerations
"""

EXAMPLES = r"""
- name: Two namespaces, in which jobs may mount data
  azureml.kubernetes.compute_namespace:
    kubeconfig: ~/.kube/config
    context: aks-prod
    compute_namespaces: [ml-team, ml-research]
    pod_security: privileged

- name: One of them pulls images from a private registry and is closed to the rest of the cluster
  azureml.kubernetes.compute_namespace:
    kubeconfig: ~/.kube/config
    context: aks-prod
    compute_namespaces: [ml-team]
    namespaces:
      - name: ml-research
        image_pull_secrets: [registry]
        network_policy: ingress
    namespace_labels:
      team: ml

- name: Judge the limits of the namespaces against instance types that are still to be made
  azureml.kubernetes.compute_namespace:
    kubeconfig: ~/.kube/config
    context: aks-prod
    compute_namespaces: [ml-team]
    instance_types:
      - name: gpu
        requests: {cpu: "4", memory: 16Gi}
        limits: {cpu: "8", memory: 32Gi, nvidia.com/gpu: 1}
  check_mode: true

- name: The nodes of a pool for the workloads of one workspace only
  azureml.kubernetes.compute_namespace:
    kubeconfig: ~/.kube/config
    context: aks-prod
    compute_namespaces: [ml-team]
    dedicated_nodes:
      - node_selector: {agentpool: gpupool}
        purpose: workload
        resource_group: ml
        workspace: research

- name: Delete a namespace of a compute that was detached, with all that is in it
  azureml.kubernetes.compute_namespace:
    kubeconfig: ~/.kube/config
    context: aks-prod
    state: absent
    compute_namespaces: [ml-research]
    accept: [deletes_data]
"""

RETURN = r"""
compute_namespaces:
  description: What became of the namespaces and nodes.
  returned: when the cluster could be read
  type: dict
  contains:
    namespaces:
      description:
        - One entry per namespace, in the order given, V(default) left out.
        - C(state) is V(present), V(absent), V(kept) (not made by this collection, so only what was added is taken back),
          V(terminating), or V(refused) (a finding says why). In check mode it is what it would be.
        - C(made_by_us) tells whether this collection made the namespace, C(network_policy) whether a policy of ours is there, and
          C(instance_types) what quotas and limit ranges let in, where there are any.
      type: list
      elements: dict
      returned: always
      sample:
        - name: ml-team
          made_by_us: true
          state: present
          instance_types:
            fit: [defaultinstancetype]
            refused: [gpu]
    nodes:
      description: One entry per dedicated node, with the taints and labels that it is to have, and C(state),
        which is V(dedicated), V(released) or V(refused).
      type: list
      elements: dict
      returned: always
      sample:
        - name: aks-gpupool-12345678-vmss000000
          state: dedicated
          taints: ["ml.azure.com/amlarc=true:NoSchedule"]
          labels:
            ml.azure.com/amlarc: "true"
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
  description: C(namespaces) with its state.
  returned: always
  type: dict
  sample:
    namespaces: ok
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
from ansible_collections.azureml.kubernetes.plugins.module_utils._namespaces.topic import TOPIC


def main() -> None:
    """Run the topic as a module."""
    run_module(TOPIC)


if __name__ == "__main__":
    main()
