"""Reload the signing key from its file without a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from app.items.service.delivery import Delivery
from app.jobs.loop import run_periodically, running
from app.stores.cloudfront import UrlSigner
from app.stores.key_file import read_keys
from darkroom_shared.times import Clock

log = structlog.get_logger()

POLL_SECONDS = 5.0


@asynccontextmanager
async def watching_keys(
    file: Path, cdn_url: str, clock: Clock, poll_seconds: float = POLL_SECONDS
) -> AsyncIterator[Delivery]:
    """Yield a delivery that signs with the first key of the file, which is polled for changes. An unreadable file
    raises ValueError or OSError at the start; later it is logged and the previous key stays in use."""
    key = (await asyncio.to_thread(read_keys, file)).signing
    delivery = Delivery(signer=UrlSigner(cdn_url, key.id, key.private_key), clock=clock)
    watch = _KeyWatch(file=file, cdn_url=cdn_url, delivery=delivery, signing=key.id)
    async with running(run_periodically("key_watch", poll_seconds, asyncio.Event(), watch.poll)):
        yield delivery


class _KeyWatch:
    def __init__(self, *, file: Path, cdn_url: str, delivery: Delivery, signing: str) -> None:
        self._file, self._cdn_url, self._delivery = file, cdn_url, delivery
        self._signing = signing

    async def poll(self, _shard: int) -> None:
        try:
            key = (await asyncio.to_thread(read_keys, self._file)).signing
            if key.id == self._signing:
                return
            self._delivery.sign_with(UrlSigner(self._cdn_url, key.id, key.private_key))
        except (ValueError, OSError) as error:
            log.error("delivery_keys.unreadable", reason=str(error))
            return
        self._signing = key.id
        log.info("delivery_key.changed", key=key.id)
