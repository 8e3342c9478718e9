"""A session of a task that needs no cluster: it knows local files only."""

from __future__ import annotations

import typing as t

from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.files import FILE_SCHEME, read_file, write_file
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.session import Clock, Session


class OfflineSession(Session):
    """Nothing is connected to; asking for anything but a file is a bug of the topic."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.server = ""

    def close(self) -> None:
        """There is nothing to give back."""

    def read(self, reads: t.Sequence[Read]) -> dict[Read, Answer]:
        """The files."""
        return {read: read_file(_path(read.path)) for read in reads}

    def write(self, write: Write) -> Json:
        """Write a file."""
        write_file(_path(write.path), write.body)
        return {}


def _path(path: str) -> str:
    if not path.startswith(FILE_SCHEME):
        raise RuntimeError(f"{path} was asked for without a cluster")
    return path[len(FILE_SCHEME) :]
