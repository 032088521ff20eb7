"""`export`: all data of the account as one ZIP."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from pydantic import TypeAdapter

from darkroom_client.client import DarkroomClient
from darkroom_client.commands.running import ExitCode, id_argument, in_client
from darkroom_client.errors import UnusableFile
from darkroom_client.terminal import clean, local_time, print_error, print_json, print_line, remark, size
from darkroom_shared.exports import Export, ExportState
from darkroom_shared.ids import ExportId, ExportIdField

POLL_SECONDS = 20
"""How long one request waits for events; then the export is read anyway."""
UNFINISHED = frozenset({ExportState.QUEUED, ExportState.PROCESSING})
_export_id: Callable[[str], ExportId] = id_argument(TypeAdapter(ExportIdField), "is not an export's id")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "export",
        parents=[common],
        help="make a ZIP of all originals",
        description="Starts a ZIP of all originals under their names, with items.json, which describes each. Kept "
        "for a week. If interrupted while waiting, start it again with the export's id.",
    )
    parser.add_argument(
        "export", metavar="EXPORT", nargs="?", type=_export_id, help="an export that was started before"
    )
    parser.add_argument("--wait", metavar="FILE", type=Path, help="wait until it is ready, and save it as FILE")
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    parser.set_defaults(run=in_client(_export))


async def _export(client: DarkroomClient, arguments: argparse.Namespace) -> int:
    if arguments.wait is not None and arguments.wait.exists() and not arguments.force:
        raise UnusableFile(f"{clean(arguments.wait)} exists already; --force replaces it")
    after = (await client.items.list(limit=1)).head
    export = await (client.exports.require(arguments.export) if arguments.export else client.exports.start())
    if arguments.wait is None:
        _print_result(export, arguments)
        return ExitCode.SUCCESS
    remark(f"{export.id}: waiting until it is ready")
    export = await _finished(client, export, after)
    if export.state is ExportState.FAILED:
        print_error(f"{export.id}: {clean(export.failure.message if export.failure else 'it failed')}")
        return ExitCode.FAILURE
    await client.download_export(export, arguments.wait, force=arguments.force)
    _print_result(export, arguments)
    return ExitCode.SUCCESS


async def _finished(client: DarkroomClient, export: Export, after: int) -> Export:
    """Wait for the end of the export; read it only after new events or a timeout."""
    while export.state in UNFINISHED:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{export.percent:.0f} % ")
            sys.stderr.flush()
        after = (await client.event_page(after=after, wait_seconds=POLL_SECONDS)).read_to
        export = await client.exports.require(export.id)
    return export


def _print_result(export: Export, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json(export.model_dump(mode="json") | {"file": os.fspath(arguments.wait) if arguments.wait else None})
        return
    words = [f"{export.id}: {export.state.value}"]
    if export.item_count is not None and export.state is ExportState.READY:
        words.append(f"{export.item_count} items, {size(export.size_bytes or 0)}")
    if export.missing_count:
        words.append(f"{export.missing_count} originals are not there any more")
    if export.kept_until is not None:
        words.append(f"kept until {local_time(export.kept_until)}")
    print_line("; ".join([*words, *([f"saved as {clean(arguments.wait)}"] if arguments.wait else [])]))
