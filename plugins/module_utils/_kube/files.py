"""Local files that a topic reads and writes: whole, private, and never seen half written."""

from __future__ import annotations

import os
import stat
import tempfile

from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import KubeError

FILE_SCHEME = "file://"
LARGEST = 1 << 20


def read_file(path: str) -> Answer:
    """The `text` and `mode` of a file; 404 where there is none, 403 with the reason where it cannot be read."""
    try:
        with open(path, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(LARGEST + 1).decode("utf-8", "replace")
    except FileNotFoundError:
        return Answer(404, {"message": f"{path} does not exist"})
    except (OSError, ValueError) as error:
        return Answer(403, {"message": f"{path}: {getattr(error, 'strerror', None) or error}"})
    return Answer(200, {"text": text, "mode": mode})


def write_file(path: str, text: str) -> None:
    """Replace a file by one of mode 0600 that holds `text`.

    Raises:
        KubeError: it cannot be written; what was there before is then still there.
    """
    temporary = ""
    try:
        # mkstemp makes the file 0600; the rename keeps a reader from seeing half of it.
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".azureml-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except (OSError, ValueError) as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        message = f"{path} cannot be written: {getattr(error, 'strerror', None) or error}."
        raise KubeError(codes.FILE_UNWRITABLE, message, f"File/{path}") from error
