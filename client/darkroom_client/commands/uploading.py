"""`upload`: send files and folders concurrently, each resumed where an earlier run stopped."""

import argparse
import asyncio
from collections.abc import Iterator
from pathlib import Path

from darkroom_client.client import DarkroomClient
from darkroom_client.commands.running import ExitCode, in_client, is_about_all
from darkroom_client.commands.upload_report import Bars, UploadReport
from darkroom_client.errors import ClientError
from darkroom_client.uploads import UploadProgress
from darkroom_client.waiting import Waiter
from darkroom_client.walking import ListedFile, Unreadable, walk
from darkroom_shared.ids import ItemId
from darkroom_shared.problems import Problem
from darkroom_shared.task_group import TaskGroup, first_of
from darkroom_shared.uploads import CAPTION_CHARACTERS

CONCURRENT_FILES = 8
"""While four requests transfer bytes, other files are hashed, created and completed."""
RESUME_HINT = "Interrupted. The same command again sends only what is missing."


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    parser = commands.add_parser(
        "upload",
        parents=[common],
        help="send files and whole folders",
        description="Sends files, and every file in folders, except hidden files; symbolic links are not followed. "
        "Interrupted and started again, it sends only what is missing. Files that the account has are not sent.",
    )
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path)
    parser.add_argument("--wait", action="store_true", help="wait until each item is ready or has failed")
    parser.add_argument("--caption", default="", type=_caption, help="of all items")
    parser.set_defaults(run=in_client(_upload), resume=RESUME_HINT)


def _caption(text: str) -> str:
    if len(text) > CAPTION_CHARACTERS:
        raise argparse.ArgumentTypeError(f"may have {CAPTION_CHARACTERS} characters at most")
    return text


async def _upload(client: DarkroomClient, arguments: argparse.Namespace) -> int:
    bars = Bars(visible=not arguments.json)
    report = UploadReport(as_json=arguments.json, waits=arguments.wait, bars=bars)
    waiter: Waiter[Path] | None = Waiter(client, report.finished) if arguments.wait else None
    upload = FolderUpload(client, arguments.paths, arguments.caption, report, bars, waiter)
    try:
        with bars.running():
            await upload.run()
    except BaseExceptionGroup as failures:
        raise first_of(failures) from failures
    finally:
        report.summary()
    return ExitCode.FAILURE if report.tally.failed else ExitCode.SUCCESS


class FolderUpload:
    """One run of the command. Memory holds only the running uploads, never the list of files."""

    def __init__(
        self,
        client: DarkroomClient,
        paths: list[Path],
        caption: str,
        report: UploadReport,
        bars: Bars,
        waiter: Waiter[Path] | None,
    ) -> None:
        self._client, self._paths, self._caption = client, paths, caption
        self._report, self._bars, self._waiter = report, bars, waiter
        self._local_files: Iterator[ListedFile | Unreadable] = walk(paths)
        self._walking = asyncio.Lock()

    async def run(self) -> None:
        """Upload all files. Raises an exception group if the rest would fail, too: signed out, or server not
        reachable.
        """
        async with TaskGroup() as tasks:
            background = [tasks.create_task(self._count())] if self._bars.visible else []
            if self._waiter is not None:
                after = (await self._client.items.list(limit=1)).head
                background.append(tasks.create_task(self._waiter.watch(after)))
            async with TaskGroup() as workers:
                for _ in range(CONCURRENT_FILES):
                    workers.create_task(self._work())
            if self._waiter is not None:
                await self._waiter.until_all_finished(self._bars.show_unfinished)
            for task in background:
                task.cancel()

    async def _count(self) -> None:
        files, size_bytes = await asyncio.to_thread(_counted, self._paths)
        self._bars.expect(files, size_bytes)

    async def _work(self) -> None:
        while (local_file := await self._next()) is not None:
            match local_file:
                case ListedFile():
                    await self._upload_one(local_file)
                case Unreadable(path, reason):
                    self._report.failed(path, reason)

    async def _next(self) -> ListedFile | Unreadable | None:
        async with self._walking:
            return await asyncio.to_thread(next, self._local_files, None)

    async def _upload_one(self, local_file: ListedFile) -> None:
        bar = self._bars.start(local_file.path, local_file.size_bytes)
        expected: ItemId | None = None

        def on_progress(progress: UploadProgress) -> None:
            nonlocal expected
            bar.show(progress)
            if progress.item_id is not None and self._waiter is not None:
                expected = progress.item_id
                self._waiter.expect(progress.item_id)

        try:
            uploaded = await self._client.upload(local_file.path, caption=self._caption, on_progress=on_progress)
            self._report.accepted(local_file.path, uploaded)
            if self._waiter is not None:
                await self._waiter.settle(local_file.path, uploaded.item)
        except (Problem, ClientError) as error:
            if is_about_all(error):
                raise
            self._report.failed(local_file.path, error)
        finally:
            bar.finish(local_file.size_bytes)
            if expected is not None and self._waiter is not None:
                self._waiter.drop_expectation(expected)


def _counted(paths: list[Path]) -> tuple[int, int]:
    files = size_bytes = 0
    for local_file in walk(paths):
        if isinstance(local_file, ListedFile):
            files, size_bytes = files + 1, size_bytes + local_file.size_bytes
    return files, size_bytes
