"""A worker runs the consumers and loops of its roles, and nothing else."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from app.items.schema.row import Lane
from app.items.service.queueing import QUEUES
from app.media.decoders import Decoders
from app.settings import WorkerRole
from app.stores.resources import EXPORTS_QUEUE, NUDGES_QUEUE
from app.worker.loops import Loops, Workplace, build_loops
from app.worker.relay import Hints
from tests.services import Services, Stores

EXPRESS, BULK = QUEUES[Lane.EXPRESS], QUEUES[Lane.BULK]
ALL = frozenset(WorkerRole)


def built(services: Services, stores: Stores, workplace: Workplace, **changes: object) -> Loops:
    settings = stores.settings(**{"worker_slots": 1, **changes})
    return build_loops(
        settings=settings, base=services.base, workplace=workplace, hints=Hints(), registry=CollectorRegistry()
    )


@pytest.mark.parametrize(
    ("roles", "queues", "has_loops"),
    [
        (ALL, {EXPRESS, BULK, EXPORTS_QUEUE, NUDGES_QUEUE}, True),
        ({WorkerRole.EXPRESS}, {EXPRESS}, False),
        ({WorkerRole.BULK}, {BULK}, False),
        ({WorkerRole.EXPORTS}, {EXPORTS_QUEUE}, False),
        ({WorkerRole.MAINTENANCE}, {NUDGES_QUEUE}, True),
        ({WorkerRole.DISPATCHER}, set(), False),
    ],
)
async def test_a_role_has_its_queues_and_loops(
    services: Services,
    stores: Stores,
    decoders: Decoders,
    tmp_path: Path,
    roles: set[WorkerRole],
    queues: set[str],
    has_loops: bool,
) -> None:
    loops = built(services, stores, Workplace(decoders, tmp_path), worker_roles=frozenset(roles))
    assert {consumer.queue for consumer in loops.consumers} == queues
    assert bool(loops.loops) == has_loops


@pytest.mark.parametrize(("slots", "bulk_slots", "queues"), [(0, 1, {BULK}), (1, 0, {EXPRESS}), (0, 0, set())])
async def test_a_lane_without_slots_is_not_consumed(
    services: Services,
    stores: Stores,
    decoders: Decoders,
    tmp_path: Path,
    slots: int,
    bulk_slots: int,
    queues: set[str],
) -> None:
    loops = built(
        services,
        stores,
        Workplace(decoders, tmp_path),
        worker_roles=frozenset({WorkerRole.EXPRESS, WorkerRole.BULK}),
        worker_bulk_slots=bulk_slots,
        worker_slots=slots,
    )
    assert {consumer.queue for consumer in loops.consumers} == queues
