"""Grants: what lets a player that can send neither cookie nor bearer read one video's playlists."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.ids import AccountId, ItemId

MAX_CHARACTERS = 200
_SIGNATURE_BYTES = 16
_PLAY = b"play"
"""The one right that there is: to read playlists, and the signed URLs in them."""


@dataclass(frozen=True, slots=True)
class Grant:
    """To play this item of this account, until `ends_at`; the item's deletion ends it earlier.

    `viewer` names who else than its owner got it: then it also ends when they may no longer see the item.
    """

    account_id: AccountId
    item_id: ItemId
    ends_at: datetime
    viewer: str | None = None


class PlaybackGrants:
    """Text that goes into a URL as it is. The same grant is the same text in every process."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, grant: Grant) -> str:
        rights = f"{grant.account_id}.{int(grant.ends_at.timestamp())}"
        if grant.viewer is not None:
            rights = f"{rights}.{grant.viewer}"
        return f"{rights}.{self._sign(grant.item_id, rights)}"

    def read(self, item: ItemId, text: str, now: datetime) -> Grant | None:
        """None for what was not written for this item, and for what is over."""
        rights, _, signature = text.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(item, rights).encode()):
            return None
        account, ends, *viewer = rights.split(".")
        grant = Grant(AccountId(account), item, datetime.fromtimestamp(int(ends), UTC), viewer[0] if viewer else None)
        return grant if now < grant.ends_at else None

    def _sign(self, item: ItemId, rights: str) -> str:
        account, _, rest = rights.partition(".")
        message = b"\0".join((b"grant", _PLAY, account.encode(), item.encode(), rest.encode()))
        return hmac.digest(self._secret, message, hashlib.sha256)[:_SIGNATURE_BYTES].hex()
