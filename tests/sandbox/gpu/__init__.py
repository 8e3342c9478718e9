"""The part of kubelets that GPUs need: nodes offer theirs as soon as a device plugin runs there.

A Node says with annotation ``sandbox.internal/gpus`` how many GPUs its machine has. Its ``nvidia.com/gpu`` appears when a
ready pod of a DaemonSet mounts the folder of the kubelet's device plugins there; when that pod goes, capacity stays
and nothing is allocatable any more, as kubelets do it. Annotation ``sandbox.internal/gpu-fault`` breaks the machine:

* ``no_driver``: a plugin runs and finds nothing to offer;
* ``xid``: one GPU had an error and is not healthy.

Not proven by this: drivers, container runtimes and their hooks, what a plugin does when it starts (with
``FAIL_ON_INIT_ERROR`` it would end instead of offering nothing), MIG, time-slicing and MPS, which of two plugins wins,
health checks, and that containers see a GPU.
"""

from __future__ import annotations
