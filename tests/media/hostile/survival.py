"""Runs the decoders on a malicious file and returns what went wrong."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.media.decoders import Decoders
from app.media.recipe import RECIPE
from app.media.results import DecoderCrashed, MediaError
from app.media.sniff import sniff
from darkroom_shared.items import FailureCode, ItemKind
from tests.media.hostile.trap import WORDS, Trap

LIMIT_SECONDS = 60.0
ERRORS = {FailureCode.UNSUPPORTED, FailureCode.DAMAGED, FailureCode.TOO_LARGE}
PLAIN_WORDS = re.compile(r"[A-Z][^/\\<>{}]+\.")
FILES = frozenset(recipe.file for recipe in RECIPE)


class LeftBehind(Exception):
    """The decoder left other files than all or none of the recipe."""


@dataclass(slots=True)
class Watch:
    """A trap and the connections that its server received."""

    trap: Trap
    calls: list[str] = field(default_factory=list)


@asynccontextmanager
async def set_trap(folder: Path) -> AsyncIterator[Watch]:
    secret = folder / "secret.txt"
    secret.write_text(f"{WORDS}\n" * 100)

    def response(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        watch.calls.append(str(writer.get_extra_info("peername")))
        writer.close()

    server = await asyncio.start_server(response, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        watch = Watch(Trap(f"http://{host}:{port}/called", secret))
        yield watch


async def violations(decoders: Decoders, watch: Watch, content: bytes, folder: Path) -> list[str]:
    """Return the violations of one file.

    There are none if it was refused with a plain message or decoded within the limits, without side effects.
    """
    source, target = folder / "source", folder / "target"
    source.write_bytes(content)
    target.mkdir()
    template = decoders.template_pid
    outcome = await _process(decoders, source, target)
    if template is not None and decoders.template_pid != template:
        outcome.append("the template was replaced")
    if watch.calls:
        outcome.append(f"the server was called: {watch.calls}")
    for path in target.iterdir():
        if WORDS.encode() in path.read_bytes():
            outcome.append(f"{path.name} contains the secret")
        path.unlink()
    target.rmdir()
    return outcome


async def _process(decoders: Decoders, source: Path, target: Path) -> list[str]:
    """Process the file as the worker does, by its first bytes."""
    try:
        if (await asyncio.to_thread(sniff, source)).kind is ItemKind.VIDEO:
            await _make_video(decoders, source, target)
        else:
            await _make_image(decoders, source, target)
    except MediaError as error:
        return list(_error_violations(error))
    except DecoderCrashed as error:
        return [f"its decoder crashed: {error}"]
    except LeftBehind as error:
        return [f"files were left: {error}"]
    return []


async def _make_image(decoders: Decoders, source: Path, target: Path) -> None:
    expected = frozenset[str]()
    try:
        made = await decoders.make_image(source, target, limit_seconds=LIMIT_SECONDS)
        expected = FILES
        if made.loop is not None:
            expected = frozenset()
            video = await decoders.make_loop(source, target, made.loop, limit_seconds=LIMIT_SECONDS)
            expected = FILES | {video.file}
    finally:
        left = set(await asyncio.to_thread(os.listdir, target))
        if left != expected:
            raise LeftBehind(sorted(left))


async def _make_video(decoders: Decoders, source: Path, target: Path) -> None:
    facts = await decoders.probe_video(source, target, limit_seconds=LIMIT_SECONDS)
    await decoders.make_poster(source, target, facts, limit_seconds=LIMIT_SECONDS)
    async with asyncio.timeout(LIMIT_SECONDS), decoders.encode_video(source, target, facts) as encoding:
        async for _ in encoding:
            pass


def _error_violations(error: MediaError) -> Iterator[str]:
    if error.code not in ERRORS or error.passing:
        yield f"refused as {error.code}"
    if not PLAIN_WORDS.fullmatch(error.message) or WORDS in error.message:
        yield f"refused with the words {error.message!r}"
