"""Texts as words that can be compared: case and accents folded, scripts without spaces cut into pairs of characters."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from app.search.schema import WORD_CHARACTERS

MAX_WORDS = 400
"""Of one item; a caption has 2,000 characters."""

_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ŧ": "t", "\u0131": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
)
"""Whose accents Unicode does not take apart."""
_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")
"""Accents of letters, Hebrew and Arabic vowel points; elsewhere marks are vowels or change a letter into another."""
_UNSPACED = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"  # Chinese, Japanese
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
)
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]+")


def fold(text: str) -> str:
    """What two spellings of the same word have in common."""
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", plain)).translate(_LETTERS)


def indexed_words(texts: Iterable[str]) -> frozenset[str]:
    """Every word that finds these texts, the first ones first when they are too many."""
    words: dict[str, None] = {}
    for text in texts:
        for run in _runs(fold(text)):
            words |= dict.fromkeys(_pairs(run) if _is_unspaced(run) else [run[:WORD_CHARACTERS]])
    return frozenset(list(words)[:MAX_WORDS])


def query_words(text: str) -> list[str]:
    """What to look for, in order; an item must have all of them, and of the last one only the beginning."""
    words: dict[str, None] = {}
    for run in _runs(fold(text)):
        pieces = _pairs(run) if _is_unspaced(run) else [run[:WORD_CHARACTERS]]
        # Of an unspaced run the last character stands alone in the index, so that a search for it alone finds it.
        words |= dict.fromkeys(pieces[:-1] if len(pieces) > 1 else pieces)
    return list(words)


def _runs(folded: str) -> Iterator[str]:
    """Letters, digits and their marks that stand together, and are of one kind of script."""
    together = "".join(character if unicodedata.category(character)[0] in "LNM" else " " for character in folded)
    for run in together.split():
        yield from _UNSPACED_RUN.sub(lambda match: f" {match[0]} ", run).split()


def _is_unspaced(run: str) -> bool:
    return _UNSPACED_RUN.fullmatch(run) is not None


def _pairs(run: str) -> list[str]:
    """Every character with the one that follows it, the last one alone."""
    return [run[start : start + 2] for start in range(len(run))]
