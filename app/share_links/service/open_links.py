"""The share links that are open: neither revoked nor expired."""

from app.accounts.service.tokens import hash_of
from app.identity import ShareVisitor
from app.share_links.schema.links import ShareLink, is_token, key_of_id, key_of_token
from app.share_links.store.visits import VisitStore
from app.stores.cache.cache import Cache
from darkroom_shared.ids import ShareId
from darkroom_shared.problems import NotFound
from darkroom_shared.times import Clock


class OpenLinks:
    """Reads through the cache. The password is not checked."""

    def __init__(self, *, cache: Cache, store: VisitStore, clock: Clock) -> None:
        self._cache, self._store, self._clock = cache, store, clock

    async def with_token(self, token: str) -> ShareLink:
        """Return the link of the token. Raises the same NotFound for an unknown, a revoked and an expired token."""
        if not is_token(token):
            raise NotFound
        token_hash = hash_of(token)
        link = await self._cache.get(
            key_of_token(token_hash), lambda connection: self._store.with_token(connection, token_hash)
        )
        if link is None or link.is_expired(self._clock()):
            raise NotFound
        return link

    async def visitor(self, share: ShareId) -> ShareVisitor | None:
        """Return the visitor of a link that was opened before; None if it was revoked or has expired since."""
        link = await self._get(share)
        return link.visitor if link else None

    async def require(self, share: ShareId) -> ShareLink:
        """As `visitor`. Raises NotFound."""
        link = await self._get(share)
        if link is None:
            raise NotFound
        return link

    async def _get(self, share: ShareId) -> ShareLink | None:
        link = await self._cache.get(key_of_id(share), lambda connection: self._store.get(connection, share))
        return None if link is None or link.is_expired(self._clock()) else link
