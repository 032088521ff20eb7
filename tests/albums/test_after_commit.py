"""The response to a change is built from what its transaction read: a database that is lost then does not fail it."""

from dataclasses import dataclass, replace

import pytest

from app.access.wiring import build_access
from app.accounts.schema.values import AccountRow
from app.accounts.service.accounts import AccountService
from app.accounts.store.accounts import AccountStore
from app.albums.wiring import AlbumServices, build_albums
from app.pagination import Cursors
from app.share_links.wiring import build_album_links
from app.stores.cache.cache import Cache
from darkroom_process.secret_file import Secret
from darkroom_shared.albums import CreateAlbum, CreateInvitation, Role
from darkroom_shared.ids import AccountId, new_account_id
from tests.albums.album_services import NO_HASH, NOON
from tests.database_faults import unreachable_after_commit
from tests.services import Services


@dataclass(frozen=True, slots=True)
class Uncached:
    """Services without Redis, so that every read is a statement."""

    accounts: AccountService
    albums: AlbumServices

    async def account(self) -> AccountId:
        row = AccountRow(id_ := new_account_id(), f"{id_.lower()}@example.org", False, NOON)
        return (await self.accounts.add(row, NO_HASH)).id


@pytest.fixture
async def uncached(services: Services) -> Uncached:
    clients = replace(services.base.clients, cache=Cache(services.base.database))
    base = replace(services.base, clients=clients)
    accounts = AccountService(store=AccountStore(base.database), cache=base.cache)
    albums = build_albums(
        base=base,
        access=build_access(base=base, accounts=accounts, items=services.items),
        accounts=accounts,
        items=services.items,
        representation=services.representation,
        links=build_album_links(base=base),
        cursors=Cursors(Secret(b"s" * 32)),
    )
    return Uncached(accounts, albums)


async def test_a_renamed_account_is_returned_without_a_further_read(uncached: Uncached) -> None:
    account = await uncached.account()
    with unreachable_after_commit():
        renamed = await uncached.accounts.rename(account, "Ada")
    assert renamed == await uncached.accounts.require(account)
    assert renamed.name == "Ada"


async def test_a_new_role_is_returned_without_a_further_read(uncached: Uncached) -> None:
    owner, member, albums = await uncached.account(), await uncached.account(), uncached.albums
    album = (await albums["album_creation"].create(owner, CreateAlbum(title="Summer"), None)).album.id
    invited = await albums["invitations"].create(owner, album, CreateInvitation(role=Role.VIEWER))
    await albums["joining"].accept(member, invited.token)
    with unreachable_after_commit():
        changed = await albums["members"].give_role(owner, album, member, Role.CONTRIBUTOR)
    assert (changed.role, changed.name) == (Role.CONTRIBUTOR, member.lower())
    assert changed in (await albums["member_lists"].list(owner, album, None, 10)).members
