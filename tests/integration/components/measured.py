"""One judgement in a process of its own, measured: `python -m tests.integration.components.measured KUBECONFIG` prints JSON."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

from ansible_collections.azureml.kubernetes.plugins.module_utils._components.topic import TOPIC

from tests.integration.faults.work import run

if __name__ == "__main__":
    started = time.perf_counter()
    done = run(TOPIC, Path(sys.argv[1]), connection="aks", training=True, inference=False, surroundings=False)
    seconds = time.perf_counter() - started
    # Not ru_maxrss: a process inherits that of the one that started it.
    most = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    mebibytes = int(most[1]) / 1024 if most else float("inf")
    found = [[finding.code, finding.subject, finding.message] for finding in done.findings if finding.severity == "error"]
    print(json.dumps({"seconds": seconds, "mebibytes": mebibytes, "errors": found, "broken": done.broken}))
