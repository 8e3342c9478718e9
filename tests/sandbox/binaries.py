"""The programs of a control plane: found, else built once from pinned Go modules.

Order: ``KUBEBUILDER_ASSETS``, ``PATH`` (right version only), the cache, a build.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .errors import SandboxError
from .golang import find_go, module_directory, run_go
from .paths import GO_MODULES, cache_root, locked, read_json, write_json
from .progress import Progress, silent

KUBERNETES = "v1.36.3"
ETCD = "v3.6.15"
KWOK = "v0.8.0"
OPENSHIFT_API = "v0.0.0-20251015095338-264e80a2b6e7"
_KUBERNETES_COMMANDS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
_CRD_GROUPS = {
    "config/v1": (
        "0000_00_cluster-version-operator_01_clusteroperators.crd.yaml",
        "0000_00_cluster-version-operator_01_clusterversions-Default.crd.yaml",
        "0000_10_config-operator_01_infrastructures-Default.crd.yaml",
    ),
    "machineconfiguration/v1": (
        "0000_80_machine-config_01_machineconfigpools.crd.yaml",
        "0000_80_machine-config_01_machineconfigs.crd.yaml",
    ),
    "operator/v1": ("0000_50_console_01_consoles.crd.yaml",),
    "security/v1": ("0000_03_config-operator_01_securitycontextconstraints.crd.yaml",),
}


@dataclass(frozen=True)
class Recipe:
    """How one cache entry is made from ``tests/sandbox/go/MODULE``.

    ``programs`` maps a program's name to the arguments that make it print ``version``; empty: files only.
    """

    module: str
    version: str
    make: Callable[[str, Path, Progress], None]
    programs: dict[str, tuple[str, ...]]
    salt: str = ""

    @property
    def directory(self) -> Path:
        """The cache entry; its name changes with the version and every source file of the module."""
        digest = hashlib.sha256(self.salt.encode())
        for path in sorted((GO_MODULES / self.module).rglob("*")):
            if path.suffix in {".go", ".mod", ".sum"} and not path.name.endswith("_test.go"):
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return cache_root() / "bin" / f"{self.module}-{self.version}-{digest.hexdigest()[:12]}"


def _ldflags() -> str:
    major, minor = KUBERNETES.removeprefix("v").split(".")[:2]
    values = {"gitVersion": KUBERNETES, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    stamps = [f"-X {package}.{key}={value}" for package in _VERSION_PACKAGES for key, value in values.items()]
    return " ".join(["-s -w", *stamps])


def _build_kubernetes(go: str, target: Path, progress: Progress) -> None:
    packages = [f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES_COMMANDS]
    label = f"building {', '.join(_KUBERNETES_COMMANDS)} {KUBERNETES}"
    run_go(go, "kubernetes", ["build", "-ldflags", _ldflags(), "-o", f"{target}/", *packages], label, progress)


def _build_etcd(go: str, target: Path, progress: Progress) -> None:
    arguments = ["build", "-ldflags", "-s -w", "-o", str(target / "etcd"), "go.etcd.io/etcd/server/v3"]
    run_go(go, "etcd", arguments, f"building etcd {ETCD}", progress)


def _build_kwok(go: str, target: Path, progress: Progress) -> None:
    flags = f"-s -w -X sigs.k8s.io/kwok/pkg/consts.Version={KWOK}"
    arguments = ["build", "-ldflags", flags, "-o", str(target / "kwok"), "sigs.k8s.io/kwok/cmd/kwok"]
    run_go(go, "kwok", arguments, f"building kwok {KWOK}", progress)


def _build_front_door(go: str, target: Path, progress: Progress) -> None:
    arguments = ["build", "-ldflags", "-s -w", "-o", str(target / "frontdoor"), "."]
    run_go(go, "frontdoor", arguments, "building the front door", progress)


def _copy_stages(go: str, target: Path, progress: Progress) -> None:
    source = module_directory(go, "kwok", "sigs.k8s.io/kwok", progress) / "kustomize" / "stage"
    for path in [*source.glob("node/fast/*.yaml"), *source.glob("pod/fast/*.yaml")]:
        if path.name != "kustomization.yaml":
            shutil.copyfile(path, target / path.name)


def _copy_crds(go: str, target: Path, progress: Progress) -> None:
    source = module_directory(go, "crds", "github.com/openshift/api", progress)
    for group, names in _CRD_GROUPS.items():
        for name in names:
            shutil.copyfile(source / group / "zz_generated.crd-manifests" / name, target / name)


def _recipes() -> list[Recipe]:
    kubernetes = {name: ("--version",) for name in _KUBERNETES_COMMANDS if name != "kubectl"}
    return [
        Recipe("kubernetes", KUBERNETES, _build_kubernetes, {**kubernetes, "kubectl": ("version", "--client")}),
        Recipe("etcd", ETCD, _build_etcd, {"etcd": ("--version",)}),
        Recipe("kwok", KWOK, _build_kwok, {"kwok": ("--version",)}),
        # Its version is its source; nothing on PATH can stand in for it.
        Recipe("frontdoor", "source", _build_front_door, {"frontdoor": ()}),
        Recipe("kwok", f"{KWOK}-stages", _copy_stages, {}),
        Recipe("crds", OPENSHIFT_API, _copy_crds, {}, salt=repr(_CRD_GROUPS)),
    ]


@dataclass(frozen=True)
class Toolbox:
    """Where the programs and the files out of Go modules lie."""

    programs: dict[str, Path]
    stages: Path
    crds: Path

    def __getitem__(self, name: str) -> Path:
        return self.programs[name]


def toolbox(progress: Progress = silent) -> Toolbox:
    """Return every program, building what is missing. Raises SandboxError when a build fails."""
    recipes = _recipes()
    found = {recipe.directory: _ready_made(recipe) for recipe in recipes}
    missing = [recipe for recipe in recipes if found[recipe.directory] is None]
    if missing:
        go = find_go(progress)
        # Two at a time: linking is serial, so one build alone leaves a core idle.
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda recipe: _make(recipe, go, progress), missing))
    programs: dict[str, Path] = {}
    for recipe in recipes:
        for name in recipe.programs:
            programs[name] = (found[recipe.directory] or {}).get(name, recipe.directory / name)
    return Toolbox(programs, stages=recipes[4].directory, crds=recipes[5].directory)


def _ready_made(recipe: Recipe) -> dict[str, Path] | None:
    """Return the recipe's programs where they exist already, else None."""
    installed = {name: path for name in recipe.programs if (path := _installed(name, recipe)) is not None}
    if recipe.directory.is_dir() or (recipe.programs and len(installed) == len(recipe.programs)):
        return installed
    return None


