"""Build the services that decide who may see what."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.access.service.access import AccessService
from app.access.service.album_changes import AlbumChanges
from app.access.service.shared_items import SharedItems
from app.access.store.access import AccessStore
from app.access.store.albums import AlbumStore
from app.access.store.members import MemberStore
from app.accounts.service.accounts import AccountService
from app.items.service.access import Grants, OwnItems
from app.items.service.items import ItemService
from app.services import Foundation


@dataclass(frozen=True, slots=True)
class AccessParts:
    """What the capabilities above use."""

    access: AccessService
    shared_items: SharedItems
    grants: Sequence[Grants]


def build_access_service(*, base: Foundation) -> AccessService:
    return AccessService(cache=base.cache, store=AccessStore(), albums=AlbumStore(), members=MemberStore())


def build_album_changes() -> AlbumChanges:
    return AlbumChanges(albums=AlbumStore(), members=MemberStore())


def build_access(*, base: Foundation, accounts: AccountService, items: ItemService) -> AccessParts:
    access = build_access_service(base=base)
    shared_items = SharedItems(access=access, items=items, accounts=accounts)
    return AccessParts(access=access, shared_items=shared_items, grants=(OwnItems(items), shared_items))
