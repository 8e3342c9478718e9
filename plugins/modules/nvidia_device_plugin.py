#!/usr/bin/python
# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: nvidia_device_plugin
short_description: Make GPU nodes offer their GPUs, one device plugin for each, and prove it
version_added: 1.0.0
author: The azureml.kubernetes maintainers (@azureml-kubernetes)
description:
  - Installs NVIDIA's device plugin on nodes with NVIDIA GPUs that nobody else serves, and proves on every GPU node that the
    GPUs can be asked for.
  - A node that another DaemonSet, the GPU Operator, AKS or the AzureML extension serves is only verified; a finding says
    whose it is and what to set.
  - What is installed does not depend on the nodes of the moment. A pool that is added, removed or scaled to zero changes nothing.
  - Drivers and the container runtime of the machines are not installed. What is missing of them is said.
extends_documentation_fragment:
  - azureml.kubernetes.common
  - kubernetes.core.k8s_auth_options
options:
  state:
    description:
      - V(present) installs the plugin where nobody else serves GPU nodes, and verifies all of them.
      - V(absent) takes away what this module made. While pods hold GPUs on nodes that the plugin serves, it needs
        V(disturbs_jobs) in O(accept). The namespace stays.
    type: str
    choices: [present, absent]
    default: present
  namespace:
    description:
      - Namespace of the plugin, made where it is missing. One of the system is refused; AKS Automatic refuses DaemonSets
        there, too.
    type: str
    default: gpu-resources
  image:
    description: Image of the plugin, with a tag or a digest.
    type: str
    default: nvcr.io/nvidia/k8s-device-plugin:v0.20.0
  image_registry:
    description:
      - Registry, with a folder or without, from which the nodes pull the image in place of its own, as
        V(myregistry.azurecr.io/mirror).
    type: str
  pull_secrets:
    description: Names of Secrets in O(namespace) with which the image is pulled. They are not read.
    type: list
    elements: str
    default: []
  node_labels:
    description:
      - Labels of nodes with NVIDIA GPUs, beyond those that are known, as V(key=value), or V(key) for any value.
      - Labels of AKS, Karpenter, GKE, EKS, Node Feature Discovery and GPU Feature Discovery, and the sizes of Azure, are known.
    type: list
    elements: str
    default: []
  exclude_labels:
    description: Labels of nodes from which the plugin stays away, as V(key=value), or V(key) for any value.
    type: list
    elements: str
    default: []
  tolerations:
    description:
      - Taints that the plugin tolerates beyond C(sku=gpu), C(nvidia.com/gpu), those of AzureML, of spot pools of AKS and
        C(CriticalAddonsOnly).
    type: list
    elements: dict
    default: []
    suboptions:
      key:
        description: Key of the taint. Without one, V(Exists) tolerates every taint.
        type: str
      operator:
        description: V(Equal) (the default) or V(Exists).
        type: str
      value:
        description: Value of the taint with V(Equal).
        type: str
      effect:
        description: V(NoSchedule), V(PreferNoSchedule) or V(NoExecute); without one all of them.
        type: str
  fail_on_init_error:
    description:
      - Whether the plugin ends where it finds no GPU. With V(false) it stays up and offers none, which hides the cause.
    type: bool
    default: true
  mig_strategy:
    description:
      - How the plugin offers GPUs that MIG splits. V(mixed) names each kind of slice, which AzureML cannot ask for, and needs
        O(allow_renamed_resources).
    type: str
    choices: [none, single, mixed]
    default: none
  time_slicing_replicas:
    description: How many pods share one GPU by time-slicing, which keeps nothing of them apart; V(0) for none.
    type: int
    default: 0
  config:
    description:
      - Configuration file of the plugin, C(version) V(v1), for what no option here says. It takes the place of
        O(time_slicing_replicas).
      - The control daemon that MPS needs is not installed.
    type: dict
  allow_renamed_resources:
    description: Whether GPUs may get another name than C(nvidia.com/gpu), for workloads other than AzureML's.
    type: bool
    default: false
  device_list_strategy:
    description: How containers get their GPUs. The two of CDI need a container runtime with CDI enabled.
    type: str
    choices: [envvar, volume-mounts, cdi-annotations, cdi-cri]
    default: envvar
  pass_device_specs:
    description:
      - Whether the kubelet is told the device nodes, which CPU manager policy V(static) needs, and which keeps GPUs of
        running pods through a reload of systemd. The plugin then runs privileged.
    type: bool
    default: false
  runtime_class:
    description: RuntimeClass of the plugin, where nvidia is not the default runtime of the machines, as on K3s and RKE2.
    type: str
  force_openshift:
    description:
      - Whether to install the plugin on OpenShift, too, with a binding to SCC C(privileged). Driver and runtime have to be on the
        machines already.
    type: bool
    default: false
  operator:
    description:
      - Whether NVIDIA's GPU Operator on OpenShift is only verified (V(verify)), or installed with Node Feature Discovery where it
        is missing (V(install)). Elsewhere it means nothing.
      - Their channel is the package's own default, and C(NodeFeatureDiscovery) and C(ClusterPolicy) are the examples that the
        installed versions bring. What is there already is left as it is.
      - O(state=absent) takes away those that this module made.
    type: str
    choices: [verify, install]
    default: verify
  operator_channel:
    description: Channel of the GPU Operator, as V(v26.7), in place of its package's default.
    type: str
  operator_approval:
    description:
      - Who approves later versions of the operators, the Operator Lifecycle Manager itself (V(automatic)) or a person (V(manual)).
        The first version is approved by this module.
    type: str
    choices: [automatic, manual]
    default: automatic
  install_nvidia_device_plugin:
    description:
      - Whether the AzureML extension is told to install a plugin of its own (its setting C(installNvidiaDevicePlugin)). Then
        none is installed here.
    type: bool
    default: false
  smoke_test:
    description:
      - Whether to try one GPU with a pod, on V(all) nodes that offer some, on a V(sample) of one per size, or on V(none).
      - Kubernetes itself ends and sweeps the pods. A test that went well counts for ten minutes or until the node is restarted.
    type: str
    choices: [none, sample, all]
    default: none
  smoke_image:
    description: Image of the test, with a tag or a digest. It has to use a GPU and end with 0.
    type: str
    default: nvcr.io/nvidia/k8s/cuda-sample:vectoradd-cuda12.5.0
  smoke_timeout:
    description: Seconds after which Kubernetes ends a test, pulling of the image included.
    type: int
    default: 600
  platform:
    description: What the cluster is, where the labels of its nodes do not tell that it is OpenShift.
    type: str
    choices: [aks, aro, aro_hcp, ocp, okd, rosa, osd, eks, gke, k3s, rke2, kind, kubernetes]
  wait:
    description:
      - Wait until every GPU node that is ready offers its GPUs. It ends at once when a node says why it never will.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait, 300 by default, and 1800 with O(operator=install).
    type: int
