"""Counts the frames of a WebP before libwebp does, which takes minutes for a hundred thousand."""

from pathlib import Path

# WebP container specification: a RIFF file whose chunks `ANMF` are the frames.
FIRST_CHUNK, CHUNK_HEAD = 12, 8
FRAME = b"ANMF"


def count_frames(source: Path, *, limit: int) -> int:
    """Return the number of frames, `limit` + 1 if there are more; a still image has one."""
    frames, at = 0, FIRST_CHUNK
    with source.open("rb") as file:
        while frames <= limit:
            file.seek(at)
            head = file.read(CHUNK_HEAD)
            if len(head) < CHUNK_HEAD:
                break
            frames += head[:4] == FRAME
            size = int.from_bytes(head[4:], "little")
            at += CHUNK_HEAD + size + size % 2
    return max(1, frames)
