"""Video playback: the playlists of a video, during and after processing, with signed URLs."""

from app.items.schema.keys import path_in_folder, playlist_file, rendition_key
from app.items.schema.row import ItemRow
from app.items.service.delivery import Audience, Delivery
from app.items.service.grants import Grant, PlaybackGrants
from app.items.service.playlists import main_playlist, signed_playlist
from app.items.store import ItemStore
from app.stores.s3 import ObjectStore
from app.stores.s3_parts import Absent
from darkroom_shared.ids import ItemId
from darkroom_shared.items import ItemState
from darkroom_shared.problems import NotFound, PlaylistGone
from darkroom_shared.times import Clock


class PlaybackService:
    """Issues playlists of videos. A grant in the URL replaces the session, because a player sends no headers."""

    def __init__(
        self, *, store: ItemStore, objects: ObjectStore, delivery: Delivery, grants: PlaybackGrants, clock: Clock
    ) -> None:
        self._store, self._objects, self._delivery = store, objects, delivery
        self._grants, self._clock = grants, clock

    def playlist_url(self, row: ItemRow, viewer: str | None = None) -> str | None:
        """Return the path of the main playlist including a grant, or None if the video is not playable yet."""
        if row.ladder is None:
            return None
        return f"/v1/items/{row.item_id}/hls/main.m3u8?grant={self._grants.write(self.grant(row, viewer))}"

    def grant(self, row: ItemRow, viewer: str | None = None) -> Grant:
        """Return a grant for the owner, or for `viewer`. It is the same within one window."""
        audience = Audience.VIEWER if viewer else Audience.OWNER
        ends_at = self._delivery.video_url_expiry(row.duration_seconds or 0, audience)
        return Grant(row.account_id, row.item_id, ends_at, viewer)

    def read_grant(self, item: ItemId, text: str) -> Grant | None:
        """Return the grant, or None if it is invalid or expired. For a viewer's grant the caller must still check the
        access."""
        return self._grants.read(item, text, self._clock())

    async def granted(self, grant: Grant) -> ItemRow | None:
        """Return the item of the grant, or None if it is deleted."""
        row = await self._store.get(grant.account_id, grant.item_id)
        return None if row is None or row.state is ItemState.DELETED else row

    def main(self, row: ItemRow, grant: Grant) -> str:
        """Return the main playlist. It names the media playlists of the current attempt by relative URLs. Raises
        NotFound."""
        ladder, text = row.ladder, self._grants.write(grant)
        if ladder is None:
            raise NotFound("It cannot be played yet.")
        return main_playlist(ladder, lambda rung: f"{ladder.attempt}/{playlist_file(rung)}?grant={text}")

    async def media(self, row: ItemRow, grant: Grant, attempt: int, rung: str) -> str:
        """Return the media playlist as far as it is written. Its signed URLs are valid until the grant ends and do
        not change while the list grows.

        Raises PlaylistGone if this attempt is no longer the current one, NotFound if the list does not exist (yet).
        """
        ladder = row.ladder
        if ladder is None or ladder.attempt != attempt:
            unfinished = row.state is ItemState.PROCESSING and attempt == row.attempt
            raise PlaylistGone if 1 <= attempt <= row.attempt and not unfinished else NotFound
        if rung not in {each.name for each in ladder.rungs}:
            raise NotFound
        key = rendition_key(row.account_id, row.item_id, ladder.recipe, attempt, playlist_file(rung))
        try:
            unsigned = await self._objects.read(key)
        except Absent as absent:
            raise PlaylistGone from absent
        folder = self._delivery.video_folder(row.account_id, row.item_id, grant.ends_at)
        return signed_playlist(
            unsigned.decode(),
            lambda file: folder.url(path_in_folder(ladder.recipe, attempt, file)),
            ended=row.state is ItemState.READY,
        )
