"""Names, label keys and label values that Kubernetes accepts."""

from __future__ import annotations

import re

NAMESPACE_RULE = "a DNS label: at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit"
KEY_RULE = (
    "a label key: at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, with or without a"
    " DNS name and '/' in front"
)
VALUE_RULE = "a label value: at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_WORD = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"


def is_label(text: str) -> bool:
    """Whether `text` is a DNS label (RFC 1123), as a namespace has to be."""
    return len(text) <= 63 and re.fullmatch(_LABEL, text) is not None


def is_name(text: str) -> bool:
    """Whether `text` is a DNS subdomain (RFC 1123), as the name of a node or Secret has to be."""
    return len(text) <= 253 and re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", text) is not None


def is_key(text: str) -> bool:
    """Whether `text` can be the key of a label, annotation or taint."""
    prefix, slash, name = text.rpartition("/")
    return (is_name(prefix) if slash else True) and len(name) <= 63 and re.fullmatch(_WORD, name) is not None


def is_value(text: str) -> bool:
    """Whether `text` can be the value of a label or taint."""
    return len(text) <= 63 and re.fullmatch(rf"({_WORD})?", text) is not None
