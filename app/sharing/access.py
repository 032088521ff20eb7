"""Foreign items, seen through the albums that they lie in."""

from app.items.access import Access, Rights
from app.items.service import ItemService
from app.sharing.service import SharingService
from app.sharing.values import AlbumRow, Facts, Placement
from app.viewer import Member, ShareVisitor, Viewer
from shared.ids import ItemId


class SharedItems:
    """Whoever is in an album, or holds a link to it, may see what lies in it, and edit none of it."""

    def __init__(self, sharing: SharingService, items: ItemService) -> None:
        self._sharing, self._items = sharing, items

    async def access(self, viewer: Viewer, item: ItemId) -> Access | None:
        """None when no album shows the item to them, or when there is nothing of it to be seen."""
        placements = await self._sharing.placements(item)
        if not placements:
            return None
        rights = _rights(viewer, placements, await self._facts(viewer, placements))
        row = await self._items.get_viewable(placements[0].owner_id, item) if rights else None
        return Access(row, rights, viewer) if row and rights else None

    async def _facts(self, viewer: Viewer, placements: tuple[Placement, ...]) -> Facts:
        seats = [(each.album_id, each.owner_id) for each in placements]
        if isinstance(viewer, Member):
            seats += [(each.album_id, viewer.account_id) for each in placements]
        return await self._sharing.facts([each.album_id for each in placements], seats)


def _rights(viewer: Viewer, placements: tuple[Placement, ...], facts: Facts) -> Rights | None:
    """The sum of what the albums grant."""
    opened = [each for each in placements if facts.counts(each) and _opens(viewer, each, facts)]
    if not opened:
        return None
    return Rights(
        edit=False, original=any(gives_original(facts.albums[each.album_id], each, viewer) for each in opened)
    )


def _opens(viewer: Viewer, placement: Placement, facts: Facts) -> bool:
    match viewer:
        case Member(account_id):
            return (placement.album_id, account_id) in facts.memberships
        case ShareVisitor(album_id=album):
            return placement.album_id == album


def gives_original(album: AlbumRow, placement: Placement, viewer: Viewer) -> bool:
    """Where the album shows the item to them: the album, or the link, gives out originals, and the item's owner agreed.

    The album's owner has agreed by saying so, others by adding while it was said.
    """
    agreed = placement.original_allowed or placement.owner_id == album.owner_id
    match viewer:
        case Member():
            return agreed and album.originals_allowed
        case ShareVisitor(download_allowed=allowed):
            return agreed and allowed
