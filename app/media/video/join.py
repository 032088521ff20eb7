"""Joins a rung's initialisation and segments into one file, which the encoder converts to MP4. Runs inside a child."""

import shutil
from pathlib import Path

PIECE_BYTES = 1024 * 1024


def write_joined(folder: Path, rung: str, joined: Path) -> None:
    """Copy the rung's segments into one file, in order, without encoding. Overwrites the target."""
    pieces = [folder / f"{rung}_init.mp4", *sorted(folder.glob(f"{rung}_[0-9]*.m4s"))]
    with joined.open("wb") as whole:
        for piece in pieces:
            with piece.open("rb") as file:
                shutil.copyfileobj(file, whole, PIECE_BYTES)
