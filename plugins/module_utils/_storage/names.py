"""Names that Kubernetes accepts."""

from __future__ import annotations

import re

LABEL_RULE = "a DNS label: at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit"
NAME_RULE = "a DNS name: at most 253 lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"


def is_label(text: str) -> bool:
    """Whether `text` is a DNS label (RFC 1123)."""
    return len(text) <= 63 and re.fullmatch(_LABEL, text) is not None


def is_name(text: str) -> bool:
    """Whether `text` is a DNS subdomain (RFC 1123)."""
    return len(text) <= 253 and re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", text) is not None
