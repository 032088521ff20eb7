"""Share links, for the album's owner: create, change and revoke them."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from pydantic import SecretStr

from app.access.service.access import AccessService
from app.accounts.service.passwords import Passwords
from app.accounts.service.tokens import hash_of, new_token
from app.albums.service.rights import require_owner
from app.events.service.log import NewEvent
from app.events.service.outbox import EventOutbox
from app.share_links.schema.links import PREFIX, ShareRow, key_of_id, key_of_token
from app.share_links.service.reads import require_share
from app.share_links.store.links import ShareLinkStore
from app.stores.aurora import AsyncConnection
from app.stores.cache.cache import Cache
from app.stores.cache.keys import AnyKey
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId, ShareId, new_share_id
from darkroom_shared.problems import Full, Invalid, Outdated
from darkroom_shared.sharing import MAX_SHARES, CreateShare, EditShare
from darkroom_shared.times import Clock

log = structlog.get_logger()


class ShareLinkService:
    """For the album's owner. Raises NotFound for an account that is not in the album, Forbidden for other members."""

    def __init__(
        self,
        *,
        cache: Cache,
        access: AccessService,
        store: ShareLinkStore,
        outbox: EventOutbox,
        passwords: Passwords,
        clock: Clock,
    ) -> None:
        self._cache, self._access, self._store = cache, access, store
        self._outbox, self._passwords, self._clock = outbox, passwords, clock

    async def create(self, owner: AccountId, album: AlbumId, body: CreateShare) -> tuple[ShareRow, str]:
        """Return the link and its token, which cannot be read again. Raises Invalid, Full."""
        # First, because hashing is too expensive to do it for other callers.
        require_owner(await self._access.access(owner, album))
        self._check(body.expires_at)
        token = new_token(PREFIX)
        row = ShareRow(
            id=new_share_id(),
            album_id=album,
            token_hash=hash_of(token),
            password_hash=await self._hash(body.password),
            label=body.label,
            download_allowed=body.download_allowed,
            version=1,
            created_at=self._clock(),
            expires_at=body.expires_at,
        )
        async with self._cache.change(*visitor_keys(row)) as unit:
            require_owner(await self._access.lock(unit.connection, owner, album))
            if await self._store.count(unit.connection, album) >= MAX_SHARES:
                raise Full(f"An album has at most {MAX_SHARES} links; revoke one that is no longer needed.")
            await self._store.add(unit.connection, row)
            await self._outbox.publish(
                unit, [owner], share_event(EventType.SHARE_CREATED, row), f"share.created:{row.id}"
            )
        log.info("share.created", album=album, share=row.id)
        return row, token

    async def change(
        self, owner: AccountId, album: AlbumId, share: ShareId, body: EditShare, expected: int | None
    ) -> ShareRow:
        """Change the link. Raises NotFound, Invalid, or Outdated if it was changed since version `expected`."""
        require_owner(await self._access.access(owner, album))
        changes = await self._changes(body)
        async with self._cache.change() as unit:
            before = await self._locked(unit.connection, owner, album, share)
            if expected not in (None, before.version):
                raise Outdated
            unit.invalidate(*visitor_keys(before))
            after = replace(before, version=before.version + 1, **changes)
            await self._store.put(unit.connection, after)
        log.info("share.changed", album=album, share=share, fields=sorted(changes))
        return after

    async def revoke(self, owner: AccountId, album: AlbumId, share: ShareId) -> None:
        """Revoke the link in every process before returning. Raises NotFound."""
        async with self._cache.change() as unit:
            row = await self._locked(unit.connection, owner, album, share)
            unit.invalidate(*visitor_keys(row))
            await self._store.remove(unit.connection, share)
            await self._outbox.publish(
                unit, [owner], share_event(EventType.SHARE_REVOKED, row), f"share.revoked:{share}"
            )
        log.info("share.revoked", album=album, share=share)

    async def _locked(self, connection: AsyncConnection, owner: AccountId, album: AlbumId, share: ShareId) -> ShareRow:
        """Return the link; no other transaction changes it until this one ends."""
        require_owner(await self._access.lock(connection, owner, album))
        return require_share(await self._store.get(connection, album, share))

    async def _changes(self, body: EditShare) -> dict[str, Any]:
        """Return the columns that the body names, with their new values."""
        named = body.model_fields_set
        if not named:
            raise Invalid(errors=[{"field": "", "message": "name at least one field to change"}])
        self._check(body.expires_at)
        changes: dict[str, Any] = {}
        if "expires_at" in named:
            changes["expires_at"] = body.expires_at
        if "password" in named:
            changes["password_hash"] = await self._hash(body.password)
        if body.label is not None:
            changes["label"] = body.label
        if body.download_allowed is not None:
            changes["download_allowed"] = body.download_allowed
        return changes

    async def _hash(self, password: SecretStr | None) -> str | None:
        return None if password is None else await self._passwords.hash(password.get_secret_value())

    def _check(self, expires_at: datetime | None) -> None:
        if expires_at is not None and expires_at <= self._clock():
            raise Invalid(errors=[{"field": "expires_at", "message": "is in the past"}])


def visitor_keys(row: ShareRow) -> tuple[AnyKey, ...]:
    """Return the cache keys by which visitors' requests read the link."""
    return key_of_token(row.token_hash), key_of_id(row.id)


def share_event(type_: EventType, row: ShareRow) -> NewEvent:
    return NewEvent(type_, row.id, row.to_wire().model_dump(mode="json"))
