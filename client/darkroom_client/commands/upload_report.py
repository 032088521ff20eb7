"""Progress bars and result lines of `darkroom upload`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from darkroom_client.commands.running import explained
from darkroom_client.errors import ClientError
from darkroom_client.terminal import clean, print_error, print_json, print_line, remark
from darkroom_client.uploads import Stage, Uploaded, UploadProgress
from darkroom_shared.items import Item, ItemState
from darkroom_shared.problems import Problem

LISTED_FAILURES = 20
NAME_WIDTH = 40


@dataclass(slots=True)
class Tally:
    uploaded: int = 0
    duplicates: int = 0
    ready: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    failed: int = 0

    def fail(self, line: str) -> None:
        self.failed += 1
        if len(self.failures) < LISTED_FAILURES:
            self.failures.append(line)


class Bars:
    """One progress bar per running upload and one for all; hidden unless stderr is a terminal."""

    def __init__(self, *, visible: bool) -> None:
        self._console = Console(stderr=True)
        self.visible = visible and self._console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self.visible,
            redirect_stdout=False,  # otherwise results would go to stderr when stdout is a pipe
            redirect_stderr=False,
        )
        self._all: TaskID | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        with self._progress:
            yield

    def expect(self, files: int, size_bytes: int) -> None:
        """Set the totals, once they are counted."""
        self._all = self._progress.add_task(f"all {files} files", total=size_bytes)

    def show_unfinished(self, items: int) -> None:
        """Show that everything is sent and how many items are still being processed."""
        if self._all is not None:
            self._progress.update(self._all, description=f"sent; {items} not ready yet")

    def print_line(self, text: str) -> None:
        """Print a result line above the bars."""
        if self.visible and sys.stdout.isatty():
            self._console.print(Text(text), soft_wrap=True)
        else:
            print_line(text)

    def print_error(self, text: str) -> None:
        if self.visible:
            self._console.print(Text(f"darkroom: {text}"), soft_wrap=True)
        else:
            print_error(text)

    def start(self, path: Path, size_bytes: int) -> "FileBar":
        name = clean(path.name)
        short = name if len(name) <= NAME_WIDTH else name[: NAME_WIDTH - 1] + "…"
        return FileBar(self, self._progress.add_task(Text(short).markup, total=size_bytes), short)

    def update(self, task: TaskID, description: str, done_bytes: int) -> None:
        self._progress.update(task, description=Text(description).markup, completed=done_bytes)

    def restart(self, task: TaskID) -> None:
        """Reset the bar and its speed."""
        self._progress.reset(task)

    def advance_all(self, size_bytes: int) -> None:
        if self._all is not None:
            self._progress.advance(self._all, size_bytes)

    def remove(self, task: TaskID) -> None:
        self._progress.remove_task(task)


@dataclass(slots=True)
class FileBar:
    bars: Bars
    task: TaskID
    name: str
    _stage: Stage = Stage.HASHING
    _sent_bytes: int = 0

    def show(self, progress: UploadProgress) -> None:
        if progress.stage is not self._stage:
            self._stage = progress.stage
            self.bars.restart(self.task)
        if progress.stage is Stage.HASHING:
            self.bars.update(self.task, f"{self.name} (reading)", progress.done_bytes)
            return
        self.bars.update(self.task, self.name, progress.done_bytes)
        self.bars.advance_all(progress.done_bytes - self._sent_bytes)
        self._sent_bytes = progress.done_bytes

    def finish(self, size_bytes: int) -> None:
        """Remove the bar and count the file's remaining bytes as done, whatever the outcome."""
        self.bars.advance_all(size_bytes - self._sent_bytes)
        self.bars.remove(self.task)


class UploadReport:
    def __init__(self, *, as_json: bool, waits: bool, bars: Bars) -> None:
        self._as_json, self._waits, self._bars = as_json, waits, bars
        self.tally = Tally()

    def accepted(self, path: Path, uploaded: Uploaded) -> None:
        if uploaded.duplicate:
            self.tally.duplicates += 1
        else:
            self.tally.uploaded += 1
        if self._waits:
            return  # its only line is printed when it is finished
        outcome, words = ("duplicate", "already here") if uploaded.duplicate else ("uploaded", "uploaded")
        self._result(path, outcome, words, uploaded.item)

    def finished(self, path: Path, item: Item) -> None:
        """Called only with --wait."""
        if item.state is ItemState.READY:
            self.tally.ready += 1
            self._result(path, "ready", "ready", item)
            return
        words = item.state.value + (f": {clean(item.failure.message)}" if item.failure else "")
        self._result(path, item.state.value, words, item)
        self.tally.fail(f"{clean(path)}: {words} ({item.id})")

    def failed(self, path: Path, error: Problem | ClientError | str) -> None:
        words = clean(error) if isinstance(error, str) else explained(error)
        kind = error.type if isinstance(error, Problem) else "local" if isinstance(error, str) else type(error).__name__
        if self._as_json:
            self._json(path, "error", None, {"type": kind, "detail": words})
        else:
            self._bars.print_error(f"{clean(path)}: {words}")
        self.tally.refused += 1
        self.tally.fail(f"{clean(path)}: {words}")

    def summary(self) -> None:
        tally = self.tally
        if self._as_json or tally.uploaded + tally.duplicates + tally.failed < 2:
            return
        counts = [f"{tally.uploaded} uploaded", f"{tally.duplicates} already here"]
        if self._waits:
            counts.append(f"{tally.ready} ready")
        remark(", ".join([*counts, f"{tally.failed} failed" + (":" if tally.failed else "")]))
        for line in tally.failures:
            remark(f"  {line}")
        if tally.failed > len(tally.failures):
            remark(f"  and {tally.failed - len(tally.failures)} more, named above")

    def _result(self, path: Path, outcome: str, words: str, item: Item) -> None:
        if self._as_json:
            self._json(path, outcome, item, None)
        else:
            self._bars.print_line(f"{clean(path)}: {words} ({item.id})")

    def _json(self, path: Path, outcome: str, item: Item | None, problem: dict[str, str] | None) -> None:
        document: dict[str, Any] = {"path": str(path), "outcome": outcome}
        document["item"] = None if item is None else item.model_dump(mode="json")
        document["problem"] = problem
        print_json(document)
