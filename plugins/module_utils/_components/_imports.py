"""The one place of topic components that imports `jmespath`, guarded: only a user's own checks need it."""

from __future__ import annotations

import traceback

PROBLEM = ""

try:
    import jmespath
    from jmespath.exceptions import JMESPathError
except ImportError:
    PROBLEM = traceback.format_exc(limit=0).strip().splitlines()[-1]

__all__ = ["PROBLEM", "JMESPathError", "jmespath"]
