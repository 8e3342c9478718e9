#!/usr/bin/python
# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: extension_settings
short_description: Check and compile the settings of the Azure Machine Learning extension, for az, ARM and Bicep
version_added: 1.0.0
author: The azureml.kubernetes maintainers (@azureml-kubernetes)
description:
  - Takes the settings of the extension as typed options, by their own names, or both, and says everything that is wrong with them
    before Azure is asked - unknown and replaced keys with the right one, values, and combinations that az refuses or that install
    badly.
  - Renders what az would send, as an argument list for C(az k8s-extension), and as maps for ARM, Bicep and Terraform, where nobody
    translates C(sslSecret) and its like, with a template that also makes the Azure Relay of an Arc cluster.
  - For an update it tells which settings disturb running jobs and online endpoints.
  - Azure is not asked, and the cluster only with O(read_cluster). Nothing is changed but the two private files, where they are
    asked for.
  - The page C(docs/extension.md) of the collection lists where the maps are not what az makes, and why.
extends_documentation_fragment:
  - azureml.kubernetes.common
  - kubernetes.core.k8s_auth_options
options:
  operation:
    description:
      - V(create) compiles the settings of a new extension. V(update) compiles a change of an installed one, which az neither
        completes nor checks as a whole.
    type: str
    choices: [create, update]
    default: create
  form:
    description:
      - What O(configuration_settings) and O(configuration_protected_settings) are written for. V(az) translates what it is
        given.
      - V(template) also judges them as a block that goes into ARM, Bicep or Terraform as it is, where nothing is translated.
        PEM text may then stand for a file.
    type: str
    choices: [az, template]
    default: az
  connection:
    description:
      - >-
        How the cluster is connected to Azure: V(aks) is C(managedClusters), V(arc) is C(connectedClusters), as ARO and every
        OpenShift are.
    type: str
    choices: [aks, arc]
    required: true
  cluster_name:
    description:
      - Name of the cluster's resource in Azure.
    type: str
    required: true
  resource_group:
    description:
      - Resource group of the cluster's resource.
    type: str
    required: true
  subscription_id:
    description:
      - Subscription of the cluster's resource. Needed with O(operation=create).
    type: str
  location:
    description:
      - Region of the cluster's resource. Needed with O(operation=create).
    type: str
    aliases: [region]
  extension_name:
    description:
      - Name of the extension.
    type: str
    default: azureml
  extension_version:
    description:
      - Version to pin. Automatic upgrades are then off.
    type: str
  release_train:
    description:
      - Release train; Azure takes V(stable) when absent.
    type: str
  auto_upgrade:
    description:
      - Whether Azure upgrades the extension by itself.
    type: bool
  configuration_settings:
    description:
      - Settings by their own names, as C(az) takes them with C(--config), beside the options below or instead of them.
      - A key may be given here or by its option, not both.
    type: dict
  configuration_protected_settings:
    description:
      - Protected settings by their own names. Secrets among them are never shown.
    type: dict
  known_keys:
    description:
      - Keys that are right although this collection does not know them. Nothing is said of them.
    type: list
    elements: str
    default: []
  stored_settings:
    description:
      - With O(operation=update), the C(configurationSettings) of the installed extension, as C(az k8s-extension show) returns
        them.
      - They tell what really changes, and what an update leaves behind.
    type: dict
  node_count:
    description:
      - >-
        How many nodes Azure counts: C(totalNodeCount) of the Arc resource, or the sum of the pools of AKS.
    type: int
  schedulable_nodes:
    description:
      - How many nodes the router may run on, after selectors and taints. O(node_count) is taken when absent.
    type: int
  openshift:
    description:
      - Whether the cluster is OpenShift, which decides about the setting C(openshift) that turns on the SELinux policy.
    type: bool
  read_cluster:
    description:
      - Connect to the cluster and count its nodes, those that fit selectors and taints, and see whether it is OpenShift, where
        the options do not say so.
      - Without it nothing is connected to, and no authentication is needed.
    type: bool
    default: false
  relay_exists:
    description:
      - With O(operation=update), whether the Azure Relay of the cluster exists. Unknown when absent.
    type: bool
  service_bus_exists:
    description:
      - With O(operation=update), whether the Service Bus of the cluster exists. Unknown when absent.
    type: bool
  log_analytics_exists:
    description:
      - With O(operation=update), whether the Log Analytics workspace of the cluster exists. Taken from O(stored_settings) when
        absent.
    type: bool
  protected_settings_file:
    description:
      - Where to write the protected settings for C(--config-protected-file), with mode 0600. Protected settings are never put
        on a command line.
      - It is written where the module runs, which is the controller by default, and only when nothing is wrong with the
        settings. Its folder must exist.
    type: path
  parameters_file:
    description:
      - Where to write the values of the template's secure parameters that are known here, with mode 0600.
    type: path
  training:
    description:
      - C(enableTraining). Training or inference has to be on.
    type: bool
  inference:
    description:
      - C(enableInference).
    type: bool
  allow_insecure_connections:
    description:
      - >-
        C(allowInsecureConnections): serve endpoints by plain HTTP.
    type: bool
  inference_router_service_type:
    description:
      - >-
        C(inferenceRouterServiceType): type of the router's Service. Needed for inference.
    type: str
    choices: [loadBalancer, nodePort, clusterIP]
  internal_load_balancer_provider:
    description:
      - >-
        C(internalLoadBalancerProvider): give the Service an address inside the virtual network. AKS only.
    type: str
    choices: [azure]
  ssl_secret:
    description:
      - >-
        C(sslSecret): the Secret in namespace C(azureml) that holds C(cert.pem) and C(key.pem). M(azureml.kubernetes.tls_secret)
        makes it.
    type: str
  ssl_cname:
    description:
      - >-
        C(sslCname): the name that clients connect to. Needed for HTTPS.
    type: str
  extension_ssl_cert_pem_file:
    description:
      - >-
        C(sslCertPemFile): a PEM file that az uploads into the extension. It wins over O(ssl_secret).
      - Not C(ssl_cert_pem_file), which is what M(azureml.kubernetes.tls_secret) makes the Secret of.
    type: path
  extension_ssl_key_pem_file:
    description:
      - >-
        C(sslKeyPemFile): the PEM file of its key, without a passphrase.
    type: path
  inference_router_ha:
    description:
      - >-
        C(inferenceRouterHA): three replicas of the router on three nodes. The extension's own default is V(true).
    type: bool
  node_selector:
    description:
      - >-
        C(nodeSelector.KEY): labels of the nodes that the extension and its workloads run on. An update can add and change, but
        not remove.
    type: dict
  install_nvidia_device_plugin:
    description:
      - >-
        C(installNvidiaDevicePlugin): install NVIDIA's device plugin. Only where neither a plugin nor the GPU Operator is there.
    type: bool
  install_prom_op:
    description:
      - >-
        C(installPromOp): install the Prometheus operator. V(false) uses the one that is there.
    type: bool
  install_volcano:
    description:
      - >-
        C(installVolcano): install Volcano. V(false) uses the one that is there.
    type: bool
  install_dcgm_exporter:
    description:
      - >-
        C(installDcgmExporter): export metrics of GPUs.
    type: bool
  volcano_scheduler_config_map:
    description:
      - >-
        C(volcanoScheduler.schedulerConfigMap): ConfigMap with a configuration of Volcano's scheduler of your own.
    type: str
  skip_resource_validation:
    description:
      - >-
        C(amloperator.skipResourceValidation): accept jobs that no node of today has room for, as autoscaled pools need.
    type: bool
  custom_ip_interface_enabled:
    description:
      - >-
        C(amloperator.custom_ip_interface_enabled): use O(custom_ip_interface).
    type: bool
  custom_ip_interface:
    description:
      - >-
        C(amloperator.custom_ip_interface): network interface of distributed jobs.
    type: str
  nginx_ingress:
    description:
      - >-
        C(nginxIngress.enabled): install the extension's ingress controller. az sets V(true) on AKS and V(false) on Arc.
    type: bool
  nginx_ingress_controller:
    description:
      - >-
        C(nginxIngress.controller): controller name of its IngressClass, where another ingress-nginx runs.
    type: str
  nginx_ingress_worker_processes:
    description:
      - >-
        C(nginxIngress.controllerConfig.worker-processes): its number of worker processes.
    type: int
  nginx_ingress_memory_limit:
    description:
      - >-
        C(nginxIngress.resources.controller.limits.memory): its memory limit.
    type: str
  router_upgrade:
    description:
      - >-
        C(scoringFe.enableUpgrade): let an update replace the router.
    type: bool
  cluster_purpose:
    description:
      - C(clusterPurpose). az sets V(DevTest) below three nodes.
    type: str
    choices: [DevTest, FastProd]
  aks_migration:
    description:
      - >-
        C(isAKSMigration): the cluster was attached to Azure Machine Learning in its first version.
    type: bool
  enable_https:
    description:
      - C(enable_https).
    type: bool
  log_analytics:
    description:
      - >-
        C(logAnalyticsWS): az makes a Log Analytics workspace for logs.
    type: bool
  blobfuse_sysctl_install:
    description:
      - C(blobfuseSysctlInstall.enabled).
    type: bool
  volume_plugin_dir:
    description:
      - C(volumePluginDir).
    type: str
  relay:
    description:
      - >-
        C(relayserver.enabled): talk to Azure through Azure Relay. az sets V(true) on Arc and V(false) on AKS.
    type: bool
  service_bus:
    description:
      - >-
        C(servicebus.enabled): az makes a Service Bus. Off unless asked for.
    type: bool
  extension_domain:
    description:
      - C(domain). az overwrites it with C(LOCATION.cloudapp.azure.com); the template keeps it.
    type: str
  system_tolerations:
    description:
      - >-
        C(toleration[N]): taints that the extension's system pods tolerate.
    type: list
    elements: dict
    suboptions:
      key:
        description: Key of the taint; every one when absent with V(Exists).
        type: str
      operator:
        description: How it is compared.
        type: str
        choices: [Equal, Exists]
      value:
        description: Value of the taint.
        type: str
      effect:
        description: Effect of the taint; every one when absent.
        type: str
        choices: [NoSchedule, PreferNoSchedule, NoExecute]
  workload_tolerations:
    description:
      - >-
        C(workLoadToleration[N]): taints that jobs and deployments tolerate.
    type: list
    elements: dict
    suboptions:
      key:
        description: Key of the taint; every one when absent with V(Exists).
        type: str
      operator:
        description: How it is compared.
        type: str
        choices: [Equal, Exists]
      value:
        description: Value of the taint.
        type: str
      effect:
        description: Effect of the taint; every one when absent.
        type: str
        choices: [NoSchedule, PreferNoSchedule, NoExecute]
  relay_connection_string:
    description:
      - Connection string of the Azure Relay, for O(parameters_file). The template reads it in Azure when absent, and az looks
        it up itself.
    type: str
  service_bus_connection_string:
    description:
      - Connection string of the Service Bus, for O(parameters_file). az looks it up itself.
    type: str
  log_analytics_key:
    description:
      - Key of the Log Analytics workspace, for O(parameters_file). az looks it up itself.
    type: str
  log_analytics_customer_id:
    description:
      - Customer id of the Log Analytics workspace. A secure parameter of the template when absent.
    type: str
  hybrid_connection_resource_id:
    description:
      - ARM id of the relay's hybrid connection. Computed by the template when absent.
    type: str
  service_bus_resource_id:
    description:
      - ARM id of the Service Bus. A secure parameter of the template when absent.
    type: str
