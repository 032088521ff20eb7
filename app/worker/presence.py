"""Tells the overview, every few seconds, that this worker is there and how well its decoders are confined."""

import asyncio
import os
import socket

from app.stores.presence_registry import PresenceRegistry
from shared.admin import WORKERS_REGISTRY, WorkerSeen

REPEAT_SECONDS = 15.0
STAY_SECONDS = 60
"""A worker that was killed is seen for so long."""


async def be_seen(registry: PresenceRegistry, landlock_level: int | None, stopping: asyncio.Event) -> None:
    """Until `stopping`."""
    worker = WorkerSeen(process=f"{socket.gethostname()}:{os.getpid()}", landlock_level=landlock_level)
    while not stopping.is_set():
        await registry.post(WORKERS_REGISTRY, worker.model_dump_json(), seconds=STAY_SECONDS)
        try:
            async with asyncio.timeout(REPEAT_SECONDS):
                await stopping.wait()
        except TimeoutError:
            continue
