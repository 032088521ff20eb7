"""Share links to albums on the wire: what an owner creates, and what a visitor without an account sees."""

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from darkroom_shared.ids import AlbumIdField, ShareIdField
from darkroom_shared.times import Moment
from darkroom_shared.wire import Request, Response

SHARE_HEADER = "Darkroom-Share"
"""Carries the link's token, which is never part of a path or a query."""
PROOF_HEADER = "Darkroom-Share-Proof"
"""Carries the proof that `POST /shared/unlock` returns, if the link has a password."""

MAX_SHARES = 100
"""Of one album."""

ShareLabel = Annotated[str, StringConstraints(max_length=200)]
SharePassword = Annotated[SecretStr, Field(min_length=6, max_length=256)]


class CreateShare(Request):
    label: ShareLabel = Field(
        default="", description="What the owner will recognise the link by; visitors do not see it."
    )
    expires_at: Moment | None = Field(default=None, description="From then on it opens nothing; null: never.")
    password: SharePassword | None = None
    download_allowed: bool = Field(default=False, description="Whether visitors may fetch originals.")


class EditShare(Request):
    """Changes only the fields that are sent. Null removes `expires_at` or `password`."""

    label: ShareLabel | None = None
    expires_at: Moment | None = None
    password: SharePassword | None = None
    download_allowed: bool | None = None


class Share(Response):
    id: ShareIdField
    album_id: AlbumIdField
    label: str
    created_at: Moment
    expires_at: Moment | None
    password_needed: bool
    download_allowed: bool
    version: int = Field(description="Counts edits; the ETag.")


class CreatedShare(Response):
    share: Share
    token: str = Field(description="Shown once. The address for visitors is `/s#` and this token.")


class SharePage(Response):
    """All links of the album, newest first, including expired ones."""

    shares: tuple[Share, ...]


class UnlockShare(Request):
    password: Annotated[SecretStr, Field(max_length=256)]


class UnlockedShare(Response):
    proof: str = Field(description=f"To be sent in the header {PROOF_HEADER}. A changed password voids it.")
    expires_at: Moment


class SharedAlbum(Response):
    """An album as visitors with a link see it."""

    title: str
    description: str
    owner_name: str
    item_count: int
    download_allowed: bool
    expires_at: Moment | None
