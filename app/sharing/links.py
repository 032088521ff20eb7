"""A share link as its visitors need it: what it opens, for how long, and what its token looks like."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from app.cached import SHARE
from app.stores.cache.keys import Key
from app.viewer import ShareVisitor
from shared.ids import AlbumId, ShareId

TOKEN_BYTES = 32
_TOKEN = re.compile(r"drl_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class ShareLink:
    """`lock` stands for its password, and changes with it; None where there is none."""

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
"""That there is none is remembered, too."""


def key_of_token(token_hash: str) -> Key[ShareLink | None]:
    return _LINK.key("token", token_hash)


def key_of_id(share: ShareId) -> Key[ShareLink | None]:
    return _LINK.key("id", share)


def new_token() -> str:
    return f"drl_{secrets.token_urlsafe(TOKEN_BYTES)}"


def is_token(text: str) -> bool:
    """Whether it looks like one: whatever does not, no database is asked about."""
    return _TOKEN.fullmatch(text) is not None


def lock_of(password_hash: str | None) -> str | None:
    """The hash itself lies in the database and nowhere else."""
    return hashlib.sha256(password_hash.encode()).hexdigest()[:32] if password_hash else None
