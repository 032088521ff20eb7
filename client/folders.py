"""Where this client keeps its own files: the XDG folders, or what stands in for them."""

import os
from pathlib import Path


def config_folder() -> Path:
    return _folder("XDG_CONFIG_HOME", Path(".config")) / "darkroom"


def state_folder() -> Path:
    return _folder("XDG_STATE_HOME", Path(".local", "state")) / "darkroom"


def _folder(variable: str, below_home: Path) -> Path:
    """The specification says that a relative path in the variable is to be ignored."""
    named = Path(os.environ.get(variable) or "")
    return named if named.is_absolute() else Path.home() / below_home
