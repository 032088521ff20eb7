"""A worker's actions on an export: claim it, renew the claim, and end it."""

from datetime import timedelta
from functools import partial

from app.exports.schema import ExportRow
from app.exports.service import lifecycle
from app.exports.service.changes import ExportChanges
from app.exports.service.lifecycle import LEASE
from app.jobs.claim import ClaimLost, new_token, token_of
from app.jobs.revisions import claim_or_return, commit_with_retry
from darkroom_shared.ids import AccountId, ExportId
from darkroom_shared.problems import NotFound
from darkroom_shared.times import Clock


class ExportWork:
    """All methods raise ClaimLost once the claim is void; nothing is written then."""

    def __init__(self, changes: ExportChanges, clock: Clock, lease: timedelta = LEASE) -> None:
        self._changes, self._clock = changes, clock
        self.lease = lease

    async def claim(self, account: AccountId, export: ExportId) -> ExportRow:
        """Claim the export and return its row. Raises ClaimLost also if the export does not exist."""
        if await self._changes.is_closing(account):
            raise ClaimLost
        token = new_token()
        try:
            return await claim_or_return(
                partial(self._changes.apply, account, export),
                lambda current: lifecycle.claim(current, token, self._clock(), self.lease),
                lambda current: lifecycle.return_claim(current, token, self._clock()),
                self.lease.total_seconds(),
            )
        except NotFound as gone:
            raise ClaimLost from gone

    async def renew(self, claimed: ExportRow, percent: float) -> None:
        """Extend the lease and store the progress. Raises ClaimLost."""
        await self._apply(
            claimed, lambda row: lifecycle.renew(row, token_of(claimed), self._clock(), percent, self.lease)
        )

    async def finish(self, claimed: ExportRow, *, items: int, missing: int, size_bytes: int) -> ExportRow:
        """Set the export to ready. Repeating it after a lost response is not an error."""

        def rule(row: ExportRow) -> lifecycle.Change | None:
            if row.kept_until is not None and row.size_bytes == size_bytes:
                return None
            return lifecycle.finish(
                row, token_of(claimed), self._clock(), items=items, missing=missing, size_bytes=size_bytes
            )

        return await self._commit(claimed, rule)

    async def return_claim(self, claimed: ExportRow, wait: timedelta = timedelta()) -> None:
        """Return the export without counting an attempt; it can be claimed again after `wait`."""
        await self._commit(claimed, lambda row: lifecycle.return_claim(row, token_of(claimed), self._clock(), wait))

    async def record_lost_attempt(self, claimed: ExportRow) -> ExportRow:
        """Record a crashed attempt. The returned row is queued for the sweeper, or `failed` the fifth time."""
        return await self._commit(
            claimed, lambda row: lifecycle.record_lost_attempt(row, token_of(claimed), self._clock())
        )

    async def _commit(self, claimed: ExportRow, rule: lifecycle.Rule) -> ExportRow:
        return await commit_with_retry(lambda: self._apply(claimed, rule), self.lease.total_seconds())

    async def _apply(self, claimed: ExportRow, rule: lifecycle.Rule) -> ExportRow:
        try:
            return await self._changes.apply(claimed.account_id, claimed.export_id, rule)
        except NotFound as gone:
            raise ClaimLost from gone
