#!/usr/bin/python
# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: version_window
short_description: Judge a cluster's Kubernetes version against the window that Azure Machine Learning supports
version_added: 1.0.0
author: The azureml.kubernetes maintainers (@azureml-kubernetes)
description:
  - Azure Machine Learning supports Kubernetes N, N-1 and N-2 by minor, where N is the newest minor that is generally available
    on Azure Kubernetes Service (AKS). This module compares the API server with that window and grades the answer.
  - Being outside is a statement about support, not a technical block. Only V(too_old) before a new installation is an error;
    it is a warning where the extension already runs and on OpenShift, whose supported releases often lie behind the window.
  - Beside it, it reports Azure Arc's own window (N-2 by upstream minors) for an Arc-connected cluster, kubelets that Kubernetes
    does not support with this API server, and whether the extension is offered in the region.
  - N is taken from O(latest_ga_minor), else from O(arm_versions) or O(arm_versions_file), else from O(table) or the dated table
    that the collection ships. A table's date is always reported.
  - Nothing is changed, and Azure is not asked.
extends_documentation_fragment:
  - azureml.kubernetes.common
  - kubernetes.core.k8s_auth_options
options:
  latest_ga_minor:
    description:
      - N, the newest minor that is generally available on AKS, as V(1.36). It wins over every other source.
      - Write it in quotes, since YAML reads C(1.30) as the number 1.3.
    type: str
    aliases: [n]
  latest_upstream_minor:
    description:
      - The newest minor that the Kubernetes project has released, which is Azure Arc's N. Taken from the table when absent.
    type: str
  arm_versions:
    description:
      - The versions that AKS offers in a region, as data or JSON text. N is the newest minor among them that is no preview and
        has the support plan C(KubernetesOfficial).
      - Output of C(az aks get-versions --location LOCATION --output json), of old or new C(az), or of the ARM call
        C(Microsoft.ContainerService/locations/LOCATION/kubernetesVersions).
      - Mutually exclusive with O(arm_versions_file).
    type: raw
  arm_versions_file:
    description:
      - A JSON file that holds what O(arm_versions) takes. It is read where the module runs, which is the controller by default.
      - Mutually exclusive with O(arm_versions).
    type: path
  table:
    description:
      - A dated table instead of the shipped one. The minors must follow one another without a gap.
      - A date is a day as V(2026-06-19), or a month as V(2026-06), which counts from the month's last day.
      - Needs O(table_as_of).
    type: list
    elements: dict
    suboptions:
      minor:
        description: The minor, as V(1.36), in quotes.
        type: str
        required: true
      upstream:
        description: When the Kubernetes project released it.
        type: str
      preview:
        description: When AKS began to offer it as preview.
        type: str
      ga:
        description: When it became generally available on AKS. Leave it out as long as that is planned only.
        type: str
      end_of_life:
        description: Last day of the community support by AKS.
        type: str
      lts_end:
        description: Last day of the long-term support by AKS.
        type: str
  table_as_of:
    description: On which day O(table) was true. Needs O(table).
    type: str
  table_max_age_days:
    description: A warning is given when a table decided and is older than this many days.
    type: int
    default: 120
  strict:
    description:
      - Make everything outside the window an error, on every platform and whether or not the extension runs. So becomes a version
        that cannot be read, a node that Kubernetes does not support with this API server and a region that is not listed.
      - V(supported_grace) stays a warning.
    type: bool
    default: false
  new_install:
    description:
      - Whether the extension is about to be installed on this cluster. By default it is, when none runs there.
    type: bool
  location:
    description: The Azure region of the cluster or of its Arc resource, as V(westeurope) or V(West Europe).
    type: str
    aliases: [region]
  regions:
    description:
      - The regions that count, as a list of names, or the output of
        C(az provider show --namespace Microsoft.KubernetesConfiguration --output json) as data or JSON text.
      - Without it, O(location) is compared with a dated list of regions in which the extension was seen to be offered, which is
        a hint only.
    type: raw
  check_nodes:
    description: Compare the kubelets of all nodes with the API server and the window. Nodes of virtual kubelet are skipped.
    type: bool
    default: true
  platform:
    description: What the cluster is, where the detection is wrong or may not read enough.
    type: str
    choices: [aks, aro, aro_hcp, ocp, okd, rosa, osd, eks, gke, k3s, rke2, kind, kubernetes]
seealso:
  - module: azureml.kubernetes.cluster_info
  - name: Supported Kubernetes version and region
    description: The rule that this module applies.
    link: https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#supported-kubernetes-version-and-region
  - name: Supported Kubernetes versions in AKS
    description: The calendar behind the shipped table.
    link: https://learn.microsoft.com/azure/aks/supported-kubernetes-versions
"""

EXAMPLES = r"""
- name: Judge by the shipped table
  azureml.kubernetes.version_window:
    kubeconfig: ~/.kube/config
    context: plant-7

