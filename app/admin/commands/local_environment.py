"""The environment of the app that `darkroom up` runs, for operators' commands beside it."""

import json
import os
from pathlib import Path

LOCAL_ENVIRONMENT = "app.json"
"""File in the data folder of `darkroom up` with the environment of the app that it runs."""


def adopt_local_environment() -> None:
    """Load the app's environment from the data folder of `darkroom up` if the variables are not set."""
    if "DARKROOM_DATABASE_URL" in os.environ:
        return
    file = Path(os.environ.get("DARKROOM_DATA", ".darkroom"), LOCAL_ENVIRONMENT)
    if file.exists():
        os.environ.update(json.loads(file.read_text()))
