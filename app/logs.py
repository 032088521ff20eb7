"""Structured logs on stderr, one line per event, through one filter that removes secrets and personal data."""

import logging
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REMOVED = "[removed]"

_SECRET_NAME = re.compile(
    r"(?:^|_|-)(?:password|passwd|token|secret|authorization|cookie|email|address|signature|credential|private_key|grant"
    r"|darkroom[_-]share|proof)s?$",
    re.IGNORECASE,
)

# Bounded repetitions: matching must stay linear in the length of the line.
_SECRET_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]{1,40}-----.*?(?:-----END [A-Z ]{1,40}-----|\Z)", re.DOTALL), REMOVED),
    # The query of any URL or path: it may hold signatures, grants and cursors.
    (re.compile(r"\?[\w.~%+\-\[\]]{1,100}=[^\s\"'<>]*"), f"?{REMOVED}"),
    (re.compile(r"(?<=://)[^/\s@\"']{1,300}@"), f"{REMOVED}@"),
    (re.compile(r"\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+", re.IGNORECASE), REMOVED),
    (re.compile(r"\b(?:dr[a-z]|whsec)_[A-Za-z0-9._+/=-]{8,}"), REMOVED),
    (re.compile(r"\$argon2[a-z]{1,2}\$[^\s\"']+"), REMOVED),
    (
        re.compile(
            r"\b((?:X-Amz-(?:Signature|Credential|Security-Token)|Signature|Policy|Key-Pair-Id|password|token|secret|grant"
            r"|Darkroom-Share(?:-[A-Za-z]{1,20})?|proof)"
            r"[\"']?\s{0,3}[=:]\s{0,3}[\"']?)[^\s\"'&,;<>]+",
            re.IGNORECASE,
        ),
        rf"\1{REMOVED}",
    ),
    (re.compile(r"[^\s@\"'<>()\[\]{},;:=]{1,64}@[^\s@\"'<>()\[\]{},;:=/]{1,255}"), REMOVED),
)


def without_secrets(text: str) -> str:
    """Return the text without signed queries, tokens, passwords, keys and email addresses."""
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def remove_secrets(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """Filter every value of an entry just before it is rendered (structlog processor)."""
    return {key: _clean(key, value) for key, value in entry.items()}


def _clean(key: str, value: Any) -> Any:
    if _SECRET_NAME.search(key):
        return REMOVED
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _clean(str(name), each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", each) for each in value]
    return without_secrets(value if isinstance(value, str) else repr(value))


def set_up_logs(*, as_json: bool | None = None) -> None:
    """Send all entries, including other packages', through the filter to stderr. JSON by default, unless stderr is a
    terminal."""
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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                remove_secrets,
                _renderer(not sys.stderr.isatty() if as_json is None else as_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("botocore", "aiobotocore", "urllib3", "httpx", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Only warnings of uvicorn; its access log is off.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _renderer(as_json: bool) -> Callable[[WrappedLogger, str, EventDict], str | bytes]:
    if as_json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
