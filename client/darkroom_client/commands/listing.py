"""`list`, `status`, `receipt`, `overview`."""

import argparse
from collections.abc import Iterator
from typing import Any

from darkroom_client.client import DarkroomClient
from darkroom_client.commands.running import ExitCode, for_each, in_client, item_id
from darkroom_client.terminal import clean, duration, local_time, print_json, print_line, size, table
from darkroom_shared.ids import ItemId
from darkroom_shared.items import Item, ItemKind, ItemState

LISTED = 50
PAGE = 100


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("list", parents=[common], help="list items, newest first")
    parser.add_argument("--order", choices=["created", "captured"], default="created", help="the time to sort by")
    parser.add_argument("--limit", type=positive, default=LISTED, help="how many at most (default: %(default)s)")
    parser.add_argument("--deleted", action="store_true", help="list those that can be restored instead")
    parser.set_defaults(run=in_client(_list))
    parser = commands.add_parser("status", parents=[common], help="show all details of items")
    parser.add_argument("items", metavar="ITEM", nargs="+", type=item_id)
    parser.set_defaults(run=in_client(_status))
    parser = commands.add_parser("receipt", parents=[common], help="show an item's processing, step by step")
    parser.add_argument("item", metavar="ITEM", type=item_id)
    parser.set_defaults(run=in_client(_receipt))
    parser = commands.add_parser(
        "overview", parents=[common], help="show the state of the installation (administrators)"
    )
    parser.set_defaults(run=in_client(_overview))


def positive(text: str) -> int:
    """Parse an argument of argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


async def _list(client: DarkroomClient, arguments: argparse.Namespace) -> int:
    cursor, left, seen = None, arguments.limit, 0
    while left > 0:
        page = await client.items.list(
            order=arguments.order, limit=min(left, PAGE), cursor=cursor, deleted=arguments.deleted
        )
        print_items(page.items, arguments)
        left, seen, cursor = left - len(page.items), seen + len(page.items), page.next_cursor
        if cursor is None:
            break
    if not seen and not arguments.json:
        print_line(
            "Nothing to restore." if arguments.deleted else "No items yet. Send some with `darkroom upload PATH…`."
        )
    return ExitCode.SUCCESS


def print_items(items: tuple[Item, ...], arguments: argparse.Namespace) -> None:
    """Print one line per item, with the time by which the items are ordered."""
    if arguments.json:
        for item in items:
            print_json(item)
        return
    by_capture = arguments.order == "captured"
    rows = [
        (
            item.id,
            item.state.value.ljust(len("processing")),
            size(item.size_bytes).rjust(8),
            local_time(item.captured_at or item.created_at if by_capture else item.created_at),
            clean(item.name),
        )
        for item in items
    ]
    for line in table(rows):
        print_line(line)


async def _status(client: DarkroomClient, arguments: argparse.Namespace) -> int:
    async def show(each: ItemId) -> None:
        item = await client.items.require(each)
        if arguments.json:
            print_json(item)
            return
        for line in table([(f"{name}:", value) for name, value in _facts(item)]):
            print_line(line)
        if len(arguments.items) > 1:
            print_line("")

    return await for_each(arguments.items, show)


def _facts(item: Item) -> Iterator[tuple[str, str]]:
    yield "item", item.id
    yield "name", clean(item.name)
    yield "state", item.state.value
    if item.failure is not None:
        advice = "`darkroom retry` may help" if item.failure.retryable else "trying again will not help"
        yield "failure", f"{clean(item.failure.message)} ({item.failure.code.value}; {advice})"
    if item.caption:
        yield "caption", clean(item.caption)
    yield "size", f"{size(item.size_bytes)} ({item.size_bytes} bytes)"
    yield "type", f"{item.kind.value if item.kind else 'not known yet'} ({clean(item.content_type)})"
    if item.width and item.height:
        yield "pixels", f"{item.width} x {item.height}"
    if item.duration_seconds is not None:
        yield "length", duration(item.duration_seconds)
    if item.kind is ItemKind.VIDEO:
        yield "playable", "yes" if item.playable or item.state is ItemState.READY else "no"
    if item.camera:
        yield "camera", clean(item.camera)
    yield "captured", local_time(item.captured_at)
    yield "created", local_time(item.created_at)
    if item.deadline is not None:
        yield "deadline", local_time(item.deadline)
    if item.digest:
        yield "digest", item.digest
    for rendition in item.renditions:
        pixels = f"{rendition.width} x {rendition.height} " if rendition.width and rendition.height else ""
        kind = f"{pixels}{clean(rendition.content_type)}"
        yield "rendition", f"{clean(rendition.name)}: {kind}, {size(rendition.size_bytes)}"


async def _receipt(client: DarkroomClient, arguments: argparse.Namespace) -> int:
    receipt = await client.items.receipt(arguments.item)
    rows = []
    for step in receipt.steps:
        if arguments.json:
            print_json(step)
            continue
        seconds = "" if step.seconds is None else f"{step.seconds:.3f} s"
        details = ", ".join(f"{name}={value}" for name, value in step.details.items())
        moment = f"{local_time(step.at)}.{step.at.microsecond // 1000:03d}"
        attempt = f"attempt {step.attempt}" if step.attempt else ""
        rows.append((moment, attempt, clean(step.step), seconds, clean(details)))
    for line in table(rows, right=frozenset({3})):
        print_line(line)
    return ExitCode.SUCCESS


async def _overview(client: DarkroomClient, arguments: argparse.Namespace) -> int:
    overview = await client.overview()
    if arguments.json:
        print_json(overview)
        return ExitCode.SUCCESS
    for line in _outline(overview, 0):
        print_line(line)
    return ExitCode.SUCCESS


def _outline(value: Any, depth: int) -> Iterator[str]:
    """Format any JSON as an indented outline, so that new fields of the overview appear without a change here."""
    indent = "  " * depth
    if isinstance(value, dict):
        scalars = {name: each for name, each in value.items() if not isinstance(each, dict | list)}
        for line in table([(f"{_words(name)}:", _scalar(each)) for name, each in scalars.items()]):
            yield indent + line
        for name, each in value.items():
            if name not in scalars:
                yield f"{indent}{_words(name)}:" + ("" if each else " none")
                yield from _outline(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, dict):
                pairs = ", ".join(f"{_words(name)} {_scalar(part)}" for name, part in each.items())
                yield f"{indent}- {pairs}"
            else:
                yield f"{indent}- {_scalar(each)}"
    else:
        yield indent + _scalar(value)


def _words(name: str) -> str:
    return clean(name.replace("_", " "))


def _scalar(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.3f}".rstrip("0").rstrip(".")
        case _:
            return clean(value)
