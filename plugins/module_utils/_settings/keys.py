"""Key by key: is it known, is it in the right map, is its value one that it takes."""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.quantities import parse_quantity
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.extension_keys import KEYS, REPLACED, Key, find
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._settings.block import Block, is_false, is_true

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_DNS = re.compile(rf"{_LABEL}(\.{_LABEL})+", re.IGNORECASE)
_TOLERATION = re.compile(r"\[\d+\]\.(key|operator|value|effect|tolerationSeconds)")
_NAMES = [key.name for key in KEYS.rows]
_NEAR = 0.7
_LONGEST_NAME = 253


def key_findings(block: Block, known: t.Collection[str] = ()) -> list[Finding]:
    """Everything that can be said of single keys.

    Args:
        known: keys that the user vouches for.
    """
    said: list[Finding] = []
    for name in block.keys:
        if name not in known:
            said += _of_key(name, block)
    return said


def _of_key(name: str, block: Block) -> list[Finding]:
    replaced = next((row for row in REPLACED.rows if row.name == name), None)
    if replaced is not None:
        remedy = f"Write {replaced.instead}."
        return [codes.REPLACED_KEY.finding("it has no effect any more.", name, remedy=remedy, edition=REPLACED.edition)]
    key = find(name)
    if key is None:
        return [_unknown(name)]
    said = [*_misplaced(name, key, block)]
    if name == "openshift":
        said.append(codes.OPENSHIFT_BY_HAND.finding("it is set by hand.", name))
    problem = value_problem(name, key, block.value(name))
    if name in ("sslCertPemFile", "sslKeyPemFile") and "-----BEGIN" in str(block.value(name)):
        said.append(codes.PEM_AS_PATH.finding("its value is PEM text, not the path of a file.", name))
    elif problem:
        said.append(codes.BAD_VALUE.finding(f"{problem}.", name))
    return said


def _unknown(name: str) -> Finding:
    near = nearest(name)
    hint = f"Did you mean {near}?" if near else codes.UNKNOWN_KEY.remedy
    return codes.UNKNOWN_KEY.finding("no setting has this name, so it has no effect.", name, remedy=hint, edition=KEYS.edition)


def nearest(name: str) -> str:
    """The known key that a wrong one was probably meant to be; "" where none is near."""
    lower = name.lower()[:_LONGEST_NAME]
    head = re.match(r"[^.\[]+[.\[]", lower)
    family = _near(head.group(), [key for key in _NAMES if key.endswith((".", "["))]) if head else ""
    if head and family:
        return family + name[head.end() :]
    return _near(lower, [key for key in _NAMES if not key.endswith((".", "["))])


def _near(lower: str, names: t.Sequence[str]) -> str:
    by_lower = {one.lower(): one for one in names}
    return next((by_lower[found] for found in difflib.get_close_matches(lower, by_lower, n=1, cutoff=_NEAR)), "")


def _misplaced(name: str, key: Key, block: Block) -> t.Iterator[Finding]:
    if key.protected and name in block.settings:
        why = (
            "az looks for it in the protected settings only"
            if key.kind == "path"
            else "everyone who may read the extension sees it"
        )
        yield codes.MISPLACED.finding(f"it is in the plain settings: {why}.", name)
    if key.protected is False and name in block.protected:
        yield codes.MISPLACED.finding("it is in the protected settings, where az does not look for it.", name)


def value_problem(name: str, key: Key, value: t.Any) -> str:
    """What is wrong with a value, "" where nothing is. A secret's value is never named."""
    if isinstance(value, (dict, list)) or value is None:
        return f"it is {'empty' if value is None else 'a ' + type(value).__name__}; every setting is one text, number or switch"
    text = str(value)
    if text == "" and key.kind not in ("text", "secret"):
        return "it is empty"
    if key.kind == "secret":
        return ""
    if key.kind == "bool" and not is_true(value) and not is_false(value):
        return f"{value!r} is neither true nor false, and az takes it for the one or the other as it happens"
    if key.kind == "choice" and text.lower() not in (choice.lower() for choice in key.choices):
        return f"{value!r} is none of {', '.join(key.choices)}"
    if key.kind == "name" and (not _NAME.fullmatch(text) or len(text) > _LONGEST_NAME):
        return f"{value!r} cannot be the name of a Kubernetes object"
    if key.kind == "dns" and (not _DNS.fullmatch(text) or len(text) > _LONGEST_NAME):
        return f"{value!r} is no DNS name with a domain"
    if key.kind == "int" and not re.fullmatch(r"[0-9]{1,6}", text):
        return f"{value!r} is no number"
    if key.kind == "quantity" and not _is_quantity(text):
        return f"{value!r} is no quantity as 512Mi"
    if key.name.endswith("[") and not _TOLERATION.fullmatch(name[len(key.name) - 1 :]):
        return f"a toleration is written {key.name}0].key, .operator, .value or .effect"
    return ""


def _is_quantity(text: str) -> bool:
    try:
        return parse_quantity(text) > 0
    except ValueError:
        return False
