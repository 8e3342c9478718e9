"""Kubernetes quantities (`1Gi`, `500m`, `1e3`) as exact numbers, so that `1Gi` and `1024Mi` are the same.

The grammar is that of k8s.io/apimachinery, pkg/api/resource/quantity.go, but a number is never left out (the server takes `Gi`
for nothing). Beyond 2^63-1 the server keeps 2^63-1 of some spellings; here every number stays what it is.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

_QUANTITY = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?"
    r"(?:(?P<binary>[KMGTPE]i)|(?P<decimal>[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]{1,4}))?"
)
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_NANO = 10**9
# No quantity of a cluster comes near; numbers that need megabytes of memory are not computed.
_LONGEST = 100


def parse_quantity(text: str) -> Fraction:
    """A quantity as the API server understands it.

    Args:
        text: as in a manifest. What is finer than a billionth is rounded away from zero, as the server does.

    Raises:
        ValueError: it is none, in one sentence.
    """
    found = _QUANTITY.fullmatch(text)
    digits = (found["whole"] or "") + (found["part"] or "") if found else ""
    if found is None or not digits:
        raise ValueError(f"{text!r} is not a quantity: write a number and a unit, as 100Gi or 1.5Ti.")
    exponent = int(found["exponent"] or 0)
    if len(digits) > _LONGEST or abs(exponent) > _LONGEST:
        raise ValueError(f"{text[:20]!r}... is not a quantity that a cluster can hold.")
    number = Fraction(int(digits), 10 ** len(found["part"] or ""))
    if found["binary"]:
        number *= 2 ** _BINARY[found["binary"]]
    else:
        number *= Fraction(10) ** (_DECIMAL[found["decimal"]] if found["decimal"] else exponent)
    rounded = Fraction(math.ceil(number * _NANO), _NANO)
    return -rounded if found["sign"] == "-" else rounded


def read_quantity(value: object) -> Fraction | None:
    """A quantity that a server sent; None for anything else."""
    try:
        return parse_quantity(str(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
    except ValueError:
        return None
