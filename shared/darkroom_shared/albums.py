"""Albums on the wire: albums, their items, members and invitations."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from darkroom_shared.ids import AccountIdField, AlbumIdField, InvitationIdField, ItemIdField
from darkroom_shared.items import Item
from darkroom_shared.times import Moment
from darkroom_shared.wire import Request, Response

TITLE_CHARACTERS = 200
DESCRIPTION_CHARACTERS = 2_000
LABEL_CHARACTERS = 320
MAX_ITEMS_PER_REQUEST = 500
MAX_ITEMS = 100_000
"""In one album."""
MAX_MEMBERS = 500


class AlbumOrder(StrEnum):
    CAPTURED = "captured"
    """Oldest first."""
    MANUAL = "manual"


class Role(StrEnum):
    """What a member may do: a viewer sees, comments and leaves; a contributor also adds own items; the owner does the
    rest.
    """

    OWNER = "owner"
    CONTRIBUTOR = "contributor"
    VIEWER = "viewer"


AssignableRole = Literal[Role.CONTRIBUTOR, Role.VIEWER]
Title = Annotated[str, StringConstraints(min_length=1, max_length=TITLE_CHARACTERS, strip_whitespace=True)]
Description = Annotated[str, StringConstraints(max_length=DESCRIPTION_CHARACTERS)]
ItemIds = Annotated[tuple[ItemIdField, ...], Field(min_length=1, max_length=MAX_ITEMS_PER_REQUEST)]


class CreateAlbum(Request):
    title: Title
    description: Description = ""
    order: AlbumOrder = AlbumOrder.CAPTURED
    originals_allowed: bool = Field(default=False, description="Whether members may fetch originals.")


class EditAlbum(Request):
    """Changes only the fields that are sent."""

    title: Title | None = None
    description: Description | None = None
    order: AlbumOrder | None = None
    originals_allowed: bool | None = None
    cover_item_id: ItemIdField | None = Field(default=None, description="An item of the album.")


class Album(Response):
    id: AlbumIdField
    title: str
    description: str
    order: AlbumOrder
    originals_allowed: bool = Field(
        description="Whether members may fetch originals: the album's owner's, and those added while it was allowed."
    )
    cover_item_id: ItemIdField | None
    item_count: int = Field(description="With those that their owners have in the trash.")
    owner_id: AccountIdField
    version: int = Field(description="Counts what its owner edits; for If-Match.")
    created_at: Moment
    role: Role | None = Field(default=None, description="The caller's role; absent in events.")


class AlbumPage(Response):
    albums: tuple[Album, ...]
    covers: tuple[Item, ...] = Field(description="The items that `cover_item_id` names, as far as they can be seen.")
    next_cursor: str | None


class AlbumItem(Response):
    item: Item
    owner_id: AccountIdField | None = Field(description="The item's owner; absent for visitors of a share.")
    added_at: Moment
    original: bool = Field(description="Whether the caller may fetch the original.")


class AlbumItemPage(Response):
    items: tuple[AlbumItem, ...]
    next_cursor: str | None


class AddItems(Request):
    """Adds the caller's own items. An item that is already in the album keeps its position."""

    ids: ItemIds


class AddedItems(Response):
    added: tuple[ItemIdField, ...] = Field(description="Also those that were in the album before.")
    absent: tuple[ItemIdField, ...] = Field(description="There are no such items, or they are not yours.")


class RemoveItems(Request):
    ids: ItemIds


class RemovedItems(Response):
    removed: tuple[ItemIdField, ...]
    absent: tuple[ItemIdField, ...] = Field(description="Not in the album, or not yours to remove.")


class MoveItems(Request):
    """Puts the items, in this order, before or after another item of the album."""

    ids: ItemIds
    before: ItemIdField | None = None
    after: ItemIdField | None = None

    @model_validator(mode="after")
    def _one_anchor(self) -> Self:
        if (self.before is None) == (self.after is None):
            raise ValueError("name either before or after")
        if (self.before or self.after) in self.ids:
            raise ValueError("an item cannot be put beside itself")
        return self


class Member(Response):
    account_id: AccountIdField
    name: str
    role: Role
    joined_at: Moment


class MemberPage(Response):
    members: tuple[Member, ...]
    next_cursor: str | None


class ChangeRole(Request):
    role: AssignableRole


class TransferAlbum(Request):
    """Names the member to whom the album is offered. Once they accept, the previous owner stays as a contributor."""

    account_id: AccountIdField


class AlbumTransfer(Response):
    """An offer that is not accepted yet."""

    album_id: AlbumIdField
    from_account_id: AccountIdField = Field(description="The owner, who may withdraw it.")
    to_account_id: AccountIdField = Field(description="The member who may accept or decline it.")
    offered_at: Moment
    expires_at: Moment


class CreateInvitation(Request):
    role: AssignableRole = Role.VIEWER
    label: Annotated[str, StringConstraints(max_length=LABEL_CHARACTERS)] = Field(
        default="", description="For whom; only to be recognised by, it grants nothing."
    )


class Invitation(Response):
    id: InvitationIdField
    role: Role
    label: str
    created_at: Moment
    expires_at: Moment


class NewInvitation(Response):
    invitation: Invitation
    token: str = Field(description="For one person, once; shown here and never again.")


class InvitationPage(Response):
    invitations: tuple[Invitation, ...]
    next_cursor: str | None


class AcceptInvitation(Request):
    token: Annotated[SecretStr, Field(max_length=200)]
