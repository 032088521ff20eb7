"""The one filter that removes secrets and email addresses from log entries and texts; standard library only."""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from types import TracebackType
from typing import Any

REMOVED = "[removed]"

_OWN_KEYS = frozenset({"level", "timestamp"})
"""Set by the log's own processors."""

_SUFFIX = r"(?:[_-][\w-]{0,40}+|(?-i:(?<=[a-z])(?![A-Za-z]{0,40}(?:Error|Exception))[A-Z]\w{0,40}+))?"
"""`password_confirmation`, `tokenText`, but not the name of an error class."""
_NAMES = (
    r"(?:(?:authorization|cookies?|passwords?|passwd|passphrases?|pwd|requirepass|masterauth|tokens?|grants?|proofs?"
    r"|secrets?(?:[_-]?(?:access[_-]?)?key)?|private[_-]?key|signing[_-]?key|encryption[_-]?key"
    r"|api[_-]?key|signatures?|credentials?|darkroom[_-]share|darkroom[_-]tier|policy|key[_-]pair[_-]id)"
    rf"(?:hash(?:es)?)?{_SUFFIX})"
)
"""Names of headers, parameters, settings and fields with a secret value, from the word that shows it. Each alternative
begins with a literal letter, so that a search skips other positions fast.
"""
_NAME = re.compile(_NAMES, re.IGNORECASE)
_WORD_START = r"(?:^|[_-]|(?-i:(?<=[a-z0-9])(?=[A-Z])))"
_SECRET_KEY = re.compile(rf"(?:{_WORD_START}{_NAMES}|(?:^|[_-])(?:e?mail|address)(?:es)?)$", re.IGNORECASE)

_ENCODED_QUOTE = r"(?:%(?:25){0,4}2[27]|&(?:quot|\#39|\#34|\#x27);|\\{1,8}u002[27])"
_SPACE = r"(?:\s|%(?:25){0,4}20|\+){0,3}"
_NAMED = rf"""{_NAMES}(?:\\{{0,8}}["']|{_ENCODED_QUOTE})?{_SPACE}"""
_SEPARATOR = r"(?:[:=]|=>|%(?:25){0,4}3[AD])"

_AFTER_ENCODED = (
    r"(?<=%[0-9A-Fa-f]{2})|(?<=25[0-9A-Fa-f]{2})|(?<=\\[a-z0-9])|(?<=\\x[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4})"
)
"""Just after `%23`, `%2523`, or an escape as in a representation: `\\n`, `\\x00`, `\\u0026`."""
_START = rf"(?:\b|{_AFTER_ENCODED})"

# Each pattern takes linear time: a repetition is bounded, or the match consumes what it has scanned.
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----.*?(?:-----END [A-Z0-9 ]{1,40}-----|\Z)", re.DOTALL)
_QUERY = re.compile(r"\?[\w.~%+\-\[\]]{1,100}=[^\s\"'<>]*")
_URL = re.compile(r"://([^\s\"'<>]+)")
_CONTAINER = re.compile(rf"{_NAMED}(?:{_SEPARATOR}|,){_SPACE}[\w.]{{0,80}}[\[({{]", re.IGNORECASE)
"""`'cookies': {`, `"token": [`, `cookies=Cookies([`."""
_QUOTE_OR_BRACKET = re.compile(r""""(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|[\[\](){}]""", re.DOTALL)
_QUOTED_VALUE = re.compile(
    rf"""({_NAMED}(?:{_SEPARATOR}|,){_SPACE}b?)"""
    r"""(?:(?P<quote>["'])(?:\\.|(?!(?P=quote))[^\\])*(?P=quote)?"""
    r"""|(?P<escaped>\\{1,8}["']).*?(?:(?<!\\)(?P=escaped)|\Z)"""
    rf"""|(?P<encoded>{_ENCODED_QUOTE}).*?(?:(?<!\\)(?<!%5C)(?P=encoded)|\Z))""",
    re.IGNORECASE | re.DOTALL,
)
"""`'password': 'x'`, `("cookie", "x")`, `token="x"`, also inside a quoted or encoded text."""
_ELEMENT = re.compile(rf"((?:<|&lt;)[\w:.-]{{0,60}}?{_NAMES}(?:\s[^<>]{{0,200}})?(?:>|&gt;))[^<]+", re.IGNORECASE)
"""`<SecretAccessKey>x<`."""
_OBJECT = re.compile(rf"({_NAMED}{_SEPARATOR}{_SPACE})<[^>]*", re.IGNORECASE)
"""`cookies=<SimpleCookie: x>`."""
_LINE = re.compile(
    rf"{_START}((?:proxy-)?authorization|(?:set-)?cookie|darkroom-share(?:-proof)?|x-darkroom-tier"
    rf"|[\w-]{{0,40}}(?:password|passphrase|pwd){_SUFFIX})"
    r"(\s{0,3}[:=]\s{0,3})(?!\[removed\])[^\r\n]+",
    re.IGNORECASE,
)
"""Headers and passwords: the value may contain spaces, so the rest of the line is removed."""
_VALUE = re.compile(rf"""({_NAMED}{_SEPARATOR}{_SPACE})(?!\[removed\])[^\s"'&<>]+""", re.IGNORECASE)
_ARGUMENT = re.compile(
    rf"((?:(?:(?<![\w-])|{_AFTER_ENCODED})-{{2,}}+[\w-]{{0,40}}?{_NAMES}|{_START}(?:requirepass|masterauth))\s{{1,3}})\S+",
    re.IGNORECASE,
)
"""`--password x`, and the line of a Valkey configuration. A row of dashes is tried once, not at each dash."""
_SCHEME = re.compile(rf"{_START}(?:Bearer|Basic)(?:\s|%(?:25){{0,4}}20|\+){{1,3}}[A-Za-z0-9._~+/=-]+", re.IGNORECASE)
_OPAQUE_TOKEN = re.compile(rf"(?:(?<![A-Za-z0-9])|{_AFTER_ENCODED})(?:dr[a-z]|whsec)_[A-Za-z0-9._+/=-]{{8,}}")
_PASSWORD_HASH = re.compile(r"\$argon2[a-z]{1,2}\$[^\s\"']+")
_ADDRESS = re.compile(r"[^\s@\"'<>()\[\]{},;:=]{1,64}(?:@|%40)[^\s@\"'<>()\[\]{},;:=/]{1,255}")

