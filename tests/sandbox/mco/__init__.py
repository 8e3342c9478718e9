"""An emulated MachineConfig operator: renders pools, rolls nodes, and answers ``exec`` as each node's system would.

It runs as a process of its own beside the control plane, talks to the API server directly (the front door sees nothing
of it), follows watches, and acts only on what the cluster says. It does what the real one does with MachineConfigs,
MachineConfigPools and Nodes:

* a change of the MachineConfigs that a pool selects is rendered after ``render_delay`` (changes within it share one
  rollout) into ``rendered-POOL-HASH``, kernel arguments in the operator's order; ``spec.configuration`` then names it;
* per pool, as many nodes as ``maxUnavailable`` leaves (NotReady, cordoned and busy ones count) get ``desiredConfig``, by
  zone and age, unless the pool is paused; a node belongs to one pool: master beats custom beats worker;
* a node works (``state`` Working), is cordoned, drained through the eviction API, reboots (NotReady, unreachable for
  ``exec``, a new bootID), is uncordoned and Done; ``status.configuration`` follows when all are;
* on Red Hat CoreOS the new kernel arguments are there after the reboot; on RHEL they are skipped, and the node still
  says Done.

What it does not prove:

* Ignition: files and units are put one after the other, never validated, merged or written; only an unknown version
  fails to render. Config drift, extensions, kernel types, OS images, certificates and pull secrets do not exist.
* Kernel and SELinux: ``getenforce`` is computed from the command line and ``/etc/selinux/config``. That a kernel obeys
  ``selinux=0``, that RHCOS still boots with it, and what is left unlabelled, is not shown here.
* ``rpm-ostree``: kernel arguments are replaced, not edited, so a drifted host cannot fail.
* Time: everything takes seconds, real nodes minutes; a drain that fails for an hour is not reported as an event; API
  servers do not go away while masters reboot (the front door can simulate it); masters are not ordered around etcd.
* Writers: there are no Events, no MachineConfigNode, ControllerConfig or ClusterOperator updates, no NodeDisruptionPolicy,
  on-cluster layering or pinned images. MachineConfigs that ARO adds for a custom pool do not appear.
* The validating policies for custom pools (4.18) are not there: a selector that leaves out role worker is accepted.
* ``chroot`` is none: the command runs on this machine with stub programs in front, see ``hosts.py``.
"""
