"""The worker's composition root: the decoders' template first, then clients, services and loops."""

import asyncio
import signal
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path

import structlog

from app.jobs.loop import run_periodically
from app.media.decoders import Decoders
from app.services import open_foundation
from app.settings import DECODING_ROLES, STORING_ROLES, Settings, WorkerRole
from app.stores.cluster_mode import ClusterMode, refuse_cluster_mode
from app.stores.metrics import watch_stores
from app.worker.health import health_server
from app.worker.loops import Loop, Loops, Workplace, build_loops
from app.worker.metrics import count_jobs_in_progress
from app.worker.presence import publish_presence
from app.worker.relay import Hints
from app.worker.scratch import ScratchUnusable, scratch_folder
from app.worker.start_check import Unsafe, check_decoding, check_sandbox
from darkroom_process.event_loop import new_event_loop
from darkroom_process.metrics import new_registry
from darkroom_process.operator_port import OperatorPort
from darkroom_process.readiness import Readiness
from darkroom_process.startup import freeze_startup
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import utc_now

log = structlog.get_logger()

GRACE_SECONDS = 15.0
"""At a stop, work in progress has this long to end. The supervisor must wait longer before it kills the worker."""
DRAIN_CHECK_SECONDS = 1.0


def main(settings: Settings) -> None:
    """Run until SIGTERM or the drain file. The template is forked before any client, thread or loop exists."""
    try:
        with ExitStack() as stack:
            workplace = _open_workplace(stack, settings)
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(_work(settings, workplace))
    except (Unsafe, ScratchUnusable, ClusterMode) as reason:
        raise SystemExit(str(reason)) from None
    log.info("worker.stopped")


def _open_workplace(stack: ExitStack, settings: Settings) -> Workplace:
    """Return what the worker's roles need. Raises ScratchUnusable."""
    if not settings.worker_roles & STORING_ROLES:
        return Workplace(None, None)
    scratch = stack.enter_context(scratch_folder(_configured(settings.scratch_folder), settings.scratch_disk))
    if not settings.worker_roles & DECODING_ROLES:
        return Workplace(None, scratch)
    slots, encoders = max(1, settings.worker_slots), max(1, settings.worker_bulk_slots)
    return Workplace(Decoders.start(slots=slots, encoders=encoders), scratch)


def _configured(folder: Path | None) -> Path:
    if folder is None:
        raise ScratchUnusable(
            "A worker needs DARKROOM_SCRATCH_FOLDER: a folder on a disk, for example /var/lib/darkroom."
        )
    return folder


async def _work(settings: Settings, workplace: Workplace) -> None:
    await refuse_cluster_mode(settings.redis_url.get_secret_value(), settings.redis_password_file)
    readiness, hints, loop = Readiness(), Hints(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, readiness.stop)
    async with AsyncExitStack() as stack:
        landlock_level = await _check_workplace(stack, settings, workplace)
        registry = new_registry()
        await stack.enter_async_context(OperatorPort(settings.operator_host, settings.operator_port, registry))
        relays = WorkerRole.MAINTENANCE in settings.worker_roles
        base = await open_foundation(settings, stack, utc_now, hints.add if relays else None)
        watch_stores(registry, base.database, base.cache, base.amazon.errors)
        built = build_loops(settings=settings, base=base, workplace=workplace, hints=hints, registry=registry)
        count_jobs_in_progress(registry, built.consumers)
        if workplace.decoders is not None:
            built.loops.append(lambda stopping: publish_presence(base.signals.presence, landlock_level, stopping))
        if settings.drain_file is not None:
            built.loops.append(_stop_on_file(settings.drain_file, readiness))
        freeze_startup()
        log.info("worker.started", roles=sorted(settings.worker_roles))
        await _run(settings, readiness, built)


async def _check_workplace(stack: AsyncExitStack, settings: Settings, workplace: Workplace) -> int | None:
    """Return the kernel's level of Landlock, None without it or without decoders. Raises Unsafe."""
    if workplace.decoders is None or workplace.scratch is None:
        return None
    stack.push_async_callback(workplace.decoders.aclose)
    level = await check_sandbox(workplace.decoders, workplace.scratch, settings.sandbox)
    await check_decoding(workplace.decoders, workplace.scratch)
    return level


def _stop_on_file(file: Path, readiness: Readiness) -> Loop:
    """Return a loop that stops the worker while `file` exists: a service manager cannot always signal it in time."""

    async def check(_shard: int) -> None:
        if await asyncio.to_thread(file.exists):
            log.info("worker.drain_file")
            readiness.stop()

    return lambda stopping: run_periodically("drain_file", DRAIN_CHECK_SECONDS, stopping, check)


async def _run(settings: Settings, readiness: Readiness, built: Loops) -> None:
    """Run until `readiness` is stopping: take no more jobs then, finish or return those in progress, and return."""
    health = health_server(settings, readiness)
    async with TaskGroup() as tasks:
        serving = tasks.create_task(health.serve())
        running = [tasks.create_task(loop(readiness.stopping)) for loop in built.loops]
        async with TaskGroup() as consuming:
            consuming.create_task(readiness.stopping.wait())
            for consumer in built.consumers:
                consuming.create_task(consumer.run(readiness.stopping, GRACE_SECONDS))
        for task in running:
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await asyncio.shield(task)
            task.cancel()
        health.stop()
        await serving
