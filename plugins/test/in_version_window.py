# Copyright (c) the azureml.kubernetes maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test plugin over the pure functions of the version window."""

from __future__ import annotations

import datetime
import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.versions import parse_minor, parse_version
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.kubernetes_versions import AKS_CALENDAR
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.judge import Knowledge, judge
from ansible_collections.azureml.kubernetes.plugins.module_utils._version.sources import newest_ga


def in_version_window(value: t.Any, n: t.Any = None) -> bool:
    """Whether AzureML's window N, N-1, N-2 covers a Kubernetes version.

    Raises:
        AnsibleFilterError: the value or `n` is no version, since a silent "no" would hide a typing error.
    """
    version = parse_version(value)
    if version is None:
        raise AnsibleFilterError(
            f"in_version_window: {value!r} is no Kubernetes version; expected a string as 'v1.35.5' or '1.35'."
        )
    today = datetime.date.today()
    try:
        newest = newest_ga(AKS_CALENDAR, today) if n is None else parse_minor(n)
    except ValueError as error:
        raise AnsibleFilterError(f"in_version_window: n: {error}") from error
    if newest is None:
        raise AnsibleFilterError(f"in_version_window: the {AKS_CALENDAR.edition} knows no N for {today}; give n.")
    return judge(version, newest, Knowledge(AKS_CALENDAR, today)) == "supported"


class TestModule:
    """Ansible's entry to the tests of this file."""

    def tests(self) -> dict[str, t.Callable[..., bool]]:
        """Name to function."""
        return {"in_version_window": in_version_window}
