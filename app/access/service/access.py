"""The cached facts that decide access: albums, memberships, and the albums that contain an item."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.access.schema.keys import album_key, albums_of_item_key, membership_key
from app.access.schema.values import AlbumAccess, AlbumRow, Facts, MemberRow, Placement
from app.access.store.access import AccessStore, MembershipId
from app.access.store.albums import AlbumStore
from app.access.store.members import MemberStore
from app.stores.aurora import AsyncConnection
from app.stores.cache.cache import Cache
from app.stores.cache.keys import AnyKey, Key
from darkroom_shared.ids import AccountId, AlbumId, ItemId

Placements = tuple[Placement, ...]
PlacementsKey = Key[Placements]


class AccessService:
    """Reads through the cache. Once a change has been acknowledged, no result is older than that change."""

    def __init__(self, *, cache: Cache, store: AccessStore, albums: AlbumStore, members: MemberStore) -> None:
        self._cache, self._store, self._albums, self._members = cache, store, albums, members

    async def album(self, album: AlbumId) -> AlbumRow | None:
        """Return the album, without a check of access; None if it is absent."""

        async def load(connection: AsyncConnection) -> AlbumRow | None:
            return (await self._store.albums(connection, [album])).get(album)

        return await self._cache.get(album_key(album), load)

    async def access(self, account: AccountId, album: AlbumId) -> AlbumAccess | None:
        """Return None if the album is absent or the account is not a member; callers cannot tell these apart."""
        album_name, membership_name = album_key(album), membership_key(album, account)

        async def load(connection: AsyncConnection, keys: Sequence[AnyKey]) -> Mapping[AnyKey, Any]:
            return await self._load(connection, keys, {album_name: album}, {membership_name: (album, account)})

        cached = await self._cache.get_many((album_name, membership_name), load)
        row, membership = cached[album_name], cached[membership_name]
        return AlbumAccess(row, membership.role) if row and membership else None

    async def lock(self, connection: AsyncConnection, account: AccountId, album: AlbumId) -> AlbumAccess | None:
        """As `access`, read in the caller's transaction, which locks the album until it ends."""
        return await self._albums.access(connection, album, account)

    async def page(
        self, connection: AsyncConnection, account: AccountId, after: str | None, limit: int
    ) -> list[AlbumAccess]:
        """Return own and joined albums, newest first. Not cached."""
        return await self._albums.page(connection, account, after, limit)

    async def members(
        self, connection: AsyncConnection, album: AlbumId, after: str | None, limit: int
    ) -> list[MemberRow]:
        """Return members by account id. Not cached."""
        return await self._members.page(connection, album, after, limit)

    async def placements(self, items: Sequence[ItemId]) -> dict[ItemId, tuple[Placement, ...]]:
        """Return the placements of each item that has any. `Facts.grants_access` decides whether one still counts."""
        keys = {albums_of_item_key(item): item for item in items}

        async def load(
            connection: AsyncConnection, missing: Sequence[PlacementsKey]
        ) -> Mapping[PlacementsKey, Placements]:
            cached = await self._store.placements(connection, [keys[key] for key in missing])
            return {key: cached[keys[key]] for key in missing}

        cached = await self._cache.get_many(list(keys), load)
        return {item: cached[key] for key, item in keys.items() if cached[key]}

    async def facts(self, albums: Sequence[AlbumId], membership_ids: Sequence[MembershipId]) -> Facts:
        """Read albums and memberships in one cache request; absent ones are missing in the result."""
        album_keys: dict[AnyKey, AlbumId] = {album_key(album): album for album in albums}
        membership_keys: dict[AnyKey, MembershipId] = {
            membership_key(*membership_id): membership_id for membership_id in membership_ids
        }

        async def load(connection: AsyncConnection, keys: Sequence[AnyKey]) -> Mapping[AnyKey, Any]:
            return await self._load(connection, keys, album_keys, membership_keys)

        cached = await self._cache.get_many([*album_keys, *membership_keys], load)
        return Facts(
            {album: cached[key] for key, album in album_keys.items() if cached[key] is not None},
            {membership_id: cached[key] for key, membership_id in membership_keys.items() if cached[key] is not None},
        )

    async def _load(
        self,
        connection: AsyncConnection,
        keys: Sequence[AnyKey],
        album_keys: Mapping[AnyKey, AlbumId],
        membership_keys: Mapping[AnyKey, MembershipId],
    ) -> Mapping[AnyKey, Any]:
        loaded: dict[AnyKey, Any] = {}
        if named := [album_keys[key] for key in keys if key in album_keys]:
            rows = await self._store.albums(connection, named)
            loaded |= {album_key(album): rows.get(album) for album in named}
        if requested := [membership_keys[key] for key in keys if key in membership_keys]:
            members = await self._store.memberships(connection, requested)
            loaded |= {membership_key(*membership_id): members.get(membership_id) for membership_id in requested}
        return loaded
