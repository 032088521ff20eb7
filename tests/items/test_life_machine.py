"""A state machine of clients, two workers, sweeper, relay, crashes and duplicate messages, compared with a model."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.items.schema.row import ItemRow, Ladder, Lane, Result, Rung, StoredFailure
from app.items.service import lifecycle
from app.items.store import ItemStore
from app.jobs.claim import ClaimLost
from darkroom_shared.ids import new_account_id
from darkroom_shared.items import EditItem, FailureCode, ItemKind
from darkroom_shared.problems import NotFound, NotUploaded, Outdated, WrongState
from tests.items.life_model import DURATION, ModelItem
from tests.services import ManualClock, Services, Stores, open_services

WORKERS = st.sampled_from([0, 1])
RESULT = Result("recipe", 1, 4, 3, None, "AAAA", None, ())
POSTER = replace(RESULT, duration_seconds=float(DURATION))
RUNG = Rung("360p", 640, 360, "avc1.64001e,mp4a.40.2", 1_000_000)
LANES = st.sampled_from(Lane)
FAILURE = StoredFailure(FailureCode.DAMAGED, "Damaged.", retryable=False)
ERRORS = (ClaimLost, WrongState, Outdated, NotFound, NotUploaded)
BEFORE_ALL = datetime.fromtimestamp(0, UTC)


class Life(RuleBasedStateMachine):
    """One account. Every rule runs against the service and the model, and both must agree."""

    runner: ClassVar[asyncio.Runner]
    services: ClassVar[Services]
    clock: ClassVar[ManualClock]

    items = Bundle("items")

    def __init__(self) -> None:
        super().__init__()
        self.own = replace(self.services, account=new_account_id())
        self.models: dict[str, ModelItem] = {}
        self.rows: dict[str, ItemRow] = {}
        self.claims: dict[tuple[str, int], ItemRow] = {}

    @property
    def now(self) -> float:
        return self.clock.now.timestamp()

    def run(self, work: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await work

        return self.runner.run(wait())

    def same(self, expected: bool, act: Callable[[], Awaitable[Any]]) -> Any:
        """Assert that the service accepts the action if, and only if, the model did."""
        if expected:
            return self.run(act())
        with pytest.raises(ERRORS):
            self.run(act())
        return None

    @rule(target=items, got_to=st.sampled_from(["uploading", "second stage", "playable"]), worker=WORKERS)
    def create(self, got_to: str, worker: int) -> Any:
        """Create an item, some of them in a later state than single steps would often reach."""
        if len(self.models) >= 3:
            return multiple()
        content = secrets.token_bytes(40)
        row, upload = self.run(self.own.create(content))
        assert self.run(self.own.put(upload, content)).status_code == 200
        self.models[row.item_id], self.rows[row.item_id] = ModelItem(born=self.now), row
        if got_to != "uploading":
            self.complete(row.item_id)
            self.claim(row.item_id, worker, Lane.EXPRESS)
            self.hand_off(row.item_id, worker)
        if got_to == "playable":
            self.claim(row.item_id, worker, Lane.BULK)
            self.play(row.item_id, worker)
        return row.item_id

    @rule(item=items)
    def complete(self, item: str) -> None:
        row = self._now(item)
        self.same(self.models[item].complete(self.now), lambda: self.own.completion.complete(row, None))

    @rule(item=items)
    def complete_and_crash_before_the_message_is_sent(self, item: str) -> None:
        row = self.rows[item]
        step = partial(lifecycle.complete, digest=row.digest or "", now=self.clock())
        self.same(
            self.models[item].complete(self.now),
            lambda: self.own.base.items.changes.apply(row.account_id, row.item_id, lambda current: step(current)),
        )

    @rule(item=items, worker=WORKERS, lane=LANES)
    def claim(self, item: str, worker: int, lane: Lane) -> None:
        row = self.rows[item]
        expected = self.models[item].claim(worker, lane.value, self.now)
        claimed = self.same(expected, lambda: self.own.work.claim(row.account_id, row.item_id, lane))
        if claimed is not None:
            self.claims[item, worker] = claimed

    def _claimed(self, item: str, worker: int) -> ItemRow:
        return self.claims.get((item, worker)) or replace(self.rows[item], claim="never-held")

    @rule(item=items, worker=WORKERS)
    def hand_off(self, item: str, worker: int) -> None:
        """Hand off from the express lane only, where videos are probed. A worker that has lost its claim may still
        try.
        """
        claimed, model = self._claimed(item, worker), self.models[item]
        if model.holds(worker) and model.lane == "bulk":
            return
        result = replace(POSTER, attempt=claimed.attempt)
        expected = model.hand_off(worker, self.now)
        again = not expected and model.lane == "bulk" and self._now(item).result == result
        self.same(expected or again, lambda: self.own.work.hand_off(claimed, ItemKind.VIDEO, result, []))

    @rule(item=items, worker=WORKERS)
    def play(self, item: str, worker: int) -> None:
        claimed, model = self._claimed(item, worker), self.models[item]
        if model.holds(worker) and model.lane == "express":
            return
        ladder = _ladder(claimed)
        expected = model.play(worker)
        again = not expected and self._now(item).ladder == ladder
        self.same(expected or again, lambda: self.own.work.play(claimed, ladder, []))

    @rule(item=items, worker=WORKERS)
    def finish(self, item: str, worker: int) -> None:
        claimed, model = self._claimed(item, worker), self.models[item]
        video = model.lane == "bulk"
        result = replace(POSTER if video else RESULT, attempt=claimed.attempt)
        expected = model.finish(worker)
        again = not expected and model.state == "ready" and self._now(item).result == result
        kind, ladder = (ItemKind.VIDEO, _ladder(claimed)) if video else (ItemKind.IMAGE, None)
        self.same(expected or again, lambda: self.own.work.finish(claimed, kind, result, [], ladder))

    def _now(self, item: str) -> ItemRow:
        """Return the item's current row, or the row of its creation if it is purged."""
        first = self.rows[item]
        row: ItemRow | None = self.run(ItemStore(self.own.base.amazon.dynamo).get(first.account_id, first.item_id))
        return row or first

    @rule(item=items, worker=WORKERS)
    def fail(self, item: str, worker: int) -> None:
        claimed = self._claimed(item, worker)
        self.same(self.models[item].fail(worker), lambda: self.own.work.fail(claimed, FAILURE, []))

    @rule(item=items, worker=WORKERS)
    def return_claim(self, item: str, worker: int) -> None:
        claimed = self._claimed(item, worker)
        self.same(self.models[item].return_claim(worker), lambda: self.own.work.return_claim(claimed))

    @rule(item=items, worker=WORKERS)
    def record_lost_attempt(self, item: str, worker: int) -> None:
        claimed = self._claimed(item, worker)
        self.same(
            self.models[item].record_lost_attempt(worker, self.now),
            lambda: self.own.work.record_lost_attempt(claimed, []),
        )

    @rule(item=items, worker=WORKERS)
    def beat(self, item: str, worker: int) -> None:
        model, claimed = self.models[item], self._claimed(item, worker)
        expected = model.holds(worker)
        if expected:
            model.held_until = self.now + 60
        result = self._now(item).result
        own = not expected and result is not None and result.attempt == claimed.attempt
        self.same(
            expected or own, lambda: self.own.work.renew(claimed)
        )  # the response to its finish may be on its way to the worker

    @rule(item=items)
    def cancel(self, item: str) -> None:
        self.same(self.models[item].cancel(), lambda: self.own.item_actions.cancel(self.rows[item]))

    @rule(item=items)
    def retry(self, item: str) -> None:
        if self.models[item].state in {"deleted", "gone"}:
            return
        row = self._now(item)
        self.models[item].original = self.run(self._has_original(row))
        self.same(self.models[item].retry(self.now), lambda: self.own.item_actions.retry(row, None))

    async def _has_original(self, row: ItemRow) -> bool:
        return await self.own.base.amazon.objects.head(f"originals/{row.account_id}/{row.item_id}") is not None

    @rule(item=items, caption=st.sampled_from(["", "a", "b"]), stale=st.booleans())
    def edit(self, item: str, caption: str, stale: bool) -> None:
        model = self.models[item]
        expected_version = model.version - 1 if stale else model.version
        done = model.edit(caption, expected_version)
        body = EditItem(caption=caption)
        self.same(done, lambda: self.own.item_actions.edit(self.rows[item], body, expected_version))

    @rule(item=items, permanently=st.booleans())
    def delete(self, item: str, permanently: bool) -> None:
        expected = self.models[item].delete(self.now, permanently=permanently)
        self.same(expected, lambda: self.own.trash.delete(self.rows[item], None, permanently=permanently))

    @rule(item=items)
    def restore(self, item: str) -> None:
        self.same(self.models[item].restore(self.now), lambda: self.own.trash.restore(self.rows[item]))

    @rule(item=items)
    def delete_and_restore(self, item: str) -> None:
        """Delete and restore, as people do: the two single steps would rarely come together."""
        self.delete(item, permanently=False)
        self.restore(item)

    @rule(item=items, seconds=st.sampled_from([60, 91, 4_300]))
    def purge(self, item: str, seconds: int) -> None:
        """Purge the item completely, if `seconds` is long enough."""
        self.delete(item, permanently=True)
        for _ in range(2):
            self.sweep(item)
            self.clock.advance(seconds=seconds)
        self.sweep(item)

    @precondition(lambda self: self.models)
    @rule(seconds=st.sampled_from([5, 31, 61, 300, 601, 86_401]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)

    @precondition(lambda self: any(model.state == "deleted" for model in self.models.values()))
    @rule()
    def a_month_passes(self) -> None:
        self.clock.advance(days=31)

    @rule(item=items)
    def sweep(self, item: str) -> None:
        model, row = self.models[item], self.rows[item]
        model.sweep(self.now)
        self.run(self.own.maintenance.process(row.account_id, row.item_id))
        if model.purged_at == self.now:
            assert not self.run(self._has_original(row))
        if model.may_be_gone(self.now):
            gone = self.run(ItemStore(self.own.base.amazon.dynamo).get(row.account_id, row.item_id)) is None
            assert gone or not model.must_be_gone(self.now)
            model.state = "gone" if gone else model.state

    @precondition(lambda self: self.models)
    @rule()
    def relay(self) -> None:
        self.run(self.own.relay.relay(self.own.account))

    @invariant()
    def rows_match_the_model(self) -> None:
        for model, row in zip(self.models.values(), self.run(self._stored_rows()), strict=True):
            if row is None or model.state == "gone":
                assert (row, model.state) == (None, "gone")
                continue
            results = (row.state.value, row.caption, row.version, row.lost_attempts, row.lane.value)
            assert results == (model.state, model.caption, model.version, model.lost_attempts, model.lane)
            assert (row.ladder is not None) == model.playable
            assert row.ladder is None or row.ladder.attempt == row.attempt
            assert (row.due_at is None) == (not any((row.deadline, row.cleanup_at, row.purge_at)))

    async def _stored_rows(self) -> list[ItemRow | None]:
        store = ItemStore(self.own.base.amazon.dynamo)
        return await asyncio.gather(*(store.get(row.account_id, row.item_id) for row in self.rows.values()))

    @invariant()
    def the_account_counts_what_is_there(self) -> None:
        head = self.run(self.own.base.events.store.head(self.own.account))
        there = [model for model in self.models.values() if model.state != "gone"]
        assert (head.item_count, head.bytes_used) == (len(there), sum(model.reserved for model in there))

    def teardown(self) -> None:
        """Assert that the log has exactly the published events, without a gap, including those hidden after a month."""
        head = self.run(self.own.base.events.store.head(self.own.account))
        events = self.run(self.own.base.events.store.after(self.own.account, 0, now=BEFORE_ALL)).events
        assert [event.number for event in events] == list(range(1, head.last + 1))
        for item, model in self.models.items():
            assert [event.type for event in events if event.subject == item] == model.published


def _ladder(claimed: ItemRow) -> Ladder:
    return Ladder("recipe", claimed.attempt, 30.0, (RUNG,))


@pytest.fixture(scope="module")
def opened(stores: Stores) -> Iterator[None]:
    """Open one process's services for all examples, on an event loop of the state machine's own."""
    with asyncio.Runner() as runner:
        stack, clock = AsyncExitStack(), ManualClock()
        Life.runner, Life.clock = runner, clock
        Life.services = runner.run(stack.enter_async_context(open_services(stores, clock)))
        yield
        runner.run(stack.aclose())


@pytest.mark.usefixtures("opened")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("examples", [5, pytest.param(25, marks=pytest.mark.tier("full", "more examples"))])
def test_an_items_life_equals_its_model_in_every_order_of_events(examples: int) -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=examples, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
