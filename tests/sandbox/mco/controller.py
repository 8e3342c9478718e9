"""The loop of the emulator: look at what is cached, do what is due, sleep until something changes or becomes due."""

from __future__ import annotations

import copy
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.sandbox.client import Client
from tests.sandbox.errors import SandboxError
from tests.sandbox.kubelet import AWAY, KUBELET, away_status, is_ready, now

from . import daemon, pools, render
from .daemon import Phase
from .held import passing
from .hosts import Host, Hosts, describe, exec_target, is_coreos
from .names import (
    APPLIED_DRAIN,
    CONTROLLER,
    CURRENT,
    DAEMON_LABELS,
    DAEMON_NAMESPACE,
    DEGRADED,
    DESIRED,
    DESIRED_DRAIN,
    DONE,
    EXECS,
    IN_PROGRESS,
    MACHINE_CONFIGS,
    NODES,
    POOLS,
    REASON,
    REBOOTING,
    SETTINGS,
    STATE,
    WORKING,
    Object,
    annotations_of,
    labels_of,
    name_of,
    target_of,
)
from .settings import Settings
from .store import Store

_MERGE = "application/merge-patch+json"
_PAUSE_SECONDS = 0.1
_FOREVER = 3600.0


class Controller:
    """Renders pools, rolls nodes and plays their daemons, for the sandbox in ``directory``.

    Everything it knows is in the cluster and in the hosts' files; in memory are only clocks, so it can stop anywhere.
    Each write names the resourceVersion it was decided on: a stale decision is refused, and taken again.
    """

    def __init__(self, client: Client, directory: Path) -> None:
        self.client = client
        self.directory = directory
        self.hosts = Hosts.of(directory)
        self.settings = Settings()
        self._changed = threading.Event()
        self._epoch: int | None = None
        self._clocks: dict[str, float] = {}
        self._installed: set[str] = set()
        self._next = _FOREVER
        self._wrote = False
        store = partial(Store, client, changed=self._changed.set)
        self.nodes, self.pods = store(NODES), store("/api/v1/pods")
        self.pools, self.configs = store(POOLS), store(MACHINE_CONFIGS)
        self.config_maps, self.execs = store(SETTINGS), store(EXECS)
        self.stores = [self.nodes, self.pods, self.pools, self.configs, self.config_maps, self.execs]

    def run(self) -> None:
        """Run until the process is killed."""
        for store in self.stores:
            store.synced.wait()
        while True:
            self._changed.clear()
            self._wrote, self._next = False, _FOREVER
            with passing(self.directory) as epoch:
                self._pass(epoch)
            if not self._wrote:
                self._changed.wait(self._next)

    def _pass(self, epoch: int) -> None:
        """Do everything that is due now. A conflict ends it: the next one knows better."""
        try:
            if epoch != self._epoch:
                for store in self.stores:
                    store.relist()
                self._clocks.clear()
                self._installed.clear()
                self._epoch = epoch
            self.settings = Settings.read(self.config_maps.items())
            self._play_hosts()
            for pool in self.pools.items():
                self._render(pool)
            self._roll()
        except SandboxError as error:
            self._say(f"again in a moment: {error}")
            self._next = _PAUSE_SECONDS

    def _say(self, line: str) -> None:
        print(f"{now()} {line}", flush=True)

    # --- clocks and writes ---------------------------------------------------------------------

    def _is_due(self, clock: str, seconds: float) -> bool:
        """Whether ``seconds`` have gone by since ``clock`` was asked for the first time; else the loop wakes up then."""
        left = self._clocks.setdefault(clock, time.monotonic()) + seconds - time.monotonic()
        if left > 0:
            self._next = min(self._next, left)
        return left <= 0

    def _stop_clocks(self, *clocks: str) -> None:
        for clock in clocks:
            self._clocks.pop(clock, None)

    def _write(self, why: str, method: str, path: str, body: object, store: Store | None = None) -> Object:
        """Send one write and let ``store`` know its answer. Raises SandboxError."""
        kind = _MERGE if method == "PATCH" else "application/json"
        answer: Object = self.client.request(method, f"{path}?fieldManager={CONTROLLER}", body, content_type=kind)
        self._wrote = True
        self._say(why)
        if store is not None:
            store.put(answer)
        return answer

    def _patch_node(self, why: str, node: Object, change: Object, *, subresource: str = "") -> Object:
        metadata = {**change.get("metadata", {}), "resourceVersion": node["metadata"]["resourceVersion"]}
        path = "/".join(filter(None, (NODES, name_of(node), subresource)))
        return self._write(f"node {name_of(node)}: {why}", "PATCH", path, {**change, "metadata": metadata}, self.nodes)

    def _annotate(self, why: str, node: Object, annotations: dict[str, str | None], **spec: Any) -> Object:
        change: Object = {"metadata": {"annotations": annotations}}
        if spec:
            change["spec"] = spec
        return self._patch_node(why, node, change)

    # --- render controller ---------------------------------------------------------------------

    def _render(self, pool: Object) -> None:
        """Point ``pool`` at a rendered MachineConfig of all it selects, ``render_delay`` after that has changed."""
        name = name_of(pool)
        clock = f"render {name}"
        configs = render.selected(pool, self.configs.items())
        error, wanted = self.settings.fail_render.get(name, ""), None
        try:
            wanted = None if error else render.rendered(pool, configs)
        except render.RenderError as problem:
            error = str(problem)
        if self._has_rendered(pool, wanted, configs, error):
            self._stop_clocks(clock)
            self._own(pool)
        elif self._is_due(clock, self.settings.render_delay):
            if wanted is not None:
                pool = self._retarget(pool, wanted, configs)
            self._report_render(pool, error)
            self._stop_clocks(clock)

    def _own(self, pool: Object) -> None:
        """Make ``pool`` the owner of its rendered MachineConfig: that of a profile was there before the pool had a uid."""
        found = next((item for item in self.configs.items() if name_of(item) == target_of(pool)), None)
        if found is not None and not found["metadata"].get("ownerReferences"):
            metadata = {"ownerReferences": render.owners(pool), "resourceVersion": found["metadata"]["resourceVersion"]}
            path = f"{MACHINE_CONFIGS}/{name_of(found)}"
            self._write(f"pool {name_of(pool)}: owns {name_of(found)}", "PATCH", path, {"metadata": metadata}, self.configs)

    def _has_rendered(self, pool: Object, wanted: Object | None, configs: list[Object], error: str) -> bool:
        if not _differs(pool, [pools.render_condition(pool, error)]):
            return wanted is None or _configuration(wanted, configs) == pool["spec"].get("configuration")
        return False

    def _retarget(self, pool: Object, wanted: Object, configs: list[Object]) -> Object:
        """Create the rendered MachineConfig where it does not exist, and name it in the pool."""
        if name_of(wanted) not in map(name_of, self.configs.items()):
            self._write(f"pool {name_of(pool)}: created {name_of(wanted)}", "POST", MACHINE_CONFIGS, wanted, self.configs)
        configuration = _configuration(wanted, configs)
        if configuration == pool["spec"].get("configuration"):
            return pool
        body = {"metadata": {"resourceVersion": pool["metadata"]["resourceVersion"]}, "spec": {"configuration": configuration}}
        why = f"pool {name_of(pool)}: targets {name_of(wanted)}"
        return self._write(why, "PATCH", f"{POOLS}/{name_of(pool)}", body, self.pools)

    def _report_render(self, pool: Object, error: str) -> None:
        condition = pools.render_condition(pool, error)
        if _differs(pool, [condition]):
            status = dict(pool.get("status") or {})
            status["conditions"] = pools.conditions(status.get("conditions") or [], [condition], now())
            self._put_status(pool, status, f"RenderDegraded is {condition['status']} {error}".rstrip())

    def _put_status(self, pool: Object, status: Object, why: str) -> None:
        path = f"{POOLS}/{name_of(pool)}/status"
        self._write(f"pool {name_of(pool)}: {why}", "PUT", path, {**pool, "status": status}, self.pools)

    # --- node controller -----------------------------------------------------------------------

    def _roll(self) -> None:
        """Let nodes start, let each take its next steps, and say in the pools how far they are."""
        members: dict[str, list[str]] = {}
        everyone = self.pools.items()
        for node in self.nodes.items():
            pool = pools.primary_pool(node, everyone)
            if pool is not None and target_of(pool) and not node["metadata"].get("deletionTimestamp"):
                members.setdefault(name_of(pool), []).append(name_of(node))
        for pool in everyone:
            if not pool["spec"].get("paused") and not pool["metadata"].get("deletionTimestamp"):
                self._start(pool, self._named(members.get(name_of(pool), [])))
        for node in self.nodes.items():
            self._try(partial(self._advance, node))
        for pool in everyone:
            self._report(pool, self._named(members.get(name_of(pool), [])))

    def _named(self, names: list[str]) -> list[Object]:
        return [node for node in self.nodes.items() if name_of(node) in names]

    def _try(self, work: Callable[[], object]) -> None:
        """Do ``work``; what went wrong with one node shall not keep the others."""
        try:
            work()
        except SandboxError as error:
            self._say(f"later: {error}")
            self._next = min(self._next, _PAUSE_SECONDS)

    def _start(self, pool: Object, nodes: list[Object]) -> None:
        target = target_of(pool)
        for node in nodes:
            if DESIRED not in annotations_of(node):
                if is_ready(node):
                    self._try(partial(self._introduce, pool, node))
            elif (annotations_of(node)[DESIRED] != target) != (IN_PROGRESS in _taints(node)):
                self._try(partial(self._mark, node, behind=IN_PROGRESS not in _taints(node)))
        for node in pools.candidates(pool, self._named([name_of(node) for node in nodes])):
            taints = [taint for taint in _taints(node) if taint != IN_PROGRESS]
            self._try(partial(self._annotate, f"desiredConfig {target}", node, {DESIRED: target}, taints=taints))

    def _introduce(self, pool: Object, node: Object) -> None:
        """A new machine comes up with what its pool has already, not with what it is about to get."""
        config = ((pool.get("status") or {}).get("configuration") or {}).get("name") or target_of(pool)
        self._annotate(f"came up with {config}", node, {**daemon.initial_annotations(config)})

    def _mark(self, node: Object, *, behind: bool) -> None:
        taints = [taint for taint in _taints(node) if taint != IN_PROGRESS]
        why = "waits for its update" if behind else "waits no longer"
        self._patch_node(why, node, {"spec": {"taints": [*taints, IN_PROGRESS] if behind else taints}})

    def _report(self, pool: Object, nodes: list[Object]) -> None:
        current = next((item for item in self.pools.items() if name_of(item) == name_of(pool)), None)
        if current is None or not target_of(current):
            return
        status = pools.status(current, nodes, now())
        if status != current.get("status"):
            done = f"{status['updatedMachineCount']} of {status['machineCount']} updated"
            busy = f"{status['unavailableMachineCount']} unavailable, {status['degradedMachineCount']} degraded"
            self._try(partial(self._put_status, current, status, f"{done}, {busy}"))

    # --- machine config daemon and drain controller --------------------------------------------

    def _advance(self, node: Object) -> None:
        """Take the next step of ``node``, one only: the next pass follows at once."""
        fault = self.settings.fail_node.get(name_of(node), "")
        desired = annotations_of(node).get(DESIRED, "")
        step = daemon.phase(node, fault)
        if step is Phase.FAIL:
            self._annotate(f"fails: {fault}", node, {STATE: DEGRADED, REASON: fault})
        elif step is Phase.START:
            self._annotate(f"works on {desired}", node, {STATE: WORKING, REASON: "", DESIRED_DRAIN: f"drain-{desired}"})
        elif step is Phase.DRAIN:
            self._drain(node)
        elif step is Phase.REBOOT:
            self._go_down(node)
        elif step is Phase.BOOT:
            self._boot(node)
        elif step is Phase.UNCORDON:
            self._annotate("uncordoned", node, {APPLIED_DRAIN: annotations_of(node)[DESIRED_DRAIN]}, unschedulable=None)
        elif step is Phase.FINISH:
            ending = {DESIRED_DRAIN: f"uncordon-{desired}", APPLIED_DRAIN: f"uncordon-{desired}"}
            self._annotate("done", node, {CURRENT: desired, STATE: DONE, REASON: "", **ending}, unschedulable=None)

    def _drain(self, node: Object) -> None:
        """Cordon and evict through the API until only pods are left that a drain leaves."""
        name = name_of(node)
        if not node["spec"].get("unschedulable"):
            self._patch_node("cordoned", node, {"spec": {"unschedulable": True}})
            return
        clock = f"drain {name}"
        lasted = self._is_due(clock, self.settings.drain_seconds)
        on_node = [pod for pod in self.pods.items() if pod["spec"].get("nodeName") == name]
        left = [pod for pod in on_node if daemon.is_drained_by(pod)]
        for pod in left:
            self._evict(pod)
        if lasted and not left:
            self._annotate("drained", node, {APPLIED_DRAIN: annotations_of(node)[DESIRED_DRAIN]})
            self._stop_clocks(clock)

    def _evict(self, pod: Object) -> None:
        """Ask for the eviction of ``pod``; a PodDisruptionBudget may refuse, and then it is asked again later."""
        metadata = {"name": name_of(pod), "namespace": pod["metadata"]["namespace"]}
        clock = f"evict {pod['metadata']['uid']}"
        waits = clock in self._clocks and not self._is_due(clock, self.settings.drain_retry)
        if waits or pod["metadata"].get("deletionTimestamp"):
            return
        self._stop_clocks(clock)
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
        what = f"{metadata['namespace']}/{metadata['name']}"
        try:
            self._write(f"evicted pod {what}", "POST", path, body)
        except SandboxError as error:
            if error.status not in {404, 429}:
                raise
            self._say(f"eviction of pod {what} refused: {error.message}")
        self._is_due(clock, self.settings.drain_retry)

    def _go_down(self, node: Object) -> None:
        node = self._annotate("reboots", node, {STATE: REBOOTING, KUBELET: AWAY})
        self._patch_node("is away", node, {"status": away_status(node)}, subresource="status")

    def _boot(self, node: Object) -> None:
        """Bring ``node`` back with a new boot id and, where the daemon manages the kernel, the new arguments."""
        clock = f"boot {name_of(node)}"
        if not self._is_due(clock, self.settings.reboot_seconds):
            return
        desired = annotations_of(node)[DESIRED]
        boot_id = str(uuid.uuid4())
        host = self.hosts.read(name_of(node)) or Host.installed(node, ())
        if is_coreos(node):
            host = host.changed(self._arguments(desired))
        host = host.booted(boot_id)
        self.hosts.write(name_of(node), host)
        status = {"nodeInfo": {**node["status"]["nodeInfo"], "bootID": boot_id}}
        node = self._patch_node(f"booted: {describe(host)}", node, {"status": status}, subresource="status")
        # Without the annotation kwok makes it Ready.
        self._annotate("is back", node, {KUBELET: None, STATE: WORKING, DESIRED_DRAIN: f"uncordon-{desired}"})
        self._stop_clocks(clock)

    # --- what stands behind exec ---------------------------------------------------------------

    def _arguments(self, config: str) -> tuple[str, ...]:
        """Return the kernel arguments of rendered MachineConfig ``config``, none when it is gone."""
        found = next((item for item in self.configs.items() if name_of(item) == config), {})
        return tuple((found.get("spec") or {}).get("kernelArguments") or ())

    def _play_hosts(self) -> None:
        """Give every new node an operating system, and every daemon's pod the one of its node."""
        nodes = {name_of(node): node for node in self.nodes.items() if annotations_of(node).get(CURRENT)}
        if nodes.keys() != self._installed:
            self.hosts.keep_only(nodes)
            for name in nodes.keys() - self._installed:
                if self.hosts.read(name) is None:
                    self.hosts.write(name, Host.installed(nodes[name], self._arguments(annotations_of(nodes[name])[CURRENT])))
            self._installed = set(nodes)
        known = set(map(name_of, self.execs.items()))
        daemons = {name_of(pod): pod for pod in self.pods.items() if _is_daemon(pod)}
        for name in daemons.keys() - known:
            target = exec_target(daemons[name], self.hosts.path(daemons[name]["spec"]["nodeName"]))
            self._try(partial(self._write, f"pod {name}: can exec", "POST", EXECS, target, self.execs))
        for name in known - daemons.keys():
            self._try(partial(self.client.request, "DELETE", f"{EXECS}/{name}"))


def _configuration(wanted: Object, configs: list[Object]) -> Object:
    """Return what ``spec.configuration`` says about rendered MachineConfig ``wanted``."""
    return {"name": name_of(wanted), "source": render.references(configs)}


def _differs(pool: Object, wanted: list[Object]) -> bool:
    old = (pool.get("status") or {}).get("conditions") or []
    return pools.conditions(old, wanted, "") != old


def _taints(node: Object) -> list[Object]:
    return copy.deepcopy(node["spec"].get("taints") or [])


def _is_daemon(pod: Object) -> bool:
    in_place = pod["metadata"]["namespace"] == DAEMON_NAMESPACE and pod["spec"].get("nodeName")
    return bool(in_place) and DAEMON_LABELS.items() <= labels_of(pod).items()
