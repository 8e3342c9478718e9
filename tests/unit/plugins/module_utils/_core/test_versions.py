"""Version strings from the world."""

from __future__ import annotations

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import (
    KubernetesVersion,
    Minor,
    parse_minor,
    parse_version,
    server_version,
    window,
)
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.version

# text, (major, minor, patch), pre, vendor
STRINGS = [
    ("v1.35.5", (1, 35, 5), "", ""),
    ("v1.28.103-akslts", (1, 28, 103), "", "akslts"),
    ("v1.20.7-hotfix.20210524", (1, 20, 7), "", "hotfix.20210524"),
    ("v1.34.6-eks-bbe087e", (1, 34, 6), "", "eks-bbe087e"),
    ("v1.21.2-eks-4096722", (1, 21, 2), "", "eks-4096722"),
    ("v1.35.5-gke.1", (1, 35, 5), "", "gke.1"),
    ("v1.20.9-gke.1001", (1, 20, 9), "", "gke.1001"),
    ("v1.25.14+a52e8df", (1, 25, 14), "", "a52e8df"),
    ("v1.33.6", (1, 33, 6), "", ""),
    ("v1.30.0+k3s1", (1, 30, 0), "", "k3s1"),
    ("v1.29.4+k3s1", (1, 29, 4), "", "k3s1"),
    ("v1.30.4+rke2r1", (1, 30, 4), "", "rke2r1"),
    ("v1.33.3-rc2+rke2r1", (1, 33, 3), "rc2", "rke2r1"),
    ("v1.31.2+k0s", (1, 31, 2), "", "k0s"),
    ("v1.32.0+vmware.6-fips", (1, 32, 0), "", "vmware.6-fips"),
    ("v1.24.0-mirantis-1", (1, 24, 0), "", "mirantis-1"),
    ("v1.37.0-alpha.1", (1, 37, 0), "alpha.1", ""),
    ("v1.37.0-beta.2", (1, 37, 0), "beta.2", ""),
    ("v1.37.0-rc.0", (1, 37, 0), "rc.0", ""),
    ("v1.26.0-vk-azure-aci-1.6.2", (1, 26, 0), "", "vk-azure-aci-1.6.2"),
    ("1.36", (1, 36, None), "", ""),
    ("1.29+", (1, 29, None), "", ""),
    ("v1.37.0-alpha.0.51+6a2f1b", (1, 37, 0), "alpha.0", "51+6a2f1b"),
    ("v1.30.1-rcx1", (1, 30, 1), "", "rcx1"),
    (" v1.9.0 \n", (1, 9, 0), "", ""),
]


@pytest.mark.parametrize(("text", "numbers", "pre", "vendor"), STRINGS, ids=[row[0].strip() for row in STRINGS])
def test_strings_of_the_distributions(text: str, numbers: tuple[int, int, int | None], pre: str, vendor: str) -> None:
    assert parse_version(text) == KubernetesVersion(*numbers, pre, vendor, text.strip())


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        "v",
        "1",
        "latest",
        "v1.x",
        "v1.2.3.4",
        "1.2 3",
        "v1.36.0-",
        "-1.2",
        "1.-2",
        "१.३६",
        "9" * 5000 + ".1",
        "v1.36.0-a\nb",
        None,
        1.36,
        1,
        {},
        [],
        b"1.36",
        True,
    ],
)
def test_rubbish_is_no_version(rubbish: object) -> None:
    assert parse_version(rubbish) is None


def test_only_a_prerelease_of_the_minor_itself_is_before_its_release() -> None:
    flags = {text: parse_version(text).before_release for text in ("v1.36.0-rc.0", "v1.33.3-rc2+rke2r1", "v1.36.0+k3s1")}
    assert flags == {"v1.36.0-rc.0": True, "v1.33.3-rc2+rke2r1": False, "v1.36.0+k3s1": False}


def test_order_is_by_numbers_and_prereleases_come_first() -> None:
    ordered = ["1.9.0", "1.10", "1.10.0-alpha.2", "1.10.0-beta.1", "1.10.0-rc.2", "1.10.0-rc.10", "1.10.0", "1.10.1", "2.0.0"]
    assert [version.text for version in sorted(map(parse_version, reversed(ordered)))] == ordered
    assert parse_version("v1.10.0") > parse_version("v1.9.9")
    assert Minor(1, 9) < Minor(1, 10)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"gitVersion": "v1.34.6-eks-bbe087e", "major": "1", "minor": "34+"}, (1, 34)),
        ({"gitVersion": "", "major": "1", "minor": "29+"}, (1, 29)),
        ({"gitVersion": {"no": "text"}, "major": 1, "minor": 25}, (1, 25)),
        ({"gitVersion": "v1.33.1", "emulationMajor": "1", "emulationMinor": "32"}, (1, 33)),
        ({"gitVersion": "rubbish", "major": "1"}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_server_version(body: object, line: tuple[int, int] | None) -> None:
    version = server_version(body)
    assert (version.line if version else None) == line


@pytest.mark.parametrize(("text", "line"), [("1.36", (1, 36)), ("v1.36.2", (1, 36)), (1.36, (1, 36)), ("1.29+", (1, 29))])
def test_a_minor_as_people_write_it(text: object, line: tuple[int, int]) -> None:
    assert parse_minor(text) == line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("newest", "'newest' is no Kubernetes version"),
        (None, "None is no Kubernetes version"),
        ("1.37.0-rc.0", "is a pre-release"),
        (1.3, "write it in quotes, as '1.30'"),
        ("1.4", "write it in quotes, as '1.40'"),
        (36, "36 is no Kubernetes version"),
    ],
)
def test_a_minor_that_is_none_says_why(text: object, words: str) -> None:
    with pytest.raises(ValueError, match=r"\.") as caught:
        parse_minor(text)
    assert words in str(caught.value)


def test_window_is_newest_first_and_never_negative() -> None:
    assert window(Minor(1, 36)) == ((1, 36), (1, 35), (1, 34))
    assert window(Minor(2, 1)) == ((2, 1), (2, 0))


def test_distance_has_no_meaning_across_majors() -> None:
    assert Minor(1, 36).ahead_of(Minor(1, 33)) == 3
    assert Minor(2, 0).ahead_of(Minor(1, 36)) is None


well_formed = st.from_regex(
    r"v?\d{1,3}\.\d{1,3}(\.\d{1,3})?(-(alpha|beta|rc)[.-]?\d{0,2}|-[a-z0-9.-]{1,9})?(\+[a-z0-9.-]{1,9})?",
    fullmatch=True,
    alphabet="v0123456789.-+abcdefghlpr",
)
version_like = st.one_of(st.text(), st.text(alphabet="v0123456789.-+rcalphabet ", max_size=30), well_formed)


@given(version_like)
def test_any_text_is_a_version_or_none(text: str) -> None:
    version = parse_version(text)
    if version is not None:
        assert parse_version(version.text) == version
        assert version.text == text.strip()
        assert not set(version.vendor) & set(" \n\t")
        assert isinstance(version.before_release, bool)


@given(st.lists(well_formed.map(parse_version), max_size=6))
def test_order_is_total(versions: list[KubernetesVersion]) -> None:
    for one in versions:
        for other in versions:
            assert (one < other) + (other < one) + (one == other) == 1
    ordered = sorted(versions)
    assert all(not later < earlier for earlier, later in zip(ordered, ordered[1:]))
    assert [version.line for version in ordered] == sorted(version.line for version in versions)
