"""Grants: what lets a player that can send neither cookie nor bearer read one video's playlists."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.ids import AccountId, ItemId

MOST_CHARACTERS = 200
_SIGNATURE_BYTES = 16
_PLAY = b"play"
"""The one right that there is: to read playlists, and the signed URLs in them."""


@dataclass(frozen=True, slots=True)
class Grant:
    """To play this item of this account, until `ends_at`; the item's deletion ends it earlier."""

    account_id: AccountId
    item_id: ItemId
    ends_at: datetime


class PlaybackGrants:
    """Text that goes into a URL as it is. The same grant is the same text in every process."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, grant: Grant) -> str:
        ends = str(int(grant.ends_at.timestamp()))
        return f"{grant.account_id}.{ends}.{self._sign(grant.account_id, grant.item_id, ends)}"

    def read(self, item: ItemId, text: str, now: datetime) -> Grant | None:
        """None for what was not written for this item, and for what is over."""
        account, _, rest = text.partition(".")
        ends, _, signature = rest.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(AccountId(account), item, ends).encode()):
            return None
        grant = Grant(AccountId(account), item, datetime.fromtimestamp(int(ends), UTC))
        return grant if now < grant.ends_at else None

    def _sign(self, account: AccountId, item: ItemId, ends: str) -> str:
        message = b"\0".join((b"grant", _PLAY, account.encode(), item.encode(), ends.encode()))
        return hmac.digest(self._secret, message, hashlib.sha256)[:_SIGNATURE_BYTES].hex()
