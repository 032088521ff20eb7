"""The folders of this client's own files: the XDG folders, or their defaults."""

import os
from pathlib import Path


def config_folder() -> Path:
    return _folder("XDG_CONFIG_HOME", Path(".config")) / "darkroom"


def state_folder() -> Path:
    return _folder("XDG_STATE_HOME", Path(".local", "state")) / "darkroom"


def _folder(variable: str, below_home: Path) -> Path:
    """Return the folder. A relative path in the variable is ignored, as the specification requires."""
    named = Path(os.environ.get(variable) or "")
    return named if named.is_absolute() else Path.home() / below_home