seealso:
  - module: azureml.kubernetes.cluster_info
  - module: azureml.kubernetes.extension_settings
  - name: NVIDIA device plugin for Kubernetes
    description: The plugin itself.
    link: https://github.com/NVIDIA/k8s-device-plugin
  - name: Use GPUs on AKS
    description: Pools with GPUs, their drivers and taints.
    link: https://learn.microsoft.com/azure/aks/use-nvidia-gpu
"""

EXAMPLES = r"""
- name: Make GPU nodes offer their GPUs
  azureml.kubernetes.nvidia_device_plugin:
    kubeconfig: ~/.kube/config
    context: aks-prod
  register: result

- name: Show each GPU node
  ansible.builtin.debug:
    msg: "{{ result.gpu.nodes }}"

- name: From a registry of one's own, on K3s, with one GPU of each size tried
  azureml.kubernetes.nvidia_device_plugin:
    kubeconfig: ~/.kube/config
    context: plant-7
    image_registry: myregistry.azurecr.io/mirror
    pull_secrets: [registry]
    runtime_class: nvidia
    smoke_test: sample

- name: On OpenShift, with the operators
  azureml.kubernetes.nvidia_device_plugin:
    kubeconfig: ~/.kube/config
    context: aro-prod
    operator: install

- name: Verify only, in a playbook that writes nothing
  azureml.kubernetes.nvidia_device_plugin:
    kubeconfig: ~/.kube/config
    context: aks-prod
    wait: false
  check_mode: true

- name: Take the plugin away although jobs run
  azureml.kubernetes.nvidia_device_plugin:
    kubeconfig: ~/.kube/config
    context: aks-prod
    state: absent
    accept: [disturbs_jobs]
"""

RETURN = r"""
gpu:
  description: GPU nodes and who serves them.
  returned: when the cluster was reached
  type: dict
  contains:
    nodes:
      description:
        - One row per GPU node, empty with O(state=absent).
        - C(verdict) is V(served) (its GPUs can be asked for), V(waiting), V(failing), V(unserved) (nobody serves it),
          V(planned) (the extension is to), V(unknown), or why it is not judged, V(not_ready), V(cordoned), V(windows),
          V(virtual) or V(contradictory).
        - C(owner) is who serves it, C(plugin_pod) and C(plugin_ready) its pod there, C(smoke) is V(proved), V(busy), V(image),
          V(broken), V(running) or empty, C(hint) says what is wrong.
        - The rest is as in C(gpu_nodes) of M(azureml.kubernetes.cluster_info).
      type: list
      elements: dict
      returned: always
      sample:
        - node: aks-gpupool-12345678-vmss000000
          verdict: served
          owner: DaemonSet/gpu-resources/azureml-nvidia-device-plugin
          plugin_pod: azureml-nvidia-device-plugin-x7k2p
          plugin_ready: true
          smoke: ""
          hint: ""
          state: expected
          detected_by: [capacity nvidia.com/gpu, label kubernetes.azure.com/accelerator=nvidia, size Standard_NC4as_T4_v3]
          contradiction: ""
          instance_type: Standard_NC4as_T4_v3
          architecture: amd64
          capacity: {nvidia.com/gpu: 1}
          allocatable: {nvidia.com/gpu: 1}
          mig: ""
          sharing: ""
    owners:
      description: Device plugins of others.
      type: list
      elements: str
      returned: always
    installed:
      description: Whether the plugin of this module is there; V(null) where that may not be read.
      type: bool
      returned: always
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
  description: C(gpu) with its state.
  returned: always
  type: dict
  sample:
    gpu: ok
cluster:
  description: Which cluster answered, by C(server) and C(uid).
  returned: when the cluster was reached
  type: dict
plan_digest:
  description: Names this plan on this cluster, see O(accept).
  returned: when the cluster was reached
  type: str
"""

from ansible_collections.azureml.kubernetes.plugins.module_utils._gpu.topic import TOPIC
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.module import run_module


def main() -> None:
    """Run the topic as a module."""
    run_module(TOPIC)


if __name__ == "__main__":
    main()
