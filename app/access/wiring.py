"""Build the services that decide who may see what."""

from dataclasses import dataclass

from app.access.service.access import SharingService
from app.access.service.shared_items import SharedItems
from app.access.store.access import SharingStore
from app.access.store.albums import AlbumStore
from app.accounts.service.accounts import AccountService
from app.items.service.items import ItemService
from app.services import Foundation


@dataclass(frozen=True, slots=True)
class AccessParts:
    """What the capabilities above ask."""

    sharing: SharingService
    shared_items: SharedItems


def build_access(*, base: Foundation, accounts: AccountService, items: ItemService) -> AccessParts:
    sharing = SharingService(cache=base.cache, store=SharingStore(), albums=AlbumStore())
    return AccessParts(sharing=sharing, shared_items=SharedItems(sharing=sharing, items=items, accounts=accounts))
