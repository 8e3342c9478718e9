#!/usr/bin/python
# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: job_storage
short_description: Give jobs of Azure Machine Learning storage, and find what keeps them from mounting it
version_added: 1.0.0
author: The azureml.kubernetes maintainers (@azureml-kubernetes)
description:
  - Jobs mount every PersistentVolumeClaim of their namespace that has label C(ml.azure.com/pvc) with the text V(true) and
    annotation C(ml.azure.com/mountpath). This module makes such claims, and the PersistentVolumes behind them, in each compute
    namespace.
  - Storage that exists (NFS, Azure Files, Azure Blob, any CSI driver) is mounted by many nodes, kept when its claim goes, and bound
    to its claim alone. Storage of a class is made by its provisioner.
  - All labelled claims of the namespaces are judged, whoever made them, since one bad claim keeps every job of a namespace from
    starting. With no volume asked for, this is all that happens.
  - Values of secrets are never read. Of a secret only its existence and the names of its keys are looked at.
extends_documentation_fragment:
  - azureml.kubernetes.common
  - kubernetes.core.k8s_auth_options
options:
  state:
    description:
      - V(present) makes what is missing, and changes what differs.
      - V(absent) deletes the claims and PersistentVolumes that this module made for the O(volumes) named, and takes its label and
        annotation from those that it adopted. It is refused while a pod uses the claim. Where storage would be deleted with the
        claim, it needs V(deletes_data) in O(accept).
    type: str
    choices: [present, absent]
    default: present
  volumes:
    description:
      - Volumes for jobs. Each makes one claim in each of its namespaces. All that is wrong with any of them is reported at once.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the claim. Always needed. The PersistentVolume is named C(NAMESPACE.NAME).
        type: str
      type:
        description:
          - Always needed. V(nfs) is an exported folder.
          - V(azure_files) is a share and V(azure_blob) a container, which exist or are made by a O(volumes[].storage_class).
          - V(csi) is what any other CSI driver mounts, or storage of a class.
          - V(existing) adopts a claim of somebody else, which gets label and mount path and is never deleted.
        type: str
      mount_path:
        description:
          - Folder in which jobs find the volume. Needed but with O(state=absent).
          - It has to be absolute, and neither the root nor a system folder. No two volumes of a namespace may share it.
        type: str
      namespaces:
        description: Where to make the claim, O(compute_namespaces) by default.
        type: list
        elements: str
      size:
        description:
          - Size as a quantity, as V(100Gi). Needed with O(volumes[].storage_class), otherwise nominal and V(1Gi) by default.
          - Storage of a class grows where the class allows it. Nothing shrinks.
        type: str
      access_mode:
        description: V(ReadWriteMany) (the default), V(ReadOnlyMany), or V(ReadWriteOnce), with which jobs of one node alone get it.
        type: str
      mount_options:
        description:
          - Mount options of storage that exists. They take the place of those that the driver's own samples use, which are the
            default with V(azure_files) over SMB and V(azure_blob) over FUSE.
        type: list
        elements: str
      server:
        description: Host name or address of the NFS server. With V(azure_files) and V(azure_blob), the account's private endpoint.
        type: str
      path:
        description: Folder that the NFS server exports.
        type: str
      nfs_version:
        description: Version of the protocol with O(volumes[].type=nfs), one of V(3), V(4), V(4.0), V(4.1) and V(4.2).
        type: str
      storage_class:
        description: StorageClass that makes the storage, with V(azure_files), V(azure_blob) and V(csi).
        type: str
      account:
        description: Storage account of the share or container.
        type: str
      share:
        description: Share of Azure Files.
        type: str
      container:
        description: Container of Azure Blob.
        type: str
      resource_group:
        description:
          - Resource group of the storage account. With neither O(volumes[].secret_name) nor O(volumes[].client_id) it is needed,
            since the driver then fetches the account's key as the identity of the cluster.
        type: str
      protocol:
        description:
          - With V(azure_files), V(smb) (the default) or V(nfs). With V(azure_blob), V(fuse2) (the default), V(fuse) or V(nfs).
        type: str
      client_id:
        description: Client ID of the managed identity with which the driver mounts.
        type: str
      secret_name:
        description:
          - Secret with which the driver mounts. It has to exist.
          - Azure's drivers want the keys C(azurestorageaccountname) and C(azurestorageaccountkey).
        type: str
      secret_namespace:
        description: Namespace of the secret, that of the claim by default.
        type: str
      driver:
        description: Name of the CSI driver with O(volumes[].type=csi).
        type: str
      volume_handle:
        description:
          - Handle of the volume with O(volumes[].type=csi). It has to be unique in the cluster; C({namespace}) in it stands for the
            namespace of the claim.
        type: str
      volume_attributes:
        description: Attributes that the driver wants, with O(volumes[].type=csi).
        type: dict
      fs_type:
        description: File system, with O(volumes[].type=csi).
        type: str
  compute_namespaces:
    description:
      - Namespaces given when computes are attached. They have to exist.
      - Volumes are made in each of them that name no O(volumes[].namespaces), and all their labelled claims are judged.
    type: list
    elements: str
    default: []
  platform:
    description: What the cluster is, where detection is wrong or may not read enough. It tells how a missing driver is installed.
    type: str
    choices: [aks, aro, aro_hcp, ocp, okd, rosa, osd, eks, gke, k3s, rke2, kind, kubernetes]
  inference:
    description: Whether the cluster also serves online endpoints. They do not mount claims, of which a finding reminds.
    type: bool
    default: false
  wait:
    description:
      - Wait until claims are bound, or gone. It ends at once when the provisioner says that a claim cannot be bound as it is.
      - A claim whose class binds it at its first use is not waited for.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait.
    type: int
    default: 120
  probe:
    description:
      - Try each bound claim of O(volumes) with a pod that mounts it, writes, reads and deletes one file. Where the volume is
        C(ReadOnlyMany) it lists the folder only.
      - The pod belongs to a Job, which is deleted at the end, and swept by the cluster where this module is killed. It is no
        change, and check mode tries nothing. A claim that waits for its first consumer is not tried, since that would bind it.
    type: bool
    default: false
  probe_uid:
    description: User ID to try as, that of the image by default. Jobs that run as another user than root may not write everywhere.
    type: int
  probe_image:
    description: Image of the probe. It needs C(sh), C(cat), C(ls) and C(rm).
    type: str
    default: mcr.microsoft.com/azurelinux/busybox:1.36
  probe_timeout:
    description: Seconds that one probe may take, with fetching its image.
    type: int
    default: 120
