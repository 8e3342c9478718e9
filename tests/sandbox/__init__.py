"""A real Kubernetes control plane without a container engine, for tests and for trying things out."""

from __future__ import annotations

from .client import Object
from .errors import SandboxError
from .lifecycle import attach, down, running, up
from .profile import Profile, profiles
from .sandbox import Sandbox

__all__ = ["Object", "Profile", "Sandbox", "SandboxError", "attach", "down", "profiles", "running", "up"]
