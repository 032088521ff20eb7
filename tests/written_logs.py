"""The log entries that the process writes during a test."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO

import structlog

from darkroom_process.logs import configure_logs


@contextmanager
def written_logs() -> Iterator[StringIO]:
    """Configure the logs as in production, but write them to the yielded stream instead of stderr."""
    root = logging.getLogger()
    handlers, level, written = root.handlers, root.level, StringIO()
    configuration = structlog.get_config()
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    with redirect_stderr(written):
        configure_logs(as_json=True)
    yield written
    root.handlers = handlers
    root.setLevel(level)
    structlog.configure(**configuration)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
