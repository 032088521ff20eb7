"""Rotate the delivery key of a running Darkroom: no restart, and every issued URL stays valid until its expiry."""

import asyncio
from pathlib import Path

import httpx

from darkroom_client.client import DarkroomClient
from darkroom_shared.ids import ItemId
from tests.end_to_end.operator import admin, enter
from tests.installation import Installation


def key_in(url: str) -> str:
    return url.partition("Key-Pair-Id=")[2].partition("&")[0]


async def test_urls_of_both_keys_are_valid_until_the_old_key_is_retired(darkroom: Installation, tmp_path: Path) -> None:
    async with DarkroomClient(darkroom.url) as client, httpx.AsyncClient(trust_env=False, timeout=60) as http:
        await enter(client)
        (tmp_path / "photo.jpg").write_bytes(b"whatever it is, its original can be read")
        item = (await client.upload(tmp_path / "photo.jpg")).item
        old = (await client.items.original(item.id)).url
        new_key = (await admin(darkroom, "rotate-key")).split()[0]
        new = await until_signed_by(client, item.id, new_key)
        assert [(await http.get(url)).status_code for url in (old, new)] == [200, 200]
        assert key_in(old) in await admin(darkroom, "retire-key", "--at-once")
        async with asyncio.timeout(60):
            while (await http.get(old)).status_code == 200:  # noqa: ASYNC110  another process
                await asyncio.sleep(0.2)
        assert [(await http.get(url)).status_code for url in (old, new)] == [403, 200]


async def until_signed_by(client: DarkroomClient, item: ItemId, key: str) -> str:
    async with asyncio.timeout(60):
        while key_in(url := (await client.items.original(item)).url) != key:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.2)
    return url
