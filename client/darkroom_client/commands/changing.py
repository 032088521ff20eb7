"""`cancel`, `retry`, `restore`, `delete`, `edit`."""

import argparse
from collections.abc import Awaitable, Callable

from darkroom_client.client import DarkroomClient
from darkroom_client.commands.running import ExitCode, UsageError, explained, for_each, in_client, item_id
from darkroom_client.terminal import clean, print_error, print_json, print_line
from darkroom_shared.ids import ItemId
from darkroom_shared.items import EditItem, Item
from darkroom_shared.problems import NotFound

Change = Callable[[DarkroomClient, ItemId], Awaitable[Item]]


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    changes: tuple[tuple[str, str, Change], ...] = (
        ("cancel", "stop uploads or work on items", lambda client, item: client.items.cancel(item)),
        ("retry", "try again what has failed or was cancelled", lambda client, item: client.items.retry(item)),
        ("restore", "bring back what was deleted", lambda client, item: client.items.restore(item)),
    )
    for name, summary, change in changes:
        parser = commands.add_parser(name, parents=[common], help=summary)
        parser.add_argument("items", metavar="ITEM", nargs="+", type=item_id)
        parser.set_defaults(run=in_client(_changing(change)))
    parser = commands.add_parser("delete", parents=[common], help="delete items; for 30 days they can be restored")
    parser.add_argument("items", metavar="ITEM", nargs="+", type=item_id)
    parser.add_argument("--permanently", action="store_true", help="they cannot be restored")
    parser.set_defaults(run=in_client(_delete))
    parser = commands.add_parser("edit", parents=[common], help="change an item's name or caption")
    parser.add_argument("item", metavar="ITEM", type=item_id)
    parser.add_argument("--caption")
    parser.add_argument("--name")
    parser.set_defaults(run=in_client(_edit))


def _changing(change: Change) -> Callable[[DarkroomClient, argparse.Namespace], Awaitable[int]]:
    async def run(client: DarkroomClient, arguments: argparse.Namespace) -> int:
        async def apply(item: ItemId) -> None:
            _print(await change(client, item), arguments)

        return await for_each(arguments.items, apply)

    return run


async def _delete(client: DarkroomClient, arguments: argparse.Namespace) -> int:
    failures = 0
    async for done in client.items.delete_many(arguments.items, permanently=arguments.permanently):
        for item in done.deleted:
            if arguments.json:
                print_json({"id": item, "state": "deleted"})
            else:
                print_line(f"{item}: deleted")
        for item in done.absent:
            print_error(f"{item}: {explained(NotFound())}")
        failures += len(done.absent)
    return ExitCode.FAILURE if failures else ExitCode.SUCCESS


async def _edit(client: DarkroomClient, arguments: argparse.Namespace) -> int:
    changes = {name: value for name in ("name", "caption") if (value := getattr(arguments, name)) is not None}
    if not changes:
        raise UsageError("name what to change: --caption or --name")
    try:
        change = EditItem(**changes)
    except ValueError as error:
        raise UsageError("a name has 1 to 255 characters without slashes, a caption up to 2,000") from error
    _print(await client.items.edit(arguments.item, change), arguments)
    return ExitCode.SUCCESS


def _print(item: Item, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json(item)
    else:
        print_line(f"{item.id}: {item.state.value}  {clean(item.name)}  {clean(item.caption)}".rstrip())
