"""The live workers, from their presence notices in Redis, and warnings about them."""

from collections.abc import Sequence

from app.stores.presence_registry import PresenceRegistry
from darkroom_shared.admin import WORKERS_REGISTRY, WorkerSeen


async def read_workers(registry: PresenceRegistry) -> list[WorkerSeen] | None:
    """Return None while Redis is unavailable."""
    notices = await registry.read(WORKERS_REGISTRY)
    if notices is None:
        return None
    return sorted((WorkerSeen.model_validate_json(notice) for notice in notices), key=lambda worker: worker.process)


def warnings_about(workers: Sequence[WorkerSeen] | None) -> list[str]:
    """Return sentences for the administrator; none if it is unknown which workers run (`workers` is None)."""
    unconfined = [worker.process for worker in workers or () if worker.landlock_level is None]
    if not unconfined:
        return []
    them = ", ".join(unconfined)
    return [f"Without Landlock in their kernel, a file that takes over its decoder reads what the worker can: {them}."]
