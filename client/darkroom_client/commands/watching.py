"""`events`: the account's event log, stored and live."""

import argparse
from contextlib import aclosing

from darkroom_client.client import DarkroomClient
from darkroom_client.commands.running import ExitCode, in_client
from darkroom_client.events import Reset
from darkroom_client.terminal import clean, local_time, print_json, print_line, remark
from darkroom_shared.events import Event, Progress
from darkroom_shared.problems import EventsGone
from darkroom_shared.times import utc_now

PAGE = 500


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("events", parents=[common], help="print the event log")
    parser.add_argument("--follow", action="store_true", help="also print new events, until interrupted")
    parser.add_argument("--progress", action="store_true", help="with --follow: also print the progress of videos")
    parser.add_argument(
        "--after",
        type=int,
        metavar="N",
        help="only events after number N (default: all that are stored, or with --follow only new ones)",
    )
    parser.set_defaults(run=in_client(_events))


async def _events(client: DarkroomClient, arguments: argparse.Namespace) -> int:
    if arguments.follow:
        after = (await client.items.list(limit=1)).head if arguments.after is None else arguments.after
        return await _watch(client, after, arguments)
    after = arguments.after or 0
    while True:
        try:
            page = await client.event_page(after=after, limit=PAGE)
        except EventsGone as gone:
            if arguments.after is not None or "oldest" not in gone.extras:
                raise
            after = int(gone.extras["oldest"]) - 1
            continue
        for event in page.events:
            _print(event, arguments)
        if page.read_to <= after or page.read_to >= page.head:
            return ExitCode.SUCCESS
        after = page.read_to


async def _watch(client: DarkroomClient, after: int, arguments: argparse.Namespace) -> int:
    async with aclosing(client.events(after=after)) as events:
        async for event in events:
            match event:
                case Event():
                    after = event.number
                    _print(event, arguments)
                case Reset() if event.head < after:
                    after = event.head
                    remark(f"There are only {event.head} events so far; continuing after them.")
                case Reset():
                    after = event.head
                    remark(f"Some events are no longer kept; continuing after number {event.head}.")
                case Progress() if arguments.progress:
                    _print_progress(event, arguments)
                case Progress():
                    pass  # without --progress only log entries are printed
    return ExitCode.SUCCESS


def _print(event: Event, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json(event)
        return
    name = clean(event.data.get("name", ""))
    print_line(f"{event.number:>6}  {local_time(event.at)}  {event.type.value:<14}  {event.subject}  {name}".rstrip())


def _print_progress(progress: Progress, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json(progress)
        return
    until = "" if progress.ready_at is None else f"  ready about {local_time(progress.ready_at)}"
    print_line(f"{'':>6}  {local_time(utc_now())}  {'progress':<14}  {progress.id}  {progress.percent:.0f} %{until}")
