"""Access to other accounts' items, through the albums that contain them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.access.schema.values import AlbumRow, Facts, Placement
from app.access.service.access import AccessService
from app.accounts.service.accounts import AccountService
from app.identity import Member, ShareVisitor, Viewer
from app.items.service.access import Access, Rights
from app.items.service.items import ItemService, is_viewable
from darkroom_shared.ids import ItemId

_OWNER = Rights(edit=True, original=True)


class SharedItems:
    """Members of an album, and visitors with a link to it, may view its items but not edit them."""

    def __init__(self, access: AccessService, items: ItemService, accounts: AccountService) -> None:
        self._access, self._items, self._accounts = access, items, accounts

    async def access(self, viewer: Viewer, item: ItemId) -> Access | None:
        """Return None if the viewer sees the item in no album, or if it is not viewable."""
        return (await self.access_many(viewer, [item])).get(item)

    async def access_many(self, viewer: Viewer, items: Sequence[ItemId]) -> dict[ItemId, Access]:
        """Return the items that the viewer sees in any album, including the viewer's own."""
        placements = await self._access.placements(items)
        facts = await self._facts(viewer, placements)
        rights = {item: granted for item, placed in placements.items() if (granted := _rights(viewer, placed, facts))}
        rows = await self._items.get_of_any([(placements[item][0].owner_id, item) for item in rights])
        return {
            item: Access(row, rights[item], viewer)
            for item, row in rows.items()
            if rights[item].edit or is_viewable(row)
        }

    async def _facts(self, viewer: Viewer, placements: Mapping[ItemId, Sequence[Placement]]) -> Facts:
        each = [placement for placed in placements.values() for placement in placed]
        membership_ids = [(placement.album_id, placement.owner_id) for placement in each]
        if isinstance(viewer, Member):
            membership_ids += [(placement.album_id, viewer.account_id) for placement in each]
        facts = await self._access.facts([placement.album_id for placement in each], membership_ids)
        return facts if isinstance(viewer, Member) else await self._without_closed(facts)

    async def _without_closed(self, facts: Facts) -> Facts:
        """Drop albums whose owner has closed the account: their links end when it is closed, before the erasure."""
        open_accounts = await self._accounts.names([album.owner_id for album in facts.albums.values()])
        albums = {album_id: album for album_id, album in facts.albums.items() if album.owner_id in open_accounts}
        return replace(facts, albums=albums)


def _rights(viewer: Viewer, placements: Sequence[Placement], facts: Facts) -> Rights | None:
    """Return the union of the rights that the albums grant."""
    opened = [each for each in placements if facts.grants_access(each) and _opens(viewer, each, facts)]
    if not opened:
        return None
    if isinstance(viewer, Member) and viewer.account_id == opened[0].owner_id:
        return _OWNER
    return Rights(
        edit=False, original=any(allows_original(facts.albums[each.album_id], each, viewer) for each in opened)
    )


def _opens(viewer: Viewer, placement: Placement, facts: Facts) -> bool:
    match viewer:
        case Member(account_id):
            return (placement.album_id, account_id) in facts.memberships
        case ShareVisitor(album_id=album):
            return placement.album_id == album


def allows_original(album: AlbumRow, placement: Placement, viewer: Viewer) -> bool:
    """Return whether the viewer, who can see the item in the album, may fetch its original.

    For the originals of the album's owner, the album's `originals_allowed` decides for members, and the link for
    visitors. The present owner has set both: a transfer resets `originals_allowed` and ends the links. Revision 0009
    did so for transfers by earlier releases, except in an album that was back with its creator. Other members'
    originals need three consents: the placement was made while the album allowed originals, the album still allows
    them, and the visitor's link does, too.
    """
    own = placement.owner_id == album.owner_id
    consented = placement.original_allowed and album.originals_allowed
    match viewer:
        case Member():
            return album.originals_allowed if own else consented
        case ShareVisitor(download_allowed=allowed):
            return allowed and (own or consented)
