"""Every kind of job and lease behind one interface, on real stores."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from app.exports.schema import ExportRow
from app.exports.wiring import build_export_work, build_exports
from app.items.reprocessing.service import rules
from app.items.schema.row import ItemRow, Ladder, Lane, Result, Rung
from app.items.service.lifecycle import LEASE
from app.items.wiring import build_item_work
from app.media.recipe import recipe_hash
from darkroom_shared.exports import ExportState
from darkroom_shared.ids import new_account_id, new_ulid
from darkroom_shared.items import ItemKind, ItemState
from tests.jobs.leases import ClosedAccount, CursorFill, RelayLease
from tests.services import ManualClock, Services

POSTER = Result("recipe", 1, 4, 3, None, "AAAA", None, (), duration_seconds=20.0)
RUNG = Rung("360p", 640, 360, "avc1.64001e,mp4a.40.2", 1_000_000)


class Job(Protocol):
    """One job of a kind. Every method but `start` and `sweep` raises ClaimLost if the claim is void."""

    counted: bool
    """Lost attempts are counted and limited. Otherwise the job is a lease: repeatable, without a limit."""

    async def start(self) -> None:
        """Create the job, so that it can be claimed."""
        ...

    async def claim(self) -> Any: ...

    async def renew(self, claimed: Any) -> Any: ...

    async def return_claim(self, claimed: Any) -> None: ...

    async def finish(self, claimed: Any) -> None: ...

    async def sweep(self) -> None:
        """Do what the sweeper does after a lease has ended."""
        ...

    async def lost_attempts(self) -> int: ...

    async def has_failed(self) -> bool: ...


@dataclass
class NewItem:
    """An item in either lane."""

    services: Services
    clock: ManualClock
    lane: Lane
    counted = True

    async def start(self) -> None:
        self._row = await self.services.queued(new_ulid().encode())
        if self.lane is Lane.BULK:
            claimed = await self.services.work.claim(self._row.account_id, self._row.item_id)
            await self.services.work.hand_off(claimed, ItemKind.VIDEO, POSTER, [])

    async def claim(self) -> ItemRow:
        return await self.services.work.claim(self._row.account_id, self._row.item_id, self.lane)

    async def renew(self, claimed: ItemRow) -> ItemRow:
        await self.services.work.renew(claimed)
        return claimed

    async def return_claim(self, claimed: ItemRow) -> None:
        await self.services.work.return_claim(claimed)

    async def finish(self, claimed: ItemRow) -> None:
        result, ladder = replace(POSTER, attempt=claimed.attempt), None
        if self.lane is Lane.BULK:
            ladder = Ladder("recipe", claimed.attempt, 30.0, (RUNG,))
        await self.services.work.finish(claimed, ItemKind.VIDEO, result, [], ladder)

    async def sweep(self) -> None:
        await self.services.maintenance.process(self._row.account_id, self._row.item_id)

    async def lost_attempts(self) -> int:
        return (await self.services.row(self._row)).lost_attempts

    async def has_failed(self) -> bool:
        return (await self.services.row(self._row)).state is ItemState.FAILED


@dataclass
class Reprocessed:
    """A ready item of an earlier recipe."""

    services: Services
    clock: ManualClock
    counted = True

    def __post_init__(self) -> None:
        base = self.services.base
        self._work = build_item_work(clients=base.clients, parts=base.items, lease=LEASE).reprocess_work

    async def start(self) -> None:
        row, work = await self.services.queued(new_ulid().encode()), self.services.work
        claimed = await work.claim(row.account_id, row.item_id)
        self._row = await work.finish(claimed, ItemKind.IMAGE, replace(POSTER, duration_seconds=None), [])
        await self.services.base.items.changes.apply(
            row.account_id, row.item_id, lambda current: rules.request(current, recipe_hash(), self.clock())
        )

    async def claim(self) -> ItemRow:
        return await self._work.claim(self._row.account_id, self._row.item_id)

    async def renew(self, claimed: ItemRow) -> ItemRow:
        await self._work.renew(claimed)
        return claimed

    async def return_claim(self, claimed: ItemRow) -> None:
        await self._work.return_claim(claimed)

    async def finish(self, claimed: ItemRow) -> None:
        result = replace(POSTER, recipe=recipe_hash(), attempt=claimed.attempt)
        await self._work.finish(claimed, ItemKind.IMAGE, result, [])

    async def sweep(self) -> None:
        await self.services.maintenance.process(self._row.account_id, self._row.item_id)

    async def lost_attempts(self) -> int:
        request = (await self.services.row(self._row)).remake
        return request.lost_attempts if request else 0

    async def has_failed(self) -> bool:
        row = await self.services.row(self._row)
        return row.remake is not None and row.remake.failed


@dataclass
class Export:
    services: Services
    clock: ManualClock
    counted = True

    def __post_init__(self) -> None:
        parts = build_export_work(base=self.services.base, lease=LEASE)
        self._work, self._maintenance = parts.work, parts.maintenance
        self._account = new_account_id()

    async def start(self) -> None:
        exports = build_exports(base=self.services.base, delivery=self.services.representation._delivery)["exports"]
        self._exports, self._row = exports, await exports.start(self._account)

    async def claim(self) -> ExportRow:
        return await self._work.claim(self._account, self._row.export_id)

    async def renew(self, claimed: ExportRow) -> ExportRow:
        await self._work.renew(claimed, 50.0)
        return claimed

    async def return_claim(self, claimed: ExportRow) -> None:
        await self._work.return_claim(claimed)

    async def finish(self, claimed: ExportRow) -> None:
        """Each attempt makes a file of another size: an equal one would be this attempt's own, repeated."""
        self._sizes = getattr(self, "_sizes", 0) + 1
        await self._work.finish(claimed, items=1, missing=0, size_bytes=self._sizes)

    async def sweep(self) -> None:
        await self._maintenance.process(self._account, self._row.export_id)

    async def lost_attempts(self) -> int:
        return (await self._exports.require(self._account, self._row.export_id)).lost_attempts

    async def has_failed(self) -> bool:
        return (await self._exports.require(self._account, self._row.export_id)).state is ExportState.FAILED


Make = Callable[[Services, ManualClock], Job]

KINDS: dict[str, Make] = {
    "express": lambda services, clock: NewItem(services, clock, Lane.EXPRESS),
    "bulk": lambda services, clock: NewItem(services, clock, Lane.BULK),
    "reprocessing": Reprocessed,
    "export": Export,
    "cursor": CursorFill,
    "closed account": ClosedAccount,
    "relay": RelayLease,
}
FENCED = [name for name in KINDS if name != "relay"]
"""Kinds whose late writes all raise ClaimLost. A late relay may publish again, and records nothing."""
WAITING = ["express", "bulk", "export"]
"""Kinds that wait after a lost attempt; an operator's command sends items to be reprocessed, again and again."""
COUNTED = ["express", "bulk", "reprocessing", "export"]
