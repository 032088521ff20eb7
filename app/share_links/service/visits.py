"""Visits through a share link: resolve the token to its link and check the visitor's proof of the password."""

from dataclasses import replace

from app.accounts.service.limits import Attempts
from app.accounts.service.passwords import Passwords
from app.accounts.service.tokens import hash_of
from app.identity import ShareVisitor
from app.share_links.schema.links import ShareLink, is_token, key_of_id, key_of_token, lock_of
from app.share_links.service.proofs import PROOF_LIFE, Proofs
from app.share_links.store.visits import LinkStore
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from darkroom_shared.ids import ShareId
from darkroom_shared.problems import NotFound, ShareLocked
from darkroom_shared.sharing import UnlockedShare
from darkroom_shared.times import Clock


class VisitService:
    """Raises NotFound alike for an unknown, a revoked and an expired token."""

    def __init__(
        self,
        *,
        store: LinkStore,
        database: Database,
        cache: Cache,
        passwords: Passwords,
        attempts: Attempts,
        proofs: Proofs,
        clock: Clock,
    ) -> None:
        self._store, self._database, self._cache = store, database, cache
        self._passwords, self._attempts, self._proofs, self._clock = passwords, attempts, proofs, clock

    async def open(self, token: str, proof: str | None) -> ShareVisitor:
        """Return the visitor. Raises NotFound, or ShareLocked without a valid proof for a link with a password."""
        link = await self._find(token)
        if link.lock is not None and not self._proofs.holds(link, proof or "", self._clock()):
            raise ShareLocked
        return link.visitor

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

    async def unlock(self, token: str, password: str, *, client: str) -> UnlockedShare:
        """Raises NotFound, ShareLocked for a wrong password, or TooManyRequests."""
        link = await self._find(token)
        if link.lock is not None:
            async with self._attempts.unlocking(link.id, client):
                link = await self._checked(link, password)
        ends_at = self._clock().replace(microsecond=0) + PROOF_LIFE
        return UnlockedShare(proof=self._proofs.write(link, ends_at), expires_at=ends_at)

    async def _find(self, token: str) -> ShareLink:
        if not is_token(token):
            raise NotFound
        token_hash = hash_of(token)
        link = await self._cache.get(
            key_of_token(token_hash), lambda connection: self._store.with_token(connection, token_hash)
        )
        if link is None or link.is_over(self._clock()):
            raise NotFound
        return link

    async def _get(self, share: ShareId) -> ShareLink | None:
        link = await self._cache.get(key_of_id(share), lambda connection: self._store.get(connection, share))
        return None if link is None or link.is_over(self._clock()) else link

    async def _checked(self, link: ShareLink, password: str) -> ShareLink:
        """Return the link with the lock of the hash that was just compared, which may be newer than the cache."""
        async with self._database.writer.read() as connection:
            password_hash = await self._store.password_hash(connection, link.id)
        if not await self._passwords.matches(password_hash, password):
            raise ShareLocked("The password is wrong.")
        return replace(link, lock=lock_of(password_hash))
