"""A share link, as its owner and its visitors use it, and the format of its token."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from app.cached import SHARE
from app.identity import ShareVisitor
from app.stores.cache.keys import Key
from darkroom_shared.ids import AlbumId, ShareId
from darkroom_shared.sharing import Share

PREFIX = "drl_"
_TOKEN = re.compile(r"drl_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class ShareLink:
    """`lock` is a digest of the password hash, so it changes with the password; None without a password."""

    id: ShareId
    album_id: AlbumId
    download_allowed: bool
    expires_at: datetime | None
    lock: str | None

    def is_expired(self, now: datetime) -> bool:
        """Return whether the link has expired; one without an end never does."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def visitor(self) -> ShareVisitor:
        return ShareVisitor(self.id, self.album_id, self.download_allowed)


_LINK = SHARE.of_type(TypeAdapter(ShareLink | None))
"""The absence of a link is cached, too."""


def key_of_token(token_hash: str) -> Key[ShareLink | None]:
    return _LINK.key("token", token_hash)


def key_of_id(share: ShareId) -> Key[ShareLink | None]:
    return _LINK.key("id", share)


def is_token(text: str) -> bool:
    """Return whether the text has the format of a token; other texts cause no database query."""
    return _TOKEN.fullmatch(text) is not None


def lock_of(password_hash: str | None) -> str | None:
    """Return a digest of the hash, because the hash itself must not leave the database."""
    return hashlib.sha256(password_hash.encode()).hexdigest()[:32] if password_hash else None


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A link with the hashes of its token and password, which are stored in the database only."""

    id: ShareId
    album_id: AlbumId
    token_hash: str
    password_hash: str | None
    label: str
    download_allowed: bool
    version: int
    created_at: datetime
    expires_at: datetime | None

    def to_wire(self) -> Share:
        return Share(
            id=self.id,
            album_id=self.album_id,
            label=self.label,
            created_at=self.created_at,
            expires_at=self.expires_at,
            password_needed=self.password_hash is not None,
            download_allowed=self.download_allowed,
            version=self.version,
        )
