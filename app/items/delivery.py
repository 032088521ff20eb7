"""Which signed URLs an item's files get, and for how long."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import ceil

from app.items.keys import original_key, rendition_folder
from app.stores.cloudfront import SignedFolder, UrlSigner
from shared.ids import AccountId, ItemId
from shared.times import Clock

OWNER_WINDOW = timedelta(hours=1)
VIEWER_WINDOW = timedelta(minutes=10)
MAX_VIDEO_TIME = timedelta(hours=12)
"""What a long video gets at most beyond the window, so that a film begun can be seen to its end."""
MAX_URL_LIFE = 2 * OWNER_WINDOW + MAX_VIDEO_TIME
ORIGINAL_LIFE = timedelta(minutes=10)
_ORIGINAL_WINDOW = timedelta(minutes=1)
_REMEMBERED_FOLDERS = 10_000
"""Of about 1 KB each; a hundred pages of a gallery."""


class Audience(StrEnum):
    """Whom URLs are for: a viewer's may be ended by somebody else, so they are short."""

    OWNER = "owner"
    VIEWER = "viewer"

    @property
    def window(self) -> timedelta:
        return OWNER_WINDOW if self is Audience.OWNER else VIEWER_WINDOW


class Delivery:
    """Gives out URLs. Time is cut into windows, so that all processes give the same URL and browsers' caches hit.

    A URL given out lives to its end; revoking ends new ones.
    """

    def __init__(self, signer: UrlSigner, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock
        self._folders = {audience: _Folders(audience.window) for audience in Audience}

    def sign_with(self, signer: UrlSigner) -> None:
        """From now on with another key; URLs given out stay as they are."""
        self._signer = signer
        for folders in self._folders.values():
            folders.delete()

    def rendition_folder(self, account: AccountId, item: ItemId, audience: Audience = Audience.OWNER) -> SignedFolder:
        """One signature for all renditions of the item, valid to the end of the next window: for one to two of them."""
        return self._folders[audience].get(self._signer, rendition_folder(account, item), self._clock())

    def video_url_expiry(self, duration_seconds: float, audience: Audience = Audience.OWNER) -> datetime:
        """Until when whoever begins now may play: the end of the next window and twice the duration more."""
        extra = min(timedelta(seconds=ceil(2 * duration_seconds)), MAX_VIDEO_TIME)
        return _window(self._clock(), audience.window) + 2 * audience.window + extra

    def video_folder(self, account: AccountId, item: ItemId, ends_at: datetime) -> SignedFolder:
        """One signature for all that a player asks for."""
        return self._signer.sign_folder(rendition_folder(account, item), expires_at=ends_at)

    def original(self, account: AccountId, item: ItemId) -> tuple[str, datetime]:
        """The original's own exact URL and its end, 9 to 10 minutes from now: the same within a minute."""
        return self.object(original_key(account, item))

    def object(self, key: str) -> tuple[str, datetime]:
        """The exact URL of something else that is private, as long as an original's."""
        expires_at = _window(self._clock(), _ORIGINAL_WINDOW) + ORIGINAL_LIFE
        return self._signer.sign_object(key, expires_at=expires_at), expires_at


class _Folders:
    """What has been signed in the present window."""

    def __init__(self, length: timedelta) -> None:
        self._length = length
        self._began = self._ends = datetime.min.replace(tzinfo=UTC)
        self._signed: dict[str, SignedFolder] = {}

    def get(self, signer: UrlSigner, folder: str, now: datetime) -> SignedFolder:
        if not self._began <= now < self._ends:
            self._began = _window(now, self._length)
            self._ends = self._began + self._length
            self._signed.clear()
        signed = self._signed.get(folder)
        if signed is None:
            signed = signer.sign_folder(folder, expires_at=self._ends + self._length)
            if len(self._signed) >= _REMEMBERED_FOLDERS:
                self._signed.clear()
            self._signed[folder] = signed
        return signed

    def delete(self) -> None:
        self._signed.clear()


def _window(now: datetime, length: timedelta) -> datetime:
    """When the window that `now` lies in began; windows are counted from 1970, so every process has the same."""
    seconds = int(length.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)
