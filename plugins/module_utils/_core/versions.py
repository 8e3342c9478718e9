"""Version strings of Kubernetes servers and kubelets, and the window of minors that a support policy covers.

The strings are neither PEP 440 nor strict semantic versions (`v1.34.6-eks-bbe087e`, `v1.33.3-rc2+rke2r1`), so no version
library reads them all. A hyphen suffix is a vendor's mark unless it is alpha, beta or rc.
"""

from __future__ import annotations

import functools
import re
import typing as t
from dataclasses import dataclass

_NUMBER = r"[0-9]{1,9}"
_VERSION = re.compile(
    rf"v?(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})(?:\.(?P<patch>{_NUMBER}))?"
    r"(?:-(?P<pre>(?:alpha|beta|rc)[.-]?[0-9]{0,9})(?=[.+-]|$)(?P<rest>[^+\s]*)|-(?P<vendor>[^+\s]+))?"
    r"(?:\+(?P<meta>\S+))?"
)
_PRE_RANKS = ("alpha", "beta", "rc", "")
OLDEST_PLAUSIBLE_MINOR = 10
"""Kubernetes 1.1 to 1.9 ended by 2019; such a number nearly always is an unquoted 1.10, 1.20 or 1.30 that YAML shortened."""


class Minor(t.NamedTuple):
    """A minor release line, as 1.36; ordered by numbers, so that 1.9 comes before 1.10."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    def minus(self, count: int) -> Minor:
        """The line `count` minors older (newer when negative)."""
        return Minor(self.major, self.minor - count)

    def ahead_of(self, other: Minor) -> int | None:
        """How many minors this line is newer than `other` (negative: older); None across majors, where it has no meaning."""
        return self.minor - other.minor if self.major == other.major else None


@functools.total_ordering
@dataclass(frozen=True)
class KubernetesVersion:
    """A version that was understood.

    Args:
        patch: None where the string names a minor only.
        pre: pre-release as written, as `rc.0` or `rc2`; "" for a release.
        vendor: suffix of the distribution, as `k3s1`, `eks-bbe087e`, `akslts`; "" for upstream.
        text: the string as it was read, without surrounding blanks.
    """

    major: int
    minor: int
    patch: int | None
    pre: str
    vendor: str
    text: str

    @property
    def line(self) -> Minor:
        """The minor release line, which is what support policies speak of."""
        return Minor(self.major, self.minor)

    @property
    def before_release(self) -> bool:
        """Whether it was built before its minor was released: v1.36.0-rc.0 is, v1.33.3-rc2 (of a patch) is not."""
        return bool(self.pre) and not self.patch

    @property
    def sort_key(self) -> tuple[int, int, int, int, int, str]:
        """Numbers first, alpha < beta < rc < release, the text last, so that only equal versions compare equal."""
        word = self.pre.rstrip("0123456789").rstrip(".-")
        digits = self.pre[len(word) :].lstrip(".-")
        patch = -1 if self.patch is None else self.patch
        return (self.major, self.minor, patch, _PRE_RANKS.index(word), int(digits or 0), self.text)

    def __lt__(self, other: KubernetesVersion) -> bool:
        return self.sort_key < other.sort_key

    def __str__(self) -> str:
        return self.text


def parse_version(text: object) -> KubernetesVersion | None:
    """A gitVersion, kubeletVersion or "1.36" in any distribution's spelling; None for anything that is no version.

    A trailing `+` (minor "29+" of EKS, GKE and OpenShift) says "and patches of ours" and is dropped.
    """
    if not isinstance(text, str):
        return None
    match = _VERSION.fullmatch(text.strip().rstrip("+"))
    if match is None:
        return None
    part = match.groupdict()
    suffixes = (part["vendor"], (part["rest"] or "").lstrip(".-"), part["meta"])
    return KubernetesVersion(
        major=int(part["major"]),
        minor=int(part["minor"]),
        patch=None if part["patch"] is None else int(part["patch"]),
        pre=part["pre"] or "",
        vendor="+".join(suffix for suffix in suffixes if suffix),
        text=text.strip(),
    )


def server_version(body: object) -> KubernetesVersion | None:
    """The version in the body of `/version`: gitVersion, or major and minor where that alone makes sense.

    emulationMajor/Minor and minCompatibilityMajor/Minor of newer servers are not looked at.
    """
    if not isinstance(body, dict):
        return None
    return parse_version(body.get("gitVersion")) or parse_version(f"{body.get('major')}.{body.get('minor')}")


def parse_minor(text: object) -> Minor:
    """A minor line that a person wrote, as "1.36"; a released full version names its line too.

    Raises:
        ValueError: the message says what is wrong with it.
    """
    version = parse_version(str(text)) if isinstance(text, (str, int, float)) else None
    if version is None:
        raise ValueError(f"{text!r} is no Kubernetes version; write a minor as '1.36'.")
    if version.pre:
        raise ValueError(f"{version} is a pre-release; write a generally available minor as '1.36'.")
    if version.line < (1, OLDEST_PLAUSIBLE_MINOR):
        raise ValueError(
            f"Kubernetes {version.line} ended years ago. YAML reads an unquoted 1.{version.minor}0 as the number"
            f" 1.{version.minor}: write it in quotes, as '1.{version.minor}0'."
        )
    return version.line


def window(newest: Minor, size: int = 3) -> tuple[Minor, ...]:
    """The lines of an "N-2" policy, newest first: 1.36 gives 1.36, 1.35, 1.34."""
    return tuple(newest.minus(step) for step in range(size) if newest.minor >= step)
