"""Entries of our own code and of all packages, tracebacks and uncaught exceptions pass the one filter."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from darkroom_process.redaction import REMOVED
from tests.written_logs import written_logs

SIGNED = "http://127.0.0.1:8081/darkroom/originals/acc_1/itm_1?X-Amz-Credential=canary&X-Amz-Signature=canary"
LIBRARIES = ["alembic", "asyncio", "botocore.endpoint", "httpx", "sqlalchemy.engine", "uvicorn.error", "elsewhere"]


@pytest.fixture
def written() -> Iterator[StringIO]:
    with written_logs() as stream:
        yield stream


def test_every_value_of_an_entry_is_filtered_at_any_depth(written: StringIO) -> None:
    structlog.get_logger().info(
        "thing.done",
        url=SIGNED,
        cookie="canary",
        darkroom_share="canary",
        nested={"list": [SIGNED, {"email": "canary"}]},
        error=ValueError("Bearer canary"),
        size_bytes=7,
        missing=None,
    )

    entry = json.loads(written.getvalue())
    assert "canary" not in written.getvalue()
    assert (entry["event"], entry["cookie"], entry["size_bytes"], entry["missing"]) == ("thing.done", REMOVED, 7, None)
    assert (entry["level"], entry["timestamp"][-1]) == ("info", "Z")


@pytest.mark.parametrize("library", LIBRARIES)
def test_entries_and_tracebacks_of_packages_are_filtered(written: StringIO, library: str) -> None:
    headers = [(b"cookie", b"a=canary; b=canary"), (b"authorization", b"Basic canary")]
    try:
        try:
            raise KeyError("password='canary'")
        except KeyError as cause:
            error = ExceptionGroup("Cookie: canary", [ValueError(SIGNED)])
            error.add_note("redis://:canary@127.0.0.1:6379/0")
            raise error from cause
    except ExceptionGroup:
        logging.getLogger(library).exception("for %s with %r", "ada.canary@example.com", headers)

    entry = json.loads(written.getvalue())
    assert "canary" not in written.getvalue()
    assert "ValueError" in entry["exception"]
    assert "KeyError" in entry["exception"]


def test_uncaught_exceptions_and_entries_that_cannot_be_formatted_are_printed_without_secrets() -> None:
    program = """
import logging
from darkroom_process.logs import configure_logs
configure_logs()
logging.getLogger("elsewhere").warning("%d", "canary" + "1")
raise ValueError("password=canary" + "1")
"""

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)  # noqa: S603

    assert (ended.returncode, "canary1" in ended.stderr) == (1, False)
    assert "An entry of elsewhere, line 5, cannot be formatted." in ended.stderr
    assert ended.stderr.splitlines()[-1] == f"ValueError: password={REMOVED}"


def test_exceptions_of_threads_and_finalizers_are_printed_without_secrets() -> None:
    program = """
import threading
from darkroom_process.logs import configure_logs
configure_logs()

class Broken:
    def __repr__(self):
        return "Broken(token='canary1')"

    def __del__(self):
        raise ValueError("password=canary" + "1")

def fail():
    raise ValueError("password=canary" + "1")

Broken()
thread = threading.Thread(target=fail)
thread.start()
thread.join()
threading.Thread(target=exit).start()
"""

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)  # noqa: S603

    assert (ended.returncode, "canary1" in ended.stderr, "SystemExit" in ended.stderr) == (0, False, False)
    assert ended.stderr.splitlines().count(f"ValueError: password={REMOVED}") == 2
