"""Reload the signing key from its file without a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

from app.items.service.delivery import Delivery
from app.stores.cloudfront import UrlSigner
from app.stores.key_file import read_keys

log = structlog.get_logger()

POLL_SECONDS = 5.0


@asynccontextmanager
async def watching_keys(
    file: Path, cdn_url: str, delivery: Delivery, poll_seconds: float = POLL_SECONDS
) -> AsyncIterator[None]:
    """Sign with the first key of the file, and poll the file for changes. An unreadable file raises ValueError or
    OSError at the start; later it is logged and the previous key stays in use."""
    key = (await asyncio.to_thread(read_keys, file)).signing
    delivery.sign_with(UrlSigner(cdn_url, key.id, key.private_key))
    watching = asyncio.create_task(_watch(file, cdn_url, delivery, key.id, poll_seconds))
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _watch(file: Path, cdn_url: str, delivery: Delivery, signing: str, poll_seconds: float) -> None:
    while True:
        await asyncio.sleep(poll_seconds)
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
