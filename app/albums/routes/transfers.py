"""Transfer of an album to another member, over HTTP."""

from fastapi import APIRouter

from app.albums.routes.dependencies import Acceptance, Transfers
from app.albums.service.album_events import to_wire
from app.http.caller import Caller
from app.http.idempotency import Key
from darkroom_shared.albums import Album, AlbumTransfer, TransferAlbum
from darkroom_shared.ids import AlbumIdField

router = APIRouter(prefix="/albums/{album}/transfer", tags=["albums"])


@router.post("")
async def transfer_album(
    album: AlbumIdField, body: TransferAlbum, caller: Caller, transfers: Transfers, key: Key
) -> Album:
    """For the owner: offer the album to another member. Nothing changes until that member accepts, within seven days.

    Repeating the offer changes nothing. 409 while the album is offered to another account.
    """
    access = await transfers.offer(caller.account_id, album, body.account_id, key)
    return to_wire(access.album, access.role)


@router.get("")
async def get_transfer(album: AlbumIdField, caller: Caller, transfers: Transfers) -> AlbumTransfer:
    """Return the open offer, to the owner and the receiver. 404 for other members, or if there is none."""
    return (await transfers.require(caller.account_id, album)).to_wire()


@router.delete("", status_code=204)
async def end_transfer(album: AlbumIdField, caller: Caller, transfers: Transfers) -> None:
    """Withdraw the offer (owner) or decline it (receiver). 404 as for reading it."""
    await transfers.end(caller.account_id, album)


@router.post("/accept")
async def accept_transfer(album: AlbumIdField, caller: Caller, acceptance: Acceptance, key: Key) -> Album:
    """For the receiver of the offer, who becomes the owner. Repeated, it returns the same response.

    All share links and open invitations end, and `originals_allowed` becomes false until the new owner allows it. The
    previous owner stays as a contributor.
    """
    access = await acceptance.accept(caller.account_id, album, key)
    return to_wire(access.album, access.role)
