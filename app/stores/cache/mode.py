"""Whether anything is cached."""

from enum import StrEnum


class CacheMode(StrEnum):
    """All processes on one database must have the same."""

    ON = "on"
    WRITER = "writer"
    """A miss never asks a reader: the simplest that is right."""
    OFF = "off"
    """Every read is the writer's; changes leave nothing to be forgotten."""