def _installed(name: str, recipe: Recipe) -> Path | None:
    """Return a program of the right version from KUBEBUILDER_ASSETS or PATH."""
    if not recipe.programs[name]:
        return None
    for folder in _search_path():
        path = Path(folder, name)
        if path.is_file() and os.access(path, os.X_OK) and _version(path, recipe.programs[name]) == recipe.version:
            return path
    return None


def _search_path() -> Iterator[str]:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets:
        yield assets
    yield from filter(None, os.environ.get("PATH", "").split(os.pathsep))


def _version(path: Path, arguments: tuple[str, ...]) -> str | None:
    """Return what ``path`` says its version is (``v1.2.3``), asked once per file and remembered."""
    memory = cache_root() / "versions.json"
    stat = path.stat()
    key = f"{path}:{stat.st_size}:{stat.st_mtime_ns}"
    try:
        known: dict[str, str | None] = read_json(memory)
    except (OSError, ValueError):
        known = {}
    if key not in known:
        known[key] = _ask_version(path, arguments)
        memory.parent.mkdir(parents=True, exist_ok=True)
        write_json(memory, known)
    return known[key]


def _ask_version(path: Path, arguments: tuple[str, ...]) -> str | None:
    try:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\bv?(\d+\.\d+\.\d+\S*)", done.stdout)
    return f"v{found[1]}" if found else None


def _make(recipe: Recipe, go: str, progress: Progress) -> None:
    """Fill the recipe's cache entry: built beside it, then renamed, under a lock."""
    target = recipe.directory
    with locked(target.parent / f".{target.name}.lock"):
        if target.is_dir():
            return
        progress(f"{recipe.module} {recipe.version}: {recipe.make.__name__.strip('_').replace('_', ' ')} (once; cached)")
        scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        try:
            recipe.make(go, scratch, progress)
            if not any(scratch.iterdir()):
                raise SandboxError(f"{recipe.module} {recipe.version}: the build left nothing behind")
            scratch.chmod(0o755)
            scratch.rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    progress(f"{recipe.module} {recipe.version}: ready")
