"""Measure 200 concurrent transitions of one account from two processes: actions sent / actions committed.

Without arguments it starts the tables and two copies of itself, which cancel 100 uploading items each, concurrently.
"""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from app.events.service.log import EventLog
from app.events.store.log import EventStore
from app.items.schema.row import ItemRow
from app.items.service import lifecycle
from app.items.service.changes import ItemChanges
from app.items.store import ItemStore
from bench.scale import scaled
from bench.service import open_tables, running_tables
from darkroom_shared.ids import AccountId, new_account_id, new_item_id
from darkroom_shared.items import ItemState
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import utc_now

FIGURES = ("append_vs_single",)

PROCESSES = 2
TRANSITIONS = 200
REPEATS = scaled(9)
READY, START = "ready", "go"
QUOTA_BYTES = 1 << 40


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-append-") as name, running_tables(Path(name) / "tables.db") as at:
        repeats = [_race(at, new_account_id()) for _ in range(REPEATS)]
    print("actions sent/committed:", *(f"{sent}/{committed}" for sent, committed in repeats))
    ratio = sum(sent for sent, _ in repeats) / sum(committed for _, committed in repeats)
    print(f"figure append_vs_single {ratio:.3f}")


def _race(endpoint: str, account: AccountId) -> tuple[int, int]:
    command = [sys.executable, "-m", "bench.append", endpoint, account]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(PROCESSES)]  # noqa: S603 - ourselves
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == READY
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(f"{START}\n")
        process.stdin.flush()
    counts = [[int(count) for count in process.communicate()[0].split()] for process in processes]
    return sum(sent for sent, _ in counts), sum(committed for _, committed in counts)


async def transit(endpoint: str, account: AccountId) -> None:
    """Run one of the processes: print READY once its items exist, wait for START, print the actions sent and
    committed.
    """
    async with open_tables(endpoint) as dynamo:
        store = ItemStore(dynamo)
        async with EventLog(store=EventStore(dynamo), dynamo=dynamo, nudge=_ignore, clock=utc_now) as log:
            changes = ItemChanges(store=store, log=log, clock=utc_now, quota_bytes=QUOTA_BYTES)
            rows = [_uploading(account) for _ in range(TRANSITIONS // PROCESSES)]
            async with TaskGroup() as tasks:
                for row in rows:
                    tasks.create_task(changes.create(lifecycle.created(row), None))
            print(READY, flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            log.actions_sent = log.actions_committed = 0
            async with TaskGroup() as tasks:
                for row in rows:
                    tasks.create_task(
                        changes.apply(account, row.item_id, lambda current: lifecycle.cancel(current, utc_now()))
                    )
            print(log.actions_sent, log.actions_committed)


def _uploading(account: AccountId) -> ItemRow:
    return ItemRow(
        account_id=account,
        item_id=new_item_id(),
        state=ItemState.UPLOADING,
        name="photo.jpg",
        caption="",
        size_bytes=5_000_000,
        content_type="image/jpeg",
        created_at=utc_now(),
    )


async def _ignore(account: AccountId) -> None:
    """Publish nothing: the benchmark has no subscribers."""


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(transit(sys.argv[1], AccountId(sys.argv[2])))
    else:
        main()
