"""Which signed URLs an item's files get, and for how long."""

from datetime import UTC, datetime, timedelta
from math import ceil

from app.items.keys import original_key, rendition_folder
from app.stores.cloudfront import SignedFolder, UrlSigner
from shared.ids import AccountId, ItemId
from shared.times import Clock

OWNER_WINDOW = timedelta(hours=1)
MOST_FILM_TIME = timedelta(hours=12)
"""What a long video gets at most beyond the window, so that a film begun can be seen to its end."""
LONGEST_URL_LIFE = 2 * OWNER_WINDOW + MOST_FILM_TIME
ORIGINAL_LIFE = timedelta(minutes=10)
_ORIGINAL_WINDOW = timedelta(minutes=1)
_REMEMBERED_FOLDERS = 10_000
"""Of about 1 KB each; a hundred pages of a gallery."""


class Delivery:
    """Gives out URLs. Time is cut into windows, so that all processes give the same URL and browsers' caches hit.

    A URL given out lives to its end; revoking ends new ones.
    """

    def __init__(self, signer: UrlSigner, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock
        self._window_began = self._window_ends = self._folders_expire_at = datetime.min.replace(tzinfo=UTC)
        self._folders: dict[str, SignedFolder] = {}

    def sign_with(self, signer: UrlSigner) -> None:
        """From now on with another key; URLs given out stay as they are."""
        self._signer = signer
        self._folders.clear()

    def rendition_folder(self, account: AccountId, item: ItemId) -> SignedFolder:
        """One signature for all renditions of the item, valid to the end of the next window: for 1 to 2 hours."""
        if not self._window_began <= (now := self._clock()) < self._window_ends:
            self._enter_window(now)
        folder = rendition_folder(account, item)
        signed = self._folders.get(folder)
        if signed is None:
            signed = self._signer.sign_folder(folder, expires_at=self._folders_expire_at)
            if len(self._folders) >= _REMEMBERED_FOLDERS:
                self._folders.clear()
            self._folders[folder] = signed
        return signed

    def film_ends_at(self, duration_seconds: float) -> datetime:
        """Until when whoever begins now may play: the end of the next window and twice the duration more."""
        extra = min(timedelta(seconds=ceil(2 * duration_seconds)), MOST_FILM_TIME)
        return _window(self._clock(), OWNER_WINDOW) + 2 * OWNER_WINDOW + extra

    def film_folder(self, account: AccountId, item: ItemId, ends_at: datetime) -> SignedFolder:
        """One signature for all that a player asks for."""
        return self._signer.sign_folder(rendition_folder(account, item), expires_at=ends_at)

    def original(self, account: AccountId, item: ItemId) -> tuple[str, datetime]:
        """The original's own exact URL and its end, 9 to 10 minutes from now: the same within a minute."""
        return self.object(original_key(account, item))

    def object(self, key: str) -> tuple[str, datetime]:
        """The exact URL of something else that is private, as long as an original's."""
        expires_at = _window(self._clock(), _ORIGINAL_WINDOW) + ORIGINAL_LIFE
        return self._signer.sign_object(key, expires_at=expires_at), expires_at

    def _enter_window(self, now: datetime) -> None:
        self._window_began = _window(now, OWNER_WINDOW)
        self._window_ends = self._window_began + OWNER_WINDOW
        self._folders_expire_at = self._window_ends + OWNER_WINDOW
        self._folders.clear()


def _window(now: datetime, length: timedelta) -> datetime:
    """When the window that `now` lies in began; windows are counted from 1970, so every process has the same."""
    seconds = int(length.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)
