"""`search`: find own items by their metadata."""

import argparse
from datetime import UTC, datetime

from darkroom_client.client import DarkroomClient
from darkroom_client.commands.listing import LISTED, PAGE, positive, print_items
from darkroom_client.commands.running import ExitCode, in_client
from darkroom_client.search import SearchRequest
from darkroom_client.terminal import clean, print_line
from darkroom_shared.ids import AlbumId
from darkroom_shared.items import ItemKind


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("search", parents=[common], help="search items, newest capture first")
    parser.add_argument(
        "words",
        metavar="WORD",
        nargs="*",
        help="of captions, names, cameras, album titles; the last one may be a prefix",
    )
    parser.add_argument("--camera", help="words of the camera's name")
    parser.add_argument("--album", metavar="ALBUM", help="only items of this album")
    parser.add_argument("--kind", choices=[kind.value for kind in ItemKind])
    parser.add_argument("--from", dest="captured_from", type=_moment, metavar="TIME", help="captured then or later")
    parser.add_argument("--to", dest="captured_to", type=_moment, metavar="TIME", help="captured before")
    parser.add_argument("--limit", type=positive, default=LISTED, help="how many at most (default: %(default)s)")
    parser.set_defaults(run=in_client(_search), order="captured")


def _moment(text: str) -> datetime:
    """Parse a date or an ISO 8601 time; without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{clean(text)!r} is not a time; write 2026-07-01 or 2026-07-01T18:30Z"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _search(client: DarkroomClient, arguments: argparse.Namespace) -> int:
    request = SearchRequest(
        text=" ".join(arguments.words) or None,
        camera=arguments.camera,
        album=AlbumId(arguments.album) if arguments.album else None,
        kind=ItemKind(arguments.kind) if arguments.kind else None,
        captured_from=arguments.captured_from,
        captured_to=arguments.captured_to,
    )
    cursor, left = None, arguments.limit
    while left > 0:
        page = await client.search.page(request, limit=min(left, PAGE), cursor=cursor)
        print_items(page.items, arguments)
        left, cursor = left - len(page.items), page.next_cursor
        if cursor is None:
            break
    if left == arguments.limit and not arguments.json:
        print_line("Nothing found.")
    return ExitCode.SUCCESS
