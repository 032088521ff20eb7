"""Heartbeat of a worker in the presence registry, with the level of its sandbox, for the overview."""

import asyncio
import os
import socket

from app.jobs.loop import run_periodically
from app.stores.presence_registry import PresenceRegistry
from darkroom_shared.admin import WORKERS_REGISTRY, WorkerSeen

REPEAT_SECONDS = 15.0
NOTICE_SECONDS = 60
"""How long a killed worker is still listed."""


async def publish_presence(registry: PresenceRegistry, landlock_level: int | None, stopping: asyncio.Event) -> None:
    """Post the worker's notice periodically until `stopping`."""
    worker = WorkerSeen(process=f"{socket.gethostname()}:{os.getpid()}", landlock_level=landlock_level)

    async def post(_shard: int) -> None:
        await registry.post(WORKERS_REGISTRY, worker.model_dump_json(), seconds=NOTICE_SECONDS)

    await run_periodically("presence", REPEAT_SECONDS, stopping, post)
