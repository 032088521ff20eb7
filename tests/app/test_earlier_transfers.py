"""Revision 0009 ends what the previous owner of an album had opened, where an earlier release transferred it."""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, MetaData, Table

from app.access.schema.keys import album_key
from app.migrations.run import migrate
from app.share_links.schema.links import key_of_id, key_of_token
from app.stores.aurora import Database
from darkroom_shared.albums import Album
from darkroom_shared.ids import AlbumId, ShareId, new_account_id, new_album_id, new_invitation_id, new_share_id
from darkroom_shared.sharing import Share
from tests.app.full_tables import contents

CREATED = datetime(2026, 11, 1, 12, 0, 0, 123456)  # noqa: DTZ001 - the column stores a naive datetime
CREATOR, RECEIVER, VIEWER = (new_account_id() for _ in range(3))
Rows = dict[str, list[dict[str, Any]]]


def _album(owner: str) -> dict[str, Any]:
    return {
        "id": new_album_id(), "owner_id": owner, "title": "Summer", "description": "", "item_order": "captured",
        "originals_allowed": True, "item_count": 0, "version": 3, "items_version": 1, "created_at": CREATED,
    }  # fmt: skip


def _members(album: dict[str, Any]) -> list[dict[str, Any]]:
    """As the earlier release left them: a transfer exchanged the roles only."""
    joined = {CREATOR: CREATED, RECEIVER: CREATED + timedelta(microseconds=1), VIEWER: CREATED + timedelta(days=1)}
    row = {"album_id": album["id"], "since_version": 1}
    roles = {account: "owner" if account == album["owner_id"] else "contributor" for account in joined}
    return [
        row | {"account_id": account, "role": roles[account], "joined_at": moment} for account, moment in joined.items()
    ]


def _link(album: dict[str, Any], **values: object) -> dict[str, Any]:
    share = new_share_id()
    row = {"id": share, "album_id": album["id"], "token_hash": share, "label": "", "version": 1, "created_at": CREATED}
    return row | {"download_allowed": True, "password_hash": None, "expires_at": None} | values


def _invitation(album: dict[str, Any], accepted_by: str | None) -> dict[str, Any]:
    invitation = new_invitation_id()
    row = {"id": invitation, "album_id": album["id"], "token_hash": invitation, "role": "viewer", "label": ""}
    return row | {"created_at": CREATED, "expires_at": CREATED + timedelta(days=7), "accepted_by": accepted_by}


def _insert(connection: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    connection.execute(Table(table, MetaData(), autoload_with=connection).insert(), rows)


async def migrated(database_url: str, *albums: dict[str, Any]) -> tuple[list[dict[str, Any]], Rows]:
    """Migrate a database with the albums to 0009; return their links before it, and all rows after it."""
    links = [link for each in albums for link in (_link(each), _link(each, password_hash="hash", expires_at=CREATED))]
    await migrate(database_url, "0008")
    database = Database(database_url)
    async with database.writer.write() as connection:
        await connection.run_sync(_insert, "albums", list(albums))
        await connection.run_sync(_insert, "album_members", [row for each in albums for row in _members(each)])
        await connection.run_sync(_insert, "share_links", links)
        invitations = [_invitation(each, accepted_by) for each in albums for accepted_by in (None, VIEWER)]
        await connection.run_sync(_insert, "invitations", invitations)
    await migrate(database_url, "0009")
    async with database.writer.write() as connection:
        rows = await connection.run_sync(contents)
    await database.close()
    return links, {table: [dict(row) for row in rows[table]] for table in rows}


def _of(album: dict[str, Any], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["album_id"] == album["id"]]


async def test_what_the_previous_owner_opened_ends_and_all_else_stays(empty_database_url: str) -> None:
    transferred, own = _album(RECEIVER), _album(CREATOR)
    _, rows = await migrated(empty_database_url, transferred, own)
    albums = {row["id"]: (bool(row["originals_allowed"]), row["version"]) for row in rows["albums"]}
    assert albums == {transferred["id"]: (False, 4), own["id"]: (True, 3)}
    assert (_of(transferred, rows["share_links"]), len(_of(own, rows["share_links"]))) == ([], 2)
    assert [row["accepted_by"] for row in _of(transferred, rows["invitations"])] == [VIEWER]
    assert len(_of(own, rows["invitations"])) == 2
    assert len(rows["album_members"]) == 6


async def test_the_relays_invalidate_the_cached_values(empty_database_url: str) -> None:
    album = _album(RECEIVER)
    links, rows = await migrated(empty_database_url, album)
    [row] = rows["cache_outbox"]
    keys = [key for link in links for key in (key_of_token(link["token_hash"]), key_of_id(ShareId(link["id"])))]
    assert set(json.loads(row["keys"])) == {album_key(AlbumId(album["id"])).name, *(key.name for key in keys)}


async def test_the_members_receive_the_edit_and_the_owner_each_revoked_link(empty_database_url: str) -> None:
    links, rows = await migrated(empty_database_url, album := _album(RECEIVER))
    events = [(row["account_id"], row["type"], row["subject"]) for row in rows["event_outbox"]]
    edits = [(account, "album.updated", album["id"]) for account in (CREATOR, RECEIVER, VIEWER)]
    assert sorted(events) == sorted(edits + [(RECEIVER, "share.revoked", link["id"]) for link in links])
    for row in rows["event_outbox"]:
        data = json.loads(row["data"])
        edited = row["type"] == "album.updated"
        assert data == (Album if edited else Share).model_validate(data).model_dump(mode="json", exclude={"role"})
        assert data["version"] == (4 if edited else 1)


async def test_a_database_without_such_albums_gets_no_rows(empty_database_url: str) -> None:
    _, rows = await migrated(empty_database_url, _album(CREATOR))
    assert rows["cache_outbox"] == rows["event_outbox"] == []
