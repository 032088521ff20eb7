"""The representation of items for a viewer: the wire model, its ETag, and signed URLs."""

from collections.abc import Sequence

from app.identity import Viewer
from app.items.schema.keys import original_key, path_in_folder
from app.items.schema.row import ItemRow, to_item
from app.items.service.delivery import Audience, Delivery
from app.items.service.items import HAVE_ORIGINAL, is_visible
from app.items.service.playback import PlaybackService
from app.stores.cloudfront import SignedFolder
from app.stores.s3 import ObjectStore
from darkroom_shared.items import Item, OriginalUrl
from darkroom_shared.problems import WrongState
from darkroom_shared.times import to_rfc3339

_OWNERS_ONLY = {"digest": None, "deadline": None}
"""Hidden from other viewers: the digest of the file and the deadline of its processing."""


class ItemRepresentation:
    def __init__(self, *, objects: ObjectStore, delivery: Delivery, playback: PlaybackService) -> None:
        self._objects, self._delivery, self._playback = objects, delivery, playback

    def to_wire(self, row: ItemRow, viewer: Viewer | None = None) -> Item:
        """Return the wire model with signed URLs, for the owner or for `viewer`."""
        item = to_item(row) if viewer is None else to_item(row).model_copy(update=_OWNERS_ONLY)
        if row.result is None:
            return item
        folder = self._folder(row, viewer)
        result = row.result
        renditions = tuple(
            rendition.model_copy(update={"url": folder.url(path_in_folder(*result.folder_of(stored), stored.file))})
            for rendition, stored in zip(item.renditions, result.renditions, strict=True)
        )
        signed = {"renditions": renditions, "urls_expire_at": folder.expires_at}
        playlist = self._playback.playlist_url(row, viewer.name if viewer else None) if is_visible(row) else None
        return item.model_copy(update=signed | {"playlist_url": playlist})

    def all_to_wire(self, seen: Sequence[tuple[ItemRow, Viewer | None]]) -> tuple[Item, ...]:
        """Return the wire models of a page, like `to_wire`."""
        for audience in Audience:
            items = [
                (row.account_id, row.item_id) for row, viewer in seen if row.result and _audience(viewer) is audience
            ]
            self._delivery.sign_folders(items, audience)
        return tuple(self.to_wire(row, viewer) for row, viewer in seen)

    def tag(self, row: ItemRow, viewer: Viewer | None = None) -> str:
        """Return the ETag: first the version, which If-Match refers to, then everything else that changes the
        representation."""
        window = ""
        if row.result is not None:
            window = to_rfc3339(self._folder(row, viewer).expires_at)
        return f'"{row.version}-{row.revision}-{window}"'

    def _folder(self, row: ItemRow, viewer: Viewer | None) -> SignedFolder:
        return self._delivery.rendition_folder(row.account_id, row.item_id, _audience(viewer))

    async def original(self, row: ItemRow) -> OriginalUrl:
        """Return a signed URL of the original. Raises WrongState if there is no original (yet)."""
        if (
            row.state not in HAVE_ORIGINAL
            and await self._objects.head(original_key(row.account_id, row.item_id)) is None
        ):
            raise WrongState("There is no original.", state=row.state)
        url, expires_at = self._delivery.original(row.account_id, row.item_id)
        return OriginalUrl(url=url, expires_at=expires_at)


def _audience(viewer: Viewer | None) -> Audience:
    return Audience.OWNER if viewer is None else Audience.VIEWER