seealso:
  - module: azureml.kubernetes.cluster_info
  - name: AzureML jobs connect with custom data storage
    description: The document that this module implements.
    link: https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#azureml-jobs-connect-with-custom-data-storage
  - name: Persistent volumes
    description: What claims and volumes are.
    link: https://kubernetes.io/docs/concepts/storage/persistent-volumes/
"""

EXAMPLES = r"""
- name: Give jobs of two namespaces an NFS share
  azureml.kubernetes.job_storage:
    kubeconfig: ~/.kube/config
    context: aks-prod
    compute_namespaces: [ml-team, ml-research]
    volumes:
      - name: datasets
        type: nfs
        server: 10.0.0.4
        path: /export/datasets
        mount_path: /mnt/datasets

- name: A share of Azure Files with a secret, a new one of a class, and a claim that is there already
  azureml.kubernetes.job_storage:
    kubeconfig: ~/.kube/config
    context: aks-prod
    compute_namespaces: [ml-team]
    volumes:
      - name: models
        type: azure_files
        account: mystorage
        share: models
        secret_name: azure-storage
        mount_path: /mnt/models
      - name: scratch
        type: azure_files
        storage_class: azurefile-csi
        size: 100Gi
        mount_path: /mnt/scratch
      - name: home
        type: existing
        mount_path: /mnt/home

- name: Give jobs a share, and try whether user 1000 can write there
  azureml.kubernetes.job_storage:
    kubeconfig: ~/.kube/config
    context: aks-prod
    compute_namespaces: [ml-team]
    volumes:
      - name: datasets
        type: nfs
        server: 10.0.0.4
        path: /export/datasets
        mount_path: /mnt/datasets
    probe: true
    probe_uid: 1000

- name: Judge what jobs mount, and change nothing
  azureml.kubernetes.job_storage:
    kubeconfig: ~/.kube/config
    context: aks-prod
    compute_namespaces: [ml-team]

- name: Take back a volume, and the data that was made with it
  azureml.kubernetes.job_storage:
    kubeconfig: ~/.kube/config
    context: aks-prod
    compute_namespaces: [ml-team]
    state: absent
    volumes:
      - name: scratch
        type: azure_files
    accept: [deletes_data]
  register: result

- name: Show how each claim is
  ansible.builtin.debug:
    msg: "{{ result.storage.volumes }}"
"""

RETURN = r"""
storage:
  description: The volumes that were asked for.
  returned: when the cluster was reached
  type: dict
  contains:
    volumes:
      description:
        - One entry per volume and namespace, as it is at the end of the task, in check mode as it is now.
        - C(state) of the claim is V(bound), V(waits_for_consumer) (bound by the first job that mounts it), V(pending), V(lost) (its
          volume is gone), V(going) (being deleted), V(missing), or V(unknown) (may not be read).
        - C(volume) is the PersistentVolume, empty where there is none yet.
        - C(probe) is V(proved), V(failed), V(unknown) (it did not run to its end) or V(not_run).
      type: list
      elements: dict
      returned: always
      sample:
        - name: datasets
          namespace: ml-team
          type: nfs
          mount_path: /mnt/datasets
          volume: ml-team.datasets
          state: bound
          probe: proved
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
  description: C(storage) with its state.
  returned: always
  type: dict
  sample:
    storage: ok
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
from ansible_collections.azureml.kubernetes.plugins.module_utils._storage.topic import TOPIC


def main() -> None:
    """Run the topic as a module."""
    run_module(TOPIC)


if __name__ == "__main__":
    main()
