"""Playback grants: a signed URL parameter for players that can send neither a cookie nor a bearer token."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from darkroom_process.secret_file import Secret
from darkroom_shared.ids import AccountId, ItemId

MAX_CHARACTERS = 200
_PLAY = b"play"
"""The only right: read the playlists of one video and the signed URLs in them."""
_SIGNATURE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission to play this item of this account until `ends_at`, or until the item is deleted.

    `viewer` is set if the grant was issued to another viewer than the owner. Such a grant also ends when that viewer
    loses access to the item.
    """

    account_id: AccountId
    item_id: ItemId
    ends_at: datetime
    viewer: str | None = None


class PlaybackGrants:
    """Write and read grants as URL-safe text. The same grant gives the same text in every process."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def write(self, grant: Grant) -> str:
        """Return the grant with its signature as URL-safe text, for a parameter of the playlists' URLs."""
        rights = f"{grant.account_id}.{int(grant.ends_at.timestamp())}"
        if grant.viewer is not None:
            rights = f"{rights}.{grant.viewer}"
        return f"{rights}.{self._secret.sign(_message(grant.item_id, rights)).hex()}"

    def read(self, item: ItemId, text: str, now: datetime) -> Grant | None:
        """Return the grant, or None if it is expired or was not issued for this item."""
        rights, _, signature = text.rpartition(".")
        if not _SIGNATURE.fullmatch(signature):
            return None
        if not self._secret.verifies(bytes.fromhex(signature), _message(item, rights)):
            return None
        account, ends, *viewer = rights.split(".")
        grant = Grant(AccountId(account), item, datetime.fromtimestamp(int(ends), UTC), viewer[0] if viewer else None)
        return grant if now < grant.ends_at else None


def _message(item: ItemId, rights: str) -> bytes:
    account, _, rest = rights.partition(".")
    return b"\0".join((b"grant", _PLAY, account.encode(), item.encode(), rest.encode()))