_WITHOUT_MARKS = re.compile(r"[A-Za-z0-9/._-]*")
"""Paths, ids, names of events: opaque tokens are the only secrets that such a text can contain, so no other pattern is
tried.
"""


def _without_user(match: re.Match[str]) -> str:
    """Remove user and password of a URL, up to the last @, because a password may contain one."""
    return f"://{REMOVED}{match[1][match[1].rfind('@') :]}" if "@" in match[1] else match[0]


def _without_containers(text: str) -> str:
    """Remove lists, tuples and mappings below the name of a secret, each up to its last bracket."""
    parts, start = [], 0
    while match := _CONTAINER.search(text, start):
        parts += [text[start : match.end() - 1], REMOVED]
        start = _end_of_container(text, match.end())
    return "".join((*parts, text[start:]))


def _end_of_container(text: str, start: int) -> int:
    depth = 1
    for match in _QUOTE_OR_BRACKET.finditer(text, start):
        depth += (match[0] in "[({") - (match[0] in "])}")
        if depth == 0:
            return match.end()
    return len(text)


_Replacements = tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]

_BY_NAME: _Replacements = (
    (_QUOTED_VALUE, rf"\1{REMOVED}"),
    (_ELEMENT, rf"\1{REMOVED}"),
    (_OBJECT, rf"\1{REMOVED}"),
    (_LINE, rf"\1\2{REMOVED}"),
    (_VALUE, rf"\1{REMOVED}"),
    (_ARGUMENT, rf"\1{REMOVED}"),
)
_BY_SHAPE: _Replacements = (
    (_QUERY, f"?{REMOVED}"),
    (_URL, _without_user),
    (_SCHEME, REMOVED),
    (_OPAQUE_TOKEN, REMOVED),
    (_PASSWORD_HASH, REMOVED),
    (_ADDRESS, REMOVED),
)


def without_secrets(text: str) -> str:
    """Return the text without signed queries, tokens, cookies, passwords, keys and email addresses."""
    if _WITHOUT_MARKS.fullmatch(text):
        return _OPAQUE_TOKEN.sub(REMOVED, text)
    text = _PEM.sub(REMOVED, text)
    named = _NAME.search(text) is not None
    if named:
        text = _without_containers(text)
    for pattern, replacement in (*_BY_NAME, *_BY_SHAPE) if named else _BY_SHAPE:
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


def filter_uncaught() -> None:
    """Print the exceptions that nothing catches, in every thread and in finalizers, through the filter to stderr."""
    sys.excepthook = _print_uncaught
    threading.excepthook = _print_uncaught_of_thread
    sys.unraisablehook = _print_unraisable


def _print_uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None, about: str = ""
) -> None:
    sys.stderr.write(without_secrets(about + "".join(traceback.format_exception(kind, error, trace))))


def _print_uncaught_of_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is not SystemExit:  # it ends a thread silently, as in threading's own hook
        about = f"Exception in thread {args.thread.name if args.thread else 'that has ended'}\n"
        _print_uncaught(args.exc_type, args.exc_value, args.exc_traceback, about)


def _print_unraisable(args: "sys.UnraisableHookArgs") -> None:
    about = f"{args.err_msg or 'Exception ignored in'}: {args.object!r}\n"
    _print_uncaught(args.exc_type, args.exc_value, args.exc_traceback, about)


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