seealso:
  - module: azureml.kubernetes.tls_secret
"""

EXAMPLES = r"""
- name: Settings for training and inference by HTTPS on an Arc-connected OpenShift
  azureml.kubernetes.extension_settings:
    connection: arc
    cluster_name: plant-7
    resource_group: edge
    subscription_id: 11111111-2222-3333-4444-555555555555
    location: westeurope
    training: true
    inference: true
    inference_router_service_type: loadBalancer
    ssl_secret: azureml-tls
    ssl_cname: ml.plant-7.example.org
    openshift: true
    node_count: 6
  register: settings

- name: Install the extension with them
  ansible.builtin.command:
    argv: "{{ ['az'] + settings.extension_settings.arguments }}"
  delegate_to: localhost
  changed_when: true

- name: Write the template of the same
  ansible.builtin.copy:
    content: "{{ settings.extension_settings.arm.template | to_nice_json }}"
    dest: build/plant-7.json
    mode: "0644"
  delegate_to: localhost

- name: Let the cluster tell its nodes, and give az the certificate in a private file
  azureml.kubernetes.extension_settings:
    kubeconfig: ~/.kube/config
    context: aks-1
    read_cluster: true
    connection: aks
    cluster_name: aks-1
    resource_group: ml
    subscription_id: 11111111-2222-3333-4444-555555555555
    location: westeurope
    inference: true
    inference_router_service_type: loadBalancer
    ssl_cname: ml.example.org
    extension_ssl_cert_pem_file: secrets/cert.pem
    extension_ssl_key_pem_file: secrets/key.pem
    protected_settings_file: build/aks-1.protected.json

