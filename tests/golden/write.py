"""`python -m tests.golden.write`: rewrite all golden files after a deliberate change of what is stored or sent."""

import asyncio
import sys

from tests.golden.golden_files import FOLDER, SOURCES, actual


async def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in SOURCES:
        file, text = FOLDER / name, await actual(name)
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            sys.stdout.write(f"{name} has changed: give the reason in the commit.\n")
    for stale in sorted({file.name for file in FOLDER.iterdir()} - SOURCES.keys()):
        (FOLDER / stale).unlink()
        sys.stdout.write(f"{stale} was deleted.\n")


if __name__ == "__main__":
    asyncio.run(write())
