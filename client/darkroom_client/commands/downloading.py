"""`download`: originals and renditions, verified."""

import argparse
import os
from pathlib import Path

from darkroom_client.client import DarkroomClient
from darkroom_client.commands.running import UsageError, for_each, in_client, item_id
from darkroom_client.errors import UnusableFile
from darkroom_client.terminal import clean, print_json, print_line, size
from darkroom_shared.ids import ItemId
from darkroom_shared.items import Item, Rendition

ENDINGS = {"image/webp": ".webp", "image/jpeg": ".jpg", "image/png": ".png", "video/mp4": ".mp4", "text/vtt": ".vtt"}


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "download",
        parents=[common],
        help="download originals or renditions",
        description="Downloads each item's original, checks it against the item's digest, and saves it under its name.",
    )
    parser.add_argument("items", metavar="ITEM", nargs="+", type=item_id)
    names = "small, medium, large, fallback, or a video's MP4: video"
    parser.add_argument("--rendition", metavar="NAME", help=f"instead of the original: {names}")
    parser.add_argument("--output", metavar="PATH", help="a folder, or for a single item a file (default: this folder)")
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    parser.set_defaults(run=in_client(_download))


async def _download(client: DarkroomClient, arguments: argparse.Namespace) -> int:
    folder, file = _destination(arguments)

    async def fetch(each: ItemId) -> None:
        item = await client.items.require(each)
        rendition = None if arguments.rendition is None else _rendition(item, arguments.rendition)
        target = file or folder / _file_name(item, rendition)
        try:
            if rendition is None:
                await client.download_original(item, target, force=arguments.force)
            else:
                await client.download_rendition(item, rendition, target, force=arguments.force)
        except UnusableFile as reason:
            raise UnusableFile(f"{clean(target)} {reason}") from reason
        size_bytes = item.size_bytes if rendition is None else rendition.size_bytes
        if arguments.json:
            name = "original" if rendition is None else rendition.name
            print_json({"id": item.id, "file": os.fspath(target), "name": name, "size_bytes": size_bytes})
        else:
            print_line(f"{clean(target)}: {size(size_bytes)}" + ("" if rendition else ", digest verified"))

    return await for_each(arguments.items, fetch)


def _destination(arguments: argparse.Namespace) -> tuple[Path, Path | None]:
    """Return the folder to save in, and the file if one was named."""
    if arguments.output is None:
        return Path(), None
    named = Path(arguments.output)
    if named.is_dir():
        return named, None
    if len(arguments.items) > 1 or arguments.output.endswith("/"):
        raise UsageError(f"there is no folder {clean(named)}")
    return named.parent, named


def _rendition(item: Item, name: str) -> Rendition:
    for rendition in item.renditions:
        if rendition.name == name:
            return rendition
    known = ", ".join(rendition.name for rendition in item.renditions)
    raise UnusableFile(f"has no rendition {name!r}; it has " + (known or f"none yet, it is {item.state.value}"))


def _file_name(item: Item, rendition: Rendition | None) -> str:
    """Return the item's own name, or its id if the name could lead to another folder."""
    name = item.name if item.name not in {".", ".."} and "/" not in item.name else item.id
    if rendition is None:
        return name
    return f"{Path(name).stem}-{rendition.name}{ENDINGS.get(rendition.content_type, '')}"
