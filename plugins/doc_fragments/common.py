# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that every module shares."""

from __future__ import annotations


class ModuleDocFragment:
    """`azureml.kubernetes.common`: options of the engine, attributes of all modules, and how a task finds its cluster."""

    DOCUMENTATION = r"""
options:
  fail_on:
    description:
      - From which severity on a finding fails the task. All findings are returned either way.
    type: str
    choices: [error, warning, never]
    default: error
  accept:
    description:
      - Disruptions that are agreed to. A change that causes any other is refused, and the refusal tells what would happen.
      - A class agrees to every change of that kind - V(restarts_pods), V(disturbs_jobs), V(reboots_nodes), V(deletes_data),
        V(irreversible), V(redhat_support) (Red Hat does not support it in production) or V(aro_support_policy) (Microsoft's policy
        for ARO does not allow it).
      - A RV(plan_digest) of an earlier run in check mode agrees to exactly that plan on exactly that cluster.
    type: list
    elements: str
    default: []
  expected_cluster_uid:
    description:
      - UID that the namespace C(kube-system) of the cluster must have. Nothing is written to any other cluster.
    type: str
  request_timeout:
    description:
      - Seconds after which one request without an answer is given up.
    type: int
    default: 30
  deadline:
    description:
      - Seconds that the whole task may take, its retries and waits included.
    type: int
    default: 300
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would change without changing it.
    support: full
  diff_mode:
    description: Returns in diff mode what changed, or in check mode what would change.
    support: full
  idempotent:
    description: A second run with the same arguments changes nothing.
    support: full
  action_group:
    description: The options of all modules can be set at once with C(module_defaults) of this group.
    support: full
    membership: [azureml.kubernetes.all]
  async:
    description: Can be run with C(async). The task then runs as an ordinary module.
    support: full
  platform:
    description: Where the task can run.
    platforms: posix
    support: full
notes:
  - The variable C(azureml_run_on) decides where a task runs. V(controller), the default, runs it in the controller's own process,
    whatever the connection plugin of the host, so an inventory of clusters needs no connection settings. V(target) runs it as an
    ordinary module on the host or on that of C(delegate_to); the Python package C(kubernetes) must be there.
  - Authentication is never mixed. As soon as a task argument or a variable of the host (C(azureml_kubeconfig), C(azureml_context),
    C(azureml_host), C(azureml_api_key) and so on) says which cluster is meant, every C(K8S_AUTH_*) environment variable is ignored.
    In-cluster configuration and the current context of a kubeconfig are never used, except that C(localhost) may use its default
    kubeconfig.
  - On OpenShift, O(username) and O(password) are exchanged for a token, which is revoked at the end of the run.
requirements:
  - python >= 3.9
  - kubernetes >= 29.0.0
  - openshift >= 0.13.2, for O(username) and O(password)
"""
