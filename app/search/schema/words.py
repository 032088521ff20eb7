"""Splitting texts into comparable words: case and accents folded, scripts without spaces cut into character pairs."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from app.search.schema.tables import WORD_CHARACTERS

MAX_WORDS = 400
"""Per item; a caption has up to 2,000 characters."""

_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ŧ": "t", "\u0131": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
)
"""Letters that Unicode does not decompose into letter and accent."""
_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")
"""Accents, and Hebrew and Arabic vowel points. In other scripts, marks are vowels or make a different letter."""
_UNSPACED = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"  # Chinese, Japanese
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
)
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]+")


def fold(text: str) -> str:
    """Return a normal form that is equal for all spellings of a word."""
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", plain)).translate(_LETTERS)


def indexed_words(texts: Iterable[str]) -> frozenset[str]:
    """Return the words of the texts; only the first MAX_WORDS if there are more."""
    words: dict[str, None] = {}
    for text in texts:
        for run in _runs(fold(text)):
            words |= dict.fromkeys(_pairs(run) if _is_unspaced(run) else [run[:WORD_CHARACTERS]])
    return frozenset(list(words)[:MAX_WORDS])


def query_words(text: str) -> list[str]:
    """Return the words of a search, in order. An item must match all of them, the last one as a prefix."""
    words: dict[str, None] = {}
    for run in _runs(fold(text)):
        pieces = _pairs(run) if _is_unspaced(run) else [run[:WORD_CHARACTERS]]
        # The index also has the last character of an unspaced run by itself, for a search of that one character.
        words |= dict.fromkeys(pieces[:-1] if len(pieces) > 1 else pieces)
    return list(words)


def _runs(folded: str) -> Iterator[str]:
    """Split into runs of letters, digits and marks, each either of a script without spaces or of others."""
    together = "".join(character if unicodedata.category(character)[0] in "LNM" else " " for character in folded)
    for run in together.split():
        yield from _UNSPACED_RUN.sub(lambda match: f" {match[0]} ", run).split()


def _is_unspaced(run: str) -> bool:
    return _UNSPACED_RUN.fullmatch(run) is not None


def _pairs(run: str) -> list[str]:
    """Return each character with its successor; the last one alone."""
    return [run[start : start + 2] for start in range(len(run))]
