#!/usr/bin/python
# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: scc_grant
short_description: Allow Azure Machine Learning's service accounts the use of SecurityContextConstraints privileged
version_added: 1.0.0
author: The azureml.kubernetes maintainers (@azureml-kubernetes)
description:
  - On OpenShift, the Azure Machine Learning extension and its jobs need SecurityContextConstraints (SCC) C(privileged). This
    module grants it to the service accounts that Microsoft's document lists, and to those of your compute namespaces.
  - An account that may use the SCC already, by whatever list, group, role or binding, is left as it is.
  - Entries of others and their order are kept. What was added is recorded in the annotation C(azureml.kubernetes/scc-users) of the
    changed object, and O(state=absent) takes back exactly that.
  - Accounts need not exist yet, so grant before the extension is installed.
  - On a cluster without SCCs nothing is done, and the check is V(not_applicable).
extends_documentation_fragment:
  - azureml.kubernetes.common
  - kubernetes.core.k8s_auth_options
options:
  state:
    description:
      - V(present) grants what is missing.
      - V(absent) takes back everything that this module granted on the SCC by O(method), with V(auto) by every method. Entries
        that were there before, the entries of others, and namespaces stay.
      - While the extension is installed, V(absent) disturbs jobs. It is refused unless O(accept) holds V(disturbs_jobs). Admitted
        pods keep running, but pods that are restarted or drained are then refused.
    type: str
    choices: [present, absent]
    default: present
  method:
    description:
      - V(users) adds entries to the list C(users) of the SCC, as the document asks. ROSA and OSD refuse that.
      - V(rbac) makes one RoleBinding C(azureml-scc-SCC) per namespace, to ClusterRole C(system:openshift:scc:SCC). Namespace
        C(azureml) and the compute namespaces are created when missing, others are waited for.
      - V(rbac_cluster) makes one ClusterRoleBinding of that name. The accounts may then use the SCC wherever they are used.
      - V(auto) is V(users), and V(rbac) where the platform refuses V(users).
      - Accounts that were granted by another method stay granted by it, which is reported.
    type: str
    choices: [auto, users, rbac, rbac_cluster]
    default: auto
  scc:
    description: Name of the SCC.
    type: str
    default: privileged
  platform:
    description: What the cluster is, where the detection is wrong or may not read enough.
    type: str
    choices: [aks, aro, aro_hcp, ocp, okd, rosa, osd, eks, gke, k3s, rke2, kind, kubernetes]
  extension_name:
    description:
      - Name of the extension, as given to C(az k8s-extension create --name). One account is named after it.
      - Taken from the cluster when the extension runs there. A name that contradicts the extension that runs is an error.
    type: str
  compute_namespaces:
    description:
      - Namespaces given when computes are attached. Jobs run there as account C(default).
      - V(default) is skipped, as the document says. A namespace in which other pods run as account C(default), too, leads to a
        warning, since each of them may be privileged after the grant.
    type: list
    elements: str
    default: []
  edition:
    description: Edition of the document's list, V(2021-09), V(2022-04) or V(2022-06).
    type: str
    default: 2022-06
  accounts:
    description:
      - V(documented) grants every account of the document.
      - V(needed) grants those that the installation uses, by O(training), O(inference), O(install_prom_op), O(nginx_ingress) and
        O(connection). At least one of O(training) and O(inference) has to be set.
    type: str
    choices: [documented, needed]
    default: documented
  training:
    description: Whether the extension is installed for training. Used with O(accounts=needed).
    type: bool
    default: false
  inference:
    description: Whether the extension is installed for inference. Used with O(accounts=needed).
    type: bool
    default: false
  install_prom_op:
    description: Whether the extension installs its own Prometheus operator (C(installPromOp)). Used with O(accounts=needed).
    type: bool
    default: true
  nginx_ingress:
    description: Whether the extension installs its own NGINX ingress (C(nginxIngress.enabled)). Used with O(accounts=needed).
    type: bool
    default: false
  connection:
    description: How the cluster is connected to Azure. Used with O(accounts=needed).
    type: str
    choices: [aks, arc]
    default: arc
  extra_accounts:
    description: More accounts, each as C(namespace:name) or C(system:serviceaccount:namespace:name).
    type: list
    elements: str
    default: []
  exclusive:
    description:
      - Take back what this module granted earlier by the same method and what this task does not name. This disturbs jobs while
        the extension is installed, see O(accept).
      - Leave it V(false) where several tasks grant different accounts on one cluster.
    type: bool
    default: false
seealso:
  - module: azureml.kubernetes.cluster_info
  - name: Privileged setup for ARO and OCP
    description: The document that this module implements.
    link: https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#privileged-setup-for-aro-and-ocp
  - name: Managing security context constraints
    description: What SCCs are.
    link: https://docs.openshift.com/container-platform/latest/authentication/managing-security-context-constraints.html
"""

EXAMPLES = r"""
- name: Grant what the document lists, as it says
  azureml.kubernetes.scc_grant:
    kubeconfig: ~/.kube/config
    context: aro-prod
    extension_name: azureml
    compute_namespaces: [ml-team]

- name: Grant by RoleBindings, and only what inference needs
  azureml.kubernetes.scc_grant:
    kubeconfig: ~/.kube/config
    context: aro-prod
    method: rbac
    extension_name: azureml
    compute_namespaces: [ml-team, ml-research]
    accounts: needed
    inference: true

- name: Take back the grant of a compute namespace that was detached
  azureml.kubernetes.scc_grant:
    kubeconfig: ~/.kube/config
    context: aro-prod
    extension_name: azureml
    compute_namespaces: [ml-team]
    exclusive: true
    accept: [disturbs_jobs]

- name: Take back everything that was granted
  azureml.kubernetes.scc_grant:
    kubeconfig: ~/.kube/config
    context: aro-prod
    state: absent
  register: result

- name: Show what became of each account
  ansible.builtin.debug:
    msg: "{{ result.scc.accounts }}"
"""

RETURN = r"""
scc:
  description: Who may use the SCC.
  returned: when the SCC could be looked for
  type: dict
  contains:
    name:
      description: Name of the SCC.
      type: str
      returned: always
      sample: privileged
    method:
      description: The method that applies.
      type: str
      returned: always
      sample: users
    edition:
      description: Edition of the document's list.
      type: str
      returned: always
      sample: 2022-06
    extension_name:
      description: The extension's name, given or detected, empty when unknown.
      type: str
      returned: always
      sample: azureml
    accounts:
      description:
        - One entry per account, in the document's order.
        - C(allowed_by) tells what allowed it before this run, empty when nothing did.
        - C(state) is V(granted), V(already), V(deferred) (its namespace does not exist yet), V(skipped) (left alone on purpose),
          V(removed), or V(missing) (not granted, a finding says why).
      type: list
      elements: dict
      returned: always
      sample:
        - account: system:serviceaccount:azureml:default
          allowed_by: users
          state: already
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
  description: C(scc) with its state.
  returned: always
  type: dict
  sample:
    scc: ok
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
from ansible_collections.azureml.kubernetes.plugins.module_utils._scc.topic import TOPIC


def main() -> None:
    """Run the topic as a module."""
    run_module(TOPIC)


if __name__ == "__main__":
    main()
