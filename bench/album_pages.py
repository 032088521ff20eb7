"""Measure a page of an album of 100,000 items / of one of 100, over HTTP through both tiers: first, middle, last
page.

Items and placements are written to the tables directly while no service runs, as in the gallery's benchmark.
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx
from sqlalchemy import insert, update

from app.access.schema.tables import album_items, albums
from app.access.store.placements import position_of
from app.items.schema.row import ItemRow, captured_key
from app.pagination import Cursors, Position
from app.stores.aurora import Database
from bench.gallery import fill, ready_row
from bench.scale import scaled
from bench.service import EMAIL, PASSWORD, data_folder, register, running_service, running_tables
from darkroom_process.secret_file import Secret
from darkroom_shared.albums import CreateAlbum
from darkroom_shared.ids import AccountId, AlbumId
from darkroom_shared.times import utc_now

FIGURES = ("album_page_100k",)

LARGE, SMALL = scaled(100_000, minimum=1_000), 100
PAGES = scaled(300, minimum=30)
PAGE_ITEMS = 50
ROWS_PER_INSERT = 5_000


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-album-pages-") as name:
        folder = data_folder(Path(name))
        with running_service(Path(name)) as url:
            account, made = asyncio.run(_make(url))
        rows = [ready_row(account) for _ in range(LARGE)]
        with running_tables(folder / "tables.db") as endpoint:
            asyncio.run(fill(endpoint, rows))
        placed = {made[LARGE]: rows, made[SMALL]: rows[:SMALL]}
        asyncio.run(_place(folder / "darkroom.db", placed))
        cursors = Cursors(Secret(json.loads((folder / "keys.json").read_bytes())["secret"].encode()))
        pages = [_pages(cursors, account, album, some) for album, some in placed.items()]
        with running_service(Path(name)) as url:
            asyncio.run(_measure(url, [*placed], pages))


async def _make(url: str) -> tuple[AccountId, dict[int, AlbumId]]:
    async with register(url) as client:
        account = (await client.sessions.account()).id
        return account, {size: (await client.albums.create(CreateAlbum(title=f"{size}"))).id for size in (LARGE, SMALL)}


async def _place(file: Path, placed: dict[AlbumId, list[ItemRow]]) -> None:
    database = Database(f"sqlite+aiosqlite:///{file}", transaction_seconds=300)
    for album, rows in placed.items():
        async with database.writer.write() as connection:
            for start in range(0, len(rows), ROWS_PER_INSERT):
                some = [_placement(album, row) for row in rows[start : start + ROWS_PER_INSERT]]
                await connection.execute(insert(album_items), some)
            counted = {"item_count": len(rows), "items_version": 2}
            await connection.execute(update(albums).where(albums.c.id == album).values(counted))
    await database.close()


def _placement(album: AlbumId, row: ItemRow) -> dict[str, object]:
    return {
        "album_id": album,
        "item_id": row.item_id,
        "owner_id": row.account_id,
        "captured_key": captured_key(row),
        "position": position_of(row),
        "added_at": utc_now(),
        "added_version": 2,
        "original_allowed": False,
    }


def _pages(cursors: Cursors, account: AccountId, album: AlbumId, rows: list[ItemRow]) -> list[str | None]:
    """Return the cursors of the first page, of one in the middle, and of the last."""
    ordered = sorted(rows, key=captured_key)
    last_seen = [ordered[len(ordered) // 2 - 1], ordered[-PAGE_ITEMS - 1]]
    kind = f"{album} captured"
    return [None, *(cursors.write(account, kind, Position(row.item_id, captured_key(row))) for row in last_seen)]


async def _measure(url: str, requested: list[AlbumId], pages: list[list[str | None]]) -> None:
    seconds: list[list[float]] = [[], []]
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        signed_in = await http.post("/v1/sessions", json={"email": EMAIL, "password": PASSWORD})
        http.headers["Authorization"] = f"Bearer {signed_in.json()['token']}"
        for number in range(PAGES):
            for album, cursors, measured in zip(requested, pages, seconds, strict=True):
                cursor = cursors[number % len(cursors)]
                parameters = {"limit": PAGE_ITEMS} | ({"cursor": cursor} if cursor else {})
                began = time.perf_counter()
                response = await http.get(f"/v1/albums/{album}/items", params=parameters)
                measured.append(time.perf_counter() - began)
                assert len(response.json()["items"]) == PAGE_ITEMS, response.text
    large, small = (median(value) for value in seconds)
    print(f"a page of {PAGE_ITEMS}: {large * 1e3:.1f} ms of {LARGE:,} items, {small * 1e3:.1f} ms of {SMALL}")
    print(f"figure album_page_100k {large / small:.3f}")


if __name__ == "__main__":
    main()