- name: What would moving the router to another name disturb
  azureml.kubernetes.extension_settings:
    operation: update
    connection: aks
    cluster_name: aks-1
    resource_group: ml
    ssl_secret: azureml-tls-2
    ssl_cname: new.example.org
    stored_settings:
      sslCname: ml.example.org
      relayserver.enabled: 'false'
      servicebus.enabled: 'false'
  check_mode: true

- name: Judge the settings of a Terraform module
  azureml.kubernetes.extension_settings:
    form: template
    connection: arc
    cluster_name: plant-7
    resource_group: edge
    subscription_id: 11111111-2222-3333-4444-555555555555
    location: westeurope
    openshift: false
    node_count: 3
    fail_on: never
    configuration_settings:
      enableInference: 'true'
      inferenceRouterServiceType: nodePort
      sslSecret: azureml-tls
      sslCname: ml.example.org
"""

RETURN = r"""
extension_settings:
  description: The settings, compiled. No value in it is a secret.
  returned: always
  type: dict
  contains:
    operation:
      description: V(create) or V(update).
      type: str
      returned: always
      sample: create
    accepted:
      description: Whether az would take them. Nothing is rendered otherwise.
      type: bool
      returned: always
      sample: true
    sound:
      description: Whether nothing of them is an error.
      type: bool
      returned: always
      sample: true
    arguments:
      description:
        - Words after C(az), for C(argv) of M(ansible.builtin.command). Empty with O(form=template), and with protected settings as
          long as O(protected_settings_file) is not set.
      type: list
      elements: str
      returned: always
      sample: [k8s-extension, create, --name, azureml]
    command:
      description: The same as one line that is quoted for a shell.
      type: str
      returned: always
      sample: az k8s-extension create --name azureml
    configuration_settings:
      description: The plain settings that reach the extension when az sends them, with their types. What only Azure knows is in
        words.
      type: dict
      returned: always
      sample:
        enableTraining: 'true'
        relayserver.enabled: 'false'
    protected_keys:
      description: Names of the protected settings that reach the extension.
      type: list
      elements: str
      returned: always
      sample: [relayServerConnectionString, relayserver.relayConnectionString]
    arm:
      description:
        - C(configurationSettings) and C(configurationProtectedSettings) as maps of texts, whose secrets are expressions or secure
          parameters, and with O(operation=create) a C(template) for C(az deployment group create).
      type: dict
      returned: always
      sample:
        configurationSettings:
          scoringFe.sslSecret: azureml-tls
        configurationProtectedSettings: {}
    bicep:
      description: The same template as Bicep, with O(operation=create).
      type: str
      returned: always
      sample: "resource extension 'Microsoft.KubernetesConfiguration/extensions@2023-05-01' = {"
    azure_resources:
      description: What az makes in the resource group, by C(type) and C(name).
      type: list
      elements: dict
      returned: always
      sample:
        - type: Microsoft.Relay/namespaces
          name: plant711111111222233334444555555555555edgerelay
    consequences:
      description: >-
        Settings of an update that disturb, with C(key), C(before) (V(null) when unknown), C(after) and C(disturbs), which holds
        V(jobs), V(online endpoints) or both.
      type: list
      elements: dict
      returned: always
      sample:
        - key: sslCname
          before: ml.example.org
          after: new.example.org
          disturbs: [online endpoints]
    protected_needed:
      description: >-
        With O(operation=update), what has to be sent as soon as one protected setting is. C(by_az) is looked up by az, C(by_you) is
        what only you have.
      type: dict
      returned: always
      sample:
        by_az: [relayServerConnectionString]
        by_you: [sslCertPemFile, sslKeyPemFile]
    deviations:
      description: Codes of the findings that tell where the maps are not what az makes.
      type: list
      elements: str
      returned: always
      sample: [settings.domain_kept]
    nodes:
      description: C(count) and C(schedulable) nodes by which was judged, V(null) when unknown.
      type: dict
      returned: always
      sample:
        count: 6
        schedulable: 5
changed:
  description: Whether a private file was written, or would be in check mode.
  returned: always
  type: bool
  sample: false
findings:
  description: What was found, worst first, each with C(code), C(severity), C(subject), C(message) and C(remedy).
  returned: always
  type: list
  elements: dict
changes:
  description: The private files that were written, or would be in check mode. Their content is not shown.
  returned: always
  type: list
  elements: dict
checks:
  description: State of the check V(settings).
  returned: always
  type: dict
  sample:
    settings: ok
cluster:
  description: Server and UID of the cluster; empty without O(read_cluster).
  returned: always
  type: dict
  sample: {}
plan_digest:
  description: Names exactly this plan on exactly this cluster.
  returned: always
  type: str
  sample: 0123456789abcdef
"""

from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.module import run_module
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.topic import TOPIC


def main() -> None:
    """Run the topic as a module."""
    run_module(TOPIC)


if __name__ == "__main__":
    main()
