"""The worker's metrics: attempts by ending, steps by kind, lanes; no ids in any label."""

from prometheus_client import CollectorRegistry

from app.items.schema.row import ItemRow, Lane
from app.items.wiring import build_maintenance
from app.stores.resources import EXPRESS_QUEUE
from app.worker.item_attempts import item_attempts
from app.worker.metrics import LaneSampler, WorkerMetrics
from app.worker.steps import Steps
from tests.services import ManualClock, Services
from tests.worker.harness import a_tiny_photo, message


class OneStep:
    """A pipeline of one step; raises `error` after it."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def run(self, _claimed: ItemRow, steps: Steps) -> ItemRow:
        with steps.step("download"):
            pass
        raise self._error


async def test_a_lost_attempt_and_its_steps_are_counted_without_the_item(services: Services) -> None:
    registry, base = CollectorRegistry(), services.base
    metrics = WorkerMetrics(registry)
    attempts = item_attempts(
        services.work,
        OneStep(KeyError("canary")),
        base.amazon.queues,
        Lane.EXPRESS,
        base.signals.nudges,
        base.clock,
        metrics,
    )
    for _ in range(3):
        await attempts.handle(message(await services.queued(a_tiny_photo())))
    ended = {"queue": EXPRESS_QUEUE, "ending": "lost_attempt"}
    assert registry.get_sample_value("darkroom_worker_attempts_total", ended) == 3
    step = {"step": "download", "kind": "image"}
    assert registry.get_sample_value("darkroom_worker_step_duration_seconds_count", step) == 3
    labels = {tuple(sample.labels) for metric in registry.collect() for sample in metric.samples}
    assert labels == {("queue", "ending"), ("step", "kind"), ("step", "kind", "le")}


async def test_the_oldest_wait_of_a_lane_is_sampled(services: Services, clock: ManualClock) -> None:
    registry, base = CollectorRegistry(), services.base
    maintenance = build_maintenance(clients=base.clients, parts=base.items)
    sampler = LaneSampler(registry, base.amazon.queues, maintenance, base.clock)
    await services.queued(a_tiny_photo())
    clock.advance(minutes=7)
    await sampler.process()
    oldest = registry.get_sample_value("darkroom_lane_oldest_wait_seconds", {"queue": EXPRESS_QUEUE})
    waiting = registry.get_sample_value("darkroom_lane_messages", {"queue": EXPRESS_QUEUE, "state": "waiting"})
    assert oldest is not None
    assert oldest >= 7 * 60
    assert waiting is not None
    assert waiting >= 1
