"""Structured logs on stderr, one line per event, of our own code and of all packages, through one filter."""

import logging
import sys
from collections.abc import Callable

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from darkroom_process.redaction import filter_uncaught, redact

_WARNINGS_ONLY = ("aiobotocore", "alembic", "botocore", "httpcore", "httpx", "urllib3", "uvicorn")
"""Packages that log each request or step; uvicorn's access log is off."""

_EXTRA_FIELDS = ("status", "reason")
"""Fields of entries that are written through the standard library, by code that may run without structlog."""


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]  # not generic at run time
    """Never prints the arguments of an entry that cannot be formatted, unlike logging's own handler."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        self.stream.write(f"An entry of {record.name}, line {record.lineno}, cannot be formatted.\n")


def configure_logs(*, as_json: bool | None = None) -> None:
    """Send all entries and uncaught exceptions through the filter to stderr. JSON by default, unless stderr is a
    terminal.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(_EXTRA_FIELDS)],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                _renderer(not sys.stderr.isatty() if as_json is None else as_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name in _WARNINGS_ONLY:
        logging.getLogger(name).setLevel(logging.WARNING)
    filter_uncaught()


def _renderer(as_json: bool) -> Callable[[WrappedLogger, str, EventDict], str | bytes]:
    if as_json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
