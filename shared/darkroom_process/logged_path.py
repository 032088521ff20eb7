"""The path of a request as it appears in log entries."""

from darkroom_process.asgi_types import Scope

MAX_CHARACTERS = 300
"""Longer than every path that we serve. A client chooses the text, whose length decides what the filter costs."""


def logged_path(scope: Scope) -> str:
    """Return the beginning of the path, followed by `…` if it is longer."""
    path: str = scope["path"]
    return path if len(path) <= MAX_CHARACTERS else f"{path[:MAX_CHARACTERS]}…"
