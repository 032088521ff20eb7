"""The garbage collector pauses while a process starts, and only then."""

import subprocess
import sys

STATES = """
import gc
from darkroom_process.startup import freeze_startup, pause_collections
pause_collections()
print(gc.isenabled())
freeze_startup()
print(gc.isenabled(), gc.get_freeze_count() > 1000)
"""


def test_collections_pause_until_the_startup_is_frozen() -> None:
    finished = subprocess.run([sys.executable, "-c", STATES], check=True, capture_output=True, text=True)  # noqa: S603
    assert finished.stdout.split() == ["False", "True", "True"]
