"""What a file is by its first bytes; its name and declared type say nothing."""

from enum import StrEnum
from pathlib import Path

from app.media.results import MediaError
from shared.items import FailureCode


class SourceFormat(StrEnum):
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"


def sniff(source: Path) -> SourceFormat:
    """Raises MediaError for an empty file and for every other format."""
    with source.open("rb") as file:
        head = file.read(16)
    if not head:
        raise MediaError(FailureCode.DAMAGED, "The file is empty.")
    if head.startswith(b"\xff\xd8\xff"):
        return SourceFormat.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return SourceFormat.PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return SourceFormat.WEBP
    raise MediaError(FailureCode.UNSUPPORTED, "This file is not a JPEG, PNG or WebP picture.")
