"""Output of the command: results on stdout, everything else on stderr, without terminal control characters."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

SIZE_UNITS = ("B", "KB", "MB", "GB", "TB")
UNIT = 1_000


def prepare() -> None:
    """Escape characters that the terminal's encoding lacks; otherwise they would end the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def print_line(text: str) -> None:
    """Print a line of the result."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def print_json(value: BaseModel | dict[str, Any]) -> None:
    """Print one object on one line."""
    print_line(value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(value))


def remark(text: str) -> None:
    """Print a line about the result to stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def print_error(text: str) -> None:
    remark(f"darkroom: {text}")


def clean(text: object) -> str:
    """Return the text with control, formatting and undecodable characters replaced by `?`."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))


def size(size_bytes: float) -> str:
    for unit in SIZE_UNITS[:-1]:
        if size_bytes < UNIT:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= UNIT
    return f"{size_bytes:.1f} {SIZE_UNITS[-1]}"


def duration(seconds: float) -> str:
    """Return a video's length as players show it: `0:07`, `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def local_time(moment: datetime | None) -> str:
    """Format the moment in the local time zone."""
    return "-" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def table(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Return lines with aligned columns; the columns in `right` are aligned right, the last one is not padded."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
