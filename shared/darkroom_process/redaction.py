"""The one filter that removes secrets and email addresses from log entries and texts; standard library only."""

import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

REMOVED = "[removed]"

_OWN_KEYS = frozenset({"level", "timestamp"})
"""Set by the log's own processors."""

_NAMES = (
    r"(?:authorization|cookies?|passwords?|passwd|secrets?(?:[_-]?access[_-]?key)?|tokens?|grants?|proofs?|signatures?"
    r"|credentials?|private[_-]?key|api[_-]?key|darkroom[_-]share|darkroom[_-]tier|policy|key[_-]pair[_-]id)"
)
"""Ends of the names of headers, parameters, settings and fields with a secret value."""
_SECRET_KEY = re.compile(rf"(?:(?:^|[_-]){_NAMES}|(?:^|[_-])(?:e?mail|address)(?:es)?)$", re.IGNORECASE)

# Each pattern takes linear time: a repetition is bounded, or the match consumes what it has scanned.
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----.*?(?:-----END [A-Z0-9 ]{1,40}-----|\Z)", re.DOTALL)
_QUERY = re.compile(r"\?[\w.~%+\-\[\]]{1,100}=[^\s\"'<>]*")
_URL = re.compile(r"://([^\s\"'<>]+)")
_QUOTED_VALUE = re.compile(
    rf"""({_NAMES}(?:\\{{0,8}}["'])?\s{{0,3}}(?:[:=,]|=>)\s{{0,3}}b?)"""
    r"""(?:(?P<quote>["'])(?:\\.|(?!(?P=quote))[^\\])*(?P=quote)?"""
    r"""|(?P<escaped>\\{1,8}["']).*?(?:(?<!\\)(?P=escaped)|\Z))""",
    re.IGNORECASE | re.DOTALL,
)
"""`'password': 'x'`, `("cookie", "x")`, `token="x"`, also inside a quoted text."""
_LINE = re.compile(
    r"\b((?:proxy-)?authorization|(?:set-)?cookie|darkroom-share(?:-proof)?|x-darkroom-tier|[\w-]{0,40}password)"
    r"(\s{0,3}[:=]\s{0,3})(?!\[removed\])[^\r\n]+",
    re.IGNORECASE,
)
"""Headers and passwords: the value may contain spaces, so the rest of the line is removed."""
_VALUE = re.compile(
    rf"""({_NAMES}(?:\\{{0,8}}["'])?\s{{0,3}}(?:[:=]|=>|%3D)\s{{0,3}})(?!\[removed\])[^\s"'&<>]+""", re.IGNORECASE
)
_SCHEME = re.compile(r"\b(?:Bearer|Basic)\s{1,3}[A-Za-z0-9._~+/=-]+", re.IGNORECASE)
_OPAQUE_TOKEN = re.compile(r"(?<![A-Za-z0-9])(?:dr[a-z]|whsec)_[A-Za-z0-9._+/=-]{8,}")
_PASSWORD_HASH = re.compile(r"\$argon2[a-z]{1,2}\$[^\s\"']+")
_ADDRESS = re.compile(r"[^\s@\"'<>()\[\]{},;:=]{1,64}(?:@|%40)[^\s@\"'<>()\[\]{},;:=/]{1,255}")

_WITHOUT_MARKS = re.compile(r"[A-Za-z0-9/._-]*")
"""Paths, ids and names of events: of all secrets they can only contain opaque tokens, so the filter costs little."""


def _without_user(match: re.Match[str]) -> str:
    """Remove user and password of a URL, up to the last @, because a password may contain one."""
    return f"://{REMOVED}{match[1][match[1].rfind('@') :]}" if "@" in match[1] else match[0]


_REPLACEMENTS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (_PEM, REMOVED),
    (_QUERY, f"?{REMOVED}"),
    (_URL, _without_user),
    (_QUOTED_VALUE, rf"\1{REMOVED}"),
    (_LINE, rf"\1\2{REMOVED}"),
    (_VALUE, rf"\1{REMOVED}"),
    (_SCHEME, REMOVED),
    (_OPAQUE_TOKEN, REMOVED),
    (_PASSWORD_HASH, REMOVED),
    (_ADDRESS, REMOVED),
)


def without_secrets(text: str) -> str:
    """Return the text without signed queries, tokens, cookies, passwords, keys and email addresses."""
    if _WITHOUT_MARKS.fullmatch(text):
        return _OPAQUE_TOKEN.sub(REMOVED, text)
    for pattern, replacement in _REPLACEMENTS:
        text = pattern.sub(replacement, text)
    return text


class _RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def redacting_handler() -> logging.Handler:
    """Return a handler that writes filtered lines to stderr, for a process without structlog."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactingFormatter("%(levelname)s %(name)s %(message)s"))
    return handler


def redact(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Filter every value of an entry just before it is rendered; a structlog processor."""
    return {key: value if key in _OWN_KEYS else _clean(key, value) for key, value in entry.items()}


def _clean(key: object, value: object) -> object:
    if _is_secret_name(key):
        return REMOVED
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_text(name): _clean(name, each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return _clean_sequence(value)
    if isinstance(value, set | frozenset):
        return [_clean("", each) for each in value]
    return without_secrets(value if isinstance(value, str) else repr(value))


def _clean_sequence(values: Iterable[object]) -> list[object]:
    """Filter the values; one that follows the name of a secret is removed: `["cookie", "x"]`."""
    name: object = ""
    cleaned = []
    for value in values:
        cleaned.append(_clean(name, value))
        name = value
    return cleaned


def _is_secret_name(key: object) -> bool:
    return isinstance(key, str | bytes) and _SECRET_KEY.search(_text(key)) is not None


def _text(key: object) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else str(key)
