"""Who stands how in which album, and which albums an item lies in: the cached facts that access is made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.sharing.keys import album_key, albums_of_item_key, membership_key
from app.sharing.store import Seat, SharingStore
from app.sharing.values import AlbumRow, Facts, Placement, Standing
from app.stores.cache.cache import Cache
from app.stores.cache.keys import AnyKey, Key
from shared.ids import AccountId, AlbumId, ItemId

Placed = tuple[Placement, ...]
PlacementsKey = Key[Placed]


class SharingService:
    """Once a change has been acknowledged, no answer from here is older."""

    def __init__(self, cache: Cache, store: SharingStore) -> None:
        self._cache, self._store = cache, store

    async def album(self, album: AlbumId) -> AlbumRow | None:
        async def load(connection: AsyncConnection) -> AlbumRow | None:
            return (await self._store.albums(connection, [album])).get(album)

        return await self._cache.get(album_key(album), load)

    async def standing(self, account: AccountId, album: AlbumId) -> Standing | None:
        """None for an album that is not there, or that the account is not in: both look the same."""
        album_name, seat_name = album_key(album), membership_key(album, account)

        async def load(connection: AsyncConnection, keys: Sequence[AnyKey]) -> Mapping[AnyKey, Any]:
            return await self._load(connection, keys, {album_name: album}, {seat_name: (album, account)})

        found = await self._cache.get_many((album_name, seat_name), load)
        row, membership = found[album_name], found[seat_name]
        return Standing(row, membership.role) if row and membership else None

    async def placements(self, items: Sequence[ItemId]) -> dict[ItemId, tuple[Placement, ...]]:
        """Wherever each was put, if anywhere; whether that still counts, `facts` tell."""
        keys = {albums_of_item_key(item): item for item in items}

        async def load(connection: AsyncConnection, missing: Sequence[PlacementsKey]) -> Mapping[PlacementsKey, Placed]:
            found = await self._store.placements(connection, [keys[key] for key in missing])
            return {key: found[keys[key]] for key in missing}

        found = await self._cache.get_many(list(keys), load)
        return {item: found[key] for key, item in keys.items() if found[key]}

    async def facts(self, albums: Sequence[AlbumId], seats: Sequence[Seat]) -> Facts:
        """Albums and memberships in one question; what does not exist is missing."""
        album_keys: dict[AnyKey, AlbumId] = {album_key(album): album for album in albums}
        seat_keys: dict[AnyKey, Seat] = {membership_key(*seat): seat for seat in seats}

        async def load(connection: AsyncConnection, keys: Sequence[AnyKey]) -> Mapping[AnyKey, Any]:
            return await self._load(connection, keys, album_keys, seat_keys)

        found = await self._cache.get_many([*album_keys, *seat_keys], load)
        return Facts(
            {album: found[key] for key, album in album_keys.items() if found[key] is not None},
            {seat: found[key] for key, seat in seat_keys.items() if found[key] is not None},
        )

    async def _load(
        self,
        connection: AsyncConnection,
        keys: Sequence[AnyKey],
        album_keys: Mapping[AnyKey, AlbumId],
        seat_keys: Mapping[AnyKey, Seat],
    ) -> Mapping[AnyKey, Any]:
        loaded: dict[AnyKey, Any] = {}
        if named := [album_keys[key] for key in keys if key in album_keys]:
            rows = await self._store.albums(connection, named)
            loaded |= {album_key(album): rows.get(album) for album in named}
        if asked := [seat_keys[key] for key in keys if key in seat_keys]:
            members = await self._store.memberships(connection, asked)
            loaded |= {membership_key(*seat): members.get(seat) for seat in asked}
        return loaded
