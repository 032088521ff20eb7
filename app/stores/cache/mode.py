"""The modes of the cache."""

from enum import StrEnum


class CacheMode(StrEnum):
    """All processes on one database must use the same mode."""

    ON = "on"
    WRITER = "writer"
    """A miss never uses a reader: the simplest correct variant."""
    OFF = "off"
    """Every read uses the writer; changes leave no rows in the outbox."""
