"""The index entry of an item, as a pure function of its row."""

from dataclasses import dataclass
from datetime import datetime

from app.items.schema.row import ItemRow
from app.search.schema.words import indexed_words, query_words
from darkroom_shared.items import ItemKind, ItemState
from darkroom_shared.times import to_rfc3339


@dataclass(frozen=True, slots=True)
class Entry:
    """`captured_key` is the sort key, as in the list of items."""

    captured_key: str
    words: frozenset[str]


def entry(row: ItemRow) -> Entry | None:
    """Return None for a deleted item, which search must not find."""
    if row.state is ItemState.DELETED:
        return None
    words = indexed_words((camera_of(row), row.name, row.caption))
    kind = {kind_word(row.kind)} if row.kind else set()
    return Entry(f"{to_rfc3339(captured(row))}#{row.item_id}", words | kind)


def captured(row: ItemRow) -> datetime:
    """Return the capture time, or the time of the upload if the file states none."""
    return row.captured_at or row.created_at


def camera_of(row: ItemRow) -> str:
    """Return the camera's name; empty if it is unknown or the item is not ready."""
    return (row.result.camera or "") if row.result else ""


def kind_word(kind: ItemKind) -> str:
    """Return a word with a colon, which no word of a text has."""
    return f":{kind}"


def has_camera(row: ItemRow, camera: str) -> bool:
    """Return whether the name of the item's camera has all words of `camera`."""
    return set(query_words(camera)) <= indexed_words((camera_of(row),))
