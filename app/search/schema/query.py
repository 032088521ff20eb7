"""The parsed search, and its check against an item's row, which decides because the index lags behind."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from app.items.schema.row import ItemRow
from app.search.schema.entries import captured, entry, has_camera, kind_word
from app.search.schema.words import indexed_words, query_words
from darkroom_shared.ids import AlbumId
from darkroom_shared.items import ItemKind
from darkroom_shared.problems import Invalid
from darkroom_shared.times import to_rfc3339

MAX_TERMS = 32


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """The search as requested; all parts must match. `captured_from` is inclusive, `captured_to` exclusive."""

    text: str | None = None
    camera: str | None = None
    album: AlbumId | None = None
    kind: ItemKind | None = None
    captured_from: datetime | None = None
    captured_to: datetime | None = None

    @property
    def order(self) -> str:
        """The name of this search in cursors, so that a cursor is valid for exactly this request."""
        parts = [
            self.text,
            self.camera,
            self.album,
            self.kind,
            self._bound("captured_from"),
            self._bound("captured_to"),
        ]
        return f"search {hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"

    def _bound(self, name: str) -> str | None:
        moment: datetime | None = getattr(self, name)
        return to_rfc3339(moment) if moment else None


@dataclass(frozen=True, slots=True)
class Term:
    """A word or prefix that must occur in the item's own texts, or the item must be in one of `albums`, whose titles
    have it."""

    word: str
    prefix: bool = False
    albums: tuple[AlbumId, ...] = ()

    def is_in(self, words: frozenset[str]) -> bool:
        """Return whether one of the words equals the term or, for a prefix, begins with it."""
        return any(word.startswith(self.word) for word in words) if self.prefix else self.word in words


@dataclass(frozen=True, slots=True)
class Query:
    """`oldest` (inclusive) and `newest` (exclusive) bound the `captured_key`."""

    terms: tuple[Term, ...]
    album: AlbumId | None
    oldest: str | None
    newest: str | None


def query(request: SearchRequest, titles: dict[AlbumId, str]) -> Query | None:
    """Return None if no item can match. `titles`: of the caller's albums. Raises Invalid for too many words."""
    text = query_words(request.text or "")
    camera = query_words(request.camera or "")
    if (request.text and not text) or (request.camera and not camera):
        return None
    if len(text) + len(camera) > MAX_TERMS:
        raise Invalid(errors=[{"field": "q", "message": f"more than {MAX_TERMS} words"}])
    named = {album: indexed_words((title,)) for album, title in titles.items()}
    terms = [_with_albums(Term(word, prefix=word == text[-1]), named) for word in text]
    terms += [Term(word) for word in camera]
    if request.kind:
        terms.append(Term(kind_word(request.kind)))
    bounds = [to_rfc3339(moment) if moment else None for moment in (request.captured_from, request.captured_to)]
    return Query(tuple(terms), request.album, *bounds)


def fits(row: ItemRow, request: SearchRequest, parsed: Query) -> bool:
    """Return whether the current row matches. Membership in albums is not checked: the row does not have it."""
    own = entry(row)
    if own is None or (request.camera and not has_camera(row, request.camera)):
        return False
    moment = to_rfc3339(captured(row))
    in_time = (parsed.oldest is None or moment >= parsed.oldest) and (parsed.newest is None or moment < parsed.newest)
    return in_time and all(term.albums or term.is_in(own.words) for term in parsed.terms)


def _with_albums(term: Term, named: dict[AlbumId, frozenset[str]]) -> Term:
    albums = tuple(album for album, words in named.items() if term.is_in(words))
    return Term(term.word, term.prefix, albums)
