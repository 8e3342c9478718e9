"""Reads what the collection says about itself: module documentation, role specs, findings. Nothing here writes."""

from __future__ import annotations

import ast
import importlib
import typing as t
from dataclasses import dataclass
from pathlib import Path

import yaml
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "ansible_collections.azureml.kubernetes"
Doc = t.Dict[str, t.Any]


@dataclass(frozen=True)
class Module:
    """A module file: its documentation with fragments merged in, and its topic."""

    name: str
    path: Path
    doc: Doc
    examples: str
    returns: Doc
    topic_import: str

    @property
    def options(self) -> Doc:
        """Documented options by name, those of the fragments included."""
        return t.cast(Doc, self.doc.get("options") or {})

    @property
    def topic(self) -> Topic:
        """The topic that the file imports."""
        return t.cast(Topic, importlib.import_module(self.topic_import).TOPIC)


@dataclass(frozen=True)
class Role:
    """A role folder and its argument spec."""

    name: str
    path: Path
    spec: Doc

    @property
    def variables(self) -> Doc:
        """Every variable of every entry point, by name."""
        return {name: option for entry in self.spec.values() for name, option in (entry.get("options") or {}).items()}


def modules() -> list[Module]:
    """All modules, by name."""
    return [read_module(path) for path in sorted((ROOT / "plugins" / "modules").glob("[a-z]*.py"))]


def read_module(path: Path) -> Module:
    """A module as its file documents it, without running the file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    imports = [
        node.module for node in tree.body if isinstance(node, ast.ImportFrom) and any(alias.name == "TOPIC" for alias in node.names)
    ]
    if len(imports) != 1 or not imports[0]:
        raise ValueError(f"{path.name} imports TOPIC from {imports or 'nowhere'}; a module has exactly one topic.")
    doc = yaml.safe_load(texts["DOCUMENTATION"])
    for fragment in doc.get("extends_documentation_fragment") or []:
        merge_fragment(doc, fragment)
    return Module(path.stem, path, doc, texts["EXAMPLES"], yaml.safe_load(texts["RETURN"]), imports[0])


def merge_fragment(doc: Doc, name: str) -> None:
    """Merge a documentation fragment `namespace.collection.fragment[.part]` into `doc` as ansible-doc does."""
    namespace, collection, fragment, *part = name.split(".")
    module = importlib.import_module(f"ansible_collections.{namespace}.{collection}.plugins.doc_fragments.{fragment}")
    content = yaml.safe_load(getattr(module.ModuleDocFragment, part[0].upper() if part else "DOCUMENTATION"))
    for key in ("options", "attributes"):
        doc[key] = {**(content.get(key) or {}), **(doc.get(key) or {})}
    for key in ("notes", "requirements", "seealso"):
        doc[key] = [*(doc.get(key) or []), *(content.get(key) or [])]


def roles() -> list[Role]:
    """All roles, by name."""
    found = []
    for path in sorted(path for path in (ROOT / "roles").glob("*") if path.is_dir()):
        spec = path / "meta" / "argument_specs.yml"
        content = yaml.safe_load(spec.read_text(encoding="utf-8"))["argument_specs"] if spec.exists() else {}
        found.append(Role(path.name, path, content))
    return found


def code_modules() -> list[str]:
    """Python names of all files that define codes, the engine's first."""
    folder = ROOT / "plugins" / "module_utils"
    found = sorted((path for path in folder.glob("_*/codes.py")), key=lambda path: (path.parent.name != "_core", path.parent.name))
    return [f"{PACKAGE}.plugins.module_utils.{path.parent.name}.codes" for path in found]


def codes() -> list[Code]:
    """Everything the collection can say."""
    return [code for name in code_modules() for code in importlib.import_module(name).CODES]
