"""An album's share links over HTTP, for its owner."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.http.caller import Caller
from app.http.conditional import ExpectedVersion, version_tag
from app.http.dependencies import from_state
from app.http.idempotency import refuse_key
from app.share_links.schema.links import ShareRow
from app.share_links.service.reads import ShareReads
from app.share_links.service.share_links import ShareLinkService
from darkroom_shared.ids import AlbumIdField, ShareIdField
from darkroom_shared.sharing import CreatedShare, CreateShare, EditShare, Share, SharePage

router = APIRouter(prefix="/albums/{album}/shares", tags=["sharing"])


Reads = Annotated[ShareReads, from_state("album_share_reads", ShareReads)]
Shares = Annotated[ShareLinkService, from_state("album_shares", ShareLinkService)]


@router.post("", status_code=201, dependencies=[Depends(refuse_key)])
async def create_share(
    album: AlbumIdField, body: CreateShare, caller: Caller, shares: Shares, response: Response
) -> CreatedShare:
    """Create a link that opens the album to every holder of its token. Only this response has the token."""
    row, token = await shares.create(caller.account_id, album, body)
    response.headers["Location"] = f"/v1/albums/{album}/shares/{row.id}"
    response.headers["Cache-Control"] = "no-store"
    return CreatedShare(share=_to_wire(row, response), token=token)


@router.get("")
async def list_shares(album: AlbumIdField, caller: Caller, reads: Reads) -> SharePage:
    """List the newest first."""
    return SharePage(shares=tuple(row.to_wire() for row in await reads.list(caller.account_id, album)))


@router.get("/{share}")
async def get_share(
    album: AlbumIdField, share: ShareIdField, caller: Caller, reads: Reads, response: Response
) -> Share:
    return _to_wire(await reads.require(caller.account_id, album, share), response)


@router.patch("/{share}")
async def change_share(
    album: AlbumIdField,
    share: ShareIdField,
    body: EditShare,
    caller: Caller,
    shares: Shares,
    expected: ExpectedVersion,
    response: Response,
) -> Share:
    """Change expiry, password, label or originals. A new password locks out visitors who entered the old one."""
    return _to_wire(await shares.change(caller.account_id, album, share, body, expected), response)


@router.delete("/{share}", status_code=204)
async def revoke_share(album: AlbumIdField, share: ShareIdField, caller: Caller, shares: Shares) -> None:
    """Revoke the link. Media URLs that were issued before expire after at most twenty minutes, a video's later."""
    await shares.revoke(caller.account_id, album, share)


def _to_wire(row: ShareRow, response: Response) -> Share:
    response.headers["ETag"] = version_tag(row.version)
    return row.to_wire()
