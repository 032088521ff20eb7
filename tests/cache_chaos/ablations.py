"""Ablations: rules of the cache protocol that are removed one at a time, in a process that runs nothing else.

If no chaos run found a stale read without a rule, a clean run with all rules would prove nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.cache.changes import Changes
from app.stores.cache.keys import AnyKey
from app.stores.cache.link import Link, Raw
from app.stores.cache.misses import Misses
from app.stores.cache.outbox import Generation, Outbox, Row
from app.stores.cache.reads import Reads
from app.stores.cache.relay import Relay
from app.stores.cache.replies import encode
from app.stores.cache.schema import cache_outbox
from app.stores.cache.scripts import SCRIPTS, Scripts


def _nothing() -> None:
    """Leave the Python code as it is; the ablation is in the scripts."""


@dataclass(frozen=True, slots=True)
class Ablation:
    """One removed rule. `take_out` is called before a cache is created."""

    take_out: Callable[[], None] = _nothing
    scripts: Scripts = SCRIPTS


def _edited(script: str, old: str, new: str) -> str:
    assert old in script
    return script.replace(old, new)


_FENCE = "  redis.call('SET', KEYS[at + 2], '1', 'PX', ARGV[1])\n"
_TOKEN = "if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end\n"
_STORED = "redis.call('DEL', KEYS[2])\nreturn 1"


def _scripts(**changed: str) -> Ablation:
    return Ablation(scripts=replace(SCRIPTS, **changed))


def _no_outbox() -> None:
    async def add(_self: Outbox, _connection: AsyncConnection, _names: Sequence[str]) -> str:
        return ""

    async def is_confirmed(_self: Outbox, _row: str) -> bool:
        return False

    async def confirm(_self: Relay, _link: Link, rows: Sequence[str]) -> int:
        return len(rows)

    _patch(Outbox, add=add, is_confirmed=is_confirmed)
    _patch(Relay, confirm=confirm)


def _no_generation() -> None:
    async def join(_self: Relay, replication_id: str) -> Generation:
        return Generation(1, replication_id)

    _patch(Relay, _join=join)
    _polls_compare_nothing()
    _unconditional_confirm()


def _polls_compare_nothing() -> None:
    _patch(Relay, _require_newest=lambda _self, _link, _newest: None)


def _unconditional_confirm() -> None:
    async def confirm(self: Outbox, rows: Sequence[str], _generation: int, **_: bool) -> int:
        async with self._writer.write() as connection:
            return (await connection.execute(delete(cache_outbox).where(cache_outbox.c.id.in_(rows)))).rowcount

    _patch(Outbox, confirm=confirm)


def _confirm_in_a_young_generation() -> None:
    _patch(Relay, _is_settled=lambda _self, _generation: True)


def _no_lag_guard() -> None:
    _patch(Link, is_reader_near=lambda _self: True)


def _acknowledged_after_a_failed_attempt() -> None:
    attempt = Changes._invalidate

    async def invalidate(self: Changes, row: str, names: set[str]) -> bool:
        await attempt(self, row, names)
        return True

    _patch(Changes, _invalidate=invalidate)


def _acknowledged_at_the_commit() -> None:
    settle = Changes._settle
    later: set[asyncio.Task[None]] = set()

    async def settle_later(self: Changes, row: str, names: set[str]) -> None:
        task = asyncio.create_task(settle(self, row, names))
        later.add(task)
        task.add_done_callback(later.discard)

    _patch(Changes, _settle=settle_later)


def _no_permit() -> None:
    _patch(Link, is_permitted=lambda self: not self.connection.closed.is_set())


def _relay_applies_nothing() -> None:
    async def apply(_self: Relay, _link: Link, _rows: Sequence[Row]) -> None:
        """Apply no rows. The relay grants the permit all the same."""

    _patch(Relay, _apply=apply)


def _no_write_probe() -> None:
    begin = Link.__init__

    def begin_without(self: Link, *arguments: Any) -> None:
        begin(self, *arguments)
        self._probe = encode(b"PING")

    _patch(Link, __init__=begin_without)


def _waiter_takes_an_unstored_value() -> None:
    _patch(Misses, _may_take=lambda _self, result: result.present or result.error is not None)


def _joining_while_the_store_runs() -> None:
    """Join a flight before querying Redis.

    Our callers ask Redis before they join and Redis replies in order. That alone keeps the rule, so the ablation
    removes it, too.
    """
    read = Reads.one

    async def join_or_read(self: Reads, key: AnyKey, load: Any) -> Any:
        flight = self._misses._flights.get(key.name) if self._relay.permitted() is not None else None
        result = await asyncio.shield(flight.done) if flight is not None else None
        return result.value if result is not None and result.shared else await read(self, key, load)

    _patch(Misses, _may_join=lambda _self, flight: not flight.done.done())
    _patch(Reads, one=join_or_read)


def _late_join_of_a_sent_read() -> None:
    send, read = Link._send_reads, Link.read
    sent: dict[tuple[str, ...], list[asyncio.Future[list[Raw]]]] = {}

    def send_and_keep(self: Link) -> None:
        for names, future in self._waiting:
            sent.setdefault(tuple(names), []).append(future)
        send(self)

    def join_or_read(self: Link, names: Sequence[str]) -> asyncio.Future[list[Raw]]:
        unfinished = [future for future in sent.get(tuple(names), ()) if not future.done()]
        sent[tuple(names)] = unfinished
        return unfinished[-1] if unfinished else read(self, names)

    _patch(Link, _send_reads=send_and_keep, read=join_or_read)


def _patch(owner: type, **methods: Any) -> None:
    for name, method in methods.items():
        assert hasattr(owner, name)
        setattr(owner, name, method)


ABLATIONS = {
    "no_fence": _scripts(invalidate=_edited(SCRIPTS.invalidate, _FENCE, "")),
    "store_removes_the_fence": _scripts(
        store=_edited(SCRIPTS.store, _STORED, "redis.call('DEL', (KEYS[1]:gsub('v:', 'f:', 1)))\n" + _STORED)
    ),
    "no_outbox": Ablation(_no_outbox),
    "no_generation": Ablation(_no_generation),
    "store_without_token_check": _scripts(store=_edited(SCRIPTS.store, _TOKEN, "")),
    "no_born": _scripts(get_or_lease=_edited(SCRIPTS.get_or_lease, "now < born or ", "")),
    "absent_lease_accepted": _scripts(
        store=_edited(
            SCRIPTS.store,
            _TOKEN,
            "local held = redis.call('GET', KEYS[2])\nif held and held ~= ARGV[1] then return 0 end\n",
        )
    ),
    "lease_not_voided": _scripts(invalidate=_edited(SCRIPTS.invalidate, "KEYS[at], KEYS[at + 1]", "KEYS[at]")),
    "no_lag_guard": Ablation(_no_lag_guard),
    "acknowledged_after_a_failed_attempt": Ablation(_acknowledged_after_a_failed_attempt),
    "polls_compare_nothing": Ablation(_polls_compare_nothing),
    "acknowledged_at_the_commit": Ablation(_acknowledged_at_the_commit),
    "no_permit": Ablation(_no_permit),
    "unconditional_confirm": Ablation(_unconditional_confirm),
    "relay_applies_nothing": Ablation(_relay_applies_nothing),
    "confirm_in_a_young_generation": Ablation(_confirm_in_a_young_generation),
    "no_write_probe": Ablation(_no_write_probe),
    "waiter_takes_an_unstored_value": Ablation(_waiter_takes_an_unstored_value),
    "late_join_of_a_sent_read": Ablation(_late_join_of_a_sent_read),
    "joining_while_the_store_runs": Ablation(_joining_while_the_store_runs),
}
"""The twenty ablations of the protocol's description."""
