"""Measure a page of the gallery of an account of 100,000 items / of 1,000, over HTTP through both tiers.

The rows are written to the tables directly, as many in a transaction as fit, while no service runs: creating them one
by one over HTTP would take an hour. They equal what a worker leaves: ready, with a result of the current recipe. For
the same reason cursors are written here, with the installation's secret, instead of paging to the end.
"""

import asyncio
import json
import random
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

from app.items.schema.row import ItemRow, Result, StoredRendition, to_attributes
from app.items.store import ItemStore, row_action
from app.media.recipe import RECIPE, recipe_hash
from app.pagination import Cursors, Position
from bench.scale import scaled
from bench.service import data_folder, open_tables, register, running_service, running_tables, sign_in
from darkroom_client.client import DarkroomClient
from darkroom_client.items import Order
from darkroom_process.secret_file import Secret
from darkroom_shared.ids import AccountId, new_item_id
from darkroom_shared.items import ItemKind, ItemState
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import to_rfc3339, utc_now

FIGURES = ("gallery_100k_vs_1k",)

LARGE, SMALL = scaled(100_000, minimum=10_000), 1_000
PAGES = scaled(300, minimum=30)
PAGE_ITEMS = 100
ROWS_PER_TRANSACTION = 100
CONCURRENT_TRANSACTIONS = 16
ORDERS: tuple[Order, ...] = ("created", "captured")
EMAILS = {LARGE: "large@example.com", SMALL: "small@example.com"}
SPREAD_SECONDS = 10 * 365 * 24 * 3600
"""The span over which the photos were taken, in another order than they were uploaded."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-gallery-") as name:
        folder = Path(name)
        with running_service(folder) as url:
            accounts = asyncio.run(_register(url))
        rows = {size: [ready_row(account) for _ in range(size)] for size, account in accounts.items()}
        with running_tables(data_folder(folder) / "tables.db") as endpoint:
            asyncio.run(fill(endpoint, [*rows[LARGE], *rows[SMALL]]))
        cursors = Cursors(Secret(json.loads((data_folder(folder) / "keys.json").read_bytes())["secret"].encode()))
        pages = {(size, order): _pages(cursors, rows[size], order) for size in rows for order in ORDERS}
        with running_service(folder) as url:
            asyncio.run(_measure(url, pages))


async def _register(url: str) -> dict[int, AccountId]:
    accounts = {}
    for size, email in EMAILS.items():
        async with register(url, email) as client:
            accounts[size] = (await client.sessions.account()).id
    return accounts


async def fill(endpoint: str, rows: list[ItemRow]) -> None:
    """Write the rows to the tables; no service may use them meanwhile."""
    began = time.perf_counter()
    slots = asyncio.Semaphore(CONCURRENT_TRANSACTIONS)
    async with open_tables(endpoint) as dynamo, TaskGroup() as tasks:
        store = ItemStore(dynamo)

        async def put(some: list[ItemRow]) -> None:
            try:
                await store.write([row_action(row) for row in some])
            finally:
                slots.release()

        for start in range(0, len(rows), ROWS_PER_TRANSACTION):
            await slots.acquire()
            tasks.create_task(put(rows[start : start + ROWS_PER_TRANSACTION]))
    print(f"{len(rows)} rows put within {time.perf_counter() - began:.0f} s", flush=True)


def _pages(cursors: Cursors, rows: list[ItemRow], order: Order) -> list[str | None]:
    """Return the cursors of the first page, of one in the middle, and of the last; rows are sorted newest first."""
    keys = {row.item_id: to_attributes(row)["captured_key"] for row in rows}
    captured = order == "captured"
    ordered = sorted(rows, key=lambda row: keys[row.item_id] if captured else row.item_id, reverse=True)
    last_seen = [ordered[len(ordered) // 2], ordered[-PAGE_ITEMS - 1]]
    account = rows[0].account_id
    return [None, *(cursors.write(account, order, Position(row.item_id, keys[row.item_id])) for row in last_seen)]


def ready_row(account: AccountId) -> ItemRow:
    """Return a row as a worker leaves it, captured at a random time within ten years."""
    now = utc_now()
    captured_at = now - timedelta(seconds=random.uniform(0, SPREAD_SECONDS))
    return ItemRow(
        account_id=account,
        item_id=new_item_id(),
        state=ItemState.READY,
        kind=ItemKind.IMAGE,
        name="IMG_20240501_120000.jpg",
        caption="",
        size_bytes=5_000_000,
        content_type="image/jpeg",
        digest=f"sha256:{random.randbytes(32).hex()}",
        created_at=now,
        captured_at=captured_at,
        attempt=1,
        result=Result(
            recipe=recipe_hash(),
            attempt=1,
            width=4000,
            height=3000,
            camera="Darkroom Bench",
            placeholder="3OcRJYB4d3h/iIeHeEh3eIhw+j2w",
            captured_at=to_rfc3339(captured_at),
            renditions=tuple(
                StoredRendition(each.name, each.file, each.content_type, 2048, 1536, 400_000, "0" * 64)
                for each in RECIPE
            ),
        ),
    )


async def _measure(url: str, pages: dict[tuple[int, Order], list[str | None]]) -> None:
    ratios = []
    async with sign_in(url, EMAILS[LARGE]) as large, sign_in(url, EMAILS[SMALL]) as small:
        for order in ORDERS:
            seconds: dict[int, list[float]] = {LARGE: [], SMALL: []}
            for number in range(PAGES):
                for size, client in ((LARGE, large), (SMALL, small)):
                    cursor = pages[size, order][number % len(pages[size, order])]
                    seconds[size].append(await _page_seconds(client, order, cursor))
            of_large, of_small = median(seconds[LARGE]), median(seconds[SMALL])
            print(f"{order}: a page of {LARGE} takes {of_large * 1e3:.1f} ms, of {SMALL} {of_small * 1e3:.1f} ms")
            ratios.append(of_large / of_small)
    print(f"figure gallery_100k_vs_1k {max(ratios):.3f}")


async def _page_seconds(client: DarkroomClient, order: Order, cursor: str | None) -> float:
    began = time.perf_counter()
    page = await client.items.list(order=order, limit=PAGE_ITEMS, cursor=cursor)
    seconds = time.perf_counter() - began
    if len(page.items) != PAGE_ITEMS:
        raise RuntimeError(f"a page of {len(page.items)} items")
    return seconds


if __name__ == "__main__":
    main()
