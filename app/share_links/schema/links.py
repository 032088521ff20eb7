"""A share link as visitors use it: its album, its expiry, and the format of its token."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from app.cached import SHARE
from app.identity import ShareVisitor
from app.stores.cache.keys import Key
from darkroom_shared.ids import AlbumId, ShareId

TOKEN_BYTES = 32
_TOKEN = re.compile(r"drl_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class ShareLink:
    """`lock` is a digest of the password hash, so it changes with the password; None without a password."""

    id: ShareId
    album_id: AlbumId
    download_allowed: bool
    expires_at: datetime | None
    lock: str | None

    def is_over(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    @property
    def visitor(self) -> ShareVisitor:
        return ShareVisitor(self.id, self.album_id, self.download_allowed)


_LINK = SHARE.holds(TypeAdapter(ShareLink | None))
"""The absence of a link is cached, too."""


def key_of_token(token_hash: str) -> Key[ShareLink | None]:
    return _LINK.key("token", token_hash)


def key_of_id(share: ShareId) -> Key[ShareLink | None]:
    return _LINK.key("id", share)


def new_token() -> str:
    return f"drl_{secrets.token_urlsafe(TOKEN_BYTES)}"


def is_token(text: str) -> bool:
    """Return whether the text has the format of a token; other texts cause no database query."""
    return _TOKEN.fullmatch(text) is not None


def lock_of(password_hash: str | None) -> str | None:
    """Return a digest of the hash, because the hash itself must not leave the database."""
    return hashlib.sha256(password_hash.encode()).hexdigest()[:32] if password_hash else None