- name: Ask Azure once for the whole fleet
  ansible.builtin.command:
    cmd: az aks get-versions --location westeurope --output json
  delegate_to: localhost
  run_once: true
  changed_when: false
  register: aks_versions

- name: Judge by what AKS offers today, and stop at everything outside the window
  azureml.kubernetes.version_window:
    kubeconfig: ~/.kube/config
    context: plant-7
    arm_versions: "{{ aks_versions.stdout }}"
    location: westeurope
    strict: true

- name: An air-gapped site that knows N from elsewhere
  azureml.kubernetes.version_window:
    kubeconfig: ~/.kube/config
    context: plant-7
    latest_ga_minor: '1.37'
    latest_upstream_minor: '1.37'
  register: result

- name: Show where the cluster stands
  ansible.builtin.debug:
    msg: "{{ result.version_window.minor }} is {{ result.version_window.verdict }} in {{ result.version_window.window }}"
"""

RETURN = r"""
version_window:
  description: Where the cluster stands.
  returned: always
  type: dict
  contains:
    verdict:
      description:
        - V(supported) is N, N-1 or N-2. V(supported_grace) is N-3 whose support by AKS has not ended yet. V(platform_only) is N-3,
          which AKS keeps without fixes of Kubernetes. V(lts_only) is an older minor on AKS with long-term support, or an C(akslts)
          version of N-3. V(too_old) is everything older.
        - V(newer_than_n) is newer than N. V(preview) is a preview of AKS, or a pre-release of a minor in the window.
        - V(unknown) when the version cannot be read or understood.
      type: str
      returned: always
      sample: supported
    server_version:
      description: C(gitVersion) of the API server, V(null) when unknown.
      type: str
      returned: always
      sample: v1.35.5
    minor:
      description: Minor of the API server, V(null) when unknown.
      type: str
      returned: always
      sample: '1.35'
    n:
      description: N by which was judged.
      type: str
      returned: always
      sample: '1.36'
    n_source:
      description: Where N comes from, V(user), V(aks_versions) or V(table).
      type: str
      returned: always
      sample: table
    n_as_of:
      description: Date of the table that told N, V(null) for other sources.
      type: str
      returned: always
      sample: '2026-08-27'
    window:
      description: The minors that are supported, newest first.
      type: list
      elements: str
      returned: always
      sample: ['1.36', '1.35', '1.34']
    platform:
      description: The platform by which was judged.
      type: str
      returned: always
      sample: aks
    new_install:
      description: Whether this counts as before a new installation, V(null) when that could not be read.
      type: bool
      returned: always
      sample: true
    openshift:
      description:
        - V(null) elsewhere. On OpenShift C(version) that runs, its C(release), and C(releases_in_window), the releases whose
          Kubernetes lies in the window (they may not all be out).
      type: dict
      returned: always
      sample:
        version: 4.21.7
        release: '4.21'
        releases_in_window: ['4.23', '4.22', '4.21']
    arc:
      description: >-
        Azure Arc's own window. C(connected) and C(in_window) are V(null) when they are not known; C(n), C(n_source), C(n_as_of) and
        C(window) are as above, by upstream minors.
      type: dict
      returned: always
      sample:
        connected: true
        in_window: true
        n: '1.37'
        n_source: table
        n_as_of: '2026-08-27'
        window: ['1.37', '1.36', '1.35']
    nodes:
      description: >-
        Every node with C(name), C(kubelet_version), C(minor), C(behind) in minors behind the API server, and C(state), which is
        V(ok), V(newer_than_server), V(too_old_for_server), V(outside_window), V(unknown) or V(skipped).
      type: list
      elements: dict
      returned: always
      sample:
        - name: aks-nodepool1-0
          kubelet_version: v1.35.5
          minor: '1.35'
          behind: 0
          state: ok
    region:
      description: >-
        C(location), its C(state) (V(listed), V(not_listed), V(unknown) or V(not_checked)), C(source) (V(user) or V(hint)) and
        C(as_of), the date of the hint.
      type: dict
      returned: always
      sample:
        location: westeurope
        state: listed
        source: hint
        as_of: '2025-12-31'
changed:
  description: Always V(false).
  returned: always
  type: bool
  sample: false
findings:
  description: What was found, worst first, each with C(code), C(severity), C(subject), C(message) and C(remedy).
  returned: always
  type: list
  elements: dict
changes:
  description: Always empty, this module only reads.
  returned: always
  type: list
  elements: dict
checks:
  description: C(version), C(version_arc), C(version_nodes) and C(version_region), each with its state.
  returned: always
  type: dict
  sample:
    version: ok
    version_arc: not_applicable
    version_nodes: ok
    version_region: not_run
cluster:
  description: Which cluster answered, by C(server) and C(uid).
  returned: when the cluster was reached
  type: dict
plan_digest:
  description: Names this plan on this cluster.
  returned: when the cluster was reached
  type: str
"""

from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.module import run_module
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.topic import TOPIC


def main() -> None:
    """Run the topic as a module."""
    run_module(TOPIC)


if __name__ == "__main__":
    main()
