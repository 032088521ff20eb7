"""The crash report of an attempt that ended with a fault of our own."""

import platform
import traceback
from pathlib import Path

from app.media.results import CrashReport


def crash_report(error: Exception) -> CrashReport:
    """Describe the error by its type and location, never by its text, which may contain the owner's data."""
    places = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(places[-1].filename).name}:{places[-1].lineno} {places[-1].name}" if places else ""
    return CrashReport(f"unexpected {type(error).__name__}{place}", ("attempt",), {"python": platform.python_version()})
