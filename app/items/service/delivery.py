"""Signed URLs for an item's files, and how long they are valid."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import ceil

from app.items.schema.keys import original_key, rendition_folder
from app.stores.cloudfront import SignedFolder, UrlSigner
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.times import Clock

OWNER_WINDOW = timedelta(hours=1)
VIEWER_WINDOW = timedelta(minutes=10)
MAX_VIDEO_TIME = timedelta(hours=12)
"""Maximum validity of a video's URLs beyond the window, so that playback can reach the end of the video."""
MAX_URL_LIFETIME = 2 * OWNER_WINDOW + MAX_VIDEO_TIME
ORIGINAL_URL_LIFETIME = timedelta(minutes=10)
_ORIGINAL_WINDOW = timedelta(minutes=1)
_CACHED_FOLDERS = 10_000
"""About 1 KB each; enough for a hundred pages of a gallery."""


class Audience(StrEnum):
    """The recipient of URLs. A viewer's access can be revoked by the owner, so a viewer's URLs expire sooner."""

    OWNER = "owner"
    VIEWER = "viewer"

    @property
    def window(self) -> timedelta:
        """The period within which all processes issue the same URL."""
        return OWNER_WINDOW if self is Audience.OWNER else VIEWER_WINDOW


class Delivery:
    """Issue signed URLs. Expiry times are rounded to windows, so that all processes issue the same URL and browsers
    can cache it.

    Revoking access affects new URLs only: an issued URL stays valid until it expires.
    """

    def __init__(self, signer: UrlSigner, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock
        self._folders = {audience: _Folders(audience.window) for audience in Audience}

    def sign_with(self, signer: UrlSigner) -> None:
        """Sign with another key from now on. URLs already issued stay valid."""
        self._signer = signer
        for folders in self._folders.values():
            folders.clear()

    def rendition_folder(self, account: AccountId, item: ItemId, audience: Audience = Audience.OWNER) -> SignedFolder:
        """Sign the folder with all renditions of the item. The signature is valid until the end of the next window,
        that is for one to two windows."""
        return self._folders[audience].get(self._signer, rendition_folder(account, item), self._clock())

    def sign_folders(self, items: Iterable[tuple[AccountId, ItemId]], audience: Audience) -> None:
        """Sign the folders of a page's items together, which costs less than one by one in `rendition_folder`."""
        folders = [rendition_folder(account, item) for account, item in items]
        self._folders[audience].sign(self._signer, folders, self._clock())

    def video_url_expiry(self, duration_seconds: float, audience: Audience = Audience.OWNER) -> datetime:
        """Return when playback that starts now must end: the end of the next window plus twice the duration."""
        extra = min(timedelta(seconds=ceil(2 * duration_seconds)), MAX_VIDEO_TIME)
        return _window(self._clock(), audience.window) + 2 * audience.window + extra

    def video_folder(self, account: AccountId, item: ItemId, ends_at: datetime) -> SignedFolder:
        """Sign the folder with all files that a player requests."""
        return self._signer.sign_folder(rendition_folder(account, item), expires_at=ends_at)

    def original(self, account: AccountId, item: ItemId) -> tuple[str, datetime]:
        """Return the exact URL of the original and its expiry, 9 to 10 minutes from now; the same URL within a
        minute."""
        return self.object(original_key(account, item))

    def object(self, key: str) -> tuple[str, datetime]:
        """Return the exact URL of any other private object and its expiry, with the validity of an original's."""
        expires_at = _window(self._clock(), _ORIGINAL_WINDOW) + ORIGINAL_URL_LIFETIME
        return self._signer.sign_object(key, expires_at=expires_at), expires_at


class _Folders:
    """Cache of the folders signed in the current window."""

    def __init__(self, length: timedelta) -> None:
        self._length = length
        self._began = self._ends = datetime.min.replace(tzinfo=UTC)
        self._signed: dict[str, SignedFolder] = {}

    def get(self, signer: UrlSigner, folder: str, now: datetime) -> SignedFolder:
        self._move_to(now)
        signed = self._signed.get(folder)
        if signed is None:
            self.sign(signer, [folder], now)
            signed = self._signed[folder]
        return signed

    def sign(self, signer: UrlSigner, folders: Iterable[str], now: datetime) -> None:
        """Sign those folders that are not signed yet."""
        self._move_to(now)
        missing = list(dict.fromkeys(folder for folder in folders if folder not in self._signed))
        if len(self._signed) + len(missing) > _CACHED_FOLDERS:
            self._signed.clear()
        signed = signer.sign_folders(missing, expires_at=self._ends + self._length)
        self._signed.update(zip(missing, signed, strict=True))

    def _move_to(self, now: datetime) -> None:
        if not self._began <= now < self._ends:
            self._began = _window(now, self._length)
            self._ends = self._began + self._length
            self._signed.clear()

    def clear(self) -> None:
        self._signed.clear()


def _window(now: datetime, length: timedelta) -> datetime:
    """Return the start of the window that contains `now`. Windows are counted from 1970, so every process computes
    the same one."""
    seconds = int(length.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)
