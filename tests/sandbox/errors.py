"""The one exception of the sandbox."""

from __future__ import annotations


class SandboxError(Exception):
    """Something the sandbox was asked to do did not happen.

    ``status`` is the HTTP status code when an API server answered, else None;
    ``message`` says what happened, in the server's own words where it spoke.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message if status is None else f"{status}: {message}")
        self.status = status
        self.message = message
