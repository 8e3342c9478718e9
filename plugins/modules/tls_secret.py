#!/usr/bin/python
# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: tls_secret
short_description: Keep the TLS certificate of Azure Machine Learning's inference router in a Secret, checked first
version_added: 1.0.0
author: The azureml.kubernetes maintainers (@azureml-kubernetes)
description:
  - HTTPS endpoints need a Secret of type C(Opaque) with the keys C(cert.pem) and C(key.pem) in namespace C(azureml). This module
    writes it from PEM files, from values such as those of a vault, or as a copy of a C(kubernetes.io/tls) Secret.
  - Before anything is written, certificate and key are checked - the pair, the chain and its order, the names, the dates, the
    strength, and that the key is not encrypted. Nothing is written while there is an error.
  - The router does not watch the Secret. After a change, the finding C(tls.rotation_pending) gives the exact
    C(az k8s-extension update) command, until the certificate that is served was seen to be the new one, see O(served_address).
  - Certificates are shown by subject, issuer, names, SHA-256 fingerprint and dates. A key is never shown, at any verbosity.
extends_documentation_fragment:
  - azureml.kubernetes.common
  - kubernetes.core.k8s_auth_options
options:
  state:
    description:
      - V(present) writes the Secret where it is missing or holds something else. The namespace is created when it is missing.
      - V(absent) deletes the Secret if this collection made it. One that was adopted stays. While the router is installed, this
        disturbs endpoints, so it is refused unless O(accept) holds V(disturbs_jobs).
      - V(checked) changes nothing. It judges the Secret that is there, and compares it with the certificate that is given, or with
        the Secret that it was copied from.
    type: str
    choices: [present, absent, checked]
    default: present
  ssl_secret:
    description: Name of the Secret, the C(sslSecret) of the extension. Always needed.
    type: str
  ssl_cname:
    description:
      - DNS name that clients connect to, the C(sslCname) of the extension. The certificate has to cover it, where a wildcard stands
        for one label.
      - Without it the names are not checked, which leads to a warning.
    type: str
  ssl_cert_pem:
    description:
      - The server's certificate, then the intermediates, then the root, as PEM text.
      - Line ends, a byte order mark and comments do not matter.
      - A key in the same text is left out, and never shown.
    type: str
  ssl_key_pem:
    description: The server's private key as PEM text, RSA or EC, in PKCS#8, PKCS#1 or SEC1.
    type: str
  ssl_cert_pem_file:
    description:
      - Path of a file with what O(ssl_cert_pem) holds, on the machine that runs the task. That is the controller, unless
        C(azureml_run_on) is V(target).
      - A file that ansible-vault encrypted is not decrypted here. Use O(ssl_cert_pem) or O(ssl_key_pem) with
        P(ansible.builtin.file#lookup).
    type: path
  ssl_key_pem_file:
    description: Path of a file with what O(ssl_key_pem) holds, as O(ssl_cert_pem_file).
    type: path
  ssl_key_passphrase:
    description:
      - Passphrase of an encrypted key. The key is decrypted in memory, and the Secret holds it without a passphrase, since the
        router can use no other.
    type: str
  source_secret:
    description:
      - A Secret with C(tls.crt) and C(tls.key), such as cert-manager keeps, that is copied. Later runs see when it was renewed.
    type: dict
    suboptions:
      namespace:
        description: Its namespace.
        type: str
        required: true
      name:
        description: Its name.
        type: str
        required: true
  adopt:
    description:
      - Take over a Secret of this name that somebody else made, or whose certificate or key somebody else has changed since.
      - An adopted Secret is never deleted. One that Argo CD, Flux or a controller keeps is not adopted.
    type: bool
    default: false
  warning_days:
    description: A certificate with fewer days left leads to a warning.
    type: int
    default: 30
  error_days:
    description: A certificate with fewer days left is an error, as an expired one always is.
    type: int
    default: 0
  served_address:
    description:
      - Where the router can be reached from the machine that runs the task, as C(HOST) or C(HOST:PORT). The certificate that is
        served there is compared with the one of the Secret. It is looked at, not trusted.
      - V(auto) takes the external address of Service C(azureml-fe).
    type: str
  extension_name:
    description: Name of the extension, for the update command. Taken from the cluster when the extension runs there.
    type: str
  connection:
    description: How the cluster is connected to Azure, for the update command. Detected when not given.
    type: str
    choices: [aks, arc]
  cluster_name:
    description:
      - Name of the cluster's resource in Azure, for the update command. Known by itself on a cluster connected by Azure Arc.
    type: str
  resource_group:
    description: Resource group of the cluster's resource, for the update command. As O(cluster_name).
    type: str
requirements:
  - cryptography >= 42.0.0
seealso:
  - module: azureml.kubernetes.cluster_info
  - name: Secure Kubernetes online endpoints
    description: What the extension needs for HTTPS.
    link: https://learn.microsoft.com/azure/machine-learning/how-to-secure-kubernetes-online-endpoint
  - name: Sample YAML definition of Kubernetes secret for TLS/SSL
    description: The document that this module implements.
    link: https://learn.microsoft.com/azure/machine-learning/reference-kubernetes#sample-yaml-definition-of-kubernetes-secret-for-tlsssl
"""

EXAMPLES = r"""
- name: Write the Secret from PEM files on the controller
  azureml.kubernetes.tls_secret:
    kubeconfig: ~/.kube/config
    context: aks-prod
    ssl_secret: azureml-tls
    ssl_cname: ml.example.org
    ssl_cert_pem_file: /etc/ssl/azureml/fullchain.pem
    ssl_key_pem_file: /etc/ssl/azureml/privkey.pem

- name: Write it from values of a vault, the key encrypted
  azureml.kubernetes.tls_secret:
    kubeconfig: ~/.kube/config
    context: aks-prod
    ssl_secret: azureml-tls
    ssl_cname: ml.example.org
    ssl_cert_pem: "{{ vault_tls_chain }}"
    ssl_key_pem: "{{ vault_tls_key }}"
    ssl_key_passphrase: "{{ vault_tls_passphrase }}"

- name: Copy what cert-manager keeps, and see whether the router serves it
  azureml.kubernetes.tls_secret:
    kubeconfig: ~/.kube/config
    context: arc-prod
    ssl_secret: azureml-tls
    ssl_cname: ml.example.org
    source_secret:
      namespace: ingress
      name: ml-example-org
    served_address: auto

- name: Look only - days left, a stale copy, what the router serves
  azureml.kubernetes.tls_secret:
    kubeconfig: ~/.kube/config
    context: arc-prod
    state: checked
    ssl_secret: azureml-tls
    ssl_cname: ml.example.org
    served_address: ml.example.org:443
    warning_days: 21
    fail_on: warning
  register: result

- name: Show how long it is valid
  ansible.builtin.debug:
    msg: "{{ result.tls.certificate.days_left }} days"

- name: Delete it after the extension was removed
  azureml.kubernetes.tls_secret:
    kubeconfig: ~/.kube/config
    context: aks-prod
    state: absent
    ssl_secret: azureml-tls
"""

RETURN = r"""
tls:
  description: The Secret and the certificate.
  returned: when the cluster was reached
  type: dict
  contains:
    name:
      description: Name of the Secret.
      type: str
      returned: always
      sample: azureml-tls
    namespace:
      description: Its namespace.
      type: str
      returned: always
      sample: azureml
    state:
      description:
        - What became of the Secret - V(created), V(updated), V(unchanged), V(removed), V(kept) (it is not ours to delete),
          V(absent), V(missing), V(checked), V(refused) (a finding says why) or V(unknown).
      type: str
      returned: always
      sample: unchanged
    certificate:
      description:
        - The server's certificate that was given, or with O(state=checked) the one in the Secret. Empty where there is none.
      type: dict
      returned: always
      sample:
        subject: CN=ml.example.org
        issuer: CN=Example Issuing CA
        names: [ml.example.org]
        sha256: "5B:0E:41:9D:02:6F:3A:8C:77:10:E4:B2:9A:63:D8:25:1C:F0:57:84:AB:3E:96:0D:C1:48:7B:F5:22:6E:90:DD"
        not_before: "2026-10-01T00:00:00Z"
        not_after: "2026-12-30T00:00:00Z"
        key: RSA 2048
        days_left: 37
    chain:
      description: The certificates after it.
      type: list
      elements: dict
      returned: always
    key:
      description: Whether the key in the Secret is V(new), V(changed) or V(as it was).
      type: str
      returned: always
      sample: as it was
    source:
      description: The Secret that this one is a copy of, as C(namespace/name).
      type: str
      returned: always
      sample: ingress/ml-example-org
    served:
      description: The certificate that the router serves, and C(address). Empty where it was not looked at.
      type: dict
      returned: always
    rotation:
      description:
        - V(done) when the router was seen to serve the certificate, V(pending) when it does not or nothing shows it,
          V(unproven) when it was started after the change but not looked at, V(none) when there is nothing to rotate.
      type: str
      returned: always
      sample: done
    update_command:
      description: The command that makes the router read the Secret. Empty when it is not needed.
      type: str
      returned: always
      sample: az k8s-extension update --name azureml --cluster-type connectedClusters --cluster-name prod --resource-group ml
        --config sslSecret=azureml-tls sslCname=ml.example.org
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
  description: C(tls) with its state.
  returned: always
  type: dict
  sample:
    tls: ok
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
from ansible_collections.azureml.kubernetes.plugins.module_utils._tls.topic import TOPIC


def main() -> None:
    """Run the topic as a module."""
    run_module(TOPIC)


if __name__ == "__main__":
    main()
