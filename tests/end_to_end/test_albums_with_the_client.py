"""The life of an album through the Python client and all processes: created, filled, shared with a member, and left."""

from contextlib import aclosing
from pathlib import Path

import pytest

from darkroom_client.client import DarkroomClient
from darkroom_shared.albums import CreateAlbum, EditAlbum, Role
from darkroom_shared.events import Event, EventType
from darkroom_shared.ids import AlbumId, ItemId
from darkroom_shared.problems import NotFound, Outdated
from tests.end_to_end.operator import enter
from tests.installation import Installation

PHOTO = Path(__file__).parents[1] / "media" / "files" / "orientation_1.jpg"


async def until_ready(client: DarkroomClient) -> None:
    async with aclosing(client.events(after=0)) as events:
        async for event in events:
            if isinstance(event, Event) and event.type is EventType.ITEM_READY:
                return


async def items_in(client: DarkroomClient, album: AlbumId) -> list[ItemId]:
    return [each.item.id async for each in client.albums.items(album)]


async def test_an_album_is_filled_and_shared_and_disappears_after_leaving(darkroom: Installation) -> None:
    async with DarkroomClient(darkroom.url) as owner, DarkroomClient(darkroom.url) as invitee:
        await enter(owner)
        await enter(invitee)
        photo = (await owner.upload(PHOTO)).item.id
        album = await owner.albums.create(CreateAlbum(title="Summer"))
        assert (await owner.albums.add(album.id, [photo])).added == (photo,)

        invitation = await owner.albums.invite(album.id, role=Role.VIEWER, label="for the viewer")
        assert (await invitee.albums.accept(invitation.token)).id == album.id
        assert [each.id async for each in invitee.albums.list()] == [album.id]
        assert {each.role async for each in owner.albums.members(album.id)} == {Role.OWNER, Role.VIEWER}

        before = await owner.albums.require(album.id)
        renamed = await owner.albums.edit(album.id, EditAlbum(title="Autumn"), expected_version=before.version)
        assert (await invitee.albums.require(album.id)).title == renamed.title == "Autumn"
        with pytest.raises(Outdated):
            await owner.albums.edit(album.id, EditAlbum(title="Winter"), expected_version=before.version)

        (leaving,) = [each.account_id async for each in owner.albums.members(album.id) if each.role is Role.VIEWER]
        await invitee.albums.remove_member(album.id, leaving)
        with pytest.raises(NotFound):
            await invitee.albums.require(album.id)

        assert (await owner.albums.remove(album.id, [photo])).removed == (photo,)
        assert await items_in(owner, album.id) == []
        await owner.albums.delete(album.id)
        assert [each async for each in owner.albums.list()] == []


async def test_a_member_sees_a_photo_as_soon_as_it_is_ready(darkroom: Installation) -> None:
    async with DarkroomClient(darkroom.url) as owner, DarkroomClient(darkroom.url) as invitee:
        await enter(owner)
        await enter(invitee)
        photo = (await owner.upload(PHOTO)).item
        album = await owner.albums.create(CreateAlbum(title="Summer"))
        await owner.albums.add(album.id, [photo.id])
        await invitee.albums.accept((await owner.albums.invite(album.id)).token)
        await until_ready(owner)
        results = [each.item async for each in invitee.albums.items(album.id)]
        assert [each.id for each in results] == [photo.id]
        assert all(rendition.url for rendition in results[0].renditions)
