"""Visits through a share link: check the visitor's password, and later the proof that replaces it."""

from dataclasses import replace

from app.accounts.service.passwords import Passwords
from app.identity import ShareVisitor
from app.share_links.schema.links import ShareLink, lock_of
from app.share_links.service.limits import UnlockAttempts
from app.share_links.service.open_links import OpenLinks
from app.share_links.service.proofs import Proofs
from app.share_links.store.visits import VisitStore
from app.stores.aurora import Database
from darkroom_shared.ids import ShareId
from darkroom_shared.problems import ShareLocked
from darkroom_shared.sharing import UnlockedShare


class VisitService:
    """Visits through share links. Raises the same NotFound for an unknown, a revoked and an expired token."""

    def __init__(
        self,
        *,
        links: OpenLinks,
        database: Database,
        store: VisitStore,
        passwords: Passwords,
        attempts: UnlockAttempts,
        proofs: Proofs,
    ) -> None:
        self._links, self._database, self._store = links, database, store
        self._passwords, self._attempts, self._proofs = passwords, attempts, proofs

    async def open(self, token: str, proof: str | None) -> ShareVisitor:
        """Return the visitor. Raises NotFound, or ShareLocked without a valid proof for a link with a password."""
        link = await self._links.with_token(token)
        if link.lock is not None and not self._proofs.is_valid(link, proof or ""):
            raise ShareLocked
        return link.visitor

    async def visitor(self, share: ShareId) -> ShareVisitor | None:
        """Return the visitor of a link that was opened before; None if it was revoked or has expired since."""
        return await self._links.visitor(share)

    async def unlock(self, token: str, password: str, *, client: str) -> UnlockedShare:
        """Return a proof for the right password. Raises NotFound, ShareLocked for a wrong one, or TooManyRequests."""
        link = await self._links.with_token(token)
        if link.lock is not None:
            async with self._attempts.unlocking(link.id, client):
                link = await self._checked(link, password)
        return self._proofs.issue(link)

    async def _checked(self, link: ShareLink, password: str) -> ShareLink:
        """Return the link with the lock of the hash that was just compared, which may be newer than the cache."""
        async with self._database.writer.read() as connection:
            password_hash = await self._store.password_hash(connection, link.id)
        if not await self._passwords.matches(password_hash, password):
            raise ShareLocked("The password is wrong.")
        return replace(link, lock=lock_of(password_hash))
