"""The worker's composition root: the decoders' template first, then clients, services and loops."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import structlog
import uvloop

from app.events.relay import RelayService
from app.items.upkeep import UpkeepService
from app.items.work import WorkService
from app.media.decoders import Decoders
from app.readiness import Readiness
from app.services import open_foundation
from app.settings import Settings
from app.stores.resources import EXPRESS_QUEUE
from app.worker.attempt import Attempts
from app.worker.consumer import Consumer
from app.worker.health import health_server
from app.worker.pipeline import Pipeline
from app.worker.rounds import Hints, Relay, Sweeper
from shared.times import utc_now

log = structlog.get_logger()

GRACE_SECONDS = 15.0
"""For the photos in work; whoever stops the process waits longer than this."""
ATTEMPTS_AHEAD = 1
"""Attempts beyond the decoders' slots, so that no core waits while a photo is fetched or stored."""


def main(settings: Settings) -> None:
    """Works until SIGTERM. The template is forked before any client, thread or loop exists."""
    decoders = Decoders.start(slots=settings.worker_slots)
    with scratch_folder() as scratch:
        uvloop.run(_work(settings, decoders, scratch))
    log.info("worker.stopped")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """This process's own; what killed workers left behind goes first."""
    root = Path(tempfile.gettempdir()) / "darkroom-scratch"
    root.mkdir(mode=0o700, exist_ok=True)
    for left in root.iterdir():
        if left.name.isdigit() and not Path("/proc", left.name).exists():
            shutil.rmtree(left, ignore_errors=True)
    own = root / str(os.getpid())
    own.mkdir(mode=0o700, exist_ok=True)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


async def _work(settings: Settings, decoders: Decoders, scratch: Path) -> None:
    readiness, hints, loop = Readiness(), Hints(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, readiness.stop)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(decoders.aclose)
        base = await open_foundation(settings, stack, utc_now, hints.add)
        lease = timedelta(seconds=settings.lease_seconds)
        work = WorkService(base.item_store, base.changes, base.queue, base.clock, lease)
        upkeep = UpkeepService(base.item_store, base.changes, base.amazon.objects, base.queue, base.clock)
        relay = RelayService(base.event_store, base.amazon.topics, base.clock)
        pipeline = Pipeline(base.amazon.objects, work, decoders, scratch, base.clock)
        attempts = Attempts(work, pipeline, base.amazon.queues, EXPRESS_QUEUE, base.cache.nudges, base.clock)
        attempts_at_once = settings.worker_slots + ATTEMPTS_AHEAD
        consumer = Consumer(base.amazon.queues, EXPRESS_QUEUE, attempts_at_once, lease, attempts.handle)
        health = health_server(settings.listen_host, settings.listen_port, readiness, lambda: consumer.in_work)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(health.serve())
            rounds = [
                tasks.create_task(Sweeper(upkeep, base.amazon.queues).run(readiness.stopping)),
                tasks.create_task(Relay(relay, hints).run(readiness.stopping)),
            ]
            await consumer.run(readiness.stopping, GRACE_SECONDS)
            for task in rounds:
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await asyncio.shield(task)
                task.cancel()
            health.should_exit = True
            await serving
