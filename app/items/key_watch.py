"""Signing with another key without a restart: the file of the keys is looked at again and again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

from app.items.delivery import Delivery
from app.stores.cloudfront import UrlSigner
from app.stores.key_file import read_keys

log = structlog.get_logger()

LOOK_SECONDS = 5.0


@asynccontextmanager
async def following_keys(
    file: Path, cdn_url: str, delivery: Delivery, look_seconds: float = LOOK_SECONDS
) -> AsyncIterator[None]:
    """`delivery` signs by the file's first key, from the start and after every change. What cannot be read changes
    nothing later; at the start it raises ValueError or OSError."""
    key = (await asyncio.to_thread(read_keys, file)).signing
    delivery.sign_with(UrlSigner(cdn_url, key.id, key.private_key))
    following = asyncio.create_task(_follow(file, cdn_url, delivery, key.id, look_seconds))
    try:
        yield
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


async def _follow(file: Path, cdn_url: str, delivery: Delivery, signing: str, look_seconds: float) -> None:
    while True:
        await asyncio.sleep(look_seconds)
        try:
            key = (await asyncio.to_thread(read_keys, file)).signing
            if key.id == signing:
                continue
            delivery.sign_with(UrlSigner(cdn_url, key.id, key.private_key))
        except (ValueError, OSError) as error:
            log.error("delivery_keys.unreadable", reason=str(error))
            continue
        signing = key.id
        log.info("delivery_key.changed", key=signing)
